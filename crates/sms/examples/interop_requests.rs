//! Prints the form bodies of requests to Twilio as they were sent, one JSON line each, for the check against Twilio's
//! OpenAPI description. They are sent over loopback to the inbox, by both ways to name a sender.

use std::io::{self, Write};

use watchfire_inbox::{Demo, Inbox, Provider};
use watchfire_outbox::Sink;
use watchfire_sms::{Sms, Twilio};
use watchfire_testing::{Scene, full_alert, hostile_alerts};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let inbox = Inbox::start()?;
    let twilio = || Twilio::new(Demo::TWILIO_ACCOUNT, Demo::TWILIO_TOKEN).api_url(inbox.twilio_base());
    let senders = [twilio().from(Demo::TWILIO_FROM), twilio().messaging_service(Demo::TWILIO_SERVICE)];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for sender in senders {
        let sms = Sms::to(["+436601234567", "+14155550100"]).twilio(sender).max_segments(3).build()?;
        for alert in hostile_alerts().into_iter().map(|hostile| hostile.alert).chain([full_alert()]) {
            for notification in sms.render(&Scene::first(alert).occasion()) {
                let outcome = runtime.block_on(sms.deliver(&notification));
                if !matches!(outcome, watchfire_outbox::Outcome::Delivered(_)) {
                    return Err(format!("not delivered: {outcome:?}").into());
                }
            }
        }
    }
    let mut out = io::stdout().lock();
    for request in inbox.received(Provider::Twilio) {
        let fields: Vec<(String, String)> = form_urlencoded::parse(&request.raw).into_owned().collect();
        writeln!(out, "{}", serde_json::json!({ "fields": fields }))?;
    }
    Ok(())
}
