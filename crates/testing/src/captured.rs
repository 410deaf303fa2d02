//! A sink that keeps its notifications.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use watchfire_outbox::{Delivering, MessageContent, Notification, Occasion, Outcome, Receipt, Sink};

/// A sink that keeps what it is given, for the tests of a program that alerts. Clones share what they keep.
///
/// ```
/// use std::time::Duration;
/// use tracing_subscriber::prelude::*;
/// use watchfire_outbox::{Outbox, SinkExt};
/// use watchfire_testing::Captured;
///
/// let outbox = Outbox::start("shop")?;
/// let sent = Captured::new();
/// let subscriber = tracing_subscriber::registry().with(sent.clone().layer(&outbox)?);
/// tracing::subscriber::with_default(subscriber, || tracing::error!(order = 4711, "no stock"));
/// outbox.flush(Duration::from_secs(5));
/// assert_eq!(sent.titles(), ["no stock"]);
/// # Ok::<_, watchfire_core::ConfigError>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Captured {
    kept: Arc<Mutex<Vec<Notification>>>,
    answer: Option<Arc<AnswerFn>>,
}

type AnswerFn = dyn Fn(&Notification) -> Outcome + Send + Sync;

impl Captured {
    /// Makes a sink that delivers everything, to itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers each attempt by `answer`: for tests of what happens when a channel fails. Each attempt is kept.
    pub fn answering(mut self, answer: impl Fn(&Notification) -> Outcome + Send + Sync + 'static) -> Self {
        self.answer = Some(Arc::new(answer));
        self
    }

    /// Returns what was attempted so far, the oldest first.
    #[must_use]
    pub fn notifications(&self) -> Vec<Notification> {
        self.lock().clone()
    }

    /// Returns what was attempted so far, and forgets it.
    #[must_use]
    pub fn take(&self) -> Vec<Notification> {
        std::mem::take(&mut *self.lock())
    }

    /// Returns the titles of what was attempted so far.
    #[must_use]
    pub fn titles(&self) -> Vec<String> {
        self.lock().iter().map(|notification| notification.title().to_owned()).collect()
    }

    /// Returns the texts of what was attempted so far, each in the form that was tried.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.lock()
            .iter()
            .map(|notification| String::from_utf8_lossy(notification.body()).into_owned())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Notification>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Captured {
    fn kind(&self) -> &'static str {
        "captured"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        let page = MessageContent::of(occasion);
        let text = page.plain_text();
        vec![
            occasion
                .notification("captured")
                .rich(text.clone())
                .plain(text)
                .short(page.short_text())
                .ascii(page.ascii_line(300)),
        ]
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            self.lock().push(notification.clone());
            match &self.answer {
                Some(answer) => answer(notification),
                None => Outcome::Delivered(Some(Receipt::new(
                    notification.recipient(),
                    notification.id().to_string(),
                ))),
            }
        })
    }
}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Captured").field("kept", &self.lock().len()).finish_non_exhaustive()
    }
}
