//! The content of a message, before a sink renders it.

mod links;
mod request;
mod summary;
mod title;

use std::{borrow::Cow, fmt::Write};

use watchfire_core::{Alert, Field, Severity, counted, cut};

use crate::{
    GroupId, Occasion, OccasionKind, Outlook,
    model::text::{format_timestamp, hanging, one_line},
    sink::occasion::SilenceHint,
};
pub use links::link_refusal;
use request::Request;
use summary::summary;
pub(crate) use title::what_happened;

/// The content of a message before a sink renders it in its own markup: the same words on every channel.
///
/// The fields stand in the order of reading, and sinks keep it: what happened, when and where, why, and the small print
/// last. Texts are as captured: any Unicode, any length up to the caps of capture. Escaping and cutting is the sink's.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MessageContent {
    /// The severity of the alert.
    pub severity: Severity,
    /// One line: what happened, such as `payment failed: could not charge order 4711`; without control characters, of at
    /// most 200 characters.
    pub title: String,
    /// The severity and the count of new alerts, such as `ERROR` or `ERROR ×186`; `STORM` or `STORM OVER` where many
    /// groups are reported together, `QUIET` at the end of a group.
    pub label: String,
    /// The program and its environment, such as `storefront (production)`.
    pub app: String,
    /// How often, how fast and since when, for all but a first alert.
    pub summary: Option<String>,
    /// In whose request, when and where.
    pub facts: Vec<Fact>,
    /// The longer parts: the message where the title does not hold all of it, error chain, fields, spans, stack.
    pub sections: Vec<Section>,
    /// Remarks of the outbox: what was not reported, possible duplicates, failover.
    pub notes: Vec<String>,
    /// The facts that are looked up rather than read: thread, release, host, the alert's id, how to silence the group.
    pub small_print: Vec<Fact>,
    /// Where to go next: the link of the alert, then those of the program.
    pub links: Vec<Link>,
    /// A colour that the alert asks for instead of that of its severity: `#` and six hexadecimal digits.
    pub color: Option<String>,
    /// The group, for silences and look-ups.
    pub group: GroupId,
}

/// One link of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The label, such as `Runbook`.
    pub label: String,
    /// The address: `http` or `https`, with all that is not of its template percent-encoded, of at most 3,000 bytes.
    pub url: String,
}

/// The fields by which an event or a span sets parts of its message.
pub(crate) const TITLE_FIELD: &str = "alert.title";
pub(crate) const LINK_FIELD: &str = "alert.link";
pub(crate) const COLOR_FIELD: &str = "alert.color";

/// One labelled fact.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact {
    /// The label, such as `When`.
    pub label: Cow<'static, str>,
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
        let title = occasion.title();
        // Several groups are of many requests.
        let request = if is_many(occasion) { Request::default() } else { Request::of(alert) };
        Self {
            severity: alert.severity,
            label: label(occasion),
            app: app(alert, " (", ")"),
            summary: summary(occasion),
            facts: request.facts().into_iter().chain(facts(occasion)).collect(),
            sections: sections(occasion, &title, &request),
            title,
            notes: notes(occasion),
            small_print: small_print(occasion),
            links: links::links(occasion),
            color: alert.get(COLOR_FIELD).map(ToString::to_string).filter(|color| is_color(color)),
            group: occasion.group(),
        }
    }

    /// Returns the line that a reader sees first: the subject of a mail, the text of a push notification. For example
    /// `[storefront] ERROR: payment failed`; an environment other than production stands beside the name.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("[{}] {}: {}", self.short_app(), self.label, self.title)
    }

    /// Returns the program, and its environment if that is not production: `storefront staging`.
    #[must_use]
    pub fn short_app(&self) -> String {
        match self.app.strip_suffix(')').and_then(|app| app.rsplit_once(" (")) {
            Some((name, "production" | "prod")) => name.to_owned(),
            Some((name, environment)) => format!("{name} {environment}"),
            None => self.app.clone(),
        }
    }

    /// Returns the severity and who speaks: `ERROR in storefront (production)`.
    #[must_use]
    pub fn context(&self) -> String {
        format!("{} in {}", self.label, self.app)
    }

    /// Returns the whole page as plain text: what a terminal or the text part of a mail shows.
    ///
    /// At the left edge stand our own words and the title only.
    #[must_use]
    pub fn plain_text(&self) -> String {
        let mut out = format!("{}\n{}\n", self.title, self.context());
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
        for Link { label, url } in &self.links {
            writeln!(out, "{label:<12}{url}").ok();
        }
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
        format!("{}\n{place} [{}]", self.subject(), self.group)
    }

    /// Returns one line of printable ASCII of at most `max` bytes, which no provider can refuse for its form.
    #[must_use]
    pub fn ascii_line(&self, max: usize) -> String {
        let text = format!("{} [{}]", self.subject().replace('×', "x"), self.group);
        let ascii: String =
            text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        cut(&ascii, max).to_owned()
    }
}

/// Returns the severity, with the count of what is new; or the kind of the message, if that says more.
fn label(occasion: &Occasion<'_>) -> String {
    let severity = occasion.alert().severity;
    match (occasion.kind(), occasion.forecast()) {
        (OccasionKind::Storm, Some(Outlook::Over)) => "STORM OVER".to_owned(),
        (OccasionKind::Storm, _) => "STORM".to_owned(),
        (OccasionKind::Quiet, _) => "QUIET".to_owned(),
        // The message that is edited stands for all.
        (OccasionKind::Edit, _) => with_count(severity, occasion.tally().total),
        _ => with_count(severity, occasion.tally().fresh),
    }
}

fn with_count(severity: Severity, count: u64) -> String {
    if count > 1 { format!("{severity} ×{count}") } else { severity.to_string() }
}

/// Returns the program, with its environment between these.
fn app(alert: &Alert, open: &str, close: &str) -> String {
    let name = one_line(alert.app.name(), 60);
    match alert.app.environment_name() {
        Some(environment) => format!("{name}{open}{}{close}", one_line(environment, 40)),
        None => name,
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
        .map(|(label, value)| Fact { label: label.into(), value })
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

/// Tells whether a message is about several groups, each with another title.
fn is_many(occasion: &Occasion<'_>) -> bool {
    groups(occasion) > 1 && matches!(occasion.kind(), OccasionKind::Storm | OccasionKind::Digest)
}

fn sections(occasion: &Occasion<'_>, title: &str, request: &Request<'_>) -> Vec<Section> {
    let alert = occasion.alert();
    let message =
        Some(alert.message.as_str()).filter(|message| !is_many(occasion) && !title::holds(title, message));
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
    let error_is_said = alert.error.len() == 1 && title::holds(title, &alert.error.concat());
    let causes = causes.filter(|_| !error_is_said || is_many(occasion));
    let is_said = |field: &&Field| is_said_already(alert, field) || request.has(field);
    let fields = alert.fields.iter().filter(|field| !is_said(field)).map(field_line);
    let stack = alert.stack.as_ref().map(watchfire_core::Stack::excerpt);
    let entries = |entries: Vec<String>| entries.iter().map(|entry| hanging(entry, 4)).collect();
    let of = if is_storm(occasion) { " of the oldest" } else { "" };
    [
        // First, because only storms and catch-ups have some, and are about them.
        ("Groups".to_owned(), entries(mentions.chain(more).collect())),
        ("Message".to_owned(), entries(message.map(str::to_owned).into_iter().collect())),
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

fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Tells whether a field only repeats what the headline or the error chain says.
fn is_said_already(alert: &Alert, field: &Field) -> bool {
    match &*field.name {
        TITLE_FIELD | LINK_FIELD | COLOR_FIELD => true,
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
