//! What the callers, the writer's thread and the exit hook share: the lines that wait, and the file.

use std::{
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use watchfire_core::{SelfLog, clock};

use crate::{
    Durability, FileCounts,
    batch::Batch,
    durability::Pace,
    fs::Filesystem,
    output::Output,
    plan::{Plan, Trouble},
    rotation::Period,
    time::seconds,
};

mod flush;
mod locks;
mod worker;

use locks::{calmly, lock, lock_within};

pub(crate) struct Shared {
    pub(crate) fs: Arc<dyn Filesystem>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) pace: Pace,
    front: Mutex<Front>,
    io: Mutex<Io>,
    wake: Condvar,
    self_log: SelfLog,
    /// Makes the line that says how many are missing.
    gap: Box<dyn Fn(u64, SystemTime) -> String + Send + Sync>,
    hangup: Option<Arc<AtomicBool>>,
    /// Whether a caller has waited in vain for the write that is under way.
    is_hanging: AtomicBool,
    waits: AtomicU64,
    written: AtomicU64,
    failures: AtomicU64,
    dropped: AtomicU64,
    rotations: AtomicU64,
}

/// Is what callers touch; the lock is held for the copy of a line.
struct Front {
    batch: Batch,
    /// How many records were ever taken.
    accepted: u64,
    period: Period,
    /// Lines dropped since the last one that was taken; while there are any, no line is taken.
    missing: u64,
    is_asleep: bool,
    is_urgent: bool,
    is_stopped: bool,
}

/// Is what only one thread at a time does: write.
struct Io {
    output: Output,
    batch: Batch,
    retry_at: Option<Instant>,
    pause: Duration,
    last_write: Instant,
    last_sync: Instant,
    is_in_trouble: bool,
}

/// So many waiting bytes are written without waiting for the timer.
const HIGH: usize = 64 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a caller whose line is urgent waits for another thread's write; once, if the disk hangs.
const WRITER_PATIENCE: Duration = Duration::from_millis(50);
const NAP: Duration = Duration::from_micros(500);
const EXIT_PATIENCE: Duration = Duration::from_secs(2);
/// How long the exit waits for another thread's write, when all its time has gone into something else.
const EXIT_LEAST: Duration = Duration::from_millis(100);

impl Shared {
    pub(crate) fn new(
        fs: Arc<dyn Filesystem>,
        plan: Arc<Plan>,
        pace: Pace,
        self_log: SelfLog,
        gap: Box<dyn Fn(u64, SystemTime) -> String + Send + Sync>,
        hangup: Option<Arc<AtomicBool>>,
    ) -> Result<Self, Trouble> {
        let (now, instant) = (clock::now(), clock::instant());
        let mut output = Output::new(Arc::clone(&fs), Arc::clone(&plan));
        let deadline = instant + EXIT_PATIENCE;
        while let Err(trouble) = output.start(now, clock::instant()) {
            match trouble {
                Trouble::Busy if clock::instant() < deadline => std::thread::park_timeout(NAP),
                trouble => return Err(trouble),
            }
        }
        let front = Front {
            batch: Batch::default(),
            accepted: 0,
            period: plan.period(now),
            missing: 0,
            is_asleep: false,
            is_urgent: false,
            is_stopped: false,
        };
        let io = Io {
            output,
            batch: Batch::default(),
            retry_at: None,
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
            is_hanging: AtomicBool::new(false),
            waits: AtomicU64::new(0),
            written: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            rotations: AtomicU64::new(0),
        })
    }

    /// Takes one record, formatted. `is_urgent` ones are written before this returns, if nobody else is writing.
    pub(crate) fn submit(&self, record: &str, at: SystemTime, is_urgent: bool) {
        let mut front = self.front();
        if front.missing == 0
            && front.batch.len() + record.len() > self.pace.capacity
            && !front.batch.is_empty()
        {
            drop(front);
            self.waits.fetch_add(1, Ordering::Relaxed);
            let mut io = lock(&self.io);
            self.drain(&mut io, false);
            front = self.front();
        }
        let is_full = front.batch.len() + record.len() > self.pace.capacity && !front.batch.is_empty();
        if front.missing > 0 || is_full {
            front.missing += 1;
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let (second, _) = seconds(at);
        if !front.period.holds(second) {
            front.period = self.plan.period(at);
        }
        let period = front.period;
        front.batch.push(record.as_bytes(), period);
        front.accepted += 1;
        front.is_urgent |= is_urgent;
        // Once, as the mark is passed: who writes looks at it again by himself.
        let is_high = (HIGH..HIGH.saturating_add(record.len())).contains(&front.batch.len());
        let must_wake = std::mem::take(&mut front.is_asleep) || (is_high && self.pace.has_thread);
        drop(front);
        if must_wake {
            self.wake.notify_one();
        }
        if self.pace.durability == Durability::EachLine {
            self.drain(&mut lock(&self.io), true);
        } else if is_urgent || (!self.pace.has_thread && (is_high || self.is_due())) {
            let waits = is_urgent && !self.is_hanging.load(Ordering::Relaxed);
            match lock_within(&self.io, if waits { WRITER_PATIENCE } else { Duration::ZERO }) {
                Some(mut io) => self.drain(&mut io, is_urgent),
                None => {
                    self.is_hanging.fetch_or(waits, Ordering::Relaxed);
                    // Whoever writes looks again before it lets go; the thread is woken for the moment in between.
                    self.wake.notify_one();
                }
            }
        }
    }

    /// Without a thread the callers look at the clock.
    fn is_due(&self) -> bool {
        match self.io.try_lock() {
            Ok(io) => clock::instant().saturating_duration_since(io.last_write) >= self.pace.flush_every,
            Err(_) => false,
        }
    }

    pub(crate) fn reopen(&self) {
        lock(&self.io).output.close();
    }

    pub(crate) fn counts(&self) -> FileCounts {
        FileCounts {
            written: self.written.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            waits: self.waits.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            rotations: self.rotations.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.plan.path.clone()
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
                // What cannot be written stays in the batch, which is bounded as what waits in front of it.
                if io.batch.is_empty() || io.batch.len() + front.batch.len() <= self.pace.capacity {
                    io.batch.append(&mut front.batch);
                }
                is_left = !front.batch.is_empty();
            }
            let instant = clock::instant();
            if io.retry_at.is_some_and(|at| instant < at) {
                return;
            }
            let before = io.batch.records();
            let result = io.output.write(&mut io.batch, !is_urgent, instant);
            self.is_hanging.store(false, Ordering::Relaxed);
            let written = before.saturating_sub(io.batch.records());
            self.written.fetch_add(written as u64, Ordering::Relaxed);
            self.after_write(io, instant);
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
                Err(Trouble::Busy) => {
                    io.retry_at = Some(instant + NAP);
                    return;
                }
                Err(Trouble::Full) => {
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
        let instant = clock::instant();
        let must_sync = match self.pace.durability {
            Durability::SyncEvery(every) => instant.saturating_duration_since(io.last_sync) >= every,
            Durability::SyncOnError => is_urgent,
            Durability::Buffered | Durability::EachLine => false,
        };
        if must_sync {
            io.last_sync = instant;
            if let Err(trouble) = io.output.sync() {
                self.report(&trouble, instant);
            }
        }
        if !self.pace.has_thread && io.output.take_untidy() && self.tidy(io.output.place().as_deref()) {
            io.output.set_untidy();
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
            .unwrap_or_else(|| format!("{missing} lines are missing here\n"));
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

    fn report(&self, trouble: &Trouble, instant: Instant) {
        let path = self.plan.path.display();
        if let Trouble::Io { doing, error } = trouble {
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
