//! Write numbers without the machinery of `fmt`.

use std::fmt::Write;

/// Appends an integer of up to 128 bits.
#[inline]
pub(crate) fn integer(number: impl itoa::Integer, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(number));
}

/// Appends a text that reads back to the same number; `NaN`, `inf` and `-inf` for those that are none.
pub(crate) fn float(number: f64, out: &mut String) {
    if let Some(thousandths) = as_thousandths(number) {
        return decimal(thousandths, out);
    }
    if number.is_finite() {
        out.push_str(zmij::Buffer::new().format_finite(number));
    } else {
        // Writing into a String cannot fail.
        write!(out, "{number:?}").ok();
    }
}

/// Returns the thousandths of a number that they give back exactly: durations, amounts and shares mostly are such.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "checked to be exact")]
fn as_thousandths(number: f64) -> Option<i64> {
    let thousandths = number * 1000.0;
    // Below 1e15 a double tells thousandths apart, so that no shorter text means the same number.
    let whole = thousandths as i64;
    let is_exact = thousandths.abs() < 1e15 && whole as f64 == thousandths && whole as f64 / 1000.0 == number;
    (is_exact && (whole != 0 || number.is_sign_positive())).then_some(whole)
}

fn decimal(thousandths: i64, out: &mut String) {
    if thousandths < 0 {
        out.push('-');
    }
    let size = thousandths.unsigned_abs();
    integer(size / 1000, out);
    out.push('.');
    let rest = u32::try_from(size % 1000).unwrap_or(0);
    let digits = three_digits(rest);
    if rest % 10 != 0 {
        out.push_str(digits);
    } else {
        out.push_str(digits.get(..if rest.is_multiple_of(100) { 1 } else { 2 }).unwrap_or(digits));
    }
}

/// Returns a number below 1000 with leading zeros.
#[inline]
pub(crate) fn three_digits(number: u32) -> &'static str {
    let start = number as usize * 3;
    TABLE.get(start..start + 3).unwrap_or("000")
}

static TABLE: &str = {
    const BYTES: [u8; 3000] = three_digit_numbers();
    match str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler; a digit is below 10"
)]
const fn three_digit_numbers() -> [u8; 3000] {
    let mut bytes = [0; 3000];
    let mut number = 0;
    while number < 1000 {
        bytes[number * 3] = b'0' + (number / 100) as u8;
        bytes[number * 3 + 1] = b'0' + (number / 10 % 10) as u8;
        bytes[number * 3 + 2] = b'0' + (number % 10) as u8;
        number += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(number: f64) -> String {
        let mut out = String::new();
        float(number, &mut out);
        out
    }

    #[test]
    fn usual_floats_are_written_as_people_do() {
        for (number, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (1.25, "1.25"),
            (-12.5, "-12.5"),
            (0.001, "0.001"),
            (0.1 + 0.2, "0.30000000000000004"),
            (100.0, "100.0"),
            (1e300, "1e+300"),
            (1.5e-7, "1.5e-7"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(text(number), expected);
        }
    }

    #[test]
    fn three_digits_have_leading_zeros() {
        for number in 0..1000 {
            assert_eq!(three_digits(number), format!("{number:03}"));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_float_reads_back_to_the_same_bits(bits in any::<u64>(), small in -2_000_000_i64..2_000_000) {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let small = small as f64;
            for number in [f64::from_bits(bits), small / 1000.0, small / 10_000.0, small * 1e12] {
                if number.is_finite() {
                    let text = text(number);
                    prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), number.to_bits(), "{}", text);
                    prop_assert!(text.contains(['.', 'e']), "{} looks like an integer", text);
                    prop_assert!(text.len() <= format!("{number:?}").len() + 3, "{} is long", text);
                }
            }
        }
    }
}
