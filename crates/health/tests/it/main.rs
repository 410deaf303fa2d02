#![expect(clippy::unwrap_used, reason = "tests")]
//! The routes, asked without a socket.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tracing_subscriber::prelude::*;
use watchfire_health::HealthRoutes;
use watchfire_outbox::{Outbox, SinkExt, folder::SpoolFolder};
use watchfire_testing::Captured;

const GROUP: &str = "9f86d081884c7d65";

async fn ask(routes: &HealthRoutes, request: Request<Body>) -> (StatusCode, String) {
    let response = routes.clone().into_router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn form(text: &str, site: Option<&str>) -> Request<Body> {
    let request = Request::post("/silence").header("content-type", "application/x-www-form-urlencoded");
    let request = site.into_iter().fold(request, |request, site| request.header("sec-fetch-site", site));
    request.body(Body::from(text.to_owned())).unwrap()
}

/// Starts an outbox with a channel of a hostile name that has delivered one alert.
fn outbox(folder: &std::path::Path) -> Outbox {
    let outbox = Outbox::builder("a<b>").spool(folder).without_panics().start().unwrap();
    let layer = Captured::new().channel().named("ops\"<i>").layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::error!("no stock");
    });
    assert_eq!(outbox.flush(Duration::from_secs(20)).pending, 0);
    outbox
}

#[tokio::test]
async fn metrics_and_page_show_the_counts_of_each_channel() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = outbox(folder.path());
    let routes = HealthRoutes::new(&outbox);
    assert_eq!(ask(&routes, get("/healthz")).await, (StatusCode::OK, "ok\n".to_owned()));

    let (status, metrics) = ask(&routes, get("/metrics")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(metrics.contains("\nwatchfire_delivered_total{channel=\"ops\\\"<i>\"} 1\n"), "{metrics}");
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("watchfire_") && value.parse::<f64>().is_ok(), "{line}");
        let family = name.split('{').next().unwrap();
        assert!(metrics.contains(&format!("# TYPE {family} ")), "{line}");
    }

    let (status, page) = ask(&routes, get("/")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("ops&quot;&lt;i&gt;") && page.contains("a&lt;b&gt;"), "{page}");
    assert!(!page.contains("<i>") && !page.contains("<form"), "{page}");
}

#[tokio::test]
async fn only_who_has_the_token_silences_and_only_from_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = outbox(folder.path());
    let silenced = || SpoolFolder::open(folder.path()).unwrap().silences().unwrap().0.len();
    let shows = HealthRoutes::new(&outbox);
    let good = format!("group={GROUP}&minutes=60&by=ada&why=known&token=open+sesame");
    assert_eq!(ask(&shows, form(&good, None)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        ask(&HealthRoutes::new(&outbox).silences(String::new()), form(&good, None)).await.0,
        StatusCode::NOT_FOUND
    );

    let routes = HealthRoutes::new(&outbox).silences("open sesame".to_owned());
    // (form, where it was sent from, status)
    let refused = [
        (good.replace("sesame", "simsim"), None, StatusCode::FORBIDDEN),
        (good.replace("&token=open+sesame", ""), None, StatusCode::FORBIDDEN),
        (good.clone(), Some("cross-site"), StatusCode::FORBIDDEN),
        (good.clone(), Some("same-site"), StatusCode::FORBIDDEN),
        (good.replace(GROUP, "../../etc"), None, StatusCode::BAD_REQUEST),
        (good.replace("minutes=60", "minutes=0"), None, StatusCode::BAD_REQUEST),
        (good.replace("minutes=60", "minutes=99999"), None, StatusCode::BAD_REQUEST),
    ];
    for (text, site, expected) in refused {
        let (status, why) = ask(&routes, form(&text, site)).await;
        assert_eq!(status, expected, "{text}: {why}");
        assert!(!why.contains("sesame"), "{why}");
    }
    assert_eq!(silenced(), 0);

    assert_eq!(ask(&routes, form(&good, Some("same-origin"))).await.0, StatusCode::SEE_OTHER);
    assert_eq!(silenced(), 1);
    let (_, page) = ask(&routes, get("/")).await;
    assert!(page.contains(GROUP) && page.contains("<td>ada<td>known") && page.contains("<form"), "{page}");
    assert_eq!(ask(&routes, form(&format!("{good}&action=end"), None)).await.0, StatusCode::SEE_OTHER);
    assert_eq!(silenced(), 0);
}
