//! The Web API with a bot token.

use std::time::UNIX_EPOCH;

use watchfire_core::{Alert, Severity};
use watchfire_inbox::Demo;
use watchfire_outbox::{Counts, GroupId, Notification, Occasion, OccasionKind, Outcome, Receipt};

use super::*;

const ROOM: Provider = Provider::SlackApi;

fn bot(inbox: &Inbox) -> SlackBuilder {
    Slack::bot(Demo::SLACK_TOKEN, Demo::SLACK_CHANNEL).api_url(inbox.slack_api_base())
}

fn past(fault: FaultPlan) -> (ChannelStats, Vec<Received>) {
    let inbox = Inbox::start().unwrap();
    inbox.fail(ROOM, fault).unwrap();
    let stats = log_through(bot(&inbox), || tracing::error!(order = 4711, "the <payment> failed"));
    (stats, inbox.received(ROOM))
}

fn word(word: &str) -> Fault {
    let body = format!(r#"{{"ok":false,"error":"{word}"}}"#);
    Fault::Status { status: 200, body: Some(body), headers: vec![("Retry-After".to_owned(), "1".to_owned())] }
}

#[test]
fn an_error_reaches_the_channel() {
    let inbox = Inbox::start().unwrap();
    let stats = log_through(bot(&inbox), || tracing::error!(order = 4711, "the <payment> failed"));
    assert_eq!((stats.delivered, stats.attempts), (1, 1));
    let received = inbox.accepted(ROOM).remove(0);
    assert_eq!(received.recipients, [Demo::SLACK_CHANNEL]);
    assert_eq!(received.notes, Vec::<String>::new());
    for part in ["ERROR in storefront (production)", "the <payment> failed", "order = 4711"] {
        assert!(received.text().contains(part), "{part}: {}", received.text());
    }
}

#[test]
fn trouble_delays_and_loses_nothing() {
    let cases = [
        (Fault::RateLimit { retry_after: Some(1) }, 2, true),
        (word("ratelimited"), 2, true),
        (word("service_unavailable"), 2, true),
        (word("invalid_blocks"), 2, false),
        (word("msg_blocks_too_long"), 2, false),
    ];
    for (fault, attempts, rich) in cases {
        let (stats, received) = past(fault.clone().times(1));
        assert_eq!((stats.delivered, stats.attempts), (1, attempts), "{fault:?}");
        assert_eq!(received.last().unwrap().json().unwrap().get("blocks").is_some(), rich, "{fault:?}");
    }
}

#[test]
fn a_channel_that_is_refused_does_not_hold_up_the_others() {
    let inbox = Inbox::start().unwrap();
    let stats = log_through(bot(&inbox).also_to("C0NOWHERE"), || tracing::error!("for one"));
    assert_eq!((stats.delivered, stats.refused, stats.attempts), (1, 1, 2));
}

#[test]
fn what_may_have_been_posted_is_marked_when_it_comes_again() {
    let (stats, received) = past(word("fatal_error").times(1));
    assert_eq!((stats.delivered, stats.attempts), (1, 2));
    assert!(received.last().unwrap().text().contains("ossible duplicate"));
}

/// Renders an occasion and delivers it in the form of that step of its ladder, as the outbox does.
fn deliver(slack: &Slack, occasion: &Occasion<'_>) -> Outcome {
    let notification: Notification = slack.render(occasion).remove(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(slack.deliver(&notification))
}

#[test]
fn a_digest_goes_into_the_thread_and_an_edit_into_the_message() {
    let inbox = Inbox::start().unwrap();
    let slack = bot(&inbox).build().unwrap();
    let alert = Alert::new(App::new("shop"), Severity::Error, "no stock").at(UNIX_EPOCH);
    let occasion = |kind, number| {
        Occasion::first(&alert, "slack", GroupId::from_u64(1), UNIX_EPOCH)
            .of_kind(kind, number)
            .counts(Counts::new(1 + 11 * u64::from(number.min(1)), 11, UNIX_EPOCH, UNIX_EPOCH))
    };
    let Outcome::Delivered(Some(first)) = deliver(&slack, &occasion(OccasionKind::First, 0)) else {
        panic!()
    };
    let receipts = [first.clone()];
    let digest = deliver(&slack, &occasion(OccasionKind::Digest, 1).receipts(&receipts));
    let Outcome::Delivered(Some(second)) = digest else { panic!("{digest:?}") };
    assert_ne!(first, second);
    let edit = deliver(&slack, &occasion(OccasionKind::Edit, 2).receipts(&receipts));
    assert_eq!(edit, Outcome::Delivered(Some(first.clone())), "the message keeps its name");

    let received = inbox.accepted(ROOM);
    let ts = first.reference().split_once('/').unwrap().1;
    assert_eq!(received[0].key.as_deref(), Some(ts));
    assert_eq!(received[1].thread.as_deref(), Some(ts));
    assert_eq!(received[2].edits, Some(received[0].number));
    assert!(received[2].text().contains("11 more within 1 s, 12 in total"), "{}", received[2].text());

    // A message that is gone cannot be edited: the next form is a message of its own.
    let gone = [Receipt::new(Demo::SLACK_CHANNEL, format!("{}/1.000001", Demo::SLACK_CHANNEL))];
    let refused = deliver(&slack, &occasion(OccasionKind::Edit, 3).receipts(&gone));
    assert!(matches!(refused, Outcome::Degrade(_)), "{refused:?}");
}

#[test]
fn a_wrong_token_is_held_and_not_shown() {
    let inbox = Inbox::start().unwrap();
    let slack = Slack::bot("xoxb-planted-wrong-token", Demo::SLACK_CHANNEL);
    let slack = slack.api_url(inbox.slack_api_base()).build().unwrap();
    let alert = Alert::new(App::new("shop"), Severity::Error, "no stock");
    let outcome = deliver(&slack, &Occasion::first(&alert, "slack", GroupId::from_u64(1), alert.at));
    assert!(matches!(outcome, Outcome::Held(_)), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains("planted"));
}
