//! The incoming webhook.

use super::*;

const ROOM: Provider = Provider::SlackWebhook;

fn hook(inbox: &Inbox) -> SlackBuilder {
    Slack::webhook(inbox.slack_webhook_url())
}

/// Sends one alert past a fault; returns the counts and all that arrived.
fn past(fault: Option<FaultPlan>) -> (ChannelStats, Vec<Received>) {
    let inbox = Inbox::start().unwrap();
    if let Some(fault) = fault {
        inbox.fail(ROOM, fault).unwrap();
    }
    let stats = log_through(hook(&inbox), || tracing::error!(order = 4711, "the <payment> failed"));
    (stats, inbox.received(ROOM))
}

#[test]
fn an_error_reaches_the_channel_with_its_spans_and_fields() {
    let inbox = Inbox::start().unwrap();
    let stats = log_through(hook(&inbox).mention("@here"), || {
        let _request = tracing::info_span!("request", user = "ada").entered();
        tracing::warn!("this stays out");
        tracing::error!(
            order = 4711,
            error = &std::io::Error::other("declined") as &dyn std::error::Error,
            "no <b> & co"
        );
    });
    assert_eq!((stats.delivered, stats.attempts), (1, 1));
    let received = inbox.accepted(ROOM).remove(0);
    let text = received.text();
    for part in [
        "ERROR in storefront (production)",
        "no <b> & co",
        "order = 4711",
        "declined",
        "user",
        "ada",
        "@here",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("this stays out"));
    assert_eq!(received.notes, Vec::<String>::new());
    assert!(received.header("user-agent").unwrap().starts_with("watchfire/"));
}

#[test]
fn a_refused_form_goes_out_plainer() {
    let status =
        |status, body: &str| Fault::Status { status, body: Some(body.to_owned()), headers: Vec::new() };
    for (times, blocks, expected) in
        [(1, false, "order = 4711"), (2, false, "the <payment> failed"), (3, false, "[storefront] ERROR: ")]
    {
        let (stats, received) = past(Some(status(400, "invalid_blocks").times(times)));
        assert_eq!((stats.delivered, stats.attempts), (1, u64::from(times) + 1));
        let last = received.last().unwrap();
        assert_eq!(last.json().unwrap().get("blocks").is_some(), blocks);
        assert!(last.text().contains(expected), "{}", last.text());
    }
    let (stats, _) = past(Some(status(400, "invalid_blocks").always()));
    assert_eq!((stats.delivered, stats.dead, stats.attempts), (0, 1, 8));
}

#[test]
fn passing_trouble_delays_and_loses_nothing() {
    let faults = [
        Fault::RateLimit { retry_after: Some(1) },
        Fault::Status { status: 500, body: None, headers: Vec::new() },
        Fault::Status { status: 503, body: None, headers: Vec::new() },
        Fault::Reset { at: None },
    ];
    for fault in faults {
        let (stats, received) = past(Some(fault.clone().times(1)));
        assert_eq!((stats.delivered, stats.attempts), (1, 2), "{fault:?}");
        assert!(received.last().unwrap().verdict.is_accepted(), "{fault:?}");
    }
}

#[test]
fn what_may_have_arrived_is_marked_when_it_comes_again() {
    let (stats, received) = past(Some(Fault::ResetAfterAccept.times(1)));
    assert_eq!((stats.delivered, stats.attempts), (1, 2));
    let texts: Vec<_> = received.iter().map(|one| one.text().contains("ossible duplicate")).collect();
    assert_eq!(texts, [false, true]);
}

#[test]
fn hostile_text_is_taken_as_it_is() {
    let inbox = Inbox::start().unwrap();
    let texts = [
        "<!channel> <@U012AB3CD> <https://evil.example|click>".to_owned(),
        "```` ``` ` ".repeat(900),
        "🔥".repeat(5_000),
        "&".repeat(9_000),
        "\0\u{202e}\u{1b}[2J".to_owned(),
    ];
    for text in &texts {
        let stats = log_through(hook(&inbox), || tracing::error!(text, "{text}"));
        assert_eq!((stats.delivered, stats.attempts), (1, 1), "taken at once, in its richest form: {text:?}");
    }
    assert_eq!(inbox.refused(ROOM).len(), 0);
    for received in inbox.accepted(ROOM) {
        assert!(
            !received.body().contains("<!channel>") && !received.body().contains("<@U"),
            "{}",
            received.body()
        );
    }
}
