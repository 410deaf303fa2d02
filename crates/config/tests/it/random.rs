//! The parser under random edits: it always answers, points into the text, and shows no credential.

use proptest::{
    prelude::*,
    test_runner::{Config as Bounds, TestRunner},
};
use watchfire_config::{Components, Config};

use crate::explain::SHOP;

#[test]
fn any_text_has_an_answer_whose_places_are_in_the_text() {
    let piece = prop_oneof![
        Just("\""),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just("="),
        Just("\n"),
        Just("."),
        Just("${"),
        Just("'''"),
        Just("\\u"),
        Just("é"),
        Just("level = 7\n"),
        Just("[root]\n"),
        Just("type = \"slack\"\n"),
        Just(","),
        Just("\0"),
    ];
    let edits = proptest::collection::vec((0..SHOP.len(), 0..12_usize, piece), 1..6);
    let mut runner = TestRunner::new(Bounds { cases: 800, failure_persistence: None, ..Bounds::default() });
    let components = Components::new().assume_environment();
    runner
        .run(&edits, |edits| {
            let mut text: Vec<char> = SHOP.chars().collect();
            for (at, cut, put) in edits {
                let at = at.min(text.len());
                let end = (at + cut).min(text.len());
                text.splice(at..end, put.chars());
            }
            let text: String = text.into_iter().collect();
            let diagnostics = Config::examine("edited.toml", &text, &components);
            for diagnostic in diagnostics.list() {
                if let Some(span) = diagnostic.span() {
                    prop_assert!(span.start <= span.end && span.end <= text.len(), "{diagnostic:?}");
                }
            }
            prop_assert!(!diagnostics.to_string().is_empty() || diagnostics.list().is_empty());
            // A configuration that is read, written and read again stays the same.
            if let Ok(config) = Config::parse(&text) {
                let again = Config::parse(&config.to_string());
                prop_assert!(again.as_ref().is_ok_and(|again| *again == config), "{config}\n{again:?}");
            }
            Ok(())
        })
        .unwrap();
}
