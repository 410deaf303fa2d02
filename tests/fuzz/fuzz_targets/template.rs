//! Any text given as a format is taken, or refused with an error; in both syntaxes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_file::Template;

fuzz_target!(|text: &str| {
    Template::new(text).ok();
    Template::percent(text).ok();
});
