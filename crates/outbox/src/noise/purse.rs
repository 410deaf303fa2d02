use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use watchfire_core::Severity;

use super::{Budget, Rate};
use crate::moment::Moment;

/// Is how much one channel may still speak, shared by all who speak through it: its own desk, and those for which it
/// takes over. Takes the time as an argument.
#[derive(Clone, Debug, Default)]
pub(crate) struct Purse(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    budget: Budget,
    quiet_until: Option<Moment>,
    changed: bool,
}

impl Purse {
    pub(crate) fn new(rates: &[Rate]) -> Self {
        let inside = Inside { budget: Budget::new(rates), quiet_until: None, changed: false };
        Self(Arc::new(Mutex::new(inside)))
    }

    /// Returns how many messages may go now to one recipient; under the empty name, of the channel as a whole.
    pub(crate) fn left(&self, who: &str, now: Moment) -> u32 {
        self.open().budget.left(who, now)
    }

    /// Takes one; `false`, and nothing taken, if there is none.
    pub(crate) fn take(&self, who: &str, now: Moment) -> bool {
        let mut inside = self.open();
        inside.changed = true;
        inside.budget.take(who, now)
    }

    /// Returns when there is one again.
    pub(crate) fn next(&self, who: &str, now: Moment) -> Moment {
        self.open().budget.next(who, now)
    }

    /// Takes other rates; what was sent stays counted.
    pub(crate) fn retune(&self, rates: &[Rate], now: Moment) {
        self.open().budget.retune(rates, now);
    }

    /// Takes until when only what is critical is said.
    pub(crate) fn hush(&self, until: Option<Moment>) {
        self.open().quiet_until = until;
    }

    /// Returns until when what is of this severity is not said.
    pub(crate) fn hushed(&self, severity: Severity, now: Moment) -> Option<Moment> {
        if severity >= Severity::Critical {
            return None;
        }
        self.open().quiet_until.filter(|until| *until > now)
    }

    /// Returns until when a message that was not planned here has to wait; `None`, and one taken, if it may go.
    pub(crate) fn ask(&self, severity: Severity, now: Moment) -> Option<Moment> {
        self.hushed(severity, now).or_else(|| (!self.take("", now)).then(|| self.next("", now)))
    }

    /// Shows the buckets that are not full, for a checkpoint.
    pub(crate) fn levels(&self, now: Moment) -> Vec<(String, Vec<Moment>)> {
        let inside = self.open();
        inside.budget.levels(now).map(|(who, levels)| (who.to_owned(), levels.to_vec())).collect()
    }

    /// Takes a bucket of a checkpoint.
    pub(crate) fn restore(&self, who: &str, levels: &[Moment], now: Moment) {
        self.open().budget.restore(who, levels, now);
    }

    /// Tells whether something was taken since that was last written down.
    pub(crate) fn is_spent(&self) -> bool {
        self.open().changed
    }

    /// Tells whether something has changed since this was last asked.
    pub(crate) fn has_changed(&self) -> bool {
        std::mem::take(&mut self.open().changed)
    }

    fn open(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
