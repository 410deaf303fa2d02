//! Tests of rendered Slack messages.

use std::time::{Duration, UNIX_EPOCH};

use watchfire_core::{Alert, AlertId, App, SpanFacts};
use watchfire_outbox::{Counts, Form, GroupId, Mention, Receipt, Sink};

use super::*;
use crate::{Slack, SlackBuilder};

const URL: &str = "https://hooks.slack.com/services/T0EXAMPLE/B0EXAMPLE/plantedWebhookPlantedWebhook";

fn hook() -> SlackBuilder {
    Slack::webhook(URL)
}

fn bot() -> SlackBuilder {
    Slack::bot("xoxb-planted-token", "C0123ABCD")
}

/// An alert that holds `text` wherever an alert can hold any.
fn alert(text: &str) -> Alert {
    let at = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let app = App::new(text.to_owned()).environment(text.to_owned()).host("web-1").pid(7);
    let error = std::io::Error::other(text.to_owned());
    Alert::new(app, Severity::Error, text)
        .id(AlertId::from_u128(1))
        .at(at)
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
    Occasion::first(alert, "slack", GroupId::from_u64(0x0123_4567_89ab_cdef), last + Duration::from_secs(60))
        .of_kind(kind, u32::from(kind != OccasionKind::First))
        .counts(Counts::new(12, 11, first, last))
        .unreported(3)
}

fn payloads(slack: &SlackBuilder, occasion: &Occasion<'_>) -> Vec<(Form, Value)> {
    let notifications = slack.clone().build().unwrap().render(occasion);
    let renderings = notifications.iter().flat_map(Notification::renderings);
    renderings.map(|(form, body)| (form, serde_json::from_slice(body).unwrap())).collect()
}

fn rich(slack: &SlackBuilder, occasion: &Occasion<'_>) -> Value {
    payloads(slack, occasion).remove(0).1
}

/// Every `<` begins a configured mention, and every `&` an entity.
fn well_escaped(text: &str, mentions: &[&str]) {
    let mut bare = text.to_owned();
    for mention in mentions {
        bare = bare.replace(mention, "");
    }
    assert!(!bare.contains(['<', '>']), "{text}");
    for after in bare.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;"].iter().any(|entity| after.starts_with(entity)), "{text}");
    }
    assert!(!text.contains(['\0', '\u{202e}', '\u{1b}']), "{text:?}");
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
        .error(&std::io::Error::other("Vec<`T`>"));
    let occasion = Occasion::first(&alert, "slack", GroupId::from_u64(1), at);
    let payload = rich(&hook().mention("@here"), &occasion);
    assert_eq!(
        payload["text"],
        "<!here> [storefront] ERROR: payment &lt;refused&gt; &amp; lost: Vec&lt;`T`&gt;\n\
         When: 2023-11-14T22:13:20Z \u{b7} Where: shop::pay at src/pay.rs:42"
    );
    assert_eq!(payload["blocks"][0]["text"]["text"], "payment &lt;refused&gt; &amp; lost: Vec&lt;`T`&gt;");
    assert_eq!(payload["blocks"][1]["text"]["text"], "ERROR in storefront (production)");
    assert_eq!(payload["blocks"][2]["text"]["text"], "<!here> ");
    assert_eq!(payload["unfurl_links"], false);
    let attachment = &payload["attachments"][0];
    assert_eq!(attachment["color"], "danger");
    let fields = attachment["blocks"][0]["fields"].as_array().unwrap();
    let texts: Vec<_> = fields.iter().map(|field| field["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["*When*\n`2023-11-14T22:13:20Z`", "*Where*\n`shop::pay at src/pay.rs:42`"]);
    assert_eq!(attachment["blocks"][1]["text"]["text"], "*Fields*\n```\norder = 4711\n```");
    assert_eq!(
        attachment["blocks"][2]["elements"][0]["text"],
        "Thread: worker · Host: web-1, process 7 · Alert: 00000000000000000000000000000001 · \
         Silence: watchfire silence 0000000000000001 --for 2h · group 0000000000000001"
    );
}

#[test]
fn a_value_with_line_breaks_forges_no_field_and_no_section() {
    let alert = alert("no stock")
        .field("note", "x\norder = 9\n\nSpans, the innermost first\n  fake{}")
        .field("last", "1");
    for (form, payload) in payloads(&hook(), &occasion(&alert, OccasionKind::First)) {
        let blocks = payload["attachments"][0]["blocks"].as_array().into_iter().flatten();
        let mut texts: Vec<_> = blocks.filter_map(|block| block["text"]["text"].as_str()).collect();
        texts.push(payload["text"].as_str().unwrap());
        // In the fence entries stand at the edge; in plain text they are two spaces below their title.
        let edge = if form == Form::Rich { 0 } else { 2 };
        for line in texts.iter().flat_map(|text| text.lines()) {
            let indent = line.len() - line.trim_start().len();
            assert!(!["order = 9", "fake{}"].contains(&line.trim()) || indent > edge, "{form:?}: {line}");
        }
        let titles = texts.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("Spans, the"));
        assert_eq!(titles.count(), usize::from(form == Form::Plain), "{form:?}");
    }
}

#[test]
fn mentions_only_whom_it_was_told_and_only_at_firsts_and_storms() {
    let alert = alert("<!channel> <@U000EVIL> <!here|x> @everyone");
    let slack = bot().mention("@here").mention("S012ABCDE");
    for (kind, mentioned) in [
        (OccasionKind::First, true),
        (OccasionKind::Storm, true),
        (OccasionKind::Digest, false),
        (OccasionKind::Edit, false),
        (OccasionKind::Quiet, false),
        (OccasionKind::CatchUp, false),
    ] {
        for (form, payload) in payloads(&slack, &occasion(&alert, kind)) {
            let mentions = ["<!here>", "<!subteam^S012ABCDE>"];
            let text = payload["text"].as_str().unwrap();
            well_escaped(text, if mentioned { &mentions } else { &[] });
            assert_eq!(payload.to_string().contains("<!here>"), mentioned, "{payload}");
            assert_eq!(
                text.starts_with("<!here> <!subteam^S012ABCDE> "),
                mentioned,
                "{kind:?} {form:?} {text}"
            );
        }
    }
}

#[test]
fn the_text_beside_the_blocks_says_what_where_and_when() {
    for message in ["payment refused".to_owned(), "payment refused ".repeat(500)] {
        let mut alert = alert(&message);
        alert = alert.target("shop::pay").place("src/payments.rs", 42);
        for kind in [OccasionKind::First, OccasionKind::Digest] {
            let payload = rich(&hook(), &occasion(&alert, kind));
            let text = payload["text"].as_str().unwrap();
            for part in ["payment refused", "src/payments.rs:42", "2023-11-14"] {
                assert!(text.contains(part), "{kind:?} {part}: {text}");
            }
            assert!(text.chars().count() < 800, "{text}");
        }
    }
}

#[test]
fn has_all_four_forms_for_each_channel() {
    let slack = bot().also_to("#ops").build().unwrap();
    let alert = alert("x");
    let notifications = slack.render(&occasion(&alert, OccasionKind::First));
    let recipients: Vec<_> = notifications.iter().map(Notification::recipient).collect();
    assert_eq!(recipients, ["C0123ABCD", "#ops"]);
    for notification in &notifications {
        let forms: Vec<_> = notification.renderings().map(|(form, _)| form).collect();
        assert_eq!(forms, [Form::Rich, Form::Plain, Form::Short, Form::Ascii]);
        for (form, body) in notification.renderings() {
            let payload: Value = serde_json::from_slice(body).unwrap();
            assert_eq!(payload["channel"], notification.recipient());
            assert_eq!(payload.get("blocks").is_some(), form == Form::Rich);
            assert_eq!(payload.get("mrkdwn").is_some(), form != Form::Rich);
        }
    }
    assert_eq!(
        hook().build().unwrap().render(&occasion(&alert, OccasionKind::First))[0].recipient(),
        "webhook"
    );
}

#[test]
fn digests_go_into_the_thread_of_the_first_and_edits_into_it() {
    let alert = alert("no stock");
    let receipts = [
        Receipt::new("C0123ABCD", "C0123ABCD/1503435956.000247"),
        Receipt::new("C0123ABCD", "C0123ABCD/2.0"),
    ];
    let threads = |kind| {
        let occasion = occasion(&alert, kind).receipts(&receipts);
        payloads(&bot(), &occasion)
            .into_iter()
            .map(|(_, payload)| payload["thread_ts"].clone())
            .collect::<Vec<_>>()
    };
    let ts = Value::from("1503435956.000247");
    // The plainest forms stand alone: the thread itself may be what Slack refused.
    let inside = [ts.clone(), ts.clone(), Value::Null, Value::Null];
    assert_eq!(threads(OccasionKind::Digest), inside);
    for kind in [OccasionKind::Edit, OccasionKind::Quiet] {
        assert_eq!(threads(kind), [Value::Null, ts.clone(), Value::Null, Value::Null]);
        assert_eq!(rich(&bot(), &occasion(&alert, kind).receipts(&receipts))["ts"], ts, "{kind:?}");
    }
    assert!(threads(OccasionKind::First).iter().all(Value::is_null));

    let edit = rich(&bot(), &occasion(&alert, OccasionKind::Edit).receipts(&receipts));
    assert_eq!((&edit["channel"], &edit["ts"]), (&Value::from("C0123ABCD"), &ts));
    assert!(edit["text"].as_str().unwrap().contains("11 more in 5 min 0 s (132/h), 12 in total"), "{edit}");
    assert!(edit["blocks"].is_array() && edit["attachments"].is_array());

    let digest = rich(&bot(), &occasion(&alert, OccasionKind::Digest).receipts(&receipts));
    assert!(
        digest["attachments"][0]["blocks"][0]["fields"].is_null(),
        "a digest in a thread does not repeat the facts"
    );
    let said = digest["blocks"][1]["text"]["text"].as_str().unwrap();
    assert!(said.contains(": 11 more in 5 min 0 s (132/h), 12 in total"), "{said}");
    // Without a receipt it stands alone and says all.
    let alone = rich(&bot(), &occasion(&alert, OccasionKind::Digest));
    assert!(alone["attachments"][0]["blocks"][0]["fields"].is_array());
    assert!(rich(&bot(), &occasion(&alert, OccasionKind::Edit))["ts"].is_null());
}

#[test]
fn a_storm_names_the_groups() {
    let alert = alert("first of many");
    let others: Vec<_> =
        (0..200).map(|i| Mention::new(GroupId::from_u64(i), format!("<group> {i}"), i)).collect();
    let payload = rich(&bot(), &occasion(&alert, OccasionKind::Storm).others(&others));
    let text = payload["text"].as_str().unwrap();
    assert!(text.contains("] STORM: 200 different alerts in 5 min"), "{text}");
    assert!(payload.to_string().contains("x1 &lt;group&gt; 1 [0000000000000001]"));
}

#[test]
fn a_long_alert_fills_the_limit_and_keeps_every_section() {
    let payload = rich(&hook(), &occasion(&alert(&"0123456789".repeat(2_000)), OccasionKind::First));
    let length = payload.to_string().len();
    assert!((8_000..MESSAGE + 2_500).contains(&length), "{length}");
    let blocks = payload["attachments"][0]["blocks"].as_array().unwrap();
    for title in ["*Error*", "*Fields*", "*Spans"] {
        let found = blocks
            .iter()
            .any(|block| block["text"]["text"].as_str().is_some_and(|text| text.starts_with(title)));
        assert!(found, "{title}");
    }
}

#[test]
fn a_text_of_control_characters_alone_is_no_title() {
    let alert = Alert::new(App::new("shop"), Severity::Error, "").target("\0\u{1}");
    let payload = rich(&hook(), &occasion(&alert, OccasionKind::First));
    assert_eq!(payload["blocks"][0]["text"]["text"], "an event without a message");
}

#[test]
fn counts_after_escaping_and_cuts_no_entity() {
    for max in 0..60 {
        let cut = Escaped::text("<&>é😀<&>é😀<&>é😀", max);
        let units = cut.units();
        let cut = Value::from(cut);
        assert!(units <= max, "{max}: {cut}");
        well_escaped(cut.as_str().unwrap(), &[]);
    }
    assert_eq!(Value::from(Escaped::text("a&<😀", 12)), "a&amp;&lt;😀");
}

#[test]
fn links_are_in_the_title_and_in_a_line_below_the_facts() {
    let app = App::new("shop")
        .link("runbook", "https://wiki.example.com/{target}?a=1&b={order}")
        .link("trace", "https://traces.example.com/{trace_id}");
    let alert =
        Alert::new(app, Severity::Error, "no | stock <b>").target("shop::pay").field("order", "<4711|>");
    let alert = alert.field("alert.link", "https://crm.example.com/4711").field("alert.color", "#00FF00");
    let payload = rich(&hook(), &occasion(&alert, OccasionKind::First));
    assert_eq!(
        payload["blocks"][0]["text"]["text"],
        "*<https://crm.example.com/4711|no \u{2223} stock &lt;b&gt;>*"
    );
    let attachment = &payload["attachments"][0];
    assert_eq!(attachment["color"], "#00FF00");
    assert_eq!(
        attachment["blocks"][1]["text"]["text"],
        "*<https://crm.example.com/4711|Link>* \u{b7} \
         *<https://wiki.example.com/shop%3A%3Apay?a=1&amp;b=%3C4711%7C%3E|Runbook>*"
    );
}
