//! Directives where a level may stand: targets and levels for the tree of loggers, the rest for `watchfire-filter`.
//!
//! `watchfire-filter` knows tracing's five levels; here `critical` and Python's names stand as well.

use watchfire_core::{LevelTable, Severity, covers};
use watchfire_filter::{self as filter, EventFilter};

use crate::{
    level::{Threshold, Wrong},
    quote::quoted,
};

/// Holds the directives of one text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directives {
    /// The level without a target.
    pub(crate) bare: Option<Threshold>,
    /// Levels of targets, in the order of the text.
    pub(crate) targets: Vec<(String, Threshold)>,
    /// The directives on spans and fields, as written.
    pub(crate) spans: Vec<String>,
}

impl Directives {
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut parsed = Self::default();
        let (mut plain, mut bad_levels) = (Vec::new(), Vec::new());
        for part in split(text) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            if part.contains('[') || part.contains('{') {
                parsed.spans.push(part.to_owned());
                plain.push(part.to_owned());
                continue;
            }
            let (target, level) = match part.split_once('=') {
                Some((target, level)) => (Some(target.trim()), level.trim()),
                None => (None, part),
            };
            let threshold = level_of_directive(level);
            match (target, threshold) {
                (None, Some(threshold)) => {
                    parsed.bare = Some(threshold);
                    plain.push(spelled(None, threshold));
                }
                (Some(target), Some(threshold)) => {
                    parsed.targets.push((target.to_owned(), threshold));
                    plain.push(spelled(Some(target), threshold));
                }
                // A target alone is everything of it; the parser below names an error.
                (None, None) => {
                    parsed.targets.push((part.to_owned(), Threshold::All));
                    plain.push(part.to_owned());
                }
                (Some(_), None) => {
                    bad_levels.push(level.to_owned());
                    plain.push(part.to_owned());
                }
            }
        }
        let plain = plain.join(",");
        filter::directives(&plain).map(|_| parsed).map_err(|errors| {
            let mut wrong = reasons(&plain, &errors);
            // The level of a part with a wrong target is checked here.
            for level in bad_levels {
                if !errors.errors().iter().any(|error| error.part == level)
                    && let Err(also) = Threshold::named(&level)
                {
                    wrong.reason = format!("{}; {}", wrong.reason, also.reason);
                }
            }
            wrong
        })
    }

    /// Tells whether it is one level and nothing else.
    pub(crate) fn as_level(&self) -> Option<Threshold> {
        if self.targets.is_empty() && self.spans.is_empty() { self.bare } else { None }
    }

    /// Makes the filter of a handler whose level they are.
    pub(crate) fn filter(&self) -> Result<EventFilter, Wrong> {
        let wrong = |errors: filter::DirectiveErrors| Wrong::new(errors.to_string());
        let mut parts: Vec<_> = self.bare.iter().map(|level| spelled(None, *level)).collect();
        parts.extend(self.targets.iter().map(|(target, level)| spelled(Some(target), *level)));
        parts.extend(self.spans.iter().cloned());
        let directives = filter::directives(&parts.join(",")).map_err(wrong)?;
        if self.bare != Some(CRITICAL) && self.targets.iter().all(|(_, level)| *level != CRITICAL) {
            return Ok(directives);
        }
        let (bare, targets) = (self.bare, self.targets.clone());
        Ok(directives.and(filter::callback(move |event| {
            let longest = targets
                .iter()
                .filter(|(target, _)| covers(target, event.target()))
                .max_by_key(|(target, _)| target.len());
            let level = longest.map(|(_, level)| *level).or(bare);
            level != Some(CRITICAL) || event.severity() == Severity::Critical
        })))
    }

    /// Makes the filter of the parts that look at spans and fields; `None` without such.
    pub(crate) fn span_filter(&self) -> Option<EventFilter> {
        if self.spans.is_empty() {
            return None;
        }
        filter::directives(&format!("off,{}", self.spans.join(","))).ok()
    }
}

/// Reads levels of spans.
pub(crate) fn span_levels(text: &str) -> Result<LevelTable, Wrong> {
    filter::level_table(text).map_err(|errors| reasons(text, &errors))
}

/// Checks a target that stands alone.
pub(crate) fn target(text: &str) -> Result<(), Wrong> {
    filter::ignore([text]).map(drop).map_err(|errors| {
        let first = errors.errors().first();
        let meant = first.and_then(|error| error.suggestion.clone());
        let reason = first.map_or("is not a target", |error| error.reason.as_str());
        Wrong { reason: format!("{} {reason}", quoted(text)), meant }
    })
}

/// Says what is wrong with a text of directives, without the values of fields that stand in it.
fn reasons(text: &str, errors: &filter::DirectiveErrors) -> Wrong {
    let reason = |error: &filter::DirectiveError| {
        let before = text.get(..error.at).unwrap_or_default();
        let is_in_braces = before.matches('{').count() > before.matches('}').count();
        if is_in_braces || error.part.contains('{') {
            let part = if is_in_braces { "…".to_owned() } else { without_field_values(&error.part) };
            // The text after a colon may repeat the value.
            return format!("`{part}` {}", error.reason.split(": ").next().unwrap_or_default());
        }
        let part = quoted_directive(&error.part);
        match &error.suggestion {
            Some(meant) => format!("{part} {}, did you mean `{meant}`?", error.reason),
            None => format!("{part} {}", error.reason),
        }
    };
    Wrong::new(errors.errors().iter().map(reason).collect::<Vec<_>>().join("; "))
}

fn quoted_directive(part: &str) -> String {
    let words: Vec<_> = part.split(['=', '[', ']']).map(quoted).collect();
    let is_plain = words.iter().all(|word| word.starts_with('`'));
    if is_plain { format!("`{part}`") } else { quoted(part) }
}

/// Returns directives with `…` for the values of fields: `[request{tenant=…}]=debug`.
pub(crate) fn without_field_values(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let (mut is_in_braces, mut is_value) = (false, false);
    for c in text.chars() {
        match c {
            '{' => is_in_braces = true,
            '}' => (is_in_braces, is_value) = (false, false),
            ',' if is_in_braces => is_value = false,
            '=' if is_in_braces && !is_value => {
                is_value = true;
                shown.push_str("=…");
                continue;
            }
            _ => {}
        }
        if !is_value {
            shown.push(c);
        }
    }
    shown
}

const CRITICAL: Threshold = Threshold::From(Severity::Critical);

/// Reads a level as directives have it: `RUST_LOG`'s digits, and Python's names.
fn level_of_directive(text: &str) -> Option<Threshold> {
    match text {
        "0" => Some(Threshold::Off),
        "1" => Some(Threshold::From(Severity::Error)),
        "2" => Some(Threshold::From(Severity::Warn)),
        "3" => Some(Threshold::From(Severity::Info)),
        "4" => Some(Threshold::From(Severity::Debug)),
        "5" => Some(Threshold::From(Severity::Trace)),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => None,
        name => Threshold::named(name).ok(),
    }
}

/// Writes a directive in the words of `RUST_LOG`.
fn spelled(target: Option<&str>, level: Threshold) -> String {
    let level = level.most_verbose().to_string();
    match target {
        Some(target) => format!("{target}={level}"),
        None => level,
    }
}

/// Splits at the commas that stand outside of brackets, braces and quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0_u32, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if depth > 0 => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_levels_of_the_tree_apart_from_spans_and_fields() {
        let found =
            Directives::parse("info, sqlx=warning,shop::pay=critical,[req{tenant=\"a,b\"}]=debug,hyper=off")
                .unwrap();
        assert_eq!(found.bare, Some(Threshold::From(Severity::Info)));
        let targets: Vec<_> =
            found.targets.iter().map(|(target, level)| format!("{target}={level}")).collect();
        assert_eq!(targets, ["sqlx=WARN", "shop::pay=CRITICAL", "hyper=OFF"]);
        assert_eq!(found.spans, ["[req{tenant=\"a,b\"}]=debug"]);
        assert!(found.filter().is_ok() && found.span_filter().is_some());
        assert_eq!(Directives::parse("critical").unwrap().as_level(), Some(CRITICAL));
    }

    #[test]
    fn names_what_is_wrong_and_what_may_be_meant() {
        for (text, part, meant) in [("info,sqlx=wran", "wran", "warn"), ("shop=debug,x=[", "[", "")] {
            let reason = Directives::parse(text).unwrap_err().reason;
            assert!(reason.contains(part) && reason.contains(meant), "{text}: {reason}");
        }
    }

    #[test]
    fn values_of_fields_are_in_no_reason_and_no_explanation() {
        for text in
            ["[a{pw=hunter2]=debug", "[a{pw=hunter2(}]=debug", "[a{b,pw=\"hunter2", "x[{=hunter2}]=loud"]
        {
            let Err(wrong) = Directives::parse(text) else { continue };
            assert!(!wrong.reason.contains("hunter"), "{text}: {}", wrong.reason);
        }
        let shown = without_field_values("info,[a{pw=hunter2,b=\"x\"}]=debug,c=warn");
        assert_eq!(shown, "info,[a{pw=…,b=…}]=debug,c=warn");
    }
}
