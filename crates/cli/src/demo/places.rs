//! Look where the failures arrived, and judge it.

use std::{path::Path, time::Duration};

use anyhow::Context;
use serde::Serialize;
use watchfire_inbox::{Inbox, Provider};

/// One place that messages arrive at.
pub(super) struct DemoTarget {
    name: &'static str,
    /// How many copies of each failure are due there: one per recipient.
    copies: usize,
    /// The texts that arrived.
    texts: Vec<String>,
}

/// The findings at all places.
#[derive(Serialize)]
pub(super) struct DemoFindings {
    pub(super) places: Vec<&'static str>,
    pub(super) rows: Vec<FailureRow>,
    pub(super) leaks: Vec<String>,
    pub(super) looked_at: usize,
}

/// The findings for one failure, or for the warning.
#[derive(Serialize)]
pub(super) struct FailureRow {
    pub(super) text: String,
    pub(super) counts: Vec<usize>,
    pub(super) expected: Vec<usize>,
}

impl DemoFindings {
    pub(super) fn is_good(&self) -> bool {
        self.leaks.is_empty() && self.rows.iter().all(|row| row.counts == row.expected)
    }
}

/// The providers of the inbox that the demo's layers deliver to, and how many copies each gets.
const PROVIDERS: [(&str, Provider, usize); 5] = [
    ("email", Provider::Smtp, 2),
    ("slack", Provider::SlackWebhook, 1),
    ("telegram", Provider::Telegram, 1),
    ("sms", Provider::Twilio, 1),
    ("sentry", Provider::Sentry, 1),
];

/// Waits until every provider has what is due, and reads all places.
pub(super) fn collect(
    inbox: &Inbox,
    log: &Path,
    failures: usize,
    patience: Duration,
) -> anyhow::Result<Vec<DemoTarget>> {
    let text = std::fs::read_to_string(log)
        .with_context(|| format!("the log file {} cannot be read", log.display()))?;
    let mut places = vec![DemoTarget { name: "file", copies: 1, texts: entries(&text) }];
    for (name, provider, copies) in PROVIDERS {
        // The findings name whatever is missing after the wait.
        let _missing = inbox.wait_for(provider, failures * copies, patience).err();
        let texts = inbox
            .accepted(provider)
            .iter()
            .map(|message| format!("{}\n{}", message.text(), message.body()))
            .collect();
        places.push(DemoTarget { name, copies, texts });
    }
    Ok(places)
}

pub(super) fn judge(
    places: &[DemoTarget],
    wanted: &[&str],
    unwanted: &str,
    secrets: &[&str],
) -> DemoFindings {
    let row = |text: &str, due: bool| FailureRow {
        text: text.to_owned(),
        counts: places
            .iter()
            .map(|place| place.texts.iter().filter(|found| found.contains(text)).count())
            .collect(),
        expected: places.iter().map(|place| if due { place.copies } else { 0 }).collect(),
    };
    let mut rows: Vec<FailureRow> = wanted.iter().map(|text| row(text, true)).collect();
    rows.push(row(unwanted, false));
    let leaks = places.iter().flat_map(|place| {
        let leaked = secrets.iter().filter(|secret| place.texts.iter().any(|text| text.contains(**secret)));
        leaked.map(|secret| format!("`{secret}` in {}", place.name))
    });
    DemoFindings {
        places: places.iter().map(|place| place.name).collect(),
        rows,
        leaks: leaks.collect(),
        looked_at: places.iter().map(|place| place.texts.len()).sum(),
    }
}

/// Splits a log file into its entries: a line and the indented ones below it.
fn entries(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in text.lines() {
        match entries.last_mut() {
            Some(last) if line.starts_with(' ') => {
                last.push('\n');
                last.push_str(line);
            }
            _ => entries.push(line.to_owned()),
        }
    }
    entries
}
