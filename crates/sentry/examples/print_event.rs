//! Prints sample events as JSON, one per line: what is checked against Sentry's own schema of an event.
//!
//! Every hostile alert in every form of every kind of occasion; with an argument, the full one only.

use std::io::{self, BufWriter, Write};

use watchfire_outbox::Sink;
use watchfire_sentry::Sentry;
use watchfire_testing::{Scene, full_alert, hostile_alerts};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dsn = "https://0123456789abcdef0123456789abcdef@sentry.example.com/42";
    let sentry = Sentry::dsn(dsn).tag("region", "eu").tag_fields(["order"]).build()?;
    let alerts = match std::env::args().nth(1) {
        Some(_) => vec![full_alert()],
        None => hostile_alerts().into_iter().map(|hostile| hostile.alert).collect(),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    for alert in alerts {
        for scene in Scene::all(&alert, &[]) {
            for notification in sentry.render(&scene.occasion()) {
                for (_, event) in notification.renderings() {
                    out.write_all(event)?;
                    out.write_all(b"\n")?;
                }
            }
        }
    }
    Ok(out.flush()?)
}
