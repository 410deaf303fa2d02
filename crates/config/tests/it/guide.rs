//! Every configuration that the guide shows is one that `check` finds nothing wrong with.

use watchfire_config::{Components, Config};

const GUIDES: [(&str, &str); 7] = [
    ("from-django.md", include_str!("../../../../docs/guide/from-django.md")),
    ("from-coaster.md", include_str!("../../../../docs/guide/from-coaster.md")),
    ("from-tracing-subscriber.md", include_str!("../../../../docs/guide/from-tracing-subscriber.md")),
    ("no-mail.md", include_str!("../../../../docs/guide/no-mail.md")),
    ("kubernetes.md", include_str!("../../../../docs/guide/kubernetes.md")),
    ("in-tests.md", include_str!("../../../../docs/guide/in-tests.md")),
    ("libraries.md", include_str!("../../../../docs/guide/libraries.md")),
];

#[test]
fn nothing_is_wrong_with_what_the_guide_shows() {
    let components = Components::new().assume("pager").assume_environment();
    let mut seen = 0;
    for (name, text) in GUIDES {
        for block in text.split("```toml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            let diagnostics = Config::examine(name, block, &components);
            assert!(diagnostics.list().is_empty(), "{diagnostics}");
            seen += 1;
        }
    }
    assert_eq!(seen, 6);
}

#[test]
fn the_guide_names_every_key_of_the_environment_form() {
    let (source, guide) = (include_str!("../../src/env_form.rs"), GUIDES[1].1);
    let source = source.split("#[cfg(test)]").next().unwrap();
    let missing: Vec<_> = source
        .split('"')
        .filter(|word| {
            word.len() > 5 && word.contains('_') && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        })
        .filter(|word| {
            let last = word.rsplit_once('_').map_or(*word, |(_, last)| last);
            // `SMS_TWILIO_SID`, `_TOKEN`, `_FROM`
            !(guide.contains(word) || word.starts_with("SMS_") && guide.contains(&format!("`_{last}`")))
        })
        .filter(|word| {
            !["DEFAULT_MAIL_SENDER", "LOG_FILE_DELAY", "LOG_FILE_ROTATE_INTERVAL", "SENTRY_DSN"]
                .contains(word)
        })
        // Where a stand-in lives: for tests.
        .filter(|word| !word.ends_with("_URL") && !word.ends_with("_CA_FILE"))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
