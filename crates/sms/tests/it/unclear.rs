//! Requests whose end nobody knows: repeated only if the provider cannot have them.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use watchfire_core::{Alert, App, SelfLog, Severity};
use watchfire_inbox::Demo;
use watchfire_outbox::{ChannelStats, NotificationPolicy, Outbox, Sink, SinkExt};
use watchfire_sms::{Sms, Twilio};

/// The trouble of the provider with its first connection.
type Trouble = fn(&mut TcpStream);

/// Reads until the request is there as a whole.
fn read_all(stream: &mut TcpStream) {
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&seen).contains("ValidityPeriod=") {
        match stream.read(&mut buffer) {
            Ok(read @ 1..) => seen.extend(buffer.iter().take(read)),
            _ => return,
        }
    }
}

/// Reads the head, and no more.
fn read_head(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    assert!(stream.read(&mut buffer).unwrap() > 0);
}

/// Sends an alert through a provider that has trouble once; returns how many requests it got, and the counts.
fn send(trouble: Trouble) -> (usize, ChannelStats) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::<AtomicUsize>::default();
    let seen = Arc::clone(&requests);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if seen.fetch_add(1, Ordering::SeqCst) == 0 {
                trouble(&mut stream);
                continue;
            }
            read_all(&mut stream);
            let body = r#"{"sid": "SM00000000000000000000000000000001", "status": "queued"}"#;
            let head = "HTTP/1.1 201 Created\r\nconnection: close\r\ncontent-length: ";
            write!(stream, "{head}{}\r\n\r\n{body}", body.len()).ok();
        }
    });
    let twilio = Twilio::new(Demo::TWILIO_ACCOUNT, Demo::TWILIO_TOKEN).from(Demo::TWILIO_FROM);
    let sms = Sms::to(["+436601234567"]).twilio(twilio.api_url(format!("http://127.0.0.1:{port}")));
    let sms = sms.build().unwrap();
    let mut policy = sms.policy();
    policy.backoff_base = Duration::from_millis(10);
    policy.notifications = NotificationPolicy::default();
    let outbox = Outbox::builder(App::new("shop")).in_memory().self_log(SelfLog::to(|_| ())).start().unwrap();
    let _layer = sms.channel().policy(policy).layer(&outbox).unwrap();
    outbox.alert(Alert::new(App::new("shop"), Severity::Error, "payment refused"));
    assert_eq!(outbox.flush(Duration::from_secs(20)).pending, 0, "{:?}", outbox.stats());
    (requests.load(Ordering::SeqCst), outbox.stats().channels.remove(0))
}

#[test]
fn an_sms_is_repeated_only_if_it_cannot_have_arrived() {
    let closed: Trouble = |stream| stream.shutdown(Shutdown::Both).unwrap_or_default();
    // (trouble, requests, delivered, dead)
    let cases: [(&str, Trouble, usize, u64, u64); 3] = [
        ("closed at once", closed, 2, 1, 0),
        ("closed after the head", read_head, 2, 1, 0),
        ("closed after the whole request", read_all, 1, 0, 1),
    ];
    for (name, trouble, requests, delivered, dead) in cases {
        let (seen, stats) = send(trouble);
        assert_eq!((seen, stats.delivered, stats.dead), (requests, delivered, dead), "{name}: {stats:?}");
    }
}
