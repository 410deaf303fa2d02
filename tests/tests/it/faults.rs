//! Servers on raw sockets that misbehave as no provider should: what becomes of an alert, and at what price.
//!
//! `cargo xtask faults` prints the table; `docs/reliability.md` explains it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use watchfire::{
    App, Email, HealthStatus, HttpOptions, Outbox, Severity, Slack, handler::Alert, prelude::*, sink::Sink,
};

use crate::{
    scenario::{alone, is_child},
    shop::brisk,
};

const S: Duration = Duration::from_secs(1);

/// One fault: a server that has it for so many connections and works after that, and what is allowed.
struct Fault {
    name: &'static str,
    server: Server,
    /// How many connections have the fault.
    times: usize,
    /// How long the alert may take.
    within: Duration,
    /// How often it may arrive.
    copies: usize,
    /// Whether health has to name the channel while the fault lasts.
    is_named: bool,
}

/// The server's part of one connection; it tells whether the connection has the fault.
enum Server {
    Smtp(fn(&mut Line, Step) -> Done),
    Http(fn(&mut TcpStream) -> Done),
}

/// The rest of a connection after the fault.
#[derive(PartialEq)]
enum Done {
    /// The server goes on as it should.
    Goes,
    Ends,
}

/// The moment at which an SMTP server may misbehave.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    Greeting,
    Ehlo,
    Rcpt,
    Dot,
}

type Line = TcpStream;

fn faults() -> Vec<Fault> {
    use Server::{Http, Smtp};
    let fault = |name, server, times, seconds, copies, is_named| Fault {
        name,
        server,
        times,
        within: S * seconds,
        copies,
        is_named,
    };
    vec![
        fault("SMTP: an endless line", Smtp(endless_greeting), 3, 10, 1, false),
        fault("SMTP: an endless reply to EHLO", Smtp(endless_features), 3, 10, 1, false),
        fault("SMTP: an endless reply to RCPT", Smtp(endless_recipients), 3, 10, 1, false),
        fault("SMTP: a reply that drips", Smtp(drip), 1, 20, 1, false),
        fault("SMTP: the reply after the mail is lost", Smtp(lost), 2, 10, 3, false),
        fault("SMTP: 504 at RCPT", Smtp(refuse), 2, 10, 1, true),
        fault("HTTP: endless 1xx", Http(endless_continue), 1, 30, 3, true),
        fault("HTTP: an endless header", Http(endless_header), 2, 20, 3, false),
        fault("HTTP: an endless body", Http(endless_body), 2, 20, 3, false),
        fault("HTTP: an answer that drips", Http(http_drip), 1, 20, 2, false),
        fault("HTTP: a single 400", Http(|s| answer(s, "400 Bad Request", "no")), 1, 10, 1, false),
        fault(
            "HTTP: 400 for every form, for a while",
            Http(|s| answer(s, "400 Bad Request", "no")),
            6,
            20,
            1,
            false,
        ),
        fault(
            "HTTP: 413 for every form, for a while",
            Http(|s| answer(s, "413 Too Large", "no")),
            6,
            20,
            1,
            false,
        ),
        fault("HTTP: closed without an answer", Http(|_| Done::Ends), 2, 10, 3, false),
    ]
}

#[test]
fn a_misbehaving_server_costs_its_own_channel_a_bounded_time() {
    const TEST: &str = "faults::a_misbehaving_server_costs_its_own_channel_a_bounded_time";
    if !is_child(TEST) {
        // The memory that is looked at is that of the process.
        return alone(TEST);
    }
    println!("{:42} {:>9} {:>7} {:>9}  health meanwhile", "fault", "delivered", "copies", "memory");
    for fault in faults() {
        let before = reset_peak();
        let (copies, hits) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let port = serve(&fault, Arc::clone(&copies), Arc::clone(&hits));
        let healthy = Arc::<AtomicUsize>::default();
        let other = serve_http(usize::MAX, Arc::clone(&healthy), Arc::default(), |_| Done::Goes);
        let outbox = Outbox::builder("shop").in_memory().drop_deadline(Duration::ZERO).start().unwrap();
        let step = Duration::from_millis(400);
        let mail = Email::to(["ada@example.com"]).from("shop@example.com");
        let mail = mail.server(format!("smtp+plain://127.0.0.1:{port}")).step_timeout(step);
        let hook = |port: u16| format!("http://127.0.0.1:{port}/hooks/0123456789abcdef");
        let layer: Box<dyn std::any::Any> = match fault.server {
            Server::Smtp(_) => Box::new(open(&outbox, mail.build().unwrap())),
            Server::Http(_) => Box::new(open(&outbox, slack(&hook(port)))),
        };
        let beside = Slack::webhook(hook(other)).named("beside").layer(&outbox).unwrap();
        let began = Instant::now();
        outbox.alert(Alert::new(App::new("shop"), Severity::Error, "the ledger does not balance"));
        let mut worst = outbox.health();
        let mut beside_after = None;
        while copies.load(Ordering::SeqCst) == 0 || beside_after.is_none() || is_pending(&outbox) {
            assert!(
                began.elapsed() < fault.within,
                "{}: {:?} {:?}",
                fault.name,
                outbox.stats(),
                outbox.health()
            );
            thread::sleep(Duration::from_millis(10));
            let now = outbox.health();
            if now.status > worst.status {
                worst = now;
            }
            if healthy.load(Ordering::SeqCst) > 0 {
                beside_after.get_or_insert_with(|| began.elapsed());
            }
        }
        let took = began.elapsed();
        let copies = copies.load(Ordering::SeqCst);
        let memory = peak().saturating_sub(before);
        let status = format!("{:?} {}", worst.status, worst.reasons.join("; "));
        println!("{:42} {took:>8.1?} {copies:>7} {memory:>6} KiB  {status}", fault.name);
        assert!(hits.load(Ordering::SeqCst) >= fault.times, "{}: the fault was not met", fault.name);
        assert!((1..=fault.copies).contains(&copies), "{}: {copies} copies", fault.name);
        assert!(beside_after.is_some_and(|after| after < S * 3), "{}: {beside_after:?}", fault.name);
        assert!(memory < 32 * 1024, "{}: {memory} KiB", fault.name);
        if fault.is_named {
            let name = if matches!(fault.server, Server::Smtp(_)) { "email" } else { "slack" };
            assert!(worst.status > HealthStatus::Ok && status.contains(name), "{}: {status}", fault.name);
        }
        drop((layer, beside));
    }
}

fn open<S: Sink>(outbox: &Outbox, sink: S) -> impl Sized + use<S> {
    let policy = brisk(sink.policy());
    sink.channel().policy(policy).layer(outbox).unwrap()
}

fn slack(url: &str) -> Slack {
    Slack::webhook(url).http(HttpOptions::new().timeout(S * 2)).build().unwrap()
}

fn is_pending(outbox: &Outbox) -> bool {
    outbox.stats().channels.iter().any(|channel| channel.pending > 0)
}

/// Starts the server of a fault; counts the copies that it took, and the connections that had the fault.
fn serve(fault: &Fault, copies: Arc<AtomicUsize>, hits: Arc<AtomicUsize>) -> u16 {
    match fault.server {
        Server::Smtp(misbehave) => serve_smtp(fault.times, copies, hits, misbehave),
        Server::Http(misbehave) => serve_http(fault.times, copies, hits, misbehave),
    }
}

fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream));
        }
    });
    port
}

fn serve_smtp(
    times: usize,
    copies: Arc<AtomicUsize>,
    hits: Arc<AtomicUsize>,
    misbehave: fn(&mut Line, Step) -> Done,
) -> u16 {
    listen(move |mut out| {
        let is_bad = hits.fetch_add(1, Ordering::SeqCst) < times;
        let lines = BufReader::new(out.try_clone().unwrap()).lines();
        let at = |out: &mut TcpStream, step: Step, reply: &str| {
            let done = if is_bad { misbehave(out, step) } else { Done::Goes };
            if done == Done::Goes {
                write!(out, "{reply}\r\n").ok();
            }
            done == Done::Goes
        };
        let mut in_data = false;
        if !at(&mut out, Step::Greeting, "220 mail.example.com ESMTP") {
            return;
        }
        for line in lines.map_while(Result::ok) {
            let goes = match line.get(..4).unwrap_or_default() {
                _ if in_data && line != "." => continue,
                _ if in_data => {
                    in_data = false;
                    copies.fetch_add(1, Ordering::SeqCst);
                    at(&mut out, Step::Dot, "250 queued")
                }
                "EHLO" => at(&mut out, Step::Ehlo, "250-mail.example.com\r\n250 8BITMIME"),
                "RCPT" => at(&mut out, Step::Rcpt, "250 ok"),
                "DATA" => {
                    in_data = true;
                    write!(out, "354 go\r\n").is_ok()
                }
                _ => write!(out, "250 ok\r\n").is_ok(),
            };
            if !goes {
                return;
            }
        }
    })
}

fn serve_http(
    times: usize,
    copies: Arc<AtomicUsize>,
    hits: Arc<AtomicUsize>,
    misbehave: fn(&mut TcpStream) -> Done,
) -> u16 {
    listen(move |mut stream| {
        let (mut seen, mut buffer) = (Vec::new(), [0; 16 * 1024]);
        while !seen.ends_with(b"}") {
            match stream.read(&mut buffer) {
                Ok(read @ 1..) => seen.extend_from_slice(&buffer[..read]),
                _ => return,
            }
        }
        let is_bad = hits.fetch_add(1, Ordering::SeqCst) < times && times < usize::MAX;
        if is_bad && misbehave(&mut stream) == Done::Ends {
            return;
        }
        copies.fetch_add(1, Ordering::SeqCst);
        answer(&mut stream, "200 OK", "ok");
    })
}

fn answer(stream: &mut TcpStream, status: &str, body: &str) -> Done {
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").ok();
    Done::Ends
}

/// Writes until the other side has had enough.
fn pour(out: &mut TcpStream, text: &[u8]) -> Done {
    let chunk = text.repeat((64 * 1024 / text.len()).max(1));
    while out.write_all(&chunk).is_ok() {}
    Done::Ends
}

/// Writes a byte now and then, until the other side has had enough.
fn trickle(out: &mut TcpStream, text: &[u8]) -> Done {
    for byte in text.iter().cycle() {
        if out.write_all(&[*byte]).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    Done::Ends
}

fn endless_greeting(out: &mut Line, step: Step) -> Done {
    if step == Step::Greeting { pour(out, b"220 x") } else { Done::Goes }
}

fn endless_features(out: &mut Line, step: Step) -> Done {
    if step == Step::Ehlo { pour(out, b"250-x\r\n") } else { Done::Goes }
}

fn endless_recipients(out: &mut Line, step: Step) -> Done {
    if step == Step::Rcpt { pour(out, b"250-x\r\n") } else { Done::Goes }
}

fn drip(out: &mut Line, step: Step) -> Done {
    if step == Step::Rcpt { trickle(out, b"250-x\r\n") } else { Done::Goes }
}

fn lost(_: &mut Line, step: Step) -> Done {
    if step == Step::Dot { Done::Ends } else { Done::Goes }
}

fn refuse(out: &mut Line, step: Step) -> Done {
    if step != Step::Rcpt {
        return Done::Goes;
    }
    write!(out, "504 5.5.2 <shop>: Helo command rejected: need fully-qualified hostname\r\n").ok();
    Done::Ends
}

fn endless_continue(stream: &mut TcpStream) -> Done {
    pour(stream, b"HTTP/1.1 102 Processing\r\n\r\n")
}

fn endless_header(stream: &mut TcpStream) -> Done {
    write!(stream, "HTTP/1.1 200 OK\r\n").ok();
    pour(stream, b"x-endless: x\r\n")
}

fn endless_body(stream: &mut TcpStream) -> Done {
    write!(stream, "HTTP/1.1 500 Oh\r\n\r\n").ok();
    pour(stream, b"x")
}

fn http_drip(stream: &mut TcpStream) -> Done {
    write!(stream, "HTTP/1.1 200 OK\r\n").ok();
    trickle(stream, b"x-drip: x\r\n")
}

/// Forgets the peak of the memory; returns what is used now, in KiB. Other systems than Linux do not tell it.
fn reset_peak() -> u64 {
    std::fs::write("/proc/self/clear_refs", "5").ok();
    peak()
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or_default()
}
