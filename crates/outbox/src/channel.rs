use std::{sync::Arc, time::Duration};

use watchfire_core::{ConfigError, HandlerLayer};

use crate::{AlertHandler, Outbox, Policy, Sink};

/// Is a configured sink with the settings that every channel has: its name, its patience and pace.
#[derive(Clone, Debug)]
#[must_use]
pub struct Channel<S> {
    pub(crate) sink: S,
    pub(crate) name: String,
    pub(crate) policy: Policy,
}

impl<S: Sink> Channel<S> {
    /// Takes a sink, with its kind as the name and its own defaults.
    pub fn new(sink: S) -> Self {
        Self { name: sink.kind().to_owned(), policy: sink.policy(), sink }
    }

    /// Sets the name, unique in the outbox: what stats, failover and the command line speak of. Default: the kind.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets how long one attempt may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.policy.timeout = timeout;
        self
    }

    /// Sets how old an alert may become before it is no longer sent by itself.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.policy.max_age = age;
        self
    }

    /// Sets the whole policy.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Makes a layer that hears ERROR and up, unless it is given a filter, and delivers through `outbox`.
    ///
    /// # Errors
    ///
    /// If the name is empty, or the outbox has a channel of the same name already.
    pub fn layer(self, outbox: &Outbox) -> Result<HandlerLayer<AlertHandler<S>>, ConfigError> {
        Ok(HandlerLayer::new(self.handler(outbox)?))
    }

    /// Makes the handler alone, for a router or a layer of your own.
    ///
    /// # Errors
    ///
    /// As for [`layer`](Self::layer).
    pub fn handler(self, outbox: &Outbox) -> Result<AlertHandler<S>, ConfigError> {
        let port = outbox.register(self.name, Arc::new(self.sink), self.policy)?;
        Ok(AlertHandler::new(port))
    }
}
