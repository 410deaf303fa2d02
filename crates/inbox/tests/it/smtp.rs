//! The submission server over real sockets.

use watchfire_inbox::{Fault, Inbox, Provider, SmtpStage};

use crate::net::{PATIENCE, Smtp, auth_plain};

const MAIL: &[u8] =
    b"From: Shop <errors@example.com>\r\nTo: ada@example.com\r\nSubject: =?utf-8?q?caf=C3=A9_down?=\r\n\
Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1.2@example.com>\r\nMIME-Version: 1.0\r\n\
Content-Type: text/plain; charset=utf-8\r\n\r\nfirst\r\n..dotted\r\n";

#[test]
fn takes_a_mail_over_starttls_with_auth() {
    let inbox = Inbox::start().unwrap();
    let mut client = Smtp::ready(&inbox);
    assert_eq!(client.send(&["ada@example.com", "grace@example.com"], MAIL), "250 2.0.0 Ok: queued");
    assert_eq!(client.say("QUIT"), "221 2.0.0 Bye");
    let kept = inbox.wait_for(Provider::Smtp, 1, PATIENCE).unwrap();
    assert_eq!(kept[0].title, "café down");
    assert_eq!(kept[0].recipients, ["ada@example.com", "grace@example.com"]);
    assert_eq!(kept[0].key.as_deref(), Some("1.2@example.com"));
    assert_eq!(kept[0].header("TLS"), Some("yes"));
    assert!(kept[0].body().contains("\r\n.dotted\r\n"), "the stuffed dot is taken off");
    assert!(kept[0].notes.is_empty(), "{:?}", kept[0].notes);
}

#[test]
fn takes_a_mail_inside_tls() {
    let inbox = Inbox::start().unwrap();
    let mut client = Smtp::implicit(&inbox);
    assert!(client.reply().starts_with("220 "));
    assert!(!client.say("EHLO client.example.com").contains("STARTTLS"));
    assert!(client.say(&auth_plain("demo", "inbox-demo-password")).starts_with("235 "));
    assert_eq!(client.send(&["ada@example.com"], MAIL), "250 2.0.0 Ok: queued");
}

#[test]
fn fails_at_the_stage_it_is_told() {
    let reply = |at, reply: &str, address: Option<&str>| Fault::Reply {
        at,
        reply: reply.to_owned(),
        address: address.map(str::to_owned),
    };
    let inbox = Inbox::start().unwrap();
    inbox
        .fail(
            Provider::Smtp,
            reply(SmtpStage::Rcpt, "451 4.7.1 greylisted", Some("ada@example.com")).times(1),
        )
        .unwrap();
    inbox.fail(Provider::Smtp, reply(SmtpStage::Dot, "452 4.2.2 mailbox full", None).times(1)).unwrap();
    inbox
        .fail(Provider::Smtp, Fault::RefuseRecipient { address: "gone@example.com".to_owned() }.always())
        .unwrap();
    let mut client = Smtp::ready(&inbox);
    assert_eq!(client.say("MAIL FROM:<errors@example.com>"), "250 2.1.0 Ok");
    assert_eq!(client.say("RCPT TO:<grace@example.com>"), "250 2.1.5 Ok");
    assert_eq!(client.say("RCPT TO:<ada@example.com>"), "451 4.7.1 greylisted");
    assert!(client.say("RCPT TO:<gone@example.com>").starts_with("550 5.1.1 "));
    assert!(client.say("DATA").starts_with("354 "));
    client.write(MAIL);
    client.write(b".\r\n");
    assert_eq!(client.reply(), "452 4.2.2 mailbox full");
    assert_eq!(client.send(&["ada@example.com"], MAIL), "250 2.0.0 Ok: queued");
    inbox.fail(Provider::Smtp, Fault::ResetAfterAccept.times(1)).unwrap();
    inbox.fail(Provider::Smtp, Fault::CloseDuringData.times(1)).unwrap();
    assert!(client.say("MAIL FROM:<errors@example.com>").starts_with("250 "));
    assert!(client.say("RCPT TO:<ada@example.com>").starts_with("250 "));
    assert!(client.say("DATA").starts_with("354 "));
    client.write(MAIL);
    assert!(client.try_reply().is_err(), "closed while the mail came in");
    assert_eq!(inbox.accepted(Provider::Smtp).len(), 1);
}

#[test]
fn fails_before_the_greeting_and_at_auth() {
    let reply = |at, reply: &str| Fault::Reply { at, reply: reply.to_owned(), address: None };
    let inbox = Inbox::start().unwrap();
    inbox.fail(Provider::Smtp, reply(SmtpStage::Connect, "421 4.3.2 not now").times(1)).unwrap();
    inbox.fail(Provider::Smtp, Fault::Reset { at: None }.times(1)).unwrap();
    inbox.fail(Provider::Smtp, Fault::Slow { millis: 10, at: None }.times(1)).unwrap();
    inbox.fail(Provider::Smtp, Fault::BadCredentials.times(1)).unwrap();
    inbox.fail(Provider::Smtp, Fault::RateLimit { retry_after: None }.times(1)).unwrap();
    let mut client = Smtp::connect(inbox.smtp_addr());
    assert_eq!(client.reply(), "421 4.3.2 not now");
    assert!(client.try_reply().is_err(), "closed after 421");
    assert!(Smtp::connect(inbox.smtp_addr()).try_reply().is_err(), "reset");
    let mut client = Smtp::secure(&inbox);
    let login = auth_plain("demo", "inbox-demo-password");
    assert_eq!(client.say(&login), "535 5.7.8 Authentication credentials invalid");
    assert_eq!(client.say(&login), "235 2.7.0 Authentication successful");
    assert!(client.say("MAIL FROM:<a@example.com>").starts_with("450 4.2.1 "));
    assert_eq!(client.send(&["ada@example.com"], MAIL), "250 2.0.0 Ok: queued");
}

#[test]
fn tells_an_accepted_mail_from_an_answered_one() {
    let inbox = Inbox::start().unwrap();
    inbox.fail(Provider::Smtp, Fault::ResetAfterAccept.times(1)).unwrap();
    let mut client = Smtp::ready(&inbox);
    assert!(client.say("MAIL FROM:<errors@example.com>").starts_with("250 "));
    assert!(client.say("RCPT TO:<ada@example.com>").starts_with("250 "));
    assert!(client.say("DATA").starts_with("354 "));
    client.write(MAIL);
    client.write(b".\r\n");
    assert!(client.try_reply().is_err(), "the 250 never comes");
    let kept = inbox.wait_for(Provider::Smtp, 1, PATIENCE).unwrap();
    assert_eq!(kept[0].verdict.answer(), "none: reset after the message was taken");
}

#[test]
fn hangs_until_the_client_gives_up() {
    let inbox = Inbox::start().unwrap();
    inbox.fail(Provider::Smtp, Fault::Hang { at: Some(SmtpStage::Ehlo) }.times(1)).unwrap();
    let mut client = Smtp::connect(inbox.smtp_addr());
    assert!(client.reply().starts_with("220 "));
    client.write(b"EHLO client.example.com\r\n");
    let seen = inbox.wait_for_attempts(Provider::Smtp, 1, PATIENCE).unwrap();
    assert_eq!(seen[0].verdict.answer(), "hang");
    drop(inbox);
    assert!(client.try_reply().is_err(), "dropping the inbox ends the connection");
}

#[test]
fn reads_a_mail_with_both_parts_and_an_attachment() {
    let inbox = Inbox::start().unwrap();
    let mail = b"From: a@example.com\r\nTo: ada@example.com\r\nSubject: both\r\nMIME-Version: 1.0\r\n\
Auto-Submitted: auto-generated\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n\
--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain\r\n\r\nplain words\r\n\
--a\r\nContent-Type: text/html\r\n\r\n<p>rich words</p>\r\n--a--\r\n\
--m\r\nContent-Type: text/plain; name=trace.txt\r\nContent-Disposition: attachment; filename=trace.txt\r\n\
Content-Transfer-Encoding: base64\r\n\r\nYXQgbWFpbg==\r\n--m--\r\n";
    Smtp::ready(&inbox).send(&["ada@example.com"], mail);
    let kept = inbox.wait_for(Provider::Smtp, 1, PATIENCE).unwrap();
    let parts: Vec<_> = kept[0].view.parts.iter().map(|part| (part.title(), part.text().trim())).collect();
    assert_eq!(
        parts[..3],
        [
            ("Text", "plain words"),
            ("HTML", "<p>rich words</p>"),
            ("Attachment trace.txt, 7 bytes", "at main")
        ]
    );
    assert_eq!(kept[0].fact("Auto-Submitted"), Some("auto-generated"));
    assert_eq!(kept[0].notes, ["no Date header, which RFC 5322 demands", "no Message-ID header"]);
}

#[test]
fn keeps_a_mail_that_it_refuses_for_its_form() {
    let inbox = Inbox::start().unwrap();
    for (mail, answer) in [
        ("From: a@example.com\r\nSubject: x\r\n\r\nbare\nline feed", "521 5.5.2 Error: bare <LF> received"),
        ("From: a@example.com\r\nSubject: x\r\n\r\n\u{e9}", "554 5.6.1 8-bit data without BODY=8BITMIME"),
    ] {
        assert_eq!(Smtp::ready(&inbox).send(&["ada@example.com"], mail.as_bytes()), answer);
    }
    let refused: Vec<_> =
        inbox.refused(Provider::Smtp).into_iter().map(|r| (r.title, r.recipients.len())).collect();
    assert_eq!(refused, [("x".to_owned(), 1), ("x".to_owned(), 1)]);
}

#[test]
fn works_from_anywhere() {
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    let inbox = Inbox::start().unwrap();
    is_send_and_sync(&inbox);
    let (port, smtp) = (inbox.http_addr().port(), inbox.smtp_addr());
    assert!(Inbox::builder().http_port(port).start().is_err(), "the port is taken");
    drop(inbox);
    assert!(std::net::TcpStream::connect(smtp).is_err(), "a dropped inbox has closed its ports");
    let again = Inbox::builder().http_port(port).start().unwrap();
    assert_eq!(again.http_addr().port(), port);
    let missing = again.wait_for(Provider::Smtp, 1, std::time::Duration::ZERO).unwrap_err();
    assert_eq!(missing.to_string(), "0 of 1 messages in provider smtp; its answers: []");
}
