use std::{
    borrow::Cow,
    fmt,
    io::{self, IsTerminal, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Instant, SystemTime},
};

use tracing_core::LevelFilter;
use watchfire_core::{ConfigError, EventView, Flushed, Handler, HandlerLayer, clock, process};

use crate::{
    Format,
    flush_target::{FlushTarget, with_line},
    format::{Json, Logfmt, Pretty, Renderer, Text},
    time::{Zone, ZoneName},
};

/// Is the layer that writes events to the console; made by [`Console::layer`].
pub type ConsoleLayer = HandlerLayer<ConsoleHandler>;

/// Configures output to stderr, stdout or any other stream: Python's `StreamHandler`.
///
/// Without a filter the layer hears INFO and up. In debug mode ([`process::is_debug`]) the format is
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
}

enum Choice {
    ByMode,
    Text,
    Pretty,
    Own(Renderer),
}

enum Stream {
    Stderr,
    Stdout,
    Other(Mutex<Box<dyn Write + Send>>),
}

impl Console {
    /// Writes to stderr.
    pub fn stderr() -> Self {
        Self::of(Stream::Stderr)
    }

    /// Writes to stdout.
    pub fn stdout() -> Self {
        Self::of(Stream::Stdout)
    }

    /// Writes to any stream; one `write_all` and `flush` per record, under a lock.
    pub fn stream(stream: impl Write + Send + 'static) -> Self {
        Self::of(Stream::Other(Mutex::new(Box::new(stream))))
    }

    fn of(stream: Stream) -> Self {
        Self { stream, format: Choice::ByMode, color: None, zone: ZoneName::Utc, level: LevelFilter::INFO }
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

    /// Sets whether [`Text`] and [`Pretty`] are coloured. Default: on a terminal.
    pub fn color(mut self, on: bool) -> Self {
        self.color = Some(on);
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

    /// Sets the level that the layer hears when it is given no filter. Default: INFO.
    pub fn level(mut self, level: LevelFilter) -> Self {
        self.level = level;
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
            Choice::Pretty => Renderer::new(Pretty::new().color(color)),
            Choice::ByMode if process::is_debug() => Renderer::new(Pretty::new().color(color)),
            Choice::ByMode | Choice::Text => Renderer::new(Text::new().color(color)),
        };
        let inner = Inner { stream: self.stream, format, zone, level: self.level, lost: AtomicU64::new(0) };
        Ok(ConsoleHandler(Arc::new(inner)))
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("stream", &self.stream.name()).finish_non_exhaustive()
    }
}

/// Writes events to a stream. Clones share it.
#[derive(Clone)]
pub struct ConsoleHandler(Arc<Inner>);

struct Inner {
    stream: Stream,
    format: Renderer,
    zone: Zone,
    level: LevelFilter,
    lost: AtomicU64,
}

impl ConsoleHandler {
    /// Returns how many records the stream did not take: it was closed, or full.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }
}

impl Handler for ConsoleHandler {
    fn handle(&self, event: &EventView<'_>) {
        let at = clock::now();
        with_line(|line| {
            self.render(event, at, line);
            self.accept(line, at, false);
        });
    }

    fn flush(&self, _deadline: Instant) -> Flushed {
        // Each record was flushed by itself.
        Flushed::Yes
    }

    fn default_level(&self) -> LevelFilter {
        self.0.level
    }
}

impl FlushTarget for ConsoleHandler {
    fn render(&self, event: &EventView<'_>, at: SystemTime, line: &mut String) {
        self.0.format.event(event, at, None, &self.0.zone, line);
    }

    fn accept(&self, line: &str, _at: SystemTime, _is_urgent: bool) {
        if self.0.stream.write(line.as_bytes()).is_err() {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for ConsoleHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleHandler").field("stream", &self.0.stream.name()).finish_non_exhaustive()
    }
}

impl Stream {
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let all = |to: &mut dyn Write| to.write_all(bytes).and_then(|()| to.flush());
        match self {
            Self::Stderr => all(&mut io::stderr().lock()),
            Self::Stdout => all(&mut io::stdout().lock()),
            Self::Other(stream) => all(&mut **stream.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn is_terminal(&self) -> bool {
        match self {
            Self::Stderr => io::stderr().is_terminal(),
            Self::Stdout => io::stdout().is_terminal(),
            Self::Other(_) => false,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Stderr => "stderr",
            Self::Stdout => "stdout",
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
