//! The outcome of each failure, over real connections.

use std::time::Duration;

use watchfire_email::Email;
use watchfire_inbox::{Fault, Inbox, Provider, SmtpStage};
use watchfire_outbox::Outcome;

use crate::bench::{Bench, Door, alert, attempt, render};

const ADA: &str = "ada@example.com";
const GRACE: &str = "grace@example.com";

fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered(Some(_)) => "delivered",
        Outcome::Transient(_) => "transient",
        Outcome::RateLimited { .. } => "limited",
        Outcome::Degrade(_) => "degrade",
        Outcome::RecipientRefused(_) => "recipient",
        Outcome::Held(_) => "held",
        Outcome::Ambiguous(_) => "ambiguous",
        _ => "other",
    }
}

fn outcomes(email: &Email, message: &str) -> Vec<&'static str> {
    attempt(email, &render(email, &alert(message))).iter().map(name).collect()
}

fn reply(at: SmtpStage, reply: &str) -> Fault {
    Fault::Reply { at, reply: reply.to_owned(), address: None }
}

fn hang(at: SmtpStage) -> Fault {
    Fault::Hang { at: Some(at) }
}

#[test]
fn each_fault_has_its_outcome_and_the_next_mail_gets_through() {
    let cases = [
        (reply(SmtpStage::Connect, "421 4.3.2 not now"), "transient"),
        (reply(SmtpStage::Connect, "554 5.7.1 go away"), "held"),
        (reply(SmtpStage::Starttls, "454 4.7.0 no TLS for now"), "transient"),
        (Fault::BadCredentials, "held"),
        (reply(SmtpStage::Auth, "454 4.7.0 later"), "transient"),
        (Fault::RateLimit { retry_after: None }, "transient"),
        (reply(SmtpStage::Mail, "553 5.1.8 not you"), "held"),
        (reply(SmtpStage::Rcpt, "451 4.7.1 greylisted, try again in 300 seconds"), "limited"),
        (reply(SmtpStage::Rcpt, "451 4.7.1 greylisted"), "transient"),
        (Fault::RefuseRecipient { address: ADA.to_owned() }, "recipient"),
        (reply(SmtpStage::Data, "451 4.3.0 not now"), "transient"),
        (reply(SmtpStage::Dot, "452 4.3.1 no space"), "transient"),
        (reply(SmtpStage::Dot, "552 5.3.4 too large"), "degrade"),
        (reply(SmtpStage::Dot, "421 4.4.2 closing"), "transient"),
        (Fault::Reset { at: None }, "transient"),
        (Fault::Reset { at: Some(SmtpStage::Rcpt) }, "transient"),
        (Fault::CloseDuringData, "ambiguous"),
        (Fault::ResetAfterAccept, "ambiguous"),
        (reply(SmtpStage::Quit, "500 5.5.1 no"), "delivered"),
        (Fault::Reset { at: Some(SmtpStage::Quit) }, "delivered"),
    ];
    let bench = Bench::new();
    let email = bench.email(&[ADA]);
    for (fault, expected) in cases {
        bench.inbox.fail(Provider::Smtp, fault.clone().times(1)).unwrap();
        assert_eq!(outcomes(&email, "down"), [expected], "{fault:?}");
        bench.inbox.heal(Provider::Smtp);
        assert_eq!(outcomes(&email, "up"), ["delivered"], "after {fault:?}");
    }
}

#[test]
fn a_hanging_server_is_given_up_and_quit_decides_nothing() {
    let cases = [
        (hang(SmtpStage::Connect), "transient"),
        (hang(SmtpStage::Starttls), "transient"),
        (hang(SmtpStage::Auth), "transient"),
        (hang(SmtpStage::Rcpt), "transient"),
        (hang(SmtpStage::Dot), "ambiguous"),
        (Fault::HangAfterAccept, "ambiguous"),
        (hang(SmtpStage::Quit), "delivered"),
    ];
    // All at once: the answer to the mail has thirty times as long as a step.
    std::thread::scope(|scope| {
        for (fault, expected) in cases {
            scope.spawn(move || {
                let bench = Bench::new();
                let email = bench.builder(&[ADA]).step_timeout(Duration::from_millis(250)).build().unwrap();
                bench.inbox.fail(Provider::Smtp, fault.clone().times(1)).unwrap();
                assert_eq!(outcomes(&email, "down"), [expected], "{fault:?}");
            });
        }
    });
}

#[test]
fn a_refused_recipient_does_not_affect_the_other() {
    let bench = Bench::new();
    let door = Door::before(bench.inbox.smtp_addr());
    let url = bench.url().replace(&bench.inbox.smtp_addr().port().to_string(), &door.port.to_string());
    let email = bench.email_by(&url, &[ADA, GRACE, "linus@example.com"]);
    bench.inbox.fail(Provider::Smtp, Fault::RefuseRecipient { address: ADA.to_owned() }.always()).unwrap();
    assert_eq!(outcomes(&email, "down"), ["recipient", "delivered", "delivered"]);
    assert_eq!(door.count(), 1);
    assert_eq!(outcomes(&email, "down"), ["recipient", "delivered", "delivered"]);
    assert_eq!(door.count(), 2, "the end of a runtime ends its connections");
    assert_eq!(bench.inbox.accepted(Provider::Smtp).len(), 4);
}

#[test]
fn a_connection_closed_between_two_mails_loses_neither() {
    let bench = Bench::new();
    let email = bench.email(&[ADA, GRACE]);
    let ended = Fault::Reply {
        at: SmtpStage::Rcpt,
        reply: "421 4.7.0 enough for this connection".to_owned(),
        address: Some(GRACE.to_owned()),
    };
    bench.inbox.fail(Provider::Smtp, ended.times(1)).unwrap();
    assert_eq!(outcomes(&email, "down"), ["delivered", "delivered"]);
}

#[test]
fn wrong_credentials_are_tried_once_for_all_admins() {
    let bench = Bench::new();
    let door = Door::before(bench.inbox.smtp_addr());
    let email =
        bench.email_by(&format!("smtp://demo:not-the-password@localhost:{}", door.port), &[ADA, GRACE]);
    assert_eq!(outcomes(&email, "down"), ["held", "held"]);
    assert_eq!(door.count(), 1);
    let said = format!("{:?}", attempt(&email, &render(&email, &alert("down"))));
    assert!(said.contains("535") && !said.contains("not-the-password"), "{said}");
}

#[test]
fn plain_text_is_sent_only_on_request_or_to_loopback() {
    let bench = Bench::with(Inbox::builder().smtp_without("STARTTLS").smtp_plaintext());
    let port = bench.inbox.smtp_addr().port();
    let email = |url: String| Email::to([ADA]).from("errors@example.com").server(url).build().unwrap();
    let login = bench.url().split("//").nth(1).unwrap().split('@').next().unwrap().to_owned();
    assert_eq!(outcomes(&email(format!("smtp://{login}@localhost:{port}")), "down"), ["delivered"]);
    // The same server by an address that is not written as a loopback one.
    assert_eq!(outcomes(&email(format!("smtp://{login}@[::ffff:127.0.0.1]:{port}")), "down"), ["held"]);
    assert_eq!(outcomes(&email(format!("smtp://[::ffff:127.0.0.1]:{port}")), "down"), ["held"]);
    assert_eq!(bench.inbox.accepted(Provider::Smtp).len(), 1);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let bench = Bench::new();
    for url in [bench.url(), format!("smtps://localhost:{}", bench.inbox.smtps_addr().port())] {
        let email = Email::to([ADA]).from("errors@example.com").server(url).build().unwrap();
        let said = attempt(&email, &render(&email, &alert("down")));
        assert_eq!(said.iter().map(name).collect::<Vec<_>>(), ["transient"]);
        assert!(format!("{said:?}").contains("`ca_file`"), "{said:?}");
    }
    assert!(bench.inbox.accepted(Provider::Smtp).is_empty());
}

#[test]
fn a_failure_says_where_and_what_to_do() {
    let bench = Bench::new();
    let plain = Bench::with(Inbox::builder().smtp_without("STARTTLS"));
    let (smtp, smtps) = (bench.inbox.smtp_addr().port(), bench.inbox.smtps_addr().port());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let no_tls = plain.inbox.smtp_addr().port();
    let cases = [
        (
            format!("smtp://localhost:{free}"),
            format!("localhost:{free}: connecting: "),
            "does a mail server run there, and on this port?",
        ),
        (
            format!("smtps://localhost:{smtp}"),
            format!("localhost:{smtp}: connecting: "),
            "this port does not speak TLS at once: use smtp:// (STARTTLS)",
        ),
        (format!("smtp://localhost:{smtps}"), format!("localhost:{smtps}: connecting: "), "needs smtps://"),
        (
            format!("smtp://demo:wrong@localhost:{smtp}"),
            format!("localhost:{smtp}: logging in: 535 "),
            "the right user and password",
        ),
        (
            format!("smtp://demo:wrong@localhost:{no_tls}"),
            format!("localhost:{no_tls}: logging in: "),
            "the server offers no login",
        ),
        (
            format!("smtp://[::ffff:127.0.0.1]:{no_tls}"),
            format!("[::ffff:127.0.0.1]:{no_tls}: starting TLS: "),
            "use smtps://, or smtp+plain:// if you accept mail without encryption",
        ),
    ];
    for (url, place, advice) in cases {
        let email = bench.builder_by(&url, &[ADA]).step_timeout(Duration::from_millis(500)).build().unwrap();
        let said = match attempt(&email, &render(&email, &alert("down"))).remove(0) {
            Outcome::Transient(reason) | Outcome::Held(reason) => reason.as_str().to_owned(),
            other => format!("{other:?}"),
        };
        assert!(said.starts_with(&place) && said.contains(advice), "{url}: {said}");
        assert!(!said.contains("Connection error") && !said.contains("wrong@"), "{url}: {said}");
    }
}

#[test]
fn a_mail_above_the_servers_limit_degrades() {
    let bench = Bench::with(Inbox::builder().smtp_size_limit(600));
    let email = bench.email(&[ADA]);
    assert_eq!(outcomes(&email, "down"), ["degrade"]);
}

#[test]
fn addresses_outside_ascii_need_a_server_that_takes_them() {
    let takes = Bench::new();
    assert_eq!(outcomes(&takes.email(&["zoë@example.com"]), "down"), ["delivered"]);
    let refuses = Bench::with(Inbox::builder().smtp_without("SMTPUTF8"));
    assert_eq!(outcomes(&refuses.email(&["zoë@example.com", ADA]), "down"), ["recipient", "delivered"]);
}
