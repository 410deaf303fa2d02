//! The handler that captures alerts for a channel.

use std::{fmt, marker::PhantomData, time::Instant};

use tracing_core::LevelFilter;
use watchfire_core::{EventView, Flushed, Handler};

use crate::worker::producer::Producer;

/// Feeds one channel: captures an event as an alert and pushes it into the outbox. Never waits.
///
/// Without a filter it hears ERROR and up: one forgotten filter must not open TRACE for the whole process.
pub struct AlertHandler<S: ?Sized> {
    producer: Producer,
    sink: PhantomData<fn() -> Box<S>>,
}

impl<S: ?Sized> AlertHandler<S> {
    pub(crate) fn new(producer: Producer) -> Self {
        Self { producer, sink: PhantomData }
    }

    /// Returns the name of the channel that this handler feeds.
    #[must_use]
    pub fn channel(&self) -> &str {
        self.producer.name()
    }
}

impl<S: ?Sized + 'static> Handler for AlertHandler<S> {
    fn handle(&self, event: &EventView<'_>) {
        // An incident is the outbox's already.
        if event.incident().is_none() {
            self.producer.capture(event);
        }
    }

    fn report(&self, _event: &EventView<'_>, _deadline: Instant) {}

    fn flush(&self, deadline: Instant) -> Flushed {
        if self.producer.flush(deadline).is_complete { Flushed::Yes } else { Flushed::TimedOut }
    }

    fn default_level(&self) -> LevelFilter {
        LevelFilter::ERROR
    }
}

impl<S: ?Sized> fmt::Debug for AlertHandler<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertHandler").field("channel", &self.channel()).finish_non_exhaustive()
    }
}
