//! The request layer: a span per request, `django.request`'s reports of how requests end, and one alert per failure.
//!
//! See [`RequestLayer`].

mod body;
mod client;
mod future;
mod info;
mod layer;
mod outcome;
mod report;
mod request_id;
mod service;
mod settings;

pub use body::ResponseBody;
pub use future::ResponseFuture;
pub use info::RequestInfo;
pub use layer::RequestLayer;
pub use service::RequestService;
pub use settings::AccessLog;
