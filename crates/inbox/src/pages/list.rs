//! The list: providers, and what came to each.

use std::collections::BTreeMap;

use crate::http::Hub;
use crate::markup::Markup;
use crate::providers::{Reply, Request};
use crate::record::{Provider, Received};

pub(crate) fn page(hub: &Hub, request: &Request) -> Reply {
    let records = hub.store.all();
    let refresh = form_urlencoded::parse(request.query.as_bytes())
        .find(|(name, _)| name == "refresh")
        .and_then(|(_, seconds)| seconds.parse::<u32>().ok())
        .map(|seconds| seconds.clamp(1, 3_600));
    let mut body = Markup::new();
    body.element("h1", "Inbox");
    body.raw("<p class=\"mute\">").text(&count(records.len())).raw(", newest first, times in UTC. ");
    match refresh {
        Some(seconds) => body.text(&format!("Loads again every {seconds} s. ")).raw("<a href=\"/\">Stop</a>"),
        None => body.raw("<a href=\"/?refresh=2\">Load again every 2 s</a>"),
    };
    body.raw(" · <a href=\"/messages.json\">JSON</a></p>");
    addresses(&mut body, hub);
    let (full, empty): (Vec<_>, Vec<_>) = Provider::ALL
        .into_iter()
        .partition(|provider| records.iter().any(|record| record.provider == *provider));
    for provider in full {
        section(&mut body, hub, provider, &records);
    }
    if !empty.is_empty() {
        let names: Vec<_> = empty.into_iter().map(Provider::title).collect();
        body.raw("<p class=\"mute\">Nothing yet in: ").text(&names.join(", ")).raw(".</p>");
    }
    super::html("Inbox", &body, refresh)
}

fn addresses(body: &mut Markup, hub: &Hub) {
    body.raw("<details><summary>Addresses and demo credentials</summary><table>");
    for (name, address) in &hub.addresses {
        body.raw("<tr><th>").text(name).raw("</th><td><code>").text(address).raw("</code></td></tr>");
    }
    body.raw("</table></details>");
}

fn section(body: &mut Markup, hub: &Hub, provider: Provider, records: &[Received]) {
    // An edit is shown in the place of what it edits.
    let by_number: BTreeMap<u64, &Received> = records.iter().map(|record| (record.number, record)).collect();
    let rows: Vec<_> = records.iter().filter(|r| r.provider == provider && r.edits.is_none()).collect();
    body.raw("<h2>").text(provider.title()).raw(" <small>").text(&count(rows.len())).raw("</small></h2>");
    for (_, plan) in hub.store.armed().iter().filter(|(r, _)| *r == provider) {
        let times = plan.times.map_or("until cleared".to_owned(), |times| format!("next {times}"));
        body.raw("<p class=\"unanswered\">Fault armed: ")
            .text(plan.fault.name())
            .text(", ")
            .text(&times)
            .raw("</p>");
    }
    body.raw("<table class=\"list\">");
    for record in rows.iter().rev() {
        row(body, record, record.edited_by.and_then(|number| by_number.get(&number).copied()));
    }
    body.raw("</table>");
}

fn row(body: &mut Markup, record: &Received, edit: Option<&Received>) {
    body.raw(if record.thread.is_some() { "<tr class=\"reply\">" } else { "<tr>" });
    body.raw("<td>")
        .text(&super::clock(record).1)
        .raw("</td><td>")
        .text(&record.recipients.join(", "))
        .raw("</td><td>");
    let title = edit.map_or(&record.title, |edit| &edit.title);
    let title = if title.is_empty() { "(no title)" } else { title };
    if record.thread.is_some() {
        body.raw("<span class=\"mute\" title=\"in a thread\">↳</span> ");
    }
    body.raw("<a href=\"/messages/").text(&record.number.to_string()).raw("\">").text(title).raw("</a>");
    if let Some(edit) = edit {
        let number = edit.number.to_string();
        body.raw(" <a class=\"tag\" href=\"/messages/")
            .text(&number)
            .raw("\">edited ")
            .text(&super::clock(edit).1)
            .raw("</a>");
    }
    if !record.notes.is_empty() {
        body.raw(" <span class=\"tag\">").text(&record.notes.len().to_string()).raw(" noted</span>");
    }
    body.raw("</td><td>");
    verdict(body, record);
    body.raw("</td></tr>");
}

/// The verdict in its colour, and the answer where it says more than the verdict.
pub(crate) fn verdict(body: &mut Markup, record: &Received) {
    body.raw("<span class=\"")
        .text(record.verdict.word())
        .raw("\">")
        .text(record.verdict.word())
        .raw("</span>");
    let plain = record.verdict.answer().starts_with("2") && record.verdict.is_accepted();
    if !plain {
        let short: String = record.verdict.answer().chars().take(120).collect();
        body.raw("<span class=\"answer\">").text(&short).raw("</span>");
    }
}

fn count(messages: usize) -> String {
    match messages {
        1 => "1 message".to_owned(),
        count => format!("{count} messages"),
    }
}
