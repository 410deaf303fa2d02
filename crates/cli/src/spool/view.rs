//! Show messages of a spool: as a table, one by one, and as JSON.

use std::{process::ExitCode, time::SystemTime};

use anyhow::anyhow;
use serde_json::{Value, json};
use watchfire_core::{clock, counted};
use watchfire_outbox::{
    Notification,
    folder::{Content, Entry, FolderError, Place, SpoolFolder},
    one_line, printable,
};

use super::{entries, format_timestamp, spool_dir::format_duration};
use crate::output::{Colour, line, paint};

/// Lists all messages, or those of one channel.
pub(super) fn list(folder: &SpoolFolder, channel: Option<&str>, as_json: bool) -> anyhow::Result<ExitCode> {
    let now = clock::now();
    let mut rows: Vec<SpoolRow> =
        entries(folder)?.into_iter().map(|entry| SpoolRow::read(folder, entry)).collect();
    if let Some(channel) = channel {
        rows.retain(|row| row.channel() == channel);
    }
    if as_json {
        let messages: Vec<Value> = rows.iter().map(|row| row.json(now)).collect();
        line(&json!({ "folder": folder.path(), "messages": messages }).to_string());
    } else if rows.is_empty() {
        line(&format!("Nothing waits in {}.", folder.path().display()));
    } else {
        table(&rows, now);
        line(&format!("\n{}", sums(&rows)));
    }
    let nothing = channel.is_some() && rows.is_empty();
    Ok(if nothing { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Shows one message.
pub(super) fn show(folder: &SpoolFolder, entry: &Entry, as_json: bool) -> anyhow::Result<ExitCode> {
    let now = clock::now();
    let content = match folder.read(entry) {
        Ok(content) => Ok(content),
        Err(FolderError::Changed) => {
            return Err(anyhow!(
                "a program took {} meanwhile; look again with `watchfire spool ls`",
                entry.id()
            ));
        }
        Err(FolderError::Io(error)) => return Err(error.into()),
        // A damaged entry is shown as far as it can be read.
        Err(error) => Err(error.to_string()),
    };
    let row = SpoolRow { entry: entry.clone(), content };
    if as_json {
        let mut all = row.json(now);
        if let (Some(all), Ok(content)) = (all.as_object_mut(), &row.content) {
            all.extend(details(content));
        }
        line(&all.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    for (name, text) in row.facts(now) {
        line(&format!("{}{text}", paint(&format!("{name:<12}"), Colour::Dim)));
    }
    line(&format!(
        "{}{}",
        paint(&format!("{:<12}", "file"), Colour::Dim),
        folder.path().join(entry.path()).display()
    ));
    if let Ok(content) = &row.content {
        let text: String = printable(content.text.trim_end()).collect();
        line(&format!("\n{text}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns one line that says what a message is about.
pub(super) fn title_of(folder: &SpoolFolder, entry: &Entry) -> String {
    SpoolRow::read(folder, entry.clone()).title(80)
}

pub(super) fn channel_of(folder: &SpoolFolder, entry: &Entry) -> String {
    SpoolRow::read(folder, entry.clone()).channel().to_owned()
}

/// Returns as much of an ID as a table shows.
pub(super) fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

struct SpoolRow {
    entry: Entry,
    /// The content of the file, or why that cannot be said.
    content: Result<Content, String>,
}

impl SpoolRow {
    fn read(folder: &SpoolFolder, entry: Entry) -> Self {
        Self { content: folder.read(&entry).map_err(|error| error.to_string()), entry }
    }

    fn content(&self) -> Option<&Content> {
        self.content.as_ref().ok()
    }

    fn notification(&self) -> Option<&Notification> {
        self.content()?.notification.as_ref()
    }

    /// Says why it was not delivered yet, was given up, or cannot be read.
    fn why(&self) -> Option<&str> {
        let content = match &self.content {
            Ok(content) => content,
            Err(error) => return Some(error),
        };
        match content.why.as_deref().or_else(|| content.last_failure()) {
            None if self.entry.is_deferred() => {
                Some("held back by the budget of its channel, or in quiet hours")
            }
            why => why,
        }
    }

    fn channel(&self) -> &str {
        self.notification().map_or_else(|| self.entry.channel(), Notification::channel)
    }

    fn recipient(&self) -> &str {
        match self.notification() {
            Some(_) if self.redirected().is_some() => "",
            Some(notification) => notification.recipient(),
            None => "",
        }
    }

    fn redirected(&self) -> Option<&str> {
        self.content()?.redirected_from.as_deref()
    }

    fn title(&self, most: usize) -> String {
        let title = match (self.notification(), &self.content) {
            (Some(notification), _) => notification.title(),
            (None, Ok(content)) => &content.alert.message,
            (None, Err(_)) => "cannot be read",
        };
        one_line(title, most)
    }

    fn state(&self) -> (&'static str, Colour) {
        match self.entry.place() {
            _ if self.entry.is_alert() => ("panic", Colour::Bad),
            Place::Dead => ("dead", Colour::Bad),
            Place::Damaged => ("damaged", Colour::Bad),
            Place::Claimed { alive: true, .. } if self.entry.is_under_way() => ("sending", Colour::Good),
            _ if self.entry.is_held() => ("held", Colour::Bad),
            Place::Claimed { alive: true, .. } => ("taken", Colour::Good),
            Place::Claimed { alive: false, .. } => ("left", Colour::Dim),
            _ => ("waiting", Colour::Dim),
        }
    }

    fn age(&self, now: SystemTime) -> String {
        let accepted = self.entry.accepted();
        accepted.map(|at| format_duration(now.duration_since(at).unwrap_or_default())).unwrap_or_default()
    }

    /// Returns before when it is not tried: its own backoff, or what its recipient or channel waits for.
    fn not_before(&self) -> Option<SystemTime> {
        let of_recipient = self.content().and_then(Content::recipient_not_before);
        self.entry.not_before().max(of_recipient)
    }

    fn next(&self, now: SystemTime) -> String {
        if matches!(self.entry.place(), Place::Dead | Place::Damaged) {
            return "never".to_owned();
        }
        let wait = self.not_before().and_then(|at| at.duration_since(now).ok());
        wait.map_or_else(|| "now".to_owned(), |wait| format!("in {}", format_duration(wait)))
    }

    fn facts(&self, now: SystemTime) -> Vec<(&'static str, String)> {
        let entry = &self.entry;
        let (state, _) = self.state();
        let by = match entry.place() {
            Place::Claimed { host, pid, alive, .. } => {
                let whose = if *alive { "by the process" } else { "by the dead process" };
                format!(", {whose} {pid} on {host}")
            }
            _ => String::new(),
        };
        let mut facts = vec![("id", entry.id()), ("state", format!("{state}{by}"))];
        let mut add = |name, text: Option<String>| facts.extend(text.map(|text| (name, text)));
        add("why", self.why().map(str::to_owned));
        let Ok(content) = &self.content else {
            return facts;
        };
        add(
            "accepted",
            entry.accepted().map(|at| format!("{}, {} ago", format_timestamp(at), self.age(now))),
        );
        add("attempts", Some(format!("{}, next {}", entry.attempts(), self.next(now))));
        add(
            "duplicate",
            entry.is_possible_duplicate().then(|| "an earlier attempt may have arrived".to_owned()),
        );
        if let Some(notification) = &content.notification {
            let sent = self.redirected().map(|from| format!(" (redirected from {from}, not rendered yet)"));
            add("channel", Some(format!("{}{}", notification.channel(), sent.unwrap_or_default())));
            add("to", Some(one_line(self.recipient(), 200)).filter(|to| !to.is_empty()));
            add("kind", Some(notification.kind().as_str().to_owned()));
            add("group", Some(notification.group().to_string()));
            add("stands for", (content.covers > 0).then(|| counted(content.covers as u64, "older message")));
            let forms: Vec<&str> = notification.renderings().map(|(form, _)| form.as_str()).collect();
            add("forms", Some(forms.join(", ")));
        }
        let alert = &content.alert;
        add(
            "happened",
            Some(format!(
                "{}, {} ago",
                format_timestamp(alert.at),
                format_duration(now.duration_since(alert.at).unwrap_or_default())
            )),
        );
        facts
    }

    fn json(&self, now: SystemTime) -> Value {
        let entry = &self.entry;
        let notification = self.notification();
        let pid = match entry.place() {
            Place::Claimed { pid, alive: true, .. } => Some(*pid),
            _ => None,
        };
        json!({
            "id": entry.id(), "file": entry.path(), "place": entry.place().as_str(), "state": self.state().0, "pid": pid,
            "channel": self.channel(), "recipient": self.recipient(), "redirected_from": self.redirected(),
            "title": self.title(200), "kind": notification.map(|notification| notification.kind().as_str()),
            "severity": self.content().map(|content| content.alert.severity.as_str()),
            "group": notification.map(|notification| notification.group().to_string()),
            "accepted": entry.accepted().map(format_timestamp),
            "age_seconds": entry.accepted().map(|at| now.duration_since(at).unwrap_or_default().as_secs()),
            "not_before": self.not_before().map(format_timestamp), "attempts": entry.attempts(),
            "held": entry.is_held(), "possible_duplicate": entry.is_possible_duplicate(),
            "why": self.why(),
        })
    }
}

fn table(rows: &[SpoolRow], now: SystemTime) {
    const HEAD: [&str; 9] = ["ID", "STATE", "AGE", "TRIES", "NEXT", "CHANNEL", "TO", "WHAT", "WHY"];
    let cells: Vec<[String; 9]> = rows
        .iter()
        .map(|row| {
            [
                short(&row.entry.id()),
                row.state().0.to_owned(),
                row.age(now),
                row.entry.attempts().to_string(),
                row.next(now),
                one_line(row.channel(), 24),
                one_line(row.recipient(), 28),
                row.title(48),
                one_line(row.why().unwrap_or_default(), 100),
            ]
        })
        .collect();
    let head = HEAD.map(str::to_owned);
    let mut widths = [0; 9];
    for cells in std::iter::once(&head).chain(&cells) {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let print = |cells: &[String; 9], colour: Option<Colour>| {
        let last = cells.len() - 1;
        let padded = cells.iter().zip(widths).enumerate().map(|(number, (cell, width))| {
            let cell = if number == last { cell.clone() } else { format!("{cell:<width$}") };
            match colour {
                Some(colour) if number == 1 => paint(&cell, colour),
                None => paint(&cell, Colour::Dim),
                Some(_) => cell,
            }
        });
        line(padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    print(&head, None);
    for (cells, row) in cells.iter().zip(rows) {
        print(cells, Some(row.state().1));
    }
}

fn sums(rows: &[SpoolRow]) -> String {
    let count =
        |wanted: &[&str]| rows.iter().filter(|row| wanted.contains(&row.entry.place().as_str())).count();
    let (wait, dead, damaged) = (count(&["waiting", "claimed"]), count(&["dead"]), count(&["damaged"]));
    format!("{wait} on their way, {dead} dead, {damaged} damaged")
}

fn details(content: &Content) -> serde_json::Map<String, Value> {
    let renderings = content.notification.iter().flat_map(Notification::renderings);
    let renderings: serde_json::Map<String, Value> = renderings
        .map(|(form, body)| (form.as_str().to_owned(), String::from_utf8_lossy(body).into()))
        .collect();
    let alert = &content.alert;
    let mut details = serde_json::Map::new();
    details.insert("text".to_owned(), content.text.clone().into());
    details.insert("renderings".to_owned(), renderings.into());
    details.insert("notes".to_owned(), content.notes.clone().into());
    details.insert("total".to_owned(), content.total.into());
    details.insert("covers".to_owned(), content.covers.into());
    let alert = json!({
        "id": alert.id.to_string(), "at": format_timestamp(alert.at), "message": alert.message, "target": alert.target,
        "place": alert.place_text(), "app": alert.app.name(), "host": alert.app.host_name(),
    });
    details.insert("alert".to_owned(), alert);
    details
}
