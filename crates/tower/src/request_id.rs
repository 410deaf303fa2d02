//! Request ids: those of clients if they are harmless, otherwise new ones.

use http::{HeaderMap, HeaderName};

/// The longest id that is taken from a client.
const LONGEST: usize = 128;

/// Returns the id that a client has sent, if it can forge nothing: letters, digits and `-_.:/+=` only.
pub(crate) fn sent(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    ((1..=LONGEST).contains(&text.len()) && text.bytes().all(is_plain)).then(|| text.to_owned())
}

/// Makes an id of 128 random bits, as 32 hexadecimal digits.
pub(crate) fn new() -> String {
    let mut bytes = [0; 16];
    // Without the system's randomness ids may repeat: worse than none, but no reason to fail a request.
    getrandom::fill(&mut bytes).unwrap_or_default();
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// Returns the trace id of a `traceparent` header.
///
/// W3C Trace Context, section 3.2: `version-traceid-parentid-flags`, in lower-case hexadecimal; zeros are not valid.
pub(crate) fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, len: usize| {
        part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let is_valid = is_hex(version, 2) && version != "ff" && is_hex(parent, 16) && is_hex(flags, 2);
    (is_valid && is_hex(trace, 32) && trace.bytes().any(|byte| byte != b'0')).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_forge_a_line_is_replaced() {
        let name = HeaderName::from_static("x-request-id");
        let long = "a".repeat(LONGEST + 1);
        // (header, taken)
        let cases = [
            ("7f3a-11", true),
            ("01HV4M:3/a+b=", true),
            ("", false),
            ("two words", false),
            ("a\tb", false),
            ("{\"id\":1}", false),
            (long.as_str(), false),
        ];
        for (text, is_taken) in cases {
            let headers = HeaderMap::from_iter([(name.clone(), text.parse().unwrap())]);
            assert_eq!(sent(&headers, &name).is_some(), is_taken, "{text:?}");
        }
        assert_eq!(new().len(), 32);
        assert_ne!(new(), new());
    }

    #[test]
    fn only_a_valid_traceparent_gives_a_trace_id() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let cases = [
            (format!("00-{trace}-00f067aa0ba902b7-01"), true),
            (format!("01-{trace}-00f067aa0ba902b7-01-more"), true),
            (format!("ff-{trace}-00f067aa0ba902b7-01"), false),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), false),
            (format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()), false),
            (format!("00-{trace}-01"), false),
            (String::new(), false),
        ];
        for (text, is_valid) in cases {
            let headers = HeaderMap::from_iter([("traceparent".parse().unwrap(), text.parse().unwrap())]);
            assert_eq!(trace_id(&headers), is_valid.then_some(trace), "{text}");
        }
    }
}
