//! The title of a message: one line that says what happened.

use watchfire_core::{Alert, Origin, counted};

use super::{TITLE_FIELD, groups};
use crate::{
    Counts, Occasion, OccasionKind,
    model::text::{format_duration, one_line, printable},
};

/// The most characters of a title.
const TITLE: usize = 200;
/// The room that the error keeps beside a long message.
const ERROR: usize = 80;

impl Occasion<'_> {
    /// Returns one line that says what happened, of at most 200 characters: the message and the error; without a message
    /// the innermost span, which is the function where `#[instrument(err)]` recorded the error, and the error.
    #[must_use]
    pub fn title(&self) -> String {
        let what = what_happened(self.alert(), TITLE);
        match self.kind() {
            OccasionKind::Storm if groups(self) > 1 => {
                let Counts { first, last, .. } = self.tally();
                let over = last.duration_since(first).unwrap_or_default();
                let time = if over.as_secs() == 0 {
                    "at once".to_owned()
                } else {
                    format!("in {}", format_duration(over))
                };
                one_line(&format!("{} different alerts {time}, the oldest: {what}", groups(self)), TITLE)
            }
            OccasionKind::Digest if groups(self) > 1 => {
                let fresh = counted(self.tally().fresh, "alert");
                one_line(&format!("{fresh} in {} groups, the oldest: {what}", groups(self)), TITLE)
            }
            _ => what,
        }
    }
}

/// Returns in one line of at most `max` characters what happened.
pub(crate) fn what_happened(alert: &Alert, max: usize) -> String {
    let chosen = alert.get(TITLE_FIELD).map(|value| first_line(&value.to_string())).unwrap_or_default();
    if !chosen.is_empty() {
        return one_line(&chosen, max);
    }
    let message = first_line(&alert.message);
    let error = alert.error.first().map(|text| first_line(text)).unwrap_or_default();
    let prefix = if alert.origin == Origin::Panic { "panicked: " } else { "" };
    let span = alert.spans.last().map(|span| first_line(&span.name)).unwrap_or_default();
    let line = match (message.as_str(), error.as_str()) {
        ("", "") if alert.origin == Origin::Panic => "panicked".to_owned(),
        ("", "") => nothing_said(alert, &span),
        ("", error) if span.is_empty() => error.to_owned(),
        ("", error) => format!("{}: {error}", one_line(&span, 60)),
        (message, error) if error.is_empty() || message.contains(error) => format!("{prefix}{message}"),
        (message, error) => {
            let room = max.saturating_sub(2 + prefix.len() + error.chars().count().min(ERROR));
            format!("{prefix}{}: {error}", one_line(message, room))
        }
    };
    one_line(&line, max)
}

/// Tells whether a title holds all of a text.
pub(super) fn holds(title: &str, text: &str) -> bool {
    let text = printable(text.trim()).collect::<String>();
    !text.contains('\n') && text.chars().count() <= TITLE && title.contains(&one_line(&text, TITLE))
}

/// Returns the first line with something on it. Control characters alone leave nothing of a text.
fn first_line(text: &str) -> String {
    let text: String = printable(text).collect();
    let is_shown = |c: char| !c.is_whitespace() && c != char::REPLACEMENT_CHARACTER;
    text.lines().find(|line| line.chars().any(is_shown)).unwrap_or_default().trim().to_owned()
}

/// Names an event that has neither a message nor an error: by its fields, else by its place.
fn nothing_said(alert: &Alert, span: &str) -> String {
    let fields: Vec<String> =
        alert.fields.iter().map(|field| format!("{} = {}", field.name, field.value)).collect();
    let target = one_line(&alert.target, 100);
    let what = match alert.place_text() {
        _ if !fields.is_empty() => fields.join(", "),
        Some(place) => format!("an event without a message at {place}"),
        None if !target.is_empty() => format!("an event without a message in {target}"),
        None => "an event without a message".to_owned(),
    };
    if span.is_empty() { what } else { format!("{}: {what}", one_line(span, 60)) }
}
