//! Foreign pages, slow clients and floods do no harm.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use watchfire_inbox::{Demo, Fault, Inbox, Provider};

use crate::net::{PATIENCE, http};

fn raw(addr: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A reset ends the answer as well as an orderly end.
    stream.read_to_end(&mut answer).ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn only_names_of_this_machine_are_answered() {
    let inbox = Inbox::start().unwrap();
    let port = inbox.http_addr().port();
    // (Host, status)
    let cases = [
        ("localhost", 200),
        (&format!("localhost:{port}"), 200),
        (&format!("127.0.0.1:{port}"), 200),
        (&format!("[::1]:{port}"), 200),
        ("LOCALHOST.", 200),
        ("rebound.example.com", 403),
        (&format!("rebound.example.com:{port}"), 403),
        ("localhost.example.com", 403),
        ("127.0.0.1.example.com", 403),
        ("[::2]", 403),
        ("", 403),
    ];
    for (host, status) in cases {
        let answer = raw(
            inbox.http_addr(),
            &format!("GET /messages.json HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        );
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
    }
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    let inbox = Inbox::start().unwrap();
    let own = format!("http://localhost:{}", inbox.http_addr().port());
    // (headers, status); the client of these tests has `Host: localhost`
    let cases: [(&[(&str, &str)], u16); 8] = [
        (&[], 200),
        (&[("Origin", "http://localhost")], 200),
        (&[("Sec-Fetch-Site", "same-origin"), ("Origin", "http://localhost")], 200),
        (&[("Origin", "https://evil.example.com")], 403),
        (&[("Origin", "null")], 403),
        (&[("Origin", &own)], 403),
        (&[("Sec-Fetch-Site", "cross-site")], 403),
        (&[("Sec-Fetch-Site", "same-site")], 403),
    ];
    for (headers, status) in cases {
        for (method, path) in
            [("POST", "/faults/smtp"), ("POST", Demo::SLACK_WEBHOOK_PATH), ("DELETE", "/faults/smtp")]
        {
            inbox.heal(Provider::Smtp);
            let body = if path.starts_with("/faults") {
                r#"{"fault":"bad_credentials"}"#
            } else {
                r#"{"text":"x"}"#
            };
            let answer = http(&inbox, method, path, headers, body.as_bytes()).unwrap();
            assert_eq!(answer.status, status, "{method} {path} {headers:?}: {}", answer.body);
            assert_eq!(
                inbox.faults().is_empty(),
                status != 200 || !(method == "POST" && path.starts_with("/faults"))
            );
        }
    }
    assert_eq!(
        http(&inbox, "GET", "/", &[("Sec-Fetch-Site", "cross-site")], b"").unwrap().status,
        200,
        "a link"
    );
}

#[test]
fn slow_clients_are_closed() {
    let inbox = Inbox::builder().patience(Duration::from_millis(200)).start().unwrap();
    // (port, what is sent and never finished, the start of the answer)
    let cases = [
        (inbox.http_addr(), "GET / HTTP/1.1\r\nHost: local", ""),
        (
            inbox.http_addr(),
            "POST /faults/smtp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
            "HTTP/1.1 408 ",
        ),
        (inbox.smtp_addr(), "EHLO client.exam", "220 "),
        (inbox.smtps_addr(), "\u{16}\u{3}", ""),
    ];
    for (addr, bytes, start) in cases {
        let answer = raw(addr, bytes);
        assert!(answer.starts_with(start), "{bytes:?}: {answer:?}");
        assert!(addr != inbox.smtp_addr() || answer.contains("421 4.4.2"), "{answer:?}");
    }
}

#[test]
fn faults_that_are_armed_have_a_bound() {
    let inbox = Inbox::start().unwrap();
    for _ in 0..1_000 {
        inbox.fail(Provider::Smtp, Fault::BadCredentials.always()).unwrap();
    }
    let error = inbox.fail(Provider::Smtp, Fault::BadCredentials.always()).unwrap_err().to_string();
    assert!(error.contains("clear some"), "{error}");
}
