//! SMS that arrive, and those that do not.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_core::{App, SelfLog};
use watchfire_inbox::{Demo, Fault, Inbox, Provider};
use watchfire_outbox::{ChannelStats, NotificationPolicy, Outbox, Sink, SinkExt};
use watchfire_sms::{Exotel, Sms, SmsBuilder, Twilio};

const LONG: Duration = Duration::from_secs(20);
const AUSTRIA: &str = "+436601234567";
const INDIA: &str = "+919876543210";
const SECRETS: [&str; 4] =
    [Demo::TWILIO_TOKEN, Demo::TWILIO_KEY_SECRET, Demo::EXOTEL_KEY, Demo::EXOTEL_TOKEN];

fn twilio(inbox: &Inbox) -> Twilio {
    Twilio::new(Demo::TWILIO_ACCOUNT, Demo::TWILIO_TOKEN).from(Demo::TWILIO_FROM).api_url(inbox.twilio_base())
}

fn exotel(inbox: &Inbox) -> Exotel {
    Exotel::new(Demo::EXOTEL_ACCOUNT, Demo::EXOTEL_KEY, Demo::EXOTEL_TOKEN)
        .from(Demo::EXOTEL_FROM)
        .api_url(inbox.exotel_base())
        .dlt("1234567890123456789", "1234567890123456780")
        .template("Alert {#var#}{#var#}: {#var#}{#var#}. Ref {#var#}")
}

fn both(inbox: &Inbox) -> SmsBuilder {
    Sms::to([AUSTRIA, INDIA]).twilio(twilio(inbox)).exotel(exotel(inbox))
}

/// Logs through a layer in an outbox of its own, waits until all is settled, and returns the counts.
fn log_through(sms: SmsBuilder, log: impl FnOnce()) -> ChannelStats {
    let said = Arc::new(Mutex::new(String::new()));
    let log_to = Arc::clone(&said);
    let self_log = SelfLog::to(move |line| log_to.lock().unwrap().push_str(line));
    let outbox = Outbox::builder(App::new("storefront")).self_log(self_log).start().unwrap();
    let sms = sms.build().unwrap();
    let mut policy = sms.policy();
    policy.backoff_base = Duration::from_millis(10);
    // The test is about the way of an SMS, not about when one is due.
    policy.notifications = NotificationPolicy::default();
    let layer = sms.channel().policy(policy).layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
    assert_eq!(outbox.flush(LONG).pending, 0, "{:?}", outbox.stats());
    let shown = format!("{said:?} {outbox:?}");
    assert!(SECRETS.iter().all(|secret| !shown.contains(secret)), "{shown}");
    outbox.stats().channels.remove(0)
}

#[test]
fn an_error_reaches_both_countries_each_by_its_provider() {
    let inbox = Inbox::start().unwrap();
    let stats = log_through(both(&inbox), || tracing::error!("payment refused – 5 €"));
    assert_eq!((stats.delivered, stats.attempts), (2, 2));
    let (world, india) = (inbox.accepted(Provider::Twilio), inbox.accepted(Provider::Exotel));
    assert_eq!((world.len(), india.len()), (1, 1));
    assert_eq!(world[0].recipients, [AUSTRIA]);
    assert!(world[0].text().contains("storefront ERROR: payment refused - 5 €"), "{}", world[0].text());
    assert_eq!(india[0].recipients, [INDIA]);
    assert!(
        india[0].text().contains("Alert ERROR in storefront: payment refused - 5 €. Ref "),
        "{}",
        india[0].text()
    );
    for one in world.iter().chain(&india) {
        assert_eq!(one.notes, Vec::<String>::new());
    }
}

#[test]
fn an_api_key_and_a_messaging_service_are_taken() {
    let inbox = Inbox::start().unwrap();
    let twilio = Twilio::with_key(Demo::TWILIO_ACCOUNT, Demo::TWILIO_KEY, Demo::TWILIO_KEY_SECRET)
        .messaging_service(Demo::TWILIO_SERVICE)
        .api_url(inbox.twilio_base());
    let stats = log_through(Sms::to([AUSTRIA]).twilio(twilio), || tracing::error!("down"));
    assert_eq!((stats.delivered, stats.attempts), (1, 1));
}

#[test]
fn hostile_text_is_taken_as_it_is() {
    let inbox = Inbox::start().unwrap();
    for text in ["a&To=%2B1&b=c", "\0\u{202e}\u{1b}[2J", "{#var#} www.example.com", "платёж", "🔥🔥🔥", ""]
    {
        let stats = log_through(both(&inbox).max_segments(2), || tracing::error!(text, "{text}"));
        assert_eq!((stats.delivered, stats.attempts), (2, 2), "taken at once: {text:?}");
    }
    assert!(inbox.refused(Provider::Twilio).is_empty() && inbox.refused(Provider::Exotel).is_empty());
}

#[test]
fn what_may_have_arrived_is_not_paid_twice() {
    let status = |status: u16| Fault::Status { status, body: None, headers: Vec::new() };
    for fault in [Fault::ResetAfterAccept, status(500)] {
        let inbox = Inbox::start().unwrap();
        inbox.fail(Provider::Twilio, fault.clone().times(1)).unwrap();
        let stats = log_through(Sms::to([AUSTRIA]).twilio(twilio(&inbox)), || tracing::error!("down"));
        assert_eq!((stats.delivered, stats.dead, stats.attempts), (0, 1, 1), "{fault:?}");
    }
}

#[test]
fn a_refused_number_does_not_delay_the_other() {
    let inbox = Inbox::start().unwrap();
    inbox.fail(Provider::Twilio, Fault::RateLimit { retry_after: Some(1) }.times(1)).unwrap();
    let stats = log_through(Sms::to([AUSTRIA]).twilio(twilio(&inbox)), || tracing::error!("down"));
    assert_eq!((stats.delivered, stats.attempts), (1, 2));
    inbox.fail(Provider::Twilio, Fault::RefuseRecipient { address: AUSTRIA.to_owned() }.always()).unwrap();
    let stats = log_through(both(&inbox), || tracing::error!("down"));
    assert_eq!((stats.delivered, stats.refused), (1, 1));
}
