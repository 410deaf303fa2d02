//! SMS over loopback, to providers that refuse what Twilio and Exotel refuse.
#![expect(clippy::unwrap_used, reason = "tests")]

mod conformance;
mod delivery;
mod unclear;
mod verify;
