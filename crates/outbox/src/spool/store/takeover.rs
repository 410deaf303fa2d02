//! Free what processes have left that are gone: those of this host, and all of a host that is gone.

use std::{collections::BTreeMap, time::Duration};

use super::{Files, LARGEST, Name, Owner, Spool};
use crate::{
    NotificationId,
    model::Timestamp,
    spool::{files::HOSTS, frame},
};

/// How often a process says that its host lives.
const BEAT: Duration = Duration::from_secs(20);
/// After how long without that a host is gone.
const GONE: Duration = Duration::from_secs(120);
/// The folder itself: before there were folders of hosts, it had what those have now.
const OLD_HOME: &str = ".";

impl<F: Files> Spool<F> {
    /// Releases the claims of processes of this host that are gone, and removes what they did not finish writing.
    /// At most `most` in one call; returns how many.
    pub(crate) fn release_stale(&self, most: usize) -> usize {
        let mut known: Vec<(Owner, bool)> = Vec::new();
        let mut is_stale = |owner: &Owner| {
            if let Some((_, stale)) = known.iter().find(|(known, _)| known == owner) {
                return *stale;
            }
            let stale = *owner != self.owner && !(self.alive)(owner);
            known.push((owner.clone(), stale));
            stale
        };
        let mut released = 0;
        let claims = self.list("cur");
        let mut twins: BTreeMap<NotificationId, usize> = BTreeMap::new();
        for name in &claims {
            *twins.entry(name.key.id).or_default() += 1;
        }
        for name in claims {
            if released >= most {
                break;
            }
            if name.owner.as_ref().is_none_or(&mut is_stale) {
                let free = freed(&name, false);
                // A loss of power may leave one file under two names. Two processes would say it, neither with a mark.
                if let Some(others) = twins.get_mut(&name.key.id).filter(|count| **count > 1)
                    && !free.state.maybe_duplicate
                    && self.remove(&name).is_ok()
                {
                    *others -= 1;
                    continue;
                }
                released += usize::from(self.free(&format!("cur/{name}"), &free));
            }
        }
        for text in self.files.list("tmp").unwrap_or_default() {
            if writer_of(&text).as_ref().is_none_or(&mut is_stale) {
                self.unlink(&format!("tmp/{text}")).ok();
            }
        }
        released
    }

    /// Frees a claim of a process that is gone. It may have died before it forced the file to the disk.
    fn free(&self, path: &str, name: &Name) -> bool {
        if let Ok(file) = self.files.open(path) {
            self.files.force(&file).ok();
        }
        self.rename(path, &format!("new/{name}")).is_ok()
    }

    /// Returns the folders of all hosts, and the one that versions without hosts had.
    pub(crate) fn homes(&self) -> Vec<String> {
        let hosts = self.files.list(HOSTS).unwrap_or_default().into_iter();
        hosts.map(|host| format!("{HOSTS}/{host}")).chain([OLD_HOME.to_owned()]).collect()
    }

    /// Takes over what hosts have left that are gone, and what is still where versions without hosts had it.
    ///
    /// Their messages are free then, for whoever has the channel. Their counts become those of a process of this host.
    pub(crate) fn take_over_hosts(&self, now: Timestamp) {
        for home in self.homes() {
            if home == self.files.home() || home == OLD_HOME || !self.is_host_gone(&home, now) {
                continue;
            }
            // Not while a process that starts there counts them in.
            self.files.exclusively(&lock(&home), || {
                if self.is_host_gone(&home, now) {
                    self.take_from(&home, &|_| true);
                    self.files.remove_home(&home);
                }
            });
        }
        self.take_from(OLD_HOME, &|owner| match owner {
            Some(owner) if owner.host == self.owner.host => !(self.alive)(owner),
            Some(owner) => self.is_silent(&format!("state/owners/{owner}"), now),
            None => true,
        });
    }

    fn take_from(&self, home: &str, is_gone: &dyn Fn(Option<&Owner>) -> bool) {
        let list = |folder: &str| self.files.list(&format!("{home}/{folder}")).unwrap_or_default();
        for name in list("cur").iter().filter_map(|text| Name::parse(text)) {
            if is_gone(name.owner.as_ref()) {
                // Of another host it is not known for sure that it is gone.
                let is_here = name.owner.as_ref().is_some_and(|owner| owner.host == self.owner.host);
                let free = freed(&name, !is_here);
                self.free(&format!("{home}/cur/{name}"), &free);
            }
        }
        self.take_counts(home, is_gone);
        for text in list("tmp") {
            if is_gone(writer_of(&text).as_ref()) {
                self.unlink(&format!("{home}/tmp/{text}")).ok();
            }
        }
    }

    /// Moves the files of counts of processes that are gone into the folder of this host.
    ///
    /// Both folders are forced before the counts are counted in: a file that a loss of power brought back under its old
    /// name would be counted in again. The old one is forced before, too: what its process did not force is not moved.
    fn take_counts(&self, home: &str, is_gone: &dyn Fn(Option<&Owner>) -> bool) {
        const COUNTS: &str = "state/groups";
        let theirs = format!("{home}/{COUNTS}");
        let left: Vec<String> = self.files.list(&theirs).unwrap_or_default();
        let left: Vec<String> = left
            .into_iter()
            .filter(|key| {
                let text = self.files.read(&format!("{theirs}/{key}"), LARGEST).ok();
                let text = text.and_then(|bytes| Some(frame::unwrap::<String>(&bytes).ok()?.0));
                let owner = text.as_deref().and_then(|text| Owner::parse(text.split(['\n', ' ']).next()?));
                is_gone(owner.as_ref())
            })
            .collect();
        if left.is_empty() || self.files.sync(&theirs).is_err() {
            return;
        }
        let own = self.files.list(COUNTS).unwrap_or_default();
        for key in left {
            let path = format!("{theirs}/{key}");
            // Older versions named in it who was taking it over.
            let key = key.split('+').next().unwrap_or_default();
            // A loss of power may leave a file under both names: it is counted in once.
            if own.iter().any(|known| known == key) {
                self.unlink(&path).ok();
            } else {
                self.rename(&path, &format!("{COUNTS}/{key}")).ok();
            }
        }
        self.files.sync(COUNTS).ok();
        self.files.sync(&theirs).ok();
    }

    /// Tells whether no process of a host has said for two minutes that it lives.
    fn is_host_gone(&self, home: &str, now: Timestamp) -> bool {
        self.is_silent(&heartbeat(home), now)
    }

    fn is_silent(&self, path: &str, now: Timestamp) -> bool {
        let beat = self.files.read(path, 100).ok();
        let beat = beat.and_then(|bytes| String::from_utf8(bytes).ok()?.trim().parse().ok());
        beat.is_none_or(|beat| {
            // The time that all processes share is that of the wall clock.
            let (beat, now) = (Timestamp::from_millis(beat), Timestamp::of_unix(now.into()));
            now.since(beat).max(beat.since(now)) > GONE
        })
    }

    /// Tells whether a process no longer works on a file in the folder of its host, as far as that can be told.
    pub(crate) fn is_gone(&self, home: &str, owner: &Owner, now: Timestamp) -> bool {
        if home == self.files.home() || owner.host == self.owner.host {
            return !(self.alive)(owner);
        }
        self.is_host_gone(home, now)
    }

    /// Tells whether a process that has something in the folder of this host lives.
    pub(crate) fn is_alive(&self, owner: &Owner) -> bool {
        (self.alive)(owner)
    }

    /// Tells whether a process is known to have died: it was one of this host.
    pub(crate) fn has_died(&self, owner: &Owner) -> bool {
        // An owner has the first part of the host's name, and which ids its processes have.
        let host: String = self.files.home().trim_start_matches(HOSTS).chars().skip(1).take(40).collect();
        let is_here = owner.host == self.owner.host || owner.host.starts_with(&host);
        *owner != self.owner && is_here && !(self.alive)(owner)
    }

    /// Says that this host lives, at most every 20 s.
    pub(crate) fn beat(&mut self, now: Timestamp) {
        if self.beat.is_some_and(|last| now.since(last) < BEAT) {
            return;
        }
        let path = heartbeat(self.files.home());
        let shared = Timestamp::of_unix(now.into());
        if self.files.note(&path, shared.as_millis().to_string().as_bytes()).is_ok() {
            self.beat = Some(now);
        }
    }

    /// Lets other hosts take over what this one has left, if this is its last process that has something there.
    pub(crate) fn leave_folder(&self) {
        let claims = self.list("cur").into_iter().filter_map(|name| name.owner);
        let counts = self.kept(super::StateKind::Groups).into_iter();
        let counts = counts.filter_map(|(_, text)| Owner::parse(text.split(['\n', ' ']).next()?));
        if claims.chain(counts).all(|owner| owner == self.owner || !(self.alive)(&owner)) {
            self.unlink(&heartbeat(self.files.home())).ok();
        }
    }
}

/// Returns the file that is locked while counts of a host are taken over.
pub(crate) fn lock(home: &str) -> String {
    format!("{home}/lock")
}

fn heartbeat(home: &str) -> String {
    format!("{home}/heartbeat")
}

/// Returns the name under which a claim is free again.
fn freed(name: &Name, may_be_sent: bool) -> Name {
    let mut free = name.clone().owned_by(None);
    // It may have arrived: its process died with the attempt under way.
    // So may an alert of a panic: it was perhaps rendered and sent before its file went.
    free.state.maybe_duplicate |= free.state.in_flight || free.is_alert() || may_be_sent;
    free.state.in_flight = false;
    free
}

/// Returns who writes a temporary file.
fn writer_of(text: &str) -> Option<Owner> {
    text.split_once('+').and_then(|(_, owner)| Owner::parse(owner))
}
