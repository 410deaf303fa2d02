//! Refuses requests that a page of another site made a browser send.

use crate::providers::{Reply, Request};

/// Returns the refusal of a request under a foreign name, or of a change that another site asks for.
///
/// A name that resolves to this machine (DNS rebinding) lets a foreign page read the answers; a form that is sent from
/// elsewhere changes what is kept and armed.
pub(crate) fn refusal(request: &Request) -> Option<Reply> {
    let host = request.header("host");
    if host.is_some_and(|host| !is_local(host)) {
        return Some(refused("expected localhost, 127.0.0.1 or [::1] as the host"));
    }
    if matches!(request.method.as_str(), "GET" | "HEAD") {
        return None;
    }
    let site = request.header("sec-fetch-site").unwrap_or("none");
    let is_same_site = matches!(site, "none" | "same-origin");
    let is_same_origin = request.header("origin").is_none_or(|origin| {
        origin.strip_prefix("http://").is_some_and(|origin| host.is_some_and(|host| origin == host))
    });
    if is_same_site && is_same_origin { None } else { Some(refused("a page of another site asks for this")) }
}

fn refused(reason: &str) -> Reply {
    Reply::json(403, &serde_json::json!({ "error": reason }))
}

/// Tells whether a `Host` names this machine's loopback, with or without a port.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(name, _)| name),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    matches!(name.trim_end_matches('.').to_ascii_lowercase().as_str(), "localhost" | "127.0.0.1" | "::1")
}
