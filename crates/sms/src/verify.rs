//! Ask each provider whether it knows the account; numbers are asked about nowhere.

use watchfire_http::{Client, ask};
use watchfire_outbox::Verified;

use crate::{api::Carrier, config::Route, exotel, twilio};

pub(crate) async fn verify(routes: &[Route], client: &Client) -> Vec<Verified> {
    let mut found = Vec::new();
    for route in routes {
        let (name, verdict) = match &route.carrier {
            Carrier::Twilio(account) => (
                "twilio",
                ask(client, account.question(), |response| twilio::verdict(account, response)).await,
            ),
            Carrier::Exotel(account) => ("exotel", ask(client, account.question(), exotel::verdict).await),
        };
        found.push(Verified::new(format!("{name} for {}", route.prefix), verdict));
    }
    found
}
