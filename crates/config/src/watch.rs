//! Look for changes of the file, signals, and levels whose time is over. One small thread, which ends with the handle.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use watchfire_core::clock;

use crate::handle::{Shared, Watched};

/// How often the file is looked at.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a file has to stay the same before it is read.
const SETTLED: Duration = Duration::from_millis(100);

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

/// Starts the thread.
pub(crate) fn start(shared: &Arc<Shared>, path: Option<PathBuf>) {
    if shared.is_watched.swap(true, Ordering::AcqRel) {
        return;
    }
    let hangup = listen_for_hangup(shared, path.is_some());
    // Not how it looks now: it may have changed since it was read.
    let stamp = shared.origin.stamp.clone();
    let (watched, bell) = (Arc::downgrade(shared), Arc::clone(&shared.bell));
    let started = std::thread::Builder::new().name("watchfire-config".to_owned()).spawn(move || {
        watchfire_core::mute_thread();
        watch(&watched, path.as_deref(), stamp, &hangup, &bell);
    });
    if let Err(error) = started {
        shared
            .log
            .say(format_args!("the configuration is not watched: its thread could not be started: {error}"));
    }
}

fn watch(watched: &Watched, path: Option<&Path>, mut known: Option<Stamp>, hangup: &AtomicBool, bell: &Bell) {
    let mut seen = known.clone();
    loop {
        let Some(shared) = watched.upgrade() else { return };
        let next = shared.expire(clock::instant());
        let now = path.and_then(Stamp::of);
        let has_changed = now.is_some() && now != known;
        // One that is being written is looked at again a moment later: half a file may well be a good one.
        let is_settled = now == seen;
        seen.clone_from(&now);
        if hangup.swap(false, Ordering::AcqRel) || (has_changed && is_settled) {
            known = now;
            if let Err(mistakes) = shared.reload() {
                shared.log.say(format_args!("the old configuration stays in force:\n{mistakes}"));
            }
        }
        // Held by us only while we look: the handle's end must not wait for a pause of ours.
        drop(shared);
        let pause = if has_changed && !is_settled { SETTLED } else { PAUSE };
        bell.pause(next.map_or(pause, |next| next.min(pause)));
    }
}

/// Knows how a file looked: also when another was put in its place, under its name or behind a symbolic link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    len: u64,
    inode: u64,
}

impl Stamp {
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Self { modified: metadata.modified().ok(), len: metadata.len(), inode })
    }
}

#[cfg(unix)]
fn listen_for_hangup(shared: &Shared, is_wanted: bool) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    if is_wanted
        && let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(&flag))
    {
        shared.log.say(format_args!("SIGHUP reloads nothing: {error}"));
    }
    flag
}

#[cfg(not(unix))]
fn listen_for_hangup(_shared: &Shared, _is_wanted: bool) -> Arc<AtomicBool> {
    Arc::default()
}
