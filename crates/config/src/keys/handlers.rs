//! The keys of each type of handler.

use super::{
    KeySpec,
    ValueKind::{
        Bool, Choice, Clock, Duration, Durations, File, Filters, Formatter, Handlers, Integer, Level,
        LevelOrDirectives, Levels, Pause, Rates, RotationCallback, Secret, Size, Table, Text, Texts,
    },
    key, required,
};

pub(super) const HANDLER: &[KeySpec] = &[
    required("type", Text, "What it is."),
    key(
        "level",
        LevelOrDirectives,
        "From which level on it hears events. Default: `error` where people are alerted, else everything that the loggers let through.",
    ),
    key("levels", Levels, "Exactly the levels that it hears; instead of `level`."),
    key("filters", Filters, "What events have to pass, in this order."),
    key(
        "redaction",
        Choice(&["usual", "strict", "off"]),
        "How it masks secrets: `strict` also masks what only might be one, `off` masks credentials of this file alone. Default: usual.",
    ),
];

pub(super) const HANDLERS: &[(&str, &[KeySpec])] = &[
    ("file", FILE),
    ("console", CONSOLE),
    ("null", &[]),
    ("email", EMAIL),
    ("slack", SLACK),
    ("telegram", TELEGRAM),
    ("sms", SMS),
    ("sentry", SENTRY),
];

const CONSOLE: &[KeySpec] = &[
    key("stream", Choice(&["stderr", "stdout"]), "Where it writes. Default: stderr."),
    key("formatter", Formatter, "How records look. Default: several lines in debug mode, one otherwise."),
    key("color", Bool, "Whether it is coloured. Default: on a terminal."),
    key("block_at_most", Duration, "How long a caller waits at most for a slow reader. Default 50 ms."),
    key("zone", Text, "`utc`, `local`, or a name such as `Europe/Vienna`. Default: utc."),
];

const FILE: &[KeySpec] = &[
    required("path", File, "The file, or one per value of a field: `tenants/{tenant}.log`."),
    key("formatter", Formatter, "How lines look: a formatter's name. Default: `text`."),
    key("rotate", Table(ROTATE), "When a new file is begun, and how many are kept. Default: never."),
    key(
        "on_rotation",
        RotationCallback,
        "A callback of the program that gets the path of each rotated file.",
    ),
    key(
        "open_files",
        Integer(1, 10_000),
        "How many files are open at a time where the path has a field. Default 32.",
    ),
    key(
        "close_idle_after",
        Duration,
        "After which time without a line a file is closed where the path has a field. Default 5 min.",
    ),
    key(
        "max_text",
        Size,
        "How many bytes the message and the fields of one event may have, each and together. Default 1 MiB.",
    ),
    key("compress", Choice(&["gzip"]), "How rotated files are compressed. Default: not."),
    key("mode", Text, "The permissions of new files, such as `0640`."),
    key("link", Text, "A symbolic link to the active file, in the same folder."),
    key("zone", Text, "`utc`, `local`, or a name such as `Europe/Vienna`. Default: utc."),
    key("reopen_on_hangup", Bool, "Whether SIGHUP opens the file anew. Default: false."),
    key("flush_every", Pause, "How long a line may wait in the program. Default 100ms."),
    key("flush_on", Level, "From which level on a line is written at once. Default: error."),
    key(
        "durability",
        Choice(&["buffered", "each_line", "sync_on_error"]),
        "When lines leave the program. Default: buffered.",
    ),
    key("sync_every", Duration, "How often the file is made durable on the disk."),
    key("buffer", Size, "How many bytes may wait. Default 1 MiB."),
    key(
        "when_full",
        Choice(&["block", "drop"]),
        "What a caller does that finds the buffer full: it waits for at most `block_at_most`, or its line is dropped. Default: block.",
    ),
    key("block_at_most", Duration, "How long a caller waits at most for room in the buffer. Default 2s."),
    key("threadless", Bool, "Whether lines are written by the calls that emit events. Default: false."),
    key("stacks_from", Level, "From which level on the call stack is written. Default: none."),
];

const ROTATE: &[KeySpec] = &[
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
    key(
        "name",
        Text,
        "The names of rotated files, such as `shop.{date}.log`; `{number}` without `every`. Default: `shop.log.{date}`.",
    ),
    key("at_start", Bool, "Whether a new file is begun when the program starts. Default: false."),
    key("keep", Integer(1, 1_000_000), "How many rotated files are kept. Default: all."),
    key("keep_for", Duration, "How long rotated files are kept."),
    key("keep_size", Size, "How large all rotated files together may become."),
];

/// The keys of every alert channel.
macro_rules! channel {
    ($($key:expr),* $(,)?) => { &[
        $($key,)*
        key("timeout", Duration, "How long one attempt may take."),
        key("max_age", Duration, "How old an alert may become before it is no longer sent by itself."),
        key("failover", Table(FAILOVER), "Which channels speak when this one cannot."),
        key("digests", Durations, "After which times what was counted is told; the last repeats."),
        key("min_count", Table(MIN_COUNT), "How many alerts of one kind it takes."),
        key("first_from", Level, "From which level on the first alert of a kind is told at once. Default: by the type."),
        key("budget", Rates(RATE), "How many messages may go out, such as `30/h burst 10`."),
        key("quiet_hours", Text, "When only what is critical is said, such as `22:00-07:00`."),
        key("quiet_zone", Text, "The time zone of `quiet_hours`. Default: the machine's."),
        key("ca_file", File, "A PEM file with authorities to trust beside the system's."),
    ] };
}

const FAILOVER: &[KeySpec] = &[
    required("after", Pause, "How long this channel may try."),
    required("to", Handlers, "The handlers that speak instead."),
];

const MIN_COUNT: &[KeySpec] = &[
    required("count", Integer(1, 1_000_000), "How many alerts."),
    required("within", Duration, "In how long."),
];

const RATE: &[KeySpec] = &[
    required("most", Integer(1, 1_000_000), "How many messages."),
    required("per", Duration, "In how long."),
    key("burst", Integer(1, 1_000_000), "How many of them at once. Default: a third."),
];

const EMAIL: &[KeySpec] = channel![
    required("to", Texts, "The admins: `ada@example.com` or `Ada <ada@example.com>`."),
    required("from", Text, "The sender."),
    required(
        "server",
        Secret,
        "`smtps://user:password@host:465`, `smtp://…` with STARTTLS, or `smtp+plain://…`."
    ),
    key("user", Text, "The name to log in with, if it is not in the URL."),
    key("password", Secret, "The password, if it is not in the URL."),
    key(
        "subject_prefix",
        Text,
        "What stands at the start of each subject. Default: the program in brackets."
    ),
    key("reply_to", Text, "Where answers go."),
    key("html", Bool, "Whether mails have an HTML part. Default: true."),
    key("thread", Bool, "Whether the mails of one group form a thread. Default: true."),
    key("hello_name", Text, "The name that the program greets the server with."),
    key("step_timeout", Duration, "How long the server may take for one step. Default 10s."),
];

const SLACK: &[KeySpec] = channel![
    key("webhook", Secret, "The address of an incoming webhook. This, or `token` and `channels`."),
    key("token", Secret, "A bot's token."),
    key("channels", Texts, "The channels that the bot posts into: ids or names."),
    key("mention", Texts, "Who is mentioned in first alerts: `@here`, `@channel`, or ids."),
    key("username", Text, "The name that the message is from."),
    key("icon_emoji", Text, "The picture beside the message, such as `:fire:`."),
    key("api_url", Text, "The address of the Web API. Default: `https://slack.com/api`."),
];

const TELEGRAM: &[KeySpec] = channel![
    required("token", Secret, "A bot's token."),
    required("chats", Texts, "Chats, `@names`, or topics as `-1001234567890/42`."),
    key("silent", Bool, "Whether messages come without sound. Default: false."),
    key("api_url", Text, "The address of the API server. Default: `https://api.telegram.org`."),
];

const SMS: &[KeySpec] = channel![
    required("to", Texts, "The numbers, in the international form: `+436601234567`."),
    key("twilio", Table(TWILIO), "An account for all numbers but those of India."),
    key("exotel", Table(EXOTEL), "An account for the numbers of India."),
    key("max_segments", Integer(1, 10), "How many segments one alert may take; each is paid. Default 1."),
];

const TWILIO: &[KeySpec] = &[
    required("account_sid", Text, "The account's SID, `AC…`."),
    key("key_sid", Text, "The SID of an API key, `SK…`. Default: the account's own."),
    required("auth_token", Secret, "The account's auth token, or the API key's secret."),
    key("from", Text, "The sender: a number, or a name. This, or `messaging_service`."),
    key("messaging_service", Text, "The SID of a messaging service, `MG…`."),
    key("api_url", Text, "The address of the API. Default: `https://api.twilio.com`."),
];

const EXOTEL: &[KeySpec] = &[
    required("account_sid", Text, "The account's SID."),
    key("key", Secret, "The API key. Default: the account's SID."),
    required("token", Secret, "The API key's token."),
    required("from", Text, "The registered header, or an ExoPhone."),
    key("dlt_entity_id", Text, "The registered id of the entity (DLT). India needs it."),
    key("dlt_template_id", Text, "The registered id of the template (DLT)."),
    key("template", Text, "The text of the template, exactly as it is registered."),
    key(
        "api_url",
        Text,
        "The address of the API. Default: `https://api.exotel.com`; for Mumbai `https://api.in.exotel.com`.",
    ),
];

const SENTRY: &[KeySpec] = channel![
    required("dsn", Secret, "The project's DSN: `https://<key>@<host>/<project>`."),
    key("tag_fields", Texts, "The fields that become tags."),
];
