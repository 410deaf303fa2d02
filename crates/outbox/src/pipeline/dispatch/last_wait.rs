//! Tell whether the end of a program is worth waiting for.

use super::Dispatch;
use crate::{model::Timestamp, spool::Files};

impl<F: Files> Dispatch<F> {
    /// Tells whether anything may be delivered until `by` that is worth waiting for: what has a file is not lost.
    pub(crate) fn may_deliver_by(&self, by: Timestamp) -> bool {
        let is_safe = |key| self.kept.get(&key).is_some_and(|kept| kept.name.is_some());
        self.delivery.may_deliver_by(by, is_safe)
    }
}
