//! Proxies: the environment's, read in a process of its own, and one that is set.

use std::process::Command;

use watchfire_http::{Client, Endpoint, HttpOptions, Request, by_status, exchange};
use watchfire_outbox::Outcome;

use crate::{
    run,
    server::{Behaviour, TestServer, closed_port},
};

const NO_TUNNEL: Behaviour = Behaviour::Answer("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");

/// Posts to a closed port on localhost, through whatever proxy the environment names; the test below starts it.
#[test]
#[ignore = "the child of another test"]
fn child() {
    run(async {
        let address = Endpoint::parse("url", &format!("https://localhost:{}/", closed_port())).unwrap();
        let outcome = exchange(&Client::default(), Request::post_json(&address, "{}"), by_status).await;
        assert!(matches!(outcome, Outcome::Transient(_)), "{outcome:?}");
    });
}

#[test]
fn asks_the_environments_proxy_unless_the_host_is_excepted() {
    let cases = [
        ("HTTPS_PROXY", None, 1),
        ("https_proxy", None, 1),
        ("HTTPS_PROXY", Some(("NO_PROXY", "example.com, localhost")), 0),
        ("HTTP_PROXY", None, 0),
    ];
    run(async {
        for (name, more, expected) in cases {
            let proxy = TestServer::start(NO_TUNNEL).await;
            let url = format!("http://127.0.0.1:{}", proxy.port);
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "proxy::child", "--ignored"]);
            for known in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
                child.env_remove(known).env_remove(known.to_lowercase());
            }
            child.env(name, &url).envs(more);
            let status = tokio::task::spawn_blocking(move || child.output()).await.unwrap().unwrap();
            assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
            let seen = proxy.seen();
            assert_eq!(seen.len(), expected, "{name} {more:?}");
            assert!(seen.iter().all(|request| request.starts_with("CONNECT localhost:")), "{seen:?}");
        }
    });
}

#[test]
fn asks_the_proxy_that_is_set_and_never_for_plain_loopback() {
    run(async {
        let proxy = TestServer::start(NO_TUNNEL).await;
        let url = format!("http://user:planted-proxy-word@127.0.0.1:{}", proxy.port);
        let options = HttpOptions::new().proxy(&url);
        assert!(!format!("{options:?}").contains("planted"), "{options:?}");
        let client = options.client("x").unwrap();
        let address = Endpoint::parse("url", "https://hooks.example.com/").unwrap();
        let outcome = exchange(&client, Request::post_json(&address, "{}"), by_status).await;
        let Outcome::Transient(reason) = outcome else { panic!("{outcome:?}") };
        assert!(!reason.as_str().contains("planted"), "{reason}");
        assert!(proxy.seen()[0].starts_with("CONNECT hooks.example.com:443"), "{:?}", proxy.seen());

        let plain = Endpoint::parse("url", &format!("http://127.0.0.1:{}/", closed_port())).unwrap();
        let outcome = exchange(&client, Request::post_json(&plain, "{}"), by_status).await;
        assert!(matches!(outcome, Outcome::Transient(_)), "{outcome:?}");
        assert_eq!(proxy.seen().len(), 1);
    });
}

#[test]
fn refuses_what_is_no_proxy() {
    for bad in ["", "proxy", "ftp://proxy.example.com", "http://"] {
        let error = HttpOptions::new().proxy(bad).client("x").unwrap_err();
        assert_eq!(error.field(), "x.proxy", "{bad}");
    }
}
