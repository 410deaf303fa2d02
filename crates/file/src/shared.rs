//! The lines that wait and the file, shared by callers, the writer's thread and the exit hook.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use watchfire_core::{SelfLog, clock, counted, process};

use crate::{
    Durability, FileCounts, WhenFull,
    batch::Batch,
    durability::Pace,
    fs::Filesystem,
    output::Output,
    plan::{FilePlan, WriteTrouble},
    rotation::Period,
    time::seconds,
};

mod flush;
mod housekeeping;
mod locks;
mod rotated;
mod waiters;
mod worker;

use housekeeping::Housekeeping;
use locks::{calmly, lock, lock_within};
pub(crate) use rotated::{OnRotation, Rotated};
use waiters::{Requests, Waiters};

pub(crate) struct FileShared {
    pub(crate) fs: Arc<dyn Filesystem>,
    pub(crate) plan: Arc<FilePlan>,
    pub(crate) pace: Pace,
    front: Mutex<Front>,
    io: Mutex<Io>,
    wake: Condvar,
    self_log: SelfLog,
    /// Makes the line that says how many are missing.
    gap: Arc<Gap>,
    hangup: Option<Arc<AtomicBool>>,
    /// The process that this writer belongs to.
    pub(crate) forks: u32,
    /// Whether a caller has waited in vain for the write that is under way.
    is_hanging: AtomicBool,
    last_tidy: Mutex<LastTidy>,
    /// The callers that wait for the writer.
    waiters: Waiters,
    requests: Requests,
    housekeeping: Housekeeping,
    /// The rotated files that the program is still to be told of.
    rotated: Option<Arc<Rotated>>,
    /// Whether the thread of the file runs: then it alone touches the file, and callers wait for it within bounds.
    is_running: AtomicBool,
    /// Whether the file is to be opened anew with the next line.
    must_reopen: AtomicBool,
    /// Whether the last attempt to write failed: waiting for room would be in vain for a while.
    is_failing: AtomicBool,
    waits: AtomicU64,
    written: AtomicU64,
    failures: AtomicU64,
    dropped: AtomicU64,
    rotations: AtomicU64,
    /// Lines of a child of a fork that could not open the file.
    pub(crate) lost_after_fork: AtomicU64,
}

/// Makes the line that says how many are missing.
pub(crate) type Gap = dyn Fn(u64, SystemTime) -> String + Send + Sync;

/// The parts of a writer.
#[derive(Clone)]
pub(crate) struct WriterParts {
    pub(crate) fs: Arc<dyn Filesystem>,
    pub(crate) plan: Arc<FilePlan>,
    pub(crate) pace: Pace,
    pub(crate) self_log: SelfLog,
    pub(crate) gap: Arc<Gap>,
    pub(crate) hangup: Option<Arc<AtomicBool>>,
    pub(crate) on_rotation: Option<Arc<OnRotation>>,
}

/// The reason why a writer is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Process,
    /// After a fork: the program has started before, and nothing is rotated for it.
    Child,
}

/// The clocks when files were last removed.
struct LastTidy {
    wall: SystemTime,
    at: Instant,
    /// Nothing is removed for its age before this.
    age_counts_from: Option<Instant>,
}

/// The state that callers touch; the lock is held for the copy of a line.
struct Front {
    batch: Batch,
    /// How many records were ever taken.
    accepted: u64,
    period: Period,
    /// The second that is known to be in the period: from the first time, before the other.
    second: (SystemTime, SystemTime),
    /// Lines dropped since the last one that was taken; while there are any, no line is taken.
    missing: u64,
    is_asleep: bool,
    is_urgent: bool,
    is_stopped: bool,
}

/// The state of writing, which one thread at a time does.
struct Io {
    output: Output,
    batch: Batch,
    retry_at: Option<Instant>,
    /// Whether that is for a lock of others, which urgent lines do not wait for.
    waits_for_lock: bool,
    /// The latest wish for a rotation that was taken up.
    rotation_wish: u64,
    pause: Duration,
    last_write: Instant,
    last_sync: Instant,
    is_in_trouble: bool,
}

/// So many waiting bytes are written without waiting for the timer.
const HIGH: usize = 64 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const NAP: Duration = Duration::from_micros(500);
/// How long a call waits for the file to be closed.
const REOPEN_PATIENCE: Duration = Duration::from_millis(100);
/// How often a caller that waits for room looks for it.
const ROOM_NAP: Duration = Duration::from_micros(100);
const EXIT_PATIENCE: Duration = Duration::from_secs(2);
/// How long the exit waits for another thread's write, when all its time has gone into something else.
const EXIT_LEAST: Duration = Duration::from_millis(100);

impl FileShared {
    pub(crate) fn new(parts: WriterParts, start: Start) -> Result<Self, WriteTrouble> {
        let WriterParts { fs, plan, pace, self_log, gap, hangup, on_rotation } = parts;
        let rotated = on_rotation.map(Rotated::new);
        let (now, instant) = (clock::now(), clock::instant());
        let forks = process::forks();
        let mut output = Output::new(Arc::clone(&fs), Arc::clone(&plan), start == Start::Process);
        output.tell(rotated.clone());
        let deadline = instant + EXIT_PATIENCE;
        while let Err(trouble) = output.start(now, clock::instant()) {
            match trouble {
                WriteTrouble::Busy if clock::instant() < deadline => std::thread::park_timeout(NAP),
                trouble => return Err(trouble),
            }
        }
        let front = Front {
            batch: Batch::default(),
            accepted: 0,
            period: plan.period(now),
            second: (now, now),
            missing: 0,
            is_asleep: false,
            is_urgent: false,
            is_stopped: false,
        };
        let io = Io {
            output,
            batch: Batch::default(),
            retry_at: None,
            waits_for_lock: false,
            rotation_wish: 0,
            pause: FIRST_PAUSE,
            last_write: instant,
            last_sync: instant,
            is_in_trouble: false,
        };
        Ok(Self {
            fs,
            plan,
            pace,
            front: Mutex::new(front),
            io: Mutex::new(io),
            wake: Condvar::new(),
            self_log,
            gap,
            hangup,
            forks,
            is_hanging: AtomicBool::new(false),
            last_tidy: Mutex::new(LastTidy { wall: now, at: instant, age_counts_from: None }),
            waiters: Waiters::default(),
            requests: Requests::default(),
            housekeeping: Housekeeping::default(),
            rotated,
            is_running: AtomicBool::new(false),
            must_reopen: AtomicBool::new(false),
            is_failing: AtomicBool::new(false),
            waits: AtomicU64::new(0),
            written: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            rotations: AtomicU64::new(0),
            lost_after_fork: AtomicU64::new(0),
        })
    }

    /// Takes one record, formatted. `is_urgent` ones are in the file when this returns, unless it takes nothing for
    /// longer than `block_at_most`.
    pub(crate) fn submit(&self, record: &str, at: SystemTime, is_urgent: bool) {
        // Lines that are not urgent are the first to be dropped.
        let spare = if is_urgent { self.pace.capacity / 4 } else { 0 };
        let capacity = self.pace.capacity + spare;
        let has_room = |front: &Front| front.batch.is_empty() || front.batch.len() + record.len() <= capacity;
        let mut front = self.front();
        let mut fits = has_room(&front);
        if front.missing == 0 && !fits {
            drop(front);
            self.waits.fetch_add(1, Ordering::Relaxed);
            front = self.make_room(&has_room);
            fits = has_room(&front);
        }
        if (front.missing > 0 && !is_urgent) || !fits {
            front.missing += 1;
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // Most lines are of the second of the one before.
        if at < front.second.0 || at >= front.second.1 {
            let (second, nanos) = seconds(at);
            if !front.period.holds(second) {
                front.period = self.plan.period(at);
            }
            let start = at.checked_sub(Duration::from_nanos(nanos.into())).unwrap_or(at);
            front.second = (start, start.checked_add(Duration::from_secs(1)).unwrap_or(start));
        }
        let period = front.period;
        front.batch.push(record.as_bytes(), period);
        front.accepted += 1;
        let waits = is_urgent || self.pace.durability == Durability::EachLine;
        front.is_urgent |= waits;
        let ticket = front.accepted;
        // Once, as the mark is passed: who writes looks at it again by himself.
        let is_high = (HIGH..HIGH.saturating_add(record.len())).contains(&front.batch.len());
        let must_wake = std::mem::take(&mut front.is_asleep) || (is_high && self.pace.has_thread) || waits;
        drop(front);
        if must_wake {
            self.wake.notify_one();
        }
        if waits || (!self.pace.has_thread && (is_high || self.is_due())) {
            self.write_soon(ticket, waits);
        }
    }

    /// Waits until the thread has written the lines up to the ticket; without a thread the caller writes them.
    fn write_soon(&self, ticket: u64, waits: bool) {
        let waits = waits && !self.is_hanging.load(Ordering::Relaxed);
        let patience = if waits { self.pace.block_at_most } else { Duration::ZERO };
        if self.is_running.load(Ordering::Acquire) {
            let deadline = clock::after(clock::instant(), patience);
            // A disk that is full is not waited for.
            let ends = || self.is_failing.load(Ordering::Relaxed) || self.is_hanging.load(Ordering::Relaxed);
            let is_in_time = self.waiters.wait_until(deadline, || self.progress() >= ticket || ends());
            self.is_hanging.fetch_or(waits && !is_in_time, Ordering::Relaxed);
        } else {
            match lock_within(&self.io, patience) {
                Some(mut io) => self.drain(&mut io, waits),
                None => {
                    self.is_hanging.fetch_or(waits, Ordering::Relaxed);
                }
            }
        }
    }

    /// Returns how many of the records are where the durability wants them.
    fn progress(&self) -> u64 {
        match self.pace.durability {
            Durability::SyncOnError => self.requests.synced.load(Ordering::SeqCst),
            _ => self.written.load(Ordering::SeqCst),
        }
    }

    /// Waits, within bounds, until the buffer has room again; once, if the file takes nothing at all.
    ///
    /// Returns the buffer still locked: of several callers that wait, another one could fill the room in between.
    fn make_room(&self, has_room: &dyn Fn(&Front) -> bool) -> MutexGuard<'_, Front> {
        if !self.is_running.load(Ordering::Acquire) {
            if let Some(mut io) = lock_within(&self.io, self.pace.block_at_most) {
                self.drain(&mut io, false);
            }
            return self.front();
        }
        self.wake.notify_one();
        // The caller does not write itself: a disk that hangs would hang it too.
        let deadline = clock::after(clock::instant(), self.pace.block_at_most);
        loop {
            let front = self.front();
            if has_room(&front)
                || self.pace.when_full == WhenFull::Drop
                || self.is_hanging.load(Ordering::Relaxed)
            {
                return front;
            }
            if self.is_failing.load(Ordering::Relaxed) || clock::instant() >= deadline {
                self.is_hanging.store(true, Ordering::Relaxed);
                return front;
            }
            drop(front);
            std::thread::park_timeout(ROOM_NAP);
        }
    }

    /// Without a thread the callers look at the clock.
    fn is_due(&self) -> bool {
        match self.io.try_lock() {
            Ok(io) => clock::instant().saturating_duration_since(io.last_write) >= self.pace.flush_every,
            Err(_) => false,
        }
    }

    /// Closes the file, which the next line opens anew. A writer that hangs is not waited for.
    pub(crate) fn reopen(&self) {
        self.must_reopen.store(true, Ordering::SeqCst);
        if self.is_running.load(Ordering::Acquire) {
            self.front().is_urgent = true;
            self.wake.notify_one();
            let until = clock::after(clock::instant(), REOPEN_PATIENCE);
            self.waiters.wait_until(until, || !self.must_reopen.load(Ordering::SeqCst));
        }
    }

    pub(crate) fn counts(&self) -> FileCounts {
        FileCounts {
            written: self.written.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed) + self.lost_after_fork.load(Ordering::Relaxed),
            waits: self.waits.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            rotations: self.rotations.load(Ordering::Relaxed),
        }
    }

    /// Returns how many records wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.front().accepted.saturating_sub(self.written.load(Ordering::SeqCst))
    }

    /// Tells the thread to write what is left and to end.
    pub(crate) fn stop(&self) {
        self.front().is_stopped = true;
        self.wake.notify_all();
    }

    /// Writes what waits. What cannot be written stays, and is tried again after a pause.
    fn drain(&self, io: &mut Io, is_urgent: bool) {
        let mut is_urgent = is_urgent;
        loop {
            let is_left;
            {
                let mut front = self.front();
                is_urgent |= std::mem::take(&mut front.is_urgent);
                // Unwritten lines stay in the batch, which is bounded like the buffer before it.
                if io.batch.is_empty() || io.batch.len() + front.batch.len() <= self.pace.capacity {
                    io.batch.append(&mut front.batch);
                }
                is_left = !front.batch.is_empty();
            }
            let instant = clock::instant();
            let is_asked = self.requests.take(io);
            let reopens = self.must_reopen.swap(false, Ordering::SeqCst);
            if reopens {
                io.output.close();
                self.waiters.wake();
            }
            if is_asked || reopens || (is_urgent && io.waits_for_lock) {
                io.retry_at = None;
            }
            if io.retry_at.is_some_and(|at| instant < at) {
                return;
            }
            let before = io.batch.records();
            let result = io.output.write(&mut io.batch, !is_urgent, instant);
            let written = before.saturating_sub(io.batch.records());
            if written > 0 {
                self.is_hanging.store(false, Ordering::Relaxed);
            }
            self.is_failing.store(matches!(result, Err(WriteTrouble::Io { .. })), Ordering::Relaxed);
            self.written.fetch_add(written as u64, Ordering::SeqCst);
            self.after_write(io, instant);
            io.waits_for_lock = matches!(result, Err(WriteTrouble::Busy));
            if result.is_ok() {
                self.sync_if_due(io, is_urgent, is_asked, instant);
            }
            self.requests.serve(io);
            self.waiters.wake();
            match result {
                Ok(()) => {
                    io.retry_at = None;
                    io.pause = FIRST_PAUSE;
                    io.last_write = instant;
                    if std::mem::take(&mut io.is_in_trouble) {
                        let path = self.plan.path.display();
                        calmly(|| self.self_log.say(format_args!("{path} can be written to again")));
                    }
                    let more = self.say_what_is_missing() | is_left | self.has_more();
                    if !more {
                        break;
                    }
                }
                Err(WriteTrouble::Busy) => {
                    io.retry_at = Some(instant + NAP);
                    return;
                }
                Err(WriteTrouble::Full) => {
                    io.output.wait_until_writable(NAP);
                    io.retry_at = Some(instant + NAP);
                    return;
                }
                Err(trouble) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    io.is_in_trouble = true;
                    io.retry_at = Some(instant + io.pause);
                    io.pause = (io.pause * 2).min(LONGEST_PAUSE);
                    self.report(&trouble, instant);
                    return;
                }
            }
        }
        if !self.pace.has_thread && io.output.take_untidy() {
            if self.keep_house(io.output.place().as_deref()) {
                io.output.set_untidy();
            }
            self.tell_of_rotated();
        }
    }

    fn sync_if_due(&self, io: &mut Io, is_urgent: bool, is_asked: bool, instant: Instant) {
        let must_sync = match self.pace.durability {
            Durability::SyncEvery(every) => {
                is_asked || instant.saturating_duration_since(io.last_sync) >= every
            }
            Durability::SyncOnError => is_urgent || is_asked,
            Durability::Buffered | Durability::EachLine => false,
        };
        if !must_sync {
            return;
        }
        io.last_sync = instant;
        let written = self.written.load(Ordering::SeqCst);
        match io.output.sync() {
            Ok(()) => self.requests.synced.store(written, Ordering::SeqCst),
            Err(trouble) => {
                self.is_failing.store(true, Ordering::Relaxed);
                self.report(&trouble, instant);
            }
        }
    }

    fn has_more(&self) -> bool {
        let front = self.front();
        front.is_urgent || front.batch.len() >= HIGH
    }

    fn after_write(&self, io: &mut Io, instant: Instant) {
        self.rotations.store(io.output.rotations(), Ordering::Relaxed);
        for trouble in io.output.take_mishaps() {
            self.failures.fetch_add(1, Ordering::Relaxed);
            self.report(&trouble, instant);
        }
    }

    /// Puts the line about a gap into the buffer, at the place of the gap. Returns whether there was one.
    fn say_what_is_missing(&self) -> bool {
        let missing = self.front().missing;
        if missing == 0 {
            return false;
        }
        let now = clock::now();
        let line = calmly(|| (self.gap)(missing, now))
            .unwrap_or_else(|| format!("missing here: {}\n", counted(missing, "line")));
        let mut front = self.front();
        if front.missing != missing {
            // More have gone missing in the meantime; the caller comes back.
            return true;
        }
        let period = front.period;
        front.batch.push(line.as_bytes(), period);
        front.accepted += 1;
        front.missing = 0;
        true
    }

    /// Notes that the thread is about to run.
    pub(crate) fn has_runner(&self, runs: bool) {
        self.is_running.store(runs, Ordering::Release);
    }

    fn report(&self, trouble: &WriteTrouble, instant: Instant) {
        let path = self.plan.path.display();
        if let WriteTrouble::Io { doing, error } = trouble {
            let kind = format!("{path}{doing}");
            calmly(|| {
                self.self_log.say_paced(&kind, instant, format_args!("{path}: cannot {doing}: {error}"))
            });
        }
    }

    fn front(&self) -> MutexGuard<'_, Front> {
        lock(&self.front)
    }
}

#[cfg(test)]
mod tests;
