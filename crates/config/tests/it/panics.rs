//! Panics under a configuration: on by default, an alert for the channels, an event for the other handlers.

use std::{collections::HashMap, panic::catch_unwind, time::Duration};

use tracing::Dispatch;
use tracing_subscriber::{Registry, prelude::*};
use watchfire_config::{Components, Config, Handle};
use watchfire_core::{Alert, App, Memory, Origin, Severity};
use watchfire_inbox::{Inbox, Provider};
use watchfire_outbox::HealthStatus;

const PATIENCE: Duration = Duration::from_secs(20);

fn file(inbox: &Inbox, app: &str) -> Config {
    let text = format!(
        r#"
        [app]
        {app}
        [outbox]
        in_memory = true
        [handlers.kept]
        type = "kept"
        [handlers.ops]
        type = "slack"
        webhook = "{}"
        [root]
        level = "info"
        handlers = ["kept", "ops"]
        [services.shop]
        [services.quiet]
        app = {{ panics = false }}
        "#,
        inbox.slack_webhook_url()
    );
    Config::parse(&text).unwrap()
}

fn put_in_force(config: Config, service: &str) -> (Dispatch, Handle, Memory) {
    let memory = Memory::new("shop", 100);
    let kept = memory.clone();
    let components = Components::new().handler("kept", move |_| Ok(kept.clone()));
    let (layer, handle) =
        config.service(service).components(components).rust_log("").layers::<Registry>().unwrap();
    (Dispatch::new(tracing_subscriber::registry().with(layer)), handle, memory)
}

#[test]
fn panics_are_on_unless_the_file_or_the_environment_says_off() {
    let inbox = Inbox::start().unwrap();
    let from_env = |word: &str| {
        let variables: HashMap<_, _> = [
            ("WATCHFIRE_SLACK_WEBHOOK", inbox.slack_webhook_url()),
            ("WATCHFIRE_PANICS", word.to_owned()),
            // Avoids `error.log` in the folder of the test.
            ("WATCHFIRE_FILE", String::new()),
        ]
        .into();
        Config::from_variables(&|name| variables.get(name).cloned())
    };
    // (configuration, service, whether it reports panics, whether it has the handler that keeps events)
    let cases = [
        (file(&inbox, ""), "shop", true, true),
        (file(&inbox, "panics = true"), "shop", true, true),
        (file(&inbox, "panics = false"), "shop", false, true),
        (file(&inbox, ""), "quiet", false, true),
        (from_env("").unwrap(), "shop", true, false),
        (from_env("no").unwrap(), "shop", false, false),
        (from_env("True").unwrap(), "shop", true, false),
    ];
    for (number, (config, service, is_on, keeps)) in cases.into_iter().enumerate() {
        let (dispatch, handle, memory) = put_in_force(config, service);
        let text = format!("the quail {number} is out of stock");
        let run = || {
            tracing::dispatcher::with_default(&dispatch, || {
                let _span = tracing::info_span!("order", number).entered();
                catch_unwind(|| panic!("{text}")).is_err()
            })
        };
        assert!(run());
        let _flushed = handle.flush(PATIENCE);
        let messages = inbox.all();
        let found = messages
            .iter()
            .filter(|message| message.provider == Provider::SlackWebhook && message.text().contains(&text));
        assert_eq!(found.count(), usize::from(is_on), "case {number}");
        let events: Vec<Alert> = memory.take().into_iter().filter(|alert| alert.message == text).collect();
        assert_eq!(events.len(), usize::from(is_on && keeps), "case {number}");
        for event in events {
            assert_eq!((event.origin, &*event.target), (Origin::Panic, "panic"));
            assert_eq!(event.spans[0].to_string(), format!("order{{number={number}}}"));
            assert!(event.stack.is_some());
        }
    }
    assert!(from_env("perhaps").is_err());
}

#[test]
fn a_logger_and_a_level_decide_on_panics_as_on_events() {
    let inbox = Inbox::start().unwrap();
    let mut config = file(&inbox, "");
    config.set(["loggers", "panic", "handlers"], Vec::<String>::new());
    config.set(["loggers", "panic", "propagate"], false);
    let (dispatch, handle, memory) = put_in_force(config, "shop");
    tracing::dispatcher::with_default(&dispatch, || {
        assert!(catch_unwind(|| panic!("the snipe is late")).is_err())
    });
    assert!(memory.take().iter().all(|alert| alert.message != "the snipe is late"));
    let _flushed = handle.flush(PATIENCE);
    let found = |text: &str| inbox.all().iter().any(|message| message.text().contains(text));
    assert!(found("the snipe is late"), "the channels are told whatever their loggers say");
}

#[test]
fn the_handle_gives_the_outbox_its_health_and_alerts() {
    let inbox = Inbox::start().unwrap();
    let (_dispatch, handle, _memory) = put_in_force(file(&inbox, ""), "shop");
    handle.alert(Alert::new(App::new("shop"), Severity::Critical, "the ledger does not balance"));
    assert_eq!(handle.flush(PATIENCE), watchfire_core::Flushed::Yes);
    assert_eq!(inbox.wait_for(Provider::SlackWebhook, 1, PATIENCE).unwrap().len(), 1);
    assert_eq!(handle.health().status, HealthStatus::Ok);
    let outbox = handle.outbox().unwrap();
    assert_eq!(outbox.stats().channels[0].delivered, 1);
    assert_eq!(handle.stats().unwrap(), outbox.stats());

    let silent = Config::parse("[services.shop]\n[root]\nhandlers = []\n").unwrap();
    let (_dispatch, handle, _memory) = put_in_force(silent, "shop");
    handle.alert(Alert::new(App::new("shop"), Severity::Error, "to nobody"));
    assert!(handle.outbox().is_none() && handle.health().reasons.is_empty());
}
