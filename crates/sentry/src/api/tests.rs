//! Tests of Sentry's responses.

use std::time::UNIX_EPOCH;

use watchfire_outbox::Sink;
use watchfire_testing::{Class, Scene, check_answers, full_alert};

use super::*;
use crate::{Sentry, SentryBuilder};

fn sentry() -> SentryBuilder {
    Sentry::dsn("https://plantedkeyplantedkey@sentry.example.com/a/b/42")
}

fn answer(status: u16, body: &str) -> Response {
    Response::new(status, body)
}

/// Relay's answers, in the shapes of relay-server's `endpoints/common.rs` and `utils/rate_limits.rs`.
#[test]
fn judges_what_relay_answers() {
    let id = r#"{"id":"0123456789abcdef0123456789abcdef"}"#;
    let limited = |status, header: &str| answer(status, "{}").with_header("X-Sentry-Rate-Limits", header);
    check_answers(
        judge,
        [
            ("taken", answer(200, id), Class::Delivered),
            ("taken by a server that says nothing", answer(200, ""), Class::Delivered),
            ("a portal's page", answer(200, "<html>sign in</html>"), Class::Unknown),
            ("taken, events are limited", limited(200, "30:error:key"), Class::DeliveredThenWait(30)),
            ("taken, all is limited", limited(200, "30.2::organization"), Class::DeliveredThenWait(31)),
            ("taken, others are limited", limited(200, "30:transaction;span:key"), Class::Delivered),
            ("taken, the limit is over", limited(200, "0:error:key"), Class::Delivered),
            ("no body", answer(400, r#"{"detail":"empty request body"}"#), Class::Degrade),
            (
                "a broken envelope",
                answer(400, r#"{"detail":"invalid event envelope","causes":["unexpected end of file"]}"#),
                Class::Degrade,
            ),
            ("no key", answer(401, r#"{"detail":"missing authorization information"}"#), Class::Held),
            (
                "a wrong key",
                answer(403, r#"{"detail":"event submission rejected with_reason: ProjectId"}"#),
                Class::Held,
            ),
            ("no such path", answer(404, ""), Class::Held),
            (
                "too large an event",
                answer(413, r#"{"detail":"envelope exceeded size limits for type 'event'"}"#),
                Class::Degrade,
            ),
            (
                "too large a request",
                answer(413, r#"{"detail":"request content exceeded size limits"}"#),
                Class::Degrade,
            ),
            ("limited", answer(429, ""), Class::Wait(60)),
            ("limited, by Retry-After", answer(429, "").with_header("Retry-After", "5"), Class::Wait(5)),
            (
                "limited, by both",
                limited(429, "42::organization:x, 4711:transaction:project")
                    .with_header("Retry-After", "4711"),
                Class::Wait(42),
            ),
            (
                "limited, in a way that we do not know",
                limited(429, "9:transaction:key").with_header("Retry-After", "7"),
                Class::Wait(7),
            ),
            ("a full queue", answer(503, r#"{"detail":"failed to queue envelope"}"#), Class::Transient),
            ("a full queue with a limit", limited(503, "12:error:key"), Class::Wait(12)),
            ("a broken proxy", answer(502, "<html>bad gateway</html>"), Class::Transient),
            ("a broken server", answer(500, ""), Class::Transient),
            ("a moved server", answer(301, ""), Class::Held),
        ],
    );
}

#[test]
fn keeps_the_longest_limit_that_concerns_events() {
    let cases = [
        ("10:transaction:key, 600:default;error;security:organization", Some(600)),
        ("10::organization, 600::organization", Some(600)),
        ("600:error:organization, 10:error:key", Some(600)),
        ("20::organization:a_reason, 600:transaction;security:project", Some(20)),
        ("20:metric_bucket:organization:a_reason:ns1;ns2", None),
        ("10:unheard;of:organization", None),
        (" 10 : error ; unheard : key : reason : ns : more ", Some(10)),
        ("0.4:error:key", Some(1)),
        ("10:error", Some(10)),
        ("10:", Some(10)),
        ("10", None),
        ("soon:error:key, 10:error:key", Some(10)),
        ("-5:error:key", None),
        ("NaN:error:key", None),
        ("inf::", None),
        ("1e300::", None),
        (",,:,", None),
        ("", None),
    ];
    for (header, seconds) in cases {
        assert_eq!(limit_of_events(header), seconds.map(Duration::from_secs), "{header:?}");
    }
}

#[test]
fn says_what_relay_said() {
    let body = r#"{"detail":"invalid event envelope","causes":["unexpected end of file"]}"#;
    assert_eq!(
        reason(&answer(400, body)).as_str(),
        "HTTP 400: invalid event envelope; unexpected end of file"
    );
    assert_eq!(reason(&answer(502, "<html>")).as_str(), "HTTP 502: <html>");
}

#[test]
fn every_attempt_has_the_same_id_and_its_own_time() {
    let scene = Scene::first(full_alert());
    let notification = sentry().build().unwrap().render(&scene.occasion()).remove(0);
    let sent = |seconds| {
        let request = request(
            &sentry().check().unwrap().0.project,
            &notification,
            UNIX_EPOCH + Duration::from_secs(seconds),
        );
        assert_eq!(request.endpoint().path(), "/a/b/api/42/envelope/");
        let text = String::from_utf8(request.body().to_vec()).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (first, second) = (sent(0), sent(86_400));
    let head = |lines: &[String]| serde_json::from_str::<Value>(&lines[0]).unwrap();
    assert_eq!(first.len(), 3);
    assert_eq!(head(&first)["event_id"], notification.id().to_string());
    assert_eq!(head(&first)["event_id"], head(&second)["event_id"]);
    assert_eq!(head(&first)["sent_at"], "1970-01-01T00:00:00Z");
    assert_eq!(head(&second)["sent_at"], "1970-01-02T00:00:00Z");
    assert_eq!(first[1..], second[1..]);
    let item: Value = serde_json::from_str(&first[1]).unwrap();
    assert_eq!(
        item,
        json!({ "type": "event", "content_type": "application/json", "length": first[2].len() })
    );
    assert!(!notification.body().windows(7).any(|window| window == b"sent_at"));
}
