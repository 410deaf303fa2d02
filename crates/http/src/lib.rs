//! The one HTTP client of watchfire's sinks.
//!
//! A sink that speaks HTTP does no I/O itself: it makes a [`Request`] of a notification and judges a [`Response`].
//! [`exchange`] does what lies between, and turns a failed connection into an outcome that says whether the request may
//! have arrived.
//!
//! ```
//! use watchfire_http::{Endpoint, Client, HttpOptions, Request, Response, by_status, exchange};
//! use watchfire_outbox::{Notification, Outcome};
//!
//! struct Hook {
//!     client: Client,
//!     endpoint: Endpoint,
//! }
//!
//! impl Hook {
//!     fn request(&self, notification: &Notification) -> Request {
//!         Request::post_json(&self.endpoint, notification.body())
//!     }
//!
//!     async fn deliver(&self, notification: &Notification) -> Outcome {
//!         exchange(&self.client, self.request(notification), judge).await
//!     }
//! }
//!
//! fn judge(response: &Response) -> Outcome {
//!     by_status(response)
//! }
//!
//! let hook = Hook {
//!     client: HttpOptions::new().client("hook")?,
//!     endpoint: Endpoint::secret("hook.url", "https://hooks.example.com/in/not-a-real-secret")?,
//! };
//! # Ok::<_, watchfire_core::ConfigError>(())
//! ```

mod endpoint;
mod failure;
mod judge;
mod late_body;
mod request;
mod response;

mod client;
mod options;
mod tls;

pub use client::{Client, ask, exchange, reach};
pub use endpoint::Endpoint;
pub use failure::Failure;
pub use judge::{by_status, rate_limited};
pub use options::HttpOptions;
pub use request::{Request, check_token};
pub use response::Response;
