//! Tests of Twilio's requests and responses.

use std::time::UNIX_EPOCH;

use watchfire_core::{Alert, App, Severity};
use watchfire_outbox::{GroupId, Occasion, Sink};
use watchfire_testing::{Class, check_answers};

use super::*;
use crate::Sms;

const ACCOUNT: &str = "AC00000000000000000000000000000001";

fn notification() -> Notification {
    let twilio = Twilio::new(ACCOUNT, "planted-token").from("+15005550006");
    let sms = Sms::to(["+436601234567"]).twilio(twilio).build().unwrap();
    let alert = Alert::new(App::new("shop").host("h").pid(1), Severity::Error, "5 € & more");
    sms.render(&Occasion::first(&alert, "sms", GroupId::from_u64(1), UNIX_EPOCH)).remove(0)
}

fn form(account: &Account) -> Vec<(String, String)> {
    form_urlencoded::parse(account.request(&notification()).body()).into_owned().collect()
}

#[test]
fn a_request_has_what_twilio_wants_and_nothing_else() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let text = "shop ERROR: 5 € & more (00000000)";
    let by_number = Twilio::new(ACCOUNT, "planted-token").from("+15005550006").check().unwrap();
    let expected = [
        pair("To", "+436601234567"),
        pair("From", "+15005550006"),
        pair("Body", text),
        pair("ValidityPeriod", "3600"),
    ];
    assert_eq!(form(&by_number), expected);
    let service = "MG00000000000000000000000000000001";
    let by_service =
        Twilio::new(ACCOUNT, "planted-token").messaging_service(service).validity(Duration::from_secs(60));
    let expected = [
        pair("To", "+436601234567"),
        pair("MessagingServiceSid", service),
        pair("Body", text),
        pair("ValidityPeriod", "60"),
    ];
    assert_eq!(form(&by_service.check().unwrap()), expected);
}

#[test]
fn the_address_is_that_of_the_region() {
    let twilio = || Twilio::new(ACCOUNT, "planted-token").from("Shop");
    let cases = [
        (twilio(), "https://api.twilio.com"),
        (twilio().region("dublin", "ie1"), "https://api.dublin.ie1.twilio.com"),
        (twilio().api_url("http://127.0.0.1:4000/"), "http://127.0.0.1:4000"),
    ];
    for (twilio, origin) in cases {
        let account = twilio.check().unwrap();
        assert_eq!(account.endpoint.origin(), origin);
        assert_eq!(account.endpoint.path(), format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"));
        assert!(!format!("{account:?}").contains("planted"));
    }
}

#[test]
fn each_answer_has_its_outcome() {
    let error = |status: u16, code: u32| {
        let body = format!(
            r#"{{"code":{code},"message":"no","more_info":"https://www.twilio.com/docs/errors/{code}","status":{status}}}"#
        );
        Response::new(status, body)
    };
    let created = |status: &str| {
        Response::new(
            201,
            format!(r#"{{"sid":"SM1","status":"{status}","num_segments":"1","error_code":null}}"#),
        )
    };
    let table = [
        ("queued", created("queued"), Class::Receipt("SM1")),
        ("accepted by a messaging service", created("accepted"), Class::Receipt("SM1")),
        ("scheduled", created("scheduled"), Class::Receipt("SM1")),
        (
            "failed at once",
            Response::new(201, r#"{"sid":"SM1","status":"failed","error_code":30006}"#),
            Class::Rejected,
        ),
        ("a yes of somebody else", Response::new(200, "<html>welcome</html>"), Class::Ambiguous),
        ("no number", error(400, 21211), Class::RecipientRefused),
        ("unsubscribed", error(400, 21610), Class::RecipientRefused),
        ("not verified on trial", error(400, 21608), Class::RecipientRefused),
        ("no way from sender to number", error(400, 21612), Class::RecipientRefused),
        ("no mobile", error(400, 21614), Class::RecipientRefused),
        ("sender is no number", error(400, 21212), Class::Held),
        ("region not enabled", error(400, 21408), Class::RecipientRefused),
        ("no sender", error(400, 21603), Class::Held),
        ("sender not able", error(400, 21606), Class::Held),
        ("callback wrong", error(400, 21609), Class::Held),
        ("messaging service wrong", error(400, 21701), Class::Held),
        ("messaging service without numbers", error(400, 21703), Class::Held),
        ("too long", error(400, 21617), Class::Degrade),
        ("no body", error(400, 21602), Class::Degrade),
        ("queue of the sender full", error(400, 21611), Class::Wait(300)),
        ("rate of the service", error(400, 14107), Class::Wait(300)),
        ("daily limit", error(400, 63038), Class::Wait(3600)),
        ("too many at a time", error(429, 20429), Class::Wait(60)),
        ("too many, with a hint", error(429, 20429).with_header("Retry-After", "7"), Class::Wait(7)),
        ("wrong token", error(401, 20003), Class::Held),
        ("wrong token without a body", Response::new(401, ""), Class::Held),
        ("no funds", Response::new(402, ""), Class::Held),
        ("forbidden", error(403, 20403), Class::Held),
        ("no such account", error(404, 20404), Class::Held),
        ("something new", error(400, 29999), Class::Degrade),
        ("internal error", error(500, 20500), Class::Ambiguous),
        ("internal error in HTML", Response::new(500, "<html>500</html>"), Class::Ambiguous),
        ("bad gateway", Response::new(502, ""), Class::Ambiguous),
        ("gateway timeout", Response::new(504, ""), Class::Ambiguous),
        ("unavailable", error(503, 20503), Class::Transient),
        ("unavailable in HTML", Response::new(503, "<html>"), Class::Transient),
        ("no JSON", Response::new(400, "{"), Class::Degrade),
    ];
    let notification = notification();
    check_answers(|response| judge(&notification, response), table);
}
