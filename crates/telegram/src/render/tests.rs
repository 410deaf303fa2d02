use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use watchfire_core::{Alert, AlertId, App, Severity, SpanFacts};
use watchfire_outbox::{Counts, GroupId, Mention, Receipt, Sink};

use super::*;

fn telegram() -> Telegram {
    Telegram::bot("123456789:planted-token-planted-token-00", "-1001234567890").unwrap()
}

/// An alert that holds `text` wherever an alert can hold any.
fn alert(text: &str) -> Alert {
    let app = App::new(text.to_owned()).environment(text.to_owned()).host("web-1").pid(7);
    let error = std::io::Error::other(text.to_owned());
    Alert::new(app, Severity::Error, text)
        .id(AlertId::from_u128(1))
        .at(UNIX_EPOCH + Duration::from_secs(1_700_000_000))
        .thread(text)
        .target(text.to_owned())
        .place(text.to_owned(), 7)
        .field("order", text)
        .span(SpanFacts::new("request", "shop", vec![watchfire_core::Field::new("user", text)]))
        .error(&error)
}

fn occasion<'a>(alert: &'a Alert, kind: OccasionKind) -> Occasion<'a> {
    let first = alert.at;
    let last = first + Duration::from_secs(300);
    Occasion::first(
        alert,
        "telegram",
        GroupId::from_u64(0x0123_4567_89ab_cdef),
        last + Duration::from_secs(60),
    )
    .of_kind(kind, u32::from(kind != OccasionKind::First))
    .counts(Counts::new(12, 11, first, last))
    .unreported(3)
}

fn payloads(occasion: &Occasion<'_>) -> Vec<(Form, Value)> {
    let notifications = telegram().render(occasion);
    let renderings = notifications.iter().flat_map(Notification::renderings);
    renderings.map(|(form, body)| (form, serde_json::from_slice(body).unwrap())).collect()
}

fn html(occasion: &Occasion<'_>) -> String {
    payloads(occasion)[0].1["text"].as_str().unwrap().to_owned()
}

/// Reads HTML as the server does, and panics where it would refuse; returns the visible text.
fn visible(html: &str) -> String {
    let (mut shown, mut open, mut entities) = (String::new(), Vec::new(), 0);
    let mut rest = html;
    while let Some(c) = rest.chars().next() {
        match c {
            '<' => {
                let (tag, after) = rest[1..].split_once('>').expect("a tag that ends");
                rest = after;
                if let Some(name) = tag.strip_prefix('/') {
                    assert_eq!(open.pop(), Some(name), "{html}");
                    continue;
                }
                let name = tag.split(' ').next().unwrap();
                assert!(matches!(tag, "b" | "code" | "pre" | "blockquote expandable"), "{tag}");
                match name {
                    "pre" => assert!(open.is_empty() || open == ["blockquote"], "{html}"),
                    _ => assert!(open.is_empty(), "{name} in {open:?}"),
                }
                open.push(name);
                entities += 1;
            }
            '&' => {
                let (entity, after) = rest.split_once(';').expect("an entity that ends");
                shown.push(match entity {
                    "&amp" => '&',
                    "&lt" => '<',
                    "&gt" => '>',
                    other => panic!("{other}"),
                });
                rest = after;
            }
            '>' => panic!("a bare > in {html}"),
            c => {
                shown.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(entities <= 100, "{entities}");
    shown
}

/// Asserts what the server demands of every payload, with room for the mark of a possible duplicate.
fn hold_limits(form: Form, payload: &Value) -> usize {
    let text = payload["text"].as_str().unwrap();
    assert_eq!(payload.get("parse_mode").is_some(), form == Form::Rich);
    let shown = if form == Form::Rich { visible(text) } else { text.to_owned() };
    let units = shown.encode_utf16().count();
    assert!(!shown.trim().is_empty());
    assert!(units <= 4_096 - "(possible duplicate)\n".len(), "{units}");
    assert!(!shown.contains(['\0', '\u{202e}', '\u{1b}']), "{shown:?}");
    if form == Form::Ascii {
        assert!(text.is_ascii());
    }
    units
}

#[test]
fn a_first_alert_reads_well() {
    let at = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let app = App::new("storefront").environment("production").host("web-1").pid(7);
    let alert = Alert::new(app, Severity::Error, "payment <refused> & lost")
        .id(AlertId::from_u128(1))
        .at(at)
        .thread("worker")
        .target("shop::pay")
        .place("src/pay.rs", 42)
        .field("order", 4711_i64)
        .error(&std::io::Error::other("Vec<T>"));
    let occasion = Occasion::first(&alert, "telegram", GroupId::from_u64(1), at);
    assert_eq!(
        html(&occasion),
        "<b>ERROR in storefront (production)</b>\n\
         <code>payment &lt;refused&gt; &amp; lost</code>\n\
         \nWhen: <code>2023-11-14T22:13:20Z</code>\
         \nWhere: <code>shop::pay at src/pay.rs:42</code>\
         \nThread: <code>worker</code>\
         \nHost: <code>web-1, process 7</code>\
         \nAlert: <code>00000000000000000000000000000001</code>\
         \n\n<b>Error</b>\n<pre>Vec&lt;T&gt;</pre>\
         \n\n<b>Fields</b>\n<pre>order = 4711</pre>\n\
         \ngroup <code>0000000000000001</code>"
    );
    let payload = &payloads(&occasion)[0].1;
    assert_eq!(payload["link_preview_options"]["is_disabled"], true);
    assert!(payload.get("chat_id").is_none() && payload.get("disable_notification").is_none());
}

#[test]
fn a_long_section_is_folded() {
    let alert = alert("x").field("lines", "a\n".repeat(20));
    assert!(
        html(&occasion(&alert, OccasionKind::First))
            .contains("<b>Fields</b>\n<blockquote expandable><pre>order = x")
    );
}

#[test]
fn digests_answer_the_first_message_and_edits_replace_it() {
    let alert = alert("no stock");
    let receipts = [Receipt::new("-1001234567890", "4711"), Receipt::new("-1001234567890", "4712")];
    let of = |kind| {
        payloads(&occasion(&alert, kind).receipts(&receipts)).into_iter().map(|(_, p)| p).collect::<Vec<_>>()
    };
    for payload in of(OccasionKind::Digest) {
        assert_eq!(
            payload["reply_parameters"],
            json!({ "message_id": 4711, "allow_sending_without_reply": true })
        );
        assert!(payload.get("message_id").is_none());
    }
    let edits = of(OccasionKind::Edit);
    assert_eq!(edits[0]["message_id"], 4711);
    assert!(edits[0]["text"].as_str().unwrap().contains("11 more, 12 in total"), "{}", edits[0]);
    assert!(edits[0].get("reply_parameters").is_none());
    // What cannot be edited is said anew.
    assert!(edits[1..].iter().all(|payload| payload.get("message_id").is_none()));
    assert!(of(OccasionKind::First).iter().all(|payload| payload.get("reply_parameters").is_none()));

    let digest = visible(of(OccasionKind::Digest)[0]["text"].as_str().unwrap());
    assert!(digest.contains("11 more, 12 in total") && !digest.contains("When:"), "{digest}");
    let alone = html(&occasion(&alert, OccasionKind::Digest));
    assert!(alone.contains("11 more, 12 in total") && alone.contains("When:"), "{alone}");
    assert!(payloads(&occasion(&alert, OccasionKind::Edit))[0].1.get("message_id").is_none());
}

#[test]
fn is_silent_when_told_so_and_when_all_is_quiet() {
    let alert = alert("x");
    let loud = |kind| payloads(&occasion(&alert, kind))[0].1.get("disable_notification").is_none();
    assert!(loud(OccasionKind::First) && loud(OccasionKind::Digest) && !loud(OccasionKind::Quiet));
    let silent = telegram().silent().render(&occasion(&alert, OccasionKind::First)).remove(0);
    for (form, body) in silent.renderings() {
        let payload: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(payload["disable_notification"], true, "{form:?}");
    }
}

#[test]
fn a_storm_names_the_groups() {
    let alert = alert("first of many");
    let others: Vec<_> =
        (0..200).map(|i| Mention::new(GroupId::from_u64(i), format!("<group> {i}"), i)).collect();
    let occasion = occasion(&alert, OccasionKind::Storm).others(&others);
    let shown = visible(&html(&occasion));
    assert!(shown.contains("x1 <group> 1 [0000000000000001]"), "{shown}");
    for (form, payload) in payloads(&occasion) {
        hold_limits(form, &payload);
    }
}

#[test]
fn plain_forms_mention_nobody_and_link_nothing() {
    let cases = [
        ("@ada look", "@\u{2060}ada look"),
        ("(@ada)", "(@\u{2060}ada)"),
        ("#incident /start", "#\u{2060}incident /\u{2060}start"),
        ("ada@example.com src/pay.rs a#b", "ada@example.com src/pay.rs a#b"),
        ("@ @@ada", "@ @@\u{2060}ada"),
        ("", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(unlinked(text, '\u{2060}', 100), expected);
    }
    for (form, payload) in payloads(&occasion(&alert("@ada"), OccasionKind::First)) {
        let text = payload["text"].as_str().unwrap();
        // In HTML it stands in code, or in the headline, which is the program's own name.
        assert!(form == Form::Rich || !text.contains("@ada"), "{form:?} {text}");
    }
}

#[test]
fn hostile_text_stays_text() {
    let family = "👩‍👩‍👧‍👦".repeat(1_000);
    let emoji = "🔥".repeat(5_000);
    let amps = "&".repeat(9_000);
    let long_lines = "x ".repeat(40_000);
    let many_lines = "\n<b>".repeat(3_000);
    let texts = [
        "",
        " ",
        "\n\n\n",
        "\0\u{1}\u{1b}[31mred\u{7f}",
        "<b>bold</b> <a href=\"https://evil.example\">click</a> <code>",
        "</pre></blockquote></code>",
        "&amp; &lt;b&gt; &#60; &nbsp;",
        "@everyone /start #tag",
        "user\u{202e}gpj.exe\u{2066}",
        "Vec<HashMap<&'static str, Box<dyn Fn(&T) -> U>>>",
        "\u{fffe}\u{ffff}\u{200b}\u{feff}",
        &family,
        &emoji,
        &amps,
        &long_lines,
        &many_lines,
    ];
    for text in texts {
        for kind in [OccasionKind::First, OccasionKind::Storm, OccasionKind::Digest] {
            for (form, payload) in payloads(&occasion(&alert(text), kind)) {
                hold_limits(form, &payload);
            }
        }
    }
}

#[test]
fn a_long_alert_uses_what_there_is_and_leaves_room_for_every_section() {
    let mut alert = alert(&"0123456789".repeat(2_000));
    alert.app = App::new("storefront").into();
    let (form, payload) = payloads(&occasion(&alert, OccasionKind::First)).remove(0);
    assert!(hold_limits(form, &payload) > 3_900);
    for title in ["<b>Error</b>", "<b>Fields</b>", "<b>Spans"] {
        assert!(payload["text"].as_str().unwrap().contains(title), "{title}");
    }
}

#[test]
fn cuts_before_escaping_and_counts_what_is_shown() {
    for max in 0..60 {
        let mut html = Html::default();
        html.bold("<&>é😀<&>é😀<&>é😀<&>é😀<&>é😀", max);
        let shown = visible(&html.markup);
        assert_eq!(shown.encode_utf16().count(), html.units);
        assert!(html.units <= max, "{max}: {}", html.markup);
    }
}

#[test]
fn renders_the_same_twice_and_without_a_credential() {
    let alert = alert("again");
    let telegram = telegram();
    let first = telegram.render(&occasion(&alert, OccasionKind::First));
    assert_eq!(first, telegram.render(&occasion(&alert, OccasionKind::First)));
    for (_, body) in first[0].renderings() {
        assert!(!String::from_utf8_lossy(body).contains("planted"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_bytes_make_a_message_that_telegram_takes(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..3_000),
            proptest::collection::vec(prop_oneof![Just(b'&'), Just(b'<'), Just(b'/'), Just(b'\n'), Just(0xf0)], 0..3_000),
        ],
        unicode in ".{0,1000}",
    ) {
        for text in [String::from_utf8_lossy(&bytes).into_owned(), unicode] {
            for (form, payload) in payloads(&occasion(&alert(&text), OccasionKind::First)) {
                hold_limits(form, &payload);
            }
        }
    }
}
