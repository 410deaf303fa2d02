//! Shared parts of the SMS providers: segments, numbers, form fields.

/// The basic table, without the escape character.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§\
¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// These cost two, the escape and the character.
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

/// Parts of a message (3GPP TS 23.038): GSM-7 160 alone or 153 each, UCS-2 70 alone or 67 each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segments {
    pub(crate) gsm: bool,
    /// Septets, or UTF-16 units.
    pub(crate) units: usize,
    pub(crate) count: usize,
}

impl Segments {
    pub(crate) fn of(text: &str) -> Self {
        let gsm = text.chars().all(|c| BASIC.contains(c) || EXTENDED.contains(c));
        let width = |c: char| match (gsm, EXTENDED.contains(c)) {
            (true, true) => 2,
            (true, false) => 1,
            (false, _) => c.len_utf16(),
        };
        let units = text.chars().map(width).sum();
        let (single, part) = if gsm { (160, 153) } else { (70, 67) };
        if units <= single {
            return Self { gsm, units, count: 1 };
        }
        // A character is never cut in two, so a part may stay one unit short.
        let mut count = 1;
        let mut used = 0;
        for c in text.chars() {
            if used + width(c) > part {
                count += 1;
                used = 0;
            }
            used += width(c);
        }
        Self { gsm, units, count }
    }

    pub(crate) fn describe(self) -> String {
        let (encoding, unit) = if self.gsm { ("GSM-7", "septets") } else { ("UCS-2", "UTF-16 units") };
        format!("{} ({encoding}, {} {unit})", self.count, self.units)
    }
}

/// Tells whether a number is `+` and 7 to 15 digits, the first of them no zero.
pub(crate) fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The value of a form field, empty when it is not there.
pub(crate) fn field<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    form.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Segments;

    #[test]
    fn counts_what_the_tables_say() {
        let cases = [
            (String::new(), true, 1),
            ("a".repeat(160), true, 1),
            ("a".repeat(161), true, 2),
            ("a".repeat(306), true, 2),
            ("a".repeat(307), true, 3),
            ("€".repeat(80), true, 1),
            ("€".repeat(81), true, 2),
            // 76 pairs fit into 153 septets, the last septet stays empty.
            ("€".repeat(153), true, 3),
            ("é".repeat(160), true, 1),
            ("`".repeat(70), false, 1),
            ("`".repeat(71), false, 2),
            ("😀".repeat(35), false, 1),
            ("😀".repeat(67), false, 3),
        ];
        for (text, gsm, count) in cases {
            let segments = Segments::of(&text);
            assert_eq!(
                (segments.gsm, segments.count),
                (gsm, count),
                "{} of {:?}",
                text.chars().count(),
                text.chars().next()
            );
        }
    }
}
