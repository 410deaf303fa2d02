//! Mark in the folder that a program runs. An orderly end removes the mark; one that runs no code leaves it behind.
//!
//! A mark is a file in `state/running/`, of which the program holds the lock of flock(2) for as long as it lives. The
//! kernel releases the lock, whatever ends the program. Its id says nothing: in containers many have the id 1.
//! Where a file system has no locks, and between hosts, the time of the file decides: the program touches it each minute.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use watchfire_core::{App, clock};

use super::{Alive, Disk, Owner};
use crate::model::Timestamp;

const FOLDER: &str = "state/running";
/// The start of the name of a mark that was found, and is to be reported.
const LEFT: &str = "left-";
/// How often the time of the file is set.
const TOUCH: Duration = Duration::from_secs(60);
/// An idle worker wakes once a minute, and timers are not exact.
const EARLY: Duration = Duration::from_secs(5);
/// After how long without a touch a program is gone whose lock says nothing.
const GONE: Duration = Duration::from_secs(180);
/// The largest file that is read.
const LARGEST: u64 = 16 << 10;

/// The program behind a mark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Runner {
    version: u32,
    pub(crate) app: String,
    pub(crate) environment: Option<String>,
    pub(crate) release: Option<String>,
    pub(crate) host: String,
    pub(crate) pid: u32,
    /// In milliseconds of Unix time.
    pub(crate) started: u64,
    /// The process as names of claimed files have it.
    owner: String,
    /// The boot of its kernel: containers of one machine share it, and their locks.
    boot: String,
    is_locked: bool,
    /// Whether its program wants no report: the mark only says that it lives.
    is_silent: bool,
}

impl Runner {
    /// Describes the present process.
    pub(crate) fn this(app: &App, owner: &Owner, is_silent: bool, now: SystemTime) -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self {
            version: 1,
            app: app.name().to_owned(),
            environment: app.environment_name().map(str::to_owned),
            release: app.release_name().map(str::to_owned),
            host: app.host_name().to_owned(),
            pid: app.process_id(),
            started: Timestamp::of_unix(now).as_millis(),
            owner: owner.to_string(),
            boot: boot.trim().to_owned(),
            is_locked: false,
            is_silent,
        }
    }

    pub(crate) fn owner(&self) -> Option<Owner> {
        Owner::parse(&self.owner)
    }

    /// Returns the program, as its own alerts name it.
    pub(crate) fn app(&self) -> App {
        let name = if self.app.is_empty() { "a program" } else { &self.app };
        let mut app = App::new(name.to_owned()).host(self.host.clone()).pid(self.pid);
        if let Some(environment) = &self.environment {
            app = app.environment(environment.clone());
        }
        if let Some(release) = &self.release {
            app = app.release(release.clone());
        }
        app
    }

    /// Tells whether the mark's program is gone although nothing holds its lock for sure; `here` looks at it.
    fn is_gone(&self, here: &Self, is_free: bool, untouched: Duration) -> bool {
        let is_here = self.boot == here.boot;
        // A machine that was booted again: its programs are gone. Another one may have a lock that is not seen from here.
        let is_before = !is_here && self.host == here.host;
        (is_free && self.is_locked && (is_here || is_before)) || untouched > GONE
    }
}

/// The mark of the present process.
#[derive(Debug)]
pub(crate) struct Marker {
    path: PathBuf,
    /// Before the file, which it names.
    #[cfg(unix)]
    _given_up: watchfire_core::process::GivenUp,
    file: File,
    touched: SystemTime,
    is_forced: bool,
}

impl Marker {
    /// Sets the mark. `tag` tells several of one process apart.
    pub(crate) fn set(disk: &Disk, runner: &Runner, tag: u32, now: SystemTime) -> io::Result<Self> {
        let folder = disk.root().join(FOLDER);
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        disk.make()?;
        builder.create(&folder)?;
        let Runner { owner, .. } = runner;
        // Locked before it is seen: one without a lock looks left behind. What a crash leaves here is cleaned up.
        let draft = disk.path(&format!("tmp/{tag:x}-mark+{owner}"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft)?;
        #[cfg(unix)]
        let given_up = watchfire_core::process::give_up_in_child(std::os::fd::AsFd::as_fd(&file));
        let runner = Runner { is_locked: file.try_lock().is_ok(), ..runner.clone() };
        let path = folder.join(format!("{owner}+{tag:x}"));
        let text = serde_json::to_string(&runner)?;
        let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&draft, &path));
        if let Err(error) = written {
            fs::remove_file(&draft).ok();
            return Err(error);
        }
        Ok(Self {
            path,
            #[cfg(unix)]
            _given_up: given_up,
            file,
            touched: now,
            is_forced: false,
        })
    }

    /// Says that the program lives, once a minute; `false` if the file is gone and has to be set again.
    pub(crate) fn touch(&mut self, now: SystemTime) -> bool {
        if !self.is_forced {
            // Not at the start of the program, which need not wait for the disk.
            self.is_forced = true;
            self.file.sync_all().ok();
            if let Some(folder) = self.path.parent().filter(|_| cfg!(unix)) {
                File::open(folder).and_then(|folder| folder.sync_all()).ok();
            }
        }
        let passed = now.duration_since(self.touched).unwrap_or(TOUCH);
        if passed + EARLY < TOUCH {
            return true;
        }
        self.touched = now;
        self.file.set_modified(now).ok();
        is_same(&self.file, &self.path)
    }

    /// Removes the mark: the program ends in order.
    pub(crate) fn remove(self) {
        fs::remove_file(&self.path).ok();
    }
}

/// A mark whose program is gone. Its lock is held: of several who look, one has it.
#[derive(Debug)]
pub(crate) struct LeftMarker {
    path: PathBuf,
    _file: File,
    pub(crate) runner: Runner,
    pub(crate) last_seen: SystemTime,
}

impl LeftMarker {
    /// Finds the marks of programs that are gone, and removes those that are not to be reported. `here` is the present
    /// process; one that wants no report of itself finds none of others.
    pub(crate) fn find(root: &Path, here: &Runner, now: SystemTime) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(root.join(FOLDER)) else { return Vec::new() };
        entries.filter_map(|entry| Self::look(entry.ok()?.path(), here, now)).collect()
    }

    fn look(path: PathBuf, here: &Runner, now: SystemTime) -> Option<Self> {
        let mut file = OpenOptions::new().read(true).write(true).open(&path).ok()?;
        let is_free = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => return None,
            Err(TryLockError::Error(_)) => false,
        };
        // It may have been removed between the opening and the lock, by its program or by another one that looks.
        if !is_same(&file, &path) {
            return None;
        }
        let mut text = String::new();
        (&mut file).take(LARGEST).read_to_string(&mut text).ok()?;
        // What a crash of the machine has left of a file is a mark too.
        let damaged = || Runner { boot: here.boot.clone(), is_locked: true, ..Runner::default() };
        let runner: Runner = serde_json::from_str(&text).unwrap_or_else(|_| damaged());
        let last_seen = file.metadata().and_then(|about| about.modified()).unwrap_or(now);
        let untouched = now.duration_since(last_seen).unwrap_or_default();
        if !runner.is_gone(here, is_free, untouched) {
            return None;
        }
        if runner.is_silent {
            fs::remove_file(&path).ok();
        }
        if runner.is_silent || here.is_silent {
            return None;
        }
        // The lock is held until it is reported. By its name others see that the program is gone all the same.
        let name = path.file_name()?.to_string_lossy().into_owned();
        let left = path.with_file_name(format!("{LEFT}{}", name.trim_start_matches(LEFT)));
        let path = if fs::rename(&path, &left).is_ok() { left } else { path };
        Some(Self { path, _file: file, runner, last_seen })
    }

    /// Returns the name that its program gave it.
    pub(crate) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        name.trim_start_matches(LEFT).to_owned()
    }

    /// Removes it: it was reported, and that is safe.
    pub(crate) fn remove(self) {
        fs::remove_file(&self.path).ok();
    }
}

/// Returns how to tell whether a process of this host lives: by its id, or, if it has its ids from elsewhere, as in
/// another container, by its mark.
pub(crate) fn alive(disk: &Disk, this: &Owner) -> Alive {
    let (root, host) = (disk.root().to_owned(), this.host.clone());
    Arc::new(move |owner| {
        let known = if owner.host == host { owner.is_alive() } else { None };
        known.unwrap_or_else(|| has_living_mark(&root, owner, clock::now()))
    })
}

fn has_living_mark(root: &Path, owner: &Owner, now: SystemTime) -> bool {
    let Ok(entries) = fs::read_dir(root.join(FOLDER)) else { return false };
    let start = format!("{owner}+");
    let is_its =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start));
    let lives = |path: PathBuf| {
        let Ok(mut file) = OpenOptions::new().read(true).write(true).open(&path) else { return false };
        let is_free = match file.try_lock() {
            Err(TryLockError::WouldBlock) => return true,
            Ok(()) => true,
            Err(TryLockError::Error(_)) => false,
        };
        let mut text = String::new();
        (&mut file).take(LARGEST).read_to_string(&mut text).ok();
        let runner: Runner = serde_json::from_str(&text).unwrap_or_default();
        let last_seen = file.metadata().and_then(|about| about.modified()).unwrap_or(now);
        !(is_free && runner.is_locked) && now.duration_since(last_seen).unwrap_or_default() <= GONE
    };
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_its).any(lives)
}

/// Tells whether a path still names this open file.
pub(super) fn is_same(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |about: fs::Metadata| (about.dev(), about.ino());
        let (open, named) = (file.metadata().map(id), fs::metadata(path).map(id));
        matches!((open, named), (Ok(open), Ok(named)) if open == named)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

#[cfg(test)]
mod tests {
    use watchfire_core::clock;

    use super::*;

    fn owner(host: &str) -> Owner {
        Owner::new(host, 1, "77-ab")
    }

    fn disk(folder: &tempfile::TempDir) -> Disk {
        Disk::open(folder.path(), "web-1").unwrap()
    }

    fn runner() -> Runner {
        Runner::this(&App::new("shop").host("web-1").pid(1), &owner("web-1"), false, clock::now())
    }

    #[test]
    fn a_held_lock_says_that_a_program_lives_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let (root, now) = (folder.path(), clock::now());
        let here = runner();
        // Two with one id, as in two containers; both ids are also those of processes that live.
        let one = Marker::set(&disk(&folder), &runner(), 1, now).unwrap();
        let two = Marker::set(&disk(&folder), &runner(), 2, now).unwrap();
        assert!(LeftMarker::find(root, &here, now).is_empty());
        // As a crash does.
        drop(one);
        let left = LeftMarker::find(root, &here, now + GONE * 2);
        assert_eq!(left.len(), 1, "the other one has its lock, whatever the time of its file");
        assert_eq!(left[0].name(), format!("{}+1", owner("web-1")));
        assert_eq!((left[0].runner.app().name(), left[0].runner.pid), ("shop", 1));
        assert!(LeftMarker::find(root, &here, now).is_empty(), "somebody is about to report it");
        left.into_iter().for_each(LeftMarker::remove);
        assert!(LeftMarker::find(root, &here, now).is_empty(), "once");
        two.remove();
        assert_eq!(fs::read_dir(root.join(FOLDER)).unwrap().count(), 0);
        assert_eq!(fs::read_dir(disk(&folder).path("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn where_a_lock_says_nothing_the_time_of_the_file_decides() {
        let here = runner();
        let (same, other_host, rebooted) = (
            Runner { is_locked: true, ..here.clone() },
            Runner { is_locked: true, boot: "other".to_owned(), host: "web-2".to_owned(), ..here.clone() },
            Runner { is_locked: true, boot: "other".to_owned(), ..here.clone() },
        );
        let no_locks = Runner { is_locked: false, ..here.clone() };
        let (fresh, old) = (TOUCH + EARLY, GONE + EARLY);
        // (mark, its lock could be had, how long it was not touched, is gone)
        let cases = [
            (&same, true, fresh, true),
            (&same, false, fresh, false),
            (&same, false, old, true),
            (&other_host, true, fresh, false),
            (&other_host, true, old, true),
            (&rebooted, true, fresh, true),
            (&no_locks, true, fresh, false),
            (&no_locks, true, old, true),
        ];
        for (mark, is_free, untouched, is_gone) in cases {
            assert_eq!(mark.is_gone(&here, is_free, untouched), is_gone, "{mark:?} {is_free} {untouched:?}");
        }
    }

    #[test]
    fn it_is_touched_once_a_minute_and_misses_a_file_that_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let start = clock::now();
        let mut marker = Marker::set(&disk(&folder), &runner(), 1, start).unwrap();
        let modified = |marker: &Marker| fs::metadata(&marker.path).unwrap().modified().unwrap();
        let before = modified(&marker);
        assert!(marker.touch(start + Duration::from_secs(30)));
        assert_eq!(modified(&marker), before);
        let later = start + Duration::from_secs(60);
        assert!(marker.touch(later));
        assert_eq!(modified(&marker), later);
        fs::remove_file(&marker.path).unwrap();
        assert!(!marker.touch(later + TOUCH));
    }

    #[test]
    fn a_damaged_mark_is_one_too() {
        let folder = tempfile::tempdir().unwrap();
        let (root, now) = (folder.path(), clock::now());
        drop(Marker::set(&disk(&folder), &runner(), 1, now).unwrap());
        let path = fs::read_dir(root.join(FOLDER)).unwrap().next().unwrap().unwrap().path();
        for text in ["", "{\"app\":", "null"] {
            fs::write(&path, text).unwrap();
            assert_eq!(LeftMarker::find(root, &runner(), now).len(), 1, "{text:?}");
        }
    }

    #[test]
    fn a_process_in_another_container_is_known_by_its_mark() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, now) = (disk(&folder), clock::now());
        let (this, other) = (owner("web-1.17"), owner("web-1.18"));
        let alive = alive(&disk, &this);
        assert!(!alive(&other), "it has no mark");
        for is_silent in [false, true] {
            let runner = Runner::this(&App::new("shop").host("web-1").pid(1), &other, is_silent, now);
            let marker = Marker::set(&disk, &runner, 1, now).unwrap();
            assert!(alive(&other));
            drop(marker);
            assert!(!alive(&other), "nobody holds its lock");
            // Also while another process is about to report it.
            let found = LeftMarker::find(folder.path(), &runner_of(&this, now), now);
            assert_eq!(found.len(), usize::from(!is_silent));
            assert!(!alive(&other));
            found.into_iter().for_each(LeftMarker::remove);
            assert_eq!(fs::read_dir(folder.path().join(FOLDER)).unwrap().count(), 0);
        }
    }

    fn runner_of(owner: &Owner, now: SystemTime) -> Runner {
        Runner::this(&App::new("shop").host("web-1").pid(1), owner, false, now)
    }
}
