//! A sink for tests: what is said is in the notifications.

use crate::{Delivering, DeliveryPolicy, Notification, Occasion, Outcome, Sink};

/// Renders its occasion's first words and notes for its recipients, and delivers all.
pub(crate) struct Paper(pub(crate) &'static [&'static str], pub(crate) DeliveryPolicy);

impl Sink for Paper {
    fn kind(&self) -> &'static str {
        "paper"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        let text = || format!("{} {}", occasion.title(), occasion.remarks().join(" "));
        self.0.iter().map(|to| occasion.notification(*to).plain(text())).collect()
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        Box::pin(std::future::ready(Outcome::Delivered(None)))
    }

    fn policy(&self) -> DeliveryPolicy {
        self.1.clone()
    }
}
