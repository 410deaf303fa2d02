//! The handler of the console and of other streams.

use std::{
    borrow::Cow,
    fmt,
    io::{self, IsTerminal, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use tracing_core::LevelFilter;
use watchfire_core::{
    ConfigError, EventView, Flushed, Handler, HandlerLayer, Severity, clock,
    process::{self, AtExit},
};

use crate::{
    Format,
    backlog::{Backlog, Standard},
    flush_target::{FlushTarget, with_line},
    format::{Json, Logfmt, Pretty, Renderer, Text},
    gap::gap_line,
    pump::Pump,
    time::{Zone, ZoneName},
};

/// The layer that writes events to the console; made by [`Console::layer`].
pub type ConsoleLayer = HandlerLayer<ConsoleHandler>;

/// The configuration of output to stderr, stdout or any other stream: Python's `StreamHandler`.
///
/// Without a filter the layer receives INFO and up. In debug mode ([`process::is_debug`]) the format is
/// [`Pretty`], which shows what an alert's mail would show; else it is [`Text`]. There is colour only on a terminal,
/// and not where the environment variable `NO_COLOR` is set to something or `TERM` is `dumb`.
///
/// ```
/// use tracing_subscriber::prelude::*;
/// # fn main() -> Result<(), watchfire_core::ConfigError> {
/// let layer = watchfire_file::Console::stderr().layer()?;
/// let _guard = tracing_subscriber::registry().with(layer).set_default();
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is written before layer() is called"]
pub struct Console {
    stream: Stream,
    format: Choice,
    color: Option<bool>,
    zone: ZoneName,
    level: LevelFilter,
    block_at_most: Duration,
}

/// How long a caller waits by default for a reader who is slow.
const BLOCK_AT_MOST: Duration = Duration::from_millis(50);
/// How long the end of the process waits for one.
const EXIT_PATIENCE: Duration = Duration::from_secs(2);

enum Choice {
    ByMode,
    Text,
    Pretty,
    Own(Renderer),
}

enum Stream {
    Standard(Standard),
    Other(Box<dyn Write + Send>),
}

/// A stream with the lines that it has not taken yet.
enum ConsoleOutput {
    Standard(Standard, Mutex<Backlog>),
    Other(Pump),
}

impl Console {
    /// Writes to stderr.
    pub fn stderr() -> Self {
        Self::of(Stream::Standard(Standard::Stderr))
    }

    /// Writes to stdout.
    pub fn stdout() -> Self {
        Self::of(Stream::Standard(Standard::Stdout))
    }

    /// Writes to any stream, with a `flush` per record, on a thread: a stream that blocks holds no caller for longer than
    /// [`block_at_most`](Self::block_at_most).
    pub fn stream(stream: impl Write + Send + 'static) -> Self {
        Self::of(Stream::Other(Box::new(stream)))
    }

    fn of(stream: Stream) -> Self {
        Self {
            stream,
            format: Choice::ByMode,
            color: None,
            zone: ZoneName::Utc,
            level: LevelFilter::INFO,
            block_at_most: BLOCK_AT_MOST,
        }
    }

    /// Writes one line per record, in debug mode too.
    pub fn text(mut self) -> Self {
        self.format = Choice::Text;
        self
    }

    /// Writes records over several lines, outside of debug mode too.
    pub fn pretty(mut self) -> Self {
        self.format = Choice::Pretty;
        self
    }

    /// Writes JSON lines.
    pub fn json(self) -> Self {
        self.format(Json::new())
    }

    /// Writes logfmt.
    pub fn logfmt(self) -> Self {
        self.format(Logfmt::new())
    }

    /// Sets the format.
    pub fn format(mut self, format: impl Format) -> Self {
        self.format = Choice::Own(Renderer::new(format));
        self
    }

    /// Colours [`Text`] and [`Pretty`] everywhere. Default: on a terminal.
    pub fn colored(mut self) -> Self {
        self.color = Some(true);
        self
    }

    /// Writes [`Text`] and [`Pretty`] without colours, on a terminal too.
    pub fn uncolored(mut self) -> Self {
        self.color = Some(false);
        self
    }

    /// Shows times in the zone of the machine. Default: UTC.
    pub fn local(mut self) -> Self {
        self.zone = ZoneName::Local;
        self
    }

    /// Shows times in a named zone such as `Europe/Vienna`. Default: UTC.
    pub fn zone(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.zone = ZoneName::Named(name.into());
        self
    }

    /// Sets the level that the layer receives when it is given no filter. Default: INFO.
    pub fn level(mut self, level: LevelFilter) -> Self {
        self.level = level;
        self
    }

    /// Sets how long a caller waits at most when a pipe is full or a terminal is stopped. Default: 50 ms.
    ///
    /// Lines then wait in the program, up to 1 MiB of them, for the next line, a flush or the end of the process. Beyond
    /// that they are dropped, those below ERROR first, and the stream says how many when it moves again.
    pub fn block_at_most(mut self, patience: Duration) -> Self {
        self.block_at_most = patience;
        self
    }

    /// Returns the layer.
    ///
    /// # Errors
    /// When the time zone is not known.
    pub fn layer(self) -> Result<ConsoleLayer, ConfigError> {
        self.handler().map(HandlerLayer::new)
    }

    /// As [`layer`](Self::layer), for those who put handlers together themselves.
    ///
    /// # Errors
    /// As [`layer`](Self::layer).
    pub fn handler(self) -> Result<ConsoleHandler, ConfigError> {
        let zone = self.zone.find()?;
        let color = self.color.unwrap_or_else(|| {
            is_colored(
                self.stream.is_terminal(),
                variable("NO_COLOR").as_deref(),
                variable("TERM").as_deref(),
            )
        });
        let format = match self.format {
            Choice::Own(format) => format,
            Choice::Pretty => Renderer::new(Pretty::new().with_color(color)),
            Choice::ByMode if process::is_debug() => Renderer::new(Pretty::new().with_color(color)),
            Choice::ByMode | Choice::Text => Renderer::new(Text::new().with_color(color)),
        };
        process::watch_forks();
        let name = self.stream.name();
        let output = match self.stream {
            Stream::Standard(to) => ConsoleOutput::Standard(to, Mutex::default()),
            Stream::Other(stream) => {
                let (format, zone) = (format.clone(), zone.clone());
                let gap = move |missing| gap_line(&format, &zone, missing, clock::now());
                ConsoleOutput::Other(Pump::new(stream, gap))
            }
        };
        let inner = Arc::new(ConsoleInner {
            output,
            name,
            format,
            zone,
            level: self.level,
            block_at_most: self.block_at_most,
            lost: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
        });
        let for_exit: Arc<dyn AtExit> = Arc::<ConsoleInner>::clone(&inner);
        process::at_exit(Arc::downgrade(&for_exit));
        Ok(ConsoleHandler(inner))
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("stream", &self.stream.name()).finish_non_exhaustive()
    }
}

/// A handler that writes events to a stream. Clones share it.
#[derive(Clone)]
pub struct ConsoleHandler(Arc<ConsoleInner>);

struct ConsoleInner {
    output: ConsoleOutput,
    name: &'static str,
    format: Renderer,
    zone: Zone,
    level: LevelFilter,
    block_at_most: Duration,
    lost: AtomicU64,
    /// Lines that found the stream taken by another line for too long, still to be reported in it.
    skipped: AtomicU64,
}

impl ConsoleHandler {
    /// Returns how many records the stream did not take: it was closed, or full for too long.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let of_stream = match &self.0.output {
            ConsoleOutput::Standard(..) => 0,
            ConsoleOutput::Other(pump) => pump.lost(),
        };
        self.0.lost.load(Ordering::Relaxed) + of_stream
    }
}

impl Handler for ConsoleHandler {
    fn handle(&self, event: &EventView<'_>) {
        let at = clock::now();
        with_line(|line| {
            self.render(event, at, line);
            self.accept(line, at, event.severity() >= Severity::Error);
        });
    }

    fn flush(&self, deadline: Instant) -> Flushed {
        self.0.flush(deadline)
    }

    fn default_level(&self) -> LevelFilter {
        self.0.level
    }
}

impl FlushTarget for ConsoleHandler {
    fn render(&self, event: &EventView<'_>, at: SystemTime, line: &mut String) {
        self.0.format.event(event, at, None, &self.0.zone, line);
    }

    fn accept(&self, line: &str, _at: SystemTime, is_urgent: bool) {
        let inner = &*self.0;
        let lost = match &inner.output {
            ConsoleOutput::Standard(to, backlog) => match process::try_lock_for_a_while(backlog) {
                Some(mut backlog) => {
                    backlog.has_missed(inner.skipped.swap(0, Ordering::Relaxed));
                    let gap = |missing| inner.gap(missing);
                    backlog.submit(*to, line.as_bytes(), is_urgent, inner.block_at_most, &gap)
                }
                None => {
                    inner.skipped.fetch_add(1, Ordering::Relaxed);
                    1
                }
            },
            ConsoleOutput::Other(pump) => {
                pump.submit(line.as_bytes(), is_urgent, inner.block_at_most);
                0
            }
        };
        inner.lost.fetch_add(lost, Ordering::Relaxed);
    }
}

impl fmt::Debug for ConsoleHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleHandler").field("stream", &self.0.name).finish_non_exhaustive()
    }
}

impl ConsoleInner {
    fn flush(&self, deadline: Instant) -> Flushed {
        let (to, backlog) = match &self.output {
            ConsoleOutput::Standard(to, backlog) => (to, backlog),
            ConsoleOutput::Other(pump) => return pump.flush(deadline),
        };
        let Some(mut backlog) = process::try_lock_for_a_while(backlog) else { return Flushed::TimedOut };
        let lost = backlog.flush(*to, deadline, &|missing| self.gap(missing));
        self.lost.fetch_add(lost, Ordering::Relaxed);
        if backlog.is_empty() { Flushed::Yes } else { Flushed::TimedOut }
    }

    /// Makes the line that says how many are missing.
    fn gap(&self, missing: u64) -> String {
        gap_line(&self.format, &self.zone, missing, clock::now())
    }
}

impl Drop for ConsoleInner {
    fn drop(&mut self) {
        let _flushed = self.flush(clock::after(clock::instant(), EXIT_PATIENCE));
    }
}

impl AtExit for ConsoleInner {
    fn at_exit(&self, began: Instant) {
        let _flushed = self.flush(clock::after(began, EXIT_PATIENCE));
    }
}

impl Stream {
    fn is_terminal(&self) -> bool {
        match self {
            Self::Standard(Standard::Stderr) => io::stderr().is_terminal(),
            Self::Standard(Standard::Stdout) => io::stdout().is_terminal(),
            Self::Other(_) => false,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Standard(Standard::Stderr) => "stderr",
            Self::Standard(Standard::Stdout) => "stdout",
            Self::Other(_) => "stream",
        }
    }
}

/// See <https://no-color.org>: any value but the empty one counts.
fn is_colored(is_terminal: bool, no_color: Option<&str>, term: Option<&str>) -> bool {
    is_terminal && no_color.is_none_or(str::is_empty) && term != Some("dumb")
}

#[expect(clippy::disallowed_methods, reason = "configuration of the console, read when it is built")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_colour_only_on_a_terminal_that_wants_it() {
        let cases = [
            (true, None, None, true),
            (false, None, None, false),
            (true, Some("1"), None, false),
            (true, Some(""), Some("xterm"), true),
            (true, None, Some("dumb"), false),
        ];
        for (is_terminal, no_color, term, expected) in cases {
            assert_eq!(is_colored(is_terminal, no_color, term), expected);
        }
    }
}
