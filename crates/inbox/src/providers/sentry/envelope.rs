//! The envelope format: <https://develop.sentry.dev/sdk/foundations/data-model/envelopes/>.

use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SentryEnvelope {
    pub(crate) headers: Map<String, Value>,
    pub(crate) items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) headers: Map<String, Value>,
    pub(crate) payload: Vec<u8>,
}

impl Item {
    pub(crate) fn kind(&self) -> &str {
        self.headers.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.payload).ok()
    }
}

impl SentryEnvelope {
    /// Parses a whole envelope; an error is one of Relay's causes.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let (first, mut rest) = line(bytes);
        let headers = object(first).ok_or("invalid envelope header")?;
        let mut items = Vec::new();
        while rest.iter().any(|b| *b != b'\n') {
            let (item, after) = item(rest)?;
            items.push(item);
            rest = after;
        }
        Ok(Self { headers, items })
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

fn item(bytes: &[u8]) -> Result<(Item, &[u8]), String> {
    let (first, rest) = line(bytes);
    let headers = object(first).ok_or("invalid item header")?;
    if headers.get("type").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err("invalid item header".to_owned());
    }
    let (payload, rest) = match headers.get("length") {
        None | Some(Value::Null) => line(rest),
        Some(length) => {
            let length =
                length.as_u64().and_then(|l| usize::try_from(l).ok()).ok_or("invalid item header")?;
            let (payload, rest) = rest.split_at_checked(length).ok_or("unexpected end of file")?;
            let rest = match rest.split_first() {
                None => rest,
                Some((b'\n', rest)) => rest,
                Some(_) => return Err("missing newline after header or payload".to_owned()),
            };
            (payload, rest)
        }
    };
    Ok((Item { headers, payload: payload.to_vec() }, rest))
}

/// Up to a newline or the end.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
    (line, rest.get(1..).unwrap_or_default())
}

fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::SentryEnvelope;

    #[test]
    fn parses_what_the_format_allows() {
        type Case<'a> = (&'a [u8], &'a [(&'a str, usize)]);
        let cases: [Case<'_>; 6] = [
            (b"{}", &[]),
            (b"{}\n{\"type\":\"event\",\"length\":2}\n{}", &[("event", 2)]),
            (b"{}\n{\"type\":\"event\",\"length\":2}\n{}\n", &[("event", 2)]),
            (b"{}\n{\"type\":\"attachment\"}\nimplicit\n", &[("attachment", 8)]),
            (
                b"{}\n{\"type\":\"attachment\",\"length\":3}\na\nb\n{\"type\":\"session\"}\n{}",
                &[("attachment", 3), ("session", 2)],
            ),
            (
                b"{}\n{\"type\":\"attachment\",\"length\":0}\n\n{\"type\":\"attachment\",\"length\":0}\n\n",
                &[("attachment", 0), ("attachment", 0)],
            ),
        ];
        for (bytes, items) in cases {
            let envelope = SentryEnvelope::parse(bytes).unwrap();
            let found: Vec<_> = envelope.items.iter().map(|item| (item.kind(), item.payload.len())).collect();
            assert_eq!(found, items, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn refuses_what_the_format_forbids() {
        let cases: [(&[u8], &str); 6] = [
            (b"nonsense", "invalid envelope header"),
            (b"[]\n", "invalid envelope header"),
            (b"{}\n{\"length\":2}\n{}", "invalid item header"),
            (b"{}\n{\"type\":\"event\",\"length\":9}\n{}", "unexpected end of file"),
            (b"{}\n{\"type\":\"event\",\"length\":1}\n{}", "missing newline after header or payload"),
            (b"{}\nnonsense\n", "invalid item header"),
        ];
        for (bytes, cause) in cases {
            assert_eq!(
                SentryEnvelope::parse(bytes).unwrap_err(),
                cause,
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
}
