//! Run the program once, end it, start it once more, and see what has arrived.

use std::{
    error::Error,
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use watchfire_inbox::{Inbox, Provider, Received};

/// How long anything here may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
const LAST_WORD: &str = "the last word";
const REPORT: &str = "the bank did not answer";
/// Reports of panics without that text.
const OTHERS: [&str; 2] = ["a value that is not a text", "the account is closed"];
/// In no message, line or output.
const SECRET: &str = "s3cr3t-Pa55w0rd";
const UNCLEAN: &str = "ended without an orderly exit";

/// A way of set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetUp {
    /// Layers and an outbox made in code.
    Code,
    /// A configuration file.
    File,
    /// Variables of the environment.
    Environment,
}

impl SetUp {
    /// All of them, in the order of the guide.
    pub const ALL: [Self; 3] = [Self::Code, Self::File, Self::Environment];

    /// Returns its name, as in the guide and for the program.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::File => "file",
            Self::Environment => "environment",
        }
    }
}

/// Where the program's own code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// On the main thread, without a runtime.
    Plain,
    /// In a multi-thread runtime of tokio.
    Tokio,
    /// In a child that was forked after the set-up.
    Forked,
}

impl Runtime {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tokio => "tokio",
            Self::Forked => "forked",
        }
    }
}

/// A kind of end.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// Its name in the guide.
    pub name: &'static str,
    /// Its word for the program.
    pub word: &'static str,
    /// The signal that ends the program.
    pub signal: Option<&'static str>,
    /// Whether `flush_on_termination` is called.
    pub is_flushed: bool,
    /// Whether events have a call stack.
    pub has_stacks: bool,
}

impl End {
    /// Names an end that the program brings about itself.
    #[must_use]
    pub const fn new(name: &'static str, word: &'static str) -> Self {
        Self { name, word, signal: None, is_flushed: false, has_stacks: false }
    }

    /// Names an end by a signal.
    #[must_use]
    pub const fn by_signal(name: &'static str, signal: &'static str) -> Self {
        Self { name, word: "wait", signal: Some(signal), is_flushed: false, has_stacks: false }
    }
}

/// The counts of what arrived: the last word, and the report of the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// How often the last word arrived.
    pub last_word: usize,
    /// How often the end was reported.
    pub report: usize,
}

/// An end as it was seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code or the signal.
    pub status: String,
    /// The lines in the log file.
    pub file: Arrived,
    /// The messages that reached Slack.
    pub slack: Arrived,
    /// The mails that reached the admins.
    pub mail: Arrived,
    /// The process that reported the end, and the kind that it named.
    pub reported: String,
    /// The first frame that Slack shows.
    pub frame: String,
    /// How long the program took from its last word, or the signal, to its end.
    pub took: Duration,
}

/// Ends the program in one way and starts it again, and returns what arrived.
///
/// # Errors
/// If the program cannot be run, or does not do what it is told.
pub fn run(program: &Path, set_up: SetUp, runtime: Runtime, end: &End) -> Result<Ended, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let inbox = Inbox::start()?;
    let command = |runtime: Runtime, word: &str| -> Result<Command, Box<dyn Error>> {
        let mut command = command(program, folder.path(), &inbox, end)?;
        command.args([set_up.name(), runtime.name(), word]);
        Ok(command)
    };
    let (status, took, said) = end_it(command(runtime, end.word)?, end)?;
    let reports = |provider| of(&inbox, provider, is_report).len();
    let at_the_end = reports(Provider::SlackWebhook) + reports(Provider::Smtp);

    start_again(command(Runtime::Plain, "stay")?, &folder.path().join("spool"))?;
    let slack = of(&inbox, Provider::SlackWebhook, is_report);
    let log = fs::read_to_string(folder.path().join("shop.log"))?;
    let messages = [Provider::SlackWebhook, Provider::Smtp].map(|provider| inbox.accepted(provider));
    let messages = messages.iter().flatten().map(Received::text);
    if messages.chain([log.clone(), said]).any(|text| text.contains(SECRET)) {
        return Err(format!("{}: a secret is shown", end.word).into());
    }
    let lines = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    Ok(Ended {
        status: status_text(status),
        file: Arrived { last_word: lines(LAST_WORD), report: lines(REPORT) },
        slack: arrived(&inbox, Provider::SlackWebhook),
        mail: arrived(&inbox, Provider::Smtp),
        reported: reported(
            &slack,
            runtime,
            at_the_end,
            reports(Provider::SlackWebhook) + reports(Provider::Smtp),
        ),
        frame: shown(&[(&slack, "Slack"), (&of(&inbox, Provider::Smtp, is_report), "mail")], &log),
        took,
    })
}

fn command(program: &Path, folder: &Path, inbox: &Inbox, end: &End) -> Result<Command, Box<dyn Error>> {
    let (config, authority) = (folder.join("watchfire.toml"), folder.join("ca.pem"));
    fs::write(&config, CONFIG)?;
    fs::write(&authority, inbox.ca_pem())?;
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("WATCHFIRE") || name.starts_with("RUST_") || name.ends_with("_PROXY") {
            command.env_remove(&*name);
        }
    }
    command
        .current_dir(folder)
        .env("WATCHFIRE_APP", "shop")
        .env("WATCHFIRE_CONFIG", config)
        .env("WATCHFIRE_SPOOL", folder.join("spool"))
        .env("WATCHFIRE_FILE", folder.join("shop.log"))
        .env("WATCHFIRE_FILE_ROTATE", "never")
        .env("WATCHFIRE_FILE_LEVEL", "info")
        .env("WATCHFIRE_SLACK_WEBHOOK", inbox.slack_webhook_url())
        .env("WATCHFIRE_EMAIL_TO", "ada@example.com")
        .env("WATCHFIRE_EMAIL_FROM", "shop@example.com")
        .env("WATCHFIRE_EMAIL_SERVER", inbox.smtp_url())
        .env("WATCHFIRE_EMAIL_CA_FILE", authority)
        // More than a loaded machine needs: the table is about what arrives.
        .env("WATCHFIRE_SYNC_WITHIN", "30s")
        .env("WATCHFIRE_DROP_DEADLINE", "30s")
        .env("WATCHFIRE_EXIT_DEADLINE", "30s")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if end.is_flushed {
        command.env("SHOP_FLUSHES_ON_TERMINATION", "1");
    }
    if end.has_stacks {
        command.env("WATCHFIRE_STACKS_FROM", "error");
    }
    Ok(command)
}

/// The file that says what the variables say to the environment form.
const CONFIG: &str = r#"
[app]
name = "shop"

[outbox]
spool = "${WATCHFIRE_SPOOL}"
sync_within = "30s"
drop_deadline = "30s"
exit_deadline = "30s"
stacks_from = "${WATCHFIRE_STACKS_FROM:-off}"

[handlers.file]
type = "file"
path = "${WATCHFIRE_FILE}"

[handlers.slack]
type = "slack"
webhook = "${WATCHFIRE_SLACK_WEBHOOK}"
level = "error"

[handlers.email]
type = "email"
to = ["${WATCHFIRE_EMAIL_TO}"]
from = "${WATCHFIRE_EMAIL_FROM}"
server = "${WATCHFIRE_EMAIL_SERVER}"
ca_file = "${WATCHFIRE_EMAIL_CA_FILE}"
level = "error"

[root]
level = "info"
handlers = ["file", "slack", "email"]
"#;

/// Ends the program; returns how it ended, how long that took, and what it wrote on stderr.
fn end_it(mut command: Command, end: &End) -> Result<(ExitStatus, Duration, String), Box<dyn Error>> {
    let mut child = command.spawn()?;
    let errors = drain(child.stderr.take());
    let mut out = BufReader::new(child.stdout.take().ok_or("stdout is not piped")?);
    let mut line = String::new();
    let (mut began, mut of_child) = (Instant::now(), None);
    while out.read_line(&mut line)? > 0 {
        if let Some(pid) = line.trim().strip_prefix("logged ") {
            began = Instant::now();
            if let Some(signal) = end.signal {
                Command::new("kill").args([&format!("-{signal}"), pid]).status()?;
            }
        }
        if let Some(status) = line.trim().strip_prefix("child ") {
            of_child = Some((status.parse::<i32>()?, began.elapsed()));
        }
        line.clear();
    }
    let status = child.wait()?;
    let took = began.elapsed();
    let said = errors.join().unwrap_or_default();
    if status.code() == Some(2) {
        return Err(said.into());
    }
    Ok(match of_child {
        Some((status, took)) => (std::os::unix::process::ExitStatusExt::from_raw(status), took, said),
        None => (status, took, said),
    })
}

/// Starts the program once more, lets it deliver what the spool has, and ends it in order.
fn start_again(mut command: Command, spool: &Path) -> Result<(), Box<dyn Error>> {
    let mut child = command.spawn()?;
    let errors = drain(child.stderr.take());
    let mut ready = String::new();
    BufReader::new(child.stdout.take().ok_or("stdout is not piped")?).read_line(&mut ready)?;
    let count = |name: &str| fs::read_dir(spool.join(name)).map_or(0, Iterator::count);
    // Its own mark is there since it is ready.
    let is_done = || count("new") + count("cur") == 0 && count("state/running") <= 1;
    let until = Instant::now() + PATIENCE;
    while !is_done() && Instant::now() < until && child.try_wait()?.is_none() {
        thread::park_timeout(Duration::from_millis(5));
    }
    let was_done = is_done();
    drop(child.stdin.take());
    let status = wait(&mut child)?;
    if !was_done || !status.success() {
        let said = errors.join().unwrap_or_default();
        return Err(format!(
            "the next start has not delivered what was left, and ended with {status}: {said}"
        )
        .into());
    }
    Ok(())
}

fn wait(child: &mut Child) -> Result<ExitStatus, Box<dyn Error>> {
    Ok(child.wait()?)
}

/// Reads a stream to its end on a thread, so that its writer never waits.
fn drain(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut stream) = stream {
            stream.read_to_string(&mut text).unwrap_or_default();
        }
        text
    })
}

fn is_last_word(text: &str) -> bool {
    text.contains(LAST_WORD)
}

fn is_report(text: &str) -> bool {
    [REPORT, UNCLEAN].into_iter().chain(OTHERS).any(|part| text.contains(part))
}

fn of(inbox: &Inbox, provider: Provider, is_wanted: fn(&str) -> bool) -> Vec<Received> {
    inbox.accepted(provider).into_iter().filter(|message| is_wanted(&message.text())).collect()
}

fn arrived(inbox: &Inbox, provider: Provider) -> Arrived {
    let count = |is_wanted| {
        let messages = of(inbox, provider, is_wanted);
        // A message that was under way at the end comes again, and says so.
        let again = messages.iter().filter(|message| message.text().contains("possible duplicate")).count();
        (messages.len() - again).max(messages.len().min(1))
    };
    Arrived { last_word: count(is_last_word), report: count(is_report) }
}

fn reported(messages: &[Received], runtime: Runtime, at_the_end: usize, in_all: usize) -> String {
    let Some(message) = messages.first() else { return "nobody".to_owned() };
    let by = match at_the_end {
        0 => "the next start",
        reports if reports == in_all && runtime == Runtime::Forked => "its parent",
        reports if reports == in_all => "itself",
        _ => "itself and the next start",
    };
    let text = message.text();
    let kinds = [(UNCLEAN, "no orderly exit"), ("main failed", "an error of `main`")];
    let kind = kinds.iter().find(|(part, _)| text.contains(part)).map_or("a panic", |(_, kind)| kind);
    format!("{by}: {kind}")
}

fn status_text(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(6)) => "SIGABRT".to_owned(),
        (None, Some(9)) => "SIGKILL".to_owned(),
        (None, Some(11)) => "SIGSEGV".to_owned(),
        (None, Some(15)) => "SIGTERM".to_owned(),
        (None, other) => format!("signal {other:?}"),
    }
}

/// Returns the first frame that the channels and the log file show; all of them if they differ.
fn shown(channels: &[(&[Received], &str)], log: &str) -> String {
    let of_channels = channels.iter().filter_map(|(messages, name)| {
        let text = messages.first()?.text();
        let is_heading = |line: &str| line.trim_matches('*').starts_with("Stack");
        let stack = text.lines().map(str::trim).skip_while(|line| !is_heading(line)).skip(1);
        let frame = first_frame(stack.filter(|line| !line.is_empty()).find(|line| !line.starts_with("```")));
        is_heading_in(&text, is_heading).then_some((frame, *name))
    });
    let below = log.lines().skip_while(|line| !line.contains(REPORT)).skip(1);
    let mut below = below.take_while(|line| line.starts_with(' ')).map(str::trim);
    // After the place of a panic.
    let of_file = below.find(|line| !line.starts_with("at ")).map(|line| (first_frame(Some(line)), "file"));
    let mut frames: Vec<(String, &str)> = Vec::new();
    for (frame, name) in of_channels.chain(of_file) {
        if frames.iter().all(|(known, _)| *known != frame) {
            frames.push((frame, name));
        }
    }
    match frames.as_slice() {
        [] => String::new(),
        [(frame, _)] => frame.clone(),
        several => {
            several.iter().map(|(frame, name)| format!("{name}: {frame}")).collect::<Vec<_>>().join("; ")
        }
    }
}

fn is_heading_in(text: &str, is_heading: impl Fn(&str) -> bool) -> bool {
    text.lines().any(|line| is_heading(line.trim()))
}

/// Returns a line of a stack without its line number, which each edit changes, and with a path from the workspace on.
fn first_frame(line: Option<&str>) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/").replace("tests/", "");
    let frame = line.unwrap_or_default().trim().replace(&root, "");
    if let Some((_number, rest)) = frame.split_once(" frames without names") {
        // How many depends on the C library too.
        return format!("… frames without names{rest}");
    }
    match frame.rsplit_once(':') {
        Some((rest, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest.to_owned(),
        _ => frame,
    }
}
