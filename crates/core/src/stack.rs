//! Call stacks: captured cheaply, trimmed to the program's own frames when they are shown.

mod owner;
mod parse;
#[cfg(test)]
mod tests;
mod trim;

use std::{backtrace::Backtrace, borrow::Cow, fmt, sync::Arc};

use owner::FrameOwner;

use crate::counted;

pub(crate) use owner::short_path;

/// A captured call stack. Its symbols are looked up when it is first read, which takes milliseconds: not on the thread
/// that emitted the event.
#[derive(Clone)]
pub struct Stack(StackSource);

#[derive(Clone)]
enum StackSource {
    Raw(Arc<Backtrace>),
    Text(Arc<str>),
}

/// One frame of a call stack.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackFrame {
    /// The function's path.
    pub function: String,
    /// The source file, where debug information has it.
    pub file: Option<String>,
    /// The line in the source file.
    pub line: Option<u32>,
    /// The column in the line.
    pub column: Option<u32>,
    /// Whether the frame is the program's: not of the standard library, a dependency, watchfire or the start-up code.
    ///
    /// The source file decides. Without one (a release build without line tables) the crate's name does: a crate that
    /// is neither of the standard library nor of a list of common libraries counts as the program's.
    pub in_app: bool,
}

impl StackFrame {
    /// Returns the source file with its path shortened: of a dependency from its package on
    /// (`tower-http-0.6.11/src/trace/on_failure.rs`), of the standard library from its crate on.
    #[must_use]
    pub fn short_file(&self) -> Option<Cow<'_, str>> {
        self.file.as_deref().map(short_path)
    }

    fn has_name(&self) -> bool {
        self.function != parse::UNKNOWN
    }
}

impl fmt::Display for StackFrame {
    /// Writes `shop::pay at src/pay.rs:12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        match (self.short_file(), self.line) {
            (Some(file), Some(line)) => write!(f, " at {file}:{line}"),
            (Some(file), None) => write!(f, " at {file}"),
            (None, _) => Ok(()),
        }
    }
}

/// How many frames of the program an excerpt names.
const MOST_OWN: usize = 48;
/// How many lines an excerpt has.
const MOST_LINES: usize = 2 * MOST_OWN;
/// How many frames an excerpt names if none is the program's.
const MOST_FOREIGN: usize = 8;
/// How many crates a folded line names.
const MOST_CRATES: usize = 5;

impl Stack {
    /// Captures the present call stack.
    #[must_use]
    pub fn capture() -> Self {
        Self(StackSource::Raw(Arc::new(Backtrace::force_capture())))
    }

    /// Takes the text of a stack as the standard library prints it.
    pub fn from_text(text: impl Into<Arc<str>>) -> Self {
        Self(StackSource::Text(text.into()))
    }

    /// Returns the whole stack as the standard library prints it.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.0 {
            StackSource::Raw(raw) => raw.to_string(),
            StackSource::Text(text) => text.to_string(),
        }
    }

    /// Returns the frames, the innermost first: those between the event or the panic and the start of the thread.
    ///
    /// Left out are the frames that captured the stack, emitted the event or started the panic, and the start-up code
    /// of the program or the thread. A program without symbols has frames without names, all of them.
    #[must_use]
    pub fn frames(&self) -> Vec<StackFrame> {
        trim::trim(parse::frames(&self.text()))
    }

    /// Returns the lines that a message shows: the frames of the program in their order, and each run of other frames
    /// folded to a line with their count. Frames inside the innermost one of the program come last.
    ///
    /// ```text
    /// shop::pay at src/pay.rs:12
    /// shop::handler::{{closure}} at src/main.rs:24
    /// … 84 frames of axum, futures_util, tower, tower_http, hyper and others
    /// ```
    #[must_use]
    pub fn excerpt(&self) -> Vec<String> {
        let frames = self.frames();
        if frames.is_empty() {
            // A text of another form, which the program gave.
            let text = self.text();
            return text
                .lines()
                .filter(|line| !line.trim().is_empty())
                .take(MOST_LINES)
                .map(str::to_owned)
                .collect();
        }
        excerpt(&frames)
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stack(..)")
    }
}

fn excerpt(frames: &[StackFrame]) -> Vec<String> {
    let is_named = |frame: &StackFrame| frame.has_name() && FrameOwner::of(frame) != FrameOwner::Startup;
    if !frames.iter().any(is_named) {
        return vec![format!(
            "{} without names: the program was built without symbols",
            counted(frames.len() as u64, "frame")
        )];
    }
    let Some(first) = frames.iter().position(|frame| frame.in_app) else {
        let (shown, rest) = frames.split_at(frames.len().min(MOST_FOREIGN));
        return shown.iter().map(ToString::to_string).chain(folded(rest)).collect();
    };
    let (inside, frames) = frames.split_at(first);
    let mut lines = Vec::new();
    let mut left = MOST_OWN;
    for run in frames.chunk_by(|one, next| one.in_app == next.in_app) {
        if !run.iter().all(|frame| frame.in_app) {
            lines.extend(folded(run));
            continue;
        }
        // A recursion is shown as one frame, with the number of its repeats.
        for same in run.chunk_by(|one, next| one == next) {
            match same {
                [] => {}
                _ if left == 0 => {
                    lines.push(format!("… {} of the program", counted(same.len() as u64, "frame")))
                }
                [one] => lines.push(one.to_string()),
                [one, ..] => lines.push(format!("{one} ({} times)", same.len())),
            }
            left = left.saturating_sub(1);
        }
    }
    let beyond = lines.len().saturating_sub(MOST_LINES);
    if beyond > 0 {
        lines.truncate(MOST_LINES);
        lines.push(format!("… {} more", counted(beyond as u64, "line")));
    }
    if let [innermost, rest @ ..] = inside {
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        lines.push(format!("… inside these: {innermost}{more}"));
    }
    lines
}

/// Folds frames to one line; nothing if there are none.
fn folded(frames: &[StackFrame]) -> Option<String> {
    if frames.is_empty() {
        return None;
    }
    let mut crates = Vec::new();
    for name in frames.iter().map(owner::crate_of).filter(|name| !name.is_empty()) {
        if !crates.contains(&name) {
            crates.push(name);
        }
    }
    let others = if crates.len() > MOST_CRATES { " and others" } else { "" };
    crates.truncate(MOST_CRATES);
    let of = if crates.is_empty() { String::new() } else { format!(" of {}{others}", crates.join(", ")) };
    Some(format!("… {}{of}", counted(frames.len() as u64, "frame")))
}
