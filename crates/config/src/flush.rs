//! Flush several handlers at the same time, so that one that hangs takes no time from the others.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Instant,
};

use watchfire_core::{Flushed, Handler, clock};

/// Flushes handlers until `deadline`, each on a thread, while `here` runs on this one. Returns how both ended.
///
/// A handler that hangs past the deadline is left behind.
pub(crate) fn at_once<T>(
    handlers: Vec<Arc<dyn Handler>>,
    deadline: Instant,
    here: impl FnOnce() -> T,
) -> (Flushed, T) {
    let (send, ended) = mpsc::channel();
    let mut running = 0_usize;
    let mut without_thread = Vec::new();
    for handler in handlers {
        let (flushes, send) = (Arc::clone(&handler), send.clone());
        let flush = move || send.send(flushes.flush(deadline)).unwrap_or_default();
        match thread::Builder::new().name("watchfire-flush".to_owned()).spawn(flush) {
            Ok(_) => running += 1,
            Err(_) => without_thread.push(handler),
        }
    }
    drop(send);
    let done = here();
    let one_by_one = without_thread.iter().map(|handler| handler.flush(deadline));
    let mut all = one_by_one.fold(Flushed::Yes, Flushed::and);
    for _ in 0..running {
        // A flush that has ended counts, even if `here` took all the time. A handler that panicked does not answer.
        let left = deadline.saturating_duration_since(clock::instant());
        all = all.and(ended.recv_timeout(left).unwrap_or(Flushed::TimedOut));
    }
    (all, done)
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use watchfire_core::EventView;

    use super::*;

    /// A handler that takes all the time there is, or answers at once and notes how much it had.
    #[derive(Default)]
    struct Flushes {
        hangs: bool,
        panics: bool,
        left: Mutex<Option<Duration>>,
    }

    impl Handler for Flushes {
        fn handle(&self, _event: &EventView<'_>) {}

        fn flush(&self, deadline: Instant) -> Flushed {
            let left = || deadline.saturating_duration_since(clock::instant());
            *self.left.lock().unwrap() = Some(left());
            assert!(!self.panics, "a handler that panics");
            while self.hangs && !left().is_zero() {
                thread::park_timeout(left());
            }
            if self.hangs { Flushed::TimedOut } else { Flushed::Yes }
        }
    }

    #[test]
    fn a_handler_that_hangs_or_panics_takes_no_time_from_others() {
        let within = Duration::from_millis(200);
        for (hangs, panics) in [(true, false), (false, true), (false, false)] {
            let last = Arc::new(Flushes::default());
            let first: Arc<dyn Handler> = Arc::new(Flushes { hangs, panics, ..Flushes::default() });
            let began = clock::instant();
            let (flushed, done) = at_once(vec![first, last.clone()], began + within, || {
                if hangs {
                    thread::park_timeout(within);
                }
                7
            });
            let expected = if hangs || panics { Flushed::TimedOut } else { Flushed::Yes };
            assert_eq!((flushed, done), (expected, 7));
            assert!(began.elapsed() < within * 2, "{:?}", began.elapsed());
            let left = last.left.lock().unwrap().unwrap();
            assert!(left > within / 2, "{left:?} of {within:?} were left for the other");
        }
    }
}
