#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
//! The client over loopback: what it sends, and what each end of an exchange means.

mod proxy;
mod server;
mod tls;

use std::time::Duration;

use server::{Behaviour, TestServer};
use watchfire_core::Secret;
use watchfire_http::{Client, Endpoint, HttpOptions, Request, Response, by_status, exchange};
use watchfire_outbox::Outcome;

const PATH: &str = "/services/planted-in-the-path-0001";

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn address(port: u16) -> Endpoint {
    Endpoint::secret("url", &format!("http://127.0.0.1:{port}{PATH}")).unwrap()
}

fn impatient() -> Client {
    HttpOptions::new().timeout(Duration::from_millis(300)).client("x").unwrap()
}

#[test]
fn sends_what_the_request_says_and_gives_the_whole_answer() {
    run(async {
        let server = TestServer::start(Behaviour::Answer(
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nX-A: b\r\nContent-Length: 5\r\n\r\n wait",
        ))
        .await;
        let request = Request::post_json(&address(server.port), r#"{"text":"hi"}"#)
            .header("x-key", "value")
            .basic("user", &Secret::new("pass"));
        let response = Client::default().send(request).await.unwrap();
        assert_eq!((response.status(), response.text().as_ref()), (429, "wait"));
        assert_eq!(response.header("x-a"), Some("b"));
        assert_eq!(response.retry_after(), Some(Duration::from_secs(3)));
        let seen = server.seen();
        assert_eq!(seen.len(), 1);
        let request = seen[0].to_ascii_lowercase();
        assert!(request.starts_with(&format!("post {PATH} http/1.1\r\n")), "{request}");
        for line in [
            "content-type: application/json; charset=utf-8",
            "authorization: basic dxnlcjpwyxnz",
            "x-key: value",
            "content-length: 13",
            "user-agent: watchfire/",
        ] {
            assert!(request.contains(line), "{line} in {request}");
        }
        assert!(request.ends_with(r#"{"text":"hi"}"#), "{request}");
    });
}

#[test]
fn follows_no_redirect() {
    run(async {
        let server = TestServer::start(Behaviour::Answer(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
        ))
        .await;
        let request = Request::post_json(&address(server.port), "{}");
        assert_eq!(
            exchange(&Client::default(), request, status_only).await,
            Outcome::Held("HTTP 307".into())
        );
        assert_eq!(server.seen().len(), 1);
    });
}

fn status_only(response: &Response) -> Outcome {
    by_status(response)
}

#[test]
fn keeps_64_kib_of_a_body_without_end() {
    run(async {
        let server = TestServer::start(Behaviour::Endless).await;
        let response = Client::default().send(Request::post_json(&address(server.port), "{}")).await.unwrap();
        assert_eq!(response.body().len(), 64 * 1024);
    });
}

#[test]
fn a_refused_connection_is_transient_and_shows_no_path() {
    run(async {
        let port = server::closed_port();
        let outcome = exchange(&Client::default(), Request::post_json(&address(port), "{}"), by_status).await;
        let Outcome::Transient(reason) = outcome else { panic!("{outcome:?}") };
        assert!(reason.as_str().starts_with(&format!("http://127.0.0.1:{port}: ")), "{reason}");
        assert!(reason.as_str().to_lowercase().contains("connection refused"), "{reason}");
        assert!(!reason.as_str().contains("planted"), "{reason}");
    });
}

#[test]
fn what_breaks_after_the_request_is_ambiguous_and_shows_no_path() {
    let cases = [
        ("reset", Behaviour::Close),
        ("half a head", Behaviour::Answer("HTTP/1.1 200 O")),
        ("half a body", Behaviour::Answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok")),
        ("no HTTP", Behaviour::Answer("220 mail.example.com ESMTP\r\n")),
        ("silence", Behaviour::Hang),
    ];
    run(async {
        for (name, behaviour) in cases {
            let server = TestServer::start(behaviour).await;
            let failure =
                impatient().send(Request::post_json(&address(server.port), "{}")).await.unwrap_err();
            assert!(failure.may_have_arrived(), "{name}: {failure}");
            assert!(!format!("{failure} {failure:?}").contains("planted"), "{name}: {failure}");
            assert_eq!(server.seen().len(), 1, "{name}: never sent again by itself");
            assert!(matches!(failure.into_outcome(), Outcome::Ambiguous(_)), "{name}");
        }
    });
}

#[test]
fn a_handshake_that_hangs_is_transient() {
    run(async {
        let server = TestServer::start(Behaviour::Hang).await;
        let address = Endpoint::parse("url", &format!("https://localhost:{}/", server.port)).unwrap();
        let options = HttpOptions::new().no_proxy().connect_timeout(Duration::from_millis(200));
        let outcome =
            exchange(&options.client("x").unwrap(), Request::post_json(&address, "{}"), by_status).await;
        assert!(matches!(outcome, Outcome::Transient(_)), "nothing was sent: {outcome:?}");
    });
}

#[test]
fn a_header_that_cannot_be_sent_is_held() {
    run(async {
        let request =
            Request::post_json(&address(server::closed_port()), "{}").header("x-key", "a\r\nb: planted");
        let outcome = exchange(&Client::default(), request, by_status).await;
        let Outcome::Held(reason) = outcome else { panic!("{outcome:?}") };
        assert!(!reason.as_str().contains("planted"), "{reason}");
    });
}

#[test]
fn can_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Client>();
    shared::<Request>();
    shared::<Response>();
}
