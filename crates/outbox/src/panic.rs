//! Panics as alerts: on by default, see [`install`].

use crate::Outbox;

/// Makes each panic of the process an alert for all channels, with message, place, thread, stack and the spans the thread
/// is in. An outbox does so from its start, unless it was started
/// [`without_panics`](crate::OutboxBuilder::without_panics).
///
/// Call it after a panic hook was set that does not call the one that was there (`std::panic::take_hook`): such a hook
/// takes ours away, and this puts it in front again. Calling it more often changes nothing.
///
/// Where the outbox has a spool, the alert is on the disk when the panic hook returns, by one `fsync`: it survives
/// `panic = "abort"` and the end of the process, and the next start, or another process with the same spool, says that
/// the process died. Without a spool it goes through the queue, and an abort loses it.
///
/// The process itself says it a second after the hook has returned, or at once when the thread that panicked drops its
/// outbox while it unwinds, or the process ends in order: before that it may yet die of it, and the next start has more
/// to say. A program built with `panic = "abort"` leaves it to the next start. A hook installed later, in front of this
/// one, that takes longer than that second before it ends the process comes too late for that.
///
/// One panic is one alert: what a hook that was there before logs of it, what `CatchPanicLayer` logs on the same thread,
/// and the second panic of a function that cannot unwind (`extern "C"`) are left out, and counted in
/// [`Stats::panics_logged_again`](crate::Stats::panics_logged_again) if they are events. Panics that watchfire itself
/// catches (in a `Debug`, a filter, a format, a sink) are not the program's and are not reported.
///
/// After the third panic at one place the rest is only counted, until the place has been quiet for five minutes; the
/// counts come in one message a minute. A panic of the main thread is critical, one of another thread an error.
/// Channels that were set up [`without_panics`](crate::Channel::without_panics) are left out.
///
/// The text is redacted by the rules of all handler layers of the program's subscriber. The same panic is an event, of the
/// target `panic`, for its other handlers: files, the console, handlers of your own.
///
/// ```
/// use watchfire_outbox::Outbox;
/// let outbox = Outbox::builder("shop").without_panics().start()?;
/// watchfire_outbox::panic::install(&outbox);
/// # Ok::<_, watchfire_core::ConfigError>(())
/// ```
pub fn install(outbox: &Outbox) {
    outbox.shared().panics.switch_on();
    watchfire_core::process::renew_panic_hook();
}
