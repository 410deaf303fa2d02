//! The settings of a handler layer that every event is shown with.

use crate::{LevelTable, Limits, Redactor, alert::random_u64};

/// The span levels, the redactor and the limits of one layer, under a number for them.
#[derive(Debug)]
pub(crate) struct LayerSettings {
    spans: LevelTable,
    redactor: Redactor,
    limits: Limits,
    /// Another one after each change: what was kept by the former settings is not found any more.
    id: u64,
}

impl Default for LayerSettings {
    fn default() -> Self {
        let (spans, redactor, limits) = Default::default();
        // Random, so that no counter has to be shared.
        Self { spans, redactor, limits, id: random_u64() }
    }
}

impl LayerSettings {
    pub(crate) fn spans(&self) -> &LevelTable {
        &self.spans
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn set_spans(&mut self, spans: LevelTable) {
        *self = Self { spans, id: random_u64(), ..std::mem::take(self) };
    }

    pub(crate) fn set_redactor(&mut self, redactor: Redactor) {
        *self = Self { redactor, id: random_u64(), ..std::mem::take(self) };
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        crate::process::keep_values_up_to(&limits);
        *self = Self { limits, id: random_u64(), ..std::mem::take(self) };
    }
}
