//! However a program ends, what it said arrives: with the real Slack sink, over HTTP.

use std::time::Duration;

use watchfire::{Outbox, Slack, prelude::*};
use watchfire_inbox::{Fault, Inbox, Provider};

use crate::scenario::{PATIENCE, WEBHOOK, in_child, is_child};

fn install() -> Outbox {
    let outbox = Outbox::start("shop").unwrap();
    let slack = Slack::webhook(std::env::var(WEBHOOK).unwrap()).layer(&outbox).unwrap();
    tracing_subscriber::registry().with(slack).init();
    outbox
}

/// Runs the test `name` of this file in a child and returns what Slack got.
fn messages_of(name: &str, succeeds: bool) -> Vec<String> {
    let inbox = Inbox::start().unwrap();
    let output = in_child(&format!("ends::{name}"), &inbox);
    assert_eq!(output.status.success(), succeeds, "{}", String::from_utf8_lossy(&output.stderr));
    inbox
        .wait_for(Provider::SlackWebhook, 1, PATIENCE)
        .unwrap()
        .iter()
        .map(|message| message.body())
        .collect()
}

#[test]
fn a_return_with_the_handle_dropped_early_loses_nothing() {
    if is_child("ends::a_return_with_the_handle_dropped_early_loses_nothing") {
        drop(install());
        tracing::error!("after the drop");
        // The test harness ends by process::exit.
        return;
    }
    let messages = messages_of("a_return_with_the_handle_dropped_early_loses_nothing", true);
    assert!(messages.len() == 1 && messages[0].contains("after the drop"), "{messages:?}");
}

#[test]
fn process_exit_loses_nothing() {
    if is_child("ends::process_exit_loses_nothing") {
        let _outbox = install();
        tracing::error!("the last word");
        std::process::exit(0);
    }
    let messages = messages_of("process_exit_loses_nothing", true);
    assert!(messages.len() == 1 && messages[0].contains("the last word"), "{messages:?}");
}

#[test]
fn a_panic_unwinding_through_the_handle_loses_nothing() {
    if is_child("ends::a_panic_unwinding_through_the_handle_loses_nothing") {
        let _outbox = install();
        tracing::error!("before the panic");
        panic!("the program fails");
    }
    let messages = messages_of("a_panic_unwinding_through_the_handle_loses_nothing", false);
    // The panic is an alert too, unless it is in the message of the other one.
    assert!(messages[0].contains("before the panic") && messages.len() == 2, "{messages:?}");
    assert!(messages[1].contains("the program fails"), "{messages:?}");
}

#[test]
fn what_the_http_client_logs_does_not_come_back() {
    if is_child("ends::what_the_http_client_logs_does_not_come_back") {
        let outbox = Outbox::start("shop").unwrap();
        let slack = Slack::webhook(std::env::var(WEBHOOK).unwrap()).layer(&outbox).unwrap();
        // Everything, at every level, from every library.
        tracing_subscriber::registry()
            .with(slack.with_filter(watchfire::filter::directives("trace").unwrap()))
            .init();
        tracing::error!("once");
        let report = outbox.flush(PATIENCE);
        assert_eq!(report.pending, 0);
        let stats = outbox.stats();
        // Only the event of the program arrives, not those of hyper, reqwest and rustls.
        assert_eq!(stats.channels[0].captured, 1, "{stats:?}");
        return;
    }
    let messages = messages_of("what_the_http_client_logs_does_not_come_back", true);
    assert_eq!(messages.len(), 1, "{messages:?}");
}

#[test]
fn what_was_not_delivered_is_said_when_the_program_ends() {
    if is_child("ends::what_was_not_delivered_is_said_when_the_program_ends") {
        let outbox = Outbox::builder("shop")
            .in_memory()
            .drop_deadline(Duration::from_millis(100))
            .exit_deadline(Duration::from_millis(100))
            .start()
            .unwrap();
        let slack = Slack::webhook(std::env::var(WEBHOOK).unwrap()).layer(&outbox).unwrap();
        tracing_subscriber::registry().with(slack).init();
        tracing::error!("nobody will hear this");
        return;
    }
    let inbox = Inbox::start().unwrap();
    inbox.fail(Provider::SlackWebhook, Fault::Hang { at: None }.always()).unwrap();
    let output = in_child("ends::what_was_not_delivered_is_said_when_the_program_ends", &inbox);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("1 message not delivered when the program ended: 0 in the spool"), "{said}");
}
