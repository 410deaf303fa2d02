//! logrotate for real, both ways, and Python's own opinion of its formats.

use std::{fs, path::Path, process::Command, time::Duration};

use tracing_subscriber::prelude::*;
use watchfire_core::{Flushed, Handler, clock};
use watchfire_file::LogFile;

/// Finds logrotate, which lies where only root looks on some systems.
fn logrotate() -> Option<&'static str> {
    ["/usr/sbin/logrotate", "/usr/bin/logrotate", "/sbin/logrotate"]
        .into_iter()
        .find(|path| Path::new(path).exists())
}

#[test]
fn no_line_is_lost_while_logrotate_moves_or_cuts_the_file() {
    let Some(logrotate) = logrotate() else {
        note("skipped: logrotate is not installed");
        return;
    };
    for way in ["create", "copytruncate"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.log");
        let config = folder.path().join("config");
        let text = format!("{} {{\n rotate 50\n size 1\n {way}\n missingok\n su\n}}\n", path.display());
        // Without `su` it refuses folders that others may write to.
        fs::write(&config, text.replace(" su\n", "")).unwrap();
        let layer = LogFile::new(&path).flush_every(Duration::from_millis(1)).layer().unwrap();
        let handler = layer.handler().clone();
        let flush = || assert_eq!(handler.flush(clock::instant() + Duration::from_secs(10)), Flushed::Yes);
        let _guard = tracing_subscriber::registry().with(layer).set_default();
        for round in 0..5 {
            for line in 0..200 {
                tracing::info!("<{round} {line}>");
            }
            // Lines between copytruncate's copy and its cut are lost for everybody, so nothing is written then.
            if way == "copytruncate" {
                flush();
            }
            let run = Command::new(logrotate)
                .arg("--force")
                .arg("--state")
                .arg(folder.path().join("state"))
                .arg(&config)
                .output()
                .unwrap();
            assert!(run.status.success(), "{run:?}");
        }
        tracing::info!("<the last>");
        flush();
        let mut all = String::new();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("shop.log") {
                let bytes = fs::read(path).unwrap();
                assert!(!bytes.contains(&0), "a hole was left by the cut");
                all.push_str(&String::from_utf8(bytes).unwrap());
            }
        }
        for round in 0..5 {
            for line in 0..200 {
                assert_eq!(all.matches(&format!("<{round} {line}>")).count(), 1, "{way}: {round} {line}");
            }
        }
        let active = fs::read_to_string(&path).unwrap();
        assert!(active.contains("<the last>") && !active.contains("<0 0>"), "{way} did not rotate");
    }
}

#[test]
fn a_real_python_makes_of_the_formats_what_is_stored() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let script = folder.join("python/formats.py");
    let run = Command::new("python3")
        .arg(script)
        .arg("check")
        .arg(folder.join("data/python_formats.json"))
        .output();
    // `Formatter(defaults=..)` came with Python 3.10.
    let version =
        Command::new("python3").args(["-c", "import sys; sys.exit(sys.version_info < (3, 10))"]).status();
    match (run, version) {
        (Ok(run), Ok(version)) if version.success() => {
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        }
        _ => note("skipped: there is no Python 3.10 or newer"),
    }
}

#[expect(clippy::print_stderr, reason = "why a test did nothing")]
pub(super) fn note(text: &str) {
    eprintln!("{text}");
}
