//! Say an occasion as mails: pure, the same occasion gives the same bytes.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lettre::{
    Message,
    message::{
        Mailbox, MessageBuilder, MultiPart, MultiPartKind, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};
use watchfire_core::cut;
use watchfire_outbox::{Form, MessageContent, Notification, Occasion, Receipt, printable};

use crate::{
    config::{EmailSettings, MailParts, Threads},
    html,
};

/// The most characters of the configured prefix in a subject.
const PREFIX: usize = 100;
/// The most bytes of the text part.
const TEXT: usize = 256 * 1024;
/// The most bytes of a mail without HTML that a server refused as too large, or as something else, before.
const BRIEF: usize = 32 * 1024;
/// The most bytes of a mail's only line in the last form.
const ASCII: usize = 500;
/// Says that an earlier attempt may have arrived: in the head for filters, in each part for people. The subject stays,
/// for threads. There is no `=` in them, so they are the same in quoted-printable.
const DUPLICATE_HEAD: &[u8] = b"X-Watchfire-Duplicate: possible\r\n";
const DUPLICATE_TEXT: &[u8] = b"(possible duplicate: an earlier attempt ended without an answer)\r\n";
const DUPLICATE_HTML: &[u8] = b"<b>possible duplicate: an earlier attempt ended without an answer</b><br>";

/// Renders an occasion: one mail per admin, so that nobody sees the others and a retry reaches only who got nothing.
pub(crate) fn mails(settings: &EmailSettings, occasion: &Occasion<'_>) -> Vec<Notification> {
    let page = MessageContent::of(occasion);
    let whole: String = printable(&page.plain_text()).collect();
    let said = MailText {
        subject: subject(settings, &page),
        html: (settings.parts == MailParts::TextAndHtml).then(|| html::page(&page, occasion)),
        text: within(&whole, TEXT),
        brief: within(&whole, BRIEF),
        short: printable(&page.short_text()).collect(),
        ascii: page.ascii_line(ASCII),
    };
    settings.admins.iter().map(|admin| mail(settings, occasion, admin, &said)).collect()
}

/// Returns the bytes to send now: the rendering, marked if an earlier attempt may have arrived.
pub(crate) fn at_delivery(notification: &Notification) -> Cow<'_, [u8]> {
    let mail = notification.body();
    if !notification.is_possible_duplicate() {
        return Cow::Borrowed(mail);
    }
    let blank = b"\r\n\r\n";
    let body = find(mail, blank, 0);
    // The last one is ours: text of the alert stands before it in the part of plain text, and is escaped in HTML.
    let html = match notification.form() {
        Form::Rich => rfind(mail, html::MARK.as_bytes()),
        _ => None,
    };
    // In a mail of two parts, the text begins below a head of its own.
    let text = if html.is_some() { body.and_then(|body| find(mail, blank, body)) } else { body };
    let marks = [(Some(0), DUPLICATE_HEAD), (text, DUPLICATE_TEXT), (html, DUPLICATE_HTML)];
    let mut marked = Vec::with_capacity(mail.len() + 256);
    let mut from = 0;
    for (at, mark) in marks {
        let Some(at) = at else { continue };
        marked.extend_from_slice(mail.get(from..at).unwrap_or_default());
        marked.extend_from_slice(mark);
        from = at;
    }
    marked.extend_from_slice(mail.get(from..).unwrap_or_default());
    Cow::Owned(marked)
}

/// Returns where the first `sign` behind `from` ends.
fn find(mail: &[u8], sign: &[u8], from: usize) -> Option<usize> {
    let at = mail.get(from..)?.windows(sign.len()).position(|window| window == sign)?;
    Some(from + at + sign.len())
}

/// Returns where the last `sign` ends.
fn rfind(mail: &[u8], sign: &[u8]) -> Option<usize> {
    Some(mail.windows(sign.len()).rposition(|window| window == sign)? + sign.len())
}

/// Returns what a receipt has to keep of a mail: its Message-ID, by which later mails join its thread.
pub(crate) fn reference(mail: &[u8]) -> String {
    let head = find(mail, b"\r\n\r\n", 0).and_then(|end| mail.get(..end)).unwrap_or(mail);
    let head = String::from_utf8_lossy(head).replace("\r\n ", " ");
    let id = head.lines().find_map(|line| line.strip_prefix("Message-ID: "));
    id.unwrap_or_default().trim().to_owned()
}

/// The content that all mails of an occasion share.
struct MailText {
    subject: String,
    html: Option<String>,
    text: String,
    brief: String,
    short: String,
    ascii: String,
}

fn mail(settings: &EmailSettings, occasion: &Occasion<'_>, admin: &Mailbox, said: &MailText) -> Notification {
    let recipient: &str = admin.email.as_ref();
    let notification = occasion.notification(recipient);
    let id = notification.id().to_string();
    let root = occasion
        .first_receipt_for(recipient)
        .filter(|_| settings.threads == Threads::ByGroup)
        .and_then(message_id);
    let head = Head { settings, occasion, from: settings.from.clone(), to: admin.clone(), id: &id, root };
    let add = |notification: Notification,
               form: fn(Notification, Vec<u8>) -> Notification,
               body: Option<Vec<u8>>| match body {
        Some(body) => form(notification, body),
        None => notification,
    };
    let text = |head: &Head<'_>, subject: &str, text: &str| {
        head.message(subject, |head| head.singlepart(part(ContentType::TEXT_PLAIN, text)))
    };
    let rich = match &said.html {
        Some(html) => {
            let parts =
                MultiPart::builder().kind(MultiPartKind::Alternative).boundary(format!("watchfire-{id}"));
            let parts = parts
                .singlepart(part(ContentType::TEXT_PLAIN, &said.text))
                .singlepart(part(ContentType::TEXT_HTML, html));
            head.message(&said.subject, |head| head.multipart(parts))
        }
        None => text(&head, &said.subject, &said.text),
    };
    let notification = add(notification, Notification::rich, rich);
    let notification = add(notification, Notification::plain, text(&head, &said.subject, &said.brief));
    let notification = add(notification, Notification::short, text(&head, &said.subject, &said.short));
    add(notification, Notification::ascii, text(&head.bare(), &ascii(&said.subject), &said.ascii))
}

fn within(text: &str, most: usize) -> String {
    if text.len() <= most { text.to_owned() } else { format!("{}\n[cut]\n", cut(text, most)) }
}

/// Makes a part in quoted-printable: legible as it is on the wire, and a mark can be put in later.
fn part(kind: ContentType, text: &str) -> SinglePart {
    SinglePart::builder().header(kind).header(ContentTransferEncoding::QuotedPrintable).body(text.to_owned())
}

/// The headers above the body of each form.
struct Head<'a> {
    settings: &'a EmailSettings,
    occasion: &'a Occasion<'a>,
    from: Mailbox,
    to: Mailbox,
    id: &'a str,
    /// The Message-ID of the thread's first mail.
    root: Option<&'a str>,
}

impl Head<'_> {
    /// Leaves out the names of sender and recipient.
    fn bare(&self) -> Self {
        let nameless = |mailbox: &Mailbox| Mailbox::new(None, mailbox.email.clone());
        Self { from: nameless(&self.from), to: nameless(&self.to), ..*self }
    }

    fn message(
        &self,
        subject: &str,
        body: impl FnOnce(MessageBuilder) -> Result<Message, lettre::error::Error>,
    ) -> Option<Vec<u8>> {
        let occasion = self.occasion;
        let mut head = Message::builder()
            .from(self.from.clone())
            .to(self.to.clone())
            .date(within_dates(occasion.now()))
            .message_id(Some(format!("<{}@{}>", self.id, domain(&self.settings.from))))
            // RFC 3834 §5: no answer by a machine, please. The second is Exchange's word for it (MS-OXCMAIL 2.1.3.2.20).
            .raw_header(raw("Auto-Submitted", "auto-generated".to_owned()))
            .raw_header(raw("X-Auto-Response-Suppress", "All".to_owned()))
            .raw_header(raw("X-Watchfire-Group", occasion.group().to_string()))
            .raw_header(raw("X-Watchfire-Severity", occasion.alert().severity.to_string()));
        if let Some(address) = &self.settings.reply_to {
            head = head.reply_to(address.clone());
        }
        if let Some(root) = self.root {
            head = head.in_reply_to(root.to_owned()).references(root.to_owned());
        }
        head = head.subject(subject);
        // Only a missing sender or recipient is an error, and both are there.
        body(head).ok().map(|message| message.formatted())
    }
}

/// Returns the Message-ID that a receipt has, if it could break no header. Older receipts have a subject behind it.
fn message_id(receipt: &Receipt) -> Option<&str> {
    let id = receipt.reference().split(' ').next()?;
    let inner = id.strip_prefix('<')?.strip_suffix('>')?;
    let good = inner.len() <= 400
        && inner.contains('@')
        && inner.bytes().all(|b| b.is_ascii_graphic() && !b"<>".contains(&b));
    good.then_some(id)
}

/// Writes the subject: the prefix that was set, or the program in brackets, then severity, count and what happened.
fn subject(settings: &EmailSettings, page: &MessageContent) -> String {
    let prefix: String = in_one_line(&settings.subject_prefix).chars().take(PREFIX).collect();
    let subject = match prefix.is_empty() {
        true => page.subject(),
        false => format!("{prefix}{}: {}", page.label, page.title),
    };
    in_one_line(&subject)
}

/// Writes out what would end a line, not be seen, or turn what follows: control characters as in a Rust literal
/// (`\n`), and bidirectional overrides.
fn in_one_line(text: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => out.extend(c.escape_default()),
            c if turns(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
}

/// Returns the right side of our message ids: the sender's domain where it may stand there as it is.
fn domain(from: &Mailbox) -> &str {
    let domain = from.email.domain();
    if domain.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)) {
        domain
    } else {
        "watchfire.invalid"
    }
}

fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// Keeps a time within what a mail can say: from 1970 to 9999.
fn within_dates(at: SystemTime) -> SystemTime {
    at.clamp(UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(253_402_300_799))
}

#[cfg(test)]
mod tests;
