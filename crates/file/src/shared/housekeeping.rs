//! Remove and compress rotated files, on a thread beside the writer: a large file takes seconds, and no line waits for it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use watchfire_core::clock;

use super::{FileShared, locks::lock};
use crate::{
    plan::{LogLocation, WriteTrouble},
    prune,
    retention::Keep,
};

/// A clock that gains more than this was set.
const STEP: Duration = Duration::from_secs(600);
/// How long nothing is removed for its age after that.
const DOUBT: Duration = Duration::from_secs(3600);
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// The state of the thread that keeps house.
#[derive(Default)]
pub(super) struct Housekeeping {
    is_at_work: AtomicBool,
    /// When what could not be done is tried again.
    again_at: Mutex<Option<Instant>>,
}

impl Housekeeping {
    /// Returns when there is something to do; `None` while the thread is at work, which wakes the writer at its end.
    pub(super) fn next(&self, is_untidy: bool) -> Option<Instant> {
        if self.is_at_work.load(Ordering::Acquire) {
            return None;
        }
        if is_untidy { Some(clock::instant()) } else { *lock(&self.again_at) }
    }

    pub(super) fn is_due(&self, is_untidy: bool, instant: Instant) -> bool {
        self.next(is_untidy).is_some_and(|at| at <= instant || is_untidy)
    }
}

impl FileShared {
    /// Keeps house on a thread of its own, or here if none can be started.
    pub(super) fn keep_house_beside(self: &Arc<Self>, place: Option<Arc<LogLocation>>) {
        let Some(place) = place else { return };
        self.housekeeping.is_at_work.store(true, Ordering::Release);
        let keeper = Arc::clone(self);
        let at = Arc::clone(&place);
        let thread = std::thread::Builder::new().name("watchfire-rotated".to_owned());
        let started = thread.spawn(move || {
            watchfire_core::mute_thread();
            keeper.keep_house_once(&at);
        });
        if started.is_err() {
            self.keep_house_once(&place);
        }
    }

    fn keep_house_once(self: &Arc<Self>, place: &LogLocation) {
        let again = self.keep_house(Some(place)).then(|| clock::after(clock::instant(), TRY_AGAIN));
        self.tell_of_rotated_beside();
        *lock(&self.housekeeping.again_at) = again;
        self.housekeeping.is_at_work.store(false, Ordering::Release);
        // The writer may be between its look at this and its sleep.
        self.front().is_urgent = true;
        self.wake.notify_one();
    }

    /// Removes and compresses. Returns whether it has to be tried again.
    pub(super) fn keep_house(&self, place: Option<&LogLocation>) -> bool {
        let Some(place) = place else { return false };
        let keep = self.trusted_keep();
        // A file that is rotated from here on may come too late to be compressed now.
        let noted = self.rotated.as_ref().map_or(0, |rotated| rotated.noted());
        let result = prune::run(&*self.fs, &self.plan, place, keep, clock::now());
        if let (Some(rotated), Ok(()) | Err(WriteTrouble::Io { .. })) = (&self.rotated, &result) {
            rotated.make_ready(noted);
        }
        match result {
            Ok(()) => false,
            Err(WriteTrouble::Busy | WriteTrouble::Full) => true,
            Err(trouble) => {
                self.report(&trouble, clock::instant());
                true
            }
        }
    }

    /// Returns what is kept; without regard to age for a while after the clock was set forward, since then everything
    /// seems old.
    fn trusted_keep(&self) -> Keep {
        let (now, instant) = (clock::now(), clock::instant());
        let mut last = lock(&self.last_tidy);
        let expected = last.wall + instant.saturating_duration_since(last.at);
        if now.duration_since(expected).is_ok_and(|step| step > STEP) {
            last.age_counts_from = Some(instant + DOUBT);
        }
        (last.wall, last.at) = (now, instant);
        let mut keep = self.plan.keep;
        if last.age_counts_from.is_some_and(|from| instant < from) {
            keep.age = None;
        }
        keep
    }
}
