//! One message.

use crate::http::Hub;
use crate::markup::Markup;
use crate::providers::Reply;
use crate::record::{Received, ViewPart};

pub(crate) fn page(hub: &Hub, record: &Received) -> Reply {
    let number = record.number.to_string();
    let (date, time) = super::clock(record);
    let mut body = Markup::new();
    body.raw("<p class=\"mute\"><a href=\"/\">Inbox</a> / ")
        .text(record.provider.title())
        .text(&format!(" / {number}"))
        .raw("</p>");
    body.element("h1", if record.title.is_empty() { "(no title)" } else { &record.title });
    body.raw("<p class=\"mute\">")
        .text(&format!("{date} {time} UTC to {}", record.recipients.join(", ")))
        .raw("</p>");
    body.raw("<p>");
    super::list::verdict(&mut body, record);
    body.raw("</p>");
    relations(&mut body, hub, record);
    if !record.notes.is_empty() {
        body.raw("<ul class=\"notes\">");
        record.notes.iter().for_each(|note| {
            body.element("li", note);
        });
        body.raw("</ul>");
    }
    table(&mut body, &record.view.facts);
    for part in &record.view.parts {
        show(&mut body, part);
    }
    body.raw("<h2>As it came</h2><details><summary>")
        .text(if record.provider == crate::Provider::Smtp { "Envelope" } else { "Request" })
        .raw("</summary>");
    table(&mut body, &record.head);
    body.raw("</details><details><summary>")
        .text(&format!("Raw source, {} bytes", record.raw.len()))
        .raw("</summary>");
    body.element("pre", &record.body());
    body.raw("</details><p class=\"mute\">");
    for (kind, label) in [("json", "As JSON"), ("raw", "raw bytes")] {
        body.raw(if kind == "json" { "" } else { ", " });
        body.raw("<a href=\"/messages/").text(&format!("{number}.{kind}")).raw("\">").text(label).raw("</a>");
    }
    body.raw("</p>");
    super::html(&record.title, &body, None)
}

/// Links to the parent of a thread, its replies, and edits.
fn relations(body: &mut Markup, hub: &Hub, record: &Received) {
    let siblings = hub.store.of(record.provider);
    let mut links: Vec<(&str, u64)> = Vec::new();
    links.extend(record.edits.map(|number| ("edits", number)));
    links.extend(record.edited_by.map(|number| ("edited by", number)));
    for sibling in &siblings {
        if record.thread.is_some() && sibling.edits.is_none() && sibling.key == record.thread {
            links.push(("answers", sibling.number));
        }
        if record.key.is_some() && sibling.thread == record.key && sibling.edits.is_none() {
            links.push(("answered by", sibling.number));
        }
    }
    if links.is_empty() {
        return;
    }
    body.raw("<p>");
    for (word, number) in links {
        let number = number.to_string();
        body.text(word).raw(" <a href=\"/messages/").text(&number).raw("\">").text(&number).raw("</a> ");
    }
    body.raw("</p>");
}

fn table(body: &mut Markup, rows: &[(String, String)]) {
    body.raw("<table>");
    for (name, value) in rows {
        body.raw("<tr><th>").text(name).raw("</th><td>").text(value).raw("</td></tr>");
    }
    body.raw("</table>");
}

fn show(body: &mut Markup, part: &ViewPart) {
    // The readable parts are open; sources are folded away.
    let source = matches!(part.title(), "Payload" | "Headers" | "Source" | "Envelope headers");
    if source {
        body.raw("<details><summary>").text(part.title()).raw("</summary>");
    } else {
        body.element("h2", part.title());
    }
    match part {
        ViewPart::Text { text, .. } => {
            body.element("pre", text);
        }
        // No scripts, no forms, no origin: the empty sandbox.
        ViewPart::Html { html, .. } => {
            body.raw("<iframe sandbox=\"\" srcdoc=\"").text(html).raw("\"></iframe>");
        }
        ViewPart::Rendered { html, .. } => {
            body.raw("<div class=\"rendered\">").push(html).raw("</div>");
        }
    }
    if source {
        body.raw("</details>");
    }
}
