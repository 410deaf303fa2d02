//! A storm on each channel: the pictures of the guide are what the code sends.
//!
//! An hour is played with the time as an argument: one error that comes four times a second for twelve minutes, and
//! within it thirty-two others at once. Each message goes to the inbox by the sink itself, and is shown as a reader of
//! the inbox sees it. `WATCHFIRE_PICTURES=write` writes the pictures instead of comparing them;
//! `WATCHFIRE_PICTURES=<folder>` also saves the inbox's pages there.

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use watchfire::{
    App, Email, Sentry, Severity, Slack, Sms, Telegram, Twilio,
    handler::{Alert, AlertId, Field, SpanFacts},
    sink::{Occasion, OccasionKind, Outcome, Outlook, Receipt, Sink, format_timestamp},
};
use watchfire_inbox::{Demo, Inbox, Provider, Received, ViewPart};
use watchfire_outbox::sim::simulate_week;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// 2026-03-14 15:09:26 UTC.
fn begin() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_773_500_966)
}

#[test]
fn the_pictures_of_a_storm_are_what_each_channel_shows() {
    let error = Severity::Error;
    picture("slack-bot", Provider::SlackApi, error, |inbox| {
        Slack::bot(Demo::SLACK_TOKEN, Demo::SLACK_CHANNEL).api_url(inbox.slack_api_base()).build().unwrap()
    });
    picture("slack-webhook", Provider::SlackWebhook, error, |inbox| {
        Slack::webhook(inbox.slack_webhook_url()).build().unwrap()
    });
    picture("telegram", Provider::Telegram, error, |inbox| {
        Telegram::bot(Demo::TELEGRAM_TOKEN, Demo::TELEGRAM_CHAT)
            .api_url(inbox.telegram_base())
            .build()
            .unwrap()
    });
    picture("mail", Provider::Smtp, error, |inbox| {
        let server = format!("smtp+plain://localhost:{}", inbox.smtp_addr().port());
        Email::to(["ada@example.com"]).from("shop@example.com").server(server).build().unwrap()
    });
    // It wakes people for what is critical only.
    picture("sms", Provider::Twilio, Severity::Critical, |inbox| {
        let twilio = Twilio::new(Demo::TWILIO_ACCOUNT, Demo::TWILIO_TOKEN).from(Demo::TWILIO_FROM);
        Sms::to(["+436601234567"]).twilio(twilio.api_url(inbox.twilio_base())).build().unwrap()
    });
    picture("sentry", Provider::Sentry, error, |inbox| Sentry::dsn(inbox.sentry_dsn()).build().unwrap());
}

/// Plays the hour on one channel, and compares what its provider shows.
fn picture<S: Sink>(name: &str, provider: Provider, severity: Severity, sink: impl FnOnce(&Inbox) -> S) {
    let inbox = Inbox::builder().smtp_plaintext().smtp_anonymous().start().unwrap();
    let sink = sink(&inbox);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut told = Vec::new();
    let tell = |occasion: &Occasion<'_>| {
        let mut left = Vec::<Receipt>::new();
        for notification in sink.render(occasion) {
            match runtime.block_on(sink.deliver(&notification)) {
                Outcome::Delivered(receipt) => left.extend(receipt),
                outcome => panic!("{name}: {outcome:?}"),
            }
            let title = match occasion.forecast() {
                Some(Outlook::Over) => format!("it is over: {}", occasion.title()),
                _ => occasion.title(),
            };
            told.push((time(occasion.now()), occasion.kind(), title));
        }
        left
    };
    simulate_week(sink.kind(), &sink.policy(), hour(severity), begin() + 60 * MINUTE, tell);
    let messages = inbox.accepted(provider);
    assert_eq!(messages.len(), told.len(), "{name}");
    let edits = messages.iter().filter(|message| message.edits.is_some()).count();
    let count = format!("{} messages, {edits} edits", messages.len() - edits);
    let picture = format!("{count}\n\n{}", draw(&messages, &told));
    let guide = root().join("docs/guide/noise.md");
    let row = format!("| {count} | [text](images/storm-{name}.txt)");
    assert!(fs::read_to_string(guide).unwrap().contains(&row), "the guide has no {row}");
    let path = root().join(format!("docs/guide/images/storm-{name}.txt"));
    match std::env::var_os("WATCHFIRE_PICTURES") {
        None => assert_eq!(fs::read_to_string(&path).unwrap_or_default(), picture, "{}", path.display()),
        Some(to) => {
            fs::write(path, picture).unwrap();
            if to != "write" {
                save_pages(&inbox, provider, &PathBuf::from(to).join(name));
            }
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The alerts of the hour.
fn hour(severity: Severity) -> Vec<Alert> {
    let mut number = 0;
    let mut alert = |severity, at: Duration, message: &str| {
        number += 1;
        let at = begin() + at;
        let app = App::new("storefront").environment("production").host("web-1.example.com").pid(4711);
        Alert::new(app, severity, message).at(at).id(AlertId::from_parts(at, 7, number)).thread("worker-3")
    };
    let mut alerts = Vec::new();
    for i in 0..12 * 60 * 4 {
        let message = format!("the payment of order {} failed", 4711 + i);
        let mut failed = alert(severity, i * SECOND / 4, &message)
            .target("storefront::payments")
            .place("src/payments.rs", 42)
            .field("order", u64::from(4711 + i))
            .field("amount", 12.5_f64)
            .span(SpanFacts::new("request", "storefront::http", vec![Field::new("path", "/checkout")]));
        failed.error = ["the bank did not answer", "connection timed out"].map(str::to_owned).into();
        alerts.push(failed);
    }
    let what = ["orders", "carts", "prices", "refunds", "invoices", "parcels", "coupons", "reviews"];
    let how = ["cannot be read", "cannot be written", "are locked", "were rolled back"];
    for i in 0..96_u32 {
        let text = format!("{} {}", what[i as usize % 8], how[i as usize / 8 % 4]);
        let at = 7 * MINUTE + i * SECOND / 3;
        alerts.push(
            alert(Severity::Error, at, &text).target("storefront::store").place("src/store.rs", 1 + i % 32),
        );
    }
    alerts.sort_by_key(|alert| alert.at);
    alerts
}

fn time(at: SystemTime) -> String {
    format_timestamp(at).split('T').nth(1).unwrap_or_default().trim_end_matches('Z').to_owned()
}

/// How many messages of one kind are shown in a row.
const IN_A_ROW: usize = 4;

/// When a message came, why, and of what.
type Told = (String, OccasionKind, String);

/// Sets the messages out as text: the first of each kind in full, of the others when they came and of what.
fn draw(messages: &[Received], told: &[Told]) -> String {
    let mut picture = String::new();
    let mut shown = Vec::new();
    let mut row = 0;
    for (i, (message, (time, kind, title))) in messages.iter().zip(told).enumerate() {
        let way = match (message.edits, &message.thread) {
            (Some(_), _) => ", into the first message and without a ping",
            (None, Some(_)) => ", in the thread of the first message",
            (None, None) => "",
        };
        let same = |other: Option<&Told>| other.is_some_and(|other| other.1 == *kind);
        row = if i > 0 && same(told.get(i - 1)) { row + 1 } else { 0 };
        if !shown.contains(kind) {
            shown.push(*kind);
            write!(picture, "{time} {}{way}:\n\n{}\n", kind.as_str(), read(message)).unwrap();
            row = 0;
        } else if row < IN_A_ROW || (row == IN_A_ROW && !same(told.get(i + 1))) {
            writeln!(picture, "{time} {}{way}: {title}", kind.as_str()).unwrap();
        } else if !same(told.get(i + 1)) {
            writeln!(picture, "         and {} more like these until {time}", row + 1 - IN_A_ROW).unwrap();
        }
    }
    picture
}

/// The readable text of a message.
fn read(message: &Received) -> String {
    let sources = ["Payload", "Headers", "Source", "Envelope headers"];
    let mut parts = message.view.parts.iter().filter(|part| !sources.contains(&part.title()));
    let body =
        parts.find(|part| !matches!(part, ViewPart::Html { .. })).map(ViewPart::text).unwrap_or_default();
    let title = match message.provider {
        Provider::Smtp | Provider::Sentry => format!("{}\n\n", message.title),
        _ => String::new(),
    };
    // Slack's own marks are not what is read; and lines end where their words end.
    let unmarked = |line: &str| match message.provider {
        Provider::SlackApi | Provider::SlackWebhook => line.trim_matches(['*', '`']).to_owned(),
        _ => line.to_owned(),
    };
    let fence = |line: &&str| *line != "```";
    let line = |line: &str| format!("{}\n", format!("    {line}").trim_end());
    format!("{title}{body}").trim_end().lines().filter(fence).map(|text| line(&unmarked(text))).collect()
}

/// Saves the page of the provider and of each of its messages.
fn save_pages(inbox: &Inbox, provider: Provider, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(inbox.http_addr()).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    fs::write(folder.join("list.html"), get("/")).unwrap();
    for message in &inbox.accepted(provider) {
        let number = message.number;
        fs::write(folder.join(format!("{number}.html")), get(&format!("/messages/{number}"))).unwrap();
    }
}
