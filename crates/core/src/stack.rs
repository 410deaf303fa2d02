use std::{backtrace::Backtrace, fmt, sync::Arc};

/// Is a captured call stack. Its symbols are looked up when it is first read, which takes milliseconds: not on the
/// thread that emitted the event.
#[derive(Clone)]
pub struct Stack(Inner);

#[derive(Clone)]
enum Inner {
    Raw(Arc<Backtrace>),
    Text(Arc<str>),
}

/// Is one frame of a call stack.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackFrame {
    /// The function's path.
    pub function: String,
    /// The source file, where debug information tells it.
    pub file: Option<String>,
    /// The line in the source file.
    pub line: Option<u32>,
    /// The column in the line.
    pub column: Option<u32>,
}

impl Stack {
    /// Captures the present call stack.
    #[must_use]
    pub fn capture() -> Self {
        Self(Inner::Raw(Arc::new(Backtrace::force_capture())))
    }

    /// Takes the text of a stack as the standard library prints it.
    pub fn from_text(text: impl Into<Arc<str>>) -> Self {
        Self(Inner::Text(text.into()))
    }

    /// Returns the stack as the standard library prints it.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.0 {
            Inner::Raw(raw) => raw.to_string(),
            Inner::Text(text) => text.to_string(),
        }
    }

    /// Returns the frames, the innermost first, without those of the capture itself.
    #[must_use]
    pub fn frames(&self) -> Vec<StackFrame> {
        let frames = parse(&self.text());
        let ours = |frame: &StackFrame| {
            const MACHINERY: [&str; 5] = [
                "std::backtrace",
                "backtrace::",
                "watchfire_core::",
                "tracing_core::",
                "tracing_subscriber::",
            ];
            MACHINERY.iter().any(|start| frame.function.trim_start_matches('<').starts_with(start))
        };
        let first = frames.iter().position(|frame| !ours(frame)).unwrap_or(0);
        frames.into_iter().skip(first).collect()
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stack(..)")
    }
}

/// Reads `  4: path::of::function` and the `at file:line:column` below it.
fn parse(text: &str) -> Vec<StackFrame> {
    let mut frames: Vec<StackFrame> = Vec::new();
    for line in text.lines() {
        let line = line.trim_start();
        if let Some(place) = line.strip_prefix("at ") {
            if let Some(frame) = frames.last_mut() {
                let mut parts = place.rsplitn(3, ':');
                let (column, number, file) = (parts.next(), parts.next(), parts.next());
                frame.column = column.and_then(|text| text.parse().ok());
                frame.line = number.and_then(|text| text.parse().ok());
                frame.file = file.map(str::to_owned);
            }
        } else if let Some((number, function)) = line.split_once(": ")
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            frames.push(StackFrame {
                function: function.trim().to_owned(),
                file: None,
                line: None,
                column: None,
            });
        }
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_frames_of_a_printed_stack() {
        let text = "   0: std::backtrace::Backtrace::create\n             at /rustc/x/library/std/src/backtrace.rs:331:13\n   1: shop::pay\n             at ./src/pay.rs:12:5\n   2: main\n";
        let frames = Stack::from_text(text).frames();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].function, "shop::pay");
        assert_eq!(frames[0].file.as_deref(), Some("./src/pay.rs"));
        assert_eq!((frames[0].line, frames[0].column), (Some(12), Some(5)));
        assert_eq!(frames[1].file, None);
    }
}
