//! Take the variable parts out of a message: what is left is the same for all messages of one kind.
//!
//! One pass over the bytes, no table, no backtracking: each rule looks at a chunk once. The order of the rules is that of
//! Sentry's grouping (email, url, ip, uuid, date, duration, hex, float, int, `=quoted`, `=bool`).

/// How much of a text is looked at, in bytes: what makes two texts different stands at their beginning.
const LOOK_AT: usize = 2048;

/// Returns `text` with its variable parts replaced by their names, on one line.
///
/// What stands in quotes stays, as it is a name more often than a value (``missing field `name` ``); after `=` it goes.
pub(crate) fn template(text: &str) -> String {
    let text = watchfire_core::cut(text, LOOK_AT);
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() || first.is_control() {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c.is_control());
            if !out.is_empty() && !rest.is_empty() {
                out.push(' ');
            }
            continue;
        }
        let end = rest.find(ends_chunk).unwrap_or(rest.len());
        if end == 0 {
            out.push(first);
            rest = after(rest, first.len_utf8());
            continue;
        }
        let (chunk, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        rest = behind;
        match (chunk.strip_suffix('='), quoted(rest)) {
            (Some(key), Some(behind)) => {
                pieces(key, &mut out);
                out.push_str("=<quoted>");
                rest = behind;
            }
            _ => chunk_of(chunk, &mut out),
        }
    }
    out
}

/// Tells whether a digit run between `before` and `behind` stands alone: the one rule that the storm gate shares.
pub(crate) fn joins_digits(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// These stay, and nothing variable reaches across them.
fn ends_chunk(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, ',' | ';' | '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '|')
}

/// Returns what stands behind the quoted text that `text` begins with.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let inside = after(text, 1);
    // Without an end the text was cut inside the quotes.
    Some(inside.find(quote).map_or("", |end| after(inside, end + 1)))
}

fn after(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

fn chunk_of(chunk: &str, out: &mut String) {
    let body = chunk.trim_end_matches(['.', ':', '!', '?']);
    let tail = after(chunk, body.len());
    match body.split_once('=').filter(|(key, _)| is_key(key)) {
        Some((key, value)) => {
            pieces(key, out);
            out.push('=');
            match value {
                "true" | "false" => out.push_str("<bool>"),
                _ => whole_or_pieces(value, out),
            }
        }
        None => whole_or_pieces(body, out),
    }
    out.push_str(tail);
}

fn is_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn whole_or_pieces(text: &str, out: &mut String) {
    match whole(text) {
        Some(name) => out.push_str(name),
        None => pieces(text, out),
    }
}

type Rule = (fn(&str) -> bool, &'static str);

/// Names what a whole chunk is.
fn whole(text: &str) -> Option<&'static str> {
    let rules: [Rule; 6] = [
        (is_email, "<email>"),
        (is_url, "<url>"),
        (is_ip, "<ip>"),
        (is_uuid, "<uuid>"),
        (is_date, "<date>"),
        (is_path, "<path>"),
    ];
    rules.iter().find(|(is, _)| is(text)).map(|(_, name)| *name).or_else(|| piece(text))
}

/// Splits at what is neither letter nor digit, and names each piece that is variable.
fn pieces(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() {
            out.push(c);
            rest = after(rest, 1);
            continue;
        }
        if rest.get(..36).is_some_and(is_uuid) {
            out.push_str("<uuid>");
            rest = after(rest, 36);
            continue;
        }
        let mut end = rest.find(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        // `1.5s` is one number, `a.b` are two names.
        if c.is_ascii_digit()
            && after(rest, end).starts_with('.')
            && after(rest, end + 1).starts_with(|c: char| c.is_ascii_digit())
        {
            let more = after(rest, end + 1);
            end += 1 + more.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(more.len());
        }
        let (part, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        out.push_str(piece(part).unwrap_or(part));
        rest = behind;
    }
}

/// Names what a run of letters and digits is.
fn piece(text: &str) -> Option<&'static str> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let number = text.trim_start_matches(['-', '+']);
    if number.starts_with(|c: char| c.is_ascii_digit()) {
        let unit = number.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '_'));
        if unit.is_empty() || unit == "%" {
            return Some("<n>");
        }
        if is_duration(number) {
            return Some("<duration>");
        }
        if is_size(unit) {
            return Some("<size>");
        }
    }
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    if hex.is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Some("<hex>");
    }
    if text.len() >= 7 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Some("<hex>");
    }
    // A key, a token, an object id: no word has so many digits between its letters.
    if text.len() >= 12 && digits >= 3 && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Some("<id>");
    }
    None
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && local
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".!#$%&*+-/=?^_~".contains(&b) || b >= 0x80)
            && domain.contains('.')
            && !domain.starts_with('.')
            && domain.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-') || b >= 0x80)
    })
}

fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
    })
}

fn is_ip(text: &str) -> bool {
    let address = text.split(['/', '%']).next().unwrap_or(text);
    address.parse::<std::net::IpAddr>().is_ok() || address.parse::<std::net::SocketAddrV4>().is_ok()
}

fn is_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// `2026-11-20`, with a time behind it or not; `22:28`, `22:28:55.123`.
fn is_date(text: &str) -> bool {
    let mask: String = text.chars().take(40).map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let is_time = |mask: &str| {
        mask.starts_with("99:99")
            && mask.bytes().all(|b| matches!(b, b'9' | b':' | b'.' | b'+' | b'-' | b'Z' | b'z'))
    };
    match mask.strip_prefix("9999-99-99").or_else(|| mask.strip_prefix("9999/99/99")) {
        Some("") => true,
        Some(time) => time.strip_prefix(['T', 't', '_']).is_some_and(is_time),
        None => is_time(&mask),
    }
}

/// `/var/lib/x`, `./x`, `../x`, `~/x`, `C:\x`, `\\host\share`.
fn is_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    let drive = matches!(bytes, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    drive
        || ["/", "./", "../", "~/", "\\\\"].iter().any(|start| {
            text.strip_prefix(start).is_some_and(|rest| {
                rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))
            })
        })
}

/// `12ms`, `1.5s`, `1h30m`, as `Duration` and people write them.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let behind = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        if behind.len() == rest.len() {
            return false;
        }
        let unit = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, more) = behind.split_at_checked(unit).unwrap_or((behind, ""));
        if !matches!(
            unit,
            "ns" | "us" | "µs" | "μs" | "ms" | "s" | "sec" | "secs" | "m" | "min" | "mins" | "h" | "d"
        ) {
            return false;
        }
        rest = more;
    }
    true
}

fn is_size(unit: &str) -> bool {
    let unit = unit.strip_suffix(['b', 'B']).unwrap_or(unit);
    let unit = unit.strip_suffix('i').unwrap_or(unit);
    matches!(unit, "" | "k" | "K" | "M" | "G" | "T")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_the_variable_parts_out_and_leaves_the_rest() {
        let cases = [
            ("order 4711 failed", "order <n> failed"),
            ("order 17 failed\n  at step -3 (of 12)", "order <n> failed at step <n> (of <n>)"),
            ("took 12ms, 1.5s, 1h30m and 3.2 %", "took <duration>, <duration>, <duration> and <n> %"),
            ("read 12kB of 3GiB", "read <size> of <size>"),
            ("connect to 10.0.3.7:5432 refused", "connect to <ip> refused"),
            ("connect to [2001:db8::7]:443 refused", "connect to [<ip>]:<n> refused"),
            ("no user ada@example.com.", "no user <email>."),
            ("GET https://example.com/a?b=1: 500", "GET <url>: <n>"),
            ("open /var/lib/shop/7.db: denied", "open <path>: denied"),
            ("open C:\\data\\x.txt: denied", "open <path>: denied"),
            ("job 550e8400-e29b-41d4-a716-446655440000 died", "job <uuid> died"),
            ("req-550e8400-e29b-41d4-a716-446655440000 died", "req-<uuid> died"),
            ("at 2026-11-20T22:28:55.123Z", "at <date>"),
            ("at 2026-11-20 22:28:55", "at <date> <date>"),
            ("commit 3f786850e387550fdab836ed7e6dc881de23001b, short 3f78685", "commit <hex>, short <hex>"),
            ("pointer 0xdeadbeef", "pointer <hex>"),
            ("customer cus_N4frFe9fNV2Hib5", "customer cus_<id>"),
            ("worker_12 and worker-13 and node7", "worker_<n> and worker-<n> and node7"),
            ("error E1001 is not error E2002", "error E1001 is not error E2002"),
            ("missing field `name`", "missing field `name`"),
            ("user=\"Ada L.\" retry=true n=3", "user=<quoted> retry=<bool> n=<n>"),
            ("path=/a/b key='never ends", "path=<path> key=<quoted>"),
            ("Os { code: 2, kind: NotFound }", "Os { code: <n>, kind: NotFound }"),
            ("well-known.name and a/b and 1.5.2", "well-known.name and a/b and <n>"),
            ("größe 12 überschritten 😀", "größe <n> überschritten 😀"),
            ("", ""),
            ("   ", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(template(text), expected, "{text:?}");
        }
    }

    #[test]
    fn looks_at_the_beginning_only() {
        let long = "word ".repeat(10_000);
        assert!(template(&long).len() <= LOOK_AT);
        let (a, b) = (format!("{long}a"), format!("{long}b"));
        assert_eq!(template(&a), template(&b));
    }

    proptest! {
        #[test]
        fn takes_any_text(text in "\\PC*") {
            template(&text);
        }

        #[test]
        fn a_number_never_makes_a_kind(words in "[a-z ]{0,20}", a: u32, b: u32) {
            prop_assert_eq!(template(&format!("{words} {a} {words}")), template(&format!("{words} {b} {words}")));
        }
    }
}
