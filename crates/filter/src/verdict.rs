//! The answer of a filter about a callsite.

/// Tells what a filter knows of an event before it sees the event's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "complete: three-valued logic has three values")]
pub enum Verdict {
    /// No event of this callsite passes.
    Never,
    /// Every event of this callsite passes.
    Always,
    /// It depends on the event's values, on the spans around it, or on the state of the program.
    PerEvent,
}

impl Verdict {
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Always, Self::Always) => Self::Always,
            _ => Self::PerEvent,
        }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    pub(crate) fn not(self) -> Self {
        match self {
            Self::Never => Self::Always,
            Self::Always => Self::Never,
            Self::PerEvent => Self::PerEvent,
        }
    }
}

impl From<bool> for Verdict {
    fn from(passes: bool) -> Self {
        if passes { Self::Always } else { Self::Never }
    }
}
