//! How a mail reads.

use mail_parser::{Address, Message, MessageParser, MimeHeaders as _, PartType};

use super::session::{SmtpEnvelope, split};
use crate::record::{Described, ViewPart};

/// Gives the view, the Message-ID and the id that the mail answers.
pub(crate) fn read(envelope: &SmtpEnvelope) -> (Described, Option<String>, Option<String>) {
    let mut entry = Described { recipients: envelope.to.clone(), ..Described::default() };
    if envelope.data.is_empty() {
        return (entry, None, None);
    }
    let Some(mail) = MessageParser::default().parse(&envelope.data) else {
        entry.notes.push("the mail cannot be parsed".to_owned());
        return (entry, None, None);
    };
    entry.title = mail.subject().unwrap_or("(no subject)").to_owned();
    facts(&mut entry, &mail);
    parts(&mut entry, &mail, &envelope.data);
    notes(&mut entry, &mail);
    let thread = mail.in_reply_to().as_text().map(str::to_owned);
    (entry, mail.message_id().map(str::to_owned), thread)
}

fn facts(entry: &mut Described, mail: &Message<'_>) {
    let view = &mut entry.view;
    view.fact("From", addresses(mail.from()));
    view.fact("Reply-To", addresses(mail.reply_to()));
    view.fact("To", addresses(mail.to()));
    view.fact("Cc", addresses(mail.cc()));
    view.fact("Subject", mail.subject().unwrap_or_default());
    view.fact("Date", mail.date().map(mail_parser::DateTime::to_rfc3339).unwrap_or_default());
    view.fact("Message-ID", mail.message_id().unwrap_or_default());
    view.fact("In-Reply-To", mail.in_reply_to().as_text().unwrap_or_default());
    for name in
        ["Auto-Submitted", "X-Auto-Response-Suppress", "Precedence", "List-Id", "Importance", "X-Priority"]
    {
        view.fact(name, mail.header_raw(name).unwrap_or_default().trim());
    }
}

fn parts(entry: &mut Described, mail: &Message<'_>, data: &[u8]) {
    let parts = &mut entry.view.parts;
    for index in 0..mail.text_body_count() {
        // A mail with HTML only is offered as text by the parser too; that is not what was sent.
        let sent = mail.text_part(index as u32).is_some_and(|part| matches!(part.body, PartType::Text(_)));
        if let (true, Some(text)) = (sent, mail.body_text(index)) {
            parts.push(ViewPart::Text { title: "Text".to_owned(), text: text.into_owned() });
        }
    }
    for index in 0..mail.html_body_count() {
        let sent = mail.html_part(index as u32).is_some_and(|part| matches!(part.body, PartType::Html(_)));
        if let (true, Some(html)) = (sent, mail.body_html(index)) {
            parts.push(ViewPart::Html { title: "HTML".to_owned(), html: html.into_owned() });
        }
    }
    for attachment in mail.attachments() {
        let name = attachment.attachment_name().unwrap_or("unnamed");
        let text = String::from_utf8_lossy(attachment.contents()).into_owned();
        parts.push(ViewPart::Text {
            title: format!("Attachment {name}, {} bytes", attachment.contents().len()),
            text,
        });
    }
    let headers = String::from_utf8_lossy(split(data).0).into_owned();
    parts.push(ViewPart::Text { title: "Headers".to_owned(), text: headers });
}

/// The demands of RFC 5322, as far as relays enforce them.
fn notes(entry: &mut Described, mail: &Message<'_>) {
    for name in ["From", "Date"] {
        match mail.header_values(name).count() {
            0 => entry.notes.push(format!("no {name} header, which RFC 5322 demands")),
            1 => {}
            _ => entry.notes.push(format!("more than one {name} header")),
        }
    }
    if mail.message_id().is_none() {
        entry.notes.push("no Message-ID header".to_owned());
    }
}

fn addresses(list: Option<&Address<'_>>) -> String {
    let list = list.map(|list| {
        list.iter().map(|address| match (address.name(), address.address()) {
            (Some(name), Some(address)) => format!("{name} <{address}>"),
            (None, Some(address)) => address.to_owned(),
            (name, None) => name.unwrap_or_default().to_owned(),
        })
    });
    list.map(|list| list.collect::<Vec<_>>().join(", ")).unwrap_or_default()
}
