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
        assert_shows_no_value(name, &text, &diagnostics.to_string());
        let expected = path.with_extension("txt");
        if option_env!("BLESS").is_some() {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != said {
            different.push(format!("{name}:\n{said}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Reads the excerpts again: between the margin and the end of a line stands no value of the file.
///
/// Words that are keys of the file, or of a configuration, may stand there.
#[track_caller]
fn assert_shows_no_value(name: &str, text: &str, said: &str) {
    assert!(!said.contains("planted"), "{name} shows a secret:\n{said}");
    let is_excerpt = |line: &&str| {
        let (margin, rest) = line.split_once(" | ").unwrap_or_default();
        !rest.is_empty() && margin.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ')
    };
    let mut excerpts: Vec<String> = said.lines().filter(is_excerpt).map(str::to_owned).collect();
    for excerpt in &mut excerpts {
        // The descriptions that stand for values.
        while let Some((before, after)) = excerpt.split_once('<') {
            *excerpt = format!("{before}{}", after.split_once('>').unwrap_or_default().1);
        }
    }
    let shown: Vec<String> = excerpts.iter().flat_map(|excerpt| words(excerpt)).collect();
    for value in literals(text) {
        let is_shown = words(&value).into_iter().find(|word| shown.contains(word));
        assert!(is_shown.is_none(), "{name} shows `{}`:\n{said}", is_shown.unwrap_or_default());
    }
}

/// The words of a text, without the numbers of lines.
fn words(text: &str) -> Vec<String> {
    let text = text.split_once(" | ").map_or(text, |(_, rest)| rest);
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The values of a file that can be read or not: what stands in quotes, and words behind an equals sign. Keys are taken
/// away, in whose place the same word may stand.
fn literals(text: &str) -> Vec<String> {
    let keys: Vec<String> = text
        .lines()
        .flat_map(|line| {
            let key = |part: &str| part.rsplit(['{', ',', '[']).next().unwrap_or_default().to_owned();
            let header = line.trim_start().starts_with('[').then(|| line.to_owned());
            line.match_indices(['=', ':'])
                .map(|(at, _)| key(line.get(..at).unwrap_or_default()))
                .chain(header)
                .collect::<Vec<_>>()
        })
        .flat_map(|key| words(&key))
        .collect();
    let mut literals: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('[')) {
        let value = line.split_once(['=', ':']).map_or(line, |(_, value)| value);
        literals.extend(words(value));
    }
    literals.retain(|word| !keys.contains(word));
    literals
}

#[test]
fn the_reader_of_excerpts_finds_values() {
    let text = "[handlers.ops]\ntoken = \"xoxb-1\"\nlist = [4711, 'a b']\n";
    for (excerpt, is_good) in [
        ("  |\n2 | token = <text, 6 characters>\n  | ^^^^^", true),
        ("2 | token = \"xoxb-1\"", false),
        ("2 | token = …xoxb…", false),
        ("3 | list = [4711, <text, 3 characters>]", false),
        ("3 | list = [<number, 4 digits>, 'a b']", false),
    ] {
        let read = std::panic::catch_unwind(|| assert_shows_no_value("x.toml", text, excerpt));
        assert_eq!(read.is_ok(), is_good, "{excerpt}");
    }
}
