//! For tests: of sinks, and of programs that alert.
//!
//! A program's test adds [`Captured`] where the program adds a sink, and looks at what would have been sent. The test of
//! a sink runs the [`conformance`] suite, and its table of answers through [`check_answers`]:
//!
//! ```
//! use watchfire_testing::{Captured, conformance};
//!
//! conformance::of(&Captured::new())
//!     .valid(|_form, body| match std::str::from_utf8(body) {
//!         Ok(_) => Ok(()),
//!         Err(error) => Err(error.to_string()),
//!     })
//!     .check();
//! ```

mod alerts;
mod hostile;
mod scene;

mod answers;
mod asked;
mod captured;
pub mod conformance;

pub use alerts::{any_alert, any_text, bare_alert, full_alert, full_app, moment};
pub use answers::{Class, check_answers};
pub use asked::asked;
pub use captured::Captured;
pub use hostile::{Hostile, alert_of, hostile_alerts, hostile_texts};
pub use scene::Scene;
