//! Count what a text costs, and bring it into the alphabet that costs least.

use unicode_segmentation::UnicodeSegmentation;

/// Tells how many SMS a text becomes, and in which alphabet.
///
/// Counted as the networks and Twilio do (3GPP TS 23.038): GSM-7 160 septets in one SMS or 153 in each part of several,
/// UCS-2 70 units of UTF-16 or 67; nothing that a reader sees as one character is cut in two.
///
/// ```
/// use watchfire_sms::{Alphabet, Segments};
/// assert_eq!(Segments::of("payment refused: 5 €"), Segments { alphabet: Alphabet::Gsm7, units: 21, count: 1 });
/// assert_eq!(Segments::of("платёж отклонён").alphabet, Alphabet::Ucs2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    /// The alphabet.
    pub alphabet: Alphabet,
    /// Septets of GSM-7, or units of UTF-16.
    pub units: usize,
    /// The number of SMS.
    pub count: usize,
}

/// Names the alphabets of SMS; there are no others (the 8-bit one is not for text).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// The default alphabet with its extension table.
    Gsm7,
    /// UTF-16, used for the whole text as soon as one character is not of the other.
    Ucs2,
}

impl Segments {
    /// Counts a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let alphabet =
            if text.chars().all(|c| septets(c).is_some()) { Alphabet::Gsm7 } else { Alphabet::Ucs2 };
        let (single, part) = match alphabet {
            Alphabet::Gsm7 => (160, 153),
            Alphabet::Ucs2 => (70, 67),
        };
        let width = |piece: &str| match alphabet {
            Alphabet::Gsm7 => piece.chars().filter_map(septets).sum(),
            Alphabet::Ucs2 => piece.encode_utf16().count(),
        };
        let units = width(text);
        if units <= single {
            return Self { alphabet, units, count: 1 };
        }
        let (mut count, mut used) = (1, 0);
        for piece in pieces(text) {
            let width = width(piece);
            if used + width > part {
                count += 1;
                used = 0;
            }
            used += width;
        }
        Self { alphabet, units, count }
    }
}

/// Returns what is never cut: what a reader sees as one character, but a line end of two is two.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.graphemes(true)
        .flat_map(|piece| match piece {
            "\r\n" => ["\r", "\n"],
            piece => [piece, ""],
        })
        .filter(|piece| !piece.is_empty())
}

/// Returns the longest start of `text` that, between `before` and `after`, makes at most `most` segments.
/// A cut is marked by three dots.
pub(crate) fn fit(before: &str, text: &str, after: &str, most: usize) -> String {
    let whole = format!("{before}{text}{after}");
    if Segments::of(&whole).count <= most {
        return whole;
    }
    let ends: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).collect();
    let with = |end: usize| format!("{before}{}...{after}", text.get(..end).unwrap_or_default().trim_end());
    // The fit is not quite monotonous, because a cut may change the alphabet: the first fit from the right is sought
    // by halves, and is right whenever the alphabet stays.
    let fits = ends.partition_point(|end| Segments::of(&with(*end)).count <= most);
    with(fits.checked_sub(1).and_then(|last| ends.get(last)).copied().unwrap_or_default())
}

/// Brings a text into GSM-7 where that loses little; else leaves it for UCS-2.
///
/// Typographic signs and Latin letters are replaced by their plain kin. What is still outside becomes `?`, unless that is
/// more than an eighth of the text: then it is of another script, and half as many of its own letters say more.
pub(crate) fn economical(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if septets(c).is_some() => plain.push(c),
            _ if is_unseen(c) => {}
            _ => match kin(c) {
                Some(kin) => plain.push_str(kin),
                None => plain.push(c),
            },
        }
    }
    let foreign = plain.chars().filter(|c| septets(*c).is_none()).count();
    if foreign * 8 > plain.chars().count() { plain } else { gsm_only(&plain) }
}

/// Brings a text into GSM-7, whatever it loses.
pub(crate) fn gsm_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        if piece.chars().all(|c| septets(c).is_some()) {
            out.push_str(piece);
            continue;
        }
        let replaced: String = piece
            .chars()
            .filter(|c| !is_unseen(*c))
            .filter_map(|c| {
                let mut own = [0; 4];
                match septets(c) {
                    Some(_) => Some(c.encode_utf8(&mut own).to_owned()),
                    None => kin(c).map(str::to_owned),
                }
            })
            .collect();
        match replaced.is_empty() {
            true if !out.ends_with('?') => out.push('?'),
            true => {}
            false => out.push_str(&replaced),
        }
    }
    out
}

/// Returns how many septets a character takes in GSM-7; `None` if it is not in it (3GPP TS 23.038 §6.2.1).
pub(crate) fn septets(c: char) -> Option<usize> {
    match c {
        'A'..='Z' | 'a'..='z' | '0'..='9' => Some(1),
        _ if BASIC.contains(c) => Some(1),
        _ if EXTENSION.contains(c) => Some(2),
        _ => None,
    }
}

const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Returns what stands for a character in GSM-7.
fn kin(c: char) -> Option<&'static str> {
    KIN.iter().find(|(kind, _)| kind.contains(c)).map(|(_, kin)| *kin)
}

/// Characters that turn the direction of text, join or part: invisible, and at the price of all other characters.
/// The joiner and the selector of emoji are not among them, as emoji would fall apart.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
        || c.is_control()
}

const KIN: &[(&str, &str)] = &[
    (
        "\u{a0}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{202f}\u{205f}\u{3000}\t",
        " ",
    ),
    ("\u{2028}\u{2029}", "\n"),
    ("…", "..."),
    ("‐‑‒–—―−", "-"),
    ("“”„‟«»″", "\""),
    ("‘’‚‛′`´", "'"),
    ("‹", "<"),
    ("›", ">"),
    ("→", "->"),
    ("←", "<-"),
    ("⇒", "=>"),
    ("↔", "<->"),
    ("≤", "<="),
    ("≥", ">="),
    ("≠", "!="),
    ("×", "x"),
    ("•·", "*"),
    ("™", "(TM)"),
    ("©", "(C)"),
    ("®", "(R)"),
    ("½", "1/2"),
    ("ÁÀÂÃĀĂĄ", "A"),
    ("áâãāăą", "a"),
    ("ĆĈĊČ", "C"),
    ("ćĉċčç", "c"),
    ("ĎĐÐ", "D"),
    ("ďđð", "d"),
    ("ÊËÈĒĔĖĘĚ", "E"),
    ("êëēĕėęě", "e"),
    ("ĜĞĠĢ", "G"),
    ("ĝğġģ", "g"),
    ("ĤĦ", "H"),
    ("ĥħ", "h"),
    ("ÍÌÎÏĨĪĬĮİ", "I"),
    ("íîïĩīĭįı", "i"),
    ("Ĵ", "J"),
    ("ĵ", "j"),
    ("Ķ", "K"),
    ("ķ", "k"),
    ("ĹĻĽĿŁ", "L"),
    ("ĺļľŀł", "l"),
    ("ŃŅŇ", "N"),
    ("ńņň", "n"),
    ("ÓÒÔÕŌŎŐ", "O"),
    ("óôõōŏő", "o"),
    ("Œ", "OE"),
    ("œ", "oe"),
    ("ŔŖŘ", "R"),
    ("ŕŗř", "r"),
    ("ŚŜŞŠȘ", "S"),
    ("śŝşšș", "s"),
    ("ŢŤŦȚ", "T"),
    ("ţťŧț", "t"),
    ("Þ", "Th"),
    ("þ", "th"),
    ("ÚÙÛŨŪŬŮŰŲ", "U"),
    ("úûũūŭůűų", "u"),
    ("Ŵ", "W"),
    ("ŵ", "w"),
    ("ÝŶŸ", "Y"),
    ("ýÿŷ", "y"),
    ("ŹŻŽ", "Z"),
    ("źżž", "z"),
];

#[cfg(test)]
mod tests;
