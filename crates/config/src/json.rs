//! Read JSON into settings, with the place of each.

#[cfg(feature = "json")]
use crate::diagnostics::{Finding, Findings};
use crate::{
    excerpt::Scalar,
    setting::{Options, Setting},
    source_map::{Path, SourceMap},
};

/// How deep lists and objects may stand in each other.
const DEEPEST: usize = 64;

/// Reads a text (RFC 8259); the first thing that cannot be read ends it.
#[cfg(feature = "json")]
pub(crate) fn read(text: &str, findings: &mut Findings) -> (Options, SourceMap) {
    let mut reader = Reader { text, at: 0, source_map: SourceMap::default() };
    let root = Path::default();
    let read = reader.document(&root);
    let options = match read {
        Ok(Setting::Table(options)) => options,
        Ok(other) => {
            let reason = format!("expected an object, and not {}", other.kind());
            findings.add(Finding::new("", reason).at(Some(0..text.len().min(1))));
            Options::new()
        }
        Err(reason) => {
            let end = text.get(reader.at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            let finding = Finding::syntax(format!("is not valid JSON: {reason}"));
            findings.add(finding.at(Some(reader.at..reader.at + end)));
            Options::new()
        }
    };
    reader.source_map.note(root, None, 0..0, None);
    (options, reader.source_map)
}

/// Reads a value that stands alone.
pub(crate) fn value(text: &str) -> Result<Setting, String> {
    Reader { text, at: 0, source_map: SourceMap::default() }.document(&Path::default())
}

fn scalar(value: &Setting) -> Option<Scalar> {
    Some(match value {
        Setting::Text(text) => Scalar::Text(text.chars().count()),
        Setting::Integer(number) => Scalar::Number(number.to_string().len()),
        Setting::Float(number) => Scalar::Number(number.to_string().len()),
        Setting::Bool(_) => Scalar::Bool,
        Setting::List(_) | Setting::Table(_) | Setting::Unresolved => return None,
    })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    source_map: SourceMap,
}

impl Reader<'_> {
    fn document(&mut self, path: &Path) -> Result<Setting, String> {
        let value = self.value(path, 0)?;
        self.blanks();
        if self.at < self.text.len() {
            return Err("expected nothing after the value".to_owned());
        }
        Ok(value)
    }

    fn value(&mut self, path: &Path, depth: usize) -> Result<Setting, String> {
        if depth > DEEPEST {
            return Err(format!("more than {DEEPEST} values stand in each other"));
        }
        self.blanks();
        match self.peek() {
            Some(b'{') => self.object(path, depth),
            Some(b'[') => self.array(path, depth),
            Some(b'"') => self.string().map(Setting::Text),
            Some(b't') => self.word("true", Setting::Bool(true)),
            Some(b'f') => self.word("false", Setting::Bool(false)),
            Some(b'n') => Err("`null` says nothing here; leave the key out".to_owned()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err("expected a value".to_owned()),
            None => Err("the text ends too early".to_owned()),
        }
    }

    fn object(&mut self, path: &Path, depth: usize) -> Result<Setting, String> {
        self.at += 1;
        let mut options = Options::new();
        loop {
            self.blanks();
            if options.is_empty() && self.takes(b'}') {
                break;
            }
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err("expected a key in double quotes".to_owned());
            }
            let key = self.string()?;
            let (key_span, path) = (start..self.at, path.child(&key));
            if options.get(&key).is_some() {
                self.at = start;
                return Err("a key is listed twice".to_owned());
            }
            self.blanks();
            self.expect(b':', "`:` after the key")?;
            self.blanks();
            let start = self.at;
            let value = self.value(&path, depth + 1)?;
            self.source_map.note(path, Some(key_span), start..self.at, scalar(&value));
            options.set(key, value);
            self.blanks();
            if self.takes(b'}') {
                break;
            }
            self.expect(b',', "`,` or `}`")?;
        }
        Ok(Setting::Table(options))
    }

    fn array(&mut self, path: &Path, depth: usize) -> Result<Setting, String> {
        self.at += 1;
        let mut list = Vec::new();
        loop {
            self.blanks();
            if list.is_empty() && self.takes(b']') {
                break;
            }
            let (start, path) = (self.at, path.child(list.len()));
            let value = self.value(&path, depth + 1)?;
            self.source_map.note(path, None, start..self.at, scalar(&value));
            list.push(value);
            self.blanks();
            if self.takes(b']') {
                break;
            }
            self.expect(b',', "`,` or `]`")?;
        }
        Ok(Setting::List(list))
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let c = self.next_char().ok_or("a text has no end")?;
            match c {
                '"' => return Ok(text),
                '\\' => match self.next_char().ok_or("a text has no end")? {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    'b' => text.push('\u{8}'),
                    'f' => text.push('\u{c}'),
                    c @ ('"' | '\\' | '/') => text.push(c),
                    'u' => text.push(self.escaped()?),
                    _ => return Err("expected an escape such as `\\n` or `\\u00e9`".to_owned()),
                },
                c if c.is_control() && (c as u32) < 0x20 => {
                    return Err("a control character stands in a text".to_owned());
                }
                c => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, String> {
        let wrong = || "expected four hexadecimal digits after `\\u`".to_owned();
        let first = self.hex().ok_or_else(wrong)?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        // A surrogate: the second half has to follow.
        let rest = self.text.get(self.at..).unwrap_or_default();
        let second = if rest.starts_with("\\u") {
            self.at += 2;
            self.hex()
        } else {
            None
        };
        let pair = second.filter(|second| (0xdc00..0xe000).contains(second) && first < 0xdc00);
        pair.and_then(|second| char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)))
            .ok_or_else(|| "half of a surrogate pair is missing".to_owned())
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        let number = u32::from_str_radix(digits, 16).ok()?;
        self.at += 4;
        Some(number)
    }

    fn number(&mut self) -> Result<Setting, String> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end =
            rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let digits = rest.get(..end).unwrap_or_default();
        let number = if digits.contains(['.', 'e', 'E']) {
            digits.parse().ok().filter(|number: &f64| number.is_finite()).map(Setting::Float)
        } else {
            digits.parse().ok().map(Setting::Integer)
        };
        let number = number.ok_or_else(|| "expected a number".to_owned())?;
        self.at += end;
        Ok(number)
    }

    fn word(&mut self, word: &str, value: Setting) -> Result<Setting, String> {
        if !self.text.get(self.at..).unwrap_or_default().starts_with(word) {
            return Err("expected a value".to_owned());
        }
        self.at += word.len();
        Ok(value)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next_char(&mut self) -> Option<char> {
        let c = self.text.get(self.at..)?.chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn takes(&mut self, byte: u8) -> bool {
        let takes = self.peek() == Some(byte);
        self.at += usize::from(takes);
        takes
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), String> {
        if self.takes(byte) { Ok(()) } else { Err(format!("expected {what}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads_and_refuses_what_it_refuses() {
        for text in [
            r#"{"a": [1, -2, 3.5, true, false, "x\n\u00e9\ud83d\ude00"], "b": {}}"#,
            "[]",
            "\"text\"",
            "{\"a\":1,}",
            "[1,]",
            "{\"a\" 1}",
            "\"\\ud800\"",
            "tru",
            "1 2",
            "",
            "[\"a\nb\"]",
        ] {
            let ours = value(text);
            let theirs: Result<serde_json::Value, _> = serde_json::from_str(text);
            assert_eq!(ours.is_ok(), theirs.is_ok(), "{text}: {ours:?}");
        }
        let Ok(Setting::Table(read)) = value(r#"{"a": ["\ud83d\ude00", 2]}"#) else { panic!("it is JSON") };
        assert_eq!(read.to_string(), "a = [\"😀\", 2]\n");
        assert!(value(&"[".repeat(100_000)).is_err());
    }
}
