//! The pattern of the names of rotated files.

use watchfire_core::ConfigError;

/// A pattern such as `{stem}.{date}{extension}`: `shop.2026-11-20.log` for the log `shop.log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamePattern {
    before: String,
    behind: String,
}

const FIELD: &str = "file.rotate.name";

impl NamePattern {
    /// Reads a pattern for the log `base`, which is rotated by time or not.
    pub(crate) fn new(text: &str, base: &str, is_dated: bool) -> Result<Self, ConfigError> {
        let wrong = |reason: String| Err(ConfigError::new(FIELD, reason));
        let (place, other) = if is_dated { ("{date}", "{number}") } else { ("{number}", "{date}") };
        let how = if is_dated { "is rotated by time" } else { "is not rotated by time" };
        let expected = format!("expected a pattern such as `{{stem}}.{place}{{extension}}`");
        if text.contains(other) {
            return wrong(format!("has `{other}`, but the file {how}; {expected}"));
        }
        let Some((before, behind)) = text.split_once(place) else {
            return wrong(format!("has no `{place}`; {expected}"));
        };
        let pattern = Self { before: before.to_owned(), behind: behind.to_owned() };
        let (before, behind) = pattern.around(base);
        if before.contains(['{', '}']) || behind.contains(['{', '}']) {
            let known = format!("{{stem}}, {{extension}} and one {place}");
            return wrong(format!("has braces around something else; expected {known}"));
        }
        if [&before, &behind].iter().any(|part| part.contains(['/', '\\', '\0'])) {
            return wrong("names a folder; rotated files stay beside the log".to_owned());
        }
        let (stem, _) = split(base);
        if !before.starts_with(stem) {
            // Else the rotated files of another log in this folder could be taken for those of this one.
            return wrong(format!("does not begin with the name of the log; {expected}"));
        }
        if before == format!("{base}.packing.") {
            return wrong("is the name of files that are being compressed; choose another one".to_owned());
        }
        Ok(pattern)
    }

    /// Returns what stands before and behind the date or the number of the rotated files of `base`.
    pub(super) fn around(&self, base: &str) -> (String, String) {
        let (stem, extension) = split(base);
        let fill = |part: &str| part.replace("{stem}", stem).replace("{extension}", extension);
        (fill(&self.before), fill(&self.behind))
    }
}

/// Splits a name before its extension. A leading dot begins no extension.
fn split(base: &str) -> (&str, &str) {
    match base.rfind('.').filter(|at| *at > 0) {
        Some(at) => base.split_at_checked(at).unwrap_or((base, "")),
        None => (base, ""),
    }
}
