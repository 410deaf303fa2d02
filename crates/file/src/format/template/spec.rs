//! How one value is written: width, alignment, sign, precision, as Python has them.

use std::borrow::Cow;

use super::{
    number::{Style, digits},
    repr,
};

/// A value on its way into a template. Texts are safe to write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Val<'a> {
    Str(&'a str),
    Int(i128),
    Float(f64),
    Absent,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
    Center,
    /// Between the sign and the digits.
    Inner,
    /// To the left for texts, to the right for numbers.
    #[default]
    ByKind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sign {
    #[default]
    Minus,
    Plus,
    Space,
}

/// Both of Python's syntaxes in one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spec {
    /// `%` formatting, which has other defaults.
    pub(super) percent: bool,
    /// `!r`, `!a`, `%r`, `%a`.
    pub(super) conversion: Option<char>,
    pub(super) fill: Option<char>,
    pub(super) align: Align,
    pub(super) sign: Sign,
    /// No minus before a number that is rounded to zero.
    pub(super) no_negative_zero: bool,
    pub(super) alternate: bool,
    pub(super) zero: bool,
    pub(super) width: usize,
    pub(super) group: Option<char>,
    pub(super) precision: Option<usize>,
    pub(super) kind: Option<char>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            percent: false,
            conversion: None,
            fill: None,
            align: Align::ByKind,
            sign: Sign::Minus,
            no_negative_zero: false,
            alternate: false,
            zero: false,
            width: 0,
            group: None,
            precision: None,
            kind: None,
        }
    }
}

/// The parts of a number between which zeros and groups come.
struct Number {
    negative: bool,
    prefix: &'static str,
    whole: String,
    rest: String,
    /// How many digits make a group.
    group: usize,
}

impl Spec {
    /// Appends the value. A type that does not fit the value is read as `s`: a line is never lost for its form.
    pub(crate) fn write(&self, value: Val<'_>, out: &mut String) {
        if let Some(conversion) = self.conversion {
            let text = match value {
                Val::Str(text) => repr(text, conversion == 'a'),
                Val::Absent => Cow::Borrowed("'-'"),
                other => Cow::Owned(plain(other)),
            };
            let text = if conversion == 's' { Cow::Owned(plain(value)) } else { text };
            return self.text(&text, out);
        }
        let number = match (value, self.kind) {
            (Val::Int(n), None) if !self.percent => Some(self.int(n, 'd')),
            (Val::Int(n), Some(kind @ ('d' | 'i' | 'u' | 'n' | 'b' | 'o' | 'x' | 'X'))) => {
                Some(self.int(n, kind))
            }
            (Val::Int(n), Some('c')) => {
                let char = u32::try_from(n).ok().and_then(char::from_u32).filter(|char| !char.is_control());
                let text = char.map_or_else(|| "-".to_owned(), String::from);
                return self.text(&text, out);
            }
            #[expect(
                clippy::cast_precision_loss,
                reason = "Python's conversion of an int to a float rounds too"
            )]
            (Val::Int(n), Some(kind @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%'))) => {
                Some(self.float(n as f64, Some(kind)))
            }
            (Val::Float(x), Some('d' | 'i' | 'u')) if self.percent && x.is_finite() => Some(Number {
                negative: x.trunc() < 0.0,
                prefix: "",
                whole: self.at_least(format!("{:.0}", x.trunc().abs())),
                rest: String::new(),
                group: 3,
            }),
            (Val::Float(x), None) if !self.percent => Some(self.float(x, None)),
            (Val::Float(x), Some(kind @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'n' | '%'))) => {
                Some(self.float(x, Some(kind)))
            }
            _ => None,
        };
        match number {
            Some(number) => self.number(number, out),
            None => self.text(&plain(value), out),
        }
    }

    /// Python's `%.3d`: a precision is the least number of digits.
    fn at_least(&self, digits: String) -> String {
        match self.precision {
            Some(least) if self.percent => format!("{digits:0>least$}"),
            _ => digits,
        }
    }

    fn int(&self, n: i128, kind: char) -> Number {
        let size = n.unsigned_abs();
        let (whole, prefix, group) = match kind {
            'b' => (format!("{size:b}"), "0b", 4),
            'o' => (format!("{size:o}"), "0o", 4),
            'x' => (format!("{size:x}"), "0x", 4),
            'X' => (format!("{size:X}"), "0X", 4),
            _ => (size.to_string(), "", 3),
        };
        let prefix = if self.alternate { prefix } else { "" };
        Number { negative: n < 0, prefix, whole: self.at_least(whole), rest: String::new(), group }
    }

    fn float(&self, x: f64, kind: Option<char>) -> Number {
        let style = match (kind, self.precision) {
            (None, None) => Style::Repr,
            (None, Some(_)) => Style::GeneralWithPoint,
            (Some('f' | 'F' | '%'), _) => Style::Fixed,
            (Some('e' | 'E'), _) => Style::Exponent,
            _ => Style::General,
        };
        let shown = if kind == Some('%') { x * 100.0 } else { x };
        let mut text = if shown.is_nan() {
            "nan".to_owned()
        } else if shown.is_infinite() {
            "inf".to_owned()
        } else {
            digits(shown, style, self.precision.unwrap_or(6), self.alternate)
        };
        if matches!(kind, Some('E' | 'F' | 'G')) {
            text = text.to_uppercase();
        }
        let is_zero = !text
            .bytes()
            .take_while(|byte| !byte.eq_ignore_ascii_case(&b'e'))
            .any(|byte| (b'1'..=b'9').contains(&byte));
        let negative = shown.is_sign_negative()
            && !shown.is_nan()
            && !(self.no_negative_zero && shown.is_finite() && is_zero);
        let split = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
        let (whole, rest) = text.split_at_checked(split).unwrap_or((&text, ""));
        let rest = if kind == Some('%') { format!("{rest}%") } else { rest.to_owned() };
        Number { negative, prefix: "", whole: whole.to_owned(), rest, group: 3 }
    }

    fn number(&self, number: Number, out: &mut String) {
        let sign = match (number.negative, self.sign) {
            (true, _) => "-",
            (false, Sign::Minus) => "",
            (false, Sign::Plus) => "+",
            (false, Sign::Space) => " ",
        };
        let align = match self.align {
            Align::ByKind if self.zero => Align::Inner,
            Align::ByKind => Align::Right,
            align => align,
        };
        let fill = self.fill.unwrap_or(if self.zero && (!self.percent || self.align == Align::ByKind) {
            '0'
        } else {
            ' '
        });
        let around = sign.chars().count() + number.prefix.len() + number.rest.chars().count();
        let mut whole = number.whole;
        if align == Align::Inner && fill == '0' && self.group.is_some() && !whole.is_empty() {
            // The zeros are grouped too; a group is never begun with a separator.
            while grouped(&whole, self.group, number.group).len() + around < self.width {
                whole.insert(0, '0');
            }
        }
        let whole = grouped(&whole, self.group, number.group);
        let missing = self.width.saturating_sub(around + whole.len());
        let (before, inner, after) = match align {
            Align::Left => (0, 0, missing),
            Align::Center => (missing / 2, 0, missing - missing / 2),
            Align::Inner => (0, missing, 0),
            Align::Right | Align::ByKind => (missing, 0, 0),
        };
        repeat(fill, before, out);
        out.push_str(sign);
        out.push_str(number.prefix);
        repeat(fill, inner, out);
        out.push_str(&whole);
        out.push_str(&number.rest);
        repeat(fill, after, out);
    }

    fn text(&self, text: &str, out: &mut String) {
        let cut: Cow<'_, str> = match self.precision {
            Some(most) if text.chars().count() > most => Cow::Owned(text.chars().take(most).collect()),
            _ => Cow::Borrowed(text),
        };
        let missing = self.width.saturating_sub(cut.chars().count());
        let fill = self.fill.unwrap_or(if self.zero && !self.percent { '0' } else { ' ' });
        let (before, after) = match self.align {
            Align::Right => (missing, 0),
            Align::Center => (missing / 2, missing - missing / 2),
            Align::ByKind if self.percent => (missing, 0),
            Align::Left | Align::Inner | Align::ByKind => (0, missing),
        };
        repeat(fill, before, out);
        out.push_str(&cut);
        repeat(fill, after, out);
    }
}

fn repeat(fill: char, times: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(fill, times));
}

fn grouped(digits: &str, separator: Option<char>, size: usize) -> String {
    let Some(separator) = separator else { return digits.to_owned() };
    let count = digits.chars().count();
    let mut out = String::with_capacity(count + count / size);
    for (place, char) in digits.chars().enumerate() {
        if place > 0 && (count - place).is_multiple_of(size) {
            out.push(separator);
        }
        out.push(char);
    }
    out
}

/// The result of Python's `str`.
fn plain(value: Val<'_>) -> String {
    match value {
        Val::Str(text) => text.to_owned(),
        Val::Int(n) => n.to_string(),
        Val::Float(x) if x.is_nan() => "nan".to_owned(),
        Val::Float(x) => {
            let sign = if x.is_sign_negative() { "-" } else { "" };
            if x.is_infinite() {
                format!("{sign}inf")
            } else {
                format!("{sign}{}", digits(x, Style::Repr, 0, false))
            }
        }
        Val::Absent => "-".to_owned(),
    }
}
