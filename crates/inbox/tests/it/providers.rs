//! Twilio, Exotel and Sentry: each refusal with its answer.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use watchfire_inbox::{Demo, Fault, Inbox, Provider};

use crate::net::{HttpAnswer, http};

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn twilio(inbox: &Inbox, auth: &str, fields: &[(&str, &str)]) -> HttpAnswer {
    let path = format!("/2010-04-01/Accounts/{}/Messages.json", Demo::TWILIO_ACCOUNT);
    let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", auth)];
    http(inbox, "POST", &path, &headers, form(fields).as_bytes()).unwrap()
}

#[test]
fn twilio_answers_with_its_codes() {
    let inbox = Inbox::start().unwrap();
    let auth = basic(Demo::TWILIO_ACCOUNT, Demo::TWILIO_TOKEN);
    let (to, from) = (("To", "+14155550123"), ("From", Demo::TWILIO_FROM));
    let long = "x".repeat(1601);
    let cases: [(&[(&str, &str)], u32); 11] = [
        (&[from, ("Body", "x")], 21604),
        (&[to, ("Body", "x")], 21603),
        (&[to, from], 21602),
        (&[("To", "+1555"), from, ("Body", "x")], 21211),
        (&[to, ("From", "+1555"), ("Body", "x")], 21212),
        (&[to, ("From", "+15550000000"), ("Body", "x")], 21606),
        (&[to, ("MessagingServiceSid", "MG1"), ("Body", "x")], 21701),
        (&[to, from, ("Body", &long)], 21617),
        (&[to, from, ("Body", "x"), ("StatusCallback", "https://a_b.example.com/")], 21609),
        (&[to, from, ("Body", "x"), ("ValidityPeriod", "0")], 20001),
        (&[("To", "4155550123"), from, ("Body", "x")], 21211),
    ];
    for (fields, code) in cases {
        let answer = twilio(&inbox, &auth, fields);
        let body = answer.json();
        assert_eq!((answer.status, body["code"].as_u64()), (400, Some(code.into())), "{fields:?}");
        assert_eq!(body["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
    }
    let denied = twilio(&inbox, &basic(Demo::TWILIO_ACCOUNT, "wrong"), &[to, from, ("Body", "x")]);
    assert_eq!((denied.status, denied.json()["code"].as_u64()), (401, Some(20003)));
    assert_eq!(denied.json()["detail"], "Your AccountSid or AuthToken was incorrect.");
    let key = basic(Demo::TWILIO_KEY, Demo::TWILIO_KEY_SECRET);
    let created = twilio(&inbox, &key, &[to, from, ("Body", "disk full €"), ("Bodyy", "x")]);
    let body = created.json();
    assert_eq!(
        (created.status, body["status"].as_str(), body["num_segments"].as_str()),
        (201, Some("queued"), Some("1"))
    );
    let accepted =
        twilio(&inbox, &auth, &[to, ("MessagingServiceSid", Demo::TWILIO_SERVICE), ("Body", "x")]).json();
    assert_eq!((accepted["status"].as_str(), accepted["from"].is_null()), (Some("accepted"), true));
    let kept = inbox.accepted(Provider::Twilio);
    assert_eq!(kept[0].fact("Segments"), Some("1 (GSM-7, 12 septets)"));
    assert_eq!(kept[0].notes, ["Twilio knows no parameter Bodyy and ignores it"]);
    inbox.fail(Provider::Twilio, Fault::RefuseRecipient { address: to.1.to_owned() }.times(1)).unwrap();
    assert_eq!(twilio(&inbox, &auth, &[to, from, ("Body", "x")]).json()["code"], 21610);
    inbox.fail(Provider::Twilio, Fault::RateLimit { retry_after: None }.times(1)).unwrap();
    let limited = twilio(&inbox, &auth, &[to, from, ("Body", "x")]);
    assert_eq!(
        (limited.status, limited.header("retry-after"), limited.json()["code"].as_u64()),
        (429, None, Some(20429))
    );
}

#[test]
fn exotel_wants_dlt_ids_for_india_and_answers_in_both_forms() {
    let inbox = Inbox::start().unwrap();
    let send = |method: &str, auth: &str, fields: &[(&str, &str)]| {
        let path = format!("/v1/Accounts/{}/Sms/{method}", Demo::EXOTEL_ACCOUNT);
        let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", auth)];
        http(&inbox, "POST", &path, &headers, form(fields).as_bytes()).unwrap()
    };
    let auth = basic(Demo::EXOTEL_KEY, Demo::EXOTEL_TOKEN);
    let (to, from, body) = (("To", "+919876543210"), ("From", Demo::EXOTEL_FROM), ("Body", "Alert shop"));
    let (entity, template) =
        (("DltEntityId", "1101234567890123456"), ("DltTemplateId", "1107123456789012345"));
    let long = "x".repeat(2001);
    let cases: [(&[(&str, &str)], serde_json::Value); 10] = [
        (&[to, body, entity, template], json!(40210)),
        (&[to, ("From", "OTHERS"), body, entity, template], json!(40206)),
        (&[("To", "09876543210"), from, body, entity, template], json!("INVALID_PARAMETER")),
        (&[to, from, entity, template], json!(40200)),
        (&[to, from, ("Body", &long), entity, template], json!(40202)),
        (&[to, from, body, template], json!("INVALID_PARAMETER")),
        (&[to, from, body, entity], json!("INVALID_DLT_TEMPLATE")),
        (
            &[to, from, ("Body", "नमस्ते"), entity, template, ("EncodingType", "plain")],
            json!("ENCODING_MISMATCH"),
        ),
        (&[to, from, body, entity, template, ("EncodingType", "utf8")], json!(40209)),
        (&[to, from, body, entity, template, ("SmsType", "urgent")], json!(40204)),
    ];
    for (fields, code) in cases {
        let answer = send("send.json", &auth, fields);
        let exception = &answer.json()["RestException"];
        assert_eq!((answer.status, &exception["Code"]), (400, &code), "{fields:?}");
    }
    let good = [to, from, body, entity, template];
    assert_eq!(send("send.json", &basic(Demo::EXOTEL_KEY, "wrongtoken"), &good).status, 401);
    assert_eq!(send("send.json", &basic("no key!", "x"), &good).json()["RestException"]["Code"], 34001);
    assert_eq!(send("send.json", &auth, &good).json()["SMSMessage"]["Status"], "queued");
    assert_eq!(send("send.json", &auth, &[("To", "+14155550123"), from, body]).status, 200, "no DLT abroad");
    let xml = send("send", &auth, &[to, from, ("Body", "a < b"), entity, template]);
    assert_eq!(xml.header("content-type"), Some("application/xml"));
    assert!(
        xml.body.contains("<Body>a &lt; b</Body>") && xml.body.contains("<TwilioResponse>"),
        "{}",
        xml.body
    );
    inbox.fail(Provider::Exotel, Fault::RateLimit { retry_after: None }.times(1)).unwrap();
    inbox.fail(Provider::Exotel, Fault::RateLimit { retry_after: Some(30) }.times(1)).unwrap();
    assert_eq!(send("send.json", &auth, &good).json()["RestException"]["Code"], 40405);
    assert_eq!(send("send.json", &auth, &good).header("retry-after"), Some("30"));
}

const EVENT_ID: &str = "9ec79c33ec9942ab8353589fcb2e04dc";

fn envelope(payload: &str) -> Vec<u8> {
    let sent = "2026-11-20T10:00:00Z";
    let length = payload.len();
    format!("{{\"event_id\":\"{EVENT_ID}\",\"sent_at\":\"{sent}\"}}\n{{\"type\":\"event\",\"length\":{length}}}\n{payload}\n").into_bytes()
}

fn sentry(inbox: &Inbox, extra: &[(&str, &str)], body: &[u8]) -> HttpAnswer {
    let auth =
        format!("Sentry sentry_version=7, sentry_client=watchfire/0.1, sentry_key={}", Demo::SENTRY_KEY);
    let mut headers =
        vec![("Content-Type", "application/x-sentry-envelope"), ("User-Agent", "watchfire/0.1")];
    headers.extend_from_slice(extra);
    if !extra.iter().any(|(name, _)| *name == "X-Sentry-Auth") {
        headers.push(("X-Sentry-Auth", &auth));
    }
    http(inbox, "POST", "/prefix/api/42/envelope/", &headers, body).unwrap()
}

#[test]
fn sentry_takes_events_and_keeps_their_sense() {
    let inbox = Inbox::start().unwrap();
    let event = json!({
        "event_id": EVENT_ID, "level": "error", "platform": "native", "release": "shop@1.2.3",
        "tags": {"tenant": "acme"},
        "exception": {"values": [
            {"type": "io::Error", "value": "refused"},
            {"type": "PaymentError", "value": "card", "stacktrace": {"frames": [
                {"function": "main", "filename": "main.rs", "lineno": 3},
                {"function": "pay", "filename": "pay.rs", "lineno": 9, "in_app": true}]}}]},
    });
    let bytes = envelope(&event.to_string());
    assert_eq!(sentry(&inbox, &[], &bytes).json(), json!({"id": EVENT_ID}));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).unwrap();
    assert_eq!(sentry(&inbox, &[("Content-Encoding", "gzip")], &gzip.finish().unwrap()).status, 200);
    let kept = inbox.accepted(Provider::Sentry);
    assert_eq!((kept[0].title.as_str(), kept[0].key.as_deref()), ("PaymentError: card", Some(EVENT_ID)));
    assert!(
        kept[0].text().contains("tenant: acme") && kept[0].text().contains("* pay at pay.rs:9"),
        "{}",
        kept[0].text()
    );
    assert_eq!(kept[1].notes, ["this event_id came before; Sentry keeps one of them"]);
    let limits = "60:error:project";
    inbox
        .fail(
            Provider::Sentry,
            Fault::Header { name: "X-Sentry-Rate-Limits".to_owned(), value: limits.to_owned() }.times(1),
        )
        .unwrap();
    let limited = sentry(&inbox, &[], &bytes);
    assert_eq!((limited.status, limited.header("x-sentry-rate-limits")), (200, Some(limits)));
    inbox.fail(Provider::Sentry, Fault::RateLimit { retry_after: None }.times(1)).unwrap();
    let bare = sentry(&inbox, &[], &bytes);
    assert_eq!((bare.status, bare.body.as_str(), bare.header("retry-after")), (429, "", None));
}

#[test]
fn sentry_refuses_as_relay_does() {
    let inbox = Inbox::start().unwrap();
    let big = format!("{{\"message\":\"{}\"}}", "x".repeat(1 << 20));
    let cases: [(&str, Vec<u8>, u16, &str); 8] = [
        ("empty", Vec::new(), 400, "empty request body"),
        ("no envelope", b"nonsense".to_vec(), 400, "invalid event envelope"),
        (
            "wrong length",
            b"{}\n{\"type\":\"event\",\"length\":1}\n{}".to_vec(),
            400,
            "invalid event envelope",
        ),
        ("no JSON", envelope("nonsense"), 400, "invalid JSON data"),
        ("no event id", b"{}\n{\"type\":\"event\",\"length\":2}\n{}".to_vec(), 400, "invalid event id"),
        (
            "two events",
            [envelope("{}"), b"{\"type\":\"event\",\"length\":2}\n{}".to_vec()].concat(),
            400,
            "invalid event envelope",
        ),
        (
            "big event",
            envelope(&big),
            413,
            "envelope exceeded size limits for type 'event' (https://develop.sentry.dev/sdk/envelopes/#size-limits)",
        ),
        (
            "other DSN",
            format!("{{\"dsn\":\"https://{}@example.com/7\"}}\n", Demo::SENTRY_KEY).into_bytes(),
            403,
            "event submission rejected with_reason: ProjectId",
        ),
    ];
    for (name, body, status, detail) in cases {
        let answer = sentry(&inbox, &[], &body);
        assert_eq!((answer.status, answer.json()["detail"].as_str()), (status, Some(detail)), "{name}");
    }
    let good = envelope("{}");
    for (auth, status) in [("Sentry sentry_version=7", 401), ("Sentry sentry_key=0000", 403)] {
        assert_eq!(sentry(&inbox, &[("X-Sentry-Auth", auth)], &good).status, status, "{auth}");
    }
    assert_eq!(
        sentry(&inbox, &[("Content-Encoding", "gzip")], &good).json()["detail"],
        "invalid compression format"
    );
}

#[test]
fn questions_are_answered_with_credentials_and_not_kept() {
    let inbox = Inbox::start().unwrap();
    let (account, key) =
        (basic(Demo::TWILIO_ACCOUNT, Demo::TWILIO_TOKEN), basic(Demo::TWILIO_KEY, Demo::TWILIO_KEY_SECRET));
    let exotel = basic(Demo::EXOTEL_KEY, Demo::EXOTEL_TOKEN);
    let of_account = format!("/2010-04-01/Accounts/{}.json", Demo::TWILIO_ACCOUNT);
    let of_another = format!("/2010-04-01/Accounts/{}1.json", Demo::TWILIO_ACCOUNT);
    let list = format!("/2010-04-01/Accounts/{}/Messages.json?PageSize=1", Demo::TWILIO_ACCOUNT);
    let details = |account: &str| format!("/v1/Accounts/{account}/SMS/Messages/0.json");
    let wrong = basic(Demo::TWILIO_ACCOUNT, "wrong");
    let cases = [
        (of_account.clone(), &account, 200),
        // Only the account's own token, and main keys.
        (of_account.clone(), &key, 401),
        (of_account, &wrong, 401),
        (of_another, &account, 404),
        (list.clone(), &account, 200),
        (list.clone(), &key, 200),
        (list, &wrong, 401),
        (details(Demo::EXOTEL_ACCOUNT), &exotel, 200),
        (details("another"), &exotel, 403),
        (details(Demo::EXOTEL_ACCOUNT), &basic(Demo::EXOTEL_KEY, "wrong"), 401),
        (details(Demo::EXOTEL_ACCOUNT), &basic("mal-formed", "wrong"), 400),
    ];
    for (path, auth, status) in cases {
        let answer = http(&inbox, "GET", &path, &[("Authorization", auth)], b"").unwrap();
        assert_eq!(answer.status, status, "{path}");
    }
    assert_eq!(inbox.all().len(), 0);
}
