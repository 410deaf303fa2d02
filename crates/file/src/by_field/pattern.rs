//! The path of a log file with places for the values of fields: pure.

use watchfire_core::{ConfigError, EventView};

/// A path such as `tenants/{tenant}.log`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PathPattern {
    parts: Vec<PathPart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PathPart {
    Text(String),
    Field(String),
}

/// The name in the place of a field that an event does not have. No value has it.
pub(crate) const NONE: &str = "none";
/// A name longer than this is cut, and told apart by a number at its end.
const LONGEST: usize = 120;
const KEPT: usize = 80;

impl PathPattern {
    /// Reads a path. Two braces stand for one.
    pub(crate) fn new(path: &str) -> Result<Self, ConfigError> {
        let wrong = |reason: String| Err(ConfigError::new("file.path", reason));
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = path.chars().peekable();
        while let Some(char) = rest.next() {
            match char {
                '{' | '}' if rest.peek() == Some(&char) => {
                    rest.next();
                    text.push(char);
                }
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some(char) if char != '{' => name.push(char),
                            _ => {
                                return wrong(
                                    "has a brace that is not closed; write `{{` for a brace".to_owned(),
                                );
                            }
                        }
                    }
                    match name.as_str() {
                        "" => return wrong("has empty braces; expected the name of a field".to_owned()),
                        "date" | "number" => {
                            return wrong(format!(
                                "has `{{{name}}}`, but the log that is written keeps its name; set the name of rotated files instead"
                            ));
                        }
                        _ => {}
                    }
                    parts.push(PathPart::Text(std::mem::take(&mut text)));
                    parts.push(PathPart::Field(name));
                }
                '}' => return wrong("has a brace that is not opened; write `}}` for a brace".to_owned()),
                char => text.push(char),
            }
        }
        parts.push(PathPart::Text(text));
        Ok(Self { parts })
    }

    /// Tells whether the path has places for fields.
    pub(crate) fn has_fields(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, PathPart::Field(_)))
    }

    /// Returns the path for events that have none of the fields; `None` for a path that is not Unicode.
    pub(crate) fn without_fields(&self) -> Option<String> {
        (!self.parts.is_empty()).then(|| self.filled(|_| NONE.to_owned()))
    }

    /// Returns the path for an event. Values are redacted first: a secret is in no file's name.
    pub(crate) fn path_of(&self, event: &EventView<'_>) -> String {
        let redactor = event.redactor();
        self.filled(|name| match event.field(name) {
            Some(value) => safe_name(&redactor.clean_under(redactor.judge_name(name), value)),
            None => NONE.to_owned(),
        })
    }

    fn filled(&self, value_of: impl Fn(&str) -> String) -> String {
        let mut path = String::new();
        for part in &self.parts {
            match part {
                PathPart::Text(text) => path.push_str(text),
                PathPart::Field(name) => path.push_str(&value_of(name)),
            }
        }
        path
    }
}

/// Makes a file name of any value: another one for each value, also where file names know no upper case.
///
/// Lower-case ASCII letters, digits, `-`, `_` and inner dots stay. Every other byte is `%` and two hexadecimal digits,
/// and so is the first one of a name that Windows reserves. An empty value is `%`.
pub(crate) fn safe_name(value: &str) -> String {
    if value.is_empty() {
        return "%".to_owned();
    }
    let is_reserved = value == NONE || is_reserved(value);
    let mut name = String::new();
    for (place, byte) in value.bytes().enumerate() {
        let is_inner = place > 0 && place + 1 < value.len();
        let stays = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => place > 0 || !is_reserved,
            b'-' => place > 0,
            b'.' => is_inner,
            _ => false,
        };
        if stays {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02x}"));
        }
    }
    if name.len() > LONGEST {
        let start = name.get(..KEPT).unwrap_or_default();
        // Not within the three characters of a byte.
        let start = match start.rfind('%').filter(|at| at + 3 > KEPT) {
            Some(at) => start.get(..at).unwrap_or_default(),
            None => start,
        };
        name = format!("{start}%~{:032x}", fnv(value.as_bytes()));
    }
    name
}

/// Tells whether Windows takes a name for a device, whatever its extension.
fn is_reserved(value: &str) -> bool {
    let stem = value.split('.').next().unwrap_or_default().trim_end();
    let numbered = |kind: &str| {
        stem.strip_prefix(kind)
            .is_some_and(|number| number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    ["con", "prn", "aux", "nul", "conin$", "conout$"].contains(&stem) || numbered("com") || numbered("lpt")
}

/// FNV-1a of 128 bits.
fn fnv(bytes: &[u8]) -> u128 {
    const START: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(START, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_become_names_that_are_safe_everywhere() {
        for (value, expected) in [
            ("acme", "acme"),
            ("a.b-c_9", "a.b-c_9"),
            ("", "%"),
            (".", "%2e"),
            ("..", "%2e%2e"),
            (".hidden", "%2ehidden"),
            ("trailing.", "trailing%2e"),
            ("../../etc/passwd", "%2e.%2f..%2fetc%2fpasswd"),
            ("a/b\\c:d", "a%2fb%5cc%3ad"),
            ("nul\0", "nul%00"),
            ("nul", "%6eul"),
            ("con.txt", "%63on.txt"),
            ("com1", "%63om1"),
            ("comet", "comet"),
            ("lpt9.log", "%6cpt9.log"),
            ("Acme", "%41cme"),
            ("ACME", "%41%43%4d%45"),
            ("none", "%6eone"),
            ("-rf", "%2drf"),
            ("a b", "a%20b"),
            ("straße", "stra%c3%9fe"),
            ("%41cme", "%2541cme"),
        ] {
            assert_eq!(safe_name(value), expected, "{value:?}");
        }
    }

    #[test]
    fn very_long_values_are_short_names_that_differ() {
        let names: BTreeSet<String> = ["x", "y", "ä", "/"]
            .iter()
            .flat_map(|end| [format!("{}{end}", "a".repeat(5000)), format!("{}{end}", "ü".repeat(5000))])
            .map(|value| safe_name(&value))
            .collect();
        assert_eq!(names.len(), 8);
        assert!(names.iter().all(|name| name.len() <= LONGEST && name.contains("%~")), "{names:?}");
    }

    proptest! {
        #[test]
        fn no_two_values_share_a_name(one in ".{0,12}", other in ".{0,12}") {
            let (first, second) = (safe_name(&one), safe_name(&other));
            // Also where names know no upper case.
            prop_assert_eq!(one == other, first.eq_ignore_ascii_case(&second));
            prop_assert!(first.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%.-_~".contains(&byte)));
            prop_assert!(!first.starts_with(['.', '-']) && !first.ends_with('.') && first != NONE);
        }
    }

    #[test]
    fn a_path_has_places_for_fields_or_says_what_is_wrong() {
        let read = |path| PathPattern::new(path).map_err(|error| error.reason().to_owned());
        assert!(!read("shop.log").unwrap().has_fields());
        assert_eq!(read("{{shop}}.log").unwrap().without_fields().as_deref(), Some("{shop}.log"));
        let pattern = read("tenants/{region}/{tenant}.log").unwrap();
        assert!(pattern.has_fields());
        assert_eq!(pattern.without_fields().as_deref(), Some("tenants/none/none.log"));
        for (path, reason) in [
            ("a/{tenant.log", "has a brace that is not closed"),
            ("a/tenant}.log", "has a brace that is not opened"),
            ("a/{}.log", "has empty braces"),
            ("shop.{date}.log", "set the name of rotated files instead"),
        ] {
            assert!(read(path).unwrap_err().contains(reason), "{path}");
        }
    }
}
