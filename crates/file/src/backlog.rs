//! Write lines to stdout or stderr without waiting for a reader who is slow, stopped or gone.

use std::{
    collections::VecDeque,
    io,
    time::{Duration, Instant},
};

use watchfire_core::{clock, process};

/// The lines that a stream has not taken yet, bounded.
#[derive(Default)]
pub(crate) struct Backlog {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// How much of the first line is out.
    begun: usize,
    /// Lines dropped since the last report in the stream.
    missing: u64,
    /// Whether a wait was in vain: nobody waits until the stream takes something.
    is_stalled: bool,
    forks: u32,
}

/// The streams of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standard {
    Stdout,
    Stderr,
}

/// Bytes that may wait. Urgent lines have a quarter more, so that others are dropped first.
const CAPACITY: usize = 1 << 20;
/// Pieces of this size go into a pipe whole, or not at all (`PIPE_BUF` of Linux).
const PIECE: usize = 4096;

impl Backlog {
    /// Writes a line behind those that wait, within `patience`. Returns how many lines are lost for good.
    pub(crate) fn submit(
        &mut self,
        to: Standard,
        line: &[u8],
        is_urgent: bool,
        patience: Duration,
        gap: &dyn Fn(u64) -> String,
    ) -> u64 {
        self.leave_to_parent();
        let mut lost = 0;
        let fits = has_room(self.lines.is_empty(), self.bytes + line.len(), is_urgent);
        if fits && (is_urgent || self.missing == 0) {
            self.push(line.to_vec());
        } else {
            self.missing += 1;
            lost += 1;
        }
        let patience = if self.is_stalled { Duration::ZERO } else { patience };
        lost + self.flush(to, clock::after(clock::instant(), patience), gap)
    }

    /// Writes what waits, at the latest until `deadline`. Returns how many lines are lost for good.
    pub(crate) fn flush(&mut self, to: Standard, deadline: Instant, gap: &dyn Fn(u64) -> String) -> u64 {
        self.leave_to_parent();
        loop {
            while let Some(line) = self.lines.front() {
                let rest = line.get(self.begun..).unwrap_or_default();
                match write_until(to, rest, deadline) {
                    Ok(0) => {
                        self.is_stalled = true;
                        return 0;
                    }
                    Ok(written) => {
                        self.is_stalled = false;
                        self.bytes = self.bytes.saturating_sub(written);
                        self.begun += written;
                        if self.begun >= line.len() {
                            self.lines.pop_front();
                            self.begun = 0;
                        }
                    }
                    // Closed, or without a reader for ever.
                    Err(_) => return self.give_up(),
                }
            }
            match std::mem::take(&mut self.missing) {
                0 => return 0,
                missing => self.push(gap(missing).into_bytes()),
            }
        }
    }

    /// Notes lines that could not be handed over.
    pub(crate) fn has_missed(&mut self, lines: u64) {
        self.missing += lines;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty() || self.forks != process::forks()
    }

    fn push(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_back(line);
    }

    fn give_up(&mut self) -> u64 {
        let lost = self.lines.len() as u64;
        self.lines.clear();
        (self.bytes, self.begun) = (0, 0);
        lost
    }

    /// Forgets, in the child of a fork, what waits in the parent, who writes it.
    fn leave_to_parent(&mut self) {
        if self.forks != process::forks() {
            *self = Self { forks: process::forks(), ..Self::default() };
        }
    }
}

/// Tells whether so many bytes may wait.
pub(crate) fn has_room(is_empty: bool, bytes: usize, is_urgent: bool) -> bool {
    is_empty || bytes <= if is_urgent { CAPACITY + CAPACITY / 4 } else { CAPACITY }
}

/// Writes some bytes; none if the stream takes none until the deadline.
#[cfg(unix)]
fn write_until(to: Standard, bytes: &[u8], deadline: Instant) -> io::Result<usize> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use std::os::fd::AsFd;
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let fd = if to == Standard::Stdout { stdout.as_fd() } else { stderr.as_fd() };
    let piece = bytes.get(..PIECE).unwrap_or(bytes);
    loop {
        // A pipe that says it takes bytes takes a whole piece, so that writing does not wait even where it could.
        let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
        let left = deadline.saturating_duration_since(clock::instant());
        match poll(&mut fds, Timespec::try_from(left).ok().as_ref()) {
            Ok(0) => return Ok(0),
            Err(error) if error != rustix::io::Errno::INTR => return Err(error.into()),
            _ => {}
        }
        match rustix::io::write(fd, piece) {
            Ok(written) => return Ok(written),
            Err(rustix::io::Errno::INTR) => {}
            // Another process was faster.
            Err(rustix::io::Errno::AGAIN) if clock::instant() >= deadline => return Ok(0),
            Err(rustix::io::Errno::AGAIN) => std::thread::park_timeout(Duration::from_millis(1)),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(not(unix))]
fn write_until(to: Standard, bytes: &[u8], _deadline: Instant) -> io::Result<usize> {
    use std::io::Write;
    let all = |to: &mut dyn Write| to.write_all(bytes).and_then(|()| to.flush());
    match to {
        Standard::Stdout => all(&mut io::stdout().lock())?,
        Standard::Stderr => all(&mut io::stderr().lock())?,
    }
    Ok(bytes.len())
}
