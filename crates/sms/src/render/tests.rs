//! Tests of rendered text messages.

use std::time::{Duration, UNIX_EPOCH};

use watchfire_core::{Alert, App, Severity};
use watchfire_outbox::{Counts, GroupId, Sink};

use super::*;
use crate::{Alphabet, Sms, Twilio};

fn sms(max_segments: usize) -> Sms {
    let twilio = Twilio::new("AC00000000000000000000000000000001", "planted-token").from("Shop");
    Sms::to(["+436601234567"]).twilio(twilio).max_segments(max_segments).build().unwrap()
}

fn alert(message: &str) -> Alert {
    let app = App::new("storefront").environment("production").host("web-1").pid(7);
    Alert::new(app, Severity::Error, message).target("storefront::payments").place("src/payments.rs", 42)
}

fn forms(sms: &Sms, occasion: &Occasion<'_>) -> Vec<String> {
    let mut all = sms.render(occasion);
    assert_eq!(all.len(), 1);
    all.remove(0).renderings().map(|(_, body)| String::from_utf8(body.to_vec()).unwrap()).collect()
}

fn first(alert: &Alert) -> Occasion<'_> {
    Occasion::first(alert, "sms", GroupId::from_u64(0xfeed_beef_cafe_1234), UNIX_EPOCH)
}

#[test]
fn says_who_what_where_and_which_group() {
    let alert = alert("payment refused – 5 €");
    let expected = [
        "storefront ERROR: payment refused - 5 € (src/payments.rs:42) (feedbeef)",
        "storefront ERROR: payment refused - 5 € (src/payments.rs:42) (feedbeef)",
        "storefront ERROR: payment refused - 5 € (feedbeef)",
        "storefront ERROR: payment refused - 5 ? (feedbeef)",
    ];
    assert_eq!(forms(&sms(1), &first(&alert)), expected);
}

#[test]
fn a_digest_says_how_many_more() {
    let alert = alert("payment refused");
    let now = UNIX_EPOCH + Duration::from_secs(60);
    let counts = Counts::new(310, 300, UNIX_EPOCH, now);
    let cases = [
        (OccasionKind::Digest, "storefront ERROR x300: payment refused (src/payments.rs:42) (feedbeef)"),
        (OccasionKind::Quiet, "storefront QUIET after 310: payment refused (src/payments.rs:42) (feedbeef)"),
    ];
    for (kind, expected) in cases {
        assert_eq!(forms(&sms(1), &first(&alert).of_kind(kind, 1).counts(counts))[0], expected);
    }
}

#[test]
fn a_storm_says_first_that_it_is_one_and_last_when_more_comes() {
    let now = UNIX_EPOCH + Duration::from_secs(1_773_501_391);
    let counts = Counts::new(16, 1, now - Duration::from_secs(5), now).groups(16);
    let next = Some(Outlook::Next(now + Duration::from_secs(300)));
    let text = |message: &str, outlook| {
        let alert = alert(message);
        forms(&sms(1), &first(&alert).of_kind(OccasionKind::Storm, 1).counts(counts).outlook(outlook))
            .remove(0)
    };
    assert_eq!(
        text("no stock", next),
        "storefront STORM: 16 different alerts in 5 s, the oldest: no stock (src/payments.rs:42); \
         next by 15:21 UTC (feedbeef)"
    );
    let long = text(&"word ".repeat(60), next);
    assert!(
        long.starts_with("storefront STORM: ") && long.ends_with("...; next by 15:21 UTC (feedbeef)"),
        "{long}"
    );
    assert_eq!(Segments::of(&long).count, 1, "{long}");
    let over = text("no stock", Some(Outlook::Over));
    assert!(over.starts_with("storefront STORM OVER: ") && !over.contains("next by"), "{over}");
}

#[test]
fn a_long_text_loses_its_place_first_and_then_its_end() {
    let alert = alert(&"word ".repeat(60));
    let one = forms(&sms(1), &first(&alert)).remove(0);
    assert!(one.ends_with("... (feedbeef)") && !one.contains("src/") && one.len() <= 160, "{one}");
    let two = forms(&sms(2), &first(&alert)).remove(0);
    assert!(two.ends_with("(feedbeef)") && two.len() > one.len() && Segments::of(&two).count == 2, "{two}");
}

#[test]
fn another_script_is_kept_and_then_degrades_to_ascii() {
    let alert = alert("платёж отклонён банком-эквайером, повторите попытку позже");
    let forms = forms(&sms(1), &first(&alert));
    let alphabets: Vec<_> = forms.iter().map(|text| Segments::of(text).alphabet).collect();
    assert_eq!(alphabets, [Alphabet::Ucs2, Alphabet::Gsm7, Alphabet::Gsm7, Alphabet::Gsm7]);
    assert!(forms.iter().all(|text| Segments::of(text).count == 1), "{forms:?}");
    assert!(forms[0].contains("платёж"), "{forms:?}");
}
