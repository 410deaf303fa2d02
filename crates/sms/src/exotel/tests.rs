//! Tests of Exotel's requests and responses.

use watchfire_core::{Alert, App, Severity};
use watchfire_outbox::{GroupId, Occasion, Sink};
use watchfire_testing::{Class, check_answers};

use super::*;
use crate::Sms;

fn exotel() -> Exotel {
    Exotel::new("shop1", "plantedkey", "plantedtoken")
        .from("SHOPIN")
        .dlt("1234567890123456789", "9876543210987654321")
        .template("Alert {#var#}{#var#}: {#var#}")
}

fn notification(number: &str, message: &str) -> Notification {
    let sms = Sms::to([number]).route("+", exotel()).build().unwrap();
    let alert = Alert::new(App::new("shop").host("h").pid(1), Severity::Error, message);
    sms.render(&Occasion::first(&alert, "sms", GroupId::from_u64(1), UNIX_EPOCH)).remove(0)
}

#[test]
fn a_request_to_india_has_the_registered_ids_and_text() {
    let account = exotel().api_url("https://api.in.exotel.com").check(1).unwrap();
    assert_eq!(account.endpoint.origin(), "https://api.in.exotel.com");
    assert_eq!(account.endpoint.path(), "/v1/Accounts/shop1/Sms/send.json");
    assert!(!format!("{account:?}").contains("planted"));
    let notification = notification("+919876543210", "5 € & more");
    let id = notification.id().to_string();
    let form: Vec<(String, String)> =
        form_urlencoded::parse(account.request(&notification).body()).into_owned().collect();
    let expected = [
        ("From", "SHOPIN"),
        ("To", "+919876543210"),
        ("Body", "Alert ERROR in shop: 5 € & more"),
        ("EncodingType", "plain"),
        ("SmsType", "transactional"),
        ("CustomField", &id),
        ("DltEntityId", "1234567890123456789"),
        ("DltTemplateId", "9876543210987654321"),
    ];
    assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn elsewhere_the_text_is_free_and_says_its_alphabet() {
    let account = exotel().check(1).unwrap();
    for (message, encoding) in [("down", "plain"), ("платёж отклонён банком", "unicode")]
    {
        let request = account.request(&notification("+436601234567", message));
        let form: Vec<(String, String)> = form_urlencoded::parse(request.body()).into_owned().collect();
        assert!(form.iter().any(|(name, value)| name == "EncodingType" && value == encoding), "{form:?}");
        assert!(!form.iter().any(|(name, _)| name.starts_with("Dlt")), "{form:?}");
    }
}

#[test]
fn each_answer_has_its_outcome() {
    let json = |status: u16, code: &str| {
        Response::new(
            status,
            format!(r#"{{"RestException":{{"Status":{status},"Message":"no","Code":{code}}}}}"#),
        )
    };
    let xml = |status: u16, inside: &str| {
        Response::new(
            status,
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<TwilioResponse>\n {inside}\n</TwilioResponse>\n"
            ),
        )
    };
    let to = r#"{"RestException":{"Status":400,"Message":"Invalid 'To' number format. Expected E.164 format.","Code":"INVALID_PARAMETER"}}"#;
    let limited = json(429, "\"RATE_LIMIT_EXCEEDED\"");
    let at = UNIX_EPOCH + Duration::from_secs(1_705_312_700);
    let table = [
        (
            "queued",
            Response::new(200, r#"{"SMSMessage":{"Sid":"s1","Status":"queued"}}"#),
            Class::Receipt("s1"),
        ),
        (
            "accepted",
            Response::new(202, r#"{"SMSMessage":{"Sid":"s1","Status":"queued"}}"#),
            Class::Receipt("s1"),
        ),
        (
            "a list below",
            Response::new(200, r#"{"SMSMessage":[{"Sid":"s1","Status":"queued"}]}"#),
            Class::Receipt("s1"),
        ),
        (
            "a list above",
            Response::new(200, r#"[{"SMSMessage":{"Sid":"s1","Status":"queued"}}]"#),
            Class::Receipt("s1"),
        ),
        (
            "delivered",
            Response::new(200, r#"{"SMSMessage":{"Sid":"s1","Status":"sent","DetailedStatusCode":20005}}"#),
            Class::Receipt("s1"),
        ),
        (
            "in XML",
            xml(200, "<SMSMessage><Sid>s1</Sid><Status>queued</Status></SMSMessage>"),
            Class::Receipt("s1"),
        ),
        (
            "failed at once",
            Response::new(200, r#"{"SMSMessage":{"Sid":"s1","Status":"failed-dnd"}}"#),
            Class::Rejected,
        ),
        ("a yes of somebody else", Response::new(200, "<html>welcome</html>"), Class::Ambiguous),
        ("empty yes", Response::new(200, ""), Class::Ambiguous),
        ("sent before", json(409, "40900"), Class::Delivered),
        ("number wrong", Response::new(400, to), Class::RecipientRefused),
        ("all numbers wrong", json(400, "40203"), Class::RecipientRefused),
        ("alphabet wrong", json(400, "\"ENCODING_MISMATCH\""), Class::Degrade),
        ("body wrong", json(400, "40202"), Class::Degrade),
        ("another parameter wrong", json(400, "\"INVALID_PARAMETER\""), Class::Degrade),
        ("template unknown", json(400, "\"INVALID_DLT_TEMPLATE\""), Class::Held),
        ("sender wrong", json(400, "40206"), Class::Held),
        ("key malformed", json(400, "34001"), Class::Held),
        ("key wrong", json(401, "34010"), Class::Held),
        ("key wrong, in a word", json(401, "\"UNAUTHORIZED\""), Class::Held),
        ("no balance", json(403, "40001"), Class::Held),
        ("no balance, in a word", json(403, "\"INSUFFICIENT_BALANCE\""), Class::Held),
        (
            "no balance, in XML",
            xml(
                403,
                "<RestException>\n<Status>403</Status>\n<Message>NOT ENOUGH BALANCE</Message>\n</RestException>",
            ),
            Class::Held,
        ),
        ("country not configured", json(403, "40003"), Class::Held),
        ("no such account", Response::new(404, ""), Class::Held),
        ("too many", limited.clone(), Class::Wait(60)),
        ("too many, with a hint", limited.clone().with_header("Retry-After", "30"), Class::Wait(30)),
        (
            "too many, until",
            limited.clone().with_header("X-RateLimit-Reset", "1705312800").received_at(at),
            Class::Wait(100),
        ),
        (
            "too many, until long ago",
            limited.with_header("X-RateLimit-Reset", "5").received_at(at),
            Class::Wait(60),
        ),
        ("ten SMS of a trial", json(429, "40404"), Class::Held),
        ("throttled", json(503, "40405"), Class::Wait(60)),
        ("throttled, in HTML", Response::new(503, "<html>"), Class::Wait(60)),
        ("internal error", json(500, "35000"), Class::Ambiguous),
        ("internal error, in HTML", Response::new(500, "<html><body>500</body></html>"), Class::Ambiguous),
        ("bad gateway", Response::new(502, ""), Class::Transient),
        ("gateway timeout", Response::new(504, ""), Class::Ambiguous),
    ];
    let notification = notification("+919876543210", "down");
    check_answers(|response| judge(&notification, response), table);
}

#[test]
fn a_reason_holds_code_and_words_and_no_credential() {
    let body = r#"{"RestException":{"Status":401,"Message":"wrong token plantedtoken","Code":34010}}"#;
    let account = exotel().check(1).unwrap();
    let outcome = judge(&notification("+919876543210", "down"), &Response::new(401, body));
    let shown = format!("{outcome:?}");
    assert!(shown.contains("34010 wrong token") && !shown.contains("planted"), "{shown}");
    drop(account);
}
