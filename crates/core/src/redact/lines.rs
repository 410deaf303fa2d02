//! Values on the lines below their name.

use super::here::Here;

/// The start of the next line, if this one ends at `at`: by a line break, or by the escape of one.
pub(super) fn line_break(here: Here<'_>, at: usize) -> Option<usize> {
    const BREAKS: [&[u8]; 4] = [b"\r\n", b"\n", br"\r\n", br"\n"];
    BREAKS.iter().find(|end| here.text.starts_with(at, end)).map(|end| at + end.len())
}

/// How far the line that `at` stands in is indented.
pub(super) fn indent(here: Here<'_>, at: usize) -> usize {
    let blanks = here.text.run_back(at, here.reach_of(at), |byte| byte == b' ' || byte == b'-');
    at - blanks
}

/// The end of the lines from `line` on that are indented by more than `indent`.
pub(super) fn block_end(here: Here<'_>, line: usize, indent: usize) -> usize {
    let (text, mut line, mut last) = (here.text, line, line);
    while line < text.len() {
        let from = text.run(line, |byte| byte == b' ');
        let end = text.run(from, |byte| !matches!(byte, b'\n' | b'\r' | b'\\'));
        if from - line <= indent && end > from {
            break;
        }
        if end > from {
            last = end;
        }
        match line_break(here, end) {
            Some(next) => line = next,
            None => break,
        }
    }
    last
}
