//! The content of a message, before a sink renders it.

mod summary;

use std::fmt::Write;

use watchfire_core::{Alert, Field, Severity, counted, cut};

use crate::{
    Counts, GroupId, Occasion, OccasionKind, Outlook,
    model::text::{format_duration, format_timestamp, hanging, one_line},
    sink::occasion::SilenceHint,
};
use summary::summary;

/// The content of a message before a sink renders it in its own markup: the same words on every channel.
///
/// The fields stand in the order of reading, and sinks keep it: what happened, when and where, why, and the small print
/// last. Texts are as captured: any Unicode, any length up to the caps of capture. Escaping and cutting is the sink's.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MessageContent {
    /// The severity of the alert.
    pub severity: Severity,
    /// One line: what happened, without control characters, of at most 200 characters.
    pub title: String,
    /// One line: the severity and who speaks, such as `ERROR in storefront (production)`; in place of the severity
    /// `STORM` or `STORM OVER` where many groups are told of together.
    pub headline: String,
    /// The message as it was recorded; of a storm how many groups it has.
    pub message: String,
    /// How often, how fast and since when, for all but a first alert.
    pub summary: Option<String>,
    /// When and where.
    pub facts: Vec<Fact>,
    /// The longer parts: error chain, fields, spans, stack.
    pub sections: Vec<Section>,
    /// Remarks of the outbox: what was not reported, possible duplicates, failover.
    pub notes: Vec<String>,
    /// What is looked up rather than read: thread, release, host, the alert's id, how to silence the group.
    pub small_print: Vec<Fact>,
    /// The group, for silences and look-ups.
    pub group: GroupId,
}

/// One labelled fact.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact {
    /// The label, such as `When`.
    pub label: &'static str,
    /// The value.
    pub value: String,
}

/// One longer part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section {
    /// The title, such as `Error` or `Fields`.
    pub title: String,
    /// The lines: of a list one entry each, of a stack one frame each.
    ///
    /// The further lines of an entry that has several are indented by four spaces, so that a value with line breaks
    /// cannot be taken for another entry, nor for another section.
    pub lines: Vec<String>,
}

impl MessageContent {
    /// Sets out what an occasion says.
    #[must_use]
    pub fn of(occasion: &Occasion<'_>) -> Self {
        let alert = occasion.alert();
        Self {
            severity: alert.severity,
            title: occasion.title(),
            headline: headline(occasion),
            message: match occasion.kind() {
                // It is of its groups; the title ends with the oldest one's words.
                OccasionKind::Storm => occasion.title(),
                OccasionKind::Digest if groups(occasion) > 1 => occasion.title(),
                _ => alert.message.clone(),
            },
            summary: summary(occasion),
            facts: facts(occasion),
            sections: sections(occasion),
            notes: notes(occasion),
            small_print: small_print(occasion),
            group: occasion.group(),
        }
    }

    /// Returns the whole page as plain text: what a terminal or the text part of a mail shows.
    ///
    /// At the left edge stand our own words and the first line of the message only.
    #[must_use]
    pub fn plain_text(&self) -> String {
        let mut out = format!("{}\n", self.headline);
        let message = if self.message.trim().is_empty() { &self.title } else { &self.message };
        writeln!(out, "{}", hanging(message, 2)).ok();
        if let Some(summary) = &self.summary {
            writeln!(out, "{summary}").ok();
        }
        out.push('\n');
        let list = |out: &mut String, facts: &[Fact]| {
            for Fact { label, value } in facts {
                writeln!(out, "{label:<12}{value}").ok();
            }
        };
        list(&mut out, &self.facts);
        for section in &self.sections {
            writeln!(out, "\n{}", section.title).ok();
            for line in section.lines.iter().flat_map(|line| line.lines()) {
                let edge = if line.is_empty() { "" } else { "  " };
                writeln!(out, "{edge}{line}").ok();
            }
        }
        for note in &self.notes {
            writeln!(out, "\n{}", hanging(note, 2)).ok();
        }
        if !self.small_print.is_empty() {
            out.push('\n');
        }
        list(&mut out, &self.small_print);
        out
    }

    /// Returns two lines: who speaks and what happened, and where to look.
    #[must_use]
    pub fn short_text(&self) -> String {
        let place = self.facts.iter().find(|fact| fact.label == "Where").map_or("", |fact| &fact.value);
        format!("{}: {}\n{place} [{}]", self.headline, self.title, self.group)
    }

    /// Returns one line of printable ASCII of at most `max` bytes, which no provider can refuse for its form.
    #[must_use]
    pub fn ascii_line(&self, max: usize) -> String {
        let text = format!("{}: {} [{}]", self.headline, self.title, self.group);
        let ascii: String =
            text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        cut(&ascii, max).to_owned()
    }
}

impl Occasion<'_> {
    /// Returns one line that says what happened: the message, else the error, else the target; at most 200 characters.
    #[must_use]
    pub fn title(&self) -> String {
        let alert = self.alert();
        let error = alert.error.first().map_or("", String::as_str);
        // Control characters alone leave nothing of a text.
        let lines = [alert.message.as_str(), error, &alert.target].map(|text| one_line(text, 200));
        let line = lines.into_iter().find(|line| !line.is_empty());
        let line = line.unwrap_or_else(|| "an event without a message".to_owned());
        match self.kind() {
            OccasionKind::Storm if groups(self) > 1 => {
                let Counts { first, last, .. } = self.tally();
                let over = last.duration_since(first).unwrap_or_default();
                let time = if over.as_secs() == 0 {
                    "at once".to_owned()
                } else {
                    format!("in {}", format_duration(over))
                };
                one_line(&format!("{} different alerts {time}, the oldest: {line}", groups(self)), 200)
            }
            OccasionKind::Digest if groups(self) > 1 => {
                let fresh = counted(self.tally().fresh, "alert");
                one_line(&format!("{fresh} in {} groups, the oldest: {line}", groups(self)), 200)
            }
            _ => line,
        }
    }
}

fn headline(occasion: &Occasion<'_>) -> String {
    let alert = occasion.alert();
    let what = match (occasion.kind(), occasion.forecast()) {
        (OccasionKind::Storm, Some(Outlook::Over)) => "STORM OVER",
        (OccasionKind::Storm, _) => "STORM",
        _ => alert.severity.as_str(),
    };
    let app = one_line(alert.app.name(), 60);
    match alert.app.environment_name() {
        Some(environment) => format!("{what} in {app} ({})", one_line(environment, 40)),
        None => format!("{what} in {app}"),
    }
}

fn groups(occasion: &Occasion<'_>) -> u64 {
    occasion.tally().groups.max(occasion.mentions().len() as u64).max(1)
}

fn facts(occasion: &Occasion<'_>) -> Vec<Fact> {
    let alert = occasion.alert();
    let place = match alert.place_text() {
        // The alert of a catch-up is the outbox's own.
        _ if occasion.kind() == OccasionKind::CatchUp => String::new(),
        Some(place) if alert.target.is_empty() => place,
        Some(place) => format!("{} at {place}", alert.target),
        None => alert.target.to_string(),
    };
    let when = if is_storm(occasion) { "Oldest" } else { "When" };
    given([(when, format_timestamp(alert.at)), ("Where", one_line(&place, 300))])
}

fn small_print(occasion: &Occasion<'_>) -> Vec<Fact> {
    let alert = occasion.alert();
    let app = &alert.app;
    let thread = if is_storm(occasion) { String::new() } else { one_line(&alert.thread, 80) };
    given([
        ("Thread", thread),
        ("Release", app.release_name().map(|text| one_line(text, 200)).unwrap_or_default()),
        ("Host", format!("{}, process {}", one_line(app.host_name(), 200), app.process_id())),
        ("Alert", alert.id.to_string()),
        ("Silence", silence(occasion).unwrap_or_default()),
    ])
}

fn given<const N: usize>(all: [(&'static str, String); N]) -> Vec<Fact> {
    all.into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(label, value)| Fact { label, value })
        .collect()
}

/// The command that silences the group, or the most frequent ones that a storm names, ready to be pasted.
fn silence(occasion: &Occasion<'_>) -> Option<String> {
    let folder = match occasion.silence_hint() {
        SilenceHint::Omitted => return None,
        SilenceHint::In(folder) => format!(" --folder {}", shell_word(folder)),
        SilenceHint::Here => String::new(),
    };
    let is_one = groups(occasion) == 1 && occasion.kind() != OccasionKind::CatchUp;
    let named: Vec<String> = match occasion.mentions() {
        _ if is_one => vec![occasion.group().to_string()],
        mentions => mentions.iter().take(MOST_SILENCED).map(|other| other.group.to_string()).collect(),
    };
    (!named.is_empty()).then(|| format!("watchfire silence {} --for 2h{folder}", named.join(" ")))
}

/// How many groups one command silences.
const MOST_SILENCED: usize = 5;

/// Writes a text as one word of a shell.
fn shell_word(text: &str) -> String {
    let is_plain =
        |char: char| char.is_ascii_alphanumeric() || matches!(char, '/' | '.' | '_' | '-' | '+' | ':');
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn is_storm(occasion: &Occasion<'_>) -> bool {
    occasion.kind() == OccasionKind::Storm && groups(occasion) > 1
}

fn sections(occasion: &Occasion<'_>) -> Vec<Section> {
    let alert = occasion.alert();
    let named = occasion.mentions();
    let mentions = named.iter().map(|other| format!("x{} {} [{}]", other.count, other.title, other.group));
    let more = groups(occasion).saturating_sub(named.len() as u64);
    let more = (groups(occasion) > 1 && more > 0).then(|| format!("and {more} more"));
    let spans = alert.spans.iter().rev().map(ToString::to_string);
    let causes = alert
        .error
        .iter()
        .enumerate()
        .map(|(i, text)| if i == 0 { text.clone() } else { format!("caused by: {text}") });
    let fields = alert.fields.iter().filter(|field| !is_said_already(alert, field)).map(field_line);
    let stack = alert.stack.as_ref().map(watchfire_core::Stack::excerpt);
    let entries = |entries: Vec<String>| entries.iter().map(|entry| hanging(entry, 4)).collect();
    let of = if is_storm(occasion) { " of the oldest" } else { "" };
    [
        // First, because only storms and catch-ups have some, and are about them.
        ("Groups".to_owned(), entries(mentions.chain(more).collect())),
        (format!("Error{of}"), entries(causes.collect())),
        (format!("Fields{of}"), entries(fields.collect())),
        (format!("Spans{of}, the innermost first"), entries(spans.collect())),
        (format!("Stack{of}"), stack.unwrap_or_default()),
    ]
    .into_iter()
    .filter(|(_, lines)| !lines.is_empty())
    .map(|(title, lines)| Section { title, lines })
    .collect()
}

fn notes(occasion: &Occasion<'_>) -> Vec<String> {
    let mut notes = occasion.remarks().to_vec();
    if occasion.unreported_count() > 0 {
        let dropped = counted(occasion.unreported_count(), "alert");
        notes.push(format!("Dropped on this channel before this message: {dropped}."));
    }
    notes
}

/// Tells whether a field only repeats what the headline or the error chain says.
fn is_said_already(alert: &Alert, field: &Field) -> bool {
    match &*field.name {
        "severity" => field.value.to_string().parse() == Ok(alert.severity),
        "error" | "err" | "e" | "cause" | "exception" => {
            alert.error.first().is_some_and(|error| error.trim() == field.value.to_string().trim())
        }
        _ => false,
    }
}

fn field_line(field: &Field) -> String {
    format!("{} = {}", one_line(&field.name, 200), field.value)
}

#[cfg(test)]
mod tests;
