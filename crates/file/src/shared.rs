//! What the callers, the writer's thread and the exit hook share: the lines that wait, and the file.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use watchfire_core::{Flushed, SelfLog, clock, process::AtExit};

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

mod locks;
mod worker;

use locks::{calmly, lock, lock_within, try_lock};

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
    /// Since when another process has held the lock.
    busy_since: Option<Instant>,
}

/// So many waiting bytes are written without waiting for the timer.
const HIGH: usize = 64 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a caller who needs its line written tries to get the lock of another process.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long a caller whose line is urgent waits for another thread's write.
const WRITER_PATIENCE: Duration = Duration::from_millis(5);
/// A process that holds the lock longer than this is stopped or stuck, and people should know.
const LONG_BUSY: Duration = Duration::from_secs(5);
const NAP: Duration = Duration::from_micros(500);
const EXIT_PATIENCE: Duration = Duration::from_secs(2);

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
            busy_since: None,
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
            let patience = if is_urgent { WRITER_PATIENCE } else { Duration::ZERO };
            match lock_within(&self.io, patience) {
                Some(mut io) => self.drain(&mut io, is_urgent),
                // Whoever writes looks again before it lets go; the thread is woken for the moment in between.
                None => self.wake.notify_one(),
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

    /// Writes what waits now, at the latest until `deadline`; tries again what fails.
    pub(crate) fn flush(&self, deadline: Instant) -> Flushed {
        self.flush_until(deadline, |_| true)
    }

    /// Rotates with what waits now in the old file.
    pub(crate) fn rotate(&self, deadline: Instant) -> Flushed {
        let flushed = self.flush(deadline);
        lock(&self.io).output.rotate_soon();
        flushed.and(self.flush_until(deadline, |io| !io.output.rotates_soon()))
    }

    /// Others may go on writing meanwhile: only what was there at the beginning is waited for.
    fn flush_until(&self, deadline: Instant, is_done: impl Fn(&Io) -> bool) -> Flushed {
        let (accepted, missing) = {
            let front = self.front();
            (front.accepted, front.missing)
        };
        // The line that says what is missing is one more.
        let accepted = accepted + u64::from(missing > 0);
        loop {
            let mut nap = NAP;
            if let Some(mut io) = try_lock(&self.io) {
                io.retry_at = None;
                self.drain(&mut io, true);
                if self.written.load(Ordering::Relaxed) >= accepted && is_done(&io) {
                    let syncs =
                        matches!(self.pace.durability, Durability::SyncEvery(_) | Durability::SyncOnError);
                    if !syncs {
                        return Flushed::Yes;
                    }
                    match io.output.sync() {
                        Ok(()) => return Flushed::Yes,
                        Err(trouble) => self.report(&trouble, clock::instant()),
                    }
                }
                if io.is_in_trouble {
                    nap = FIRST_PAUSE / 5;
                }
            }
            if clock::instant() >= deadline {
                return Flushed::TimedOut;
            }
            std::thread::park_timeout(nap);
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
        let deadline = clock::instant() + PATIENCE;
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
            let result = io.output.write(&mut io.batch, instant);
            let written = before.saturating_sub(io.batch.records());
            self.written.fetch_add(written as u64, Ordering::Relaxed);
            self.after_write(io, instant);
            match result {
                Ok(()) => {
                    io.retry_at = None;
                    io.busy_since = None;
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
                    let busy = instant.saturating_duration_since(*io.busy_since.get_or_insert(instant));
                    if busy > LONG_BUSY {
                        self.failures.fetch_add(1, Ordering::Relaxed);
                        io.is_in_trouble = true;
                        self.report(&Trouble::new("lock", io::ErrorKind::WouldBlock.into()), instant);
                    }
                    if !is_urgent || instant >= deadline {
                        io.retry_at = Some(instant + if busy > PATIENCE { PATIENCE } else { NAP });
                        return;
                    }
                    std::thread::park_timeout(NAP);
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
        if !self.pace.has_thread && io.output.take_untidy() && self.tidy() {
            io.output.set_untidy();
        }
    }

    fn has_more(&self) -> bool {
        let front = self.front();
        front.is_urgent || front.batch.len() >= HIGH
    }

    fn after_write(&self, io: &mut Io, instant: Instant) {
        self.rotations.store(io.output.rotations(), Ordering::Relaxed);
        if let Some(trouble) = io.output.take_mishap() {
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

impl AtExit for Shared {
    fn at_exit(&self) {
        // The thread that ends may hold the lock itself, so it is only tried.
        let _flushed = self.flush(clock::instant() + EXIT_PATIENCE);
    }
}

#[cfg(test)]
mod tests;
