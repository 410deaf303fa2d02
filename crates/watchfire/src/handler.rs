//! Types for your own handlers: implement [`Handler`] for a type, and make a layer of it by
//! [`HandlerLayer::new`].
//!
//! ```
//! use watchfire::handler::{EventView, Handler, HandlerLayer};
//! use watchfire::prelude::*;
//!
//! struct Bell;
//!
//! impl Handler for Bell {
//!     fn handle(&self, event: &EventView<'_>) {
//!         if event.field("order").is_some() {
//!             eprintln!("\x07{}", event.message());
//!         }
//!     }
//! }
//!
//! let _guard = tracing_subscriber::registry().with(HandlerLayer::new(Bell)).set_default();
//! tracing::info!(order = 4711, "sold");
//! ```

#[cfg(feature = "log-values")]
pub use watchfire_core::process::bridge_log;
#[cfg(feature = "opentelemetry")]
pub use watchfire_core::process::show_opentelemetry_ids;
pub use watchfire_core::process::{TraceIds, show_trace_ids};
pub use watchfire_core::{
    Alert, AlertId, Buffers, Capture, Captured, EventView, Field, Flushed, Handler, HandlerLayer,
    HandlerLimits, Incident, Memory, Null, Origin, RenderingId, SafeFilter, SpanFacts, SpanNode, Stack,
    StackFrame, Value,
};
#[cfg(feature = "file")]
pub use watchfire_file::{ConsoleHandler, FileHandler, FlushTarget, MemoryHandler};
