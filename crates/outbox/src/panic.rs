//! Alert of panics: [`install`].

use std::sync::Arc;

use watchfire_core::process::{self, OnPanic};

use crate::{Outbox, worker::shared::Shared};

/// Installs a panic hook, in front of the one that is there, that alerts all channels of `outbox` of each panic:
/// message, place, thread, stack and the spans the thread is in.
///
/// Where the outbox has a spool, the alert is on the disk when the hook returns, by one `fsync`: it survives
/// `panic = "abort"` and the end of the process, and the next start, or another process with the same spool, says that
/// the process died. Without a spool it goes through the queue, and an abort loses it.
///
/// The process itself says it a second after the hook has returned, or at once when the thread that panicked drops its
/// outbox while it unwinds, or the process ends in order: before that it may yet die of it, and the next start has more
/// to say. A program built with `panic = "abort"` leaves it to the next start. A hook installed later, in front of this
/// one, that takes longer than that second before it ends the process comes too late for that.
///
/// After the third panic at one place the rest is only counted, until the place has been quiet for five minutes; the
/// counts come in one message a minute. A panic of the main thread is critical, one of another thread an error.
/// Channels that were set up [`without_panics`](crate::Channel::without_panics) are left out.
///
/// Installing it twice for one outbox changes nothing, and an outbox that has ended is told of no panic any more. A hook
/// that is set later calls the one that was there (`std::panic::take_hook`), or takes this one away.
///
/// ```
/// use watchfire_outbox::Outbox;
/// let outbox = Outbox::start("shop")?;
/// watchfire_outbox::panic::install(&outbox);
/// # Ok::<_, watchfire_core::ConfigError>(())
/// ```
pub fn install(outbox: &Outbox) {
    let weak = Arc::<Shared>::downgrade(outbox.shared());
    let listener: std::sync::Weak<dyn OnPanic> = weak;
    process::on_panic(listener);
}
