#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
//! Slack over loopback, against a server that refuses what Slack refuses.

mod conformance;
mod verify;
mod web_api;
mod webhook;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_core::{App, SelfLog};
use watchfire_inbox::{Fault, FaultPlan, Inbox, Provider, Received};
use watchfire_outbox::{ChannelStats, Outbox, Sink, SinkExt};
use watchfire_slack::{Slack, SlackBuilder};

const LONG: Duration = Duration::from_secs(20);

/// The parts of the inbox's credentials that nobody may ever show.
const SECRETS: [&str; 2] = ["inboxDemoInboxDemo", "inbox-demo-token"];

/// Logs through a layer of `slack` in an outbox of its own, waits until all is settled, and returns the counts.
fn log_through(slack: SlackBuilder, log: impl FnOnce()) -> ChannelStats {
    let app = App::new("storefront").environment("production");
    let said = Arc::new(Mutex::new(String::new()));
    let log_to = Arc::clone(&said);
    let self_log = SelfLog::to(move |line| log_to.lock().unwrap().push_str(line));
    let outbox = Outbox::builder(app).self_log(self_log).start().unwrap();
    let slack = slack.build().unwrap();
    let mut policy = slack.policy();
    // The pace and the patience are the outbox's to test.
    policy.min_gap = Duration::ZERO;
    policy.backoff_base = Duration::from_millis(10);
    let layer = slack.channel().policy(policy).layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
    assert_eq!(outbox.flush(LONG).pending, 0, "{:?}", outbox.stats());
    let shown = format!("{said:?} {outbox:?}");
    assert!(!SECRETS.iter().any(|secret| shown.contains(secret)), "{shown}");
    outbox.stats().channels.remove(0)
}
