//! Tests of message contents.

use std::time::{Duration, SystemTime};

use watchfire_core::App;

use super::*;
use crate::{Counts, Mention};

fn page(kind: OccasionKind, counts: Counts, mentions: &[Mention]) -> String {
    told(kind, counts, mentions, None)
}

fn told(kind: OccasionKind, counts: Counts, mentions: &[Mention], outlook: Option<Outlook>) -> String {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let app = App::new("shop").host("web-1").pid(7);
    let id = watchfire_core::AlertId::from_u128(1);
    let alert = Alert::new(app, Severity::Error, "payment refused").at(at).id(id).thread("main");
    let occasion = Occasion::first(&alert, "ops", GroupId::from_u64(0xabc), at + Duration::from_secs(900))
        .of_kind(kind, 1)
        .counts(counts)
        .outlook(outlook)
        .others(mentions);
    MessageContent::of(&occasion).plain_text()
}

#[test]
fn says_how_often_how_fast_and_since_when() {
    let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds);
    let cases = [
        (OccasionKind::First, Counts::one(at(0)), None),
        (
            OccasionKind::Digest,
            Counts::new(1533, 1532, at(0), at(898)),
            Some(
                "1532 more in 14 min 58 s (1.7/s), 1533 in total since 2026-11-18T11:06:40Z; the last 2 s ago",
            ),
        ),
        (
            OccasionKind::Digest,
            Counts::new(3, 2, at(0), at(600)),
            Some("2 more in 10 min 0 s, 3 in total since 2026-11-18T11:06:40Z; the last 5 min 0 s ago"),
        ),
        (
            // 9 within a second after a long rest: their own rate, not that of the whole time.
            OccasionKind::Digest,
            Counts::new(10, 9, at(0), at(600)).fresh_since(at(600)),
            Some("9 more within 1 s, 10 in total since 2026-11-18T11:06:40Z; the last 5 min 0 s ago"),
        ),
        (
            OccasionKind::Digest,
            Counts::new(5000, 30, at(0), at(600)).fresh_since(at(570)),
            Some("30 more in 30 s (1.0/s), 5000 in total since 2026-11-18T11:06:40Z; the last 5 min 0 s ago"),
        ),
        (
            OccasionKind::Digest,
            Counts::new(2, 1, at(0), at(600)).fresh_since(at(600)),
            Some("1 more, 2 in total since 2026-11-18T11:06:40Z; the last 5 min 0 s ago"),
        ),
        (
            OccasionKind::Quiet,
            Counts::new(9805, 0, at(0), at(600)),
            Some("quiet for 5 min 0 s; 9805 alerts in total over 10 min 0 s, since 2026-11-18T11:06:40Z"),
        ),
    ];
    for (kind, counts, expected) in cases {
        let page = page(kind, counts, &[]);
        let summary = page.lines().nth(2).filter(|line| !line.is_empty());
        assert_eq!(summary, expected, "{page}");
        assert!(page.contains("Silence     watchfire silence 0000000000000abc --for 2h"), "{page}");
    }
}

#[test]
fn a_storm_names_the_most_frequent_and_counts_the_others() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let mentions = [Mention::new(GroupId::from_u64(1), "a", 700), Mention::new(GroupId::from_u64(2), "b", 5)];
    let counts = Counts::new(740, 735, at, at + Duration::from_secs(60)).groups(31);
    let next = at + Duration::from_secs(360);
    let storm = told(OccasionKind::Storm, counts, &mentions, Some(Outlook::Next(next)));
    assert_eq!(
        storm,
        "31 different alerts in 1 min 0 s, the oldest: payment refused\n\
         STORM in shop\n\
         since 2026-11-18T11:06:40Z; 735 new alerts, the last 14 min 0 s ago; further kinds are \
         batched until 2026-11-18T11:12:40Z or the end of the storm; critical alerts are sent at once\n\n\
         Oldest      2026-11-18T11:06:40Z\n\n\
         Groups\n  x700 a [0000000000000001]\n  x5 b [0000000000000002]\n  and 29 more\n\n\
         Host        web-1, process 7\nAlert       00000000000000000000000000000001\n\
         Silence     watchfire silence 0000000000000001 0000000000000002 --for 2h\n"
    );
    let over = told(OccasionKind::Storm, counts, &mentions, Some(Outlook::Over));
    assert!(over.contains("\nSTORM OVER in shop\n") && over.contains("sent one by one again"), "{over}");
    let digest = page(OccasionKind::Digest, counts, &mentions);
    assert!(digest.contains("735 more in 1 min 0 s (12/s), 740 in total"), "{digest}");
}

fn alert() -> Alert {
    Alert::new(App::new("shop").host("web-1").pid(7), Severity::Error, "payment refused")
        .at(SystemTime::UNIX_EPOCH)
        .id(watchfire_core::AlertId::from_u128(1))
        .thread("main")
        .target("shop::pay")
}

fn first(alert: &Alert) -> MessageContent {
    MessageContent::of(&Occasion::first(alert, "ops", GroupId::from_u64(1), SystemTime::UNIX_EPOCH))
}

#[test]
fn what_happened_and_why_stands_above_the_small_print() {
    let alert = alert().error(&std::io::Error::other("timed out")).field("order", 9_i64);
    assert_eq!(
        first(&alert).plain_text(),
        "payment refused: timed out\nERROR in shop\n\n\
         When        1970-01-01T00:00:00Z\nWhere       shop::pay\n\n\
         Fields\n  order = 9\n\n\
         Thread      main\nHost        web-1, process 7\nAlert       00000000000000000000000000000001\n\
         Silence     watchfire silence 0000000000000001 --for 2h\n"
    );
}

#[test]
fn a_stack_begins_with_the_frames_of_the_program() {
    let stack = "0: std::backtrace::Backtrace::create\n1: core::panicking::panic_fmt\n2: shop::pay::charge\n\
                 at ./src/pay.rs:42:17\n3: tokio::runtime::task::core::Core<T,S>::poll\n4: shop::main\n5: main\n";
    let page = first(
        &alert()
            .place("/c/registry/src/i-1/tower-0.5.3/src/a.rs", 9)
            .stack(watchfire_core::Stack::from_text(stack)),
    );
    let section = page.sections.iter().find(|section| section.title == "Stack").unwrap();
    assert_eq!(section.lines, ["shop::pay::charge at src/pay.rs:42", "… 1 frame of tokio", "shop::main"]);
    assert_eq!(page.facts[1].value, "shop::pay at tower-0.5.3/src/a.rs:9");
}

#[test]
fn a_text_with_line_breaks_forges_no_field_or_section() {
    for end in ["\n", "\r\n", "\r", "\u{2028}", "\u{2029}", "\u{85}"] {
        let forged = ["x", "order = 9", "", "Spans, the innermost first", "fake{}", "Host  evil"].join(end);
        let mut alert = alert()
            .field("note", forged.as_str())
            .field(format!("a{end}order"), "1")
            .error(&std::io::Error::other(forged.clone()))
            .span(watchfire_core::SpanFacts::new("s", "t", vec![Field::new("note", forged.as_str())]));
        alert.message.clone_from(&forged);
        let page = first(&alert);
        let text = page.plain_text();
        for line in ["Spans, the innermost first", "Host  evil", "fake{}", "order = 9"] {
            let found = text.lines().filter(|given| given.trim() == line);
            let found: Vec<_> = found.map(|given| given.len() - given.trim_start().len()).collect();
            // In entries, further to the right; the title of a section that is one stands at the edge.
            let title = usize::from(line.starts_with("Spans"));
            assert_eq!(found.iter().filter(|indent| **indent == 0).count(), title, "{end:?} {line}: {text}");
            assert!(found.iter().all(|indent| [0, 6].contains(indent)), "{end:?} {line}: {text}");
        }
        for section in &page.sections {
            let lines: Vec<_> = section.lines.iter().flat_map(|entry| entry.lines()).collect();
            let entries = lines.iter().filter(|line| !line.is_empty() && !line.starts_with("    ")).count();
            assert_eq!(entries, section.lines.len(), "{end:?}: {section:?}");
        }
        assert!(text.contains("\n  a order = 1\n"), "{text}");
    }
}

#[test]
fn a_field_that_repeats_the_error_or_the_severity_is_left_out() {
    let mut alert = alert()
        .error(&std::io::Error::other("timed out"))
        .field("error", "timed out")
        .field("err", "another")
        .field("order", "timed out")
        .field("severity", "critical");
    let fields = |alert: &Alert| {
        let page = first(alert);
        page.sections.into_iter().find(|section| section.title == "Fields").unwrap().lines
    };
    assert_eq!(fields(&alert), ["err = another", "order = timed out", "severity = critical"]);
    alert.severity = Severity::Critical;
    assert_eq!(fields(&alert), ["err = another", "order = timed out"]);
}

#[test]
fn a_backlog_says_that_it_is_one() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let mentions = [Mention::new(GroupId::from_u64(1), "a", 700), Mention::new(GroupId::from_u64(2), "b", 5)];
    let counts = Counts::new(705, 705, at, at + Duration::from_secs(600));
    let text = page(OccasionKind::CatchUp, counts, &mentions);
    let summary = "a backlog: 705 alerts in 2 groups kept back over 10 min 0 s since 2026-11-18T11:06:40Z; \
                   the last 5 min 0 s ago";
    assert!(text.contains(summary), "{text}");
    assert!(!text.contains("Where") && !text.contains("more,"), "{text}");
}

#[test]
fn the_title_says_what_happened() {
    let span = |name: &'static str| watchfire_core::SpanFacts::new(name, "shop", Vec::new());
    let failed = |message: &str, error: &str| {
        let mut alert = alert();
        alert.message = message.to_owned();
        alert.error =
            [error, "the root"].map(str::to_owned).into_iter().filter(|text| !text.is_empty()).collect();
        if error.is_empty() {
            alert.error.clear();
        }
        alert
    };
    let mut panic = failed("index out of bounds: the len is 3", "");
    panic.origin = watchfire_core::Origin::Panic;
    let long = "m".repeat(300);
    let cases = [
        (
            failed("payment failed", "could not charge order 4711"),
            "payment failed: could not charge order 4711",
        ),
        (failed("payment failed: timeout", "timeout"), "payment failed: timeout"),
        (failed("payment failed", ""), "payment failed"),
        (failed("", "could not charge order 4711"), "could not charge order 4711"),
        (
            failed("", "could not charge order 4711").span(span("request")).span(span("charge_order")),
            "charge_order: could not charge order 4711",
        ),
        (failed("first line\nsecond", "why\nbecause"), "first line: why"),
        (failed("\u{7}\n \nthird", ""), "third"),
        (panic, "panicked: index out of bounds: the len is 3"),
        (failed("", "").span(span("charge")).field("order", 9_i64), "charge: order = 9"),
        (failed("", "").place("src/pay.rs", 34), "an event without a message at src/pay.rs:34"),
        (failed("", ""), "an event without a message in shop::pay"),
    ];
    for (alert, expected) in cases {
        assert_eq!(first(&alert).title, expected);
    }
    let title = first(&failed(&long, "why it failed")).title;
    assert!(title.ends_with("…: why it failed") && title.chars().count() == 200, "{title}");
}

#[test]
fn nothing_of_a_message_is_lost_to_its_title() {
    let long = format!("{} the end", "m ".repeat(150));
    for (message, has_section) in
        [("payment  \t refused", false), ("payment refused\nby the bank", true), (long.as_str(), true)]
    {
        let mut alert = alert();
        message.clone_into(&mut alert.message);
        let sections = first(&alert).sections;
        let section = sections.iter().find(|section| section.title == "Message");
        assert_eq!(section.is_some(), has_section, "{message}");
        let text: String = section
            .iter()
            .flat_map(|section| section.lines.iter())
            .flat_map(|line| line.split_whitespace())
            .collect();
        assert!(!has_section || text == message.split_whitespace().collect::<String>(), "{text}");
    }
}

#[test]
fn the_first_line_names_program_severity_and_count() {
    let at = SystemTime::UNIX_EPOCH;
    let cases = [
        (OccasionKind::First, None, 1, "[shop] ERROR: payment refused"),
        (OccasionKind::First, Some("production"), 1, "[shop] ERROR: payment refused"),
        (OccasionKind::First, Some("staging"), 1, "[shop staging] ERROR: payment refused"),
        (OccasionKind::Digest, None, 186, "[shop] ERROR ×186: payment refused"),
        (OccasionKind::Quiet, None, 0, "[shop] QUIET: payment refused"),
    ];
    for (kind, environment, fresh, expected) in cases {
        let mut app = App::new("shop");
        if let Some(environment) = environment {
            app = app.environment(environment);
        }
        let alert = Alert::new(app, Severity::Error, "payment refused");
        let occasion = Occasion::first(&alert, "ops", GroupId::from_u64(1), at);
        let page = MessageContent::of(&occasion.of_kind(kind, 1).counts(Counts::new(190, fresh, at, at)));
        assert_eq!(page.subject(), expected);
        assert!(
            page.ascii_line(200).is_ascii() && !page.ascii_line(200).contains('?'),
            "{}",
            page.ascii_line(200)
        );
    }
}

#[test]
fn the_request_of_an_alert_is_named() {
    let request = |fields: &[(&'static str, &str)]| {
        let fields = fields.iter().map(|(name, value)| Field::new(*name, *value)).collect();
        watchfire_core::SpanFacts::new("request", "shop", fields)
    };
    // (the fields of the span around, those of the event, the facts)
    type Fields = &'static [(&'static str, &'static str)];
    let cases: &[(Fields, Fields, Fields)] = &[
        (
            &[("method", "POST"), ("uri", "/checkout?x=1"), ("request_id", "8f14"), ("user.id", "42")],
            &[("status", "500")],
            &[("Request", "POST /checkout?x=1: 500"), ("Request id", "8f14"), ("User", "42")],
        ),
        (
            &[("http.request.method", "GET"), ("http.route", "/orders/{id}"), ("url.path", "/orders/7")],
            &[("tenant", "acme"), ("trace_id", "4bf9")],
            &[("Request", "GET /orders/7 (/orders/{id})"), ("Tenant", "acme"), ("Trace", "4bf9")],
        ),
        (&[("http.method", "GET"), ("http.route", "/a")], &[], &[("Request", "GET /a")]),
        // A method of payment, a file, a state: nothing of a request.
        (&[("method", "card")], &[("status", "declined")], &[]),
        (&[], &[("path", "/var/lib/shop"), ("status", "full")], &[]),
        (&[("user", "")], &[], &[]),
    ];
    for (around, event, expected) in cases {
        let mut alert = alert().span(request(around));
        for (name, value) in *event {
            alert = alert.field(*name, *value);
        }
        let page = first(&alert);
        let facts: Vec<_> = page.facts.iter().map(|fact| (&*fact.label, fact.value.as_str())).collect();
        assert_eq!(&facts[..facts.len() - 2], *expected);
        let fields = page.sections.iter().find(|section| section.title == "Fields");
        let said = fields.map_or(0, |section| section.lines.len());
        let promoted =
            event.iter().filter(|(_, value)| expected.iter().any(|(_, fact)| fact.contains(value)));
        assert_eq!(
            said,
            event.len() - promoted.count(),
            "a field that is shown as a fact is not listed again"
        );
    }
}
