//! Alerts by mail to the admins: text and HTML, over SMTP with TLS.
//!
//! ```
//! use watchfire_email::Email;
//! use watchfire_outbox::{Outbox, SinkExt};
//!
//! let outbox = Outbox::start("shop")?;
//! let layer = Email::to(["Ada <ada@example.com>"])
//!     .from("errors@example.com")
//!     .server("smtps://errors:hidden-word@mail.example.com")
//!     .subject_prefix("[shop] ")
//!     .layer(&outbox)?;
//! # drop(layer);
//! # Ok::<_, watchfire_core::ConfigError>(())
//! ```
//!
//! Each admin gets a mail of their own, so that a retry reaches nobody twice and nobody sees the others.

mod advice;
mod config;
mod html;
mod render;
mod reply;
mod sink;
mod stage;
mod transport;
mod verify;
mod wire;

pub use config::EmailBuilder;
pub use sink::{Email, EmailLayer};
