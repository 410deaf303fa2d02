//! Says whose a frame is: by its source file where there is one, else by the crate in the function's path.

use std::borrow::Cow;

use super::{StackFrame, parse::UNKNOWN};

/// The owner of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameOwner {
    Program,
    Dependency,
    /// The standard library, and what the compiler adds.
    Std,
    /// The crates of this workspace.
    Watchfire,
    /// The C library around `main` and the start of a thread.
    Startup,
}

const STD: [&str; 7] = ["std", "core", "alloc", "proc_macro", "test", "__rustc", "panic_unwind"];

/// The libraries of this workspace, as crates. A test compares them with the folders.
pub(super) const OURS: [&str; 21] = [
    "watchfire",
    "watchfire_config",
    "watchfire_core",
    "watchfire_email",
    "watchfire_file",
    "watchfire_filter",
    "watchfire_fleet",
    "watchfire_health",
    "watchfire_http",
    "watchfire_inbox",
    "watchfire_journald",
    "watchfire_locals",
    "watchfire_outbox",
    "watchfire_sentry",
    "watchfire_slack",
    "watchfire_sms",
    "watchfire_syslog",
    "watchfire_telegram",
    "watchfire_testing",
    "watchfire_tower",
    "watchfire_webhook",
];

/// Libraries that stand between `main` and the program's own code in most services, for frames without a source file.
const COMMON: [&str; 52] = [
    "actix_http",
    "actix_rt",
    "actix_server",
    "actix_service",
    "actix_web",
    "anyhow",
    "async_std",
    "axum",
    "axum_core",
    "axum_extra",
    "bytes",
    "clap",
    "clap_builder",
    "color_eyre",
    "crossbeam_channel",
    "crossbeam_utils",
    "diesel",
    "eyre",
    "futures",
    "futures_core",
    "futures_executor",
    "futures_util",
    "h2",
    "http",
    "http_body",
    "http_body_util",
    "hyper",
    "hyper_util",
    "log",
    "mio",
    "once_cell",
    "parking_lot",
    "rayon",
    "rayon_core",
    "reqwest",
    "rocket",
    "rustls",
    "serde",
    "serde_json",
    "smol",
    "sqlx_core",
    "tokio",
    "tokio_rustls",
    "tokio_util",
    "tonic",
    "tower",
    "tower_http",
    "tower_layer",
    "tower_service",
    "tracing",
    "tracing_core",
    "warp",
];

/// Functions of the C library, the linker and the systems' thread starters.
const STARTUP: [&str; 14] = [
    "BaseThreadInitThunk",
    "RtlUserThreadStart",
    "abort",
    "clone",
    "clone3",
    "gsignal",
    "invoke_main",
    "main",
    "mainCRTStartup",
    "raise",
    "start",
    "start_thread",
    "thread_start",
    "rust_eh_personality",
];

impl FrameOwner {
    pub(super) fn of(frame: &StackFrame) -> Self {
        let function = frame.function.as_str();
        if function == UNKNOWN {
            return Self::Dependency;
        }
        let name = crate_in_path(function);
        if OURS.contains(&name) || frame.file.as_deref().is_some_and(is_ours) {
            return Self::Watchfire;
        }
        if !function.contains("::") && (function.starts_with('_') || STARTUP.contains(&function)) {
            return Self::Startup;
        }
        match frame.file.as_deref().map(source_of) {
            Some(SourceOwner::Std(_)) => Self::Std,
            Some(SourceOwner::Package(_)) => Self::Dependency,
            Some(SourceOwner::Program) => Self::Program,
            None if STD.contains(&name) => Self::Std,
            None if COMMON.contains(&name) || name.starts_with("tracing_") => Self::Dependency,
            None => Self::Program,
        }
    }
}

/// Returns the crate of a frame: by the function's path, else by the source file, as functions that were inlined have
/// only their last name with `debug = "line-tables-only"`. Empty if neither tells.
pub(super) fn crate_of(frame: &StackFrame) -> Cow<'_, str> {
    let name = crate_in_path(&frame.function);
    if !name.is_empty() {
        return Cow::Borrowed(name);
    }
    let file = frame.file.as_deref().unwrap_or_default();
    match source_of(file) {
        SourceOwner::Std(path) => Cow::Owned(path.split('/').next().unwrap_or_default().to_owned()),
        SourceOwner::Package(_) => Cow::Owned(package_of(file).unwrap_or_default().replace('-', "_")),
        SourceOwner::Program => Cow::Borrowed(""),
    }
}

/// Returns the crate that a function's path names: of `<shop::Cart as core::fmt::Debug>::fmt` the first. Empty for a
/// function without a path.
fn crate_in_path(function: &str) -> &str {
    match first_crate(function) {
        // For a type parameter only the trait tells.
        "" => function.split_once(" as ").map_or("", |(_, implemented)| first_crate(implemented)),
        name => name,
    }
}

/// Tells whether a source file is of this workspace, however it is built: as a path dependency its functions may have
/// no crate in their names.
fn is_ours(file: &str) -> bool {
    // As the compiler names this file: relative to the workspace it is built in, or absolute.
    let here = file!().replace('\\', "/");
    let Some(crates) = here.strip_suffix("core/src/stack/owner.rs") else { return false };
    let path = file.replace('\\', "/");
    let path = path.strip_prefix("./").unwrap_or(&path);
    OURS.iter().any(|name| {
        let folder = format!("{}/src/", name.strip_prefix("watchfire_").unwrap_or(name));
        let before = path.match_indices(&folder).map(|(at, _)| path.get(..at).unwrap_or_default());
        // A path below the working directory is short: one segment of it may be any workspace's `crates`.
        let is_enough = |before: &str| before.matches('/').count() > 1;
        before
            .into_iter()
            .any(|before| is_end(crates, before) || (is_enough(before) && is_end(before, crates)))
    })
}

/// Tells whether one path is the end of another one.
fn is_end(end: &str, path: &str) -> bool {
    path.strip_suffix(end).is_some_and(|start| start.is_empty() || start.ends_with('/'))
}

/// Returns the first segment of a path, if more follow.
fn first_crate(path: &str) -> &str {
    let mut rest = path;
    loop {
        let before = rest;
        rest = rest.trim_start_matches(['<', '&', '(', '[', '*', ' ']);
        for word in ["dyn ", "mut ", "const ", "impl "] {
            rest = rest.strip_prefix(word).unwrap_or(rest);
        }
        // `for<'a, 'b> core::ops::Fn(&'a str)` and `'static str`.
        if let Some((_, after)) = rest.strip_prefix("for<").and_then(|rest| rest.split_once("> ")) {
            rest = after;
        }
        if let Some((_, after)) = rest.strip_prefix('\'').and_then(|rest| rest.split_once(' ')) {
            rest = after;
        }
        if rest == before {
            break;
        }
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    match rest.split_at_checked(end) {
        Some((name, after)) if after.starts_with("::") => name,
        _ => "",
    }
}

/// Where a source file belongs.
#[derive(Debug, PartialEq, Eq)]
enum SourceOwner {
    Program,
    /// A package, by the path from its folder on.
    Package(String),
    /// The standard library, by the path from its crate on.
    Std(String),
}

/// Returns the name of the package that a file is of, such as `tower-http`; nothing of a file of the program.
pub(super) fn package_of(file: &str) -> Option<String> {
    let SourceOwner::Package(path) = source_of(file) else { return None };
    let folder = path.split('/').next().unwrap_or_default();
    Some(without_version(folder).unwrap_or(folder).to_owned())
}

/// Shortens the path of a source file: of a dependency from its package on, of the standard library from its crate on.
pub(crate) fn short_path(file: &str) -> Cow<'_, str> {
    match source_of(file) {
        SourceOwner::Package(path) | SourceOwner::Std(path) => Cow::Owned(path),
        SourceOwner::Program => Cow::Borrowed(file.strip_prefix("./").unwrap_or(file)),
    }
}

fn source_of(file: &str) -> SourceOwner {
    let path = file.replace('\\', "/");
    let after = |part: &str| path.split_once(part).map(|(_, rest)| rest);
    // `/rustc/<hash>/library/core/src/option.rs`, and where the sources of the standard library are installed.
    if let Some(rest) = after("/rustc/").and_then(|rest| rest.split_once('/')) {
        return SourceOwner::Std(rest.1.strip_prefix("library/").unwrap_or(rest.1).to_owned());
    }
    if let Some(rest) = after("/rustlib/src/rust/") {
        return SourceOwner::Std(rest.strip_prefix("library/").unwrap_or(rest).to_owned());
    }
    if let Some((_index, rest)) = after("registry/src/").and_then(|rest| rest.split_once('/')) {
        return SourceOwner::Package(rest.to_owned());
    }
    // `git/checkouts/<name>-<hash>/<revision>/src/lib.rs`.
    if let Some((name, rest)) = after("git/checkouts/").and_then(|rest| rest.split_once('/')) {
        let name = name.rsplit_once('-').map_or(name, |(name, _)| name);
        return SourceOwner::Package(format!("{name}-{rest}"));
    }
    for folder in ["vendor", "cargo-vendor-dir"] {
        let relative = path.strip_prefix("./").unwrap_or(&path);
        let rest = relative.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
        if let Some(rest) = rest.or_else(|| after(&format!("/{folder}/"))) {
            return SourceOwner::Package(rest.to_owned());
        }
    }
    // As `trim-paths` leaves them.
    match path.split_once('/') {
        Some((folder, _)) if without_version(folder).is_some() => SourceOwner::Package(path),
        _ => SourceOwner::Program,
    }
}

/// Returns the name of a package's folder without its version; nothing if it has none.
fn without_version(folder: &str) -> Option<&str> {
    let mut at = folder.match_indices('-').map(|(at, _)| at);
    at.find_map(|at| {
        let (name, version) = folder.split_at_checked(at)?;
        let mut numbers = version.trim_start_matches('-').split('.');
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_version = numbers.next().is_some_and(is_number) && numbers.next().is_some_and(is_number);
        (is_version && !name.is_empty()).then_some(name)
    })
}
