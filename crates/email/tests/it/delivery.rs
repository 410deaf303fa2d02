//! Mails that arrive.

use tracing_subscriber::prelude::*;
use watchfire_inbox::{Inbox, Room};
use watchfire_outbox::{Outbox, Outcome, Sink};

use crate::bench::{Bench, PATIENCE, alert, attempt, render};

#[test]
fn an_error_event_arrives_over_starttls_with_auth() {
    let bench = Bench::new();
    let outbox = Outbox::start("shop").unwrap();
    let layer = bench.email(&["Ada <ada@example.com>"]).subject_prefix("[shop] ").layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::warn!("not this one");
        tracing::error!(order = "A-1017", "payment refused");
    });
    let report = outbox.flush(PATIENCE);
    assert_eq!((report.delivered, report.pending, report.dropped), (1, 0, 0));
    let mails = bench.inbox.accepted(Room::Smtp);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].title, "[shop] ERROR in shop: payment refused");
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
    assert_eq!(bench.inbox.accepted(Room::Smtp).len(), 2);
}
