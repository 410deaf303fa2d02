//! Wait for the spool: what is severe enough is in its folder before the call that reports it returns.

use std::{
    cell::Cell,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use watchfire_core::{Severity, clock};

/// A pause between two waits of a thread after which they belong to two events: the handlers of one event follow each
/// other within microseconds.
const PAUSE: Duration = Duration::from_millis(1);
/// How long the worker waits for the next channel of an event at most: on a busy machine the caller has to get its turn.
const NEXT_CHANNEL: Duration = Duration::from_millis(20);

thread_local! {
    /// The waits of this thread for its last event: when the last one ended, how long all took, and of which channels.
    static WAITS: Cell<Option<Waits>> = const { Cell::new(None) };
}

#[derive(Clone, Copy, Debug)]
struct Waits {
    ended: Instant,
    took: Duration,
    channels: u64,
}

/// The wait of callers for the spool.
#[derive(Debug)]
pub(crate) struct SpoolWait {
    /// From which severity on a caller waits; `None` for never, and without a spool.
    from: Option<Severity>,
    within: Duration,
    /// How often it was asked for, and up to which of these the worker is done.
    asked: AtomicU64,
    done: AtomicU64,
    /// How many threads are about to push an alert and wait for it, or wait already.
    announced: AtomicUsize,
    /// How many channels have got the latest event.
    reached: AtomicU32,
    /// Whether the spool took all of the last turn.
    is_safe: AtomicBool,
    turned: (Mutex<()>, Condvar),
    /// Alerts that were not in the spool in time.
    pub(crate) missed: AtomicU64,
}

/// The announcement of a thread that is about to wait.
#[must_use = "dropping it takes it back"]
pub(crate) struct Announced<'a>(&'a SpoolWait);

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        let (lock, turned) = &self.0.turned;
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.announced.fetch_sub(1, Ordering::AcqRel);
        drop(guard);
        turned.notify_all();
    }
}

impl SpoolWait {
    pub(crate) fn new(from: Option<Severity>, within: Duration) -> Self {
        Self {
            from,
            within,
            asked: AtomicU64::new(0),
            done: AtomicU64::new(0),
            announced: AtomicUsize::new(0),
            reached: AtomicU32::new(0),
            is_safe: AtomicBool::new(true),
            turned: <(Mutex<()>, _)>::default(),
            missed: AtomicU64::new(0),
        }
    }

    pub(crate) fn is_for(&self, severity: Severity) -> bool {
        self.from.is_some_and(|from| severity >= from)
    }

    /// Waits until what this thread has pushed for a channel is in the spool, and counts it if it is not in time.
    ///
    /// All channels of one event share the time. `wake` has the worker begin, `is_over` says that it has ended.
    pub(crate) fn wait(&self, channel: usize, wake: impl FnOnce(), is_over: impl Fn() -> bool) {
        let began = clock::instant();
        let bit = 1_u64.rotate_left(u32::try_from(channel % 64).unwrap_or_default());
        let waits = WAITS.try_with(Cell::get).ok().flatten();
        let same = waits.filter(|waits| belongs(waits, bit, began));
        let before = same.map_or(Duration::ZERO, |waits| waits.took);
        let deadline = clock::after(began, self.within.saturating_sub(before));
        let channels = same.map_or(0, |waits| waits.channels) | bit;
        self.reached.store(channels.count_ones(), Ordering::Release);
        let number = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        wake();
        let is_done = || self.done.load(Ordering::Acquire) >= number;
        let (lock, turned) = &self.turned;
        let mut guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        // The worker may be waiting for this.
        turned.notify_all();
        while !is_done() && !is_over() {
            let left = deadline.saturating_duration_since(clock::instant());
            if left.is_zero() {
                break;
            }
            guard = turned.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(guard);
        if !is_done() || !self.is_safe.load(Ordering::Acquire) {
            self.missed.fetch_add(1, Ordering::AcqRel);
        }
        let ended = clock::instant();
        let took = before + ended.saturating_duration_since(began);
        WAITS.try_with(|waits| waits.set(Some(Waits { ended, took, channels }))).unwrap_or_default();
    }

    /// Returns up to which number is asked for, if the worker is not done with it. To be read before the queue is taken.
    pub(crate) fn asked(&self) -> Option<u64> {
        let asked = self.asked.load(Ordering::Acquire);
        (asked > self.done.load(Ordering::Acquire)).then_some(asked)
    }

    /// Says that this thread is about to push an alert that it waits for, until the guard is dropped: the worker, which
    /// the push wakes, does not begin to wait for the disk before it is asked.
    pub(crate) fn announce(&self, severity: Severity) -> Option<Announced<'_>> {
        self.is_for(severity).then(|| {
            self.announced.fetch_add(1, Ordering::AcqRel);
            Announced(self)
        })
    }

    /// Waits a moment for those who are about to ask, and, `after_one`, for the next channel of its event, of which there
    /// are `channels`. Returns up to which number is asked for.
    pub(crate) fn wait_for_next(&self, after_one: bool, channels: usize) -> Option<u64> {
        let is_awaited = || {
            let reached = usize::try_from(self.reached.load(Ordering::Acquire)).unwrap_or(usize::MAX);
            self.announced.load(Ordering::Acquire) > 0 || (after_one && reached < channels)
        };
        if !is_awaited() {
            return self.asked();
        }
        let until = clock::after(clock::instant(), NEXT_CHANNEL.min(self.within));
        let (lock, turned) = &self.turned;
        let mut guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let asked = self.asked();
            let left = until.saturating_duration_since(clock::instant());
            if asked.is_some() || left.is_zero() || !is_awaited() {
                return asked;
            }
            guard = turned.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Says that all up to a number is in the folder, or that the disk did not take it.
    pub(crate) fn finish(&self, number: u64, is_safe: bool) {
        let (lock, turned) = &self.turned;
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_safe.store(is_safe, Ordering::Release);
        self.done.store(number, Ordering::Release);
        drop(guard);
        turned.notify_all();
    }
}

/// Tells whether a wait for the channel `bit` is for the same event as the waits before: each channel gets an event once.
fn belongs(waits: &Waits, bit: u64, now: Instant) -> bool {
    waits.channels & bit == 0 && now.saturating_duration_since(waits.ended) < PAUSE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_of_one_event_share_its_time_and_events_do_not() {
        let now = clock::instant();
        let waits = Waits { ended: now, took: Duration::from_millis(5), channels: 0b01 };
        // (channel, after how many microseconds, is of the same event)
        for (bit, micros, same) in [(0b10, 5, true), (0b01, 5, false), (0b10, 1_000, false)] {
            assert_eq!(belongs(&waits, bit, now + Duration::from_micros(micros)), same, "{bit} {micros}");
        }
    }

    #[test]
    fn a_hanging_disk_delays_one_event_once_and_is_counted() {
        let within = Duration::from_millis(20);
        let sync = SpoolWait::new(Some(Severity::Critical), within);
        let began = clock::instant();
        (0..6).for_each(|channel| sync.wait(channel, || (), || false));
        assert!(began.elapsed() >= within);
        assert!(began.elapsed() < within * 4, "{:?}: not six times", began.elapsed());
        assert_eq!(sync.missed.load(Ordering::Acquire), 6);
    }

    #[test]
    fn a_caller_goes_on_when_the_disk_has_it_or_refuses_it() {
        for (is_safe, missed) in [(true, 0), (false, 1)] {
            let sync = SpoolWait::new(Some(Severity::Error), Duration::MAX);
            sync.wait(0, || sync.finish(sync.asked().unwrap(), is_safe), || false);
            assert_eq!(sync.missed.load(Ordering::Acquire), missed);
            assert_eq!(sync.asked(), None);
        }
        let sync = SpoolWait::new(Some(Severity::Error), Duration::MAX);
        sync.wait(0, || (), || true);
        assert_eq!(sync.missed.load(Ordering::Acquire), 1, "the worker has ended");
    }

    #[test]
    fn the_worker_waits_for_those_who_are_about_to_ask() {
        // Whether somebody announced it, an event was just finished, channels that have it of three, is it waited for.
        let cases = [
            (false, false, 1, false),
            (false, true, 3, false),
            (false, true, 1, true),
            (true, false, 3, true),
        ];
        for (announced, after_one, reached, waits) in cases {
            let sync = SpoolWait::new(Some(Severity::Critical), Duration::from_millis(20));
            sync.reached.store(reached, Ordering::Release);
            let _announced = announced.then(|| sync.announce(Severity::Critical));
            let began = clock::instant();
            assert_eq!(sync.wait_for_next(after_one, 3), None);
            let case = (announced, after_one, reached);
            assert_eq!(began.elapsed() >= Duration::from_millis(20), waits, "{case:?}");
        }
        let sync = SpoolWait::new(Some(Severity::Critical), Duration::MAX);
        assert!(sync.announce(Severity::Error).is_none());
        std::thread::scope(|scope| {
            let announced = sync.announce(Severity::Critical);
            let worker = scope.spawn(|| sync.wait_for_next(false, 1).map(|number| sync.finish(number, true)));
            sync.wait(0, || (), || false);
            drop(announced);
            worker.join().unwrap();
        });
        assert_eq!(sync.missed.load(Ordering::Acquire), 0);
    }

    #[test]
    fn only_what_is_severe_enough_waits() {
        let cases = [(None, Severity::Critical, false), (Some(Severity::Critical), Severity::Error, false)];
        for (from, severity, waits) in
            cases.into_iter().chain([(Some(Severity::Error), Severity::Critical, true)])
        {
            assert_eq!(SpoolWait::new(from, Duration::ZERO).is_for(severity), waits, "{from:?} {severity}");
        }
    }
}
