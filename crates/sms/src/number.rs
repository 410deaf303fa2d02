//! Telephone numbers in the international form (E.164), and prefixes of them.

use watchfire_core::ConfigError;

/// The country with registered templates.
pub(crate) const INDIA: &str = "+91";

/// Parses a number in E.164: `+`, and 7 to 15 digits of which the first is not a zero.
pub(crate) fn parse_number(text: &str) -> Result<String, ConfigError> {
    let number: String = text.trim().chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if is_e164(&number) && fits_plan(&number) {
        return Ok(number);
    }
    let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    Err(ConfigError::new(
        "sms.to",
        format!("`{shown}` is not in the international form; expected such as `+436601234567`"),
    ))
}

/// Country codes behind which no number begins with 0: written there, it is the trunk prefix of calls within the country.
/// Others keep it, as Italy does (`+39 06 ...`).
const WITHOUT_ZERO: [&str; 16] = [
    "+31", "+32", "+33", "+34", "+36", "+41", "+43", "+44", "+45", "+46", "+47", "+48", "+49", "+61", "+81",
    "+91",
];

/// Tells whether a number fits the plan of its country, as far as the plans are fixed: 10 digits in North America, of
/// which the first is 2 to 9 (NANP), and in India; no trunk prefix.
fn fits_plan(number: &str) -> bool {
    let digits = |code: &str| number.strip_prefix(code);
    if let Some(rest) = digits("+1") {
        return rest.len() == 10 && !rest.starts_with(['0', '1']);
    }
    if let Some(rest) = digits(INDIA) {
        return rest.len() == 10 && !rest.starts_with('0');
    }
    !WITHOUT_ZERO.iter().any(|code| digits(code).is_some_and(|rest| rest.starts_with('0')))
}

pub(crate) fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

pub(crate) fn parse_prefix(text: &str) -> Result<String, ConfigError> {
    let prefix = text.trim();
    let good = prefix.strip_prefix('+').is_some_and(|digits| {
        digits.len() <= 15 && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
    });
    match good {
        true => Ok(prefix.to_owned()),
        false => {
            let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
            Err(ConfigError::new(
                "sms.route",
                format!("`{shown}` is not the beginning of a number; expected such as `+43`, or `+` for all"),
            ))
        }
    }
}
