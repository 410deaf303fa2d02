//! Whole dialogues without a socket.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::SmtpRules;
use super::session::{Effect, Session};

/// Feeds bytes and gives the first line of each reply; `TLS` and `CLOSE` stand for themselves.
fn talk(rules: &SmtpRules, secure: bool, bytes: &[u8]) -> Vec<String> {
    let mut session = Session::new(rules.clone());
    if secure {
        session.secured();
    }
    let mut said = Vec::new();
    // Byte by byte, so that no reply hangs on how the network cuts.
    for byte in bytes {
        session.push(&[*byte]);
        while let Some(step) = session.step() {
            for effect in session.apply(step, |address| address == "gone@example.com") {
                match effect {
                    Effect::Reply(line) => said.push(line.lines().next().unwrap_or_default().to_owned()),
                    Effect::StartTls => said.push("TLS".to_owned()),
                    Effect::Close => said.push("CLOSE".to_owned()),
                    Effect::Mail { answer, .. } => said.push(answer),
                }
            }
        }
    }
    said
}

fn open() -> SmtpRules {
    SmtpRules { plaintext: true, anonymous: true, ..SmtpRules::default() }
}

fn check(rules: &SmtpRules, secure: bool, cases: &[(&str, &str)]) {
    let sent: Vec<u8> = cases.iter().flat_map(|(line, _)| format!("{line}\r\n").into_bytes()).collect();
    let replies = talk(rules, secure, &sent);
    let expected: Vec<&str> =
        cases.iter().map(|(_, reply)| *reply).filter(|reply| !reply.is_empty()).collect();
    assert_eq!(replies, expected);
}

#[test]
fn demands_tls_then_auth() {
    check(
        &SmtpRules::default(),
        false,
        &[
            ("MAIL FROM:<a@example.com>", "503 5.5.1 EHLO first"),
            ("EHLO client.example.com", "250-localhost"),
            (
                "AUTH PLAIN AGRlbW8AeA==",
                "538 5.7.11 Encryption required for requested authentication mechanism",
            ),
            ("MAIL FROM:<a@example.com>", "530 5.7.0 Must issue a STARTTLS command first"),
        ],
    );
    check(
        &SmtpRules::default(),
        true,
        &[
            ("EHLO client.example.com", "250-localhost"),
            ("STARTTLS", "503 5.5.1 TLS is already in use"),
            ("MAIL FROM:<a@example.com>", "530 5.7.0 Authentication required"),
            ("AUTH CRAM-MD5", "504 5.5.4 Unrecognized authentication type"),
            ("AUTH PLAIN %%%", "501 5.5.2 not Base64"),
            ("AUTH PLAIN AGRlbW8AeA==", "535 5.7.8 Authentication credentials invalid"),
            ("AUTH PLAIN", "334 "),
            ("*", "501 5.7.0 Authentication aborted"),
            ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
            ("ZGVtbw==", "334 UGFzc3dvcmQ6"),
            (&STANDARD.encode("inbox-demo-password"), "235 2.7.0 Authentication successful"),
            ("AUTH LOGIN", "503 5.5.1 not now"),
            ("MAIL FROM:<a@example.com>", "250 2.1.0 Ok"),
        ],
    );
}

#[test]
fn forgets_what_was_sent_ahead_of_tls() {
    let replies = talk(&SmtpRules::default(), false, b"EHLO c.example.com\r\nSTARTTLS\r\n");
    assert_eq!(replies, ["250-localhost", "220 2.0.0 Ready to start TLS", "TLS"]);
    let mut session = Session::new(SmtpRules::default());
    session.push(b"EHLO c.example.com\r\nSTARTTLS\r\nRSET\r\n");
    for _ in 0..2 {
        let step = session.step().unwrap();
        session.apply(step, |_| false);
    }
    assert_eq!(session.step(), None, "the command after STARTTLS was never there");
}

#[test]
fn checks_addresses_and_parameters() {
    check(
        &open(),
        true,
        &[
            ("EHLO client_1.example.com", "250-localhost"),
            ("MAIL FROM: <a@example.com>", "501 5.5.4 syntax: <address> follows the colon at once"),
            ("MAIL FROM:a@example.com", "501 5.5.4 syntax: <address> follows the colon at once"),
            ("MAIL FROM:<a b@example.com>", "501 5.1.3 bad address syntax"),
            ("MAIL FROM:<a@-example.com>", "501 5.1.3 bad address syntax"),
            ("MAIL FROM:<a@example.com> SIZE=99999999", "552 5.3.4 Message size exceeds fixed limit"),
            ("MAIL FROM:<a@example.com> RET=FULL", "555 5.5.4 unsupported parameter"),
            ("MAIL FROM:<é@example.com>", "553 5.6.7 non-ASCII address without SMTPUTF8"),
            ("RCPT TO:<b@example.com>", "503 5.5.1 MAIL first"),
            ("MAIL FROM:<> BODY=8BITMIME", "250 2.1.0 Ok"),
            ("MAIL FROM:<>", "503 5.5.1 a mail is already under way"),
            ("DATA", "554 5.5.1 no valid recipients"),
            ("RCPT TO:<>", "501 5.1.3 a recipient is expected"),
            ("RCPT TO:<é@example.com>", "553 5.6.7 non-ASCII address without SMTPUTF8"),
            (
                "RCPT TO:<gone@example.com>",
                "550 5.1.1 The email account that you tried to reach does not exist",
            ),
            ("RCPT TO:<\"a b\"@[127.0.0.1]>", "250 2.1.5 Ok"),
            ("RSET", "250 2.0.0 Ok"),
            ("MAIL FROM:<é@example.com> SMTPUTF8", "250 2.1.0 Ok"),
            ("HELP", "500 5.5.2 command not recognized"),
            ("QUIT now", "501 5.5.4 no parameters are allowed"),
        ],
    );
}

#[test]
fn an_extension_that_is_not_offered_is_not_taken() {
    let rules = SmtpRules { without: vec!["SMTPUTF8".to_owned(), "8BITMIME".to_owned()], ..open() };
    check(
        &rules,
        true,
        &[
            ("EHLO client.example.com", "250-localhost"),
            ("MAIL FROM:<a@example.com> SMTPUTF8", "555 5.5.4 unsupported parameter"),
            ("MAIL FROM:<a@example.com> BODY=8BITMIME", "555 5.5.4 unsupported parameter"),
        ],
    );
}

#[test]
fn judges_the_mail_after_the_dot() {
    let mail = |parameters: &str, text: &[u8]| {
        let mut bytes = format!("EHLO c.example.com\r\nMAIL FROM:<a@example.com>{parameters}\r\nRCPT TO:<b@example.com>\r\nDATA\r\n").into_bytes();
        bytes.extend_from_slice(text);
        bytes.extend_from_slice(b"\r\n.\r\n");
        talk(&SmtpRules { size: 3_000, ..open() }, true, &bytes).split_off(4)
    };
    let header = b"Subject: x\r\n\r\n";
    let with = |text: &[u8]| [header.as_slice(), text].concat();
    let cases: [(&str, &str, Vec<u8>, &[&str]); 11] = [
        ("plain", "", with(b"x"), &["250 2.0.0 Ok: queued"]),
        ("line of 998", "", with(&[b'x'; 998]), &["250 2.0.0 Ok: queued"]),
        ("line of 999", "", with(&[b'x'; 999]), &["500 5.5.2 Line too long (RFC 5321 section 4.5.3.1.6)"]),
        (
            "stuffed line of 998",
            "",
            with(&[b".".as_slice(), &[b'.'; 998]].concat()),
            &["250 2.0.0 Ok: queued"],
        ),
        ("8 bit", "", with("é".as_bytes()), &["554 5.6.1 8-bit data without BODY=8BITMIME"]),
        ("8 bit, declared", " BODY=8BITMIME", with("é".as_bytes()), &["250 2.0.0 Ok: queued"]),
        (
            "8-bit header",
            " BODY=8BITMIME",
            "Subject: é\r\n\r\nx".into(),
            &["550 5.6.7 non-ASCII header without SMTPUTF8"],
        ),
        ("8-bit header, declared", " SMTPUTF8", "Subject: é\r\n\r\nx".into(), &["250 2.0.0 Ok: queued"]),
        ("NUL", "", with(b"a\0b"), &["554 5.6.0 NUL in the message"]),
        (
            "too large",
            "",
            with(&b"xxxxxxxxx\r\n".repeat(300)),
            &["552 5.3.4 Message size exceeds fixed limit"],
        ),
        ("bare LF", "", with(b"a\nb"), &["521 5.5.2 Error: bare <LF> received", "CLOSE"]),
    ];
    for (name, parameters, text, expected) in cases {
        let replies = mail(parameters, &text);
        assert_eq!(
            replies.iter().take(expected.len()).collect::<Vec<_>>(),
            expected.iter().collect::<Vec<_>>(),
            "{name}"
        );
    }
}

#[test]
fn refuses_endless_lines() {
    let long = format!("NOOP {}\r\n", "x".repeat(600));
    assert_eq!(talk(&open(), true, long.as_bytes()), ["500 5.5.2 line too long", "CLOSE"]);
    let endless = vec![b'x'; 12_300];
    assert_eq!(talk(&open(), true, &endless).first().map(String::as_str), Some("500 5.5.2 line too long"));
}
