//! An axum service: tower-http opens the request span, an error below it carries the request's fields into Slack.
//!
//! ```text
//! SLACK_WEBHOOK=https://hooks.slack.com/services/... cargo run -p watchfire-examples --bin axum_service
//! curl -i http://127.0.0.1:3000/orders/4711/pay
//! ```

use std::env;

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use tower_http::trace::TraceLayer;
use watchfire::{LogFile, Outbox, Slack, filter, prelude::*};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let outbox = Outbox::start("shop")?;
    tracing_subscriber::registry()
        .with(
            LogFile::daily("shop.log")
                .layer()?
                .with_filter(filter::env("RUST_LOG", "info,tower_http=debug")?),
        )
        // tower-http logs each 5xx once more as an ERROR of its own: one alert per failure is enough.
        .with(
            Slack::webhook(env::var("SLACK_WEBHOOK")?)
                .layer(&outbox)?
                .with_filter(filter::directives("error,tower_http=off")?),
        )
        .init();

    let app = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/orders/{order}/pay", get(pay))
        .layer(TraceLayer::new_for_http());
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
