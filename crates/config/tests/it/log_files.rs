//! Log files of a configuration file: their names, hooks, formats and limits.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_config::{Config, Handle};
use watchfire_core::Flushed;

/// Runs `work` under a configuration; `{folder}` in it is the folder that is returned with the handle.
fn run(
    text: &str,
    set_up: impl FnOnce(watchfire_config::Setup) -> watchfire_config::Setup,
    work: impl FnOnce(),
) -> (tempfile::TempDir, Handle) {
    let folder = tempfile::tempdir().unwrap();
    let text = text.replace("{folder}", folder.path().to_str().unwrap());
    let config = Config::parse(&text).unwrap();
    let setup = set_up(watchfire_config::setup("shop").config(config).rust_log(""));
    let (layer, handle) = setup.layers().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    assert_eq!(handle.flush(Duration::from_secs(20)), Flushed::Yes);
    (folder, handle)
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn a_file_rotates_under_its_pattern_and_tells_the_callback() {
    let (told, paths) = mpsc::channel::<PathBuf>();
    let text = "
        [handlers.file]
        type = \"file\"
        path = \"{folder}/shop.log\"
        on_rotation = \"upload\"
        rotate = { size = 1000, name = \"{stem}.{number}{extension}\" }
        [root]
        level = \"info\"
        handlers = [\"file\"]
    ";
    let set_up = |setup: watchfire_config::Setup| {
        setup.on_rotation("upload", move |path| told.send(path.to_owned()).unwrap())
    };
    let (folder, _handle) = run(text, set_up, || {
        for line in 0..30 {
            tracing::info!("<{line}> {}", "x".repeat(50));
        }
    });
    let rotated = paths.recv_timeout(Duration::from_secs(20)).unwrap();
    // The oldest is told first; it may have moved on by then.
    let name = rotated.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("shop.") && name.ends_with(".log") && name != "shop.log", "{name}");
    assert_eq!(rotated.parent().unwrap(), folder.path());
}

#[test]
fn a_json_formatter_has_presets_keys_and_span_styles() {
    let text = "
        [formatters.cloud]
        type = \"json\"
        preset = \"ecs\"
        spans = \"flat\"
        keys = { level = \"level\" }
        [handlers.file]
        type = \"file\"
        path = \"{folder}/shop.log\"
        formatter = \"cloud\"
        [root]
        handlers = [\"file\"]
    ";
    let (folder, _handle) = run(
        text,
        |setup| setup,
        || {
            let _request = tracing::info_span!("request", id = 7).entered();
            tracing::warn!(order = 4711, "slow");
        },
    );
    let line: serde_json::Value = serde_json::from_str(&read(folder.path(), "shop.log")).unwrap();
    assert!(line["@timestamp"].is_string());
    assert_eq!((&line["level"], &line["id"], &line["order"]), (&"warn".into(), &7.into(), &4711.into()));
}

#[test]
fn a_files_limits_hold_behind_the_router_and_beside_others() {
    let text = "
        [formatters.lines]
        type = \"json\"
        [handlers.whole]
        type = \"file\"
        path = \"{folder}/whole.log\"
        formatter = \"lines\"
        [handlers.short]
        type = \"file\"
        path = \"{folder}/short.log\"
        formatter = \"lines\"
        max_text = 1000
        [root]
        handlers = [\"whole\", \"short\"]
    ";
    let long = "ä".repeat(50_000);
    let (folder, _handle) = run(
        text,
        |setup| setup,
        || {
            let _span = tracing::info_span!("upload", body = %long).entered();
            tracing::warn!(body = %long, text = long.as_str(), "{long}");
        },
    );
    let fields = |name: &str| {
        let line: serde_json::Value = serde_json::from_str(&read(folder.path(), name)).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        [&line["message"], &line["body"], &line["text"], &line["spans"][0]["body"]].map(text)
    };
    for whole in fields("whole.log") {
        assert_eq!(whole.len(), long.len());
    }
    // All texts of the event together have the limit too.
    let cut = |bytes: usize, missing: &str| format!("{}… [{missing} bytes more]", "ä".repeat(bytes / 2));
    let (first, later) = (cut(1000, "99,000"), cut(0, "100,000"));
    assert_eq!(fields("short.log"), [first.clone(), later.clone(), later, first]);
}

#[test]
fn a_path_with_a_field_has_a_file_per_value() {
    let text = "
        [handlers.tenants]
        type = \"file\"
        path = \"{folder}/{tenant}.log\"
        open_files = 2
        close_idle_after = \"1 min\"
        [root]
        handlers = [\"tenants\"]
    ";
    let (folder, _handle) = run(
        text,
        |setup| setup,
        || {
            for tenant in ["acme", "../evil", "initech"] {
                tracing::warn!(tenant, "<own>");
            }
            tracing::warn!("<of nobody>");
        },
    );
    for name in ["acme.log", "%2e.%2fevil.log", "initech.log", "none.log"] {
        assert_eq!(read(folder.path(), name).matches('<').count(), 1, "{name}");
    }
}
