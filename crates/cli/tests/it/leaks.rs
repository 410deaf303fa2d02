//! No command prints a value of a configuration, whatever is wrong with it.

use std::{fs, path::Path};

use crate::watchfire;

/// The secrets in the files below; no output may show one.
const PLANTED: &str = "plantedpw";

/// Files that are wrong in the ways in which people get credentials into a wrong place.
const FILES: [(&str, &str); 13] = [
    ("a misspelt key", "[handlers.m]\ntype = \"email\"\nsever = \"bob:plantedpw@mail.example.com\"\n"),
    ("a short value", "[handlers.m]\ntype = \"slack\"\ntokn = \"plantedpw\"\n"),
    ("an inline table", "[handlers.m]\ntype = \"sms\"\ntwilio = { sid = \"x\", pasword = \"plantedpw\" }\n"),
    ("a list", "[handlers.m]\ntype = \"email\"\nto = [\"a@b\", \"plantedpw\", 7]\n"),
    ("a key twice", "[handlers.m]\ntype = \"slack\"\ntoken = \"a\"\ntoken = \"plantedpw\"\n"),
    ("an unclosed text", "[handlers.m]\ntype = \"slack\"\ntoken = \"plantedpw\n[root]\nlevel = \"info\"\n"),
    (
        "an unclosed long text",
        "[handlers.m]\ntype = \"slack\"\ntoken = \"\"\"\nplantedpw\n[root]\nlevel = 1\n",
    ),
    ("a value on the next line", "[handlers.m]\ntype = \"slack\"\ntoken =\nplantedpw\n"),
    ("a value without quotes", "[handlers.m]\ntype = \"slack\"\ntoken = plantedpw\nwebhook: plantedpw\n"),
    ("a comment", "[handlers.m]\ntype = \"slac\" # token was plantedpw\n"),
    (
        "another handler's key",
        "[handlers.m]\ntype = \"telegram\"\npassword = 'plantedpw'\nchats = 'plantedpw x'\n",
    ),
    (
        "an address",
        "[handlers.m]\ntype = \"email\"\nto = \"plantedpw\"\nfrom = \"plantedpw\"\nserver = \"plantedpw\"\n[root]\nhandlers = [\"m\"]\n",
    ),
    ("a list as a table", "[handlers.m]\ntype = \"slack\"\ntoken =\n[\"plantedpw\"]\n"),
];

fn commands(path: &str) -> Vec<Vec<String>> {
    let words = |text: &str| text.split(' ').map(|word| word.replace("FILE", path)).collect::<Vec<_>>();
    let plain = [
        "check --no-lock FILE",
        "check --no-lock --no-environment --strict FILE",
        "verify --within 1s FILE",
        "explain --target shop --level error FILE",
        "send --dry-run --message x FILE",
        "send --within 1s --message x FILE",
        "init FILE",
        "spool drain --config FILE --folder FILE",
    ];
    plain.iter().flat_map(|command| [words(command), words(&format!("{command} --json"))]).collect()
}

fn assert_nothing_planted(path: &Path, what: &str) {
    for command in commands(path.to_str().unwrap()) {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let output = watchfire(&words);
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let said = said.concat();
        assert!(!said.contains(PLANTED), "{what}, {words:?}:\n{said}");
        // An explanation follows no references and makes no handlers.
        let is_wrong = output.status.code() != Some(0) || words.first() == Some(&"explain");
        assert!(is_wrong, "{what}, {words:?}:\n{said}");
    }
}

#[test]
fn no_command_prints_a_value_of_a_broken_file() {
    let folder = tempfile::tempdir().unwrap();
    for (what, text) in FILES {
        let path = folder.path().join("watchfire.toml");
        fs::write(&path, text).unwrap();
        assert_nothing_planted(&path, what);
    }
}
