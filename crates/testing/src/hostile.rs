//! Hostile texts for renderers.

use std::time::{Duration, UNIX_EPOCH};

use watchfire_core::{Alert, AlertId, App, Field, Severity, SpanFacts, Stack, Value};

use crate::{bare_alert, full_alert, moment};

/// An alert that some provider, protocol or reader has tripped over.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Hostile {
    /// The name of the attack, such as `mentions`.
    pub name: String,
    /// The alert.
    pub alert: Alert,
}

/// Above this a text stands at four places of an alert only: more would be slow, and is no worse.
const LONG: usize = 2_000;

/// Returns alerts that must arrive all the same: hostile texts at every place, and values that nobody expects.
#[must_use]
pub fn hostile_alerts() -> Vec<Hostile> {
    let texts = hostile_texts().into_iter().map(|(name, text)| (name, alert_of(&text)));
    texts
        .chain(odd_alerts().into_iter().map(|(name, alert)| (name.to_owned(), alert)))
        .map(|(name, alert)| Hostile { name, alert })
        .collect()
}

/// Returns texts that some provider, protocol or reader has tripped over, each with what it is.
#[must_use]
pub fn hostile_texts() -> Vec<(String, String)> {
    let short = [
        ("nothing", ""),
        ("blanks", " \t \n\n \u{a0}\u{3000} "),
        (
            "mentions",
            "@here @channel @everyone <!here> <!channel|x> <@U012ABCDE> <!subteam^S012ABCDE> <#C012ABCDE> @ada #ops",
        ),
        (
            "links",
            "<https://example.com|click> [click](tg://user?id=1) https://example.com/a?b=c&d javascript:alert(1)",
        ),
        ("entities", "& < > \" ' &amp; &lt;b&gt; &#64; &#x40; &nbsp &unknown;"),
        (
            "html",
            "<b>bold <i>and</b> open <script>alert(1)</script></pre></code><!-- ]]> <img src=x onerror=alert(1)>",
        ),
        (
            "markdown",
            "*bold* _it_ __u__ ~s~ ||x|| `code` ```\nfence``` # h > q - l 1. n [a](b) \\ . ! + = { }",
        ),
        ("json", "\"}],\"text\":\"x\",\\\"} \\u0000 \\ud800 \\n \\"),
        ("headers", "x\r\nBcc: victim@example.com\r\nSubject: y\r\n\r\nbody\r\n.\r\nQUIT\r\n"),
        ("breaks", "a\rb\nc\r\nd\u{b}e\u{c}f\u{85}g\u{2028}h\u{2029}i"),
        ("dots", "\r\n.\r\n..\r\n.\n.\nFrom me\r\n--boundary--\r\n"),
        ("encoded words", "=?UTF-8?B?PGI+?= =?utf-8?q?=0d=0a?= =0D=0A %0d%0a +AGI-"),
        ("templates", "{} {0} {{x}} %s %n %d ${HOME} $(id) {#var#} {#alphanumeric#} #{x} <%= x %>"),
        ("forms", "a=b&c=d+e%20f;g?h#i/../../etc/passwd"),
        ("addresses", "Ada <ada@example.com>, \"x\" <y@example.com>; group: a@b;"),
        (
            "bidi",
            "user\u{202e}gpj.exe \u{2066}\u{2067}\u{2068}\u{202a}\u{202b}\u{202d}\u{200f}\u{061c} unclosed",
        ),
        ("nul", "before\0after\0"),
        ("lone marks", "\u{301}\u{300}\u{20dd}\u{fe0f} \u{200d}\u{1f3fb}\u{e0061}"),
        ("invisible", "\u{200b}\u{200c}\u{2060}\u{feff}\u{ad}\u{34f}\u{115f}\u{2800}"),
        ("no characters", "\u{fffe}\u{ffff}\u{fdd0}\u{1fffe}\u{10ffff}\u{e000}\u{fffd}"),
        ("gsm extension", "^{}\\[~]|€ and @£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"),
        ("right to left", "שלום עולם مرحبا بالعالم"),
        ("typography", "“quotes” ‘single’ – — … • × ½ ™"),
        ("ansi", "\u{1b}[31mred\u{1b}[0m \u{1b}]8;;https://example.com\u{7}link\u{1b}]8;;\u{7} \u{8}\u{8}"),
    ];
    let mut all: Vec<(String, String)> =
        short.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let controls = (0_u32..32).chain(127..160).filter_map(char::from_u32).collect();
    all.push(("controls".to_owned(), controls));
    all.push(("piled marks".to_owned(), format!("e{}", "\u{301}".repeat(900))));
    all.push(("joined emoji".to_owned(), "👩‍👩‍👧‍👦".repeat(300)));
    all.push(("5000 emoji".to_owned(), "😀".repeat(5_000)));
    for (name, unit) in [
        ("x", "x"),
        ("ampersand", "&"),
        ("less-than", "<"),
        ("quote", "\""),
        ("backslash", "\\"),
        ("backtick", "`"),
        ("break", "\n"),
        ("nul", "\0"),
        ("blank", " "),
        ("euro", "€"),
        ("three bytes", "漢"),
    ] {
        all.push((format!("64 KiB of {name}"), unit.repeat(65_536 / unit.len())));
    }
    // Whatever the limit and its unit: one of these straddles it.
    for offset in 0..4 {
        all.push((format!("emoji after {offset}"), format!("{}{}", "a".repeat(offset), "😀".repeat(2_500))));
        all.push((format!("accents after {offset}"), format!("{}{}", "a".repeat(offset), "é".repeat(5_000))));
        all.push((
            format!("entities after {offset}"),
            format!("{}{}", "a".repeat(offset), "<é&".repeat(2_500)),
        ));
    }
    all
}

/// Makes an alert with `text` at every place that has one; at the message, a field, the error and the stack only if it
/// is long.
#[must_use]
pub fn alert_of(text: &str) -> Alert {
    let piece: String = if text.len() > LONG { text.chars().take(64).collect() } else { text.to_owned() };
    let p = || piece.clone();
    let fields = || vec![Field::new(p(), p()), Field::new("debug", Value::Debug(p().into()))];
    let app = App::new(p()).environment(p()).release(p()).host(p()).pid(4711);
    let mut alert = Alert::new(app, Severity::Error, text)
        .id(AlertId::from_parts(moment(), 1, 1))
        .at(moment())
        .target(p())
        .place(p(), 42)
        .thread(p())
        .field("long", text)
        .field(format!("tags.{piece}"), p())
        .field("trace_id", p())
        .span(SpanFacts::new(p(), p(), fields()))
        .span(SpanFacts::new("inner", "x", fields()))
        .stack(Stack::from_text(format!(
            "   0: shop::{text}\n             at {piece}:42:7\n   1: {piece}\n"
        )));
    alert.fields.extend(fields());
    alert.module = Some(p().into());
    alert.error = vec![text.to_owned(), p(), String::new()];
    alert
}

/// Returns alerts whose shape is odd, not their text.
fn odd_alerts() -> Vec<(&'static str, Alert)> {
    let many = |count: usize| {
        (0..count).map(|i| Field::new(format!("field_{i}"), "x".repeat(40))).collect::<Vec<_>>()
    };
    let mut crowded = full_alert();
    crowded.fields = many(300);
    crowded.spans = (0..40).map(|i| SpanFacts::new(format!("span_{i}"), "shop", many(8))).collect();
    crowded.error = (0..60).map(|i| format!("cause {i}")).collect();
    let mut numbers = full_alert();
    numbers.fields = [
        Value::F64(f64::NAN),
        Value::F64(f64::INFINITY),
        Value::F64(f64::NEG_INFINITY),
        Value::F64(-0.0),
        Value::F64(f64::MAX),
        Value::I64(i64::MIN),
        Value::U64(u64::MAX),
        Value::I128(i128::MIN),
        Value::U128(u128::MAX),
        Value::Bool(false),
    ]
    .into_iter()
    .enumerate()
    .map(|(i, value)| Field::new(format!("n{i}"), value))
    .collect();
    numbers.line = Some(u32::MAX);
    let mut twins = full_alert();
    twins.fields = vec![Field::new("same", 1_u64), Field::new("same", "x"), Field::new("tags.same", 2_u64)];
    let mut deep = full_alert();
    deep.stack = Some(Stack::from_text(
        (0..600)
            .map(|i| format!("{i:>4}: shop::f{i}\n             at ./src/f.rs:{i}:1\n"))
            .collect::<String>(),
    ));
    let mut torn = full_alert();
    torn.stack = Some(Stack::from_text("not a stack\n at :::\n : \n 18446744073709551616: x\n at a:b:c\n"));
    let at = |at| full_alert().at(at);
    let mut critical = full_alert();
    critical.severity = Severity::Critical;
    let mut trace = full_alert();
    trace.severity = Severity::Trace;
    trace.level = Severity::Trace.level();
    vec![
        ("empty everything", bare_alert()),
        ("a full one", full_alert()),
        ("critical", critical),
        ("trace", trace),
        ("crowded", crowded),
        ("odd numbers", numbers),
        ("fields of one name", twins),
        ("600 frames", deep),
        ("a torn stack", torn),
        ("at the epoch", at(UNIX_EPOCH)),
        ("before the epoch", at(UNIX_EPOCH - Duration::from_millis(86_400_001))),
        ("in the year 12000", at(UNIX_EPOCH + Duration::from_secs(316_516_000_000))),
    ]
}
