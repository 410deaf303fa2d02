//! Sends one alert with everything in it to the server of the DSN given as the argument, for the interop check that
//! reads it back from there. Ends with success once the server took it.

use watchfire_outbox::{Outcome, Sink};
use watchfire_sentry::Sentry;
use watchfire_testing::{Scene, full_alert};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dsn = std::env::args().nth(1).ok_or("expected a DSN as the argument")?;
    let sentry = Sentry::dsn(dsn).tag("region", "eu").tag_fields(["order"]).build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Servers drop events that are too old to keep.
    let now = watchfire_core::clock::now();
    for notification in sentry.render(&Scene::first(full_alert().at(now)).occasion()) {
        match runtime.block_on(sentry.deliver(&notification)) {
            Outcome::Delivered(_) | Outcome::DeliveredThenWait { .. } => {}
            outcome => return Err(format!("not delivered: {outcome:?}").into()),
        }
    }
    Ok(())
}
