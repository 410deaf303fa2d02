//! The meaning of a response by its status and headers.

use std::time::Duration;

use watchfire_outbox::{Outcome, Scope};

use crate::Response;

/// How long a rate limit lasts that does not say it.
const UNSAID_WAIT: Duration = Duration::from_secs(60);

/// Says what an answer means by its status alone, for what a sink does not know better from the body.
///
/// | status | outcome |
/// |---|---|
/// | 2xx | delivered |
/// | 429, and 503 with `Retry-After` | rate-limited, the whole channel |
/// | 504 | ambiguous: it may have arrived |
/// | 408, 421, 425, other 5xx | transient |
/// | 400, 413, 414, 422 | degrade: a plainer form may be taken |
/// | 3xx, 401, 402, 403, 404, 405, 407, 410 | held: somebody has to change the configuration |
/// | any other | unknown: tried again, then held, so that nothing is lost for an answer that nobody foresaw |
#[must_use]
pub fn by_status(response: &Response) -> Outcome {
    match response.status() {
        200..=299 => Outcome::Delivered(None),
        429 => rate_limited(response, Scope::Channel),
        503 if response.retry_after().is_some() => rate_limited(response, Scope::Channel),
        400 | 413 | 414 | 422 => Outcome::Degrade(response.reason()),
        300..=399 | 401..=405 | 407 | 410 => Outcome::Held(response.reason()),
        // The gateway gave up waiting: what is behind it may have the request.
        504 => Outcome::Ambiguous(response.reason()),
        408 | 421 | 425 | 500..=599 => Outcome::Transient(response.reason()),
        _ => Outcome::Unknown(response.reason()),
    }
}

/// Returns the outcome of a rate limit: the wait of `Retry-After`, else 60 s.
#[must_use]
pub fn rate_limited(response: &Response, scope: Scope) -> Outcome {
    let wait = response.retry_after().unwrap_or(UNSAID_WAIT);
    Outcome::RateLimited { wait, scope, reason: response.reason() }
}

/// Has a failure that passes by itself wait as long as the provider asks for in `Retry-After`, whatever its status or words.
pub(crate) fn patient(outcome: Outcome, response: &Response) -> Outcome {
    match (outcome, response.retry_after()) {
        (Outcome::Transient(reason), Some(wait)) => {
            Outcome::RateLimited { wait, scope: Scope::Channel, reason }
        }
        (outcome, _) => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Delivered(_) => "delivered".to_owned(),
            Outcome::Transient(_) => "transient".to_owned(),
            Outcome::Unknown(_) => "unknown".to_owned(),
            Outcome::RateLimited { wait, scope, .. } => format!("limited {} {scope:?}", wait.as_secs()),
            Outcome::Degrade(_) => "degrade".to_owned(),
            Outcome::Held(_) => "held".to_owned(),
            Outcome::Ambiguous(_) => "ambiguous".to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn judges_every_class_of_status() {
        let cases = [
            (200, "delivered"),
            (201, "delivered"),
            (202, "delivered"),
            (301, "held"),
            (302, "held"),
            (400, "degrade"),
            (401, "held"),
            (402, "held"),
            (403, "held"),
            (404, "held"),
            (405, "held"),
            (406, "unknown"),
            (407, "held"),
            (408, "transient"),
            (409, "unknown"),
            (410, "held"),
            (413, "degrade"),
            (418, "unknown"),
            (421, "transient"),
            (422, "degrade"),
            (425, "transient"),
            (429, "limited 60 Channel"),
            (500, "transient"),
            (502, "transient"),
            (503, "transient"),
            (504, "ambiguous"),
            (599, "transient"),
        ];
        for (status, expected) in cases {
            assert_eq!(word(&by_status(&Response::new(status, "x"))), expected, "{status}");
        }
    }

    #[test]
    fn a_failure_waits_for_retry_after_wherever_it_stands() {
        for status in [200, 408, 425, 500, 502, 503, 599] {
            let response = Response::new(status, "").with_header("Retry-After", "7");
            let outcome = patient(Outcome::Transient(response.reason()), &response);
            assert_eq!(word(&outcome), "limited 7 Channel", "{status}");
            let outcome = patient(Outcome::Held(response.reason()), &response);
            assert_eq!(word(&outcome), "held", "{status}");
        }
        let response = Response::new(500, "");
        assert_eq!(word(&patient(Outcome::Transient(response.reason()), &response)), "transient");
    }

    #[test]
    fn waits_as_long_as_retry_after_says() {
        for status in [429, 503] {
            let response = Response::new(status, "").with_header("Retry-After", "7");
            assert_eq!(word(&by_status(&response)), "limited 7 Channel", "{status}");
        }
    }
}
