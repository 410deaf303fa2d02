//! Mails that arrive.

use std::time::Duration;

use tracing_subscriber::prelude::*;
use watchfire_inbox::{Fault, Inbox, Provider, Received};
use watchfire_outbox::{OccasionKind, Outbox, Outcome, Sink, SinkExt};
use watchfire_testing::Scene;

use crate::bench::{Bench, PATIENCE, alert, attempt, render};

#[test]
fn an_error_event_arrives_over_starttls_with_auth() {
    let bench = Bench::new();
    let outbox = Outbox::start("shop").unwrap();
    let layer = bench.builder(&["Ada <ada@example.com>"]).subject_prefix("[shop] ").layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::warn!("not this one");
        tracing::error!(order = "A-1017", "payment refused");
    });
    let report = outbox.flush(PATIENCE);
    assert_eq!((report.delivered, report.pending, report.dropped), (1, 0, 0));
    let mails = bench.inbox.accepted(Provider::Smtp);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].title, "[shop] ERROR: payment refused");
    assert_eq!(mails[0].recipients, ["ada@example.com"]);
    assert_eq!(mails[0].header("TLS"), Some("yes"));
    assert!(mails[0].notes.is_empty(), "{:?}", mails[0].notes);
}

#[test]
fn a_mail_arrives_inside_tls_and_in_plain_text_on_loopback() {
    let bench = Bench::with(Inbox::builder().smtp_plaintext());
    let (smtp, smtps) = (bench.inbox.smtp_addr().port(), bench.inbox.smtps_addr().port());
    let login = bench.url();
    let login = login.split("//").nth(1).unwrap().split('@').next().unwrap();
    for url in
        [format!("smtps://{login}@localhost:{smtps}"), format!("smtp+plain://{login}@127.0.0.1:{smtp}")]
    {
        let email = bench.email_by(&url, &["ada@example.com"]);
        let outcomes = attempt(&email, &render(&email, &alert("down")));
        assert!(matches!(outcomes[..], [Outcome::Delivered(Some(_))]), "{outcomes:?}");
    }
    assert_eq!(bench.inbox.accepted(Provider::Smtp).len(), 2);
}

#[test]
fn an_ambiguous_message_is_sent_again_marked_with_its_id() {
    let bench = Bench::new();
    bench.inbox.fail(Provider::Smtp, Fault::ResetAfterAccept.times(1)).unwrap();
    let outbox = Outbox::start("shop").unwrap();
    let email = bench.email(&["ada@example.com"]);
    let mut policy = email.policy();
    policy.backoff_base = Duration::from_millis(1);
    let layer = email.channel().policy(policy).layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::error!("down <!--mark-->")
    });
    let mails = bench.inbox.wait_for(Provider::Smtp, 2, PATIENCE).unwrap();
    assert_eq!(outbox.flush(PATIENCE).pending, 0);
    assert_eq!(mails[0].key, mails[1].key);
    assert_eq!(mails[0].title, mails[1].title);
    let parts = |mail: &Received| {
        let parsed = mail_parser::MessageParser::default().parse(&mail.raw).unwrap();
        let text = parsed.body_text(0).unwrap().starts_with("(possible duplicate");
        let html = parsed.body_html(0).unwrap().contains("<b>possible duplicate");
        [parsed.header("X-Watchfire-Duplicate").is_some(), text, html]
    };
    assert_eq!(mails.iter().map(parts).collect::<Vec<_>>(), [[false; 3], [true; 3]]);
}

#[test]
fn later_mails_join_the_thread_of_the_first_delivered() {
    let bench = Bench::new();
    let (email, alert) = (bench.email(&["ada@example.com"]), alert("payment refused"));
    let outcomes = attempt(&email, &email.render(&Scene::first(alert.clone()).occasion()));
    let Outcome::Delivered(Some(receipt)) = &outcomes[0] else { panic!("{outcomes:?}") };
    let root = bench.inbox.accepted(Provider::Smtp)[0].key.clone().unwrap();
    let answered = Scene::all(&alert, std::slice::from_ref(receipt));
    let mut seen = 1;
    for scene in answered.iter().filter(|scene| !scene.receipts.is_empty()) {
        let outcomes = attempt(&email, &email.render(&scene.occasion()));
        assert!(matches!(outcomes[..], [Outcome::Delivered(Some(_))]), "{}: {outcomes:?}", scene.name);
        seen += 1;
        let received = bench.inbox.wait_for(Provider::Smtp, seen, PATIENCE).unwrap().pop().unwrap();
        let mail = mail_parser::MessageParser::default().parse(&received.raw).unwrap();
        let root = root.trim_matches(['<', '>']);
        for header in ["In-Reply-To", "References"] {
            let named = mail.header(header).and_then(|value| value.as_text());
            assert_eq!(named, Some(root), "{}: {header}", scene.name);
        }
        assert_ne!(mail.message_id(), Some(root), "{}", scene.name);
        let subject = mail.subject().unwrap_or_default();
        assert!(subject.starts_with("[storefront] ") && subject.ends_with("payment refused"), "{subject}");
        assert_eq!(
            subject.contains('×'),
            matches!(scene.summary.kind, OccasionKind::Digest | OccasionKind::Edit),
            "{}: {subject}",
            scene.name
        );
    }
    assert!(seen > 2, "digests, edits and an end were among the scenes");
}

#[test]
fn hostile_text_stays_text() {
    let bench = Bench::new();
    let hostile = ".\r\n.\r\nQUIT\r\n..b\nBcc: eve@example.com\r\n\0\u{1b}[31m\u{202e} <script>alert(1)</script> =?utf-8?q?x?= 😀";
    let email = bench.builder(&["ada@example.com"]).subject_prefix("[\r\nBcc: eve@example.com] ");
    let email = email.build().unwrap();
    let outcomes = attempt(&email, &render(&email, &alert(hostile)));
    assert!(matches!(outcomes[..], [Outcome::Delivered(Some(_))]), "{outcomes:?}");
    let mails = bench.inbox.accepted(Provider::Smtp);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients, ["ada@example.com"]);
    assert!(mails[0].notes.is_empty(), "{:?}", mails[0].notes);
    let mail = mail_parser::MessageParser::default().parse(&mails[0].raw).unwrap();
    assert!(mail.bcc().is_none());
    assert!(mail.body_text(0).unwrap().replace("\r\n", "\n").contains(
        "\n  .\n      .\n      QUIT\n      ..b\n      Bcc: eve@example.com\n      \u{fffd}\u{fffd}[31m"
    ));
    assert!(mail.body_html(0).unwrap().contains("&lt;script&gt;"));
}
