//! Panics: counted by their place, the first of each written into the spool by the thread that panics.

mod waiting;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use watchfire_core::{Alert, Capture, Incident, clock, process::try_lock_for_a_while};

use crate::{
    NotificationId,
    model::{QueueKey, Timestamp, hash::Fnv128, random},
    spool::{Disk, Name, Owner, Spool},
};

pub(crate) use waiting::Release;
use waiting::Waiting;

/// How many panics at one place are told of one by one, until it is quiet for [`QUIET`].
const MOST: u64 = 3;
/// How long a place must be quiet before it is news again.
const QUIET: Duration = Duration::from_secs(300);
/// How many places are told apart; beyond that all share one.
const PLACES: usize = 256;

/// Counts panics by their place, and writes the first of each into the spool.
#[derive(Debug)]
pub(crate) struct Panics {
    /// Whether panics are alerts.
    is_on: AtomicBool,
    /// The folder, and the host as owners call it. `None` if alerts are kept in memory.
    folder: Option<(Disk, String)>,
    /// What is in the spool and waits for its process to survive or die.
    left: Mutex<Waiting>,
    /// How many that are, as of the last [`settle`](Self::settle).
    pub(crate) held: AtomicUsize,
    places: Mutex<HashMap<Site, Place>>,
    /// Those told of in no message yet.
    pub(crate) waiting: AtomicU64,
    pub(crate) heard: AtomicU64,
    pub(crate) counted: AtomicU64,
    /// Events that only said again what a panic had said.
    pub(crate) again: AtomicU64,
}

#[derive(Debug)]
struct Place {
    last: Instant,
    told: u64,
    total: u64,
    fresh: u64,
    first: Arc<Alert>,
    latest: std::time::SystemTime,
}

/// The action to take for a panic.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It is in the spool: the worker finds it there, or whoever comes after.
    Spooled,
    /// It is for the queue: there is no spool, or it does not work.
    Queue(Box<Alert>),
    /// It is only counted.
    Counted,
}

/// A place that panicked again and again.
#[derive(Debug)]
pub(crate) struct Repeated {
    pub(crate) alert: Arc<Alert>,
    pub(crate) counts: crate::Counts,
}

impl Panics {
    pub(crate) fn new(folder: Option<(Disk, String)>, is_on: bool) -> Self {
        Self {
            is_on: is_on.into(),
            folder,
            left: Mutex::default(),
            held: AtomicUsize::new(0),
            places: Mutex::default(),
            waiting: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            counted: AtomicU64::new(0),
            again: AtomicU64::new(0),
        }
    }

    /// Returns the spool's folder.
    pub(crate) fn root(&self) -> Option<&std::path::Path> {
        self.folder.as_ref().map(|(disk, _)| disk.root())
    }

    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    pub(crate) fn switch_on(&self) {
        self.is_on.store(true, Ordering::Relaxed);
    }

    pub(crate) fn note_again(&self) {
        self.again.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes a panic, on the thread that panics: no lock is waited for long.
    pub(crate) fn hear(&self, panic: &Incident, capture: &Capture) -> Heard {
        let place = panic.place().map(|(file, line)| (file.to_owned(), line)).unwrap_or_default();
        self.hear_of(&place, || panic.alert(capture))
    }

    fn hear_of(&self, place: &Site, alert: impl FnOnce() -> Alert) -> Heard {
        self.heard.fetch_add(1, Ordering::AcqRel);
        let now = clock::instant();
        if self.is_repeated(place, now) {
            self.counted.fetch_add(1, Ordering::AcqRel);
            self.waiting.fetch_add(1, Ordering::AcqRel);
            return Heard::Counted;
        }
        let alert = alert();
        self.remember(place, &alert, now);
        match self.write(&alert) {
            Some(()) => Heard::Spooled,
            None => Heard::Queue(Box::new(alert)),
        }
    }

    fn is_repeated(&self, site: &Site, now: Instant) -> bool {
        let Some(mut places) = try_lock_for_a_while(&self.places) else { return false };
        let site = shared_if_full(&places, site);
        let Some(place) = places.get_mut(&site) else { return false };
        if now.saturating_duration_since(place.last) > QUIET {
            place.told = 0;
        }
        place.last = now;
        place.total += 1;
        place.latest = clock::now();
        if place.told >= MOST {
            place.fresh += 1;
            return true;
        }
        place.told += 1;
        false
    }

    fn remember(&self, site: &Site, alert: &Alert, now: Instant) {
        let Some(mut places) = try_lock_for_a_while(&self.places) else { return };
        let site = shared_if_full(&places, site);
        places.entry(site).or_insert_with(|| Place {
            last: now,
            told: 1,
            total: 1,
            fresh: 0,
            first: Arc::new(alert.clone()),
            latest: alert.at,
        });
    }

    /// Leaves an alert of a forked child in the spool, for its parent to send: for one channel, or for all that panics go
    /// to. Returns `false` without a spool that works.
    pub(crate) fn leave(&self, alert: &Alert, channel: Option<&str>) -> bool {
        let Some(channel) = channel else { return self.write(alert).is_some() };
        let left = self
            .spool_for(alert, Some(channel))
            .map(|(mut spool, name)| spool.leave_for(channel, &name, alert));
        left.is_some_and(|left| left.is_ok())
    }

    /// Returns a spool that takes nothing over, and a name in it. The worker's is the worker's, and one that two threads
    /// share would have a lock. The owner is asked for anew, as a forked child is another one.
    fn spool_for(&self, alert: &Alert, channel: Option<&str>) -> Option<(Spool<Disk>, Name)> {
        let (disk, host) = self.folder.as_ref()?;
        let spool = Spool::new(disk.clone(), Owner::this(host), Arc::new(|_| true), random::bits());
        let id = Fnv128::new().part(&alert.id.as_u128().to_be_bytes());
        let id = channel.map_or(id, |channel| id.part(channel.as_bytes())).finish();
        let key =
            QueueKey { accepted: Timestamp::from(alert.at).as_millis() * 1_000, id: NotificationId(id) };
        let name = Name::alert(key, spool.owner());
        Some((spool, name))
    }

    fn write(&self, alert: &Alert) -> Option<()> {
        let (mut spool, name) = self.spool_for(alert, None)?;
        let id = name.key.id;
        // Before it is in the folder: the worker must not find it before it knows that it is to wait.
        self.hold(|left| left.add(id, clock::instant()));
        let written = spool.leave(&name, alert).ok();
        if written.is_none() {
            self.hold(|left| left.forget(id));
        }
        written
    }

    fn hold(&self, change: impl FnOnce(&mut Waiting)) {
        if let Some(mut left) = try_lock_for_a_while(&self.left) {
            change(&mut left);
            self.held.store(left.len(), Ordering::Release);
        }
    }

    /// Notes that the hook has returned on this thread; `false` if that changes nothing.
    pub(crate) fn hook_returned(&self) -> bool {
        if self.held.load(Ordering::Acquire) == 0 {
            return false;
        }
        self.hold(|left| left.returned(clock::instant()));
        true
    }

    /// Notes that this thread has survived its panics.
    pub(crate) fn survived(&self) {
        if self.held.load(Ordering::Acquire) > 0 {
            self.hold(Waiting::survived);
        }
    }

    /// Says what is still to be left alone in the spool; with `all` nothing.
    pub(crate) fn release(&self, now: Instant, all: bool) -> Release {
        if self.held.load(Ordering::Acquire) == 0 {
            return Release::default();
        }
        self.left.lock().unwrap_or_else(PoisonError::into_inner).release(now, all)
    }

    /// Counts what is held: what was released is counted elsewhere by now.
    pub(crate) fn settle(&self) {
        if self.held.load(Ordering::Acquire) > 0 {
            let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            self.held.store(left.len(), Ordering::Release);
        }
    }

    /// Takes the counts of places that panicked more often than was told.
    pub(crate) fn take_repeated(&self) -> Vec<Repeated> {
        if self.waiting.swap(0, Ordering::AcqRel) == 0 {
            return Vec::new();
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let repeated = places.values_mut().filter(|place| place.fresh > 0);
        repeated
            .map(|place| Repeated {
                alert: Arc::clone(&place.first),
                counts: crate::Counts::new(
                    place.total,
                    std::mem::take(&mut place.fresh),
                    place.first.at,
                    place.latest,
                ),
            })
            .collect()
    }
}

/// Where in the source it was: file and line.
type Site = (String, u32);

/// Returns the key of a place: one that all share, once too many are told apart.
fn shared_if_full(places: &HashMap<Site, Place>, site: &Site) -> Site {
    let is_known = places.len() < PLACES || places.contains_key(site);
    if is_known { site.clone() } else { Site::default() }
}

#[cfg(test)]
mod tests {
    use watchfire_core::{App, Severity};

    use super::*;

    fn site(line: u32) -> Site {
        ("src/pay.rs".to_owned(), line)
    }

    fn alert() -> Alert {
        Alert::new(App::new("shop"), Severity::Error, "card declined")
    }

    #[test]
    fn a_panic_is_written_down_while_every_lock_of_ours_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(&folder.path().join("spool"), "here").unwrap();
        let panics = Panics::new(Some((disk, "here".to_owned())), true);
        // As if it happened in the middle of our own work: the thread that holds the locks is the one that panics.
        let (_places, _left) = (panics.places.lock().unwrap(), panics.left.lock().unwrap());
        assert!(matches!(panics.hear_of(&site(1), alert), Heard::Spooled));
        assert_eq!(std::fs::read_dir(folder.path().join("spool/new")).unwrap().count(), 1);
    }

    #[test]
    fn places_beyond_the_most_share_one_and_are_counted() {
        let panics = Panics::new(None, true);
        let places = u32::try_from(PLACES).unwrap();
        for line in 0..places + 50 {
            let told = matches!(panics.hear_of(&site(line), alert), Heard::Queue(_));
            assert_eq!(told, line < places + u32::try_from(MOST).unwrap(), "{line}");
        }
        assert!(matches!(panics.hear_of(&site(0), alert), Heard::Queue(_)), "a known one has its own count");
        assert_eq!(
            panics.take_repeated().iter().map(|repeated| repeated.counts.fresh).collect::<Vec<_>>(),
            [47]
        );
        assert_eq!(panics.counted.load(Ordering::Acquire), 47);
    }
}
