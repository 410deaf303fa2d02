//! Providers that are down, busy or hanging, or that refuse us: over real connections, against the inbox.

use std::{
    net::TcpListener,
    time::{Duration, SystemTime},
};

use watchfire::{
    HealthStatus, NotificationPolicy, Outbox, OutboxBuilder, Sentry, Severity, Slack, Sms, Twilio,
};
use watchfire_inbox::{Demo, Fault, Provider, SmtpStage};

use crate::{
    scenario::PATIENCE,
    shop::{Doors, PROVIDERS, Shop, assert_once, brisk, inbox, is_marked, says},
};

const TEXTS: [&str; 5] = [
    "the payment was declined",
    "the ledger is out of balance",
    "no courier took the parcel",
    "the stock is negative",
    "the mirror is stale",
];

fn in_memory() -> OutboxBuilder {
    Outbox::builder("shop").in_memory()
}

#[test]
fn alerts_of_a_503_outage_arrive_once() {
    let inbox = inbox(0, 0);
    for (_, provider) in PROVIDERS {
        let fault = match provider {
            Provider::Smtp => Fault::Reply {
                at: SmtpStage::Connect,
                reply: "421 4.3.2 down for repairs".into(),
                address: None,
            },
            _ => Fault::Status { status: 503, body: None, headers: Vec::new() },
        };
        inbox.fail(provider, fault.always()).unwrap();
    }
    let mut shop = Doors::of(&inbox).shop(in_memory(), brisk);
    shop.log(&TEXTS);
    // So often that each destination was also left alone for a while, and tried again.
    shop.until("each channel has failed", |stats| {
        stats.channels.iter().all(|channel| channel.transient >= 8)
    });
    assert_eq!(shop.outbox.health().status, HealthStatus::Failing, "{:?}", shop.outbox.health());
    PROVIDERS.iter().for_each(|(_, provider)| inbox.heal(*provider));
    assert_eq!(shop.outbox.flush(PATIENCE).pending, 0);
    for (name, provider) in PROVIDERS {
        assert_once(&inbox, provider, &TEXTS);
        // Each attempt was answered: nobody has to wonder.
        assert!(!inbox.accepted(provider).iter().any(is_marked), "{provider}");
        let stats = shop.stats(name);
        assert_eq!((stats.captured, stats.delivered), (5, 5), "{stats:?}");
    }
    assert_eq!(shop.outbox.health().status, HealthStatus::Ok, "{:?}", shop.outbox.health());
}

#[test]
fn alerts_of_an_outage_arrive_once_after_a_restart_too() {
    let folder = tempfile::tempdir().unwrap();
    let doors = Doors::of(&inbox(0, 0));
    let open = || doors.shop(Outbox::builder("shop").spool(folder.path()), brisk);

    let mut first = open();
    first.log(&TEXTS[..3]);
    first.until("each channel has failed", |stats| {
        stats.channels.iter().all(|channel| channel.transient >= 2)
    });
    assert!(first.outbox.stats().channels.iter().all(|channel| channel.pending == 3));
    drop(first);

    let mut second = open();
    second.log(&TEXTS[3..]);
    second.until("what was left is taken over", |stats| stats.channels.iter().all(|c| c.recovered == 3));
    second.until("each channel has failed", |stats| stats.channels.iter().all(|c| c.transient >= 2));
    let back = inbox(doors.http, doors.smtp);
    second.until("all is delivered", |stats| stats.channels.iter().all(|c| c.delivered == 5));
    for (_, provider) in PROVIDERS {
        assert_once(&back, provider, &TEXTS);
        // The end of the first program may have cut off an attempt, one per destination.
        let marked: Vec<_> = back.accepted(provider).into_iter().filter(is_marked).collect();
        let from_before = |message| TEXTS[..3].iter().any(|text| says(message, text));
        assert!(marked.len() <= 1 && marked.iter().all(from_before), "{provider}: {marked:?}");
    }
}

/// How late a repeat may be, beyond what the provider asked for and the tenth more that spreads the repeats: what a busy
/// machine needs.
const LATE: Duration = Duration::from_secs(1);
/// How early: the outbox counts whole milliseconds.
const TICK: Duration = Duration::from_millis(1);

#[test]
fn waits_as_long_as_each_provider_asks_for_and_not_much_longer() {
    let inbox = inbox(0, 0);
    let doors = Doors::of(&inbox);
    let bot = Slack::bot(Demo::SLACK_TOKEN, Demo::SLACK_CHANNEL).api_url(inbox.slack_api_base());
    let twilio = Twilio::new(Demo::TWILIO_ACCOUNT, Demo::TWILIO_TOKEN)
        .from(Demo::TWILIO_FROM)
        .api_url(inbox.twilio_base());
    let sms = Sms::to(["+436601234567"]).twilio(twilio).build().unwrap();
    let mut shop = doors
        .shop(in_memory(), brisk)
        .channel("bot", bot.build().unwrap(), brisk)
        .channel("sms", sms, |policy| {
            let mut policy = brisk(policy);
            policy.notifications = NotificationPolicy::sms().first_from(Severity::Error);
            policy
        })
        .channel("sentry", Sentry::dsn(inbox.sentry_dsn()).build().unwrap(), brisk);
    let asked = [
        (Provider::SlackWebhook, 2),
        (Provider::Telegram, 3),
        (Provider::SlackApi, 1),
        (Provider::Twilio, 3),
        (Provider::Sentry, 2),
    ];
    for (provider, seconds) in asked {
        inbox.fail(provider, Fault::RateLimit { retry_after: Some(seconds) }.times(1)).unwrap();
    }
    shop.log(&TEXTS[..2]);
    assert_eq!(shop.outbox.flush(PATIENCE).pending, 0);

    let mail = inbox.wait_for(Provider::Smtp, 2, PATIENCE).unwrap();
    for (provider, seconds) in asked {
        assert_once(&inbox, provider, &TEXTS[..2]);
        let wait = Duration::from_secs(seconds);
        let attempts: Vec<SystemTime> = inbox.received(provider).iter().map(|attempt| attempt.at).collect();
        // The refused message and the other one were retried only when due.
        assert_eq!(attempts.len(), 3, "{provider}");
        assert_eq!(inbox.refused(provider).len(), 1, "{provider}");
        let waited = attempts[1].duration_since(attempts[0]).unwrap();
        assert!(waited + TICK > wait, "{provider}: asked for {wait:?}, came after {waited:?}");
        assert!(waited <= wait.mul_f64(1.1) + LATE, "{provider}: asked for {wait:?}, came after {waited:?}");
        // Providers that did not ask for a wait got their message at once.
        assert!(mail.iter().all(|mail| mail.at < attempts[1]), "{provider} held up the mail");
    }
    let failures: u64 = shop.outbox.stats().channels.iter().map(|channel| channel.transient).sum();
    assert_eq!(failures, 0, "to be asked to wait is no failure");
}

#[test]
fn a_provider_that_hangs_delays_no_other() {
    // (who hangs, how)
    let hang = |at| Fault::Hang { at };
    let cases = [
        (Provider::SlackWebhook, hang(None)),
        (Provider::SlackWebhook, Fault::HangAfterAccept),
        (Provider::Telegram, hang(None)),
        (Provider::Smtp, hang(None)),
        (Provider::Smtp, hang(Some(SmtpStage::Ehlo))),
        (Provider::Smtp, hang(Some(SmtpStage::Dot))),
    ];
    for (hanging, fault) in cases {
        let case = format!("{hanging}: {fault:?}");
        let inbox = inbox(0, 0);
        inbox.fail(hanging, fault.always()).unwrap();
        // Longer than this test may take: who arrives has not waited for it.
        let mut shop = Doors::of(&inbox).shop(in_memory(), |policy| {
            let mut policy = brisk(policy);
            policy.timeout = PATIENCE * 100;
            policy
        });
        let (name, _) = PROVIDERS.into_iter().find(|(_, provider)| *provider == hanging).unwrap();
        let healthy: Vec<_> = PROVIDERS.into_iter().filter(|(_, provider)| *provider != hanging).collect();
        shop.log(&TEXTS[..1]);
        shop.until("the attempt hangs", |stats| {
            stats.channels.iter().any(|channel| channel.name == name && channel.attempts == 1)
        });
        shop.log(&TEXTS[1..]);
        shop.until("the others have it all", |stats| {
            healthy.iter().all(|(name, _)| {
                stats.channels.iter().any(|channel| channel.name == *name && channel.delivered == 5)
            })
        });
        let stats = shop.stats(name);
        assert_eq!((stats.attempts, stats.delivered, stats.pending), (1, 0, 5), "{case}");
        for (_, provider) in healthy {
            assert_once(&inbox, provider, &TEXTS);
        }
    }
}

#[test]
fn a_port_that_reads_nothing_delays_no_other_destination() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let inbox = inbox(0, 0);
    let doors = Doors { http: deaf.local_addr().unwrap().port(), smtp: inbox.smtp_addr().port() };
    let mut shop =
        Shop::open(in_memory()).channel("slack", doors.slack(), brisk).channel("email", doors.email(), brisk);
    shop.log(&TEXTS);
    assert_once(&inbox, Provider::Smtp, &TEXTS);
    let stats = shop.stats("slack");
    assert_eq!((stats.attempts, stats.delivered, stats.pending), (1, 0, 5), "{stats:?}");
}

#[test]
fn what_hung_is_repeated_after_its_timeout_and_marked() {
    let inbox = inbox(0, 0);
    // Taken, and not said so.
    inbox.fail(Provider::SlackWebhook, Fault::HangAfterAccept.times(1)).unwrap();
    let mut shop = Doors::of(&inbox).shop(in_memory(), |policy| {
        let mut policy = brisk(policy);
        policy.timeout = Duration::from_secs(1);
        policy
    });
    shop.log(&TEXTS[..1]);
    assert_eq!(shop.outbox.flush(PATIENCE).pending, 0);
    let marks: Vec<bool> = inbox.accepted(Provider::SlackWebhook).iter().map(is_marked).collect();
    assert_eq!(marks, [false, true]);
    assert_once(&inbox, Provider::Telegram, &TEXTS[..1]);
}

#[test]
fn messages_held_for_credentials_go_out_once_they_are_good() {
    let inbox = inbox(0, 0);
    let refused = [Provider::SlackWebhook, Provider::Telegram];
    for provider in refused {
        inbox.fail(provider, Fault::BadCredentials.always()).unwrap();
    }
    let mut shop = Doors::of(&inbox).shop(in_memory(), brisk);
    shop.log(&TEXTS);
    assert_once(&inbox, Provider::Smtp, &TEXTS);
    shop.until("both are held, and were tried again", |stats| {
        stats.channels.iter().filter(|channel| channel.is_held && channel.held >= 3).count() == 2
    });
    let health = shop.outbox.health();
    assert_eq!(health.status, HealthStatus::Degraded, "{health:?}");
    for (name, stats) in [("slack", shop.stats("slack")), ("telegram", shop.stats("telegram"))] {
        assert_eq!((stats.pending, stats.dead, stats.delivered), (5, 0, 0), "{stats:?}");
        assert!(health.reasons.iter().any(|reason| reason.contains(name)), "{health:?}");
        assert!(shop.said().contains(&format!("{name}: `")), "{}", shop.said());
    }
    refused.iter().for_each(|provider| inbox.heal(*provider));
    assert_eq!(shop.outbox.flush(PATIENCE).pending, 0);
    for provider in refused {
        assert_once(&inbox, provider, &TEXTS);
        assert!(!inbox.accepted(provider).iter().any(is_marked), "{provider}");
    }
    assert_eq!(shop.outbox.health().status, HealthStatus::Ok, "{:?}", shop.outbox.health());
}

#[test]
fn held_messages_go_out_after_a_restart_with_a_good_token() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = inbox(0, 0);
    let open = |token: &str| {
        let slack = Slack::bot(token, Demo::SLACK_CHANNEL).api_url(inbox.slack_api_base()).build().unwrap();
        // As patient as it is: what is held is not tried again for half a minute.
        Shop::open(Outbox::builder("shop").spool(folder.path())).channel("slack", slack, |policy| policy)
    };
    let mut wrong = open("xoxb-0000-mistyped");
    wrong.log(&TEXTS[..1]);
    wrong.until("it is held", |stats| stats.channels[0].is_held);
    assert!(wrong.said().contains("copy the app's bot token"), "{}", wrong.said());
    drop(wrong);

    let right = open(Demo::SLACK_TOKEN);
    right.until("it is delivered", |stats| stats.channels[0].delivered == 1);
    assert_once(&inbox, Provider::SlackApi, &TEXTS[..1]);
}
