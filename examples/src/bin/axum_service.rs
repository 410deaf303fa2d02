//! An axum service: each request has a span, whose fields an error below it carries into Slack; one alert per failure.
//!
//! ```text
//! SLACK_WEBHOOK=https://hooks.slack.com/services/... cargo run -p watchfire-examples --bin axum_service
//! curl -i http://127.0.0.1:3000/orders/4711/pay
//! ```

use std::env;

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use watchfire::{
    LogFile, Outbox, Slack, filter,
    prelude::*,
    tower::{AccessLog, RequestLayer},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let outbox = Outbox::start("shop")?;
    tracing_subscriber::registry()
        .with(LogFile::daily("shop.log").layer()?.with_filter(filter::env("RUST_LOG", "info")?))
        .with(Slack::webhook(env::var("SLACK_WEBHOOK")?).layer(&outbox)?)
        .init();

    let app = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/orders/{order}/pay", get(pay))
        .layer(RequestLayer::new().access_log(AccessLog::Combined));
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    drop(outbox);
    Ok(())
}

async fn pay(Path(order): Path<u64>) -> StatusCode {
    tracing::error!(order, "the bank did not take the payment");
    StatusCode::BAD_GATEWAY
}
