//! The request that an alert belongs to, found by the names that programs use for its parts.

use watchfire_core::{Alert, Field};

use super::{Fact, given};
use crate::model::text::one_line;

/// The names of OpenTelemetry's semantic conventions for HTTP, then those of tower-http, actix-web and programs.
const METHOD: &[&str] = &["http.request.method", "http.method", "method"];
const ROUTE: &[&str] = &["http.route", "route"];
const PATH: &[&str] = &["url.path", "http.target", "path", "uri", "url.full", "http.url", "url"];
const STATUS: &[&str] = &["http.response.status_code", "http.status_code", "status_code", "status"];

/// Facts that stand for themselves: their label, and the names of the fields that have it.
const NAMED: &[(&str, &[&str])] = &[
    ("Request id", &["request_id", "http.request_id", "http.request.id", "req_id", "x-request-id"]),
    ("User", &["user.id", "enduser.id", "user_id", "user", "username"]),
    ("Tenant", &["tenant", "tenant_id", "tenant.id"]),
    ("Client", &["client.address", "http.client_ip", "client_addr", "client_ip", "remote_addr"]),
    ("Trace", &["trace_id"]),
];

/// The most characters of one part.
const PART: usize = 200;

/// The fields of an alert that say in whose request it happened.
#[derive(Default)]
pub(super) struct Request<'a> {
    line: Vec<&'a Field>,
    named: Vec<(&'a str, &'a Field)>,
}

impl<'a> Request<'a> {
    pub(super) fn of(alert: &'a Alert) -> Self {
        let find = |names: &[&str]| {
            // The event knows best, then the innermost span.
            let spans = alert.spans.iter().rev().flat_map(|span| &span.fields);
            let mut fields = alert.fields.iter().chain(spans);
            let is_named = |field: &&Field| names.contains(&&*field.name);
            fields.find(|field| is_named(field) && !field.value.to_string().trim().is_empty())
        };
        // A method alone may be that of a payment; a path alone that of a file.
        let (method, path) = (find(METHOD), find(PATH).or_else(|| find(ROUTE)));
        let line = match (method, path) {
            (Some(method), Some(path)) => {
                let route = find(ROUTE).filter(|route| route.value != path.value);
                [Some(method), Some(path), route, find(STATUS)].into_iter().flatten().collect()
            }
            _ => Vec::new(),
        };
        let named = NAMED.iter().filter_map(|(label, names)| Some((*label, find(names)?)));
        let own = alert.app.facts().filter_map(|(label, name)| Some((label, find(&[name])?)));
        let named = named.chain(own).collect();
        Self { line, named }
    }

    /// Returns the facts: the line of the request, and what else is known of it.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let mut line = String::new();
        for field in &self.line {
            let text = one_line(&field.value.to_string(), PART);
            let gap = if line.is_empty() { "" } else { " " };
            line.push_str(&match &*field.name {
                name if ROUTE.contains(&name) && !line.is_empty() && self.has_path() => {
                    format!("{gap}({text})")
                }
                name if STATUS.contains(&name) => format!(": {text}"),
                _ => format!("{gap}{text}"),
            });
        }
        let named = self
            .named
            .iter()
            .map(|(label, field)| (one_line(label, 40), one_line(&field.value.to_string(), PART)));
        given([("Request", line)])
            .into_iter()
            .chain(named.map(|(label, value)| Fact { label: label.into(), value }))
            .collect()
    }

    /// Tells whether a field is one of these facts.
    pub(super) fn has(&self, field: &Field) -> bool {
        let named = self.named.iter().map(|(_, field)| *field);
        self.line.iter().copied().chain(named).any(|known| std::ptr::eq(known, field))
    }

    fn has_path(&self) -> bool {
        self.line.iter().any(|field| PATH.contains(&&*field.name))
    }
}
