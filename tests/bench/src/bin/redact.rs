//! The program that `cargo xtask bench redact` counts under callgrind, and times: one kind of text, redacted again and
//! again. It prints the bytes of one round, and with `time` the nanoseconds per byte.

#![expect(clippy::disallowed_methods, reason = "it measures the time")]
#![expect(clippy::exit, reason = "what was asked for does not exist")]

use std::borrow::Cow;
use std::hint::black_box;
use std::time::Instant;

use watchfire_core::Redactor;

/// Text in which nothing begins a secret: letters, blanks, commas, full stops.
const PROSE: &str = "the order was accepted by the warehouse and is packed now, the parcel leaves tomorrow morning. \
    the customer asked for a gift wrap, which the packing station adds by hand, so that it takes a little longer. \
    when the carrier has picked it up, a message with the tracking page is sent, and another one when it arrives. \
    the payment was confirmed by the bank in the first attempt, no further step is needed, and the invoice follows.";

/// A payload as services log it: a name for every few bytes, and no secret.
const JSON: &str = r#"{"timestamp":"2026-03-14T15:09:26.535Z","level":"INFO","service":"checkout","version":"1.4.2","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","order":{"id":4711,"items":[{"sku":"A-1001","count":2,"price":12.5},{"sku":"B-2002","count":1,"price":7.25}],"currency":"EUR","total":32.25},"customer":{"id":93,"country":"AT","language":"de","is_new":false},"duration_ms":84,"status":200,"path":"/api/v1/orders","method":"POST","retries":0,"region":"eu-central-1","host":"web-3"}"#;

/// A line of an access log.
const ACCESS: &str = r#"192.0.2.17 - - [14/Mar/2026:15:09:26 +0000] "GET /api/v1/items?page=3&sort=price HTTP/1.1" 200 5316 "https://shop.example.com/list" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0" rt=0.084 upstream=10.0.3.7:8080"#;

const NAMES: &str = "user_id order_id path method status latency_ms trace_id span_id tenant region host service \
    version attempt provider amount currency customer email country duration_ms bytes rows page cursor queue worker \
    job topic partition error message kind target password api_key session_id authorization token_count";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [subject, rounds, rest @ ..] = args.as_slice() else { usage() };
    let rounds: u32 = rounds.parse().unwrap_or_else(|_| usage());
    let usual = Redactor::default();
    let rules = || {
        let rules =
            Redactor::default().name("seat code").path("order.customer.note").pattern(r"\bAC-\d{6}\b");
        rules.unwrap_or_else(|_| usage())
    };
    let (bytes, begun) = match subject.as_str() {
        "prose" => (PROSE.len(), texts(&usual, PROSE, rounds)),
        "json" => (JSON.len(), texts(&usual, JSON, rounds)),
        "access" => (ACCESS.len(), texts(&usual, ACCESS, rounds)),
        "names" => {
            let names: Vec<&str> = NAMES.split_whitespace().collect();
            let bytes = names.iter().map(|name| name.len()).sum();
            let judge = || names.iter().filter(|name| !usual.judge_name(black_box(name)).is_clear()).count();
            let begun = Instant::now();
            (0..rounds).for_each(|_| assert_eq!(judge(), 4));
            (bytes, begun)
        }
        "json-rules" => (JSON.len(), texts(&rules(), JSON, rounds)),
        _ => usage(),
    };
    let spent = begun.elapsed();
    println!("{bytes}");
    if rest.iter().any(|arg| arg == "time") {
        println!("{:.2}", spent.as_nanos() as f64 / f64::from(rounds) / bytes as f64);
    }
}

fn texts(redactor: &Redactor, text: &str, rounds: u32) -> Instant {
    // The lexicon is built once.
    drop(redactor.clean(text));
    let begun = Instant::now();
    for _ in 0..rounds {
        assert!(matches!(redactor.clean(black_box(text)), Cow::Borrowed(_)), "nothing is masked");
    }
    begun
}

fn usage() -> ! {
    eprintln!("usage: redact prose|json|access|names|json-rules ROUNDS [time]");
    std::process::exit(2);
}
