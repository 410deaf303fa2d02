//! Any text as a configuration is read, or its diagnostics lie within it; what is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_config::{Config, Components};

fuzz_target!(|text: &str| {
    for diagnostic in Config::examine("fuzzed.toml", text, &Components::new().assume_environment()).list() {
        assert!(diagnostic.span().is_none_or(|span| text.get(span).is_some()), "{diagnostic:?}");
    }
    if let Ok(config) = Config::parse(text) {
        let again = Config::parse(&config.to_string());
        assert!(again.is_ok_and(|again| again == config), "{config}");
    }
});
