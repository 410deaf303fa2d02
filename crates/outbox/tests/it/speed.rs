//! How long a caller waits: printed, not asserted, for a timed assertion is right only on most days.

use std::time::Duration;

use tracing_subscriber::prelude::*;
use watchfire_core::{SelfLog, clock};
use watchfire_outbox::{Outbox, Sink};

use crate::sinks::{Hangs, Told};

#[test]
fn a_caller_never_waits_for_a_provider() {
    println!("{:<24}{:>10}{:>10}{:>10}{:>10}", "provider", "p50", "p99", "p99.9", "max");
    for name in ["healthy", "hanging", "hanging, queue full"] {
        let capacity = if name.ends_with("full") { 1 } else { 100_000 };
        let outbox = Outbox::builder("shop")
            .capacity(capacity)
            .drop_deadline(Duration::ZERO)
            .self_log(SelfLog::to(|_| ()))
            .start()
            .unwrap();
        let told = Told::new();
        let (a, b) = match name {
            "healthy" => (Some(told.layer(&outbox).unwrap()), None),
            _ => (None, Some(Hangs.layer(&outbox).unwrap())),
        };
        let mut took: Vec<Duration> = Vec::with_capacity(5_000);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(a).with(b), || {
            for i in 0..5_000_u64 {
                let began = clock::instant();
                tracing::error!(i, user = "ada", "payment failed");
                took.push(began.elapsed());
            }
        });
        took.sort_unstable();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        println!("{name:<24}{:>10.1?}{:>10.1?}{:>10.1?}{:>10.1?}", at(0.5), at(0.99), at(0.999), at(1.0));
        let stats = &outbox.stats().channels[0];
        assert!(stats.captured > 0, "the first of them at least");
        assert!(name != "hanging, queue full" || stats.dropped_full > 0);
    }
}
