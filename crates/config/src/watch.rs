//! Look for changes of the file, signals, and levels whose time is over. One small thread, which ends with the handle.

use std::{
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use watchfire_core::clock;

use crate::handle::{Shared, Watched, stamp};

/// How often the file is looked at.
const PAUSE: Duration = Duration::from_secs(1);

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
    let (watched, bell) = (Arc::downgrade(shared), Arc::clone(&shared.bell));
    let started = std::thread::Builder::new().name("watchfire-config".to_owned()).spawn(move || {
        watchfire_core::mute_thread();
        watch(&watched, path.as_deref(), &hangup, &bell);
    });
    if let Err(error) = started {
        shared
            .log
            .say(format_args!("the configuration is not watched: its thread could not be started: {error}"));
    }
}

fn watch(watched: &Watched, path: Option<&std::path::Path>, hangup: &AtomicBool, bell: &Bell) {
    let mut known = path.and_then(stamp);
    loop {
        let Some(shared) = watched.upgrade() else { return };
        let next = shared.expire(clock::instant());
        let now = path.and_then(stamp);
        let has_changed = now.is_some() && now != known;
        if has_changed || hangup.swap(false, Ordering::AcqRel) {
            known = now;
            match shared.reload() {
                Ok(()) => {}
                Err(mistakes) => {
                    shared.log.say(format_args!("the old configuration stays in force:\n{mistakes}"))
                }
            }
        }
        // Held by us only while we look: the handle's end must not wait for a pause of ours.
        drop(shared);
        bell.pause(next.map_or(PAUSE, |next| next.min(PAUSE)));
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
