//! Telegram's HTML mode, as strict as the server.
//!
//! The rules and the words of the refusals follow the parser of `tdlib/td` (`MessageEntity.cpp`): tag names and
//! entities as listed there, offsets in bytes of the source, names in lower case.

use crate::markup::Markup;

#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The readable text, without markup.
    pub(crate) text: String,
    pub(crate) markup: Markup,
    pub(crate) entities: usize,
    /// Markup that the server takes and drops.
    pub(crate) notes: Vec<String>,
}

/// Parses a message; an error is the text after `can't parse entities: `.
pub(crate) fn parse(source: &str) -> Result<Parsed, String> {
    let mut parser = Parser { source, at: 0, open: Vec::new(), out: Parsed::default() };
    while let Some(c) = parser.peek() {
        match c {
            '<' if parser.rest().starts_with("</") => parser.end_tag()?,
            '<' => parser.start_tag()?,
            '&' => parser.entity(),
            c => parser.text(c),
        }
    }
    match parser.open.last() {
        None => Ok(parser.out),
        Some(tag) => Err(format!("Can't find end tag corresponding to start tag \"{}\"", tag.name)),
    }
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    open: Vec<Tag>,
    out: Parsed,
}

struct Tag {
    name: String,
    /// The closing tag in our own HTML.
    close: &'static str,
    /// Length of the text before it.
    from: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn text(&mut self, c: char) {
        self.at += c.len_utf8();
        self.put(c);
    }

    fn put(&mut self, c: char) {
        self.out.text.push(c);
        self.out.markup.text(c.encode_utf8(&mut [0; 4]));
    }

    fn entity(&mut self) {
        match decode(self.rest()) {
            Some((c, length)) => {
                self.at += length;
                self.put(c);
            }
            None => self.text('&'),
        }
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> String {
        let taken: String = self.rest().chars().take_while(|c| fits(*c)).collect();
        self.at += taken.len();
        taken
    }

    fn start_tag(&mut self) -> Result<(), String> {
        let begin = self.at;
        self.at += 1;
        let name = self.take_while(|c| !is_space(c) && c != '>').to_ascii_lowercase();
        if self.peek().is_none_or(|c| c == '\0') {
            return Err(format!("Unclosed start tag at byte offset {begin}"));
        }
        if !TAGS.contains(&name.as_str()) {
            return Err(format!("Unsupported start tag \"{name}\" at byte offset {begin}"));
        }
        let attributes = self.attributes(&name, begin)?;
        let value = |key: &str| attributes.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
        if name == "span" && value("class") != Some("tg-spoiler") {
            return Err(format!("Tag \"span\" must have class \"tg-spoiler\" at byte offset {begin}"));
        }
        if name == "tg-emoji"
            && value("emoji-id").and_then(|id| id.parse::<i64>().ok()).is_none_or(|id| id == 0)
        {
            return Err("Invalid custom emoji identifier specified".to_owned());
        }
        self.nesting(&name);
        let close = self.render(&name, value("href"));
        self.open.push(Tag { name, close, from: self.out.text.len() });
        Ok(())
    }

    fn attributes(&mut self, tag: &str, begin: usize) -> Result<Vec<(String, String)>, String> {
        let mut attributes = Vec::new();
        loop {
            self.take_while(is_space);
            match self.peek() {
                None => return Err(format!("Unclosed start tag \"{tag}\" at byte offset {begin}")),
                Some('>') => {
                    self.at += 1;
                    return Ok(attributes);
                }
                Some(_) => {}
            }
            let name = self.take_while(|c| !is_space(c) && c != '=' && c != '>');
            if name.is_empty() {
                return Err(format!("Empty attribute name in the tag \"{tag}\" at byte offset {begin}"));
            }
            self.take_while(is_space);
            if self.peek() != Some('=') {
                // `<blockquote expandable>` has no value.
                attributes.push((name.to_ascii_lowercase(), String::new()));
                continue;
            }
            self.at += 1;
            self.take_while(is_space);
            let value = self.value(begin)?;
            attributes.push((name.to_ascii_lowercase(), value));
        }
    }

    fn value(&mut self, begin: usize) -> Result<String, String> {
        let start = self.at;
        let quote = match self.peek() {
            Some(quote @ ('"' | '\'')) => quote,
            _ => {
                let token = self.take_while(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
                return match self.peek() {
                    Some(c) if is_space(c) || c == '>' => Ok(token.to_ascii_lowercase()),
                    _ => Err(format!("Unexpected end of name token at byte offset {start}")),
                };
            }
        };
        self.at += 1;
        let mut value = String::new();
        loop {
            match self.peek() {
                None => return Err(format!("Unclosed start tag at byte offset {begin}")),
                Some(c) if c == quote => {
                    self.at += 1;
                    return Ok(value);
                }
                Some('&') if decode(self.rest()).is_some() => {
                    if let Some((c, length)) = decode(self.rest()) {
                        self.at += length;
                        value.push(c);
                    }
                }
                Some(c) => {
                    self.at += c.len_utf8();
                    value.push(c);
                }
            }
        }
    }

    fn end_tag(&mut self) -> Result<(), String> {
        let begin = self.at;
        let Some(tag) = self.open.pop() else {
            return Err(format!("Unexpected end tag at byte offset {begin}"));
        };
        self.at += 2;
        let name = self.take_while(|c| !is_space(c) && c != '>').to_ascii_lowercase();
        self.take_while(is_space);
        if self.peek() != Some('>') {
            return Err(format!("Unclosed end tag at byte offset {begin}"));
        }
        self.at += 1;
        if !name.is_empty() && name != tag.name {
            return Err(format!(
                "Unmatched end tag at byte offset {begin}, expected \"</{}>\", found \"</{name}>\"",
                tag.name
            ));
        }
        if self.out.text.len() > tag.from {
            self.out.entities += 1;
        }
        self.out.markup.raw(tag.close);
        Ok(())
    }

    /// Notes the markup that the server drops silently. By `MessageEntity.cpp`, `pre` and `code` hold no other markup and
    /// may be inside a block quote only; block quotes are not nested.
    fn nesting(&mut self, name: &str) {
        let outer: Vec<&str> = self.open.iter().map(|tag| tag.name.as_str()).collect();
        let mono = |name: &str| matches!(name, "pre" | "code");
        let pre_code = name == "code" && outer.last() == Some(&"pre");
        let note = if pre_code {
            None
        } else if outer.iter().any(|outer| mono(outer)) {
            Some(format!("<{name}> inside <pre> or <code> is dropped"))
        } else if name == "blockquote" && outer.contains(&"blockquote") {
            Some("a block quote inside a block quote is dropped".to_owned())
        } else if mono(name) && outer.iter().any(|outer| *outer != "blockquote") {
            Some(format!("<{name}> inside other markup loses one of the two"))
        } else {
            None
        };
        self.out.notes.extend(note);
    }

    fn render(&mut self, name: &str, href: Option<&str>) -> &'static str {
        let markup = &mut self.out.markup;
        let (open, close) = match name {
            "b" | "strong" => ("<strong>", "</strong>"),
            "i" | "em" => ("<em>", "</em>"),
            "u" | "ins" => ("<u>", "</u>"),
            "s" | "strike" | "del" => ("<s>", "</s>"),
            "code" => ("<code>", "</code>"),
            "pre" => ("<pre>", "</pre>"),
            "blockquote" => ("<blockquote>", "</blockquote>"),
            "span" | "tg-spoiler" => ("<span class=\"spoiler\">", "</span>"),
            "a" if href.is_some_and(|href| markup.open_link(href)) => ("", "</a>"),
            _ => ("", ""),
        };
        markup.raw(open);
        close
    }
}

const TAGS: [&str; 17] = [
    "a",
    "b",
    "strong",
    "i",
    "em",
    "s",
    "strike",
    "del",
    "u",
    "ins",
    "tg-spoiler",
    "tg-emoji",
    "tg-time",
    "span",
    "pre",
    "code",
    "blockquote",
];

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\0' | '\u{b}')
}

/// Decodes `&lt; &gt; &amp; &quot;` and numbers, with or without the semicolon; gives the length in bytes too.
fn decode(text: &str) -> Option<(char, usize)> {
    let body = text.strip_prefix('&')?;
    let (c, length) = if let Some(number) = body.strip_prefix('#') {
        let (digits, radix, prefix) = match number.strip_prefix('x') {
            Some(hex) => (hex, 16, 3),
            None => (number, 10, 2),
        };
        let digits: String = digits.chars().take_while(|c| c.is_digit(radix)).collect();
        let code = u32::from_str_radix(&digits, radix).ok().filter(|code| *code != 0)?;
        (char::from_u32(code)?, prefix + digits.len())
    } else {
        let name: String = body.chars().take_while(char::is_ascii_alphabetic).collect();
        let c = match name.as_str() {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            _ => return None,
        };
        (c, 1 + name.len())
    };
    let semicolon = text.get(length..).is_some_and(|rest| rest.starts_with(';'));
    Some((c, length + usize::from(semicolon)))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_what_the_server_reads() {
        let cases = [
            ("a &lt;b&gt; &amp; &quot;c&quot;", "a <b> & \"c\""),
            ("&nbsp; &#65;&#x42; &lt", "&nbsp; AB <"),
            ("<b>x</b><i>y</i>", "xy"),
            ("<blockquote expandable><pre>a\nb</pre></blockquote>", "a\nb"),
            ("<pre><code class=\"language-rust\">Vec&lt;T&gt;</code></pre>", "Vec<T>"),
            ("<a href=\"https://example.com/?a=1&amp;b=2\">link</a>", "link"),
            ("<B>x</>", "x"),
        ];
        for (source, text) in cases {
            assert_eq!(parse(source).unwrap().text, text, "{source}");
        }
    }

    #[test]
    fn refuses_in_the_words_of_the_server() {
        let cases = [
            ("failed: Vec<String>", "Unsupported start tag \"string\" at byte offset 11"),
            ("é <Foo>", "Unsupported start tag \"foo\" at byte offset 3"),
            ("<b>x", "Can't find end tag corresponding to start tag \"b\""),
            ("<b><i>x</b></i>", "Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\""),
            ("x</b>", "Unexpected end tag at byte offset 1"),
            ("a < b", "Unsupported start tag \"\" at byte offset 2"),
            ("a <", "Unclosed start tag at byte offset 2"),
            ("<b", "Unclosed start tag at byte offset 0"),
            ("<span class=\"x\">y</span>", "Tag \"span\" must have class \"tg-spoiler\" at byte offset 0"),
            ("<a href=x/y>z</a>", "Unexpected end of name token at byte offset 8"),
        ];
        for (source, error) in cases {
            assert_eq!(parse(source).unwrap_err(), error, "{source}");
        }
    }

    #[test]
    fn notes_markup_that_is_dropped() {
        for source in [
            "<b><code>x</code></b>",
            "<pre><b>x</b></pre>",
            "<blockquote>a<blockquote>b</blockquote></blockquote>",
        ] {
            assert_eq!(parse(source).unwrap().notes.len(), 1, "{source}");
        }
        assert!(
            parse("<blockquote><pre><code class=\"language-rust\">x</code></pre></blockquote>")
                .unwrap()
                .notes
                .is_empty()
        );
    }
}
