//! The channel: one sink under a name in an outbox.

use std::{sync::Arc, time::Duration};

use watchfire_core::{Alert, ConfigError, HandlerLayer, Problems};

use crate::{
    AlertHandler, DeliveryPolicy, IntoSink, NotificationPolicy, Outbox, QuietHours, Rate, Sink,
    model::FailOver,
    pipeline::channel_state::{GroupBy, Settings},
};

/// A configured sink with the settings that every channel has: its name, its patience and pace.
#[derive(Clone, Debug)]
#[must_use]
pub struct Channel<S> {
    /// The error waits for the finishing call, as those of all settings do.
    pub(crate) sink: Result<S, ConfigError>,
    /// Default: the sink's kind.
    name: Option<String>,
    pub(crate) settings: Settings,
}

impl<S: Sink> Channel<S> {
    /// Takes a sink or its builder, with its kind as the name and its own defaults.
    pub fn new(sink: impl IntoSink<Sink = S>) -> Self {
        let sink = sink.into_sink();
        let policy = sink.as_ref().map(Sink::policy).unwrap_or_default();
        Self { sink, name: None, settings: Settings::new(policy) }
    }

    /// Sets the name, unique in the outbox: what stats, failover and the command line speak of. Default: the kind.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets how long one attempt may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.policy.timeout = timeout;
        self
    }

    /// Sets how old an alert may become before it is no longer sent by itself.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.settings.policy.max_age = age;
        self
    }

    /// Sets the whole policy.
    pub fn policy(mut self, policy: DeliveryPolicy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// Has the channels of these names speak when this one has not delivered an alert after `after`; at once when it
    /// never will, or not before somebody changes something. Their message says why; this one's is withdrawn.
    ///
    /// Where several processes share a spool and each has taken over a part of the recipients of one message, from a
    /// process that died, each of them hands its part over: the other channels may get a copy from each. Those copies are
    /// marked as possible duplicates.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use watchfire_outbox::{Delivering, Notification, Occasion, Outbox, Outcome, Sink, SinkExt};
    /// # struct Chat;
    /// # impl Sink for Chat {
    /// #     fn kind(&self) -> &'static str { "chat" }
    /// #     fn render(&self, _: &Occasion<'_>) -> Vec<Notification> { vec![] }
    /// #     fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
    /// #         Box::pin(async { Outcome::Delivered(None) })
    /// #     }
    /// # }
    /// let outbox = Outbox::start("shop")?;
    /// let layer = Chat.channel().failover(Duration::from_secs(120), ["mail"]).layer(&outbox)?;
    /// # Ok::<_, watchfire_core::ConfigError>(())
    /// ```
    pub fn failover(mut self, after: Duration, to: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.fail_over = Some(FailOver { after, to: to.into_iter().map(Into::into).collect() });
        self
    }

    /// Has no other channel speak for this one.
    pub fn without_failover(mut self) -> Self {
        self.settings.fail_over = None;
        self
    }

    /// Sets how many messages may go out, to each recipient and in all; every rate holds. Default: by the kind.
    ///
    /// What cannot go now is told of by the next message.
    pub fn budget(mut self, rates: impl IntoIterator<Item = Rate>) -> Self {
        self.settings.policy.notifications.budget = rates.into_iter().collect();
        self
    }

    /// Sets after which times what was counted of a group is told; the last one repeats. Default: by the kind.
    pub fn digests(mut self, after: impl IntoIterator<Item = Duration>) -> Self {
        self.settings.policy.notifications.digests = after.into_iter().collect();
        self
    }

    /// Has a group be told of only when it has `count` alerts `within` this time; what is critical does not wait.
    pub fn min_count(mut self, count: u32, within: Duration) -> Self {
        let noise = std::mem::take(&mut self.settings.policy.notifications);
        self.settings.policy.notifications = noise.min_count(count, within);
        self
    }

    /// Sets when only what is critical is said; the rest follows in one message when they end.
    pub fn quiet_hours(mut self, hours: QuietHours) -> Self {
        self.settings.policy.notifications.quiet_hours = Some(hours);
        self
    }

    /// Sets how much the channel may speak, all at once. Default: by the kind.
    pub fn notifications(mut self, policy: NotificationPolicy) -> Self {
        self.settings.policy.notifications = policy;
        self
    }

    /// Has `name` say to which group an alert belongs; `None` leaves it to the fingerprint, and `{{default}}` in the name
    /// stands for that. It runs on the worker's thread.
    ///
    /// An event can name its group itself by the field `alert.group`.
    pub fn group_by(mut self, name: impl Fn(&Alert) -> Option<String> + Send + Sync + 'static) -> Self {
        self.settings.group_by = Some(GroupBy(Arc::new(name)));
        self
    }

    /// Keeps panics from this channel, which otherwise hears of them when the panic hook is installed.
    pub fn without_panics(mut self) -> Self {
        self.settings.hears_panics = false;
        self
    }

    /// Makes a layer that hears ERROR and up, unless it is given a filter, and delivers through `outbox`.
    ///
    /// # Errors
    ///
    /// If a setting of the sink is wrong or missing, the name is empty, the outbox has a channel of the same name already,
    /// or the failover would go round in a circle: all problems together.
    pub fn layer(self, outbox: &Outbox) -> Result<HandlerLayer<AlertHandler<S>>, ConfigError> {
        Ok(HandlerLayer::new(self.handler(outbox)?))
    }

    /// Makes the handler alone, for a router or a layer of your own.
    ///
    /// # Errors
    ///
    /// As for [`layer`](Self::layer).
    pub fn handler(self, outbox: &Outbox) -> Result<AlertHandler<S>, ConfigError> {
        let name = self.name().map(str::to_owned);
        let sink = match self.sink {
            Ok(sink) => sink,
            Err(error) => {
                let mut problems = Problems::new();
                problems.add(error);
                if let Some(name) = name {
                    problems.keep(outbox.check_channel(&name, &self.settings));
                }
                return problems.finish(|| None);
            }
        };
        let producer = outbox.register(name.unwrap_or_default(), Arc::new(sink), self.settings)?;
        Ok(AlertHandler::new(producer))
    }

    /// Returns the name: the one that was set, else the kind of the sink, if there is one.
    pub(crate) fn name(&self) -> Option<&str> {
        let kind = || self.sink.as_ref().ok().map(Sink::kind);
        self.name.as_deref().or_else(kind)
    }
}

/// The methods that make a channel, and a layer, of a sink or its builder. They are in the facade's prelude.
pub trait SinkExt: IntoSink + Sized {
    /// Names the channel, for a second one of the same kind, and opens its further settings.
    fn named(self, name: impl Into<String>) -> Channel<Self::Sink> {
        Channel::new(self).named(name)
    }

    /// Opens the settings that every channel has: name, policy.
    fn channel(self) -> Channel<Self::Sink> {
        Channel::new(self)
    }

    /// Makes a layer that receives ERROR and up, unless it is given a filter, and delivers through `outbox`.
    ///
    /// # Errors
    ///
    /// If a setting is wrong or missing, or the outbox has a channel of the same name already: all problems together.
    fn layer(self, outbox: &Outbox) -> Result<HandlerLayer<AlertHandler<Self::Sink>>, ConfigError> {
        Channel::new(self).layer(outbox)
    }
}

impl<B: IntoSink> SinkExt for B {}
