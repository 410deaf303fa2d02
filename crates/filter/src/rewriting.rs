//! The handler that rewrites events for the handler behind it.

use std::{fmt, time::Instant};

use tracing_core::LevelFilter;
use watchfire_core::{EventView, Flushed, Handler, Rewrite};

use crate::EventFilter;

/// Shows a handler events as `rewrite` has them; every other handler gets them as they are.
///
/// It stands between a layer and its handler, so the layer's filter and level are asked first, about the event as it was
/// emitted: what is made an ERROR here has to be heard as what it is.
///
/// ```
/// use tracing_subscriber::prelude::*;
/// use watchfire_core::{HandlerLayer, Memory, Rewrite, Severity};
/// use watchfire_filter as filter;
///
/// let memory = Memory::new("shop", 100);
/// let layer = HandlerLayer::new(memory.clone()).map_handler(|handler| {
///     filter::rewriting(handler, Rewrite::new().severity(Severity::Warn).remove("body"))
///         .when(filter::field("tenant").equals("load-test"))
/// });
/// let _guard = tracing_subscriber::registry().with(layer).set_default();
///
/// tracing::error!(tenant = "load-test", body = "…", "refused");
/// assert_eq!(memory.take()[0].severity, Severity::Warn);
/// ```
pub fn rewriting<H: Handler>(handler: H, rewrite: Rewrite) -> Rewriting<H> {
    Rewriting { handler, rewrite, when: None }
}

/// A handler that gets events rewritten; made by [`rewriting`].
#[must_use]
pub struct Rewriting<H> {
    handler: H,
    rewrite: Rewrite,
    when: Option<EventFilter>,
}

impl<H> Rewriting<H> {
    /// Rewrites only events that pass `filter`; the rest stay as they are. Default: all.
    pub fn when(mut self, filter: impl Into<EventFilter>) -> Self {
        self.when = Some(filter.into());
        self
    }
}

impl<H: Handler> Rewriting<H> {
    fn rewrite(&self, event: &EventView<'_>, then: impl FnOnce(&EventView<'_>)) {
        if self.when.as_ref().is_none_or(|when| when.passes(event)) {
            event.rewritten(&self.rewrite, then);
        } else {
            then(event);
        }
    }
}

impl<H: Handler> Handler for Rewriting<H> {
    fn handle(&self, event: &EventView<'_>) {
        self.rewrite(event, |event| self.handler.handle(event));
    }

    fn report(&self, event: &EventView<'_>, deadline: Instant) {
        self.rewrite(event, |event| self.handler.report(event, deadline));
    }

    fn flush(&self, deadline: Instant) -> Flushed {
        self.handler.flush(deadline)
    }

    fn default_level(&self) -> LevelFilter {
        self.handler.default_level()
    }
}

impl<H> fmt::Debug for Rewriting<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewriting")
            .field("rewrite", &self.rewrite)
            .field("when", &self.when)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::prelude::*;
    use watchfire_core::{HandlerLayer, Memory, Severity};

    use super::*;

    #[test]
    fn rewrites_what_its_filter_lets_pass_for_its_own_handler_alone() {
        let (one, other) = (Memory::new("shop", 9), Memory::new("shop", 9));
        let rewrite = Rewrite::new().severity(Severity::Warn).message("later").rename("n", "number");
        let noisy = crate::field("tenant").equals("load-test");
        let layer = HandlerLayer::new(one.clone())
            .map_handler(|handler| rewriting(handler, rewrite).when(noisy))
            .with_filter(crate::level(LevelFilter::ERROR));
        let registry = tracing_subscriber::registry().with(layer).with(HandlerLayer::new(other.clone()));
        tracing::subscriber::with_default(registry, || {
            tracing::error!(n = 1, tenant = "load-test", "refused");
            tracing::error!(n = 2, tenant = "acme", "refused");
            tracing::warn!(n = 3, tenant = "load-test", "slow");
        });
        let shown = |memory: &Memory| -> Vec<String> {
            let line = |alert: watchfire_core::Alert| {
                let names: Vec<_> = alert.fields.iter().map(|field| &*field.name).collect();
                format!("{} {} {}", alert.severity, alert.message, names.join(" "))
            };
            memory.take().into_iter().map(line).collect()
        };
        assert_eq!(shown(&one), ["WARN later number tenant", "ERROR refused n tenant"]);
        assert_eq!(shown(&other), ["ERROR refused n tenant", "ERROR refused n tenant", "WARN slow n tenant"]);
    }
}
