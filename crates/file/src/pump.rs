//! Write lines to a stream of the program, which may block for ever: on a thread, for which callers wait within bounds.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use watchfire_core::{Flushed, caught, clock, process};

use crate::backlog::has_room;

/// A stream, and the lines that it has not taken yet.
pub(crate) struct Pump(Arc<PumpShared>);

struct PumpShared {
    stream: Mutex<Box<dyn Write + Send>>,
    queue: Mutex<LineQueue>,
    /// Lines have come, or the end.
    came: Condvar,
    /// A line is out, or lost.
    went: Condvar,
    lost: AtomicU64,
    /// Makes the line that says how many are missing.
    gap: Box<dyn Fn(u64) -> String + Send + Sync>,
}

#[derive(Default)]
struct LineQueue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// How many lines were ever taken, and how many of them are out or lost.
    taken: u64,
    gone: u64,
    /// Lines dropped since the last report in the stream.
    missing: u64,
    /// Whether a wait was in vain: nobody waits until the stream takes something.
    is_stalled: bool,
    has_thread: bool,
    has_ended: bool,
    forks: u32,
}

/// How long a stream that says it is full is left alone.
const NAP: Duration = Duration::from_millis(1);

impl Pump {
    pub(crate) fn new(
        stream: Box<dyn Write + Send>,
        gap: impl Fn(u64) -> String + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(PumpShared {
            stream: Mutex::new(stream),
            queue: Mutex::new(LineQueue { forks: process::forks(), ..LineQueue::default() }),
            came: Condvar::new(),
            went: Condvar::new(),
            lost: AtomicU64::new(0),
            gap: Box::new(gap),
        }))
    }

    /// Writes a line behind those that wait, within `patience`.
    pub(crate) fn submit(&self, line: &[u8], is_urgent: bool, patience: Duration) {
        let Some(mut queue) = self.queue() else {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let fits = has_room(queue.lines.is_empty(), queue.bytes + line.len(), is_urgent);
        if !fits || (queue.missing > 0 && !is_urgent) {
            queue.missing += 1;
            self.0.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        queue.push(line.to_vec());
        let ticket = queue.taken;
        let patience = if queue.is_stalled { Duration::ZERO } else { patience };
        self.0.came.notify_one();
        if queue.has_thread {
            let deadline = clock::after(clock::instant(), patience);
            let is_out;
            (queue, is_out) = self.0.wait_until(queue, ticket, deadline);
            queue.is_stalled |= !is_out;
        } else {
            // There are no threads here.
            drop(queue);
            self.0.write_all();
        }
    }

    /// Waits until all that was there is out.
    pub(crate) fn flush(&self, deadline: Instant) -> Flushed {
        let Some(queue) = self.queue() else { return Flushed::TimedOut };
        // The report of what is missing is one more.
        let ticket = queue.taken + u64::from(queue.missing > 0);
        self.0.came.notify_one();
        if self.0.wait_until(queue, ticket, deadline).1 { Flushed::Yes } else { Flushed::TimedOut }
    }

    pub(crate) fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Locks the queue, and starts the thread of this process if it is missing. `None` where a fork left it locked.
    fn queue(&self) -> Option<MutexGuard<'_, LineQueue>> {
        let mut queue = process::try_lock_for_a_while(&self.0.queue)?;
        if queue.forks != process::forks() {
            // The waiting lines are the parent's, who writes them.
            *queue = LineQueue { forks: process::forks(), ..LineQueue::default() };
        }
        if !queue.has_thread {
            let shared = Arc::clone(&self.0);
            let thread = std::thread::Builder::new().name("watchfire-stream".to_owned());
            queue.has_thread = thread.spawn(move || shared.run()).is_ok();
        }
        Some(queue)
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        if let Some(mut queue) = process::try_lock_for_a_while(&self.0.queue) {
            queue.has_ended = true;
        }
        self.0.came.notify_all();
    }
}

impl LineQueue {
    fn push(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.taken += 1;
        self.lines.push_back(line);
    }
}

impl PumpShared {
    fn wait_until<'q>(
        &self,
        mut queue: MutexGuard<'q, LineQueue>,
        ticket: u64,
        deadline: Instant,
    ) -> (MutexGuard<'q, LineQueue>, bool) {
        loop {
            let left = deadline.saturating_duration_since(clock::instant());
            if queue.gone >= ticket || left.is_zero() {
                let is_out = queue.gone >= ticket;
                return (queue, is_out);
            }
            queue = self.went.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn run(&self) {
        watchfire_core::mute_thread();
        while !self.write_all() {
            let mut queue = lock(&self.queue);
            while queue.lines.is_empty() && queue.missing == 0 && !queue.has_ended {
                queue = self.came.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Writes all lines that wait. Returns whether the stream is not used any more.
    fn write_all(&self) -> bool {
        // The parent's thread may have held it at the fork.
        let mut stream = process::try_lock_for_a_while(&self.stream);
        loop {
            let mut queue = lock(&self.queue);
            let Some(line) = queue.lines.front_mut().map(std::mem::take) else {
                let missing = std::mem::take(&mut queue.missing);
                if missing == 0 {
                    return queue.has_ended;
                }
                drop(queue);
                let line = caught(|| (self.gap)(missing)).unwrap_or_default();
                lock(&self.queue).push(line.into_bytes());
                continue;
            };
            drop(queue);
            let is_out = stream.as_mut().is_some_and(|stream| write(&mut ***stream, &line).is_ok());
            self.lost.fetch_add(u64::from(!is_out), Ordering::Relaxed);
            let mut queue = lock(&self.queue);
            queue.lines.pop_front();
            queue.bytes = queue.bytes.saturating_sub(line.len());
            queue.gone += 1;
            queue.is_stalled = false;
            drop(queue);
            self.went.notify_all();
        }
    }
}

/// Writes a line to its end. A stream that takes nothing for now is full, and nothing is lost for that.
fn write(stream: &mut dyn Write, line: &[u8]) -> io::Result<()> {
    let mut rest = line;
    while !rest.is_empty() {
        match stream.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) => pause(error)?,
        }
    }
    while let Err(error) = stream.flush() {
        pause(error)?;
    }
    Ok(())
}

fn pause(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        io::ErrorKind::WouldBlock => {
            std::thread::park_timeout(NAP);
            Ok(())
        }
        _ => Err(error),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A stream that takes so many bytes at a time, is full in between if it is small, and waits where it is told to.
    struct SlowStream {
        takes: usize,
        shown: Arc<Mutex<Vec<u8>>>,
        is_full: bool,
        gate: Arc<Mutex<()>>,
    }

    impl Write for SlowStream {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            drop(lock(&self.gate));
            self.is_full = !self.is_full && self.takes < 10;
            if self.is_full {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let bytes = bytes.get(..self.takes).unwrap_or(bytes);
            lock(&self.shown).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.write(&[]).map(drop)
        }
    }

    type PumpParts = (Pump, Arc<Mutex<Vec<u8>>>, Arc<Mutex<()>>);

    fn pump(takes: usize) -> PumpParts {
        let (shown, gate) = (Arc::default(), Arc::default());
        let stream = SlowStream { takes, shown: Arc::clone(&shown), is_full: false, gate: Arc::clone(&gate) };
        (Pump::new(Box::new(stream), |missing| format!("{missing} missing\n")), shown, gate)
    }

    fn soon() -> Instant {
        clock::instant() + Duration::from_secs(20)
    }

    #[test]
    fn a_stream_that_is_full_at_times_gets_whole_lines() {
        let (pump, shown, _) = pump(3);
        for line in 0..100 {
            pump.submit(format!("line {line}\n").as_bytes(), false, Duration::from_secs(20));
        }
        assert_eq!(pump.flush(soon()), Flushed::Yes);
        let expected: String = (0..100).map(|line| format!("line {line}\n")).collect();
        assert_eq!((String::from_utf8(lock(&shown).clone()).unwrap(), pump.lost()), (expected, 0));
    }

    #[test]
    fn a_stream_that_hangs_holds_no_caller_and_says_what_is_missing() {
        let (pump, shown, gate) = pump(1000);
        let hang = lock(&gate);
        let (done, is_done) = mpsc::channel();
        std::thread::scope(|scope| {
            let pump = &pump;
            scope.spawn(move || {
                let line = "x".repeat(99) + "\n";
                for _ in 0..20_000 {
                    pump.submit(line.as_bytes(), false, Duration::from_millis(10));
                }
                pump.submit(b"urgent\n", true, Duration::from_millis(10));
                done.send(()).unwrap();
            });
            is_done.recv_timeout(Duration::from_secs(60)).expect("a caller hangs with the stream");
            drop(hang);
        });
        assert_eq!(pump.flush(soon()), Flushed::Yes);
        let text = String::from_utf8(lock(&shown).clone()).unwrap();
        let lost = usize::try_from(pump.lost()).unwrap();
        assert!(lost > 9000, "{lost}");
        assert!(text.ends_with(&format!("urgent\n{lost} missing\n")), "{lost}");
        assert_eq!(text.lines().count(), 20_002 - lost);
    }

    #[test]
    fn a_stream_that_is_closed_loses_its_lines_and_counts_them() {
        struct ClosedStream;
        impl Write for ClosedStream {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let pump = Pump::new(Box::new(ClosedStream), |_| String::new());
        for _ in 0..3 {
            pump.submit(b"line\n", false, Duration::from_secs(20));
        }
        assert_eq!((pump.flush(soon()), pump.lost()), (Flushed::Yes, 3));
    }
}
