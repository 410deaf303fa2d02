//! Tests of the settings of an SMS channel.

use std::time::Duration;

use super::*;
use crate::{DltSlot, Sms};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const SERVICE: &str = "MG00000000000000000000000000000001";

fn twilio() -> Twilio {
    Twilio::new(ACCOUNT, "planted-twilio-token").from("+15005550006")
}

fn bare_exotel() -> Exotel {
    Exotel::new("shop1", "plantedexotelkey", "plantedexoteltoken").from("SHOPIN")
}

fn exotel() -> Exotel {
    bare_exotel().dlt("1234567890123456789", "1234567890123456780").template("Alert {#var#}: {#var#}")
}

fn austria() -> SmsBuilder {
    Sms::to(["+436601234567"])
}

fn india() -> SmsBuilder {
    Sms::to(["+919876543210"])
}

#[test]
fn the_longest_prefix_leads() {
    let other = || Twilio::new(ACCOUNT, "planted-other-token").from("Other");
    let sms = Sms::to(["+436601234567", "+4915112345678", "+919876543210", "+919999999999"])
        .twilio(twilio())
        .exotel(exotel())
        .route("+49", other())
        .route("+9199", twilio())
        .check()
        .unwrap()
        .0;
    let name = |number: &str| match sms.carrier_for(number) {
        Some(Carrier::Exotel(_)) => "exotel",
        Some(carrier @ Carrier::Twilio(_)) if format!("{carrier:?}").contains("Other") => "other",
        Some(Carrier::Twilio(_)) => "twilio",
        None => "none",
    };
    let names: Vec<_> = sms.numbers.iter().map(|number| name(number)).collect();
    assert_eq!(names, ["twilio", "other", "exotel", "twilio"]);
    let india_by_twilio = india().twilio(twilio()).route("+91", twilio()).check();
    assert!(india_by_twilio.is_ok(), "{india_by_twilio:?}");
    let world_by_exotel = austria().route("+", bare_exotel()).check();
    assert!(world_by_exotel.is_ok(), "{world_by_exotel:?}");
}

#[test]
fn numbers_are_taken_in_the_international_form_only() {
    let with = |number: &str| Sms::to([number]).twilio(twilio()).check();
    for number in [
        "+436601234567",
        " +43 660 123-4567 ",
        "+3712345",
        "+371345678901234",
        "+1 500 555 0006",
        "+39 06 1234 5678",
    ] {
        assert!(with(number).is_ok(), "{number}");
    }
    for number in [
        "",
        "+",
        "436601234567",
        "00436601234567",
        "+0436601234567",
        "+43660123456789012",
        "+43x",
        "+123456",
        "+1234567",
        "+11005550006",
        "+15005550",
        "+150055500061",
        "+4306601234567",
        "+440 20 7946 0000",
        "+91 987654321",
        "+9109876543210",
        "+٤٣٦٦٠١٢٣٤٥٦٧",
    ] {
        assert_eq!(with(number).unwrap_err().field(), "sms.to", "{number}");
    }
}

#[test]
fn every_mistake_names_its_field_and_shows_no_credential() {
    let none: [&str; 0] = [];
    let to = austria;
    let cases = [
        (Sms::to(none).twilio(twilio()), "sms.to"),
        (Sms::to(["+436601234567", "+43 660 1234567"]).twilio(twilio()), "sms.to"),
        (to(), "sms"),
        (to().exotel(exotel()), "sms.to"),
        (india().twilio(twilio()), "sms.to"),
        (to().twilio(twilio()).max_segments(0), "sms.max_segments"),
        (to().twilio(twilio()).max_segments(11), "sms.max_segments"),
        (to().twilio(twilio()).route("43", twilio()), "sms.route"),
        (to().twilio(twilio()).route("+43x", twilio()), "sms.route"),
        (to().twilio(twilio()).route("+43", twilio()).route("+43", twilio()), "sms.route"),
        (to().twilio(Twilio::new("planted", "planted-token").from("Shop")), "sms.twilio.account_sid"),
        (to().twilio(Twilio::new("planted-token", ACCOUNT).from("Shop")), "sms.twilio.account_sid"),
        (to().twilio(Twilio::new(ACCOUNT, "").from("Shop")), "sms.twilio.auth_token"),
        (to().twilio(Twilio::new(ACCOUNT, "planted token").from("Shop")), "sms.twilio.auth_token"),
        (
            to().twilio(Twilio::with_key(ACCOUNT, "planted", "planted-secret").from("Shop")),
            "sms.twilio.key_sid",
        ),
        (to().twilio(Twilio::new(ACCOUNT, "planted-token")), "sms.twilio.from"),
        (to().twilio(twilio().messaging_service(SERVICE)), "sms.twilio.from"),
        (
            to().twilio(Twilio::new(ACCOUNT, "planted-token").from("a name that is too long")),
            "sms.twilio.from",
        ),
        (
            to().twilio(Twilio::new(ACCOUNT, "planted-token").messaging_service("MG1")),
            "sms.twilio.messaging_service",
        ),
        (to().twilio(twilio().region("dublin", "")), "sms.twilio.region"),
        (to().twilio(twilio().region("evil.example/", "ie1")), "sms.twilio.region"),
        (to().twilio(twilio().api_url("http://api.example.com")), "sms.twilio.api_url"),
        (to().twilio(twilio().validity(Duration::from_secs(36_001))), "sms.twilio.validity"),
        (to().twilio(twilio()).ca_file("no/such/file.pem"), "sms.ca_file"),
        (to().twilio(twilio()).http(HttpOptions::new().proxy("planted")), "sms.proxy"),
        (india().exotel(bare_exotel()), "sms.exotel.dlt"),
        (to().twilio(twilio()).route("+919", bare_exotel()), "sms.exotel.dlt"),
        (india().exotel(bare_exotel().template("{#var#}")), "sms.exotel.dlt"),
        (india().exotel(bare_exotel().dlt("1234567", "1234567")), "sms.exotel.template"),
        (india().exotel(exotel().template("nothing")), "sms.exotel.template"),
        (india().exotel(exotel().template(format!("{}{{#var#}}", "a".repeat(160)))), "sms.exotel.template"),
        (india().exotel(exotel().slots([DltSlot::Title])), "sms.exotel.slots"),
        (india().exotel(exotel().dlt("x", "1234567")), "sms.exotel.dlt.entity_id"),
        (india().exotel(exotel().dlt("1234567", "")), "sms.exotel.dlt.template_id"),
        (india().exotel(exotel().from("")), "sms.exotel.from"),
        (india().exotel(exotel().api_url("api.in.exotel.com")), "sms.exotel.api_url"),
        (india().exotel(exotel().api_url("http://api.example.com")), "sms.exotel.api_url"),
        (
            india().exotel(Exotel::new("a/b", "plantedkey", "plantedtoken").from("SHOPIN")),
            "sms.exotel.account_sid",
        ),
        (india().exotel(Exotel::new("shop1", "", "plantedtoken").from("SHOPIN")), "sms.exotel.key"),
        (
            india().exotel(Exotel::new("shop1", "plantedkey", "planted\ntoken").from("SHOPIN")),
            "sms.exotel.token",
        ),
    ];
    for (i, (builder, field)) in cases.into_iter().enumerate() {
        assert!(!format!("{builder:?}").contains("planted-t"), "case {i}");
        let error = builder.check().expect_err(field);
        assert_eq!(error.field(), field, "case {i}: {error}");
        assert!(!format!("{error} {error:?}").contains("planted"), "case {i}: {error}");
    }
}

#[test]
fn all_problems_come_back_together() {
    let twilio = Twilio::new("", "").validity(Duration::ZERO).api_url("nowhere");
    let exotel = Exotel::new("", "", "").dlt("1", "2").template("no variable").api_url("nowhere");
    let builder = Sms::to(["123", "+436601234567"]).twilio(twilio).exotel(exotel).max_segments(0);
    let error = builder.ca_file("no/such/file.pem").check().unwrap_err();
    let paths: Vec<_> = error.diagnostics().map(|problem| problem.path().to_owned()).collect();
    let expected = [
        "twilio.account_sid",
        "twilio.auth_token",
        "twilio.from",
        "twilio.validity",
        "twilio.api_url",
        "exotel.account_sid",
        "exotel.key",
        "exotel.token",
        "exotel.from",
        "exotel.api_url",
        "exotel.dlt.entity_id",
        "exotel.dlt.template_id",
        "exotel.template",
        "to",
        "max_segments",
        "ca_file",
    ];
    assert_eq!(paths, expected.map(|path| format!("sms.{path}")), "{error}");
}
