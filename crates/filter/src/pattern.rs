//! The patterns of directives, with a bound on their compiled size.

use std::error::Error;

use matchers::Pattern;
use regex_automata::{dfa::dense, nfa::thompson, util::syntax};

/// How many bytes an automaton may take, and its states while it is built. A pattern of a directive takes some kB;
/// `(a{1000}){1000}` would take half a GB, and 20 seconds.
const MOST_COMPILED: usize = 1 << 20;
const MOST_BUILT: usize = 1 << 22;

/// How deep groups may be nested.
const MOST_NESTED: u32 = 64;

/// Compiles a pattern as `EnvFilter` does, which has no bounds, once it is known to keep them.
pub(crate) fn compile(text: &str) -> Result<Pattern, String> {
    let limits =
        dense::Config::new().dfa_size_limit(Some(MOST_COMPILED)).determinize_size_limit(Some(MOST_BUILT));
    let checked = dense::Builder::new()
        .configure(limits)
        .thompson(thompson::Config::new().nfa_size_limit(Some(MOST_COMPILED)))
        .syntax(syntax::Config::new().nest_limit(MOST_NESTED))
        .build(text);
    match checked {
        Err(error) if is_too_large(&error) => {
            Err("is too large: compiled it takes more than 1 MiB; repeat less in it".to_owned())
        }
        Err(error) => Err(format!("is not a regular expression: {}", innermost(&error))),
        Ok(_) => text.parse().map_err(|error| format!("is not a regular expression: {}", innermost(&error))),
    }
}

fn is_too_large(error: &dense::BuildError) -> bool {
    let of_nfa = error.source().and_then(|cause| cause.downcast_ref::<thompson::BuildError>());
    error.is_size_limit_exceeded() || of_nfa.is_some_and(|error| error.size_limit().is_some())
}

/// Returns the cause that says something: the outer ones only name the step that failed.
fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    // The parser draws the pattern on several lines, and names the error on the last.
    let text = innermost.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
