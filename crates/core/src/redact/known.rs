//! Remember what was found about the names of one text: in JSON the same ones come again and again.

use super::names::{Extent, Names};
use super::values::Bytes;

/// How many names are remembered.
const KNOWN: usize = 16;

/// Holds the latest names of a text, each by its place.
#[derive(Default)]
pub(super) struct Known {
    slots: [Slot; KNOWN],
}

#[derive(Clone, Copy, Default)]
struct Slot {
    start: usize,
    end: usize,
    verdict: Option<Extent>,
}

impl Known {
    /// Says what the name from `start` to `end` hides. It costs 300 to 500 instructions to find out, 40 to remember.
    pub(super) fn judge(
        &mut self,
        names: &Names,
        bytes: Bytes<'_>,
        start: usize,
        end: usize,
    ) -> Option<Extent> {
        let name = bytes.slice(start, end);
        let byte = |at: usize| usize::from(bytes.at(at));
        let (first, middle, last) = (byte(start), byte(start + name.len() / 2), byte(end.saturating_sub(1)));
        let mixed = (name.len() ^ first ^ (last << 1) ^ (middle << 2)).wrapping_mul(0x9E37);
        let slot = self.slots.get_mut((mixed >> 8) % KNOWN)?;
        if bytes.slice(slot.start, slot.end) != name {
            *slot = Slot { start, end, verdict: names.judge(name) };
        }
        slot.verdict
    }
}
