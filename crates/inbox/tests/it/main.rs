//! The providers over real sockets.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod hardening;
mod net;
mod pages;
mod providers;
mod slack_api;
mod slack_webhook;
mod smtp;
mod telegram;
