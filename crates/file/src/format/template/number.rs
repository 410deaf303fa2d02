//! Write floating-point numbers as Python does. Rust rounds the exact value half to even, as Python does.

/// Says how a float is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Style {
    /// The shortest that reads back: `repr`.
    Repr,
    /// `f`: so many decimals.
    Fixed,
    /// `e`: one digit, so many decimals, an exponent.
    Exponent,
    /// `g`: so many significant digits, with an exponent where that is shorter.
    General,
    /// A precision without a type: as `g`, but never looking like an integer.
    GeneralWithPoint,
}

/// Writes the absolute value of a finite number, without its sign.
pub(super) fn digits(value: f64, style: Style, precision: usize, alternate: bool) -> String {
    let value = value.abs();
    match style {
        Style::Repr => repr(value, alternate),
        Style::Fixed => {
            let text = format!("{value:.precision$}");
            if alternate && precision == 0 { text + "." } else { text }
        }
        Style::Exponent => {
            let (mantissa, exponent) = split(value, precision);
            let point = if alternate && precision == 0 { "." } else { "" };
            format!("{mantissa}{point}{}", shown(exponent))
        }
        Style::General => general(value, precision, alternate, false),
        Style::GeneralWithPoint => general(value, precision, alternate, true),
    }
}

fn general(value: f64, precision: usize, alternate: bool, with_point: bool) -> String {
    let precision = precision.max(1);
    let (mantissa, exponent) = split(value, precision - 1);
    let limit = i32::try_from(precision).unwrap_or(i32::MAX) - i32::from(with_point);
    let trim = |text: String| {
        if alternate || !text.contains('.') {
            return text;
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let point = |text: String| if alternate && !text.contains('.') { text + "." } else { text };
    if exponent < -4 || exponent >= limit {
        return point(trim(mantissa)) + &shown(exponent);
    }
    let decimals = usize::try_from(i32::try_from(precision).unwrap_or(i32::MAX) - 1 - exponent).unwrap_or(0);
    let text = point(trim(format!("{value:.decimals$}")));
    if with_point && !text.contains('.') { text + ".0" } else { text }
}

fn repr(value: f64, alternate: bool) -> String {
    // The shortest digits, with an exponent where Python has one.
    let (mantissa, exponent) = parts(&format!("{value:e}"));
    if value != 0.0 && !(-4..16).contains(&exponent) {
        let point = if alternate && !mantissa.contains('.') { "." } else { "" };
        return mantissa + point + &shown(exponent);
    }
    let text = format!("{value}");
    if text.contains('.') { text } else { text + ".0" }
}

fn split(value: f64, decimals: usize) -> (String, i32) {
    parts(&format!("{value:.decimals$e}"))
}

fn parts(text: &str) -> (String, i32) {
    match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa.to_owned(), exponent.parse().unwrap_or(0)),
        None => (text.to_owned(), 0),
    }
}

fn shown(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("e{sign}{:02}", exponent.unsigned_abs())
}
