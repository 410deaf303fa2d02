//! Prints 2,000 texts with what each costs, as JSON lines, for the check against Twilio's own segment calculator.
//!
//! The texts are made from a fixed seed: all of GSM-7, its extension table, other scripts, emoji and their joiners, in
//! lengths around every edge of a segment.

use std::io::{self, BufWriter, Write};

use watchfire_sms::{Alphabet, Segments};

const TEXTS: usize = 2_000;

/// Sources of characters, from plain to what a reader sees as one although it is many.
const SOURCES: [&[&str]; 5] = [
    &["a", "Z", "0", " ", "@", "£", "é", "ù", "Ø", "Δ", "Ω", "ß", "\n", "?", "!", "ñ"],
    &["a", "b", "^", "{", "}", "\\", "[", "]", "~", "|", "€", " "],
    &["п", "л", "а", "т", "ё", "ж", " ", "漢", "字", "ç", "`"],
    &["x", "😀", "👍", "🇦🇹", "👩\u{200d}💻", "👨\u{200d}👩\u{200d}👧", "❤\u{fe0f}", " "],
    &["a", "e\u{301}", "n\u{303}", "𝒳", "\u{200b}", "…", "–", "“", "”"],
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(below.max(1)).unwrap_or(1)).unwrap_or_default()
    };
    let edges = [0, 1, 66, 67, 70, 134, 152, 153, 154, 160, 161, 306, 307, 459];
    for i in 0..TEXTS {
        let source = SOURCES.get(i % SOURCES.len()).copied().unwrap_or_default();
        let around = edges.get(next(edges.len())).copied().unwrap_or_default();
        let length = (around + next(7)).saturating_sub(3);
        let text: String = (0..length).filter_map(|_| source.get(next(source.len()))).copied().collect();
        let Segments { alphabet, count, .. } = Segments::of(&text);
        let alphabet = match alphabet {
            Alphabet::Gsm7 => "GSM-7",
            Alphabet::Ucs2 => "UCS-2",
        };
        writeln!(out, "{}", serde_json::json!({ "text": text, "alphabet": alphabet, "count": count }))?;
    }
    Ok(out.flush()?)
}
