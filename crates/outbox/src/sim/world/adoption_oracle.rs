//! Know what processes that are gone have left, and who has it now.

use std::collections::BTreeSet;

use super::World;
use crate::{
    GroupId,
    aggregate::{Aggregator, RateLimiter},
    spool::Owner,
};

/// The counts that an ended process left for one channel, to be taken over.
#[derive(Debug)]
pub(super) struct LeftCounts {
    /// The name that it was written under; whoever takes it over adds theirs.
    pub(super) name: String,
    pub(super) channel: usize,
    pub(super) pending: u64,
    /// Forced to the disk: no loss of power may take it back.
    pub(super) is_safe: bool,
    /// How many of them its taker got: the power may take some back.
    pub(super) taken: u64,
    pub(super) told: BTreeSet<GroupId>,
    /// Whose it was, and whose name the file has since it was taken over the last time.
    pub(super) owner: Owner,
    pub(super) holder: Owner,
    /// Who has taken it over, and not written it down for good yet.
    pub(super) taker: Option<Owner>,
}

impl LeftCounts {
    /// Notes who has taken it over.
    pub(super) fn pass_to(&mut self, taker: &Owner) {
        self.holder.clone_from(taker);
        (self.taken, self.taker) = (self.pending, Some(taker.clone()));
    }

    /// Tells whether a file of counts has these in it.
    pub(super) fn is_within(&self, file: &[u8]) -> bool {
        let text = crate::spool::text_of(file).unwrap_or_default();
        let head = text.lines().next().unwrap_or_default();
        let part = self.name.rsplit('-').next();
        head.split(' ').skip(1).any(|named| Some(named) == part)
    }
}

impl World {
    /// Looks again at what was left, after a loss of power: what a process wrote while it died may be gone with it.
    pub(super) fn reread_left(&mut self) {
        let left = std::mem::take(&mut self.left);
        for mut estate in left {
            let disk = self.disk.borrow();
            let files = || {
                let drawer = estate.name.split('-').next().unwrap_or_default();
                let names = disk.names("state/groups").filter(move |name| name.starts_with(drawer));
                names.filter_map(|name| Some((name, disk.content(&format!("state/groups/{name}"))?)))
            };
            let file = files().find(|(name, _)| name.starts_with(&estate.name));
            let taker = file.as_ref().and_then(|(name, _)| Owner::parse(name.split_once('+')?.1));
            estate.holder = taker.unwrap_or_else(|| estate.owner.clone());
            let file = file.map(|(_, file)| file);
            let is_within = files().any(|(_, file)| estate.is_within(&file));
            drop(disk);
            // Who died with the power is looked at after this.
            let died_before = |owner: &Owner| !self.graves.iter().any(|grave| grave.owner == *owner);
            let was_within = estate.taker.as_ref().is_some_and(died_before);
            if (was_within && is_within) || ((was_within || is_within) && file.is_none()) {
                continue;
            }
            let (pending, told) =
                file.as_deref().map(|file| self.read_desk(estate.channel, file)).unwrap_or_default();
            // What a taker had that died with the power is compared with what it leaves.
            if (was_within || estate.taker.is_none())
                && let Some(sum) = self.sums.get_mut(estate.channel)
            {
                let known = if was_within { 0 } else { estate.pending };
                sum.lost += i128::from(known) - i128::from(pending);
            }
            if estate.is_safe && estate.pending != pending {
                let (name, known) = (&estate.name, estate.pending);
                self.broken = Some(format!("{known} were written down in {name}, and {pending} are left"));
            }
            (estate.pending, estate.told) = (pending, told);
            if was_within {
                estate.taker = None;
            }
            if file.is_some() || estate.taker.is_some() {
                self.left.push(estate);
            }
        }
    }

    /// Reads a file of counts as the next process would.
    pub(super) fn read_desk(&self, to: usize, file: &[u8]) -> (u64, BTreeSet<GroupId>) {
        let text = crate::spool::text_of(file).unwrap_or_default();
        let text = text.split_once('\n').map(|(_, text)| text).unwrap_or_default();
        let noise = self.plan.channels.get(to).map(|wanted| wanted.settings.policy.notifications.clone());
        let mut aggregator = Aggregator::new("", noise.unwrap_or_default(), RateLimiter::default(), false);
        let left = crate::aggregate::OrphanedCounts { text: text.to_owned(), again: false };
        let pending = aggregator.restore(&left, &self.app, self.now);
        (pending, aggregator.told_groups())
    }
}
