//! The same handlers hear the same events as in Python's own logging: 1,000 random configurations, kept as data.
//! `tests/python/golden.py` made them.

use std::{fs::File, io::Read};

use serde_json::Value;
use tracing::Dispatch;
use tracing_subscriber::{Registry, prelude::*};
use watchfire_config::{Config, Question};

use crate::emit::{Ears, emit};

#[test]
fn hears_what_pythons_handlers_heard() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 1000);
    let (mut events, mut heard_by_some) = (0, 0);
    for (number, case) in cases.iter().enumerate() {
        let toml = case["toml"].as_str().unwrap();
        let ears = Ears::default();
        let config = Config::parse(toml).unwrap_or_else(|error| panic!("case {number}: {error}\n{toml}"));
        let setup = config.clone().service("golden").components(ears.components()).rust_log("");
        let (layer, _handle) =
            setup.layers::<Registry>().unwrap_or_else(|error| panic!("case {number}: {error}\n{toml}"));
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        for event in case["events"].as_array().unwrap() {
            let target = event[0].as_str().unwrap();
            let severity = event[1].as_str().unwrap().parse().unwrap();
            let fields: Vec<_> = event[2]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
                .collect();
            let level = |name: &str| if name == "warning" { "warn".to_owned() } else { name.to_owned() };
            let expected: Vec<_> = event[3]
                .as_array()
                .unwrap()
                .iter()
                .map(|pair| (pair[0].as_str().unwrap().to_owned(), level(pair[1].as_str().unwrap())))
                .collect();
            // Twice: the second time the callsite is known.
            for _ in 0..2 {
                emit(&dispatch, target, severity, &fields);
                let mut found = ears.take();
                found.sort();
                assert_eq!(found, expected, "case {number}: {event}\n{toml}");
            }
            // `explain` agrees with the events.
            let question = fields.iter().fold(Question::new(target, severity), |question, (name, value)| {
                question.field(*name, *value)
            });
            let explained = config.explain(&question, &ears.components()).unwrap();
            let mut said: Vec<_> = explained
                .answers
                .iter()
                .filter(|answer| answer.hears)
                .map(|answer| answer.handler.clone())
                .collect();
            said.sort();
            let tags: Vec<_> = expected.iter().map(|(tag, _)| tag.clone()).collect();
            assert_eq!(said, tags, "case {number}: {event}\n{toml}");
            events += 1;
            heard_by_some += usize::from(!expected.is_empty());
        }
    }
    assert!(events == 12_000 && heard_by_some > 3_000, "{heard_by_some} of {events}");
}
