//! The state of an outbox, for pages and metrics.

use std::{fmt, sync::Arc};

use watchfire_core::App;

use crate::{Health, Stats, folder::SpoolFolder, worker::shared::Shared};

/// A view of an outbox: it reads counts, health and spool. It neither flushes nor keeps the worker alive.
#[derive(Clone)]
pub struct OutboxView(pub(super) Arc<Shared>);

impl OutboxView {
    /// Returns the program that the outbox alerts for.
    #[must_use]
    pub fn app(&self) -> &App {
        self.0.capture.app()
    }

    /// Returns what was counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// Returns whether alerts get through, and why not.
    #[must_use]
    pub fn health(&self) -> Health {
        self.0.health()
    }

    /// Opens the spool's folder; `None` if alerts are kept in memory.
    #[must_use]
    pub fn spool_folder(&self) -> Option<SpoolFolder> {
        SpoolFolder::open(self.0.panics.root()?).ok()
    }
}

impl fmt::Debug for OutboxView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxView").field("app", self.app()).finish_non_exhaustive()
    }
}
