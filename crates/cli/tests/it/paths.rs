//! The law that no secret leaves, as one table: each way in, with each kind of secret, against each way out.
//!
//! A new way out joins [`OutputPath`]. The test fails for a handler type of the schema, and for a command of the program,
//! that no path covers. One `match` without a wildcard collects what each path writes.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    reason = "the program under test panics, prints for its parent, and is found by its environment"
)]

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use watchfire_config::{Config, Handle};
use watchfire_core::{Alert, App, Severity};
use watchfire_inbox::{Demo, Fault, Inbox, Provider};

use crate::{channels, watchfire};

/// Makes an enum, and the list of all that is in it.
macro_rules! listed {
    ($(#[$doc:meta])* $name:ident { $($item:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        enum $name { $($item),+ }
        impl $name {
            const ALL: &[Self] = &[$(Self::$item),+];
        }
    };
}

listed! {
    /// A way in: a part of what a program or an operator says.
    Entry {
        Message, Field, DebugField, SpanField, SpanLater, ParentSpan, ErrorChain, LogRecord, LogTarget, ThreadName,
        Panic, MainError, ManualAlert, CommandLine,
    }
}

listed! {
    /// A kind of secret.
    SecretKind { Name, VendorToken, UrlPassword, TupleStruct, CardNumber, CookieHeader, OwnCredential, AddedName, AddedPattern }
}

listed! {
    /// A way out.
    OutputPath {
        FileText, FileJson, FileLogfmt, FilePretty, FileTemplate, Console, Email, SlackWebhook, SlackBot, Telegram, Sms,
        Sentry, InboxPage, Spool, SelfLog, Health, Stats, Metrics, ReloadError, SpoolCommand, SendCommand, Excerpt,
    }
}

/// A credential of the configuration.
const OWN: &str = "hunter2-planted-own-4711";

impl SecretKind {
    /// A text with a secret that is unlike all others, and the secret.
    fn planted(self, entry: Entry) -> (String, String) {
        let id = format!("{}q{}", entry as usize + 10, self as usize + 10);
        let secret = match self {
            Self::VendorToken => format!("xoxb-123456789012-planted{id}abcdefgh"),
            Self::CardNumber => card_number(entry as u64),
            Self::OwnCredential => OWN.to_owned(),
            Self::AddedPattern => format!("AC-{:06}", 100_000 + entry as usize),
            _ => format!("planted{id}pw"),
        };
        let text = match self {
            Self::Name => format!("password={secret}"),
            Self::UrlPassword => format!("postgres://shop:{secret}@db.example.com/shop"),
            Self::TupleStruct => format!("Password(\"{secret}\")"),
            Self::CookieHeader => format!("Cookie: theme=dark; sid={secret}"),
            Self::AddedName => format!("seat_code={secret}"),
            Self::VendorToken | Self::CardNumber | Self::OwnCredential | Self::AddedPattern => secret.clone(),
        };
        (text, secret)
    }
}

/// A number that a card may have, by its issuer's prefix and its check digit.
fn card_number(number: u64) -> String {
    let body = format!("453201{:09}", 150_000_000 + number);
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0') * if place % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

impl Entry {
    /// A word that stays.
    fn marker(self) -> String {
        format!("marker{:?}", self)
    }

    /// The marker and a secret of each kind. The header comes last: its value is its line.
    fn text(self) -> String {
        let mut kinds = SecretKind::ALL.to_vec();
        kinds.sort_by_key(|kind| *kind == SecretKind::CookieHeader);
        let texts: Vec<String> = kinds.iter().map(|kind| kind.planted(self).0).collect();
        format!("{} {}", self.marker(), texts.join(" "))
    }
}

#[derive(Debug)]
struct Failure(&'static str, String, Option<Box<Failure>>);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.0, self.1)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.2.as_deref().map(|cause| cause as _)
    }
}

/// Says everything in the ways that a program has.
fn say(handle: &Handle) {
    for entry in Entry::ALL {
        let text = entry.text();
        match entry {
            Entry::Message => tracing::error!("{text}"),
            Entry::Field => tracing::error!(
                note = text,
                password = "planted7field",
                card = 4_532_015_112_830_366_u64,
                salary = 7311.25,
                "a field"
            ),
            Entry::DebugField => {
                tracing::error!(note = ?[text], token = ?Some("planted7debug"), "a debug field")
            }
            Entry::SpanField => {
                tracing::error_span!("order", note = text, password = "planted7span")
                    .in_scope(|| tracing::error!("in a span"));
            }
            Entry::SpanLater => {
                let span = tracing::error_span!(
                    "order",
                    note = tracing::field::Empty,
                    secret = tracing::field::Empty
                );
                span.record("note", text);
                span.record("secret", "planted7later");
                span.in_scope(|| tracing::error!("in a span with fields recorded later"));
            }
            Entry::ParentSpan => tracing::error_span!("outer", note = text).in_scope(|| {
                tracing::error_span!("inner").in_scope(|| tracing::error!("in two spans"));
            }),
            Entry::ErrorChain => {
                let cause = Failure("cause", text.clone(), None);
                let error = Failure("outer", text, Some(Box::new(cause)));
                tracing::error!(error = &error as &(dyn std::error::Error + 'static), "an error");
            }
            Entry::LogRecord => log::error!("{text}"),
            Entry::LogTarget => log::error!(target: &text, "a record of another target"),
            Entry::ThreadName => {
                let thread = std::thread::Builder::new().name(text.replace('\0', ""));
                thread.spawn(|| tracing::error!("on a thread with a name")).unwrap().join().unwrap();
            }
            Entry::Panic => {
                let panicked = std::thread::spawn(move || std::panic::panic_any(text)).join();
                assert!(panicked.is_err());
            }
            Entry::MainError => watchfire_core::report_failure(&Failure("main", text, None)),
            Entry::ManualAlert => handle.alert(
                Alert::new(App::new("shop"), Severity::Critical, text.clone())
                    .target(text.clone())
                    .thread(text.clone())
                    .field("password", "planted7alert")
                    .field("note", text),
            ),
            // Said by the parent.
            Entry::CommandLine => {}
        }
    }
}

/// Secrets that stand under a name of a field.
const FIELDS: [&str; 7] = [
    "planted7field",
    "4532015112830366",
    "7311.25",
    "planted7debug",
    "planted7span",
    "planted7later",
    "planted7alert",
];

const CHILD: &str = "TEST_PATHS_CHILD";
const PATIENCE: Duration = Duration::from_secs(25);

/// The program under test. Its stdout has what the console says, and then what it learns of itself.
fn program(config: &Path) {
    let kept = KeptMetrics::default();
    metrics::set_global_recorder(kept.clone()).unwrap();
    // The standard hook writes the panic as it is: that is the program's own doing.
    std::panic::set_hook(Box::new(|_| {}));
    let handle = Config::read(config).unwrap().init().unwrap();
    say(&handle);
    let _flushed = handle.flush(PATIENCE);
    println!("=== health\n{:?}", handle.health());
    println!("=== stats\n{:?}", handle.stats());
    println!("=== metrics\n{:?}", kept.0.lock().unwrap());
    println!("=== reload");
    for (_, broken) in broken_files() {
        if let Err(error) = Config::parse(&broken).and_then(|config| handle.reload_with(config)) {
            println!("{error}\n{error:?}");
        }
        fs::write(config, &broken).unwrap();
        if let Err(error) = handle.reload() {
            println!("{error}\n{error:#?}");
        }
    }
    println!("=== end");
}

#[derive(Clone, Default)]
struct KeptMetrics(Arc<Mutex<BTreeMap<String, String>>>);

impl KeptMetrics {
    fn keep(&self, text: String) {
        self.0.lock().unwrap().insert(text, String::new());
    }
}

impl Recorder for KeptMetrics {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.keep(format!("{name:?} {text}"));
    }
    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.keep(format!("{name:?} {text}"));
    }
    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.keep(format!("{name:?} {text}"));
    }
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.keep(key.to_string());
        Counter::noop()
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.keep(key.to_string());
        Gauge::noop()
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.keep(key.to_string());
        Histogram::noop()
    }
}

/// Configurations with a secret of each kind in a wrong place.
fn broken_files() -> Vec<(SecretKind, String)> {
    let kinds = SecretKind::ALL.iter().filter(|kind| **kind != SecretKind::OwnCredential);
    let files = kinds.flat_map(|kind| {
        let (text, _) = kind.planted(Entry::CommandLine);
        [
            format!("[handlers.m]\ntype = \"slack\"\ntokn = {text:?}\n[root]\nhandlers = [\"m\"]\n"),
            format!("[handlers.m]\ntype = \"email\"\nto = {text:?}\nfrom = {text:?}\nserver = {text:?}\n[root]\nhandlers = [\"m\"]\n"),
            format!("[redaction]\npatterns = [{:?}]\n[root]\nlevel = {text:?}\nhandlers = []\n", format!("({text}")),
            format!("[handlers.m]\ntype = \"slack\"\ntoken = {text}\n"),
        ]
        .map(|file| (*kind, file))
    });
    files.collect()
}

/// The files that the program and its operators have left.
struct World {
    folder: PathBuf,
    config: PathBuf,
    inbox: Inbox,
    stdout: String,
    stderr: String,
}

fn configuration(folder: &Path, inbox: &Inbox) -> String {
    let mut text = String::new();
    for (format, formatter) in
        [("text", "text"), ("json", "json"), ("logfmt", "logfmt"), ("pretty", "pretty"), ("template", "line")]
    {
        let path = folder.join(format!("{format}.log"));
        text += &format!(
            "[handlers.file-{format}]\ntype = \"file\"\npath = {path:?}\nformatter = \"{formatter}\"\n"
        );
    }
    text += &channels(folder, inbox, Demo::TELEGRAM_TOKEN);
    text += &format!(
        r#"
[app]
name = "shop"
[outbox]
spool = {spool:?}
drop_deadline = "1s"
exit_deadline = "1s"
[redaction]
names = ["seat code", "salary"]
patterns = ['AC-\d{{6}}']
[formatters.line]
format = "%(levelname)s %(threadName)s %(name)s %(message)s"
[handlers.console]
type = "console"
stream = "stdout"
[handlers.held]
type = "email"
to = ["eve@example.com"]
from = "errors@example.com"
server = "smtps://mail.example.com"
user = "ops"
password = {OWN:?}
[root]
level = "info"
handlers = ["file-text", "file-json", "file-logfmt", "file-pretty", "file-template", "console", "admins", "ops", "bot", "telegram", "sms", "sentry"]
"#,
        spool = folder.join("spool"),
    );
    text
}

impl World {
    fn new(folder: &Path, test: &str) -> Self {
        let inbox = Inbox::start().unwrap();
        // Messages of this channel stay in the spool, and the self-log and the health speak of it.
        inbox.fail(Provider::SlackApi, Fault::BadCredentials.always()).unwrap();
        let text = configuration(folder, &inbox);
        let (config, running) = (folder.join("watchfire.toml"), folder.join("running.toml"));
        fs::write(&config, &text).unwrap();
        fs::write(&running, text).unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(CHILD, &running)
            .env_remove("RUST_LOG")
            .output()
            .unwrap();
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success() && stdout.contains("=== end"), "{stdout}\n{stderr}");
        Self { folder: folder.to_owned(), config, inbox, stdout, stderr }
    }

    /// A part of what the program printed: up to the next heading.
    fn printed(&self, heading: &str) -> String {
        let after = self.stdout.split_once(heading).map_or("", |(_, after)| after);
        after.split("\n=== ").next().unwrap_or_default().to_owned()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap()
    }

    fn received(&self, provider: Provider) -> String {
        let all = self.inbox.received(provider);
        all.iter().map(|one| format!("{one:?} {}\n", String::from_utf8_lossy(&one.raw))).collect()
    }

    fn page(&self) -> String {
        let mut all = String::new();
        let mut paths = vec!["/".to_owned(), "/messages.json".to_owned()];
        for one in self.inbox.all() {
            paths.extend(["", ".raw", ".html"].map(|kind| format!("/messages/{}{kind}", one.number)));
        }
        for path in paths {
            let mut stream = TcpStream::connect(self.inbox.http_addr()).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            all += &String::from_utf8_lossy(&bytes);
        }
        all
    }

    fn command(&self, arguments: &[&str]) -> String {
        let output = watchfire(arguments);
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
    }

    /// Returns the output of this path.
    fn shown(&self, path: OutputPath) -> String {
        let spool = self.folder.join("spool");
        let spool_arg = spool.to_str().unwrap();
        match path {
            OutputPath::FileText => self.file("text.log"),
            OutputPath::FileJson => self.file("json.log"),
            OutputPath::FileLogfmt => self.file("logfmt.log"),
            OutputPath::FilePretty => self.file("pretty.log"),
            OutputPath::FileTemplate => self.file("template.log"),
            OutputPath::Console => self.stdout.split("=== health").next().unwrap_or_default().to_owned(),
            OutputPath::Email => self.received(Provider::Smtp),
            OutputPath::SlackWebhook => self.received(Provider::SlackWebhook),
            OutputPath::SlackBot => self.received(Provider::SlackApi),
            OutputPath::Telegram => self.received(Provider::Telegram),
            OutputPath::Sms => self.received(Provider::Twilio),
            OutputPath::Sentry => self.received(Provider::Sentry),
            OutputPath::InboxPage => self.page(),
            OutputPath::Spool => content(&spool),
            OutputPath::SelfLog => self.stderr.clone(),
            OutputPath::Health => self.printed("=== health"),
            OutputPath::Stats => self.printed("=== stats"),
            OutputPath::Metrics => self.printed("=== metrics"),
            OutputPath::ReloadError => self.printed("=== reload"),
            OutputPath::SpoolCommand => {
                let list = self.command(&["spool", "ls", "--json", "--folder", spool_arg]);
                let ids: Vec<String> = list
                    .split("\"id\":")
                    .skip(1)
                    .filter_map(|part| Some(part.split('"').nth(1)?.to_owned()))
                    .collect();
                let shown = ids.iter().map(|id| self.command(&["spool", "show", id, "--folder", spool_arg]));
                let shown: String = shown.collect();
                list + &shown + &self.command(&["spool", "ls", "--folder", spool_arg])
            }
            OutputPath::SendCommand => self.sent(),
            OutputPath::Excerpt => self.excerpts(),
        }
    }

    /// An alert of the command line: of its arguments, and of its input.
    fn sent(&self) -> String {
        let (text, config) = (Entry::CommandLine.text(), self.config.to_str().unwrap());
        let field = format!("note={text}");
        let mut all = self.command(&[
            "send",
            "--dry-run",
            "--message",
            &text,
            "--field",
            &field,
            "--field",
            "password=planted7alert",
            "--target",
            &text,
            config,
        ]);
        all += &self.command(&[
            "send",
            "--within",
            "20s",
            "--handler",
            "ops",
            "--message",
            &text,
            "--field",
            &field,
            config,
        ]);
        let mut child = Command::new(env!("CARGO_BIN_EXE_watchfire"))
            .args(["send", "--dry-run", "--message", "-", config])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        all += &String::from_utf8_lossy(&output.stdout);
        all + &String::from_utf8_lossy(&output.stderr)
    }

    fn excerpts(&self) -> String {
        let path = self.folder.join("broken.toml");
        let mut all = String::new();
        for (_, file) in broken_files() {
            fs::write(&path, file).unwrap();
            for command in [
                "check --no-lock",
                "verify --within 1s",
                "explain --target shop --level error",
                "send --dry-run --message x",
                "init",
            ] {
                let words: Vec<&str> = command.split(' ').chain([path.to_str().unwrap()]).collect();
                all += &self.command(&words);
            }
        }
        all
    }
}

/// Returns the content of all files below a folder.
fn content(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all += &match path.is_dir() {
            true => content(&path),
            false => String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
        };
    }
    all
}

impl OutputPath {
    /// The paths of a type of handler.
    fn of_handler(kind: &str) -> &'static [Self] {
        match kind {
            "file" => {
                &[Self::FileText, Self::FileJson, Self::FileLogfmt, Self::FilePretty, Self::FileTemplate]
            }
            "console" => &[Self::Console],
            "email" => &[Self::Email],
            "slack" => &[Self::SlackWebhook, Self::SlackBot],
            "telegram" => &[Self::Telegram],
            "sms" => &[Self::Sms],
            "sentry" => &[Self::Sentry],
            _ => &[],
        }
    }

    /// The path that a command's output stands for.
    fn of_command(command: &str) -> Option<Self> {
        Some(match command {
            "check" | "explain" | "verify" | "init" => Self::Excerpt,
            "send" => Self::SendCommand,
            "spool" | "silence" => Self::SpoolCommand,
            "inbox" | "demo" => Self::InboxPage,
            _ => return None,
        })
    }

    /// What has to be there, so that an empty output is not taken for a clean one.
    fn expected(self) -> Vec<String> {
        let all = |but: &[Entry]| {
            Entry::ALL.iter().filter(|one| !but.contains(one)).map(|one| one.marker()).collect()
        };
        match self {
            Self::FileText | Self::FileJson | Self::FileLogfmt | Self::FilePretty | Self::Console => {
                // A file has no thread of another alert, and no alert that is not an event.
                all(&[Entry::ManualAlert, Entry::CommandLine, Entry::ThreadName])
            }
            Self::FileTemplate => vec![Entry::Message.marker(), Entry::ThreadName.marker()],
            Self::Email | Self::SlackWebhook | Self::Telegram | Self::Sms | Self::Sentry | Self::SlackBot => {
                vec!["marker".to_owned()]
            }
            Self::InboxPage | Self::Spool | Self::SpoolCommand => vec!["marker".to_owned()],
            Self::SelfLog => vec!["watchfire: ".to_owned(), "bot".to_owned()],
            Self::Health | Self::Stats | Self::Metrics => vec!["bot".to_owned()],
            Self::ReloadError | Self::Excerpt => {
                vec!["handlers.m".to_owned(), "redaction.patterns".to_owned()]
            }
            Self::SendCommand => vec![Entry::CommandLine.marker()],
        }
    }
}

const TEST: &str = "paths::no_path_out_shows_a_planted_value";

#[test]
fn no_path_out_shows_a_planted_value() {
    if let Some(config) = std::env::var_os(CHILD) {
        return program(Path::new(&config));
    }
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path(), TEST);
    let mut planted: Vec<(String, String)> =
        FIELDS.iter().map(|one| ("a field".to_owned(), (*one).to_owned())).collect();
    for entry in Entry::ALL {
        for kind in SecretKind::ALL {
            planted.push((format!("{entry:?} {kind:?}"), kind.planted(*entry).1));
        }
    }
    let mut wrong = Vec::new();
    for path in OutputPath::ALL {
        let shown = world.shown(*path);
        for expected in path.expected() {
            if !shown.contains(&expected) {
                wrong.push(format!("{path:?} lacks {expected}:\n{}", shown.get(..2_000).unwrap_or(&shown)));
            }
        }
        for (what, secret) in &planted {
            if let Some(place) = shown.find(secret) {
                let start = shown.floor_char_boundary(place.saturating_sub(60));
                let end = shown.ceil_char_boundary(place + 60);
                wrong.push(format!("{path:?} shows {what}: {}", shown.get(start..end).unwrap_or_default()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        OutputPath::ALL.len() * planted.len(),
        wrong.join("\n")
    );
}

#[test]
fn each_handler_and_each_command_is_a_path() {
    let schema: serde_json::Value = serde_json::from_str(&watchfire_config::schema()).unwrap();
    let variants = schema["properties"]["handlers"]["additionalProperties"]["anyOf"].as_array().unwrap();
    let types: Vec<&str> =
        variants.iter().filter_map(|one| one["properties"]["type"]["const"].as_str()).collect();
    assert!(types.len() >= 8, "{types:?}");
    for kind in types {
        let is_path = !OutputPath::of_handler(kind).is_empty();
        assert!(is_path || kind == "null", "handlers of type {kind} join `OutputPath`");
    }
    let help = watchfire(&["--help"]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() >= 11, "{commands:?}");
    for command in commands {
        // These print what is built in.
        let is_constant = ["schema", "completions", "help"].contains(&command);
        assert!(is_constant || OutputPath::of_command(command).is_some(), "`{command}` joins `OutputPath`");
    }
}
