//! Asked, and no mail begun.

use watchfire_inbox::{Demo, Fault, Inbox, Provider, SmtpStage};
use watchfire_testing::{asked, conformance};

use crate::bench::Bench;

#[test]
fn the_login_is_taken_over_tls_and_no_mail_is_begun() {
    let bench = Bench::new();
    let email = bench.email(&["ada@example.com"]);
    // A mail that was begun and not ended would be kept as one that nobody answered.
    conformance::of(&email).secrets([Demo::SMTP_PASSWORD]).check_verify(|| bench.inbox.all().len());
    let known = |text: &str| vec![("server".to_owned(), "accepted", text.to_owned())];
    assert_eq!(asked(&email), known("localhost takes the login of `demo` over TLS"));
    let inside = bench.email_by(&bench.inbox.smtps_url(), &["ada@example.com"]);
    assert_eq!(asked(&inside), known("localhost takes the login of `demo` over TLS"));
}

#[test]
fn without_a_login_the_server_only_answers() {
    let bench = Bench::with(Inbox::builder().smtp_plaintext().smtp_anonymous());
    let port = bench.inbox.smtp_addr().port();
    let email = bench.email_by(&format!("smtp+plain://localhost:{port}"), &["ada@example.com"]);
    let found = asked(&email);
    assert_eq!(
        (found[0].1, found[0].2.as_str()),
        ("accepted", "localhost answers without TLS; no login is set")
    );
}

#[test]
fn bad_settings_are_refused_and_a_down_server_unreachable() {
    let bench = Bench::new();
    let port = bench.inbox.smtp_addr().port();
    let wrong = bench.email_by(&format!("smtp://demo:planted-wrong@localhost:{port}"), &["ada@example.com"]);
    let found = asked(&wrong);
    assert_eq!(found[0].1, "refused", "{found:?}");
    for part in [format!("localhost:{port}: logging in: 535 "), "app password".to_owned()] {
        assert!(found[0].2.contains(&part), "{found:?}");
    }
    assert!(!format!("{found:?}").contains("planted"), "{found:?}");
    let email = bench.email(&["ada@example.com"]);
    let busy = Fault::Reply {
        at: SmtpStage::Auth,
        reply: "454 4.7.0 Temporary authentication failure".to_owned(),
        address: None,
    };
    bench.inbox.fail(Provider::Smtp, busy.times(1)).unwrap();
    assert_eq!(asked(&email)[0].1, "unreachable");
    bench.inbox.stop();
}
