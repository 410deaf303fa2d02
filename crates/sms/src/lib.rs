//! Alerts by SMS, through Twilio and Exotel, routed by the number's prefix.
//!
//! ```
//! use watchfire_outbox::{Outbox, SinkExt};
//! use watchfire_sms::{Sms, Twilio};
//!
//! let outbox = Outbox::start("shop")?;
//! let twilio = Twilio::new("AC00000000000000000000000000000001", "not-a-real-token").from("+15005550006");
//! let layer = Sms::to(["+436601234567"]).twilio(twilio).layer(&outbox)?;
//! # drop(layer);
//! # Ok::<_, watchfire_core::ConfigError>(())
//! ```
//!
//! An SMS costs money: one segment by default, nothing is sent again that may have arrived, and what is older than
//! 15 minutes is not sent any more. Give the layer a filter of its own if not every error should wake somebody.

mod answer;
mod api;
mod config;
mod exotel;
mod number;
mod render;
mod segments;
mod sink;
mod template;
mod twilio;
mod verify;

pub use config::{SmsBuilder, SmsProvider};
pub use exotel::Exotel;
pub use segments::{Alphabet, Segments};
pub use sink::{Sms, SmsLayer};
pub use template::DltSlot;
pub use twilio::Twilio;
