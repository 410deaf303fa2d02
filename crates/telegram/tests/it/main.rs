#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
//! Telegram over loopback, against a server that refuses what Telegram refuses.

mod conformance;
mod verify;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use tracing_subscriber::prelude::*;
use watchfire_core::{Alert, App, SelfLog, Severity};
use watchfire_inbox::{Demo, Fault, FaultPlan, Inbox, Provider, Received};
use watchfire_outbox::{
    ChannelStats, Counts, GroupId, Occasion, OccasionKind, Outbox, Outcome, Receipt, Sink, SinkExt,
};
use watchfire_telegram::{Telegram, TelegramBuilder};

const LONG: Duration = Duration::from_secs(20);
const ROOM: Provider = Provider::Telegram;
/// The part of the inbox's token that nobody may ever show.
const SECRET: &str = "inbox-demo-token";

fn telegram(inbox: &Inbox) -> TelegramBuilder {
    let chat = format!("{}/{}", Demo::TELEGRAM_CHAT, Demo::TELEGRAM_THREAD);
    Telegram::bot(Demo::TELEGRAM_TOKEN, chat).api_url(inbox.telegram_base())
}

/// Logs through a layer of `telegram` in an outbox of its own, waits until all is settled, and returns the counts.
fn log_through(telegram: TelegramBuilder, log: impl FnOnce()) -> ChannelStats {
    let app = App::new("storefront").environment("production");
    let said = Arc::new(Mutex::new(String::new()));
    let log_to = Arc::clone(&said);
    let self_log = SelfLog::to(move |line| log_to.lock().unwrap().push_str(line));
    let outbox = Outbox::builder(app).self_log(self_log).start().unwrap();
    let telegram = telegram.build().unwrap();
    let mut policy = telegram.policy();
    // The pace and the patience are the outbox's to test.
    policy.min_gap = Duration::ZERO;
    policy.backoff_base = Duration::from_millis(10);
    let layer = telegram.channel().policy(policy).layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
    assert_eq!(outbox.flush(LONG).pending, 0, "{:?}", outbox.stats());
    let shown = format!("{said:?} {outbox:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    outbox.stats().channels.remove(0)
}

/// Sends one alert past a fault; returns the counts and all that arrived.
fn past(fault: FaultPlan) -> (ChannelStats, Vec<Received>) {
    let inbox = Inbox::start().unwrap();
    inbox.fail(ROOM, fault).unwrap();
    let stats = log_through(telegram(&inbox), || tracing::error!(order = 4711, "the <payment> failed"));
    (stats, inbox.received(ROOM))
}

fn status(status: u16, description: &str) -> Fault {
    let body = format!(r#"{{"ok":false,"error_code":{status},"description":"{description}"}}"#);
    Fault::Status { status, body: Some(body), headers: Vec::new() }
}

#[test]
fn an_error_reaches_topic_and_chat_with_spans_and_fields() {
    let inbox = Inbox::start().unwrap();
    let both = telegram(&inbox).also_to(Demo::TELEGRAM_PRIVATE_CHAT);
    let stats = log_through(both, || {
        let _request = tracing::info_span!("request", user = "ada").entered();
        tracing::warn!("this stays out");
        tracing::error!(
            order = 4711,
            error = &std::io::Error::other("declined") as &dyn std::error::Error,
            "no <b> & co"
        );
    });
    assert_eq!((stats.delivered, stats.attempts), (2, 2));
    let received = inbox.accepted(ROOM);
    let mut chats: Vec<_> = received.iter().flat_map(|one| one.recipients.clone()).collect();
    chats.sort();
    assert_eq!(chats, [Demo::TELEGRAM_CHAT.to_string(), Demo::TELEGRAM_PRIVATE_CHAT.to_string()]);
    assert!(received.iter().any(|one| one.fact("message_thread_id") == Some("42")));
    for one in received {
        let text = one.text();
        for part in
            ["ERROR in storefront (production)", "no <b> & co", "order = 4711", "declined", "user", "ada"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("this stays out"));
        assert_eq!(one.notes, Vec::<String>::new());
    }
}

#[test]
fn a_refused_form_goes_out_plainer() {
    for times in 1..=3 {
        let (stats, received) =
            past(status(400, "Bad Request: can't parse entities: Unsupported start tag").times(times));
        assert_eq!((stats.delivered, stats.attempts), (1, u64::from(times) + 1));
        assert_eq!(received.last().unwrap().fact("parse_mode"), None);
    }
}

#[test]
fn passing_trouble_delays_and_loses_nothing() {
    let faults = [
        Fault::RateLimit { retry_after: Some(1) },
        status(500, "Internal Server Error"),
        Fault::Reset { at: None },
    ];
    for fault in faults {
        let (stats, received) = past(fault.clone().times(1));
        assert_eq!((stats.delivered, stats.attempts), (1, 2), "{fault:?}");
        assert!(received.last().unwrap().verdict.is_accepted(), "{fault:?}");
    }
}

#[test]
fn what_may_have_arrived_is_marked_when_it_comes_again() {
    let (stats, received) = past(Fault::ResetAfterAccept.times(1));
    assert_eq!((stats.delivered, stats.attempts), (1, 2));
    let marked: Vec<_> = received.iter().map(|one| one.text().contains("(possible duplicate)")).collect();
    assert_eq!(marked, [false, true]);
}

#[test]
fn follows_a_group_that_moved_and_leaves_a_topic_that_is_gone() {
    let to = -1_009_876_543_210;
    let (stats, received) = past(Fault::Migrate { from: Demo::TELEGRAM_CHAT, to }.always());
    assert_eq!((stats.delivered, stats.attempts), (1, 2));
    assert_eq!(received.last().unwrap().recipients, [to.to_string()]);

    let inbox = Inbox::start().unwrap();
    let gone = Telegram::bot(Demo::TELEGRAM_TOKEN, format!("{}/77", Demo::TELEGRAM_CHAT));
    let stats = log_through(gone.api_url(inbox.telegram_base()), || tracing::error!("no such topic"));
    assert_eq!((stats.delivered, stats.attempts), (1, 2));
    assert_eq!(inbox.accepted(ROOM).remove(0).fact("message_thread_id"), None);
}

#[test]
fn a_chat_that_shut_the_bot_out_does_not_hold_up_the_others() {
    let inbox = Inbox::start().unwrap();
    let address = Demo::TELEGRAM_PRIVATE_CHAT.to_string();
    inbox.fail(ROOM, Fault::RefuseRecipient { address: address.clone() }.always()).unwrap();
    let stats = log_through(telegram(&inbox).also_to(address), || tracing::error!("for one"));
    assert_eq!((stats.delivered, stats.refused), (1, 1));
}

#[test]
fn hostile_text_is_taken_as_it_is() {
    let inbox = Inbox::start().unwrap();
    let texts = [
        "</code></pre></blockquote><a href=\"https://evil.example\">".to_owned(),
        "&nbsp;&#60;".to_owned(),
        "🔥".repeat(5_000),
        "&".repeat(9_000),
        "\0\u{202e}\u{1b}[2J".to_owned(),
    ];
    for text in &texts {
        let stats = log_through(telegram(&inbox), || tracing::error!(text, "{text}"));
        assert_eq!((stats.delivered, stats.attempts), (1, 1), "taken at once, in its richest form: {text:?}");
    }
    assert_eq!(inbox.refused(ROOM).len(), 0);
}

/// Renders an occasion and delivers it, as the outbox does.
fn deliver(telegram: &Telegram, occasion: &Occasion<'_>) -> Outcome {
    let notification = telegram.render(occasion).remove(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(telegram.deliver(&notification))
}

#[test]
fn a_digest_answers_the_first_message_and_an_edit_changes_it() {
    let inbox = Inbox::start().unwrap();
    let telegram = telegram(&inbox).build().unwrap();
    let alert = Alert::new(App::new("shop"), Severity::Error, "no stock").at(UNIX_EPOCH);
    let occasion = |kind, number| {
        Occasion::first(&alert, "telegram", GroupId::from_u64(1), UNIX_EPOCH)
            .of_kind(kind, number)
            .counts(Counts::new(1 + 11 * u64::from(number.min(1)), 11, UNIX_EPOCH, UNIX_EPOCH))
    };
    let Outcome::Delivered(Some(first)) = deliver(&telegram, &occasion(OccasionKind::First, 0)) else {
        panic!()
    };
    let receipts = [first.clone()];
    let digest = deliver(&telegram, &occasion(OccasionKind::Digest, 1).receipts(&receipts));
    assert!(matches!(&digest, Outcome::Delivered(Some(second)) if *second != first), "{digest:?}");
    let edit = deliver(&telegram, &occasion(OccasionKind::Edit, 2).receipts(&receipts));
    assert_eq!(edit, Outcome::Delivered(Some(first)), "the message keeps its number");
    let again = deliver(&telegram, &occasion(OccasionKind::Edit, 3).receipts(&receipts));
    assert_eq!(again, Outcome::Delivered(None), "nothing to change is no failure");

    let received = inbox.accepted(ROOM);
    assert_eq!(received[1].thread, received[0].key);
    assert_eq!(received[2].edits, Some(received[0].number));
    assert!(received[2].text().contains("11 more within 1 s, 12 in total"), "{}", received[2].text());

    // A message that is gone cannot be edited: the next form is a message of its own.
    let gone = [Receipt::new(receipts[0].recipient(), "999999")];
    let refused = deliver(&telegram, &occasion(OccasionKind::Edit, 4).receipts(&gone));
    assert!(matches!(refused, Outcome::Degrade(_)), "{refused:?}");
}

#[test]
fn a_wrong_token_is_held_and_not_shown() {
    let inbox = Inbox::start().unwrap();
    let wrong = Telegram::bot("123456789:planted-wrong-planted-wrong-00", Demo::TELEGRAM_PRIVATE_CHAT);
    let alert = Alert::new(App::new("shop"), Severity::Error, "no stock");
    let occasion = Occasion::first(&alert, "telegram", GroupId::from_u64(1), alert.at);
    let outcome = deliver(&wrong.api_url(inbox.telegram_base()).build().unwrap(), &occasion);
    assert!(matches!(outcome, Outcome::Held(_)), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains("planted"));
}
