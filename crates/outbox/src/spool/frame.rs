//! Wrap what is written so that damage is seen: a line with version, lengths and checksum, the head as JSON, the bodies.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

/// What the first line begins with; the number is the version of the format.
const MAGIC: &str = "watchfire-spool 1";
const ANY_MAGIC: &str = "watchfire-spool ";
/// The longest first line.
const LINE: usize = 80;

/// Says why a file is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damaged(&'static str);

impl Damaged {
    /// Says that the parts are sound and do not fit together.
    pub(super) const fn content() -> Self {
        Self("the head does not fit what follows it")
    }
}

const NEWER: &str = "of a newer version of watchfire";

impl Damaged {
    /// Tells whether a newer program wrote the file, which can read it.
    pub(super) fn is_newer(&self) -> bool {
        self.0 == NEWER
    }
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Makes the bytes of a file.
pub(super) fn wrap(head: &impl Serialize, bodies: &[&[u8]]) -> Option<Vec<u8>> {
    let mut content = serde_json::to_vec(head).ok()?;
    content.push(b'\n');
    let head_len = content.len();
    for body in bodies {
        content.extend_from_slice(body);
    }
    let body_len = content.len() - head_len;
    let mut file = first_line(head_len, body_len, crc32c(&content)).into_bytes();
    file.push(b'\n');
    file.append(&mut content);
    Some(file)
}

fn first_line(head_len: usize, body_len: usize, sum: u32) -> String {
    format!("{MAGIC} {head_len} {body_len} {sum:08x}")
}

/// Takes a file apart: the head, and the bodies in one.
pub(super) fn unwrap<H: DeserializeOwned>(file: &[u8]) -> Result<(H, &[u8]), Damaged> {
    let line_end = file.iter().take(LINE).position(|byte| *byte == b'\n').ok_or(Damaged("no first line"))?;
    let (line, content) = file.split_at_checked(line_end).ok_or(Damaged("no first line"))?;
    let content = content.get(1..).unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| Damaged("no first line"))?;
    let rest = line.strip_prefix(MAGIC).filter(|rest| rest.starts_with(' '));
    let Some(rest) = rest else {
        let is_newer = line
            .strip_prefix(ANY_MAGIC)
            .and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok())
            .is_some_and(|version| version > 1);
        return Err(Damaged(if is_newer { NEWER } else { "not a spool file" }));
    };
    let mut words = rest.split_ascii_whitespace();
    let mut number = || words.next().and_then(|word| word.parse::<usize>().ok()).ok_or(Damaged("no lengths"));
    let (head_len, body_len) = (number()?, number()?);
    let sum =
        words.next().and_then(|word| u32::from_str_radix(word, 16).ok()).ok_or(Damaged("no checksum"))?;
    // Numbers can be written in many ways, of which one is ours.
    if line != first_line(head_len, body_len, sum) {
        return Err(Damaged("the first line is not as it was written"));
    }
    if head_len.checked_add(body_len) != Some(content.len()) {
        return Err(Damaged("shorter or longer than it says"));
    }
    if crc32c(content) != sum {
        return Err(Damaged("the checksum does not match"));
    }
    let (head, bodies) = content.split_at_checked(head_len).ok_or(Damaged("shorter than it says"))?;
    let head = serde_json::from_slice(head).map_err(|_| Damaged("the head is not what was written"))?;
    Ok((head, bodies))
}

/// CRC-32C (Castagnoli), as in RFC 3720, appendix B.4: a table of our own is ten lines, a crate a dependency.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        let low = u8::try_from(crc & 0xff).unwrap_or_default();
        TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default() ^ (crc >> 8)
    })
}

#[expect(clippy::indexing_slicing, reason = "a constant expression: what is out of bounds does not compile")]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "less than 256")]
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_3720() {
        let ascending: Vec<u8> = (0..32).collect();
        let cases: [(&[u8], u32); 4] = [
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&ascending, 0x46dd_794e),
            (b"123456789", 0xe306_9283),
        ];
        for (bytes, sum) in cases {
            assert_eq!(crc32c(bytes), sum, "{bytes:?}");
        }
    }

    #[test]
    fn every_single_flipped_bit_and_every_cut_is_seen() {
        let file = wrap(&("head", 4711), &[b"one", b"two"]).unwrap();
        let (head, bodies): ((String, u32), _) = unwrap(&file).unwrap();
        assert_eq!((head, bodies), (("head".to_owned(), 4711), &b"onetwo"[..]));
        for i in 0..file.len() {
            for bit in 0..8 {
                let mut bad = file.clone();
                bad[i] ^= 1 << bit;
                assert!(unwrap::<(String, u32)>(&bad).is_err(), "byte {i}, bit {bit}");
            }
            assert!(unwrap::<(String, u32)>(&file[..i]).is_err(), "cut at {i}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(unwrap::<serde_json::Value>(&bytes).is_err());
        }

        #[test]
        fn any_content_behind_a_good_line_is_read_without_harm(
            content in proptest::collection::vec(any::<u8>(), 0..200), split in 0..200_usize,
        ) {
            let split = split.min(content.len());
            let line = format!("{MAGIC} {split} {} {:08x}\n", content.len() - split, crc32c(&content));
            let file = [line.as_bytes(), &content].concat();
            if let Ok((head, bodies)) = unwrap::<serde_json::Value>(&file) {
                prop_assert_eq!(bodies, &content[split..]);
                prop_assert!(head.is_null() || !head.to_string().is_empty());
            }
        }
    }
}
