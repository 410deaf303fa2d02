//! The trait that every receiver of events implements.

use std::{sync::Arc, time::Instant};

use tracing_core::LevelFilter;

use crate::EventView;

/// Receives events: a file, the console, a memory, an alert channel, a router of other handlers.
///
/// It never blocks and never panics; a panic is caught and counted, and the other layers still get the event.
/// [`HandlerLayer`](crate::HandlerLayer) makes a `tracing_subscriber::Layer` of it.
pub trait Handler: Send + Sync + 'static {
    /// Takes one event.
    fn handle(&self, event: &EventView<'_>);

    /// Writes out what is buffered, at the latest until `deadline`.
    fn flush(&self, deadline: Instant) -> Flushed {
        let _ = deadline;
        Flushed::Yes
    }

    /// Takes a panic, or the error that `main` returned ([`EventView::incident`]): the process may end next, so it is
    /// written at the latest until `deadline`. Default: as any event, and a flush.
    fn report(&self, event: &EventView<'_>, deadline: Instant) {
        self.handle(event);
        let _late = self.flush(deadline);
    }

    /// Returns the level that a layer of this handler hears when it is given no filter, or one that names no level.
    /// Default: everything. Alert handlers say ERROR, log files and the console INFO.
    ///
    /// A filter that names a level replaces it, see [`HandlerLayer::with_filter`](crate::HandlerLayer::with_filter). It
    /// is asked when the layer is made.
    fn default_level(&self) -> LevelFilter {
        LevelFilter::TRACE
    }
}

/// Tells how a flush ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Flushed {
    /// Everything that was there when the flush was called is out.
    Yes,
    /// The deadline came first.
    TimedOut,
}

impl Flushed {
    /// Returns the worse of two.
    pub fn and(self, other: Self) -> Self {
        if self == Self::Yes { other } else { self }
    }
}

impl<H: Handler + ?Sized> Handler for Arc<H> {
    fn handle(&self, event: &EventView<'_>) {
        (**self).handle(event);
    }

    fn flush(&self, deadline: Instant) -> Flushed {
        (**self).flush(deadline)
    }

    fn report(&self, event: &EventView<'_>, deadline: Instant) {
        (**self).report(event, deadline);
    }

    fn default_level(&self) -> LevelFilter {
        (**self).default_level()
    }
}

impl<H: Handler + ?Sized> Handler for Box<H> {
    fn handle(&self, event: &EventView<'_>) {
        (**self).handle(event);
    }

    fn flush(&self, deadline: Instant) -> Flushed {
        (**self).flush(deadline)
    }

    fn report(&self, event: &EventView<'_>, deadline: Instant) {
        (**self).report(event, deadline);
    }

    fn default_level(&self) -> LevelFilter {
        (**self).default_level()
    }
}

/// Takes every event and does nothing: Python's `NullHandler`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Null;

impl Handler for Null {
    fn handle(&self, _event: &EventView<'_>) {}
}
