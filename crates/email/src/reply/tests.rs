//! Tests of the meaning of SMTP replies.

use super::*;

fn reply(code: u16, text: &str) -> Reply {
    Reply { code: Some(code), text: text.to_owned(), ours: false }
}

fn server() -> MailServer {
    MailServer::parse("smtp://mail.example.com").unwrap()
}

/// Names an outcome with what decides.
fn name(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Transient(_) => "transient".to_owned(),
        Outcome::RateLimited { wait, scope, .. } => format!("wait {} s {scope:?}", wait.as_secs()),
        Outcome::Degrade(_) => "degrade".to_owned(),
        Outcome::RecipientRefused(_) => "recipient".to_owned(),
        Outcome::Held(_) => "held".to_owned(),
        Outcome::Ambiguous(_) => "ambiguous".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn each_reply_at_each_stage_has_its_outcome() {
    use MailStage::{Auth, Connect, Data, Dot, Mail, Rcpt, Tls};
    let cases = [
        // 4yz: later.
        (Connect, 421, "4.7.0 Try again later, closing connection.", "transient"),
        (Dot, 421, "4.4.2 closing", "transient"),
        (
            Mail,
            450,
            "4.2.1 The user is receiving mail too quickly. Please resend at a later time.",
            "transient",
        ),
        (Rcpt, 451, "4.7.1 Greylisting in action, please come back later", "transient"),
        (Rcpt, 451, "4.7.1 <ada@example.com>: Greylisted, try again in 300 seconds", "wait 300 s Recipient"),
        (Rcpt, 450, "4.7.1 please retry after 5 minutes", "wait 300 s Recipient"),
        (Rcpt, 452, "4.5.3 too many recipients", "transient"),
        (Rcpt, 452, "4.2.2 mailbox full", "transient"),
        (Dot, 452, "4.3.1 no space", "transient"),
        (Auth, 454, "4.7.0 Temporary authentication failure", "transient"),
        (Tls, 454, "4.7.0 TLS not available due to temporary reason", "transient"),
        // Somebody has to change something.
        (Auth, 535, "5.7.8 Authentication credentials invalid", "held"),
        (Auth, 534, "5.7.9 use an application password", "held"),
        (Auth, 538, "5.7.11 Encryption required", "held"),
        (Mail, 530, "5.7.0 Authentication required", "held"),
        (Mail, 530, "5.7.0 Must issue a STARTTLS command first", "held"),
        (Rcpt, 530, "5.7.0 Authentication required", "held"),
        (Connect, 554, "5.7.1 no service for you", "held"),
        (Mail, 553, "5.1.8 sender domain not found", "held"),
        (Connect, 501, "5.5.4 invalid argument", "held"),
        (Connect, 504, "5.5.2 need a full host name", "held"),
        (Rcpt, 504, "5.5.2 <shop>: Helo command rejected: need fully-qualified hostname", "held"),
        (Rcpt, 554, "5.7.1 <shop>: Helo command rejected: Access denied", "held"),
        (Mail, 550, "5.7.1 EHLO name does not resolve", "held"),
        // This recipient only.
        (Rcpt, 554, "5.7.1 Relay access denied", "recipient"),
        (Rcpt, 550, "5.7.1 recipient does not take mail from here", "recipient"),
        (Rcpt, 501, "5.1.3 bad recipient address", "recipient"),
        (Rcpt, 550, "5.1.1 does not exist", "recipient"),
        (Rcpt, 551, "5.1.6 has moved", "recipient"),
        (Rcpt, 553, "5.1.3 syntax", "recipient"),
        (Rcpt, 550, "No such user here", "recipient"),
        (Rcpt, 552, "5.2.2 mailbox full", "recipient"),
        (Dot, 552, "5.2.2 mailbox full", "recipient"),
        (Dot, 550, "5.1.1 does not exist after all", "recipient"),
        // This rendering.
        (Mail, 552, "5.3.4 Message size exceeds fixed limit", "degrade"),
        (Dot, 552, "5.3.4 Message size exceeds fixed limit", "degrade"),
        (Dot, 552, "too large", "degrade"),
        (Dot, 523, "the message length exceeds the limit", "degrade"),
        (Dot, 550, "5.2.3 message too long", "degrade"),
        (Dot, 550, "5.7.1 This message violates example.com email policy.", "degrade"),
        (Dot, 554, "5.6.0 lines too long", "degrade"),
        (Data, 554, "no", "degrade"),
        // Permanent by its digit, and gone tomorrow.
        (Rcpt, 550, "5.4.5 Daily sending quota exceeded", "wait 3600 s Channel"),
        (Dot, 550, "5.4.5 Daily sending quota exceeded", "wait 3600 s Channel"),
    ];
    for (stage, code, text, expected) in cases {
        assert_eq!(name(&judge(&server(), stage, &reply(code, text))), expected, "{stage:?} {code} {text}");
    }
}

#[test]
fn a_lost_connection_is_ambiguous_after_the_final_dot_only() {
    let lost = Reply { code: None, text: "network error: connection reset by peer".to_owned(), ours: false };
    for stage in [
        MailStage::Connect,
        MailStage::Tls,
        MailStage::Auth,
        MailStage::Mail,
        MailStage::Rcpt,
        MailStage::Data,
    ] {
        assert_eq!(name(&judge(&server(), stage, &lost)), "transient", "{stage:?}");
    }
    assert_eq!(name(&judge(&server(), MailStage::Dot, &lost)), "ambiguous");
    let ours = Reply { ours: true, ..lost };
    assert_eq!(name(&judge(&server(), MailStage::Auth, &ours)), "held", "no way to log in that both know");
}

#[test]
fn a_wait_is_read_only_where_one_is_said() {
    let cases = [
        ("try again in 300 seconds", Some(300)),
        ("Greylisted for 5 minutes (see http://example.com/?r=300)", Some(300)),
        ("retry after 60s", None),
        ("try again in 99999999 seconds", None),
        ("4.7.1 in 5 hours", None),
        ("in", None),
        ("", None),
    ];
    for (text, seconds) in cases {
        assert_eq!(hinted_wait(text), seconds.map(Duration::from_secs), "{text}");
    }
}

#[test]
fn a_reason_is_one_line_with_place_and_advice() {
    let refused = reply(535, "5.7.8 Authentication credentials invalid.");
    let Outcome::Held(said) = judge(&server(), MailStage::Auth, &refused) else { panic!("held") };
    assert_eq!(
        said.as_str(),
        "mail.example.com:587: logging in: 535 5.7.8 Authentication credentials invalid; \
         somebody has to set the right user and password (many providers want an app password)"
    );
    let long = "x.".repeat(100);
    for url in ["smtp://mail.example.com", "smtp://[::1]:25", &format!("smtp://{}h", "a.".repeat(120))] {
        let server = MailServer::parse(url).unwrap();
        for text in ["", "no\r\nway", &"long ".repeat(500), &"ä".repeat(500), &long] {
            let outcome = judge(&server, MailStage::Auth, &reply(535, text));
            let Outcome::Held(said) = outcome else { panic!("held") };
            assert!(said.as_str().ends_with("app password)") && said.as_str().len() <= 300, "{said}");
            assert!(!said.as_str().contains(['\r', '\n']), "{said}");
        }
    }
    let lost = Reply { code: None, text: "Connection refused (os error 111)".to_owned(), ours: false };
    let Outcome::Transient(said) =
        judge(&MailServer::parse("smtp://[::1]").unwrap(), MailStage::Connect, &lost)
    else {
        panic!("transient")
    };
    assert_eq!(
        said.as_str(),
        "[::1]:587: connecting: Connection refused (os error 111); does a mail server run there, and on this port?"
    );
}
