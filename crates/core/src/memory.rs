//! A handler that keeps events in memory, for tests.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{Alert, App, Capture, EventView, Handler};

/// Keeps the last events as alerts, for tests and for looking back. Clones share what is kept.
///
/// ```
/// use tracing_subscriber::prelude::*;
/// use watchfire_core::{HandlerLayer, Memory};
///
/// let memory = Memory::new("shop", 100);
/// let _guard = tracing_subscriber::registry().with(HandlerLayer::new(memory.clone())).set_default();
/// tracing::info!(order = 4711, "paid");
/// assert_eq!(memory.take()[0].message, "paid");
/// ```
#[derive(Clone, Debug)]
pub struct Memory {
    capture: Arc<Capture>,
    kept: Arc<Mutex<VecDeque<Alert>>>,
    capacity: usize,
}

impl Memory {
    /// Keeps the last `capacity` events for `app`; older ones are dropped.
    pub fn new(app: impl Into<App>, capacity: usize) -> Self {
        Self { capture: Arc::new(Capture::new(app.into())), kept: Arc::default(), capacity }
    }

    /// Takes out what is kept, the oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<Alert> {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }

    /// Returns how many events are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Tells whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Handler for Memory {
    fn handle(&self, event: &EventView<'_>) {
        let alert = self.capture.alert(event);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= self.capacity {
            kept.pop_front();
        }
        if self.capacity > 0 {
            kept.push_back(alert);
        }
    }
}
