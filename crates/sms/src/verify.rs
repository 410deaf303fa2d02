//! Ask each provider whether it knows the account; numbers are asked about nowhere.

use watchfire_http::{Client, ask};
use watchfire_outbox::Answers;

use crate::{api::Carrier, config::Route, exotel, twilio};

pub(crate) async fn verify(routes: &[Route], client: &Client, answers: &Answers) {
    routes.iter().for_each(|route| answers.expect(name(route)));
    for route in routes {
        let verdict = match &route.carrier {
            Carrier::Twilio(account) => {
                ask(client, account.question(), |response| twilio::verdict(account, response)).await
            }
            Carrier::Exotel(account) => ask(client, account.question(), exotel::verdict).await,
        };
        answers.add(name(route), verdict);
    }
}

fn name(route: &Route) -> String {
    let provider = match &route.carrier {
        Carrier::Twilio(_) => "twilio",
        Carrier::Exotel(_) => "exotel",
    };
    format!("{provider} for {}", route.prefix)
}
