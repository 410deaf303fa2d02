//! Render an occasion as Telegram messages: HTML first, then ever plainer.
//!
//! Whom a message is for is not in its body: a chat may move while a notification waits.

use serde_json::{Map, Value, json};
use watchfire_outbox::{Form, MessageContent, Notification, Occasion, OccasionKind, Section, clip};

use crate::config::{Sound, TelegramSettings};
use html::Html;

#[cfg(test)]
mod tests;

/// A message may have 4,096 characters after its entities were parsed (<https://core.telegram.org/bots/api#sendmessage>).
/// The server counts code points; UTF-16 units, in which it counts offsets, are never fewer. A mark of a possible
/// duplicate still fits.
const MESSAGE: usize = 4_050;
/// The part of the first message that an answer repeats.
const BRIEF: usize = 300;
/// The least that is worth a section of its own.
const LEAST: usize = 80;
/// A section of more lines is folded.
const FOLD: usize = 8;

pub(crate) fn notifications(settings: &TelegramSettings, occasion: &Occasion<'_>) -> Vec<Notification> {
    let page = MessageContent::of(occasion);
    settings.chats.iter().map(|chat| notification(settings, occasion, &page, &chat.to_string())).collect()
}

fn notification(
    settings: &TelegramSettings,
    occasion: &Occasion<'_>,
    page: &MessageContent,
    recipient: &str,
) -> Notification {
    let kind = occasion.kind();
    let first = match kind {
        OccasionKind::Digest | OccasionKind::Quiet | OccasionKind::Edit => {
            occasion.first_receipt_for(recipient)
        }
        _ => None,
    };
    let first = first.and_then(|receipt| receipt.reference().parse::<i64>().ok());
    let silent = settings.sound == Sound::Silent || kind == OccasionKind::Quiet;
    let edits = matches!(kind, OccasionKind::Edit | OccasionKind::Quiet) && first.is_some();

    let body = |form: Form, text: String| {
        let mut payload = Map::new();
        let mut put = |name: &str, value: Value| payload.insert(name.to_owned(), value);
        put("text", text.into());
        // A link in a log line must not be fetched and shown.
        put("link_preview_options", json!({ "is_disabled": true }));
        if form == Form::Rich {
            put("parse_mode", "HTML".into());
        }
        match first {
            Some(first) if edits && form == Form::Rich => {
                put("message_id", first.into());
            }
            Some(first) => {
                put("reply_parameters", json!({ "message_id": first, "allow_sending_without_reply": true }));
            }
            None => {}
        }
        // The server takes no more than 100 in one message.
        if form == Form::Rich && !page.links.is_empty() {
            let buttons = page
                .links
                .iter()
                .take(6)
                .map(|link| json!([{ "text": clip(&link.label, 60, |_| 1), "url": link.url }]));
            put("reply_markup", json!({ "inline_keyboard": buttons.collect::<Vec<_>>() }));
        }
        if silent && !(edits && form == Form::Rich) {
            put("disable_notification", true.into());
        }
        Value::Object(payload).to_string().into_bytes()
    };

    // An answer to the first message need not repeat it.
    let rich = rich(page, first.is_some() && !edits);
    occasion
        .notification(recipient)
        .rich(body(Form::Rich, rich.into_markup()))
        .plain(body(Form::Plain, unlinked(&page.plain_text(), '\u{2060}', MESSAGE)))
        .short(body(Form::Short, unlinked(&page.short_text(), '\u{2060}', MESSAGE)))
        .ascii(body(Form::Ascii, unlinked(&page.ascii_line(BRIEF), ' ', MESSAGE)))
}

fn rich(page: &MessageContent, brief: bool) -> Html {
    let mut out = Html::default();
    // The first line is what a push notification shows.
    let first = if brief { BRIEF } else { 350 };
    out.bold(&unlinked(&page.subject(), '\u{2060}', first), first);
    if !brief {
        out.text("\n", 1);
        out.text(&page.context(), 150);
    }
    if let Some(summary) = &page.summary {
        out.text("\n", 1);
        out.text(summary, 300);
    }
    if !brief {
        out.text("\n", 1);
        for fact in &page.facts {
            out.text(&format!("\n{}: ", fact.label), 40);
            out.code(&fact.value, 200);
        }
    }
    let mut foot = Html::default();
    for note in page.notes.iter().filter(|note| !note.is_empty()).take(3) {
        foot.text("\n", 1);
        foot.text(&unlinked(note, '\u{2060}', 200), 200);
    }
    if !brief {
        for fact in &page.small_print {
            foot.text(&format!("\n{}: ", fact.label), 40);
            foot.code(&fact.value, 200);
        }
    }
    foot.text("\ngroup ", 7);
    foot.code(&page.group.to_string(), 40);
    if !brief {
        let count = page.sections.len();
        for (i, section) in page.sections.iter().enumerate() {
            // A section that needs less leaves its space to those after it.
            let share = MESSAGE.saturating_sub(out.units() + foot.units()) / (count - i);
            if share >= LEAST {
                part(&mut out, section, share);
            }
        }
    }
    out.text("\n", 1);
    out.join(foot)
}

fn part(out: &mut Html, section: &Section, share: usize) {
    let before = out.units();
    out.text("\n\n", 2);
    out.bold(&section.title, 40);
    out.text("\n", 1);
    let lines = section.lines.join("\n");
    let left = share.saturating_sub(out.units() - before);
    out.block(&lines, left, lines.lines().count() > FOLD);
}

/// Cuts text that is sent without markup, and parts what Telegram would take for a mention, a command or a hashtag.
fn unlinked(text: &str, part: char, max: usize) -> String {
    let mut parted = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        if matches!(before, '@' | '/' | '#') && c.is_alphanumeric() {
            let mark = before;
            let starts_word = parted.chars().rev().nth(1).is_none_or(|c| !c.is_alphanumeric());
            if starts_word && parted.ends_with(mark) {
                parted.push(part);
            }
        }
        parted.push(c);
        before = c;
    }
    clip(&parted, max, char::len_utf16)
}

/// Keeps text that may hold anything apart from markup: outside of here nothing makes [`Html`] but by escaping.
mod html {
    use watchfire_outbox::clip;

    /// HTML as Telegram reads it, with the length of what it shows.
    ///
    /// Only made of whole pieces: text is cut before it is escaped, and every tag that opens closes. `pre` and `code` hold
    /// text only, and stand in nothing but a quotation: the server takes no other nesting.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub(super) struct Html {
        markup: String,
        /// UTF-16 units of the visible text.
        units: usize,
    }

    impl Html {
        pub(super) fn text(&mut self, text: &str, max: usize) {
            for c in clip(text, max, char::len_utf16).chars() {
                self.units += c.len_utf16();
                match c {
                    '&' => self.markup.push_str("&amp;"),
                    '<' => self.markup.push_str("&lt;"),
                    '>' => self.markup.push_str("&gt;"),
                    c => self.markup.push(c),
                }
            }
        }

        fn within(&mut self, open: &'static str, text: &str, max: usize, close: &'static str) {
            self.markup.push_str(open);
            self.text(text, max);
            self.markup.push_str(close);
        }

        pub(super) fn bold(&mut self, text: &str, max: usize) {
            self.within("<b>", text, max, "</b>");
        }

        pub(super) fn code(&mut self, text: &str, max: usize) {
            self.within("<code>", text.trim_end(), max, "</code>");
        }

        /// A block of code; folded, it shows its beginning until somebody taps on it.
        pub(super) fn block(&mut self, text: &str, max: usize, folded: bool) {
            let text = text.trim_end();
            match folded {
                true => self.within("<blockquote expandable><pre>", text, max, "</pre></blockquote>"),
                false => self.within("<pre>", text, max, "</pre>"),
            }
        }

        pub(super) fn join(mut self, other: Self) -> Self {
            self.markup.push_str(&other.markup);
            self.units += other.units;
            self
        }

        pub(super) fn units(&self) -> usize {
            self.units
        }

        pub(super) fn into_markup(self) -> String {
            self.markup
        }
    }
}
