//! A silence is a file that the program reads and that people can list and end.

use std::{fs, path::Path, process::Output, time::Duration};

use watchfire_outbox::{Outbox, Silence};

use super::{text, within};

const GROUP: &str = "9f31c2a07be4d815";

fn silence(folder: &Path, arguments: &[&str]) -> Output {
    within("silence", folder, arguments)
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::builder("shop").spool(folder.path()).start().unwrap();
    drop(outbox);
    folder
}

#[test]
fn a_silence_is_begun_listed_made_longer_and_ended() {
    let place = folder();
    let folder = place.path();
    assert!(text(&silence(folder, &["ls"]), 0).starts_with("Nothing is silenced"));
    let said = text(&silence(folder, &[GROUP, "--for", "2h", "--why", "ticket 4711", "--by", "ada"]), 0);
    assert!(said.starts_with(&format!("silenced {GROUP} until ")), "{said}");
    let file = fs::read_to_string(folder.join("silences").join(GROUP)).unwrap();
    let read: Silence = file.parse().unwrap();
    assert_eq!((read.by.as_str(), read.why.as_str()), ("ada", "ticket 4711"));
    assert_eq!(read.until.duration_since(read.from).unwrap(), Duration::from_secs(7_200));

    // One that a person wrote under another name gives way to a later word.
    fs::write(
        folder.join("silences").join("by-hand"),
        format!("group = {GROUP}\nuntil = 2999-01-01T00:00:00Z"),
    )
    .unwrap();
    text(&silence(folder, &[GROUP, "--for", "30m"]), 0);
    let listed = silence(folder, &["ls", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["silences"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(
        (&listed["silences"][0]["group"], &listed["silences"][0]["holds"]),
        (&GROUP.into(), &true.into())
    );
    let listed = text(&silence(folder, &["ls"]), 0);
    assert!(listed.contains(GROUP) && listed.contains("in 29 min"), "{listed}");

    text(&silence(folder, &["end", "9f31"]), 0);
    assert_eq!(fs::read_dir(folder.join("silences")).unwrap().count(), 0);
}

#[test]
fn what_is_no_silence_is_said_with_what_to_do() {
    let place = folder();
    let folder = place.path();
    fs::write(folder.join("silences").join("half"), "group = ").unwrap();
    let gone = folder.join("gone");
    // (folder, arguments, exit code, what it says)
    let cases: &[(&Path, &[&str], i32, &str)] = &[
        (folder, &["9f31", "--for", "2h"], 2, "16 hexadecimal digits"),
        (folder, &["9f31c2a07be4d81x", "--for", "2h"], 2, "16 hexadecimal digits"),
        (folder, &[GROUP], 2, "--for <SPAN>"),
        (folder, &[GROUP, "--for", "soon"], 2, "such as `30m`"),
        (folder, &[GROUP, "--for", "99w"], 2, "a year at most"),
        (folder, &["end", "9f31"], 1, "watchfire silence ls"),
        (folder, &["ls"], 0, "half is not read as a silence"),
        (&gone, &[GROUP, "--for", "2h"], 2, "is not the folder of a spool"),
    ];
    for (folder, arguments, code, wanted) in cases {
        let said = text(&silence(folder, arguments), *code);
        assert!(said.contains(wanted), "{arguments:?}: {wanted} is not in {said}");
    }
}
