//! The commands about a configuration, by their exit codes and their JSON.

use serde_json::Value;

use crate::watchfire;

fn json(arguments: &[&str]) -> (i32, Value) {
    let output = watchfire(arguments);
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_starter_is_written_once_and_nothing_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("watchfire.toml");
    let path = path.to_str().unwrap();
    assert_eq!(watchfire(&["init", path]).status.code(), Some(0));
    assert_eq!(watchfire(&["init", path]).status.code(), Some(2), "never over a file that is there");
    let (code, said) = json(&["check", "--json", "--strict", path]);
    assert_eq!((code, &said["ok"]), (0, &Value::Bool(true)), "{said}");
    let (code, said) = json(&["explain", path, "--target", "shop", "--level", "info", "--json"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(said["answers"][1]["handler"], "file");
    assert_eq!(said["answers"][1]["hears"], true);
    let heard_by_nobody = watchfire(&["explain", path, "--target", "hyper::client", "--level", "debug"]);
    assert_eq!(heard_by_nobody.status.code(), Some(1));
}

#[test]
fn explain_takes_the_debug_mode_of_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("watchfire.toml");
    let file = |debug: &str| {
        let console = "[handlers.console]\ntype = \"console\"\nfilters = [\"require_debug_true\"]\n";
        std::fs::write(&path, format!("{debug}{console}[root]\nhandlers = [\"console\"]\n")).unwrap();
    };
    let ask = |more: &[&str]| {
        let asked = ["explain", path.to_str().unwrap(), "--target", "shop", "--level", "error"];
        let output = watchfire(&[&asked[..], more].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    for (debug, more, hears) in [
        ("", &[][..], false),
        ("[app]\ndebug = true\n", &[], true),
        ("[app]\ndebug = true\n", &["--debug", "false"], false),
        ("[services.x.app]\ndebug = true\n", &["--service", "x"], true),
    ] {
        file(debug);
        let (code, said) = ask(more);
        assert_eq!(code, Some(i32::from(!hears)), "{debug:?} {more:?}: {said}");
        let mode = if hears { "taken to be in debug mode" } else { "taken to be not in debug mode" };
        assert!(said.contains(mode), "{said}");
    }
}

#[test]
fn mistakes_have_a_line_and_exit_code_1_and_a_missing_file_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.toml");
    std::fs::write(
        &path,
        "[handlers.file]\ntype = \"file\"\npath = \"x.log\"\n[root]\nhanlders = [\"file\"]\n",
    )
    .unwrap();
    let (code, said) = json(&["check", "--json", path.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert_eq!(
        (&said["diagnostics"][0]["line"], &said["diagnostics"][0]["column"]),
        (&5.into(), &1.into()),
        "{said}"
    );
    assert_eq!(said["diagnostics"][0]["hint"], "did you mean `handlers`?");
    assert_eq!(watchfire(&["check", "/nowhere/watchfire.toml"]).status.code(), Some(2));
}

#[test]
fn the_schema_is_json_and_completions_know_the_commands() {
    let (code, schema) = json(&["schema"]);
    assert_eq!((code, &schema["title"]), (0, &"watchfire".into()));
    let script = watchfire(&["completions", "bash"]);
    assert!(String::from_utf8_lossy(&script.stdout).contains("explain"));
}

#[test]
fn a_target_of_no_package_is_a_warning_unless_it_is_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (path, lock) = (at("watchfire.toml"), at("other.lock"));
    std::fs::write(
        &path,
        "[handlers.c]\ntype = \"console\"\n[root]\nlevel = \"info,shp::pay=debug,audit=warn\"\nhandlers = [\"c\"]\n",
    )
    .unwrap();
    std::fs::write(at("Cargo.lock"), "[[package]]\nname = \"shop\"\nversion = \"1.0.0\"\n").unwrap();
    std::fs::write(&lock, "[[package]]\nname = \"shp\"\nversion = \"1.0.0\"\n").unwrap();
    let (code, said) = json(&["check", "--json", &path]);
    let first = &said["diagnostics"][0];
    assert_eq!(
        (code, &said["ok"], first["severity"].as_str()),
        (0, &Value::Bool(true), Some("warning")),
        "{said}"
    );
    assert_eq!(
        (&first["line"], &first["column"], &first["hint"]),
        (&4.into(), &15.into(), &"did you mean `shop`?".into()),
        "{said}"
    );
    let found = |more: &[&str]| {
        let (code, said) = json(&[&["check", "--json", "--strict", &path][..], more].concat());
        (code, said["diagnostics"].as_array().unwrap().len())
    };
    assert_eq!(found(&[]), (1, 2));
    assert_eq!(found(&["--own-target", "audit"]), (1, 1));
    assert_eq!(found(&["--own-target", "audit", "--lock", &lock]), (0, 0));
    assert_eq!(found(&["--no-lock"]), (0, 0));
    assert_eq!(watchfire(&["check", "--lock", "/nowhere/Cargo.lock", &path]).status.code(), Some(2));
    assert_eq!(watchfire(&["check", "--lock", &path, &path]).status.code(), Some(2));
}

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("watchfire.toml");
    let path = path.to_str().unwrap();
    let said = |arguments: &[&str]| {
        let output = watchfire(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
    };
    assert!(said(&["check", path]).contains("write one with `watchfire init`"));
    assert_eq!(watchfire(&["init", path]).status.code(), Some(0));
    assert!(said(&["init", path]).contains("is there already; name another file"));
    let nobody = said(&["send", path, "--dry-run"]);
    assert!(
        nobody.contains("no handler alerts anybody") && nobody.contains("email, slack, telegram"),
        "{nobody}"
    );
    let near = said(&["verify", path, "--handler", "consol"]);
    assert!(
        near.contains("there is no handler `consol`") && near.contains("did you mean `console`?"),
        "{near}"
    );
    let far = said(&["send", path, "--dry-run", "--handler", "ops"]);
    assert!(far.contains("defined are: console, file") && !far.contains("root.handlers"), "{far}");
}
