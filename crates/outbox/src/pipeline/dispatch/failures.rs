//! Note in the spool why nothing gets through to a recipient, so that `watchfire spool ls` can say it.

use super::Dispatch;
use crate::{
    Reason,
    model::Timestamp,
    spool::{Files, LastFailure},
};

/// So many failing recipients are noted.
const MOST: usize = 1_000;

impl<F: Files> Dispatch<F> {
    /// Notes that an attempt has failed; one that is held concerns its channel, whoever it was for.
    pub(super) fn note_failure(
        &mut self,
        (number, channel): (usize, &str),
        recipient: &str,
        (reason, held): (&Reason, bool),
        now: Timestamp,
    ) {
        let Some(spool) = &self.spool else { return };
        let until = self.delivery.opens_at(number, recipient).max(now);
        let failure = LastFailure::new(channel, if held { "" } else { recipient }, reason, until);
        let key = (failure.channel.clone(), failure.recipient.clone());
        if self.failing.len() < MOST || self.failing.contains(&key) {
            spool.note_failure(&failure);
            self.failing.insert(key);
        }
    }

    /// Forgets the failures of a recipient, and of its channel: something was delivered.
    pub(super) fn forget_failures(&mut self, channel: &str, recipient: &str) {
        for recipient in [recipient, ""] {
            // Nearly always none is known.
            if !self.failing.is_empty()
                && self.failing.remove(&(channel.to_owned(), recipient.to_owned()))
                && let Some(spool) = &self.spool
            {
                spool.forget_failure(channel, recipient);
            }
        }
    }

    /// Takes over what earlier processes have noted.
    pub(super) fn restore_failures(&mut self) {
        let Some(spool) = &self.spool else { return };
        for failure in spool.failures() {
            if self.failing.len() >= MOST {
                spool.forget_failure(&failure.channel, &failure.recipient);
            } else {
                self.failing.insert((failure.channel, failure.recipient));
            }
        }
    }
}
