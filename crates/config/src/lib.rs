//! One file that says who hears what: handlers, filters, and a tree of loggers as in Python's `logging`.
//!
//! ```no_run
//! let _watchfire = watchfire_config::init("checkout")?;
//! # Ok::<_, watchfire_config::Diagnostics>(())
//! ```

mod build;
mod cache;
mod channels;
mod check;
mod compile;
mod config;
mod diagnostics;
mod directives;
mod env_form;
mod environment;
mod examine;
mod excerpt;
mod explain;
mod files;
mod flush;
mod formatters;
mod handle;
mod json;
mod keys;
mod level;
mod lint;
mod plan;
mod presets;
mod probe;
mod quote;
mod read_toml;
mod redaction;
mod registry;
mod resolve;
mod router;
mod rules;
mod schema;
mod send;
mod setting;
mod setup;
mod source_map;
mod stack;
mod suggest;
mod table;
mod units;
mod watch;

pub use config::Config;
pub use diagnostics::Diagnostics;
pub use explain::{Branch, Explanation, HandlerAnswer, Question};
pub use handle::Handle;
pub use registry::{Components, Lock};
pub use router::{Router, RouterFilter, RouterLayer};
pub use schema::schema;
pub use send::{ManualAlert, Sent, Verification};
pub use setting::{Options, Setting};
pub use setup::{Setup, init, init_from_env, setup};
pub use stack::{StackBuilder, stack};
