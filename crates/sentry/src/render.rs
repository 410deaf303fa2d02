//! Render an occasion as a Sentry event: with everything first, then ever lighter.
//!
//! Sentry cuts a value that is too long instead of refusing it; what it does refuse is an event of more than 1 MiB.

use sentry_types::protocol::v7::Event;
use serde_json::{Value, json};
use watchfire_outbox::{MessageContent, Notification, Occasion, OccasionKind, clip};

use crate::{
    config::SentrySettings,
    event::{self, MESSAGE},
};

#[cfg(test)]
mod tests;

/// The limit of the ASCII line.
const LINE: usize = 300;

pub(crate) fn notifications(settings: &SentrySettings, occasion: &Occasion<'_>) -> Vec<Notification> {
    let notification = occasion.notification(format!("project {}", settings.project.name));
    let page = MessageContent::of(occasion);
    let id = notification.id().as_u128();
    let message = &occasion.alert().message;
    let said = match occasion.kind() {
        OccasionKind::Storm => &format!("{}: {}", page.label, page.title),
        // It is about several groups, or has nothing to say but its error.
        _ if occasion.tally().groups > 1 || message.trim().is_empty() => &page.title,
        _ => message,
    };
    let summed = page.summary.as_ref().map(|summary| format!("{said}\n{summary}"));
    let bare = || event::bare(occasion, id);
    let named = || event::named(settings, occasion, bare());
    let ascii = page.ascii_line(LINE);
    vec![
        notification
            .rich(bytes(event::full(occasion, named()), said, summed.as_ref()))
            .plain(bytes(named(), said, Some(&page.plain_text())))
            .short(bytes(named(), &page.short_text(), None))
            .ascii(bytes(bare(), &ascii, None)),
    ]
}

/// Adds what is said, and what the protocol's types do not know. `message` is what the event is searched and titled by,
/// `formatted` what is shown.
fn bytes(event: Event<'_>, message: &str, formatted: Option<&String>) -> Vec<u8> {
    // Its maps have text for keys, and its time is one that it can write.
    let mut event = serde_json::to_value(event).unwrap_or_default();
    let clipped = |text: &str| clip(text, MESSAGE, |_| 1);
    let mut entry = json!({ "message": clipped(message) });
    if let (Some(formatted), Some(entry)) = (formatted, entry.as_object_mut()) {
        entry.insert("formatted".to_owned(), clipped(formatted).into());
    }
    if let Some(event) = event.as_object_mut() {
        event.insert("logentry".to_owned(), entry);
        // The protocol's types leave out `error`, their default; Bugsink then stores no level at all.
        event.entry("level").or_insert_with(|| "error".into());
    }
    if let Some(Value::Array(chain)) = event.pointer_mut("/exception/values") {
        chain_up(chain);
    }
    event.to_string().into_bytes()
}

/// Numbers a chain of errors: the outermost, which is the last, is 0 and the parent of its cause.
fn chain_up(chain: &mut [Value]) {
    for (number, exception) in chain.iter_mut().rev().enumerate() {
        if let Some(Value::Object(mechanism)) = exception.get_mut("mechanism") {
            mechanism.insert("exception_id".to_owned(), number.into());
            if let Some(parent) = number.checked_sub(1) {
                mechanism.insert("parent_id".to_owned(), parent.into());
            }
        }
    }
}
