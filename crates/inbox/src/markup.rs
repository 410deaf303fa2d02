//! HTML that is safe by construction: text enters escaped, tags are literals of this program.

use std::fmt;

/// A piece of HTML in which every foreign text is escaped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Markup(String);

impl Markup {
    /// Gives the HTML.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Appends a literal of this program.
    pub(crate) fn raw(&mut self, literal: &'static str) -> &mut Self {
        self.0.push_str(literal);
        self
    }

    /// Appends foreign text, escaped for element content and for quoted attributes.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\t' | '\n' | '\r' => self.0.push(c),
                // Control characters are errors in HTML and in XML.
                c if c.is_control() => self.0.push('\u{fffd}'),
                _ => self.0.push(c),
            }
        }
        self
    }

    /// Appends `<tag>text</tag>`.
    pub(crate) fn element(&mut self, tag: &'static str, text: &str) -> &mut Self {
        self.open(tag).text(text).close(tag)
    }

    pub(crate) fn open(&mut self, tag: &'static str) -> &mut Self {
        self.0.push('<');
        self.0.push_str(tag);
        self.0.push('>');
        self
    }

    pub(crate) fn close(&mut self, tag: &'static str) -> &mut Self {
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
        self
    }

    pub(crate) fn push(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// Appends a link whose target is followed only when it is a web or mail address.
    pub(crate) fn link(&mut self, target: &str, text: &str) -> &mut Self {
        if self.open_link(target) { self.text(text).close("a") } else { self.text(text) }
    }

    /// Opens a link if its target is a web or mail address; tells whether it did.
    pub(crate) fn open_link(&mut self, target: &str) -> bool {
        let harmless = ["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme));
        if harmless {
            self.raw("<a rel=\"noreferrer noopener\" href=\"").text(target).raw("\">");
        }
        harmless
    }
}

impl fmt::Debug for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
