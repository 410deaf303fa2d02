//! How a Slack message reads: as safe HTML and as text.

use serde_json::Value;

use super::{items, string};
use crate::markup::Markup;

/// Renders text, blocks and attachments.
pub(crate) fn message(message: &Value) -> (Markup, String) {
    let mut out = Out::default();
    let blocks = items(message, "blocks");
    if blocks.is_empty() {
        out.paragraph(string(message, "text"));
    }
    out.blocks(blocks);
    for attachment in items(message, "attachments") {
        out.attachment(attachment);
    }
    (out.html, out.text.trim_end().to_owned())
}

/// Turns mrkdwn into what is read: entities decoded, links shown by their label.
pub(crate) fn mrkdwn_plain(text: &str) -> String {
    let mut plain = String::new();
    for piece in pieces(text) {
        match piece {
            MarkupPiece::Text(text) => plain.push_str(&decode(text)),
            MarkupPiece::Angle(inner) => plain.push_str(&label(inner)),
        }
    }
    plain
}

#[derive(Default)]
struct Out {
    html: Markup,
    text: String,
}

impl Out {
    fn blocks(&mut self, blocks: &[Value]) {
        for block in blocks {
            self.block(block);
        }
    }

    fn block(&mut self, block: &Value) {
        match string(block, "type") {
            "header" => {
                let text = decode(block.get("text").map(|t| string(t, "text")).unwrap_or_default());
                self.html.element("h3", &text);
                self.line(&text);
            }
            "section" => {
                if let Some(text) = block.get("text") {
                    self.object("p", text);
                }
                self.fields(items(block, "fields"));
            }
            "context" => {
                self.html.raw("<p class=\"context\">");
                for element in items(block, "elements") {
                    let text = match string(element, "type") {
                        "image" => string(element, "alt_text"),
                        _ => string(element, "text"),
                    };
                    self.inline(text, string(element, "type") == "mrkdwn");
                    self.html.text(" ");
                }
                self.html.raw("</p>");
                self.text.push('\n');
            }
            "divider" => {
                self.html.raw("<hr>");
            }
            "markdown" => {
                self.html.element("pre", string(block, "text"));
                self.line(string(block, "text"));
            }
            "rich_text" => {
                for element in items(block, "elements") {
                    self.rich(element);
                }
            }
            "actions" => {
                self.html.raw("<p>");
                for element in items(block, "elements") {
                    let text = decode(element.get("text").map(|t| string(t, "text")).unwrap_or_default());
                    self.html.raw("<span class=\"button\">").text(&text).raw("</span> ");
                    self.line(&text);
                }
                self.html.raw("</p>");
            }
            "image" => self.paragraph(string(block, "alt_text")),
            other => {
                self.html.raw("<p class=\"context\">").text(&format!("[block {other:?}]")).raw("</p>");
            }
        }
    }

    fn fields(&mut self, fields: &[Value]) {
        if fields.is_empty() {
            return;
        }
        self.html.raw("<div class=\"fields\">");
        for field in fields {
            self.object("div", field);
        }
        self.html.raw("</div>");
    }

    fn rich(&mut self, element: &Value) {
        let tag = match string(element, "type") {
            "rich_text_preformatted" => "pre",
            "rich_text_quote" => "blockquote",
            "rich_text_list" => {
                self.html.raw("<ul>");
                for item in items(element, "elements") {
                    self.html.raw("<li>");
                    self.rich(item);
                    self.html.raw("</li>");
                }
                self.html.raw("</ul>");
                return;
            }
            _ => "p",
        };
        self.html.open(tag);
        for part in items(element, "elements") {
            let text = match string(part, "type") {
                "text" => string(part, "text").to_owned(),
                "link" if string(part, "text").is_empty() => string(part, "url").to_owned(),
                "link" => string(part, "text").to_owned(),
                "emoji" => format!(":{}:", string(part, "name")),
                "broadcast" => format!("@{}", string(part, "range")),
                other => format!("[{other}]"),
            };
            self.text.push_str(&text);
            self.html.text(&text);
        }
        self.html.close(tag);
        self.text.push('\n');
    }

    fn attachment(&mut self, attachment: &Value) {
        let colour = string(attachment, "color");
        self.html.raw("<div class=\"attachment\" data-color=\"").text(colour).raw("\"");
        if let Some(digits) = hex_colour(colour) {
            self.html.raw(" style=\"border-color: #").text(digits).raw("\"");
        }
        self.html.raw(">");
        for key in ["pretext", "title", "text"] {
            let text = string(attachment, key);
            if !text.is_empty() {
                self.paragraph(text);
            }
        }
        for field in items(attachment, "fields") {
            self.paragraph(&format!("*{}*: {}", string(field, "title"), string(field, "value")));
        }
        self.blocks(items(attachment, "blocks"));
        if !string(attachment, "footer").is_empty() {
            self.paragraph(string(attachment, "footer"));
        }
        self.html.raw("</div>");
    }

    fn object(&mut self, tag: &'static str, object: &Value) {
        self.html.open(tag);
        self.inline(string(object, "text"), string(object, "type") == "mrkdwn");
        self.html.close(tag);
        self.text.push('\n');
    }

    fn paragraph(&mut self, mrkdwn: &str) {
        self.html.raw("<p>");
        self.inline(mrkdwn, true);
        self.html.raw("</p>");
        self.text.push('\n');
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn inline(&mut self, text: &str, mrkdwn: bool) {
        if !mrkdwn {
            // Slack decodes the three entities here, too: it keeps `&` of a plain text as `&amp;` (slackapi/bolt-python#513).
            let text = decode(text);
            self.text.push_str(&text);
            self.html.text(&text);
            return;
        }
        self.text.push_str(&mrkdwn_plain(text));
        for (index, part) in text.split("```").enumerate() {
            if index % 2 == 1 {
                self.html.element("pre", mrkdwn_plain(part).trim_matches('\n'));
            } else {
                self.styled(part);
            }
        }
    }

    /// Bold, italic, strike and code, where the mark stands at the edge of a word and is closed on its line.
    fn styled(&mut self, text: &str) {
        for piece in pieces(text) {
            match piece {
                MarkupPiece::Angle(inner) => {
                    let target = inner.split('|').next().unwrap_or_default();
                    self.html.link(&decode(target), &label(inner));
                }
                MarkupPiece::Text(text) => self.marks(&decode(text)),
            }
        }
    }

    fn marks(&mut self, text: &str) {
        let mut rest = text;
        while let Some((before, tag, inner, after)) = next_mark(rest) {
            self.html.text(before).element(tag, inner);
            rest = after;
        }
        self.html.text(rest);
    }
}

/// The digits of `#7B0D0D`, also without its `#`, or of a short `#f00`; only such may stand in a style.
fn hex_colour(colour: &str) -> Option<&str> {
    let digits = colour.strip_prefix('#').unwrap_or(colour);
    let is_hex = matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then_some(digits)
}

fn next_mark(text: &str) -> Option<(&str, &'static str, &str, &str)> {
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find(['*', '_', '~', '`']) {
        let start = from + found;
        let (before, marked) = text.split_at_checked(start)?;
        let mark = marked.chars().next()?;
        let inner = marked.get(1..)?;
        let edge = before.chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        let end = inner
            .find([mark, '\n'])
            .filter(|end| *end > 0 && inner.get(*end..).is_some_and(|r| r.starts_with(mark)));
        if let (true, Some(end)) = (edge, end) {
            let (inner, after) = inner.split_at_checked(end)?;
            if !inner.starts_with(' ') && !inner.ends_with(' ') {
                let tag = match mark {
                    '*' => "strong",
                    '_' => "em",
                    '~' => "s",
                    _ => "code",
                };
                return Some((before, tag, inner, after.get(1..)?));
            }
        }
        from = start + 1;
    }
    None
}

enum MarkupPiece<'a> {
    Text(&'a str),
    /// The text between `<` and `>`.
    Angle(&'a str),
}

fn pieces(text: &str) -> impl Iterator<Item = MarkupPiece<'_>> {
    text.split('<').enumerate().flat_map(|(index, part)| {
        let angle = if index == 0 { None } else { part.split_once('>') };
        match angle {
            Some((inner, after)) => [Some(MarkupPiece::Angle(inner)), Some(MarkupPiece::Text(after))],
            None => [None, Some(MarkupPiece::Text(part))],
        }
        .into_iter()
        .flatten()
    })
}

fn label(inner: &str) -> String {
    match (inner.split_once('|'), inner.strip_prefix('!')) {
        (Some((_, label)), _) => decode(label),
        (None, Some(command)) => format!("@{command}"),
        (None, None) => decode(inner),
    }
}

fn decode(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
