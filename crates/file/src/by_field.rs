//! One log file per value of a field, of which a bounded number is open.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use arc_swap::ArcSwap;
use watchfire_core::{
    EventView, Flushed, clock,
    process::{self, AtExit},
};

use crate::{
    FileCounts,
    current::Current,
    plan::reason,
    rotation::FileNames,
    shared::{FileShared, WriterParts},
};

mod pattern;

pub(crate) use pattern::PathPattern;

/// The files of all values.
pub(crate) struct ByField {
    pattern: PathPattern,
    /// The parts of the file for events without the field.
    parts: WriterParts,
    limits: OpenLimits,
    files: ArcSwap<OpenFiles>,
    /// The counters of files that were closed.
    closed: Mutex<FileCounts>,
    /// Lines of files that could not be opened.
    lost: AtomicU64,
}

/// The limits of how many files are open at a time, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenLimits {
    pub(crate) most: usize,
    pub(crate) idle: Duration,
}

/// The open files of one process: the child of a fork has others.
#[derive(Default)]
struct OpenFiles {
    forks: u32,
    open: Mutex<HashMap<String, OpenFile>>,
    /// Files that could not be opened, and when that is tried again.
    failed: Mutex<HashMap<String, Instant>>,
}

struct OpenFile {
    writer: Arc<Current>,
    used: Instant,
}

/// How long a file that could not be opened is left alone.
const PAUSE: Duration = Duration::from_secs(5);
/// How many files are remembered as such.
const FAILED: usize = 1000;
/// How often at most idle files are looked for.
const LEAST_PAUSE: Duration = Duration::from_millis(5);

impl ByField {
    pub(crate) fn new(pattern: PathPattern, parts: WriterParts, limits: OpenLimits) -> Arc<Self> {
        process::watch_forks();
        let files = ArcSwap::from_pointee(OpenFiles { forks: process::forks(), ..OpenFiles::default() });
        let (closed, lost) = (Mutex::default(), AtomicU64::new(0));
        let all = Arc::new(Self { pattern, parts, limits, files, closed, lost });
        all.start_closing();
        all
    }

    /// Returns the path of the file for an event; a user's formatter may run here.
    pub(crate) fn path_of(&self, event: &EventView<'_>) -> String {
        self.pattern.path_of(event)
    }

    pub(crate) fn path_without_fields(&self) -> PathBuf {
        self.parts.plan.path.clone()
    }

    /// Writes a line to the file of this path; if that cannot be opened, to the file of events without the field.
    pub(crate) fn accept(self: &Arc<Self>, path: &str, line: &str, at: SystemTime, is_urgent: bool) {
        let written = |path: &str| {
            let writer = self.writer(path)?;
            writer.with(|writer| writer.submit(line, at, is_urgent))
        };
        if written(path).is_none() {
            let other = self.pattern.without_fields().unwrap_or_default();
            if other == path || written(&other).is_none() {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        if !self.parts.pace.has_thread {
            self.close_idle();
        }
    }

    /// Calls `work` with each open file.
    pub(crate) fn each(&self, work: &mut dyn FnMut(&FileShared)) {
        let writers: Vec<Arc<Current>> =
            lock(&self.files().open).values().map(|file| Arc::clone(&file.writer)).collect();
        for writer in writers {
            if let Some(shared) = writer.used() {
                work(&shared);
            }
        }
    }

    pub(crate) fn flush(&self, deadline: Instant) -> Flushed {
        let mut all = Flushed::Yes;
        self.each(&mut |shared| all = all.and(shared.flush(deadline)));
        all
    }

    pub(crate) fn counts(&self) -> FileCounts {
        let mut sum = *lock(&self.closed);
        self.each(&mut |shared| add(&mut sum, shared.counts()));
        sum.dropped += self.lost.load(Ordering::Relaxed);
        sum
    }

    /// Writes what waits within `patience`, and closes all files.
    pub(crate) fn close_all(&self, patience: Duration) {
        let deadline = clock::after(clock::instant(), patience);
        let all: Vec<OpenFile> = lock(&self.files().open).drain().map(|(_, file)| file).collect();
        for file in all {
            self.close(&file, deadline);
        }
    }

    /// Returns the open files of this process.
    fn files(&self) -> Arc<OpenFiles> {
        let found = self.files.load_full();
        if found.forks == process::forks() {
            return found;
        }
        // The locks may be held for ever in the child, and the files are the parent's: all of that is left alone.
        let fresh = Arc::new(OpenFiles { forks: process::forks(), ..OpenFiles::default() });
        let before = self.files.compare_and_swap(&found, Arc::clone(&fresh));
        if Arc::ptr_eq(&before, &found) {
            let _kept = Arc::into_raw(found);
            return fresh;
        }
        self.files.load_full()
    }

    fn writer(self: &Arc<Self>, path: &str) -> Option<Arc<Current>> {
        let files = self.files();
        let now = clock::instant();
        let evicted = {
            let mut open = lock(&files.open);
            if let Some(file) = open.get_mut(path) {
                file.used = now;
                return Some(Arc::clone(&file.writer));
            }
            if lock(&files.failed).get(path).is_some_and(|until| now < *until) {
                return None;
            }
            // One that somebody writes to just now stays.
            let is_free = |file: &OpenFile| Arc::strong_count(&file.writer) == 1;
            let oldest = open.iter().filter(|(_, file)| is_free(file)).min_by_key(|(_, file)| file.used);
            let oldest = oldest.map(|(path, _)| path.clone()).filter(|_| open.len() >= self.limits.most);
            oldest.and_then(|path| open.remove(&path))
        };
        if let Some(file) = evicted {
            self.close(&file, clock::after(now, self.parts.pace.block_at_most));
        }
        let writer = self.open(path)?;
        let mut open = lock(&files.open);
        // Another thread may have been faster; its file is used then.
        let file = open.entry(path.to_owned()).or_insert(OpenFile { writer, used: now });
        Some(Arc::clone(&file.writer))
    }

    fn open(&self, path: &str) -> Option<Arc<Current>> {
        let mut plan = (*self.parts.plan).clone();
        plan.path = PathBuf::from(path);
        let base = plan.path.file_name()?.to_str()?.to_owned();
        plan.names =
            FileNames::new(base, plan.names.schedule.clone()).with_pattern(plan.name_pattern.as_ref());
        let parts = WriterParts { plan: Arc::new(plan), ..self.parts.clone() };
        let opened = Current::new(parts, self.parts.pace.block_at_most);
        let started = opened.map_err(|trouble| reason(&trouble)).and_then(|writer| {
            writer.start_thread().map_err(|error| format!("its thread cannot be started: {error}"))?;
            Ok(writer)
        });
        match started {
            Ok(writer) => {
                let writer = Arc::new(writer);
                let for_exit: Arc<dyn AtExit> = Arc::<Current>::clone(&writer);
                process::at_exit(Arc::downgrade(&for_exit));
                Some(writer)
            }
            Err(reason) => {
                let now = clock::instant();
                let files = self.files();
                let mut failed = lock(&files.failed);
                if failed.len() >= FAILED {
                    failed.clear();
                }
                failed.insert(path.to_owned(), clock::after(now, PAUSE));
                drop(failed);
                self.parts.self_log.say_paced("open by field", now, format_args!("{path}: {reason}"));
                None
            }
        }
    }

    /// Writes what waits in a file that nobody writes to any more, and closes it.
    fn close(&self, file: &OpenFile, deadline: Instant) {
        let Some(shared) = file.writer.used() else { return };
        let flushed = shared.flush(deadline);
        shared.stop();
        let mut counts = shared.counts();
        if flushed == Flushed::TimedOut {
            counts.dropped += shared.waiting();
        }
        add(&mut lock(&self.closed), counts);
    }

    /// Closes files that were not written to for a while.
    fn close_idle(&self) {
        let (files, now) = (self.files(), clock::instant());
        let is_idle = |file: &OpenFile| {
            let is_old = now.saturating_duration_since(file.used) >= self.limits.idle;
            is_old && Arc::strong_count(&file.writer) == 1
        };
        let idle: Vec<OpenFile> =
            lock(&files.open).extract_if(|_, file| is_idle(file)).map(|(_, file)| file).collect();
        for file in idle {
            self.close(&file, clock::after(now, self.parts.pace.block_at_most));
        }
    }

    /// Starts the thread that closes idle files, if there may be threads.
    fn start_closing(self: &Arc<Self>) {
        if !self.parts.pace.has_thread {
            return;
        }
        let (files, pause): (Weak<Self>, _) = (Arc::downgrade(self), (self.limits.idle / 4).max(LEAST_PAUSE));
        let thread = std::thread::Builder::new().name("watchfire-files".to_owned());
        let started = thread.spawn(move || {
            watchfire_core::mute_thread();
            loop {
                std::thread::park_timeout(pause);
                match files.upgrade() {
                    Some(files) => files.close_idle(),
                    None => return,
                }
            }
        });
        if let Err(error) = started {
            self.parts.self_log.say(format_args!("idle log files are not closed: {error}"));
        }
    }
}

fn add(sum: &mut FileCounts, counts: FileCounts) {
    sum.written += counts.written;
    sum.dropped += counts.dropped;
    sum.waits += counts.waits;
    sum.failures += counts.failures;
    sum.rotations += counts.rotations;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
