//! Broken files and their messages: `tests/data/broken/*.toml`, each with a `.txt` of what is said of it.
//!
//! `BLESS=1 cargo test -p watchfire-config broken` writes the messages anew; look at the difference.

use std::{fs, path::PathBuf};

use watchfire_config::{Components, Config};

#[test]
fn every_mistake_is_named_with_its_place_its_reason_and_a_hint() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/broken"));
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    files.sort();
    assert!(files.len() >= 60, "{} files", files.len());
    let mut different = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let diagnostics = Config::examine(name, &text, &Components::new());
        assert!(!diagnostics.list().is_empty(), "nothing is wrong with {name}");
        let said = format!("{diagnostics}\n");
        assert!(!said.contains("planted"), "{name} shows a secret:\n{said}");
        let expected = path.with_extension("txt");
        if option_env!("BLESS").is_some() {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != said {
            different.push(format!("{name}:\n{said}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
