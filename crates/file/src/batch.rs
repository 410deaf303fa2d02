//! Lines on their way to the file: whole records, each with the period it belongs to.

use crate::rotation::Period;

/// A buffer of records, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// Where each record ends.
    ends: Vec<usize>,
    /// From which record on a period holds; ascending.
    runs: Vec<(usize, Period)>,
    /// How many records are in a file.
    done: usize,
    /// How many bytes of the record after those stand, torn, at the end of the open file.
    torn: usize,
}

/// A buffer larger than this is given back to the allocator once it is empty.
const KEEP: usize = 1 << 20;

impl Batch {
    pub(crate) fn push(&mut self, record: &[u8], period: Period) {
        if self.runs.last().is_none_or(|(_, last)| *last != period) {
            self.runs.push((self.ends.len(), period));
        }
        self.bytes.extend_from_slice(record);
        self.ends.push(self.bytes.len());
    }

    /// Takes what `other` holds behind what is here, and leaves it empty.
    pub(crate) fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            self.clear();
            std::mem::swap(self, other);
            return;
        }
        let (bytes, records) = (self.bytes.len(), self.ends.len());
        self.bytes.append(&mut other.bytes);
        self.ends.extend(other.ends.drain(..).map(|end| end + bytes));
        self.runs.extend(other.runs.drain(..).map(|(from, period)| (from + records, period)));
        other.clear();
    }

    /// Returns the bytes that are in no file yet.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.start(self.done)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.done == self.ends.len()
    }

    /// Returns how many records are in no file yet.
    pub(crate) fn records(&self) -> usize {
        self.ends.len() - self.done
    }

    /// Returns the period of the next record.
    pub(crate) fn period(&self) -> Option<Period> {
        if self.is_empty() {
            return None;
        }
        self.runs.iter().rev().find(|(from, _)| *from <= self.done).map(|(_, period)| *period)
    }

    /// Returns the bytes for one write: whole records of one period that fit into `room` bytes.
    ///
    /// Empty if not even the next record fits. `at_least_one` asks for the next record whatever its size.
    pub(crate) fn piece(&self, room: u64, at_least_one: bool) -> &[u8] {
        let run_end =
            self.runs.iter().map(|(from, _)| *from).find(|from| *from > self.done).unwrap_or(self.ends.len());
        let start = self.start(self.done) + self.torn;
        let limit = usize::try_from(room).unwrap_or(usize::MAX).saturating_add(start);
        let candidates = self.ends.get(self.done..run_end).unwrap_or_default();
        let fit = candidates.partition_point(|end| *end <= limit);
        let fit = if at_least_one || self.torn > 0 { fit.max(1) } else { fit };
        let end = fit.checked_sub(1).and_then(|last| candidates.get(last)).copied().unwrap_or(start);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Returns the next record.
    pub(crate) fn next_record(&self) -> &[u8] {
        let end = self.ends.get(self.done).copied().unwrap_or_default();
        self.bytes.get(self.start(self.done)..end).unwrap_or_default()
    }

    /// Returns how many bytes of the next record stand at the end of the open file.
    pub(crate) fn torn(&self) -> usize {
        self.torn
    }

    /// Notes that so many bytes of the last piece were written.
    pub(crate) fn advance(&mut self, written: usize) {
        let reached = self.start(self.done) + self.torn + written;
        while self.ends.get(self.done).is_some_and(|end| *end <= reached) {
            self.done += 1;
        }
        self.torn = reached - self.start(self.done);
        if self.is_empty() {
            self.clear();
        }
    }

    /// Forgets that a part of the next record was written: it was cut off again.
    pub(crate) fn restart_record(&mut self) {
        self.torn = 0;
    }

    /// Gives up a record of which a part stands where nothing can be added to it.
    ///
    /// It is written again, unless only its newline is missing, which whoever writes next adds.
    pub(crate) fn abandon_record(&mut self) {
        if self.torn > 0
            && self.ends.get(self.done).is_some_and(|end| end - self.start(self.done) == self.torn + 1)
        {
            self.advance(1);
        }
        self.torn = 0;
    }

    fn start(&self, record: usize) -> usize {
        record.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0)
    }

    fn clear(&mut self) {
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        self.ends.clear();
        self.runs.clear();
        self.done = 0;
        self.torn = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(start: i64) -> Period {
        Period { start, until: start + 10 }
    }

    fn batch() -> Batch {
        let mut batch = Batch::default();
        for (record, start) in [("aa\n", 0), ("bbb\n", 0), ("c\n", 10)] {
            batch.push(record.as_bytes(), period(start));
        }
        batch
    }

    #[test]
    fn a_piece_is_whole_records_of_one_period_that_fit() {
        for (room, at_least_one, expected) in [
            (99, false, "aa\nbbb\n"),
            (7, false, "aa\nbbb\n"),
            (6, false, "aa\n"),
            (2, false, ""),
            (0, true, "aa\n"),
        ] {
            assert_eq!(batch().piece(room, at_least_one), expected.as_bytes());
        }
        let mut batch = batch();
        batch.advance(7);
        assert_eq!(batch.torn(), 0);
        assert_eq!((batch.piece(99, false), batch.period()), (&b"c\n"[..], Some(period(10))));
        assert_eq!((batch.len(), batch.records()), (2, 1));
    }

    #[test]
    fn a_torn_record_goes_on_where_it_broke_or_starts_again() {
        let mut batch = batch();
        batch.advance(5);
        assert_eq!(batch.torn(), 2);
        assert_eq!(batch.piece(99, false), b"b\n");
        batch.restart_record();
        assert_eq!(batch.piece(99, false), b"bbb\n");
        batch.advance(2);
        batch.abandon_record();
        assert_eq!(batch.piece(99, false), b"bbb\n");
        batch.advance(3);
        batch.abandon_record();
        assert_eq!(batch.piece(99, false), b"c\n");
    }

    #[test]
    fn appending_keeps_order_and_periods() {
        let (mut first, mut second) = (batch(), batch());
        first.advance(7);
        first.append(&mut second);
        assert!(second.is_empty());
        let mut all = Vec::new();
        while !first.is_empty() {
            let piece = first.piece(u64::MAX, false).to_vec();
            first.advance(piece.len());
            all.extend(piece);
        }
        assert_eq!(all, b"c\naa\nbbb\nc\n");
    }
}
