//! Leave the alert of a panic alone until it is plain that its process survives: one that dies of it is not to say so
//! itself, for whoever finds the alert then says more.
//!
//! With `panic = "abort"` no process survives. Else the end, if it comes, comes soon after the hook has returned, which
//! may take seconds: the standard hook prints a stack.

use std::{
    thread::ThreadId,
    time::{Duration, Instant},
};

use crate::NotificationId;

/// How long after its hook a process may still end: a second panic while unwinding, a hook in front of ours that ends it.
const GRACE: Duration = Duration::from_secs(1);
/// How long a hook may take; one that hangs ends nothing.
const HOOK: Duration = Duration::from_secs(30);

/// The panic alerts that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<Left>);

#[derive(Debug)]
struct Left {
    id: NotificationId,
    thread: ThreadId,
    began: Instant,
    is_hook_over: bool,
    has_survived: bool,
}

/// The spool files to leave alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Release {
    pub(crate) alerts: Vec<NotificationId>,
    /// Whether something is not to be left alone any more.
    pub(crate) released: bool,
    /// In how long the next of them may be taken.
    pub(crate) next: Option<Duration>,
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes one, on the thread that panics.
    pub(super) fn add(&mut self, id: NotificationId, now: Instant) {
        let thread = std::thread::current().id();
        self.0.push(Left { id, thread, began: now, is_hook_over: false, has_survived: false });
    }

    pub(super) fn forget(&mut self, id: NotificationId) {
        self.0.retain(|left| left.id != id);
    }

    /// Notes that the hook has returned on this thread.
    pub(super) fn returned(&mut self, now: Instant) {
        let thread = std::thread::current().id();
        for left in self.0.iter_mut().filter(|left| left.thread == thread && !left.is_hook_over) {
            left.began = now;
            left.is_hook_over = true;
        }
    }

    /// Notes that this thread has survived.
    pub(super) fn survived(&mut self) {
        let thread = std::thread::current().id();
        let mine = self.0.iter_mut().filter(|left| left.thread == thread && left.is_hook_over);
        mine.for_each(|left| left.has_survived = true);
    }

    /// Lets go what need not wait any more.
    pub(super) fn release(&mut self, now: Instant, all: bool) -> Release {
        let before = self.0.len();
        self.0.retain(|left| !all && left.rests(now).is_none_or(|rest| !rest.is_zero()));
        Release {
            alerts: self.0.iter().map(|left| left.id).collect(),
            released: self.0.len() < before,
            next: self.0.iter().filter_map(|left| left.rests(now)).min(),
        }
    }
}

impl Left {
    /// Returns how long it waits yet; `None` for as long as the process lives.
    fn rests(&self, now: Instant) -> Option<Duration> {
        let waits = match (self.has_survived, self.is_hook_over) {
            (_, true) if cfg!(panic = "abort") => return None,
            (true, _) => Duration::ZERO,
            (false, true) => GRACE,
            (false, false) => HOOK,
        };
        Some((self.began + waits).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_waits_until_its_process_has_survived() {
        let (mut waiting, now) = (Waiting::default(), watchfire_core::clock::instant());
        let (one, two) = (NotificationId(1), NotificationId(2));
        waiting.add(one, now);
        let other = |waiting: &mut Waiting| waiting.add(two, now);
        std::thread::scope(|scope| scope.spawn(|| other(&mut waiting)).join().unwrap());
        let held = |alerts: &[NotificationId], released, next| Release {
            alerts: alerts.to_vec(),
            released,
            next: Some(next),
        };
        assert_eq!(waiting.release(now, false), held(&[one, two], false, HOOK));
        let later = now + Duration::from_secs(5);
        waiting.returned(later);
        assert_eq!(waiting.release(later, false), held(&[one, two], false, GRACE), "the hook of one is over");
        assert_eq!(waiting.release(later + GRACE, false).alerts, [two]);
        waiting.survived();
        assert_eq!(
            waiting.release(later + GRACE, false).alerts,
            [two],
            "that was another thread, and in its hook"
        );
        assert_eq!(waiting.release(now + HOOK, false), Release { released: true, ..Release::default() });
    }

    #[test]
    fn an_alert_waits_only_for_the_unwinding_of_its_thread() {
        let (mut waiting, now) = (Waiting::default(), watchfire_core::clock::instant());
        waiting.add(NotificationId(1), now);
        waiting.survived();
        assert!(!waiting.release(now, false).released, "it is in its hook");
        waiting.returned(now);
        waiting.survived();
        assert!(waiting.release(now, false).released);
        waiting.add(NotificationId(2), now);
        assert!(waiting.release(now, true).released);
        assert_eq!(waiting.len(), 0);
    }
}
