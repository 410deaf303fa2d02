//! The `critical!` macro.

/// Emits an ERROR event that every handler treats as [`Severity::Critical`](crate::Severity::Critical).
///
/// Takes what `tracing::error!` takes. The event has the field `severity = "critical"`, and for layers of other crates
/// it is an ERROR like any other.
///
/// ```
/// watchfire::critical!(order = 4711, "the ledger does not balance");
/// watchfire::critical!(target: "shop::ledger", "{} cents are missing", 12);
/// ```
#[macro_export]
macro_rules! critical {
    (target: $target:expr, parent: $parent:expr, $($rest:tt)+) => {
        $crate::__private::tracing::error!(target: $target, parent: $parent, severity = "critical", $($rest)+)
    };
    (target: $target:expr, $($rest:tt)+) => {
        $crate::__private::tracing::error!(target: $target, severity = "critical", $($rest)+)
    };
    (parent: $parent:expr, $($rest:tt)+) => {
        $crate::__private::tracing::error!(parent: $parent, severity = "critical", $($rest)+)
    };
    ($($rest:tt)+) => {
        $crate::__private::tracing::error!(severity = "critical", $($rest)+)
    };
}

/// The crate that `critical!` expands to; not for use by name.
#[doc(hidden)]
pub mod __private {
    pub use tracing;
}
