//! Routes for axum: liveness, metrics, and a page with channels, groups, backlog and silences.
//!
//! See [`HealthRoutes`].

mod metrics;
mod page;
mod routes;
mod snapshot;

pub use routes::HealthRoutes;
