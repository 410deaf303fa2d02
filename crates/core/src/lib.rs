//! The core of watchfire: what an event is.
//!
//! [`HandlerLayer`] is the one `tracing_subscriber::Layer`; a [`Handler`] receives an [`EventView`] from it and may make
//! an owned, redacted [`Alert`] of it by [`Capture`]. How alerts travel is the matter of `watchfire-outbox`.

mod alert;
mod app;
mod cap;
mod capture;
mod claim;
mod error;
mod event;
mod fields;
mod guard;
mod handler;
mod layer;
mod levels;
mod marks;
mod memory;
mod own_secrets;
mod redact;
mod rewrite;
mod safe;
mod secret;
mod selflog;
mod settings;
mod severity;
mod slot;
mod span;
mod span_text;
mod stack;
mod value;

pub mod clock;
pub mod process;

pub use alert::{Alert, AlertId, Field, SpanFacts};
pub use app::App;
pub use cap::{Limits, append, append_text, cut};
pub use capture::{Buffers, Capture, Captured};
pub use claim::{claim_spans, leave_level_open, probe};
pub use error::{ConfigError, Diagnostic, Problems};
pub use event::EventView;
pub use guard::{mute_thread, quietly};
pub use handler::{Flushed, Handler, Null};
pub use layer::{HandlerLayer, LayerCounts};
pub use levels::{LevelTable, covers};
pub use marks::{CUT, MASK, PANICKED};
pub use memory::Memory;
pub use redact::{NameVerdict, Redactor};
pub use rewrite::Rewrite;
pub use safe::Safe;
pub use secret::Secret;
pub use selflog::SelfLog;
pub use severity::{Severity, UnknownSeverity};
pub use slot::current_span;
pub use span::SpanNode;
pub use span_text::RenderingId;
pub use stack::{Stack, StackFrame};
pub use value::Value;
