//! The request of a sink.

use std::fmt;

use watchfire_core::{ConfigError, Secret};

use crate::Endpoint;

/// One request to a provider. Its `Debug` shows where it goes, the names of its headers and its size.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) endpoint: Endpoint,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) auth: Option<Auth>,
    pub(crate) body: Vec<u8>,
    pub(crate) is_once: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Auth {
    Bearer(Secret),
    Basic(String, Secret),
}

impl Request {
    /// Makes a request with any body.
    pub fn post(endpoint: &Endpoint, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self {
            method: Method::Post,
            endpoint: endpoint.clone(),
            headers,
            auth: None,
            body: body.into(),
            is_once: false,
        }
    }

    /// Makes a request that asks and changes nothing.
    pub fn get(endpoint: &Endpoint) -> Self {
        let endpoint = endpoint.clone();
        Self {
            method: Method::Get,
            endpoint,
            headers: Vec::new(),
            auth: None,
            body: Vec::new(),
            is_once: false,
        }
    }

    /// Makes a request with a JSON body.
    pub fn post_json(endpoint: &Endpoint, body: impl Into<Vec<u8>>) -> Self {
        // Slack answers with a warning where the charset is missing.
        Self::post(endpoint, "application/json; charset=utf-8", body)
    }

    /// Makes a request with a form.
    pub fn post_form<N: AsRef<str>, V: AsRef<str>>(
        endpoint: &Endpoint,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self::post(endpoint, "application/x-www-form-urlencoded", body)
    }

    /// Sends the body a moment after the head, for a request that must not be made twice: if the connection fails before,
    /// the request was provably not received as a whole, and may be repeated.
    pub fn once(mut self) -> Self {
        self.is_once = true;
        self
    }

    /// Adds a header, replacing one of the same (lower-case) name. For credentials that are not of
    /// [`bearer`](Self::bearer) or [`basic`](Self::basic) too: values are never shown.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name, value.into()));
        self
    }

    /// Authenticates by a token.
    pub fn bearer(mut self, token: &Secret) -> Self {
        self.auth = Some(Auth::Bearer(token.clone()));
        self
    }

    /// Authenticates by name and password.
    pub fn basic(mut self, user: impl Into<String>, password: &Secret) -> Self {
        self.auth = Some(Auth::Basic(user.into(), password.clone()));
        self
    }

    /// Returns where it goes.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("endpoint", &self.endpoint)
            .field("headers", &self.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>())
            .field("authenticated", &self.auth.is_some())
            .field("bytes", &self.body.len())
            .finish()
    }
}

/// Checks a credential that travels in a header or a path: visible ASCII, not empty.
///
/// # Errors
///
/// If it is not; the error does not show it.
pub fn check_token(field: &'static str, token: &str) -> Result<(), ConfigError> {
    if token.is_empty() {
        return Err(ConfigError::new(field, "expected a token, found nothing"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ConfigError::new(field, "expected a token of visible ASCII characters without spaces"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_neither_credential_nor_body() {
        let endpoint = Endpoint::parse("x", "https://a.example/planted-path").unwrap();
        let secret = Secret::new("planted-in-request-test");
        let request = Request::post_json(&endpoint, "planted-body")
            .header("x-key", "planted-header")
            .basic("planted-user", &secret)
            .bearer(&secret);
        let shown = format!("{request:?}");
        assert!(!shown.contains("planted"), "{shown}");
        assert!(shown.contains("https://a.example") && shown.contains("x-key"), "{shown}");
    }

    #[test]
    fn encodes_forms() {
        let endpoint = Endpoint::parse("x", "https://a.example/").unwrap();
        let request = Request::post_form(&endpoint, [("To", "+15005550006"), ("Body", "a&b=c ü\n")]);
        assert_eq!(request.body(), b"To=%2B15005550006&Body=a%26b%3Dc+%C3%BC%0A");
    }

    #[test]
    fn refuses_tokens_that_break_a_header() {
        for bad in ["", "a b", "a\r\nx: y", "ü", "\0"] {
            assert!(check_token("x", bad).is_err(), "{bad:?}");
        }
        assert!(check_token("x", "xoxb-1-2-aB").is_ok());
    }
}
