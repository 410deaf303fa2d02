//! The client's address, behind proxies that are trusted by their number.

use std::net::IpAddr;

use http::{Extensions, HeaderMap};

/// Finds the client's address: that of the connection, or the one that the last of `hops` trusted proxies has seen.
///
/// Each proxy appends the address that it was asked from to `X-Forwarded-For`, so that the entries to the left of the
/// trusted ones are what a client claims. Fewer entries than proxies: the request did not pass all of them, and nothing
/// is trusted.
pub(crate) fn address(headers: &HeaderMap, extensions: &Extensions, hops: usize) -> Option<IpAddr> {
    let direct = connection(extensions);
    if hops == 0 {
        return direct;
    }
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let entries: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let seen = entries.len().checked_sub(hops).and_then(|number| entries.get(number));
    seen.and_then(|text| parse(text)).or(direct)
}

fn parse(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.split(']').next()?.parse().ok();
    let with_port = || text.rsplit_once(':')?.0.parse().ok();
    text.parse().ok().or_else(bare).or_else(with_port)
}

#[cfg(feature = "axum")]
fn connection(extensions: &Extensions) -> Option<IpAddr> {
    use axum::extract::ConnectInfo;
    extensions.get::<ConnectInfo<std::net::SocketAddr>>().map(|info| info.0.ip())
}

#[cfg(not(feature = "axum"))]
fn connection(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<std::net::SocketAddr>().map(std::net::SocketAddr::ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_claims_is_not_believed() {
        // (header, trusted proxies, address)
        let cases = [
            ("203.0.113.9", 0, None),
            ("203.0.113.9", 1, Some("203.0.113.9")),
            ("6.6.6.6, 203.0.113.9", 1, Some("203.0.113.9")),
            ("6.6.6.6, 203.0.113.9, 10.0.0.2", 2, Some("203.0.113.9")),
            ("203.0.113.9", 2, None),
            ("[2001:db8::1]:443", 1, Some("2001:db8::1")),
            ("203.0.113.9:8080", 1, Some("203.0.113.9")),
            ("unknown", 1, None),
            ("", 1, None),
        ];
        for (text, hops, expected) in cases {
            let headers = HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), text.parse().unwrap())]);
            let found = address(&headers, &Extensions::new(), hops);
            assert_eq!(found, expected.map(|text| text.parse().unwrap()), "{text} behind {hops}");
        }
    }
}
