//! Filters that choose which events a layer gets.
//!
//! They are used through the standard `.with_filter(..)`, on any layer; all are an [`EventFilter`]: `and`, `or`, `not`.
//!
//! ```
//! use tracing_subscriber::prelude::*;
//! use watchfire_core::{HandlerLayer, Memory};
//! use watchfire_filter as filter;
//!
//! # fn main() -> Result<(), filter::DirectiveErrors> {
//! let memory = Memory::new("shop", 100);
//! let wanted = filter::directives("error,storefront::payments=warn")?
//!     .and(filter::callback(|event| event.field("tenant") != Some("load-test")));
//! let layer = HandlerLayer::new(memory.clone()).with_filter(wanted);
//! let _guard = tracing_subscriber::registry().with(layer).set_default();
//!
//! tracing::warn!(target: "storefront::payments", "slow");
//! tracing::error!(tenant = "load-test", "planned");
//! assert_eq!(memory.take().len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! A filter that names a level ([`directives`], [`env`](env()), [`level`], [`levels`], [`level_range`]) replaces the
//! default level of a handler layer; one that names none ([`callback`], [`require_debug_false`], [`field`](field()),
//! [`sample`](sample()), [`ignore`]) leaves it in force.
//!
//! Three things set them apart from tracing-subscriber's own filters:
//!
//! - They never answer `Interest::always`, after which tracing-subscriber 0.3 loses events (tokio-rs/tracing#2519).
//! - They pass spans by [levels of their own](EventFilter::span_levels): an ERROR has the fields of its INFO span.
//! - `max_level_hint` is the more verbose of the two, so that nothing else is switched on for the whole process.

mod callback;
mod directives;
mod distance;
mod field;
mod filter;
mod ignore;
mod node;
mod pattern;
mod per_layer;
mod require_debug;
mod rewriting;
mod sample;
mod severities;
mod verdict;

pub use callback::callback;
pub use directives::{DirectiveError, DirectiveErrors, directives, env, level_table};
#[doc(hidden)]
pub use distance::distance;
pub use field::{Field, field};
pub use filter::EventFilter;
pub use ignore::ignore;
pub use require_debug::{require_debug_false, require_debug_true};
pub use rewriting::{Rewriting, rewriting};
pub use sample::{Sample, sample};
pub use severities::{level, level_range, levels};
pub use verdict::Verdict;
