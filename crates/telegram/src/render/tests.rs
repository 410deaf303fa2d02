//! Tests of rendered Telegram messages.

use std::time::{Duration, UNIX_EPOCH};

use watchfire_core::{Alert, AlertId, App, Severity, SpanFacts};
use watchfire_outbox::{Counts, GroupId, Mention, Receipt, Sink};

use super::*;
use crate::{Telegram, TelegramBuilder};

fn telegram() -> TelegramBuilder {
    Telegram::bot("123456789:planted-token-planted-token-00", "-1001234567890")
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
    let notifications = telegram().build().unwrap().render(occasion);
    let renderings = notifications.iter().flat_map(Notification::renderings);
    renderings.map(|(form, body)| (form, serde_json::from_slice(body).unwrap())).collect()
}

fn html(occasion: &Occasion<'_>) -> String {
    payloads(occasion)[0].1["text"].as_str().unwrap().to_owned()
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
        "<b>[storefront] ERROR: payment &lt;refused&gt; &amp; lost: Vec&lt;T&gt;</b>\n\
         ERROR in storefront (production)\n\
         \nWhen: <code>2023-11-14T22:13:20Z</code>\
         \nWhere: <code>shop::pay at src/pay.rs:42</code>\
         \n\n<b>Fields</b>\n<pre>order = 4711</pre>\n\
         \nThread: <code>worker</code>\
         \nHost: <code>web-1, process 7</code>\
         \nAlert: <code>00000000000000000000000000000001</code>\
         \nSilence: <code>watchfire silence 0000000000000001 --for 2h</code>\
         \ngroup <code>0000000000000001</code>"
    );
    let payload = &payloads(&occasion)[0].1;
    assert_eq!(payload["link_preview_options"]["is_disabled"], true);
    assert!(payload.get("chat_id").is_none() && payload.get("disable_notification").is_none());
}

#[test]
fn a_value_with_line_breaks_forges_no_field_and_no_section() {
    let forged = "x\norder = 9\n\nSpans, the innermost first\n  fake{}";
    let mut alert = alert("no stock").field("note", forged).field("last", "1");
    alert.error = vec!["timed out".to_owned(), forged.to_owned()];
    for (form, payload) in payloads(&occasion(&alert, OccasionKind::First)) {
        let text = payload["text"].as_str().unwrap();
        let edge = if form == Form::Rich { 0 } else { 2 };
        for line in ["order = 9", "fake{}"] {
            let at_edge =
                |given: &&str| given.trim() == line && given.len() - given.trim_start().len() <= edge;
            assert_eq!(text.lines().find(at_edge), None, "{form:?}: {text}");
        }
        let titles =
            text.lines().filter(|line| line.contains("Spans, the") && !line.starts_with(' ')).count();
        assert_eq!(titles, usize::from(matches!(form, Form::Rich | Form::Plain)), "{form:?}: {text}");
    }
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
    assert!(
        edits[0]["text"].as_str().unwrap().contains("11 more in 5 min 0 s (132/h), 12 in total"),
        "{}",
        edits[0]
    );
    assert!(edits[0].get("reply_parameters").is_none());
    assert_eq!(of(OccasionKind::Quiet)[0]["message_id"], 4711, "no ping for what is over");
    // A message that cannot be edited is sent anew.
    assert!(edits[1..].iter().all(|payload| payload.get("message_id").is_none()));
    assert!(of(OccasionKind::First).iter().all(|payload| payload.get("reply_parameters").is_none()));

    let digest = of(OccasionKind::Digest)[0]["text"].to_string();
    assert!(
        digest.contains("11 more in 5 min 0 s (132/h), 12 in total") && !digest.contains("When:"),
        "{digest}"
    );
    let alone = html(&occasion(&alert, OccasionKind::Digest));
    assert!(
        alone.contains("11 more in 5 min 0 s (132/h), 12 in total") && alone.contains("When:"),
        "{alone}"
    );
    assert!(payloads(&occasion(&alert, OccasionKind::Edit))[0].1.get("message_id").is_none());
}

#[test]
fn is_silent_when_told_so_and_when_all_is_quiet() {
    let alert = alert("x");
    let loud = |kind| payloads(&occasion(&alert, kind))[0].1.get("disable_notification").is_none();
    assert!(loud(OccasionKind::First) && loud(OccasionKind::Digest) && !loud(OccasionKind::Quiet));
    let silent =
        telegram().silent().build().unwrap().render(&occasion(&alert, OccasionKind::First)).remove(0);
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
    let html = html(&occasion);
    assert!(html.contains("x1 &lt;group&gt; 1 [0000000000000001]"), "{html}");
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
fn a_long_alert_fills_the_limit_and_keeps_every_section() {
    let mut alert = alert(&"0123456789".repeat(2_000));
    alert.app = App::new("storefront").into();
    let html = html(&occasion(&alert, OccasionKind::First));
    // The markup comes on top of what is shown.
    assert!((3_900..MESSAGE + 400).contains(&html.len()), "{}", html.len());
    for title in ["<b>Error</b>", "<b>Fields</b>", "<b>Spans"] {
        assert!(html.contains(title), "{title}");
    }
}

#[test]
fn cuts_before_escaping_and_counts_what_is_shown() {
    for max in 0..60 {
        let mut html = Html::default();
        html.bold("<&>é😀<&>é😀<&>é😀<&>é😀<&>é😀", max);
        let units = html.units();
        let shown = html.into_markup().replace("<b>", "").replace("</b>", "");
        let shown = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        assert_eq!(shown.encode_utf16().count(), units, "{shown}");
        assert!(units <= max, "{max}: {shown}");
    }
}

#[test]
fn links_are_buttons_of_the_rich_form_alone() {
    let app = App::new("shop").link("runbook", "https://wiki.example.com/{order}");
    let alert = Alert::new(app, Severity::Error, "no stock for @ada").field("order", "47 11");
    for (form, payload) in payloads(&Occasion::first(&alert, "ops", GroupId::from_u64(1), UNIX_EPOCH)) {
        let button = json!({ "text": "Runbook", "url": "https://wiki.example.com/47%2011" });
        let expected = if form == Form::Rich { json!([[button]]) } else { Value::Null };
        assert_eq!(payload["reply_markup"]["inline_keyboard"], expected, "{form:?}");
        assert!(!payload["text"].as_str().unwrap().contains("@ada"), "a name in a title mentions nobody");
    }
}
