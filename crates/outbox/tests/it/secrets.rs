//! No credential of the program's own is in what is sent or written, whatever way it got into a message.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use watchfire_core::{Alert, App, Secret, SelfLog, Severity};
use watchfire_outbox::{
    Delivering, DeliveryPolicy, Form, Notification, Occasion, Outbox, Outcome, Sink, SinkExt,
};

use crate::sinks::Told;

const LONG: Duration = Duration::from_secs(20);

/// Writes a credential into the renderings of these forms, as a sink of somebody's own may do.
struct Careless {
    told: Told,
    secret: Secret,
    forms: &'static [Form],
}

impl Sink for Careless {
    fn kind(&self) -> &'static str {
        "careless"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        let body = |form| {
            let secret = if self.forms.contains(&form) { self.secret.expose() } else { "" };
            format!("{} {secret}", occasion.title())
        };
        let notification = occasion.notification("all").rich(body(Form::Rich)).plain(body(Form::Plain));
        vec![notification.ascii(body(Form::Ascii))]
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        self.told.deliver(notification)
    }

    fn policy(&self) -> DeliveryPolicy {
        Sink::policy(&self.told)
    }
}

/// Returns an outbox, in memory or with a spool, and what its self-log and its last resort say.
fn start(spool: Option<&Path>) -> (Outbox, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let (log, last) = (Arc::clone(&said), Arc::clone(&said));
    let builder = Outbox::builder("shop")
        .self_log(SelfLog::to(move |line| log.lock().unwrap().push(line.to_owned())))
        .last_resort(move |alert, reason| {
            last.lock().unwrap().push(format!("last resort: {}: {reason}", alert.message));
        });
    let builder = match spool {
        Some(folder) => builder.spool(folder),
        None => builder.in_memory(),
    };
    (builder.start().unwrap(), said)
}

fn alert(message: &str) -> Alert {
    Alert::new(App::new("shop"), Severity::Error, message).target("shop")
}

/// Returns the content of all files below a folder.
fn content(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all += &match path.is_dir() {
            true => content(&path),
            false => String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned(),
        };
    }
    all
}

#[test]
fn a_rendering_with_a_credential_is_not_sent_and_one_without_is() {
    use Form::{Ascii, Plain, Rich};
    // (forms with a credential, what is sent)
    let cases: [(&[Form], Option<Form>); 4] = [
        (&[], Some(Rich)),
        (&[Rich], Some(Plain)),
        (&[Rich, Plain], Some(Ascii)),
        (&[Rich, Plain, Ascii], None),
    ];
    let secret = Secret::new("xoxb-planted-guard-4711");
    for with_spool in [false, true] {
        for (forms, sent) in cases {
            let folder = tempfile::tempdir().unwrap();
            let (outbox, said) = start(with_spool.then_some(folder.path()));
            let told = Told::new();
            let careless = Careless { told: told.clone(), secret: secret.clone(), forms };
            let _layer = careless.layer(&outbox).unwrap();
            for message in ["one", "two"] {
                outbox.alert(alert(message).place("a.rs", message.len().try_into().unwrap()));
            }
            assert!(outbox.flush(LONG).is_complete);
            let attempts = told.attempts();
            let stats = &outbox.stats().channels[0];
            let said = said.lock().unwrap().join("\n");
            assert!(attempts.iter().all(|one| Some(one.form()) == sent), "{forms:?}: {attempts:?}");
            let count = if sent.is_some() { (2, 0) } else { (0, 2) };
            assert_eq!((stats.delivered, stats.dropped_secret), count, "{forms:?}, {said}");
            assert_eq!(said.matches("careless: `").count(), usize::from(sent.is_none()), "once: {said}");
            assert_eq!(said.matches("last resort: ").count(), if sent.is_some() { 0 } else { 2 }, "{said}");
            assert!(!said.contains(secret.expose()) && !content(folder.path()).contains(secret.expose()));
        }
    }
}

#[test]
fn an_alert_made_by_hand_with_a_credential_is_said_without_it() {
    let secret = Secret::new("xoxb-planted-by-hand-4712");
    for with_spool in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (outbox, said) = start(with_spool.then_some(folder.path()));
        // What is refused for its form is kept, so that the file is there to be looked into.
        let told = Told::new().answers([Outcome::Rejected("no".into())]);
        let _layer = told.clone().layer(&outbox).unwrap();
        outbox.alert(alert(&format!("cannot log in with {}", secret.expose())).field("key", secret.expose()));
        assert!(outbox.flush(LONG).is_complete);
        let attempts = told.attempts();
        assert_eq!(attempts.len(), 1, "{:?}", said.lock().unwrap());
        let body = String::from_utf8_lossy(attempts[0].body());
        assert!(body.contains("cannot log in with [redacted]") && !body.contains(secret.expose()), "{body}");
        assert!(!attempts[0].title().contains(secret.expose()));
        let files = content(folder.path());
        assert_eq!(files.contains("cannot log in"), with_spool, "a dead letter: {files}");
        assert!(!files.contains(secret.expose()), "{files}");
    }
}

#[test]
fn a_late_credential_in_a_waiting_message_is_not_sent() {
    // Without the shape of a token: what has one is masked where the alert enters.
    let text = "planted-and-not-known-yet";
    let folder = tempfile::tempdir().unwrap();
    let (outbox, said) = start(Some(folder.path()));
    let told = Told::new().answers([Outcome::Held("no credentials".into())]);
    let _layer = told.clone().layer(&outbox).unwrap();
    outbox.alert(alert(&format!("what is {text}")));
    let until = watchfire_core::clock::instant() + LONG;
    while outbox.stats().channels[0].held == 0 && watchfire_core::clock::instant() < until {
        std::thread::yield_now();
    }
    assert_eq!(told.attempts().len(), 1);
    let _known = Secret::new(text);
    assert!(outbox.drain(LONG).is_complete);
    assert_eq!(told.attempts().len(), 1, "{:?}", told.attempts());
    assert_eq!(outbox.stats().channels[0].dropped_secret, 1, "{:?}", said.lock().unwrap());
    for place in ["new", "dead"] {
        assert!(!content(&folder.path().join(place)).contains(text), "{place}");
    }
    for file in crate::ends::of_hosts(folder.path(), "cur") {
        assert!(!String::from_utf8_lossy(&std::fs::read(&file).unwrap()).contains(text), "{file:?}");
    }
}
