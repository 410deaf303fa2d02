//! The tables of what is allowed: the arrows between crates, and each exception with its reason.
//!
//! An exception that nothing needs any more is a finding too.

/// The sinks; their crates have the same files.
pub(super) const SINKS: &[&str] = &["email", "sentry", "slack", "sms", "telegram"];

/// Which crates a crate may depend on. Crates that are not named here are findings.
///
/// Arrows run one way: `cli → config → sinks → http → outbox → core`.
pub(super) const ARROWS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("outbox", &["core"]),
    ("filter", &["core"]),
    ("file", &["core"]),
    ("http", &["core", "outbox"]),
    ("email", &["core", "outbox"]),
    ("sentry", &["core", "http", "outbox"]),
    ("slack", &["core", "http", "outbox"]),
    ("sms", &["core", "http", "outbox"]),
    ("telegram", &["core", "http", "outbox"]),
    ("health", &["core", "outbox"]),
    ("tower", &["core"]),
    ("config", &["core", "email", "file", "filter", "outbox", "sentry", "slack", "sms", "telegram"]),
    ("watchfire", LIBRARIES),
    ("testing", &["core", "outbox"]),
    ("inbox", &[]),
    (
        "cli",
        &[
            "config",
            "core",
            "email",
            "file",
            "filter",
            "health",
            "inbox",
            "outbox",
            "sentry",
            "slack",
            "sms",
            "telegram",
            "tower",
            "watchfire",
        ],
    ),
    ("examples", EVERYTHING),
    ("tests", EVERYTHING),
    ("xtask", &[]),
];

const LIBRARIES: &[&str] = &[
    "config", "core", "email", "file", "filter", "health", "http", "outbox", "sentry", "slack", "sms",
    "telegram", "tower",
];

/// Examples and workspace-wide tests stand outside the arrows: nothing can depend on them.
const EVERYTHING: &[&str] = &[
    "cli",
    "config",
    "core",
    "email",
    "file",
    "filter",
    "health",
    "http",
    "inbox",
    "outbox",
    "sentry",
    "slack",
    "sms",
    "telegram",
    "testing",
    "tower",
    "watchfire",
];

/// A folder, and the folders that it may use.
pub(super) type Layer = (&'static str, &'static [&'static str]);

/// Which folders of a crate a folder may use: (crate, folders from the bottom up). A file beside `lib.rs` may use all.
pub(super) const LAYERS: &[(&str, &[Layer])] = &[(
    "outbox",
    &[
        ("model", &[]),
        ("sink", &["model"]),
        ("aggregate", &["model", "sink"]),
        ("spool", &["model", "sink"]),
        ("delivery", &["model", "sink"]),
        ("pipeline", &["model", "sink", "aggregate", "spool", "delivery"]),
        ("worker", &["model", "sink", "aggregate", "spool", "delivery", "pipeline"]),
        ("sim", &["model", "sink", "aggregate", "spool", "delivery", "pipeline"]),
    ],
)];

/// Folders that a kind of file may not use, whatever its own folder may: (end of its path, folders). An oracle is written
/// from the guides: one that used the code which it judges would share its faults.
pub(super) const BARRED: &[(&str, &[&str])] = &[("_oracle.rs", &["aggregate", "delivery"])];

/// The most names that the `mod.rs` of such a folder exports.
pub(super) const MOST_EXPORTS: usize = 24;

/// The crates that tests of any crate may use besides.
pub(super) const TEST_ARROWS: &[&str] = &["file", "filter", "inbox", "testing"];

/// Files that a sink has beyond its siblings: (sink, file in `src/`, reason).
pub(super) const SINK_FILES: &[(&str, &str, &str)] = &[
    (
        "email",
        "advice.rs",
        "what a person can do about a failed connection is one pure table, apart from the sockets",
    ),
    (
        "email",
        "html.rs",
        "a mail says the same twice, and HTML that every mail program draws is a subject of its own",
    ),
    (
        "email",
        "reply.rs",
        "what each reply of SMTP means at each step is one pure table, apart from the sockets",
    ),
    ("email", "stage.rs", "the steps of a mail are below the tables of replies and of advice"),
    ("email", "wire.rs", "the bound on each reply is a stream of its own, below the steps of a mail"),
    (
        "sentry",
        "event.rs",
        "an event has some forty places to fill; the ladder of four events is another subject",
    ),
    ("sms", "answer.rs", "outcomes in a provider's words are below both providers"),
    ("sms", "exotel.rs", "one of its two providers: settings, request and answers of it in one place"),
    ("sms", "number.rs", "numbers and prefixes are below both providers and the settings"),
    (
        "sms",
        "segments.rs",
        "what a text costs and in which alphabet is a subject of its own, for both providers",
    ),
    ("sms", "template.rs", "texts registered for India are parsed when configured and filled when rendered"),
    ("sms", "twilio.rs", "one of its two providers: settings, request and answers of it in one place"),
];

/// The most lines that a file may have, its tests aside.
pub(super) const MOST_LINES: usize = 600;

/// Files that are longer: (path, reason).
pub(super) const LONG_FILES: &[(&str, &str)] = &[];

/// Files that may name a path of some machine: (path, reason).
pub(super) const PATH_FILES: &[(&str, &str)] = &[
    (
        "crates/testing/src/alerts.rs",
        "has a backtrace as it looks on somebody's machine; the somebody is invented",
    ),
    ("crates/xtask/src/tidy/documents.rs", "is the check, and its tests show what it finds"),
];

/// Manifests with lints of their own: programs that read the environment and print, and tests that may panic.
pub(super) const OWN_LINTS: &[&str] = &["examples/Cargo.toml", "tests/Cargo.toml"];

/// The packages that must stay out of a build: (package, its only feature, packages, reason).
pub(super) const LEAN: &[(&str, Option<&str>, &[&str], &str)] = &[
    ("watchfire-core", None, &["reqwest", "hyper", "rustls", "tokio", "serde"], "everyone builds core"),
    (
        "watchfire",
        Some("file"),
        &["reqwest", "hyper", "rustls", "tokio"],
        "a program that only writes files compiles no HTTP, no TLS and no async runtime",
    ),
    ("watchfire", Some("email"), &["reqwest", "hyper"], "a program that only mails compiles no HTTP client"),
];

/// Words that begin no sentence of a comment: the reader has to wait for the subject.
pub(super) const OPENERS: &[&str] = &["What", "Of", "Those", "Who", "Not"];

/// How many comment lines still begin with one of them. Lower it when you mend some; it never grows.
pub(super) const MOST_OPENERS: usize = 140;

/// The commit after which subjects are checked, as long as there is no tag.
pub(super) const SUBJECTS_SINCE: &str = "cceae48";
