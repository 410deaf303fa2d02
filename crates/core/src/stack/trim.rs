//! Cuts a stack to the frames between the event or the panic and the start of the thread.

use super::{
    StackFrame,
    owner::{FrameOwner, crate_of, package_of},
};

/// The crates that carry an event from its macro to a handler.
const EVENT: [&str; 5] = ["log", "tracing", "tracing_core", "tracing_log", "tracing_subscriber"];
/// The functions by which an event enters these crates, by
/// their last names: an inlined function may have no path.
const EMITS: [&str; 4] = ["dispatch", "child_of", "dispatch_record", "dispatch_record::{{closure}}"];
/// The functions with which the standard library marks the frames that are of interest to a reader.
const PANIC_BELOW: &str = "__rust_end_short_backtrace";
const START_ABOVE: &str = "__rust_begin_short_backtrace";

pub(super) fn trim(mut frames: Vec<StackFrame>) -> Vec<StackFrame> {
    let is_foundation =
        |frame: &&StackFrame| matches!(FrameOwner::of(frame), FrameOwner::Std | FrameOwner::Startup);
    let machinery = match frames.iter().position(|frame| frame.function.contains(PANIC_BELOW)) {
        Some(marker) => marker,
        None => after_event(&frames),
    };
    // With what the standard library did for its caller, such as `Option::unwrap` or an index.
    let first = machinery + frames.iter().skip(machinery).take_while(is_foundation).count();
    let rest = frames.get(first..).unwrap_or_default();
    let end = rest.iter().position(|frame| frame.function.contains(START_ABOVE)).unwrap_or(rest.len());
    // The frames of the standard library above it only call the closure or `main`.
    let calls = rest.iter().take(end).rev().take_while(is_foundation).count();
    if end == calls {
        // Only machinery: better all of it than nothing.
        return frames;
    }
    frames.truncate(first + end - calls);
    frames.drain(..first);
    frames
}

/// Returns the first frame above the machinery of an event, or of a capture by hand.
fn after_event(frames: &[StackFrame]) -> usize {
    let first = after_machinery(frames, 0);
    let passed = |frames: &[StackFrame]| frames.iter().position(is_emission);
    // A handler or a subscriber of the program stands between the capture and the event.
    match (passed(frames.get(..first).unwrap_or_default()), passed(frames)) {
        (None, Some(emission)) => after_machinery(frames, emission),
        _ => first,
    }
}

/// Returns the first frame from `start` on that does not carry the event; what is called in between of the standard
/// library counts as part of it.
fn after_machinery(frames: &[StackFrame], start: usize) -> usize {
    let mut first = start;
    for (number, frame) in frames.iter().enumerate().skip(start) {
        if carries(frame) {
            first = number + 1;
        } else if !matches!(FrameOwner::of(frame), FrameOwner::Std | FrameOwner::Startup) {
            break;
        }
    }
    first
}

/// Tells whether a frame only carries an event. Its macros expand to functions of the program in files of `tracing`.
fn carries(frame: &StackFrame) -> bool {
    let is_event_crate = |name: &str| EVENT.contains(&name);
    let package = frame.file.as_deref().and_then(package_of).map(|package| package.replace('-', "_"));
    frame.function.trim_start_matches('<').starts_with("std::backtrace")
        || FrameOwner::of(frame) == FrameOwner::Watchfire
        || is_event_crate(&crate_of(frame))
        || package.is_some_and(|package| is_event_crate(&package))
}

fn is_emission(frame: &StackFrame) -> bool {
    EMITS.iter().any(|name| frame.function.ends_with(name)) && EVENT.contains(&&*crate_of(frame))
}
