//! The keys of a configuration: the one list behind the checks, the suggestions and the JSON Schema.

mod handlers;

use self::ValueKind::{
    Bool, Choice, Directives, Filter, Filters, Folder, Handlers, Integer, Level, LevelOrDirectives, Levels,
    Map, Names, Patterns, Pause, Renames, Service, SpanLevels, Table, Text, Texts, Values,
};
use self::handlers::{HANDLER, HANDLERS};

/// Describes one key.
#[derive(Debug)]
pub(crate) struct KeySpec {
    pub(crate) name: &'static str,
    pub(crate) kind: ValueKind,
    pub(crate) required: bool,
    pub(crate) about: &'static str,
}

/// Says what a value has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ValueKind {
    Text,
    /// A text that appears in no error and no output.
    Secret,
    /// The path of a file.
    File,
    /// The path of a folder.
    Folder,
    /// One text or several.
    Texts,
    Bool,
    /// A whole number within bounds.
    Integer(i64, i64),
    /// `90s`, `10 min`, `7 days`, or a number of seconds; more than none.
    Duration,
    Durations,
    /// A duration, which may be 0.
    Pause,
    /// `10 MiB`, `64 kB`, or a number of bytes.
    Size,
    /// `03:30`.
    Clock,
    Choice(&'static [&'static str]),
    /// A level's name or Python's number.
    Level,
    /// A level, or `RUST_LOG`-style directives.
    LevelOrDirectives,
    Directives,
    /// Directives of targets and levels alone.
    SpanLevels,
    /// Exactly these levels.
    Levels,
    /// One target or several.
    Targets,
    /// Names of handlers.
    Handlers,
    /// The name of a callback that gets the path of a rotated file.
    RotationCallback,
    /// The name of a formatter.
    Formatter,
    /// Names of filters, or filters themselves.
    Filters,
    /// The name of a filter, or a filter itself.
    Filter,
    /// The name of a service.
    Service,
    Table(&'static [KeySpec]),
    /// One rate or several, each as a text or as a table of these keys.
    Rates(&'static [KeySpec]),
    /// Named templates of links.
    Links,
    /// Names of fields, by the label that messages give them.
    Facts,
    /// Named tables.
    Map(&'static [KeySpec]),
    /// Named texts: the names of fields, by their names before.
    Renames,
    /// One name of a field, or several.
    Names,
    /// One regular expression or several.
    Patterns,
    /// Named texts, numbers and switches.
    Values,
    /// Named tables whose `type` says what they hold.
    Typed(Section),
}

/// Names the sections whose entries have a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Handlers,
    Filters,
    Formatters,
}

impl Section {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Handlers => "handlers",
            Self::Filters => "filters",
            Self::Formatters => "formatters",
        }
    }

    /// Names one of its entries.
    pub(crate) const fn one(self) -> &'static str {
        match self {
            Self::Handlers => "handler",
            Self::Filters => "filter",
            Self::Formatters => "formatter",
        }
    }

    /// Returns the types that are built in, with their keys.
    pub(crate) const fn types(self) -> &'static [(&'static str, &'static [KeySpec])] {
        match self {
            Self::Handlers => HANDLERS,
            Self::Filters => FILTERS,
            Self::Formatters => FORMATTERS,
        }
    }

    /// Returns the keys that every part of the section has.
    pub(crate) const fn common(self) -> &'static [KeySpec] {
        match self {
            Self::Handlers => HANDLER,
            Self::Filters => FILTER,
            Self::Formatters => FORMATTER,
        }
    }
}

const fn key(name: &'static str, kind: ValueKind, about: &'static str) -> KeySpec {
    KeySpec { name, kind, required: false, about }
}

const fn required(name: &'static str, kind: ValueKind, about: &'static str) -> KeySpec {
    KeySpec { name, kind, required: true, about }
}

pub(crate) const ROOT: &[KeySpec] = &[
    key("version", Integer(1, 1), "The version of this form: 1."),
    key(
        "preset",
        Choice(&["django"]),
        "Handlers and levels to start from: `django` has a console in debug mode, and mail to the admins otherwise.",
    ),
    key("app", Table(APP), "Which program speaks."),
    key("outbox", Table(OUTBOX), "How alerts travel."),
    key("formatters", ValueKind::Typed(Section::Formatters), "How lines look, by name."),
    key("filters", ValueKind::Typed(Section::Filters), "What is let through, by name."),
    key("handlers", ValueKind::Typed(Section::Handlers), "Where events go, by name."),
    key(
        "loggers",
        Map(LOGGER),
        "Who hears the events of a target and of all below it. The logger \"\" is the root.",
    ),
    key("root", Table(LOGGER), "Who hears what no logger keeps to itself."),
    key("spans", SpanLevels, SPANS),
    key("redaction", Table(REDACTION), "What is masked besides what looks like a secret, and what is not."),
    key("links", ValueKind::Links, LINKS),
    key("facts", ValueKind::Facts, FACTS),
    key("services", Map(SERVICE), "What is different in each program that uses this file."),
];

const LINKS: &str = "Links in every message, by name; `source` leads to the line. `{path}`, `{line}`, `{release}`, \
                     `{version}`, `{target}`, `{group}` and any field of the event stand for its values.";
const FACTS: &str = "Fields at the head of every message, by the label that they get there.";

/// Tells whether any table of a configuration has a key of this name.
pub(crate) fn is_known(name: &str) -> bool {
    fn has(keys: &[KeySpec], name: &str) -> bool {
        keys.iter().any(|key| {
            let is_below = match key.kind {
                Table(keys) | Map(keys) | ValueKind::Rates(keys) => has(keys, name),
                _ => false,
            };
            key.name == name || is_below
        })
    }
    let sections = [Section::Handlers, Section::Filters, Section::Formatters];
    has(ROOT, name)
        || sections.iter().any(|section| {
            has(section.common(), name) || section.types().iter().any(|(_, keys)| has(keys, name))
        })
}

const SPANS: &str = "Which spans are shown with the events in them, whatever the levels of events: levels by target. Default: `info,tower_http=debug`.";

pub(crate) const APP: &[KeySpec] = &[
    key("name", Text, "The program's name. Default: the service's."),
    key("environment", Text, "Such as `production`."),
    key("release", Text, "Such as `shop@1.4.2`."),
    key(
        "debug",
        Bool,
        "Whether the program runs in debug mode: what require_debug_true and require_debug_false look at.",
    ),
    key(
        "panics",
        Bool,
        "Whether a panic is an alert for all channels, and an event of the target `panic` for the other handlers. Default: true.",
    ),
];

pub(crate) const OUTBOX: &[KeySpec] = &[
    key("spool", Folder, "The folder in which alerts survive the end of the program."),
    key(
        "require_spool",
        Bool,
        "Whether a spool that cannot be used ends the start with an error. Default: alerts are then kept in memory.",
    ),
    key("in_memory", Bool, "Whether alerts are kept in memory without a word about it. Default: false."),
    key("capacity", Integer(1, 1_000_000), "How many alerts may wait for the worker. Default 1024."),
    key("drop_deadline", Pause, "How long dropping the handle may wait. Default 5s."),
    key("exit_deadline", Pause, "How long the end of the process may wait. Default 2s."),
    key(
        "sync_from",
        Choice(&["critical", "error", "warn", "never"]),
        "From which level on an alert is in the spool before the call returns. Default: critical.",
    ),
    key("sync_within", Pause, "How long such a call may wait for the disk. Default 20ms."),
    key(
        "unclean_end",
        Choice(&["warn", "critical", "off"]),
        "How the next start reports that the program ended without an orderly exit. Default: warn.",
    ),
    key("stacks_from", Level, "From which level on alerts have a call stack. Default: none."),
];

const LOGGER: &[KeySpec] = &[
    key(
        "level",
        LevelOrDirectives,
        "From which level on events are heard. Default: that of the logger above; `warn` at the root.",
    ),
    key("handlers", Handlers, "Who hears them."),
    key("filters", Filters, "What events logged at exactly this target have to pass."),
    key("propagate", Bool, "Whether the handlers of the loggers above hear them as well. Default: true."),
];

const REDACTION: &[KeySpec] = &[
    key("names", Names, "Names of fields whose values are masked, such as `seat_code`."),
    key(
        "paths",
        Names,
        "Names below others whose values are masked, such as `request.headers.authorization`; `*` stands for one name.",
    ),
    key(
        "patterns",
        Patterns,
        "Regular expressions; what they find in a text is masked, or their first group.",
    ),
    key("allow", Table(ALLOWED), "What passes."),
];

const ALLOWED: &[KeySpec] = &[
    key("names", Names, "Names of fields whose values pass, unless they look like a secret."),
    key("paths", Names, "Names below others whose values pass, unless they look like a secret."),
    key("patterns", Patterns, "Regular expressions; a value that one matches as a whole passes."),
];

const SERVICE: &[KeySpec] = &[
    key("extends", Service, "The service whose settings hold where this one says nothing."),
    key("directives", Directives, "Levels of this program, as in RUST_LOG, which takes their place."),
    key("level", Level, "The root's level in this program."),
    key("spans", SpanLevels, SPANS),
    key("handlers", Handlers, "The root's handlers in this program."),
    key("loggers", Map(LOGGER), "Loggers of this program, laid over those of all."),
    key("app", Table(APP), "Laid over `app`."),
    key("outbox", Table(OUTBOX), "Laid over `outbox`."),
    key("redaction", Table(REDACTION), "Laid over `redaction`."),
];

const FILTER: &[KeySpec] = &[required("type", Text, "What it looks at.")];

const FILTERS: &[(&str, &[KeySpec])] = &[
    ("require_debug_true", &[]),
    ("require_debug_false", &[]),
    ("level", &[required("level", Level, "From which level on events pass.")]),
    ("levels", &[required("levels", Levels, "Exactly the levels that pass.")]),
    (
        "range",
        &[
            required("least", Level, "The least level that passes."),
            required("most", Level, "The worst level that passes."),
        ],
    ),
    ("directives", &[required("directives", Directives, "Directives as in RUST_LOG.")]),
    ("ignore", &[required("targets", ValueKind::Targets, "The targets whose events are kept back.")]),
    (
        "field",
        &[
            required(
                "field",
                Text,
                "The field's name: the event's, else that of the innermost span that has it.",
            ),
            key("equals", Text, "What it has to be."),
            key("matches", Text, "A regular expression that has to be found in it."),
            key("at_least", Integer(i64::MIN, i64::MAX), "A number that it must not be below."),
            key("at_most", Integer(i64::MIN, i64::MAX), "A number that it must not be above."),
            key("present", Bool, "Whether it has to be there."),
        ],
    ),
    (
        "sample",
        &[required(
            "every",
            Integer(1, i64::MAX),
            "Of how many events the first passes. In a list of filters it says in the field `held_back` how many were kept back before it.",
        )],
    ),
    ("all", &[required("filters", Filters, "All of these have to let it pass.")]),
    ("any", &[required("filters", Filters, "One of these has to let it pass.")]),
    ("not", &[required("filter", Filter, "This must not let it pass.")]),
    (
        "rewrite",
        &[
            key("level", Level, "The level that events get, for every handler after this."),
            key("message", Text, "The message that they get."),
            key("rename", Renames, "Fields that get another name, such as `{ dur = \"duration_ms\" }`."),
            key("remove", Texts, "Fields that are taken out."),
            key("set", Values, "Fields that are set, to a text, a number, true or false."),
            key("when", Filter, "Only events that pass this. Default: all."),
            key("from", Levels, "Only events of exactly these levels. Default: all."),
        ],
    ),
];

const FORMATTER: &[KeySpec] =
    &[key("type", Text, "What it writes. Default: `template`, where `format` is set.")];

const JSON_KEYS: &[KeySpec] = &[
    key("time", Text, "The key of the time."),
    key("level", Text, "The key of the level."),
    key("target", Text, "The key of the target."),
    key("message", Text, "The key of the message."),
    key("fields", Text, "The key of the object of fields."),
    key("spans", Text, "The key of the spans."),
    key("causes", Text, "The key of the causes of an error."),
    key("file", Text, "The key of the source file."),
    key("line", Text, "The key of the line in the source file."),
    key("thread", Text, "The key of the thread."),
    key("stack", Text, "The key of the call stack."),
];

const FORMATTERS: &[(&str, &[KeySpec])] = &[
    ("text", &[key("color", Bool, "Whether it is coloured. Default: false.")]),
    ("pretty", &[key("color", Bool, "Whether it is coloured. Default: false.")]),
    ("logfmt", &[]),
    (
        "json",
        &[
            key(
                "preset",
                Choice(&["gcp", "datadog", "ecs", "opentelemetry"]),
                "The system whose keys and level words are written. Default: none.",
            ),
            key(
                "nested",
                Bool,
                "Whether fields stand in an object of their own. Default: by the preset, else false.",
            ),
            key("source", Bool, "Whether file and line are written. Default: false."),
            key("spans", Choice(&["list", "flat", "off"]), "How spans are written. Default: list."),
            key(
                "keys",
                Table(JSON_KEYS),
                "The keys of the parts of a line, such as `{ time = \"@timestamp\" }`.",
            ),
        ],
    ),
    (
        "template",
        &[
            required("format", Text, "The line, as Python's `{` style, or `%` style, has it."),
            key("style", Choice(&["{", "%"]), "The syntax. Default: `%` if `%(` is in it."),
            key("date_format", Text, "The form of times, as strftime has it."),
        ],
    ),
];
