//! The rules of redaction that a configuration adds, and handlers that have stricter ones or none.

use std::{sync::Arc, time::Instant};

use tracing_core::LevelFilter;
use watchfire_core::{EventView, Flushed, Handler, Redactor};

use crate::setting::Options;

/// Makes the rules of a table, which was checked: a pattern that is wrong is left out.
pub(crate) fn redactor(table: &Options) -> Redactor {
    let empty = Options::new();
    let allow = table.table("allow").unwrap_or(&empty);
    let mut rules = Redactor::default();
    rules = table.texts("names").into_iter().fold(rules, Redactor::name);
    rules = table.texts("paths").into_iter().fold(rules, Redactor::path);
    rules = allow.texts("names").into_iter().fold(rules, Redactor::allow);
    rules = allow.texts("paths").into_iter().fold(rules, Redactor::allow_path);
    for pattern in table.texts("patterns") {
        rules = rules.clone().pattern(pattern).unwrap_or(rules);
    }
    for pattern in allow.texts("patterns") {
        rules = rules.clone().allow_pattern(pattern).unwrap_or(rules);
    }
    rules
}

/// Wraps a handler in the redaction rules that its table sets, if it sets any.
pub(crate) fn with_own_rules(
    handler: Arc<dyn Handler>,
    table: &Options,
    usual: &Redactor,
) -> Arc<dyn Handler> {
    let redactor = match table.text("redaction") {
        Some("strict") => usual.clone().strict(),
        Some("off") => Redactor::off(),
        _ => return handler,
    };
    Arc::new(Redacting { redactor, handler })
}

/// A handler that is shown events by other rules than the layer's.
struct Redacting {
    redactor: Redactor,
    handler: Arc<dyn Handler>,
}

impl Handler for Redacting {
    fn handle(&self, event: &EventView<'_>) {
        event.redacted_by(&self.redactor, |event| self.handler.handle(event));
    }

    fn flush(&self, deadline: Instant) -> Flushed {
        self.handler.flush(deadline)
    }

    fn report(&self, event: &EventView<'_>, deadline: Instant) {
        event.redacted_by(&self.redactor, |event| self.handler.report(event, deadline));
    }

    fn default_level(&self) -> LevelFilter {
        self.handler.default_level()
    }
}
