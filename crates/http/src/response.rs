//! The response of a provider, within bounds.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use watchfire_outbox::Reason;

/// A provider's answer: the status, the headers, and the first 64 KiB of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    received: SystemTime,
}

impl Response {
    /// Makes an answer of its status and body; for tests, and for clients of your own.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), received: UNIX_EPOCH }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// Sets when it came in: what a date in `Retry-After` is compared with. Default: the epoch.
    #[must_use]
    pub fn received_at(mut self, at: SystemTime) -> Self {
        self.received = at;
        self
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Tells whether the status is one of 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns a header's first value; names are compared without case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the body as text without the white space around it.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match String::from_utf8_lossy(&self.body) {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        }
    }

    /// Returns when it came in.
    #[must_use]
    pub fn received(&self) -> SystemTime {
        self.received
    }

    /// Returns how long `Retry-After` asks to wait, from seconds or from a date (RFC 9110 §10.2.3); a date that is past
    /// is zero. `None` if there is none, or it is neither.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.header("retry-after")?.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More digits than fit are a very long time.
            return Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))));
        }
        if let Ok(seconds) = text.parse::<f64>()
            && seconds >= 0.0
        {
            return Duration::try_from_secs_f64(seconds.ceil()).ok();
        }
        let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(SystemTime::from(date).duration_since(self.received).unwrap_or_default())
    }

    /// Returns one line about it: the status and the beginning of the body.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self.text() {
            text if text.is_empty() => Reason::new(format_args!("HTTP {}", self.status)),
            text => Reason::new(format_args!("HTTP {}: {text}", self.status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_retry_after_in_seconds_and_as_a_date() {
        // 2015-10-21T07:28:00Z
        let now = UNIX_EPOCH + Duration::from_secs(1_445_412_480);
        let cases = [
            ("0", Some(0)),
            ("30", Some(30)),
            (" 30 ", Some(30)),
            ("1.5", Some(2)),
            ("99999999999999999999999", Some(u64::from(u32::MAX))),
            ("Wed, 21 Oct 2015 07:28:30 GMT", Some(30)),
            ("Wed, 21 Oct 2015 07:27:00 GMT", Some(0)),
            ("Thu, 22 Oct 2015 07:28:00 GMT", Some(86_400)),
            ("", None),
            ("-1", None),
            ("soon", None),
            ("NaN", None),
            ("inf", None),
            ("2015-10-21T07:28:00Z", None),
        ];
        for (text, seconds) in cases {
            let response = Response::new(429, "").with_header("Retry-After", text).received_at(now);
            assert_eq!(response.retry_after(), seconds.map(Duration::from_secs), "{text:?}");
        }
        assert_eq!(Response::new(429, "").retry_after(), None);
    }

    #[test]
    fn its_reason_is_one_short_line() {
        let response = Response::new(502, format!("<html>\r\n{}", "x".repeat(5000)));
        let reason = response.reason();
        assert!(reason.as_str().starts_with("HTTP 502: <html>"), "{reason}");
        assert!(reason.as_str().len() <= 500 && !reason.as_str().contains('\n'));
        assert_eq!(Response::new(404, " \n").reason().as_str(), "HTTP 404");
        let echo =
            Response::new(418, r#"{"sent": {"password": "hunter22", "order": 4711}, "who": "teapot"}"#);
        let reason = echo.reason();
        assert!(reason.as_str().contains("teapot") && reason.as_str().contains("4711"), "{reason}");
        assert!(!reason.as_str().contains("hunter22"), "{reason}");
    }

    proptest! {
        #[test]
        fn reads_every_http_date_and_survives_any_text(text in "\\PC*", at in 0_u64..1 << 34, wait in 0_u64..1 << 20) {
            let received = UNIX_EPOCH + Duration::from_secs(at);
            let date = jiff::Timestamp::try_from(received + Duration::from_secs(wait)).unwrap();
            let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date).unwrap();
            let answer = |text: String| Response::new(429, "").with_header("retry-after", text).received_at(received);
            prop_assert_eq!(answer(date).retry_after(), Some(Duration::from_secs(wait)));
            let digits = !text.trim().is_empty() && text.trim().bytes().all(|byte| byte.is_ascii_digit());
            prop_assert!(!digits || answer(text).retry_after().is_some());
        }
    }
}
