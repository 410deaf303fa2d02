//! One file that says who hears what: handlers, filters, and a tree of loggers as in Python's `logging`.
//!
//! ```no_run
//! let _watchfire = watchfire_config::init("checkout")?;
//! tracing::warn!(target: "storefront::payments", "slow");
//! # Ok::<_, watchfire_config::Mistakes>(())
//! ```
//!
//! All mistakes of a file are found before anything starts, at once, with their place. The whole file compiles to one
//! layer with a table that is worked out once per callsite and swapped whole on a reload.

mod config;
mod explain;
mod handle;
mod mistake;
mod parts;
mod send;
mod setting;
mod setup;
mod stack;

mod json;
mod place;
mod read_toml;
mod suggest;

mod check;
mod compile;
mod env_form;
mod environment;
mod lint;
mod presets;
mod resolve;
mod schema;
mod shape;

mod directives;
mod level;
mod plan;
mod rules;
mod units;

mod channels;
mod files;
mod formatters;
mod workshop;

mod cache;
mod probe;
mod router;
mod table;
mod watch;

pub use config::Config;
pub use explain::{Answer, Branch, Explanation, Question};
pub use handle::Handle;
pub use mistake::{Mistake, Mistakes};
pub use parts::Parts;
pub use router::{Gate, Router, RouterLayer};
pub use schema::schema;
pub use send::{Letter, Sent};
pub use setting::{Options, Setting};
pub use setup::{Setup, init, init_from_env, setup};
pub use stack::{StackBuilder, stack};

#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../../docs/guide/from-coaster.md")]
    struct FromCoaster;
    #[doc = include_str!("../../../docs/guide/from-django.md")]
    struct FromDjango;
    #[doc = include_str!("../../../docs/guide/from-tracing-subscriber.md")]
    struct FromTracingSubscriber;
    #[doc = include_str!("../../../docs/guide/in-tests.md")]
    struct InTests;
    #[doc = include_str!("../../../docs/guide/libraries.md")]
    struct Libraries;
}
