//! The file that a configuration was read from: whether it is followed, and whether its text may be put in force.

use std::path::PathBuf;

use crate::{Config, presets, setting::Options, watch::Stamp};

/// The file behind a [`Config`].
#[derive(Clone, Debug)]
pub(crate) struct FollowedFile {
    /// Absolute: a program may change its working directory.
    pub(crate) path: PathBuf,
    /// How the file looked before it was read; `None` if it is not a regular file.
    pub(crate) stamp: Option<Stamp>,
    /// Whether code has changed the settings since. Then only a call reads the file again.
    pub(crate) is_changed: bool,
}

/// Tells whether a text looks like the first part of one that is still being written: its last line has no end, or the
/// text in force goes on where it stops.
pub(crate) fn looks_cut(new: &str, in_force: &str) -> bool {
    !new.ends_with('\n') || (new.len() < in_force.len() && in_force.starts_with(new))
}

/// Tells whether a configuration that has replaced `before` would leave the program without a log: no logger names a
/// handler any more, and nothing says that this is meant, as `handlers = []` does.
pub(crate) fn falls_silent(new: &Config, before: &Config) -> bool {
    !names_handlers(new.options()) && names_handlers(before.options())
}

fn names_handlers(options: &Options) -> bool {
    let options = presets::apply(options);
    let has_list = |table: &Options| table.get("handlers").is_some();
    let tables = ["loggers", "services"].into_iter().filter_map(|section| options.table(section));
    let mut named = tables.flat_map(Options::iter).filter_map(|(_, value)| value.as_table());
    options.table("root").is_some_and(has_list) || named.any(has_list)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "[handlers.f]\ntype = \"console\"\n[root]\nlevel = \"info\"\nhandlers = [\"f\"]\n";

    #[test]
    fn a_text_without_its_end_looks_cut() {
        // (new, looks cut)
        let other = WHOLE.replace("info", "warn");
        let cases = [
            ("", true),
            (WHOLE, false),
            (other.as_str(), false),
            ("[root]\n", false),
            ("[root]", true),
            ("[handlers.f]\n", true),
            ("[handlers.f]\ntype = \"console\"\n[root]\nlevel = \"info\"\n", true),
        ];
        for (new, is_cut) in cases {
            assert_eq!(looks_cut(new, WHOLE), is_cut, "{new:?}");
        }
    }

    #[test]
    fn silence_has_to_be_asked_for() {
        let whole = Config::parse(WHOLE).unwrap();
        // (new, falls silent)
        let cases = [
            ("", true),
            ("# nothing yet\n", true),
            ("[handlers.f]\ntype = \"console\"\n", true),
            ("[handlers.f]\ntype = \"console\"\n[root]\nlevel = \"info\"\n", true),
            ("[root]\nhandlers = []\n", false),
            ("preset = \"django\"\n[handlers.mail_admins]\ntype = \"null\"\n", false),
            ("[handlers.f]\ntype = \"console\"\n[loggers.shop]\nhandlers = [\"f\"]\n", false),
            ("[handlers.f]\ntype = \"console\"\n[services.web]\nhandlers = [\"f\"]\n", false),
        ];
        for (text, is_silent) in cases {
            let (new, _) = Config::read_text("watchfire.toml".to_owned(), text);
            assert_eq!(falls_silent(&new, &whole), is_silent, "{text:?}");
            assert!(!falls_silent(&new, &Config::new()), "{text:?}: nothing was heard before either");
        }
    }

    #[test]
    fn every_first_part_of_a_file_is_refused_or_looks_cut() {
        let whole = Config::parse(WHOLE).unwrap();
        for end in 0..WHOLE.len() {
            let part = WHOLE.get(..end).unwrap();
            let is_refused = Config::parse(part).map_or(true, |part| falls_silent(&part, &whole));
            assert!(is_refused || looks_cut(part, WHOLE), "{part:?}");
        }
    }
}
