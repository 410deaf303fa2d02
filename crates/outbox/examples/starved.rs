//! Says what an outbox makes of too few descriptors or threads, and of a worker that died: `starved <spool folder>`.
//!
//! Each line of the input is an order; each line of the output is what became of it.

#![expect(clippy::print_stdout, reason = "its output is what the test reads")]

use std::{io::stdin, time::Duration};

use watchfire_core::{Alert, App, SelfLog, Severity};
use watchfire_outbox::{Delivering, DeliveryPolicy, Notification, Occasion, Outbox, Outcome, Sink, SinkExt};

/// Takes everything.
struct Takes;

impl Sink for Takes {
    fn kind(&self) -> &'static str {
        "takes"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        vec![occasion.notification("all").plain(occasion.title())]
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        Box::pin(std::future::ready(Outcome::Delivered(None)))
    }

    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        (policy.backoff_base, policy.backoff_cap) = (Duration::from_millis(50), Duration::from_millis(50));
        (policy.breaker_wait, policy.breaker_cap) = (policy.backoff_base, policy.backoff_cap);
        policy
    }
}

fn main() {
    let folder = std::env::args().nth(1).unwrap_or_default();
    let started = Outbox::builder("shop").spool(folder).self_log(SelfLog::to(|_| ())).start();
    let outbox = match started {
        Ok(outbox) => outbox,
        Err(error) => return println!("not started: {error}"),
    };
    let Ok(_layer) = Takes.named("all").handler(&outbox) else { return println!("no channel") };
    println!("started");
    for (number, line) in stdin().lines().map_while(Result::ok).enumerate() {
        match line.as_str() {
            "alert" => {
                let text =
                    format!("alert {}", ["one", "two", "three", "four"].get(number).unwrap_or(&"more"));
                outbox.alert(Alert::new(App::new("shop"), Severity::Error, text));
                println!("alerted");
            }
            "die" => {
                outbox.kill_worker();
                println!("killed");
            }
            _ => {
                let within = if line == "flush" { 20 } else { 1 };
                let report = outbox.flush(Duration::from_secs(within));
                let stats = outbox.stats();
                println!(
                    "complete={} pending={} delivered={} dropped={} health={} {}",
                    report.is_complete,
                    report.pending,
                    stats.channels.iter().map(|channel| channel.delivered).sum::<u64>(),
                    stats.channels.iter().map(|channel| channel.dropped_shutdown).sum::<u64>(),
                    outbox.health().status.as_str(),
                    outbox.health().reasons.join("; "),
                );
            }
        }
    }
}
