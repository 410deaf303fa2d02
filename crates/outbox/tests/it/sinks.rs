//! Sinks of our own that do what a test says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use watchfire_outbox::{Delivering, DeliveryPolicy, Notification, Occasion, Outcome, Sink};

/// Answers as told, else takes everything, and keeps what it was handed. Clones share what is kept.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<ScriptedInner>);

#[derive(Default)]
struct ScriptedInner {
    answers: Mutex<VecDeque<Outcome>>,
    attempts: Mutex<Vec<Notification>>,
    delivered: Mutex<Vec<Notification>>,
    recipients: Mutex<Vec<String>>,
    policy: Mutex<DeliveryPolicy>,
    rendered: Mutex<Vec<String>>,
}

impl Told {
    pub(crate) fn new() -> Self {
        let told = Self::default();
        told.0.recipients.lock().unwrap().push("all".to_owned());
        // Retries at once: what is tested is that they come, the schedule has tests of its own.
        told.policy(|policy| policy.backoff_base = Duration::ZERO)
    }

    pub(crate) fn answers(self, answers: impl IntoIterator<Item = Outcome>) -> Self {
        self.0.answers.lock().unwrap().extend(answers);
        self
    }

    pub(crate) fn to(self, recipients: &[&str]) -> Self {
        *self.0.recipients.lock().unwrap() = recipients.iter().map(ToString::to_string).collect();
        self
    }

    pub(crate) fn policy(self, change: impl FnOnce(&mut DeliveryPolicy)) -> Self {
        change(&mut self.0.policy.lock().unwrap());
        self
    }

    pub(crate) fn delivered(&self) -> Vec<Notification> {
        self.0.delivered.lock().unwrap().clone()
    }

    pub(crate) fn attempts(&self) -> Vec<Notification> {
        self.0.attempts.lock().unwrap().clone()
    }

    /// Returns the titles of what was delivered.
    pub(crate) fn titles(&self) -> Vec<String> {
        self.delivered().iter().map(|notification| notification.title().to_owned()).collect()
    }

    /// Waits for the worker of an outbox that was dropped to end: it holds the sink until then.
    pub(crate) fn wait_for_the_end(&self) {
        let until = watchfire_core::clock::instant() + Duration::from_secs(20);
        while Arc::strong_count(&self.0) > 1 && watchfire_core::clock::instant() < until {
            std::thread::yield_now();
        }
    }

    /// Returns the pages of what was rendered, as plain text.
    pub(crate) fn pages(&self) -> Vec<String> {
        self.0.rendered.lock().unwrap().clone()
    }
}

impl Sink for Told {
    fn kind(&self) -> &'static str {
        "told"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        let page = watchfire_outbox::MessageContent::of(occasion);
        self.0.rendered.lock().unwrap().push(page.plain_text());
        let recipients = self.0.recipients.lock().unwrap();
        recipients
            .iter()
            .map(|recipient| {
                occasion
                    .notification(recipient)
                    .rich(page.plain_text())
                    .plain(page.short_text())
                    .ascii(page.ascii_line(140))
            })
            .collect()
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            self.0.attempts.lock().unwrap().push(notification.clone());
            let answer = self.0.answers.lock().unwrap().pop_front().unwrap_or(Outcome::Delivered(None));
            if matches!(answer, Outcome::Delivered(_)) {
                self.0.delivered.lock().unwrap().push(notification.clone());
            }
            answer
        })
    }

    fn policy(&self) -> DeliveryPolicy {
        self.0.policy.lock().unwrap().clone()
    }
}

/// Never answers.
pub(crate) struct HangingSink;

impl Sink for HangingSink {
    fn kind(&self) -> &'static str {
        "hangs"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        vec![occasion.notification("nobody").plain(occasion.title())]
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        Box::pin(std::future::pending())
    }
}

/// Panics where it is told to, the first time.
pub(crate) struct PanickingSink {
    pub(crate) told: Told,
    pub(crate) in_render: Mutex<bool>,
    pub(crate) in_deliver: Mutex<bool>,
}

impl Sink for PanickingSink {
    fn kind(&self) -> &'static str {
        "panics"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        if std::mem::take(&mut *self.in_render.lock().unwrap()) {
            panic!("in render");
        }
        self.told.render(occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        if std::mem::take(&mut *self.in_deliver.lock().unwrap()) {
            panic!("in deliver");
        }
        self.told.deliver(notification)
    }
}
