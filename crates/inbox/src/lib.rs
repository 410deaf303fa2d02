//! A local stand-in for every provider, for development, demos and tests.
//!
//! [`Inbox::start`] opens loopback ports that speak SMTP, Slack, Telegram, Twilio, Exotel and Sentry with their real
//! limits. What a vendor refuses is refused with the vendor's answer; a provider can be told to fail ([`Fault`]); what
//! came in is kept and shown as a plain page and as JSON (`/messages.json`, `/messages/{number}.json`). Faults are
//! armed from outside by `POST /faults/{provider}` with the JSON form of a [`FaultPlan`] and cleared by `DELETE`.
//!
//! Only the public credentials of [`Demo`] are taken. Nothing leaves the machine.

mod clock;
mod demo;
mod fault;
mod http;
mod inbox;
mod markup;
mod net;
mod origin;
mod pages;
mod providers;
mod recent;
mod record;
mod store;
mod tls;

pub use demo::Demo;
pub use fault::{Fault, FaultPlan, SmtpStage};
pub use inbox::{Inbox, InboxBuilder};
pub use markup::Markup;
pub use record::{MessageVerdict, Provider, Received, UnknownProvider, View, ViewPart};
pub use store::{Misfit, Missing};
