//! A sink of your own: it writes one line per alert to a pager on a TCP port.
//!
//! ```text
//! PAGER=127.0.0.1:7000 cargo run -p watchfire-examples --bin custom_sink
//! ```

use tokio::{io::AsyncWriteExt, net::TcpStream};
use watchfire::{
    DeliveryPolicy, Outbox,
    prelude::*,
    sink::{Delivering, MessageContent, Notification, Occasion, Outcome, Reason, Sink},
};

struct Pager {
    address: String,
}

impl Sink for Pager {
    fn kind(&self) -> &'static str {
        "pager"
    }

    // Pure: what to say. One notification per recipient, with what is tried when the provider refuses the first form.
    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        let page = MessageContent::of(occasion);
        let line = format!("{} [{}]", page.subject(), page.group);
        vec![occasion.notification(&self.address).plain(line).ascii(page.ascii_line(160))]
    }

    // One attempt: how to carry it, and what its end means. The outbox does the rest.
    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            let mut stream = match TcpStream::connect(&self.address).await {
                Ok(stream) => stream,
                Err(error) => return Outcome::Transient(Reason::new(error)),
            };
            let line = [notification.body(), b"\n"].concat();
            match stream.write_all(&line).await {
                Ok(()) => Outcome::Delivered(None),
                Err(error) => Outcome::Ambiguous(Reason::new(error)),
            }
        })
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        policy.timeout = std::time::Duration::from_secs(3);
        policy
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let outbox = Outbox::start("shop")?;
    let pager = Pager { address: std::env::var("PAGER")? };
    tracing_subscriber::registry().with(pager.layer(&outbox)?).init();

    tracing::error!(shelf = 12, "the freezer is warm");
    Ok(())
}
