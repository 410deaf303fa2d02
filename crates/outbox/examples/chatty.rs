//! Delivers by a client that logs, with our layer as the global default: prints how many deliveries there were.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::time::Duration;

use tracing_subscriber::prelude::*;
use watchfire_outbox::{Delivering, Notification, Occasion, Outbox, Outcome, Sink, SinkExt};

struct Chatty;

impl Sink for Chatty {
    fn kind(&self) -> &'static str {
        "chatty"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        tracing::error!("from render");
        vec![occasion.notification("nobody").plain(occasion.title())]
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        Box::pin(async {
            tracing::error!("from the client");
            let resolver = tokio::task::spawn_blocking(|| tracing::error!("from the resolver's thread"));
            let done = resolver.await.is_ok();
            let _span = tracing::error_span!("request").entered();
            tracing::error!(done, "from inside a span");
            Outcome::Delivered(None)
        })
    }
}

fn main() -> Result<(), watchfire_core::ConfigError> {
    let outbox = Outbox::start("chatty")?;
    tracing_subscriber::registry().with(Chatty.layer(&outbox)?).init();
    tracing::error!("the program's own");
    for _ in 0..5 {
        assert_eq!(outbox.flush(Duration::from_secs(5)).pending, 0);
    }
    for channel in outbox.stats().channels {
        println!("{} captured, {} delivered", channel.captured, channel.delivered);
    }
    Ok(())
}
