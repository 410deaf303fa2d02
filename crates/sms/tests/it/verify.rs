//! Asked, and not posted.

use watchfire_inbox::{Demo, Fault, Inbox, Provider};
use watchfire_sms::{Exotel, Sms, Twilio};
use watchfire_testing::{asked, conformance};

fn twilio(inbox: &Inbox, token: &str) -> Twilio {
    Twilio::new(Demo::TWILIO_ACCOUNT, token).from(Demo::TWILIO_FROM).api_url(inbox.twilio_base())
}

fn exotel(inbox: &Inbox, account: &str, token: &str) -> Exotel {
    Exotel::new(account, Demo::EXOTEL_KEY, token).from(Demo::EXOTEL_FROM).api_url(inbox.exotel_base())
}

/// An account for numbers that need no registered template.
fn sms(twilio: Twilio, exotel: Exotel) -> Sms {
    Sms::to(["+436601234567"]).twilio(twilio).route("+44", exotel).build().unwrap()
}

#[test]
fn both_accounts_are_known_and_nothing_is_posted() {
    let inbox = Inbox::start().unwrap();
    let sms =
        sms(twilio(&inbox, Demo::TWILIO_TOKEN), exotel(&inbox, Demo::EXOTEL_ACCOUNT, Demo::EXOTEL_TOKEN));
    // The answer about the account holds its token.
    let secrets = [Demo::TWILIO_TOKEN, Demo::EXOTEL_KEY, Demo::EXOTEL_TOKEN];
    conformance::of(&sms).secrets(secrets).check_verify(|| inbox.all().len());
    let found = asked(&sms);
    let known = |name: &str, text: &str| (name.to_owned(), "accepted", text.to_owned());
    assert_eq!(
        found,
        [known("twilio for +", "the account `inbox`"), known("exotel for +44", "the key and the account")]
    );
}

#[test]
fn a_key_is_asked_for_what_a_key_may_see() {
    let inbox = Inbox::start().unwrap();
    let key = Twilio::with_key(Demo::TWILIO_ACCOUNT, Demo::TWILIO_KEY, Demo::TWILIO_KEY_SECRET)
        .from(Demo::TWILIO_FROM)
        .api_url(inbox.twilio_base());
    let sms = Sms::to(["+436601234567"]).twilio(key).build().unwrap();
    let found = asked(&sms);
    // `SK` and 32 digits have the form of a credential.
    assert_eq!((found[0].1, found[0].2.as_str()), ("accepted", "the key [redacted]"));
    assert_eq!(inbox.all().len(), 0);
}

#[test]
fn what_is_wrong_is_refused_and_what_is_down_unreachable() {
    let inbox = Inbox::start().unwrap();
    let planted = "planted0wrong0token";
    let wrong = asked(&sms(twilio(&inbox, planted), exotel(&inbox, Demo::EXOTEL_ACCOUNT, planted)));
    assert_eq!((wrong[0].1, wrong[1].1), ("refused", "refused"), "{wrong:?}");
    assert!(wrong[1].2.contains("34010") && wrong[1].2.contains("is it this host?"), "{wrong:?}");
    let other = asked(&sms(twilio(&inbox, planted), exotel(&inbox, "another", Demo::EXOTEL_TOKEN)));
    assert_eq!(other[1].1, "refused", "{other:?}");
    for provider in [Provider::Twilio, Provider::Exotel] {
        inbox.fail(provider, Fault::RateLimit { retry_after: None }.times(1)).unwrap();
    }
    let good =
        sms(twilio(&inbox, Demo::TWILIO_TOKEN), exotel(&inbox, Demo::EXOTEL_ACCOUNT, Demo::EXOTEL_TOKEN));
    let down = asked(&good);
    assert_eq!((down[0].1, down[1].1), ("unreachable", "unreachable"), "{down:?}");
    let shown = format!("{wrong:?} {other:?} {down:?}");
    assert!([planted, Demo::TWILIO_TOKEN].iter().all(|secret| !shown.contains(secret)), "{shown}");
}
