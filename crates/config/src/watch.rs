//! Look for changes of the file, signals, and levels whose time is over. One small thread, which ends with the handle.

mod followed;

use std::{
    path::Path,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use watchfire_core::clock;

use crate::{
    environment,
    handle::{HandleShared, Watched},
};

use followed::looks_cut;
pub(crate) use followed::{FollowedFile, falls_silent};

/// How often the file is looked at.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a file has to stay the same before it is read.
const SETTLED: Duration = Duration::from_millis(100);
/// How long one has to stay the same that looks like the first part of a longer text: somebody may still be writing.
const SETTLED_CUT: Duration = Duration::from_secs(5);

/// Wakes the thread before its pause is over.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    pub(crate) fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn pause(&self, pause: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(rung, pause, |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// Starts the thread, once.
pub(crate) fn start(shared: &Arc<HandleShared>) {
    if shared.is_watched.swap(true, Ordering::AcqRel) {
        return;
    }
    let hangup = listen_for_hangup(shared, shared.origin.file.is_some());
    let watched = Arc::downgrade(shared);
    let bell = Arc::clone(&shared.bell);
    let started = std::thread::Builder::new().name("watchfire-config".to_owned()).spawn({
        let watch = Watch::new(shared, hangup);
        move || {
            watchfire_core::mute_thread();
            watch.run(&watched, &bell);
        }
    });
    if let Err(error) = started {
        shared
            .log
            .say(format_args!("the configuration is not watched: its thread could not be started: {error}"));
    }
}

/// The file as the thread last saw it.
struct Watch {
    hangup: Arc<AtomicBool>,
    /// How the file looked when it was last read.
    known: Option<Stamp>,
    /// How it looks, and since when.
    seen: (Option<Stamp>, Instant),
    /// The look of the file that was last reported as not followed.
    reported: Option<Stamp>,
    is_odd: bool,
}

impl Watch {
    fn new(shared: &HandleShared, hangup: Arc<AtomicBool>) -> Self {
        // The stamp is that of the reading: the file may have changed since.
        let known = shared.origin.file.as_ref().and_then(|file| file.stamp.clone());
        let seen = (known.clone(), clock::instant());
        Self { hangup, known, seen, reported: None, is_odd: false }
    }

    fn run(mut self, watched: &Watched, bell: &Bell) {
        loop {
            let Some(shared) = watched.upgrade() else { return };
            let now = clock::instant();
            let next = shared.expire(now);
            let pause = self.look(&shared, now);
            shared.renew();
            // Held by us only while we look: the handle's end must not wait for a pause of ours.
            drop(shared);
            bell.pause(next.map_or(pause, |next| next.min(pause)));
        }
    }

    /// Looks at the file and reads it if it is time to; returns when to look again.
    fn look(&mut self, shared: &HandleShared, now: Instant) -> Duration {
        let Some(file) = &shared.origin.file else { return PAUSE };
        let stamp = Stamp::of(&file.path);
        if stamp != self.seen.0 {
            self.seen = (stamp.clone(), now);
        }
        if self.hangup.swap(false, Ordering::AcqRel) {
            self.known = stamp;
            let reloaded = if shared.follows() {
                shared.reload()
            } else {
                shared.log.say(
                    "SIGHUP does not read the file: code has changed the configuration; `reload()` reads it",
                );
                shared.rebuild()
            };
            report(shared, reloaded);
            return PAUSE;
        }
        self.report_odd(shared, &file.path, stamp.is_none());
        if stamp.is_none() || stamp == self.known {
            return PAUSE;
        }
        if !shared.follows() {
            if self.reported != stamp {
                self.reported = stamp;
                shared.log.say(format_args!(
                    "{} has changed and is not read: code has changed the configuration; `reload()` reads the file",
                    file.path.display()
                ));
            }
            return PAUSE;
        }
        let same_for = now.saturating_duration_since(self.seen.1);
        if same_for < SETTLED {
            return SETTLED;
        }
        let may_be_cut = || environment::file(&file.path).is_ok_and(|text| looks_cut(&text, &shared.text()));
        if same_for < SETTLED_CUT && may_be_cut() {
            return PAUSE;
        }
        self.known = stamp;
        report(shared, shared.reload());
        PAUSE
    }

    /// Says once that something that is not a regular file has taken the place of the file.
    fn report_odd(&mut self, shared: &HandleShared, path: &Path, is_missing: bool) {
        let is_odd = is_missing && std::fs::metadata(path).is_ok();
        if is_odd && !self.is_odd {
            shared.log.say(format_args!(
                "{} is not a regular file: the old configuration stays in force",
                path.display()
            ));
        }
        self.is_odd = is_odd;
    }
}

fn report(shared: &HandleShared, reloaded: Result<(), crate::Diagnostics>) {
    if let Err(diagnostics) = reloaded {
        shared.log.say(format_args!("the old configuration stays in force:\n{diagnostics}"));
    }
}

/// The look of a regular file: another one when another file takes its place, under its name or behind a symbolic link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
    inode: u64,
}

impl Stamp {
    pub(crate) fn of(path: &Path) -> Option<Self> {
        // Nothing else is followed: a named pipe has no content that stays.
        let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Self { modified: metadata.modified().ok(), len: metadata.len(), inode })
    }
}

#[cfg(unix)]
fn listen_for_hangup(shared: &HandleShared, is_wanted: bool) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    if is_wanted
        && let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(&flag))
    {
        shared.log.say(format_args!("SIGHUP reloads nothing: {error}"));
    }
    flag
}

#[cfg(not(unix))]
fn listen_for_hangup(_shared: &HandleShared, _is_wanted: bool) -> Arc<AtomicBool> {
    Arc::default()
}
