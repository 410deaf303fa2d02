//! Render an occasion as Slack messages: Block Kit first, then ever plainer.
//!
//! The title and who speaks stand in `blocks`; when and where, sections and the small print in one attachment,
//! because only attachments have a colour bar and fold when they are long. `text` is what notifications and screen readers say.

use serde_json::{Map, Value, json};
use watchfire_core::Severity;
use watchfire_outbox::{Fact, MessageContent, Notification, Occasion, OccasionKind, Section};

use crate::config::{Destination, Mention, SlackSettings};
use escaped::Escaped;

#[cfg(test)]
mod tests;

/// All text of one message, counted as sent. Slack refuses from about 12,000 characters over all blocks on
/// (`msg_blocks_too_long`, slackapi/bolt-js#2509), and has refused 11,341.
const MESSAGE: usize = 9_000;
/// A section's text may have 3,000 characters, a header 150 (<https://docs.slack.dev/reference/block-kit/blocks/>).
const SECTION: usize = 2_900;
const HEADER: usize = 150;
/// More than 4,000 characters of `text` are split into several messages.
const TEXT: usize = 3_900;
/// The limit of the fallback text: more than a phone shows.
const FALLBACK: usize = 300;
/// The title of an answer in a thread, which stands below the whole one.
const BRIEF: usize = 80;
/// The place and the time below it.
const PLACE: usize = 400;
/// The least that is worth a section of its own.
const LEAST: usize = 100;

pub(crate) fn notifications(settings: &SlackSettings, occasion: &Occasion<'_>) -> Vec<Notification> {
    let page = MessageContent::of(occasion);
    match &settings.destination {
        Destination::Webhook(_) => vec![notification(settings, occasion, &page, "webhook", None)],
        Destination::Bot(bot) => bot
            .channels
            .iter()
            .map(|channel| notification(settings, occasion, &page, channel, Some(channel)))
            .collect(),
    }
}

fn notification(
    settings: &SlackSettings,
    occasion: &Occasion<'_>,
    page: &MessageContent,
    recipient: &str,
    channel: Option<&str>,
) -> Notification {
    let kind = occasion.kind();
    let thread = match kind {
        OccasionKind::Digest | OccasionKind::Quiet | OccasionKind::Edit => {
            occasion.first_receipt_for(recipient).and_then(|receipt| receipt.reference().split_once('/'))
        }
        _ => None,
    };
    let mentions = match kind {
        OccasionKind::First | OccasionKind::Storm => settings.mentions.as_slice(),
        _ => &[],
    };
    let message = Message { settings, channel, mentions };

    // That it is quiet is no reason to ping anybody.
    let edits = matches!(kind, OccasionKind::Edit | OccasionKind::Quiet);
    // A message in the thread of the first alert need not repeat it.
    let brief = thread.is_some() && !edits;
    let mut rich = match thread {
        Some(first) if edits => message.update(first),
        _ => message.post(thread),
    };
    rich.extend(message.rich(page, brief));
    let plain = message.text(thread, page.plain_text(), TEXT);
    // The thread may be what was refused.
    let short = message.text(None, page.short_text(), TEXT);
    let ascii = message.text(None, page.ascii_line(FALLBACK), TEXT);
    occasion
        .notification(recipient)
        .rich(bytes(rich))
        .plain(bytes(plain))
        .short(bytes(short))
        .ascii(bytes(ascii))
}

/// The content that the renderings of one notification share.
struct Message<'a> {
    settings: &'a SlackSettings,
    channel: Option<&'a str>,
    mentions: &'a [Mention],
}

impl Message<'_> {
    /// The arguments of `chat.postMessage`, without the content.
    fn post(&self, thread: Option<(&str, &str)>) -> Map<String, Value> {
        let mut payload = Map::new();
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                payload.insert(name.to_owned(), value.into());
            }
        };
        put("channel", self.channel);
        put("thread_ts", thread.map(|(_, ts)| ts));
        put("username", self.settings.username.as_deref());
        put("icon_emoji", self.settings.icon_emoji.as_deref());
        // A link in a log line must not be fetched and shown.
        payload.insert("unfurl_links".to_owned(), false.into());
        payload.insert("unfurl_media".to_owned(), false.into());
        payload
    }

    /// The arguments of `chat.update`, without the content. It takes the channel's id only, as the receipt has it.
    fn update(&self, (channel, ts): (&str, &str)) -> Map<String, Value> {
        [("channel".to_owned(), channel.into()), ("ts".to_owned(), ts.into())].into_iter().collect()
    }

    fn rich(&self, page: &MessageContent, brief: bool) -> Map<String, Value> {
        let mut left = Budget(MESSAGE);
        // A client that shows no blocks, a screen reader or a search has only this.
        let text = Escaped::text(&line(page), FALLBACK).then("\n").join(Escaped::text(&facts(page), PLACE));
        let text = left.spend(self.mentioning(text));
        let head = self.head(page, brief, &mut left);
        let body = if brief { foot(page, &[], &mut left) } else { body(page, &mut left) };
        let attachment =
            json!({ "color": page.color.as_deref().unwrap_or(colour(page.severity)), "blocks": body });
        let mut content = Map::new();
        content.insert("text".to_owned(), text.into());
        content.insert("blocks".to_owned(), head.into());
        content.insert("attachments".to_owned(), json!([attachment]));
        content
    }

    fn head(&self, page: &MessageContent, brief: bool, left: &mut Budget) -> Vec<Value> {
        let longest = if brief { BRIEF } else { HEADER };
        let title = match page.links.first() {
            // A header takes no link.
            Some(link) if !brief => {
                section(mrkdwn(left.spend(Escaped::link(&link.url, &page.title, longest))))
            }
            _ => json!({ "type": "header", "text": plain(left.spend(Escaped::text(&page.title, longest))) }),
        };
        let context = match &page.summary {
            Some(summary) => format!("{}: {summary}", page.context()),
            None => page.context(),
        };
        let context = left.spend(Escaped::text(&context, 500));
        let mut head = vec![title, section(plain(context))];
        if !self.mentions.is_empty() {
            head.push(section(mrkdwn(left.spend(self.mentioning(Escaped::default())))));
        }
        head
    }

    /// A message without blocks: nothing in it but the mentions is markup.
    fn text(&self, thread: Option<(&str, &str)>, text: String, max: usize) -> Map<String, Value> {
        let mut payload = self.post(thread);
        payload.insert("text".to_owned(), self.mentioning(Escaped::text(&text, max)).into());
        payload.insert("mrkdwn".to_owned(), false.into());
        payload
    }

    fn mentioning(&self, text: Escaped) -> Escaped {
        self.mentions.iter().rev().fold(text, |text, whom| Escaped::mention(whom).then(" ").join(text))
    }
}

fn body(page: &MessageContent, left: &mut Budget) -> Vec<Value> {
    let mut body = Vec::new();
    let fact = |fact: &Fact| Escaped::bold(&fact.label).then("\n").join(Escaped::code(&fact.value, 350));
    // A section has at most ten fields.
    let facts: Vec<_> = page.facts.iter().take(10).map(|one| mrkdwn(left.spend(fact(one)))).collect();
    if !facts.is_empty() {
        body.push(json!({ "type": "section", "fields": facts }));
    }
    if !page.links.is_empty() {
        body.push(section(mrkdwn(left.spend(links(page)))));
    }
    let foot = foot(page, &page.small_print, left);
    for (i, part) in page.sections.iter().enumerate() {
        // A section that needs less leaves its space to those after it.
        let share = (left.0 / (page.sections.len() - i)).min(SECTION);
        if share >= LEAST {
            body.push(section(mrkdwn(left.spend(fenced(part, share)))));
        }
    }
    body.extend(foot);
    body
}

fn foot(page: &MessageContent, small_print: &[Fact], left: &mut Budget) -> Vec<Value> {
    let notes = page.notes.iter().filter(|note| !note.is_empty()).take(4);
    let notes = notes.map(|note| Escaped::text(note, 250));
    // A block for each: Slack sets the elements of one behind each other, with nothing in between.
    let small_print = small_print.iter().map(|fact| format!("{}: {} \u{b7} ", fact.label, fact.value));
    let last = Escaped::text(&format!("{}group {}", small_print.collect::<String>(), page.group), 1_200);
    notes
        .chain([last])
        .map(|text| json!({ "type": "context", "elements": [plain(left.spend(text))] }))
        .collect()
}

/// Returns the links in one line. They are no buttons: Slack reports each press to an app, and shows a warning where none
/// listens, as behind a webhook.
fn links(page: &MessageContent) -> Escaped {
    let links = page.links.iter().take(5).enumerate();
    links.fold(Escaped::default(), |line, (number, link)| {
        let line = if number == 0 { line } else { line.then(" \u{b7} ") };
        line.join(Escaped::link(&link.url, &link.label, 60))
    })
}

/// Counts what may still be said in one message.
struct Budget(usize);

impl Budget {
    fn spend(&mut self, text: Escaped) -> Escaped {
        self.0 = self.0.saturating_sub(text.units());
        text
    }
}

fn fenced(section: &Section, max: usize) -> Escaped {
    let title = Escaped::heading(&section.title, 60);
    let inside = max.saturating_sub(title.units());
    title.join(Escaped::fence(&section.lines.join("\n"), inside))
}

fn section(text: Value) -> Value {
    json!({ "type": "section", "text": text })
}

fn plain(text: Escaped) -> Value {
    json!({ "type": "plain_text", "text": Value::from(text), "emoji": false })
}

fn mrkdwn(text: Escaped) -> Value {
    // `verbatim`: names and addresses in it stay text.
    json!({ "type": "mrkdwn", "text": Value::from(text), "verbatim": true })
}

fn line(page: &MessageContent) -> String {
    match &page.summary {
        Some(summary) => format!("{} ({summary})", page.subject()),
        None => page.subject(),
    }
}

/// Returns the place and the time in one line.
fn facts(page: &MessageContent) -> String {
    let facts = page.facts.iter().take(4).map(|fact| format!("{}: {}", fact.label, fact.value));
    facts.collect::<Vec<_>>().join(" \u{b7} ")
}

/// The colours of slackpy; it has neither TRACE nor CRITICAL.
fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Trace => "#9E9E9E",
        Severity::Debug => "#03A9F4",
        Severity::Info => "good",
        Severity::Warn => "warning",
        Severity::Error => "danger",
        Severity::Critical => "#7B0D0D",
    }
}

fn bytes(payload: Map<String, Value>) -> Vec<u8> {
    Value::Object(payload).to_string().into_bytes()
}

/// Keeps text that may hold anything apart from text that may be sent: outside of here nothing makes an [`Escaped`] but
/// by escaping.
mod escaped {
    use serde_json::Value;
    use watchfire_outbox::clip;

    use crate::config::Mention;

    /// Text as it may stand in a message: what is not markup of our own is escaped.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub(super) struct Escaped(String);

    impl Escaped {
        /// Escapes `text`, cut to `max` units after escaping; no entity is cut.
        pub(super) fn text(text: &str, max: usize) -> Self {
            let mut out = String::new();
            for c in clip(text, max, units).chars() {
                // The only three, ampersand first (<https://docs.slack.dev/messaging/formatting-message-text/>).
                match c {
                    '&' => out.push_str("&amp;"),
                    '<' => out.push_str("&lt;"),
                    '>' => out.push_str("&gt;"),
                    c => out.push(c),
                }
            }
            Self(out)
        }

        pub(super) fn mention(whom: &Mention) -> Self {
            Self(whom.as_str().to_owned())
        }

        /// A label, in bold; an asterisk would end it.
        pub(super) fn bold(label: &str) -> Self {
            Self(format!("*{}*", Self::text(&label.replace('*', "\u{2217}"), 60).0))
        }

        /// A link in bold: an address with nothing in it that ends one, and a text of at most `max` units.
        pub(super) fn link(url: &str, text: &str, max: usize) -> Self {
            let text = Self::text(&text.replace('|', "\u{2223}").replace('\n', " "), max).0;
            Self(format!("*<{}|{text}>*", Self::text(url, usize::MAX).0))
        }

        /// A heading of at most `max` units on a line of its own.
        pub(super) fn heading(text: &str, max: usize) -> Self {
            Self(format!("*{}*\n", Self::text(text, max).0))
        }

        /// One line in backticks, of at most `max` units inside of them.
        pub(super) fn code(text: &str, max: usize) -> Self {
            // A backtick would end it, and cannot be escaped.
            let line: String = text.chars().map(|c| if c == '`' { '\u{2cb}' } else { c }).collect();
            Self(format!("`{}`", Self::text(&line, max).0.replace(['\n', '\t'], " ")))
        }

        /// Lines in a code fence, of at most `max` units with it.
        pub(super) fn fence(text: &str, max: usize) -> Self {
            // Three backticks would close the fence: a zero-width space parts each two.
            let mut inner = String::with_capacity(text.len());
            for c in text.trim_end().chars() {
                if c == '`' && inner.ends_with('`') {
                    inner.push('\u{200b}');
                }
                inner.push(c);
            }
            Self(format!("```\n{}\n```", Self::text(&inner, max.saturating_sub(8)).0))
        }

        pub(super) fn then(mut self, markup: &'static str) -> Self {
            self.0.push_str(markup);
            self
        }

        pub(super) fn join(mut self, text: Self) -> Self {
            self.0.push_str(&text.0);
            self
        }

        pub(super) fn units(&self) -> usize {
            self.0.chars().map(char::len_utf16).sum()
        }
    }

    impl From<Escaped> for Value {
        fn from(text: Escaped) -> Self {
            Self::String(text.0)
        }
    }

    /// The cost of a character after escaping. Slack says "characters" and not which: UTF-16 units are the most.
    fn units(c: char) -> usize {
        match c {
            '&' => 5,
            '<' | '>' => 4,
            c => c.len_utf16(),
        }
    }
}
