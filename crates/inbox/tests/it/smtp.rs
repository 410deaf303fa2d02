//! The submission server over real sockets.

use watchfire_inbox::{Fault, Inbox, Room, Stage};

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
    let kept = inbox.wait_for(Room::Smtp, 1, PATIENCE).unwrap();
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
        .fail(Room::Smtp, reply(Stage::Rcpt, "451 4.7.1 greylisted", Some("ada@example.com")).times(1))
        .unwrap();
    inbox.fail(Room::Smtp, reply(Stage::Dot, "452 4.2.2 mailbox full", None).times(1)).unwrap();
    inbox
        .fail(Room::Smtp, Fault::RefuseRecipient { address: "gone@example.com".to_owned() }.always())
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
    inbox.fail(Room::Smtp, Fault::ResetAfterAccept.times(1)).unwrap();
    inbox.fail(Room::Smtp, Fault::CloseDuringData.times(1)).unwrap();
    assert!(client.say("MAIL FROM:<errors@example.com>").starts_with("250 "));
    assert!(client.say("RCPT TO:<ada@example.com>").starts_with("250 "));
    assert!(client.say("DATA").starts_with("354 "));
    client.write(MAIL);
    assert!(client.try_reply().is_err(), "closed while the mail came in");
    assert_eq!(inbox.accepted(Room::Smtp).len(), 1);
}
