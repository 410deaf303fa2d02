//! Reads the text of a stack: `  4: path::of::function`, and `at file:line:column` below it.

use super::{StackFrame, owner::FrameOwner};

/// The placeholder for a function without a symbol.
pub(super) const UNKNOWN: &str = "<unknown>";

pub(super) fn frames(text: &str) -> Vec<StackFrame> {
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
                in_app: false,
            });
        }
    }
    for frame in &mut frames {
        frame.in_app = FrameOwner::of(frame) == FrameOwner::Program;
    }
    frames
}
