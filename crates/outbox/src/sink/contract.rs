//! The trait that every sink implements.

use std::{pin::Pin, sync::Arc};

use watchfire_core::ConfigError;

use crate::{Answers, DeliveryPolicy, Notification, Occasion, Outcome, Reason, Verdict, Verifying};

/// One attempt under way.
pub type Delivering<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// Says how one kind of destination renders and delivers alerts: Slack, mail, one of your own.
///
/// `render` is pure: the same occasion gives the same bytes. `deliver` makes one attempt and says what its end means;
/// retries, pauses, degrading and failover are the outbox's. Each runs on a thread of the outbox, `deliver` on another than
/// `render`; neither may block it for long.
pub trait Sink: Send + Sync + 'static {
    /// Returns the kind, such as `slack`: the default name of the channel.
    fn kind(&self) -> &'static str;

    /// Renders an occasion: one notification per recipient, each with its degrade ladder.
    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification>;

    /// Makes one attempt. The outbox bounds it by the policy's timeout; a future that is dropped must leave nothing behind.
    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a>;

    /// Returns how this kind is usually treated: patience, pace, what it can do.
    fn policy(&self) -> DeliveryPolicy {
        DeliveryPolicy::default()
    }

    /// Asks the provider whether it knows the credentials, and the recipients where it can be asked about them; sends
    /// nothing that anybody could read. Default: says that this sink knows no way but a message.
    ///
    /// Each answer is given to `answers` when it is there. Called by [`verify`](crate::verify), never by the outbox. What
    /// is under way when its time is up is dropped.
    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        let untold = Verdict::Untold(Reason::new("this kind of channel has no way to ask without sending"));
        answers.add("credentials", untold);
        Box::pin(std::future::ready(()))
    }
}

/// A sink, or a builder that checks its settings and makes one.
///
/// [`SinkExt`](crate::SinkExt) makes channels and layers of both, so that a program finishes every kind of sink alike.
pub trait IntoSink {
    /// The sink that is made.
    type Sink: Sink;

    /// Checks all settings, and makes the sink.
    ///
    /// # Errors
    ///
    /// If settings are wrong or missing: all problems together.
    fn into_sink(self) -> Result<Self::Sink, ConfigError>;
}

impl<S: Sink> IntoSink for S {
    type Sink = S;

    fn into_sink(self) -> Result<S, ConfigError> {
        Ok(self)
    }
}

impl<S: Sink + ?Sized> Sink for Arc<S> {
    fn kind(&self) -> &'static str {
        (**self).kind()
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        (**self).render(occasion)
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        (**self).deliver(notification)
    }

    fn policy(&self) -> DeliveryPolicy {
        (**self).policy()
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        (**self).verify(answers)
    }
}
