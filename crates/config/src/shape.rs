//! What a configuration may hold: the one list behind the checks, the suggestions and the JSON Schema.

use self::Kind::{
    Bool, Choice, Clock, Directives, Duration, Durations, File, Filter, Filters, Formatter, Handlers,
    Integer, Level, LevelOrDirectives, Levels, Map, Secret, Service, Size, Table, Tables, Text, Texts,
};

/// Describes one key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) about: &'static str,
}

/// Says what a value has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    /// A text that appears in no error and no output.
    Secret,
    /// The path of a file or folder.
    File,
    /// One text or several.
    Texts,
    Bool,
    /// A whole number within bounds.
    Integer(i64, i64),
    /// `90s`, `10 min`, `7 days`, or a number of seconds.
    Duration,
    Durations,
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
    /// Exactly these levels.
    Levels,
    /// Names of handlers.
    Handlers,
    /// The name of a formatter.
    Formatter,
    /// Names of filters, or filters themselves.
    Filters,
    /// The name of a filter, or a filter itself.
    Filter,
    /// The name of a service.
    Service,
    Table(&'static [Key]),
    /// One table or several.
    Tables(&'static [Key]),
    /// Named tables.
    Map(&'static [Key]),
    /// Named tables whose `type` says what they hold.
    Typed(Section),
}

/// Names the sections whose parts have a type.
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

    /// Names one of its parts.
    pub(crate) const fn one(self) -> &'static str {
        match self {
            Self::Handlers => "handler",
            Self::Filters => "filter",
            Self::Formatters => "formatter",
        }
    }

    /// Returns the types that are built in, with their keys.
    pub(crate) const fn types(self) -> &'static [(&'static str, &'static [Key])] {
        match self {
            Self::Handlers => HANDLERS,
            Self::Filters => FILTERS,
            Self::Formatters => FORMATTERS,
        }
    }

    /// Returns the keys that every part of the section has.
    pub(crate) const fn common(self) -> &'static [Key] {
        match self {
            Self::Handlers => HANDLER,
            Self::Filters => FILTER,
            Self::Formatters => FORMATTER,
        }
    }
}

const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, required: false, about }
}

const fn required(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, required: true, about }
}

pub(crate) const ROOT: &[Key] = &[
    key("version", Integer(1, 1), "The version of this form: 1."),
    key(
        "preset",
        Choice(&["django"]),
        "Handlers and levels to start from: `django` has a console in debug mode, and mail to the admins otherwise.",
    ),
    key("app", Table(APP), "Which program speaks."),
    key("outbox", Table(OUTBOX), "How alerts travel."),
    key("formatters", Kind::Typed(Section::Formatters), "How lines look, by name."),
    key("filters", Kind::Typed(Section::Filters), "What is let through, by name."),
    key("handlers", Kind::Typed(Section::Handlers), "Where events go, by name."),
    key(
        "loggers",
        Map(LOGGER),
        "Who hears the events of a target and of all below it. The logger \"\" is the root.",
    ),
    key("root", Table(LOGGER), "Who hears what no logger keeps to itself."),
    key("services", Map(SERVICE), "What is different in each program that uses this file."),
];

const APP: &[Key] = &[
    key("name", Text, "The program's name. Default: the service's."),
    key("environment", Text, "Such as `production`."),
    key("release", Text, "Such as `shop@1.4.2`."),
    key(
        "debug",
        Bool,
        "Whether the program runs in debug mode: what require_debug_true and require_debug_false look at.",
    ),
];

const OUTBOX: &[Key] = &[
    key("spool", File, "The folder in which alerts survive the end of the program."),
    key("in_memory", Bool, "Whether alerts are kept in memory without a word about it. Default: false."),
    key("capacity", Integer(1, 1_000_000), "How many alerts may wait for the courier. Default 1024."),
    key("drop_deadline", Duration, "How long dropping the handle may wait. Default 5s."),
    key("exit_deadline", Duration, "How long the end of the process may wait. Default 2s."),
    key("stacks_from", Level, "From which level on alerts have a call stack. Default: none."),
];

const LOGGER: &[Key] = &[
    key(
        "level",
        LevelOrDirectives,
        "From which level on events are heard. Default: that of the logger above; `warn` at the root.",
    ),
    key("handlers", Handlers, "Who hears them."),
    key("filters", Filters, "What events logged at exactly this target have to pass."),
    key("propagate", Bool, "Whether the handlers of the loggers above hear them as well. Default: true."),
];

const SERVICE: &[Key] = &[
    key("extends", Service, "The service whose settings hold where this one says nothing."),
    key("directives", Directives, "Levels of this program, as in RUST_LOG, which takes their place."),
    key("level", Level, "The root's level in this program."),
    key("handlers", Handlers, "The root's handlers in this program."),
    key("loggers", Map(LOGGER), "Loggers of this program, laid over those of all."),
    key("app", Table(APP), "Laid over `app`."),
    key("outbox", Table(OUTBOX), "Laid over `outbox`."),
];

const HANDLER: &[Key] = &[
    required("type", Text, "What it is."),
    key(
        "level",
        LevelOrDirectives,
        "From which level on it hears events. Default: `error` where people are alerted, else everything that the loggers let through.",
    ),
    key("levels", Levels, "Exactly the levels that it hears; instead of `level`."),
    key("filters", Filters, "What events have to pass, in this order."),
];

const HANDLERS: &[(&str, &[Key])] = &[
    ("file", FILE),
    ("console", CONSOLE),
    ("null", &[]),
    ("email", EMAIL),
    ("slack", SLACK),
    ("telegram", TELEGRAM),
    ("sms", SMS),
    ("sentry", SENTRY),
];

const CONSOLE: &[Key] = &[
    key("stream", Choice(&["stderr", "stdout"]), "Where it writes. Default: stderr."),
    key("formatter", Formatter, "How records look. Default: several lines in debug mode, one otherwise."),
    key("color", Bool, "Whether it is coloured. Default: on a terminal."),
    key("zone", Text, "`utc`, `local`, or a name such as `Europe/Vienna`. Default: utc."),
];

const FILE: &[Key] = &[
    required("path", File, "The file."),
    key("formatter", Formatter, "How lines look: a formatter's name. Default: `text`."),
    key("rotate", Table(ROTATE), "When a new file is begun, and how many are kept. Default: never."),
    key("compress", Choice(&["gzip"]), "How rotated files are compressed. Default: not."),
    key("mode", Text, "The permissions of new files, such as `0640`."),
    key("link", Text, "A symbolic link to the active file, in the same folder."),
    key("zone", Text, "`utc`, `local`, or a name such as `Europe/Vienna`. Default: utc."),
    key("reopen_on_hangup", Bool, "Whether SIGHUP opens the file anew. Default: false."),
    key("flush_every", Duration, "How long a line may wait in the program. Default 100ms."),
    key("flush_on", Level, "From which level on a line is written at once. Default: error."),
    key(
        "durability",
        Choice(&["buffered", "each_line", "sync_on_error"]),
        "When lines leave the program. Default: buffered.",
    ),
    key("sync_every", Duration, "How often the file is made durable on the disk."),
    key("buffer", Size, "How many bytes may wait. Default 1 MiB."),
    key("threadless", Bool, "Whether lines are written by the calls that emit events. Default: false."),
    key("stacks_from", Level, "From which level on the call stack is written. Default: none."),
];

const ROTATE: &[Key] = &[
    key(
        "every",
        Choice(&[
            "minute",
            "hour",
            "day",
            "week",
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
        ]),
        "How often a new file is begun.",
    ),
    key("at", Clock, "When a day or week begins. Default 00:00."),
    key("size", Size, "How large a file may become."),
    key("at_start", Bool, "Whether a new file is begun when the program starts. Default: false."),
    key("keep", Integer(1, 1_000_000), "How many rotated files are kept. Default: all."),
    key("keep_for", Duration, "How long rotated files are kept."),
    key("keep_size", Size, "How large all rotated files together may become."),
];

/// What every alert channel has.
macro_rules! channel {
    ($($key:expr),* $(,)?) => { &[
        $($key,)*
        key("timeout", Duration, "How long one attempt may take."),
        key("max_age", Duration, "How old an alert may become before it is no longer sent by itself."),
        key("failover", Table(FAILOVER), "Which channels speak when this one cannot."),
        key("digests", Durations, "After which times what was counted is told; the last repeats."),
        key("min_count", Table(MIN_COUNT), "How many alerts of one kind it takes."),
        key("first_from", Level, "From which level on the first alert of a kind is told at once. Default: by the type."),
        key("budget", Tables(RATE), "How many messages may go out."),
        key("quiet_hours", Text, "When only what is critical is said, such as `22:00-07:00`."),
        key("quiet_zone", Text, "The time zone of `quiet_hours`. Default: the machine's."),
        key("ca_file", File, "A PEM file with authorities to trust beside the system's."),
    ] };
}

const FAILOVER: &[Key] = &[
    required("after", Duration, "How long this channel may try."),
    required("to", Handlers, "The handlers that speak instead."),
];

const MIN_COUNT: &[Key] = &[
    required("count", Integer(1, 1_000_000), "How many alerts."),
    required("within", Duration, "In how long."),
];

const RATE: &[Key] = &[
    required("most", Integer(1, 1_000_000), "How many messages."),
    required("per", Duration, "In how long."),
];

const EMAIL: &[Key] = channel![
    required("to", Texts, "The admins: `ada@example.com` or `Ada <ada@example.com>`."),
    required("from", Text, "The sender."),
    required(
        "server",
        Secret,
        "`smtps://user:password@host:465`, `smtp://…` with STARTTLS, or `smtp+plain://…`."
    ),
    key("user", Text, "The name to log in with, if it is not in the URL."),
    key("password", Secret, "The password, if it is not in the URL."),
    key("subject_prefix", Text, "What stands at the start of each subject."),
    key("reply_to", Text, "Where answers go."),
    key("html", Bool, "Whether mails have an HTML part. Default: true."),
    key("thread", Bool, "Whether the mails of one group form a thread. Default: true."),
    key("hello_name", Text, "The name that the program greets the server with."),
    key("step_timeout", Duration, "How long the server may take for one step. Default 10s."),
];

const SLACK: &[Key] = channel![
    key("webhook", Secret, "The address of an incoming webhook. This, or `token` and `channels`."),
    key("token", Secret, "A bot's token."),
    key("channels", Texts, "The channels that the bot posts into: ids or names."),
    key("mention", Texts, "Who is mentioned in first alerts: `@here`, `@channel`, or ids."),
    key("username", Text, "The name that the message is from."),
    key("icon_emoji", Text, "The picture beside the message, such as `:fire:`."),
    key("api_url", Text, "Where the Web API lives."),
];

const TELEGRAM: &[Key] = channel![
    required("token", Secret, "A bot's token."),
    required("chats", Texts, "Chats, `@names`, or topics as `-1001234567890/42`."),
    key("silent", Bool, "Whether messages come without sound. Default: false."),
    key("api_url", Text, "The API server."),
];

const SMS: &[Key] = channel![
    required("to", Texts, "The numbers, in the international form: `+436601234567`."),
    key("twilio", Table(TWILIO), "An account for all numbers but those of India."),
    key("exotel", Table(EXOTEL), "An account for the numbers of India."),
    key("max_segments", Integer(1, 10), "How many segments one alert may take; each is paid. Default 1."),
];

const TWILIO: &[Key] = &[
    required("account_sid", Text, "The account's SID, `AC…`."),
    key("key_sid", Text, "The SID of an API key, `SK…`. Default: the account's own."),
    required("auth_token", Secret, "The account's auth token, or the API key's secret."),
    key("from", Text, "The sender: a number, or a name. This, or `messaging_service`."),
    key("messaging_service", Text, "The SID of a messaging service, `MG…`."),
    key("base_url", Text, "Where the API lives."),
];

const EXOTEL: &[Key] = &[
    required("account_sid", Text, "The account's SID."),
    key("key", Secret, "The API key. Default: the account's SID."),
    required("token", Secret, "The API key's token."),
    required("from", Text, "The registered header, or an ExoPhone."),
    key("dlt_entity_id", Text, "The registered id of the entity (DLT). India needs it."),
    key("dlt_template_id", Text, "The registered id of the template (DLT)."),
    key("template", Text, "The text of the template, exactly as it is registered."),
    key("host", Text, "Where the account lives. Default: api.exotel.com."),
    key("base_url", Text, "Where the API lives."),
];

const SENTRY: &[Key] = channel![
    required("dsn", Secret, "The project's DSN: `https://<key>@<host>/<project>`."),
    key("tag_fields", Texts, "The fields that become tags."),
];

const FILTER: &[Key] = &[required("type", Text, "What it looks at.")];

const FILTERS: &[(&str, &[Key])] = &[
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
    ("ignore", &[required("targets", Texts, "The targets whose events are kept back.")]),
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
            key("present", Bool, "Whether it has to be there."),
        ],
    ),
    ("sample", &[required("every", Integer(1, i64::MAX), "Of how many events the first passes.")]),
    ("all", &[required("filters", Filters, "All of these have to let it pass.")]),
    ("any", &[required("filters", Filters, "One of these has to let it pass.")]),
    ("not", &[required("filter", Filter, "This must not let it pass.")]),
    (
        "rewrite",
        &[
            required("level", Level, "The level that events get, for every handler after this."),
            key("when", Filter, "Only events that pass this. Default: all."),
            key("from", Levels, "Only events of exactly these levels. Default: all."),
        ],
    ),
];

const FORMATTER: &[Key] = &[key("type", Text, "What it writes. Default: `template`, where `format` is set.")];

const FORMATTERS: &[(&str, &[Key])] = &[
    ("text", &[key("color", Bool, "Whether it is coloured. Default: false.")]),
    ("pretty", &[key("color", Bool, "Whether it is coloured. Default: false.")]),
    ("logfmt", &[]),
    (
        "json",
        &[
            key("nested", Bool, "Whether fields stand in an object of their own. Default: false."),
            key("source", Bool, "Whether file and line are written. Default: false."),
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
