//! Tests of DLT templates.

use std::time::UNIX_EPOCH;

use proptest::prelude::*;
use watchfire_core::{Alert, App, Severity};
use watchfire_outbox::{Counts, GroupId, OccasionKind};

use super::*;

const TEXT: &str =
    "Alert {#var#}{#var#}: {#var#}{#var#}{#var#}. Count {#numeric#}, ref {#alphanumeric#} -EXAMPLE";

fn fill(template: &Template, message: &str, form: Form) -> String {
    let app = App::new("storefront").environment("production").host("web-1").pid(7);
    let alert = Alert::new(app, Severity::Error, message).place("src/payments.rs", 42);
    let occasion = Occasion::first(&alert, "sms", GroupId::from_u64(0xfeed), UNIX_EPOCH)
        .of_kind(OccasionKind::Digest, 1)
        .counts(Counts::new(310, 9, UNIX_EPOCH, UNIX_EPOCH));
    template.fill(&occasion, &MessageContent::of(&occasion), 2, form)
}

#[test]
fn fills_the_variables_in_their_order() {
    use DltSlot::{App, Count, Group, Headline, Place, Severity, Title};
    let cases: [(&str, &[DltSlot], &str); 8] = [
        (
            TEXT,
            &[],
            "Alert ERROR x9 in storefront (production): payment refused. Count 310, ref 000000000000feed -EXAMPLE",
        ),
        ("{#var#}", &[], "payment refused"),
        ("{#var#} {#var#}", &[], "ERROR x9 in storefront (produc payment refused"),
        (
            "{#var#}/{#var#}/{#var#}/{#var#}",
            &[],
            "ERROR x9/storefront (production)/payment refused/000000000000feed",
        ),
        ("n={#numeric#}", &[], "n=310"),
        ("{#var#} x{#var#}", &[Title, Count], "payment refused x310"),
        (
            "{#var#}, {#var#}, {#var#}",
            &[App, Place, Severity],
            "storefront (production), src/payments.rs:42, ERROR x9",
        ),
        (
            "{#numeric#} {#var#} {#var#}{#var#}",
            &[Count, Group, Headline],
            "310 000000000000feed ERROR x9 in storefront (production)",
        ),
    ];
    for (text, slots, expected) in cases {
        assert_eq!(
            fill(&Template::parse(text, slots).unwrap(), "payment refused", Form::Rich),
            expected,
            "{text}"
        );
    }
}

#[test]
fn what_operators_refuse_is_not_in_a_variable() {
    let template = Template::parse("{#var#}{#var#}", &[]).unwrap();
    let cases = [
        ("see https://example.com/a?b now", "see link now"),
        ("WWW.example.com", "link"),
        ("two\nlines", "two"),
        ("5 € – “ok” 😀", "5 € - \"ok\" ?"),
        ("{#var#}", "{#var#}"),
        ("\u{202e}\0", "an event without a message at src/payments.rs:42"),
    ];
    for (message, expected) in cases {
        assert_eq!(fill(&template, message, Form::Rich), expected, "{message:?}");
    }
}

#[test]
fn a_wrong_template_is_an_error_that_says_what_is_expected() {
    use DltSlot::{Count, Title};
    let cases: [(&str, &[DltSlot], &str, &str); 9] = [
        ("no variable", &[], "sms.exotel.template", "at least one"),
        ("{#url#}", &[], "sms.exotel.template", "{#url#}"),
        ("{#var", &[], "sms.exotel.template", "no end"),
        ("“{#var#}”", &[], "sms.exotel.template", "GSM"),
        ("{#var#} {#var#} {#var#} {#var#} {#var#}", &[], "sms.exotel.template", ".slots("),
        ("{#var#} {#var#}", &[Title], "sms.exotel.slots", "2 variables"),
        ("{#var#}", &[Title, Count], "sms.exotel.slots", "1 variables"),
        ("{#numeric#}", &[Title], "sms.exotel.slots", "digits only"),
        ("{#numeric#} {#var#}", &[Title], "sms.exotel.slots", "digits only"),
    ];
    for (text, slots, field, part) in cases {
        let error = Template::parse(text, slots).expect_err(text);
        assert_eq!(error.field(), field, "{text}");
        assert!(error.reason().contains(part), "{text}: {error}");
    }
}

#[test]
fn a_storm_says_so_with_its_oldest_alert_in_the_first_variable() {
    let template = Template::parse("{#var#}", &[]).unwrap();
    let named =
        Template::parse("{#var#} at {#var#}: {#var#}", &[DltSlot::Severity, DltSlot::App, DltSlot::Title]);
    let alert = Alert::new(App::new("shop"), Severity::Error, "no stock");
    let occasion = Occasion::first(&alert, "sms", GroupId::from_u64(1), UNIX_EPOCH)
        .of_kind(OccasionKind::Storm, 0)
        .counts(Counts::one(UNIX_EPOCH).groups(24));
    let page = MessageContent::of(&occasion);
    assert_eq!(template.fill(&occasion, &page, 1, Form::Plain), "storm 24: no stock");
    assert_eq!(template.fill(&occasion, &page, 1, Form::Ascii), "storm 24: no st");
    let over = occasion.clone().outlook(Some(Outlook::Over));
    let page = MessageContent::of(&over);
    assert_eq!(template.fill(&over, &page, 1, Form::Plain), "storm over 24: no stock");
    let expected = "STORM OVER at shop: storm over 24: no stock";
    assert_eq!(named.unwrap().fill(&over, &page, 1, Form::Plain), expected);
}

/// Compares as an operator does: fixed parts character for character, at most 30 characters in each variable.
fn matches(text: &str, registered: &str) -> bool {
    let Some((before, after)) = registered.split_once("{#") else { return text == registered };
    let (tag, after) = after.split_once("#}").unwrap();
    let Some(rest) = text.strip_prefix(before) else { return false };
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).take(31);
    ends.into_iter().any(|end| {
        let (value, rest) = rest.split_at(end);
        (tag != "numeric" || value.bytes().all(|b| b.is_ascii_digit())) && matches(rest, after)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_alert_gives_the_registered_text(message in any::<String>(), times in 1_usize..20) {
        let template = Template::parse(TEXT, &[]).unwrap();
        for form in [Form::Rich, Form::Plain, Form::Short, Form::Ascii] {
            let text = fill(&template, &message.repeat(times), form);
            prop_assert!(matches(&text, TEXT), "{}", text);
            prop_assert!(Segments::of(&text).count <= 2);
            prop_assert_eq!(Segments::of(&text).alphabet, crate::Alphabet::Gsm7);
            prop_assert!(form != Form::Ascii || text.is_ascii());
        }
    }
}
