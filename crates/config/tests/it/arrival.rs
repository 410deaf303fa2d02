//! Alerts of Coaster's keys, and of three services from one file, arrive at the local inbox.

use std::{collections::HashMap, time::Duration};

use tracing::Dispatch;
use tracing_subscriber::{Registry, prelude::*};
use watchfire_config::{Config, Handle};
use watchfire_core::Severity;
use watchfire_inbox::{Demo, Inbox, Provider};

use crate::emit::emit;

const PATIENCE: Duration = Duration::from_secs(20);

fn put_in_force(config: Config, service: &str) -> (Dispatch, Handle) {
    let (layer, handle) = config.service(service).rust_log("").layers::<Registry>().unwrap();
    (Dispatch::new(tracing_subscriber::registry().with(layer)), handle)
}

#[test]
fn each_key_of_coasters_page_does_what_its_line_says() {
    let inbox = Inbox::builder().smtp_plaintext().start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("shop.log");
    let hooks = format!(
        r#"[{{"levelnames": ["WARNING", "ERROR", "CRITICAL"], "url": "{}"}}]"#,
        inbox.slack_webhook_url()
    );
    let entity = "1101234567890123456";
    let variables: HashMap<&str, String> = [
        ("LOGFILE", log.to_str().unwrap().to_owned()),
        ("LOGFILE_LEVEL", "INFO".to_owned()),
        ("ADMINS", "['ada@example.com', 'bo@example.com']".to_owned()),
        ("MAIL_DEFAULT_SENDER", "('Shop', 'errors@example.com')".to_owned()),
        ("MAIL_SERVER", inbox.smtp_addr().ip().to_string()),
        ("MAIL_PORT", inbox.smtp_addr().port().to_string()),
        ("MAIL_USERNAME", Demo::SMTP_USER.to_owned()),
        ("MAIL_PASSWORD", Demo::SMTP_PASSWORD.to_owned()),
        ("SLACK_LOGGING_WEBHOOKS", hooks),
        ("TELEGRAM_ERROR_CHATID", Demo::TELEGRAM_PRIVATE_CHAT.to_string()),
        ("TELEGRAM_ERROR_APIKEY", Demo::TELEGRAM_TOKEN.to_owned()),
        ("WATCHFIRE_TELEGRAM_API_URL", inbox.telegram_base()),
        ("ADMIN_NUMBERS", "+436601234567, +919800000001".to_owned()),
        ("SMS_TWILIO_SID", Demo::TWILIO_ACCOUNT.to_owned()),
        ("SMS_TWILIO_TOKEN", Demo::TWILIO_TOKEN.to_owned()),
        ("SMS_TWILIO_FROM", Demo::TWILIO_FROM.to_owned()),
        ("WATCHFIRE_TWILIO_URL", inbox.twilio_base()),
        ("SMS_EXOTEL_SID", Demo::EXOTEL_ACCOUNT.to_owned()),
        ("SMS_EXOTEL_KEY", Demo::EXOTEL_KEY.to_owned()),
        ("SMS_EXOTEL_TOKEN", Demo::EXOTEL_TOKEN.to_owned()),
        ("SMS_EXOTEL_FROM", Demo::EXOTEL_FROM.to_owned()),
        ("SMS_EXOTEL_DLT_ENTITY_ID", entity.to_owned()),
        ("SMS_EXOTEL_DLT_TEMPLATE_ID", "1107123456789012345".to_owned()),
        ("SMS_EXOTEL_TEMPLATE", "Error in {#var#}. Please check your email for details".to_owned()),
        ("WATCHFIRE_EXOTEL_URL", inbox.exotel_base()),
        ("SITE_ID", "shop".to_owned()),
    ]
    .into();
    let config = Config::from_variables(&|name| variables.get(name).cloned()).unwrap();
    let (dispatch, handle) = put_in_force(config, "shop");
    emit(&dispatch, "shop::web", Severity::Debug, &[]);
    emit(&dispatch, "shop::web", Severity::Info, &[]);
    emit(&dispatch, "shop::web", Severity::Warn, &[]);
    emit(&dispatch, "shop::pay", Severity::Error, &[]);
    let slack = inbox.wait_for(Provider::SlackWebhook, 2, PATIENCE).unwrap();
    let mails = inbox.wait_for(Provider::Smtp, 2, PATIENCE).unwrap();
    let telegram = inbox.wait_for(Provider::Telegram, 1, PATIENCE).unwrap();
    let twilio = inbox.wait_for(Provider::Twilio, 1, PATIENCE).unwrap();
    let exotel = inbox.wait_for(Provider::Exotel, 1, PATIENCE).unwrap();
    let flushed = handle.flush(PATIENCE);
    assert_eq!(flushed, watchfire_core::Flushed::Yes);
    // Exactly these levels at Slack, ERROR and up elsewhere.
    let counts = [slack.len(), mails.len(), telegram.len(), twilio.len(), exotel.len()];
    assert_eq!(counts, [2, 2, 1, 1, 1]);
    let written = std::fs::read_to_string(&log).unwrap();
    assert_eq!(written.lines().count(), 3, "INFO and up: {written}");
    drop(handle);
}

#[test]
fn three_services_share_a_file_with_a_stack_each() {
    let inbox = Inbox::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        r#"
[app]
environment = "test"

[outbox]
in_memory = true

[handlers.file]
type = "file"
path = "{}/all.log"

[handlers.ops]
type = "slack"
webhook = "{}"

[handlers.chat]
type = "telegram"
token = "{}"
chats = ["{}"]
api_url = "{}"

[root]
level = "info"
handlers = ["file"]

[services.web]
handlers = ["file", "ops"]

[services.worker]
handlers = ["file", "chat"]
directives = "warn,shop::jobs=debug"

[services.cron]
extends = "worker"
handlers = ["file"]
"#,
        folder.path().display(),
        inbox.slack_webhook_url(),
        Demo::TELEGRAM_TOKEN,
        Demo::TELEGRAM_PRIVATE_CHAT,
        inbox.telegram_base(),
    );
    let config = Config::parse(&text).unwrap();
    for service in ["web", "worker", "cron"] {
        let (dispatch, handle) = put_in_force(config.clone(), service);
        emit(&dispatch, "shop::web", Severity::Info, &[]);
        emit(&dispatch, "shop::jobs", Severity::Debug, &[]);
        emit(&dispatch, "shop::jobs", Severity::Error, &[]);
        assert_eq!(handle.flush(PATIENCE), watchfire_core::Flushed::Yes);
    }
    assert_eq!(inbox.wait_for(Provider::SlackWebhook, 1, PATIENCE).unwrap().len(), 1);
    assert_eq!(inbox.wait_for(Provider::Telegram, 1, PATIENCE).unwrap().len(), 1);
    let written = std::fs::read_to_string(folder.path().join("all.log")).unwrap();
    // The web's INFO and ERROR; DEBUG and ERROR of the jobs of both others.
    let levels = |level: &str| written.lines().filter(|line| line.contains(level)).count();
    assert_eq!([levels("INFO"), levels("DEBUG"), levels("ERROR")], [1, 2, 3], "{written}");
}

#[test]
fn what_a_sample_keeps_back_is_told_by_the_alert_that_passes() {
    let inbox = Inbox::start().unwrap();
    let text = format!(
        r#"
[outbox]
in_memory = true

[handlers.ops]
type = "slack"
webhook = "{}"
filters = [{{ type = "sample", every = 3 }}]

[root]
handlers = ["ops"]
"#,
        inbox.slack_webhook_url()
    );
    let (dispatch, handle) = put_in_force(Config::parse(&text).unwrap(), "web");
    for target in ["shop::a", "shop::b", "shop::c", "shop::d"] {
        emit(&dispatch, target, Severity::Error, &[]);
    }
    assert_eq!(handle.flush(PATIENCE), watchfire_core::Flushed::Yes);
    let messages = inbox.wait_for(Provider::SlackWebhook, 2, PATIENCE).unwrap();
    let told = |number: usize, target: &str, held_back: &str| {
        let text =
            messages[number].view.parts.iter().map(watchfire_inbox::ViewPart::text).collect::<String>();
        assert!(text.contains(target) && text.contains(held_back), "{target} {held_back}: {text}");
    };
    assert_eq!(messages.len(), 2);
    told(0, "shop::a", "held_back = 0");
    told(1, "shop::d", "held_back = 2");
}

#[test]
fn a_letter_comes_back_with_the_answer_of_the_provider() {
    use watchfire_config::ManualAlert;
    let inbox = Inbox::start().unwrap();
    let config = |url: &str| {
        Config::parse(&format!(
            "[handlers.ops]\ntype = \"slack\"\nwebhook = \"{url}\"\n[root]\nhandlers = [\"ops\"]\n"
        ))
        .unwrap()
    };
    let letter = ManualAlert::new("is anybody there?").field("host", "db1");
    let good = config(&inbox.slack_webhook_url());
    let preview = good.preview(&letter, None, None).unwrap();
    assert!(preview[0].answer.contains("is anybody there?"), "{preview:?}");
    assert!(inbox.all().is_empty(), "a dry run sends nothing");
    let sent = good.send(&letter, Some("ops"), None, PATIENCE).unwrap();
    assert!(sent.len() == 1 && sent[0].is_delivered, "{sent:?}");
    let wrong = inbox.slack_webhook_url().replace("inboxDemoInboxDemoInbox0", "notTheRightOneNotTheRigh");
    let sent = config(&wrong).send(&letter, None, None, PATIENCE).unwrap();
    assert!(sent.len() == 1 && !sent[0].is_delivered && sent[0].answer.contains("HTTP 403"), "{sent:?}");
    assert!(!format!("{sent:?}").contains("notTheRightOne"), "{sent:?}");
}
