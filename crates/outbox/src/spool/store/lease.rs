//! Tell who still works on what it has claimed, and free what nobody works on.

use std::{collections::BTreeMap, time::Duration};

use super::{Files, Owner, Spool};
use crate::{NotificationId, model::Timestamp};

/// How often a process that has claims or counts says that it lives, for processes that cannot see it.
const BEAT: Duration = Duration::from_secs(20);
/// After how long without that they are free.
const LEASE: Duration = Duration::from_secs(90);

impl<F: Files> Spool<F> {
    /// Releases the claims of processes that are gone, and removes what they did not finish writing.
    pub(crate) fn release_stale(&self, now: Timestamp) -> usize {
        let mut verdicts: Vec<(Owner, bool)> = Vec::new();
        let mut is_stale = |owner: &Owner| {
            if let Some((_, stale)) = verdicts.iter().find(|(known, _)| known == owner) {
                return *stale;
            }
            let stale = *owner != self.owner && self.is_gone(owner, now);
            verdicts.push((owner.clone(), stale));
            stale
        };
        let mut released = 0;
        let claims = self.list("cur");
        let mut twins: BTreeMap<NotificationId, usize> = BTreeMap::new();
        for name in &claims {
            *twins.entry(name.key.id).or_default() += 1;
        }
        for name in claims {
            if name.owner.as_ref().is_none_or(&mut is_stale) {
                let mut free = name.clone().owned_by(None);
                // It may have arrived: its process died with the attempt under way.
                // So may an alert of a panic: it was perhaps rendered and sent before its file went.
                free.state.maybe_duplicate |= free.state.in_flight || free.is_alert();
                free.state.in_flight = false;
                // A loss of power may leave one file under two names. Two processes would say it, neither with a mark.
                if let Some(others) = twins.get_mut(&name.key.id).filter(|count| **count > 1)
                    && !free.state.maybe_duplicate
                    && self.remove(&name).is_ok()
                {
                    *others -= 1;
                    continue;
                }
                let moved = self.files.rename(&format!("cur/{name}"), &format!("new/{free}"));
                released += usize::from(moved.is_ok());
            }
        }
        for text in self.files.list("tmp").unwrap_or_default() {
            let owner = text.split_once('+').and_then(|(_, owner)| Owner::parse(owner));
            if owner.as_ref().is_none_or(&mut is_stale) {
                self.files.remove(&format!("tmp/{text}")).ok();
            }
        }
        for (owner, stale) in verdicts {
            if stale {
                self.drop_beat(&owner);
            }
        }
        released
    }

    /// Tells whether a process no longer works on its files, as far as that can be told.
    pub(crate) fn is_gone(&self, owner: &Owner, now: Timestamp) -> bool {
        if owner.host == self.owner.host
            && let Some(alive) = (self.alive)(owner)
        {
            return !alive;
        }
        let beat = self.files.read(&format!("state/owners/{owner}"), 100).ok();
        let beat = beat.and_then(|bytes| String::from_utf8(bytes).ok()?.trim().parse().ok());
        beat.is_none_or(|beat| {
            // The time that all processes share is that of the wall clock.
            let (beat, now) = (Timestamp::from_millis(beat), Timestamp::of_unix(now.into()));
            now.since(beat).max(beat.since(now)) > LEASE
        })
    }

    /// Tells whether a process is known to have died.
    pub(crate) fn has_died(&self, owner: &Owner) -> bool {
        *owner != self.owner && owner.host == self.owner.host && (self.alive)(owner) == Some(false)
    }

    /// Says that this process lives, for those that cannot see it; at most every 20 s.
    pub(crate) fn beat(&mut self, now: Timestamp) {
        if self.beat.is_some_and(|last| now.since(last) < BEAT) {
            return;
        }
        let tmp = self.tmp();
        let shared = Timestamp::of_unix(now.into());
        if self.files.write(&tmp, shared.as_millis().to_string().as_bytes()).is_ok()
            && self.files.rename(&tmp, &format!("state/owners/{}", self.owner)).is_ok()
        {
            self.beat = Some(now);
        }
    }

    /// Forgets the beat of a process that is gone.
    pub(crate) fn drop_beat(&self, owner: &Owner) {
        self.files.remove(&format!("state/owners/{owner}")).ok();
    }

    /// Forgets that this process was here.
    pub(crate) fn leave_folder(&self) {
        self.files.remove(&format!("state/owners/{}", self.owner)).ok();
    }
}
