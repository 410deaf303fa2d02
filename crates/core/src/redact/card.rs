//! Payment card numbers (ISO/IEC 7812): an issuer's prefix and length, and the check digit.

use super::bytes::{Bytes, is_digit};

/// The end of the card number that starts at `start`, where the first digit stands.
///
/// Digits together, or in the groups that are printed on cards, divided by one kind of blank, dash or point.
/// `first` is the end of the first run of digits.
pub(super) fn card(text: Bytes<'_>, start: usize, first: usize, floor: usize) -> Option<Card> {
    let divider = if first - start == 4 {
        // What begins no card's number, and what no digit follows, is told at once.
        let is_first = matches!(text.at(start), b'2'..=b'6' | b'8');
        let divider = divider(text, first).filter(|_| is_first)?;
        Some(divider).filter(|divider| is_digit(text.at(first + divider.len())) || text.cut)
    } else {
        None
    };
    if divider.is_none() && first - start < 7 {
        return None;
    }
    let before = text.before(start, floor);
    let inner = start > floor + 1 && text.at(start - 2).is_ascii_alphanumeric();
    if before.is_ascii_alphanumeric() || (before == b'.' && inner) {
        return None;
    }
    let mut digits = Digits::default();
    digits.take(text, start, first)?;
    let Some(divider) = divider else {
        let is_whole = digits.is_card(text.is_cut(first)) && ends_number(text, start, first);
        return is_whole.then_some(Card { end: first, grouped: false });
    };
    if divider == b"-" && before == b'-' && inner {
        return None;
    }
    let mut end = first;
    for _ in 0..4 {
        if !text.starts_with(end, divider) {
            break;
        }
        let next = end + divider.len();
        let stop = text.run(next, is_digit);
        if stop == next || stop - next > 6 {
            break;
        }
        digits.take(text, next, stop)?;
        let layout = digits.layout(stop - next);
        end = stop;
        let known = matches!(layout, 4444 | 465 | 464 | 44443 | 4441);
        if known && digits.is_card(false) && ends_number(text, start, end) {
            return Some(Card { end, grouped: true });
        }
    }
    let rest = text.len() - end;
    let cut = text.cut && (rest == 0 || divider.starts_with(text.from(end))) && digits.is_card(true);
    cut.then_some(Card { end: text.len(), grouped: true })
}

pub(super) struct Card {
    pub(super) end: usize,
    /// In groups nobody writes anything else.
    pub(super) grouped: bool,
}

/// What divides the groups: a blank, a dash, a point, also those of a width of their own.
fn divider(text: Bytes<'_>, at: usize) -> Option<&'static [u8]> {
    const DIVIDERS: [&[u8]; 10] = [
        b" ",
        b"-",
        b".",
        "\u{a0}".as_bytes(),
        "\u{202f}".as_bytes(),
        "\u{2009}".as_bytes(),
        "\u{2010}".as_bytes(),
        "\u{2011}".as_bytes(),
        "\u{2013}".as_bytes(),
        b"%20",
    ];
    if !matches!(text.at(at), b' ' | b'-' | b'.' | b'%' | 0xc2 | 0xe2) {
        return None;
    }
    DIVIDERS.into_iter().find(|divider| text.starts_with(at, divider))
}

/// Says whether the number ends at `end`: not within a decimal, nor within a longer run of hexadecimal digits.
fn ends_number(text: Bytes<'_>, start: usize, end: usize) -> bool {
    let next = text.at(end);
    if next == b'.' && is_digit(text.at(end + 1)) {
        return false;
    }
    let run = text.run(end, |byte| byte.is_ascii_alphanumeric());
    let hex = text.slice(end, run).iter().all(u8::is_ascii_hexdigit);
    run == end || !hex || run - start < 20
}

#[derive(Default)]
struct Digits {
    bytes: [u8; 20],
    len: usize,
    groups: u32,
}

impl Digits {
    /// Takes in a group; nothing is left when there are more digits than a card has.
    fn take(&mut self, text: Bytes<'_>, start: usize, end: usize) -> Option<()> {
        if end - start > 19 {
            return None;
        }
        for at in start..end {
            *self.bytes.get_mut(self.len)? = text.at(at) - b'0';
            self.len += 1;
        }
        Some(())
    }

    /// The sizes of the groups so far as the digits of one number.
    fn layout(&mut self, size: usize) -> u32 {
        if self.groups == 0 {
            self.groups = 4;
        }
        self.groups = self.groups * 10 + u32::try_from(size).unwrap_or(9);
        self.groups
    }

    fn is_card(&self, cut: bool) -> bool {
        let digits = self.bytes.get(..self.len).unwrap_or_default();
        let prefix = digits.iter().take(4).fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit));
        let len = digits.len();
        let lengths = match prefix {
            4000..=4999 => matches!(len, 13 | 16 | 19),
            5100..=5599 | 2221..=2720 | 2200..=2204 => len == 16,
            3400..=3499 | 3700..=3799 => len == 15,
            3000..=3059 | 3600..=3699 | 3800..=3999 => matches!(len, 14..=19),
            3528..=3589 | 6011 | 6440..=6599 | 6000..=6099 | 6200..=6299 | 8100..=8299 | 5080..=5089 => {
                matches!(len, 16..=19)
            }
            5000..=5099 | 5600..=5899 | 6300..=6399 | 6700..=6799 => matches!(len, 13..=19),
            _ => return false,
        };
        if cut {
            return (7..=19).contains(&len);
        }
        lengths && luhn(digits)
    }
}

/// Says whether an integer is a card's number by its digits.
pub(super) fn is_card(magnitude: u128) -> bool {
    let mut digits = Digits::default();
    let mut text = [0_u8; 39];
    let mut len = 0;
    let mut rest = magnitude;
    while rest > 0 && len < 20 {
        if let Some(place) = text.get_mut(len) {
            *place = u8::try_from(rest % 10).unwrap_or(0);
        }
        rest /= 10;
        len += 1;
    }
    if !(13..=19).contains(&len) {
        return false;
    }
    for digit in text.iter().take(len).rev() {
        if let Some(place) = digits.bytes.get_mut(digits.len) {
            *place = *digit;
            digits.len += 1;
        }
    }
    digits.is_card(false)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}
