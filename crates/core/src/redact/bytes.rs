//! The bytes of a text, with accessors that never fail, and the classes of bytes.

/// The bytes of a text. Behind the end stands 0.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'t> {
    bytes: &'t [u8],
    /// Whether a size limit cut the text: its end may be the start of a secret.
    pub(super) cut: bool,
}

impl<'t> Bytes<'t> {
    pub(super) fn new(bytes: &'t [u8], cut: bool) -> Self {
        Self { bytes, cut }
    }

    pub(super) fn len(self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(super) fn at(self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The byte before `at`; at the end of a masked value, which is the floor, the last byte of the mask.
    pub(super) fn before(self, at: usize, floor: usize) -> u8 {
        match at.checked_sub(1) {
            Some(before) if at > floor => self.at(before),
            Some(_) => b']',
            None => 0,
        }
    }

    pub(super) fn slice(self, start: usize, end: usize) -> &'t [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    pub(super) fn from(self, start: usize) -> &'t [u8] {
        self.bytes.get(start..).unwrap_or_default()
    }

    /// The end of the run of bytes from `from` that pass the test.
    pub(super) fn run(self, from: usize, test: impl Fn(u8) -> bool) -> usize {
        let rest = self.from(from);
        from + rest.iter().position(|byte| !test(*byte)).unwrap_or(rest.len())
    }

    /// The start of the run of bytes before `to` that pass the test, not before `least`.
    pub(super) fn run_back(self, to: usize, least: usize, test: impl Fn(u8) -> bool) -> usize {
        let before = self.bytes.get(least..to).unwrap_or_default();
        to - before.iter().rev().position(|byte| !test(*byte)).unwrap_or(before.len())
    }

    pub(super) fn starts_with(self, at: usize, pattern: &[u8]) -> bool {
        self.from(at).starts_with(pattern)
    }

    pub(super) fn starts_with_any_case(self, at: usize, pattern: &[u8]) -> bool {
        self.slice(at, at + pattern.len()).eq_ignore_ascii_case(pattern)
    }

    /// Says whether `pattern` ends at `at`, and begins at `least` or later.
    pub(super) fn ends_with_any_case(self, at: usize, least: usize, pattern: &[u8]) -> bool {
        at.checked_sub(pattern.len())
            .is_some_and(|start| start >= least && self.starts_with_any_case(start, pattern))
    }

    /// The first place of `pattern` from `from` on that ends before `to`.
    pub(super) fn find(self, from: usize, to: usize, pattern: &[u8]) -> Option<usize> {
        let range = self.bytes.get(from..to.min(self.len()))?;
        range.windows(pattern.len()).position(|window| window == pattern).map(|place| from + place)
    }

    /// Says whether a run that ends at `end` was cut there.
    pub(super) fn is_cut(self, end: usize) -> bool {
        self.cut && end == self.len()
    }
}

const NAME: u8 = 1;
const BASE64URL: u8 = 1 << 1;
const DIGIT: u8 = 1 << 2;
const BLANK: u8 = 1 << 3;
const QUOTE: u8 = 1 << 4;
const CLOSER: u8 = 1 << 5;
const TRIGGER: u8 = 1 << 6;

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let byte = at as u8;
        let mut class = 0;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            class |= BASE64URL | NAME;
        }
        // A name may be in any language; what its letters look like is looked at later.
        if byte == b'.' || byte >= 0x80 {
            class |= NAME;
        }
        if byte.is_ascii_digit() {
            class |= DIGIT;
        }
        if byte <= b' ' || byte == 0x7f {
            class |= BLANK;
        }
        if matches!(byte, b'"' | b'\'' | b'`') {
            class |= QUOTE;
        }
        if matches!(byte, b')' | b']' | b'}' | b'>') {
            class |= CLOSER;
        }
        if byte.is_ascii_digit() || matches!(byte, b':' | b'=' | b'>' | b'-' | b'(' | b'\'' | b'B') {
            class |= TRIGGER;
        }
        table[at] = class;
        at += 1;
    }
    table
};

#[inline]
fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|known| known & class != 0)
}

/// What a name is made of outside of quotes.
#[inline]
pub(super) fn is_name(byte: u8) -> bool {
    is(byte, NAME)
}

#[inline]
pub(super) fn is_base64url(byte: u8) -> bool {
    is(byte, BASE64URL)
}

/// A token of the header `Authorization` (RFC 9110 §11.2).
pub(super) fn is_token68(byte: u8) -> bool {
    is_base64url(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=')
}

#[inline]
pub(super) fn is_digit(byte: u8) -> bool {
    is(byte, DIGIT)
}

#[inline]
pub(super) fn is_blank(byte: u8) -> bool {
    is(byte, BLANK)
}

#[inline]
pub(super) fn is_quote(byte: u8) -> bool {
    is(byte, QUOTE)
}

#[inline]
pub(super) fn is_closer(byte: u8) -> bool {
    is(byte, CLOSER)
}

/// A byte at which the scanner stops: each secret has one in it or beside it.
#[inline]
pub(super) fn is_trigger(byte: u8) -> bool {
    is(byte, TRIGGER)
}

/// How many bytes are looked at one by one before it is worth to take a block.
const NEAR: usize = 8;

/// How many bytes are looked at together.
const BLOCK: usize = 64;

/// Finds the next trigger.
///
/// A block is asked as a whole whether it may hold one, by comparisons that compile to vector instructions. Measured:
/// below one instruction a byte, against nine with a look at each.
#[inline]
pub(super) fn next_trigger(bytes: &[u8]) -> Option<usize> {
    let near = bytes.get(..NEAR).unwrap_or(bytes);
    // In JSON the next one is near.
    if let Some(found) = near.iter().position(|byte| is_trigger(*byte)) {
        return Some(found);
    }
    far_trigger(bytes, near.len())
}

fn far_trigger(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
        if may_hold_trigger(block)
            && let Some(found) = block.iter().position(|byte| is_trigger(*byte))
        {
            return Some(at + found);
        }
        at += BLOCK;
    }
    // What is left is less than a block: asked together with bytes that were looked at.
    if bytes.last_chunk::<BLOCK>().is_some_and(|block| !may_hold_trigger(block)) {
        return None;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|byte| is_trigger(*byte)).map(|found| at + found)
}

/// How many bytes of a long text, and of a short one, are looked at together for [`may_hold_triggers`].
const LONG: usize = 128;
const SHORT: usize = 32;

/// Says whether a text may hold a trigger: `false` is certain, and costs less than one instruction a byte.
#[inline]
pub(super) fn may_hold_triggers(text: &[u8]) -> bool {
    match text.len() {
        0..SHORT => text.iter().any(|byte| is_trigger(*byte)),
        SHORT..LONG => may_hold_triggers_by::<SHORT>(text),
        _ => may_hold_triggers_by::<LONG>(text),
    }
}

fn may_hold_triggers_by<const SIZE: usize>(text: &[u8]) -> bool {
    let lowest = |block: &[u8; SIZE]| block.iter().fold(u8::MAX, |lowest, byte| lowest.min(rank(*byte)));
    let (blocks, rest) = text.as_chunks::<SIZE>();
    // What is left is taken together with bytes that were looked at.
    let last = text.last_chunk().filter(|_| !rest.is_empty());
    blocks.iter().chain(last).any(|block| lowest(block) <= HIGHEST_RANK)
}

/// The highest rank of a trigger.
const HIGHEST_RANK: u8 = 0x1e;

/// Ranks a byte: triggers are at most [`HIGHEST_RANK`], with a few signs that prose has seldom. All others are above,
/// with the blank, the comma, the point and the letters but `B`. Compiles to vector instructions.
///
/// Comma and point are made one, which the exclusive or moves to the edge of the range, to be wrapped around.
#[inline]
fn rank(byte: u8) -> u8 {
    ((byte | 2).wrapping_sub(0x23) ^ 0x0b).wrapping_sub(1)
}

/// Says whether a block holds a trigger, or one of the bytes between the first and the last of them that prose has
/// seldom. Commas and points it has often.
#[inline]
fn may_hold_trigger(block: &[u8; BLOCK]) -> bool {
    let mut any = 0_u8;
    for byte in block {
        let is_between = byte.wrapping_sub(b'\'') <= b'B' - b'\'';
        let comma_or_point = byte & !2 == b',';
        any |= u8::from(is_between & !comma_or_point);
    }
    any != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trigger_is_found_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for len in [1, 7, 8, 9, 31, 32, 33, 63, 64, 71, 72, 73, 127, 128, 129, 200, 300] {
                let mut text = vec![b'a'; len];
                *text.last_mut().unwrap() = byte;
                let expected = is_trigger(byte).then_some(len - 1);
                assert_eq!(next_trigger(&text), expected, "{byte} {len}");
                assert!(may_hold_triggers(&text) >= expected.is_some(), "{byte} {len}");
            }
        }
    }

    #[test]
    fn prose_is_known_to_hold_no_trigger() {
        let prose = "A parcel, packed and weighed at noon. Dispatched Friday, Customs have seen it, the rest follows. ";
        for len in 1..prose.len() {
            assert!(!may_hold_triggers(&prose.as_bytes()[..len].repeat(8)), "{len}");
        }
    }
}
