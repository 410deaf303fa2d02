//! Write to the terminal. The one place that does, so that a closed pipe ends the output and not the program.

use std::io::{self, IsTerminal, Write};

/// Prints one line to standard output.
pub(crate) fn line(text: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).unwrap_or_default();
}

/// Prints what went wrong to standard error.
pub(crate) fn problem(text: &str) {
    writeln!(io::stderr().lock(), "watchfire: {text}").unwrap_or_default();
}

/// Colours a word, on a terminal only and not if `NO_COLOR` is set.
pub(crate) fn paint(text: &str, colour: Colour) -> String {
    if !coloured() {
        return text.to_owned();
    }
    let code = match colour {
        Colour::Good => "32",
        Colour::Bad => "31;1",
        Colour::Dim => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Names what a colour means.
#[derive(Clone, Copy)]
pub(crate) enum Colour {
    Good,
    Bad,
    Dim,
}

#[expect(clippy::disallowed_methods, reason = "NO_COLOR is the convention of https://no-color.org")]
fn coloured() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
