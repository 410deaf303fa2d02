//! Prints payloads as JSON lines, for the interop check that reads them with Slack's own Python models.
//!
//! ```text
//! cargo run -p watchfire-slack --example interop_payloads
//! ```

use std::io::{self, Write};

use watchfire_outbox::{Receipt, Sink};
use watchfire_slack::Slack;
use watchfire_testing::{Scene, full_alert, hostile_alerts};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let webhook =
        Slack::webhook("https://hooks.slack.com/services/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")
            .build()?;
    let bot = Slack::bot("xoxb-not-a-real-token", "C0INTEROP").build()?;
    let receipts = [Receipt::new("C0INTEROP", "C0INTEROP/1700000000.000100")];
    let alerts = hostile_alerts().into_iter().map(|hostile| hostile.alert).chain([full_alert()]);
    let mut out = io::stdout().lock();
    for alert in alerts {
        for scene in Scene::all(&alert, &receipts) {
            for sink in [&webhook, &bot] {
                for notification in sink.render(&scene.occasion()) {
                    for (form, body) in notification.renderings() {
                        let payload: serde_json::Value = serde_json::from_slice(body)?;
                        let line = serde_json::json!({
                            "scene": scene.name, "form": form.as_str(), "payload": payload,
                        });
                        writeln!(out, "{line}")?;
                    }
                }
            }
        }
    }
    Ok(())
}
