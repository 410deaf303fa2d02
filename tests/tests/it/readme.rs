//! The README's table of options names just the methods that the code has.

use std::{collections::BTreeSet, fs, path::Path};

/// Where the options of a row are written, and what is public there but no option.
const SOURCES: [(&str, &[&str], &[&str]); 8] = [
    ("every channel", &["outbox/src/channel.rs"], &["new", "layer", "handler"]),
    ("`Email`", &["email/src/sink.rs", "email/src/config.rs"], &["build"]),
    ("`Slack`", &["slack/src/sink.rs", "slack/src/config.rs"], &["build"]),
    ("`Telegram`", &["telegram/src/sink.rs", "telegram/src/config.rs"], &["build"]),
    ("`Sms`", &["sms/src/sink.rs", "sms/src/config.rs"], &["build"]),
    ("`Twilio`", &["sms/src/twilio.rs"], &[]),
    ("`Exotel`", &["sms/src/exotel.rs"], &[]),
    ("`Sentry`", &["sentry/src/sink.rs", "sentry/src/config.rs"], &["build"]),
];

#[test]
fn names_every_option_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let table = readme.split("<!-- options").nth(1).unwrap().split("<!-- /options").next().unwrap();
    for (row, files, not_options) in SOURCES {
        let line = table
            .lines()
            .find(|line| line.starts_with(&format!("| {row} |")))
            .unwrap_or_else(|| panic!("no {row}"));
        let cell = line.splitn(3, '|').nth(2).unwrap();
        let named: BTreeSet<&str> =
            cell.split('`').skip(1).step_by(2).filter(|word| is_method(word)).collect();
        let texts: Vec<String> =
            files.iter().map(|file| fs::read_to_string(root.join("crates").join(file)).unwrap()).collect();
        let written: BTreeSet<&str> =
            texts.iter().flat_map(|text| methods(text)).filter(|name| !not_options.contains(name)).collect();
        assert_eq!(named, written, "{row}");
    }
}

/// The public methods of a source file, but those that only look.
fn methods(text: &str) -> impl Iterator<Item = &str> {
    text.split("    pub fn ").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once(['(', '<'])?;
        let arguments =
            rest.trim_start().trim_start_matches(|c: char| c != '(' && c != '&' && c != 'm' && c != 's');
        (!arguments.starts_with("&self")).then_some(name)
    })
}

fn is_method(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}
