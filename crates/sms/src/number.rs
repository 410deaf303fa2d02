//! Telephone numbers in the international form (E.164), and prefixes of them.

use watchfire_core::ConfigError;

/// The country with registered templates.
pub(crate) const INDIA: &str = "+91";

/// Parses a number in E.164: `+`, and 7 to 15 digits of which the first is not a zero.
pub(crate) fn parse_number(text: &str) -> Result<String, ConfigError> {
    let number: String = text.trim().chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if is_e164(&number) {
        return Ok(number);
    }
    let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    Err(ConfigError::new(
        "sms.to",
        format!("`{shown}` is not in the international form; expected such as `+436601234567`"),
    ))
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
