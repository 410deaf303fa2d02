//! Claim what is free in the folder: a few files in a turn, whatever many there are, the severe first.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    io::ErrorKind,
    time::Duration,
};

use watchfire_core::{Severity, counted};

use super::{Found, ITS_OWN, Spool};
use crate::{
    model::Timestamp,
    spool::{Files, Missing, Name},
};

/// How many files are read in one turn, and how many are claimed for one channel: other work waits meanwhile.
const SLICE: usize = 256;
/// How often the folder is listed while messages of it that are known wait for their channel.
const RELIST: Duration = Duration::from_secs(30);
/// How soon it is listed again if somebody asks for that.
const RELIST_ASKED: Duration = Duration::from_secs(1);

/// The free files of the folder that were listed and not claimed yet.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    listed: Option<Timestamp>,
    /// The names of files that nobody has looked into, the oldest last.
    unread: Vec<String>,
    /// The messages that may be claimed, by channel, the first to go last.
    ready: BTreeMap<String, Vec<ReadyFile>>,
    /// Whether these are in their order.
    is_sorted: bool,
    unusable: Unusable,
    /// Files that are for channels nobody has set up here: they stay.
    pub(super) foreign: HashSet<String>,
    /// Files of other programs, or of newer versions of this one: they stay, and are reported once.
    strangers: HashSet<String>,
}

#[derive(Debug)]
struct ReadyFile {
    severity: Severity,
    name: String,
    /// The message itself, if there are only a few.
    content: Option<Found>,
}

/// The files of one listing that hold no message for this program.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unusable {
    pub(crate) damaged: u64,
    pub(crate) strangers: u64,
    first: String,
}

impl Unusable {
    fn note(&mut self, name: &str, why: &dyn fmt::Display) {
        if self.first.is_empty() {
            self.first = format!("{name}: {why}");
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { damaged, strangers, first } = self;
        if *damaged > 0 {
            write!(f, "{} set aside in the spool", counted(*damaged, "damaged file"))?;
        }
        if *strangers > 0 {
            let and = if *damaged > 0 { ", " } else { "" };
            write!(f, "{and}{} of other programs left alone in the spool", counted(*strangers, "file"))?;
        }
        match damaged + strangers {
            1 => write!(f, ": {first}"),
            _ => write!(f, "; the first: {first}"),
        }
    }
}

impl Backlog {
    fn is_empty(&self) -> bool {
        self.unread.is_empty() && self.ready.is_empty()
    }
}

impl<F: Files> Spool<F> {
    /// Claims what is free and for us: of each channel as many as it has `room` for, the severe first, then the oldest.
    ///
    /// The folder is listed once, and then read and claimed in slices. With the last slice of a listing comes what of it
    /// is of no use: a damaged file is set aside; one of another program or a newer version is left alone, and so is one
    /// for a channel that is not known here, and the alert of a panic of another process that lives: that process says it
    /// itself, or dies of it, and then that is to be said too. `asked` lists the folder again soon.
    pub(crate) fn claim(
        &mut self,
        known: &dyn Fn(&str) -> bool,
        (alerts, asked): (bool, bool),
        room: &dyn Fn(&str) -> usize,
        now: Timestamp,
    ) -> (Vec<Found>, Option<Unusable>) {
        self.list_free(asked, now);
        let mut found = Vec::new();
        let keeps = self.backlog.unread.len() <= SLICE;
        for _ in 0..SLICE {
            let Some(text) = self.backlog.unread.pop() else { break };
            self.inspect(text, known, (alerts, keeps), &mut found, now);
        }
        if !self.backlog.unread.is_empty() {
            return (found, None);
        }
        let is_sorted = std::mem::replace(&mut self.backlog.is_sorted, true);
        for (channel, mut files) in std::mem::take(&mut self.backlog.ready) {
            if !is_sorted {
                files.sort_by(|a, b| a.severity.cmp(&b.severity).then_with(|| b.name.cmp(&a.name)));
            }
            let rest = files.len().saturating_sub(room(&channel).min(SLICE));
            for file in files.split_off(rest).into_iter().rev() {
                found.extend(self.take(file));
            }
            if !files.is_empty() {
                self.backlog.ready.insert(channel, files);
            }
        }
        let unusable = std::mem::take(&mut self.backlog.unusable);
        (found, Some(unusable).filter(|unusable| unusable.damaged + unusable.strangers > 0))
    }

    /// Tells whether there is more to read, or to claim for a channel with `room`.
    pub(crate) fn has_more(&self, room: &dyn Fn(&str) -> usize) -> bool {
        !self.backlog.unread.is_empty() || self.backlog.ready.keys().any(|channel| room(channel) > 0)
    }

    /// Returns how many files are known and not claimed.
    pub(crate) fn backlog(&self) -> usize {
        self.backlog.unread.len() + self.backlog.ready.values().map(Vec::len).sum::<usize>()
    }

    /// Forgets which files are for channels that are not known here: one was set up.
    pub(crate) fn look_again(&mut self) {
        self.backlog.foreign.clear();
        self.backlog.listed = None;
    }

    fn list_free(&mut self, asked: bool, now: Timestamp) {
        let Backlog { listed, unread, .. } = &self.backlog;
        let age = listed.map(|listed| now.since(listed));
        let is_due = age.is_none_or(|age| age >= RELIST || (asked && age >= RELIST_ASKED));
        if !(self.backlog.is_empty() || (unread.is_empty() && is_due)) {
            return;
        }
        let mut names = self.files.list("new").unwrap_or_default();
        let there: HashSet<&str> = names.iter().map(String::as_str).collect();
        let Backlog { ready, foreign, strangers, .. } = &mut self.backlog;
        for files in ready.values_mut() {
            files.retain(|file| there.contains(file.name.as_str()));
        }
        foreign.retain(|name| there.contains(name.as_str()));
        strangers.retain(|name| there.contains(name.as_str()));
        drop(there);
        let known: HashSet<&str> = ready.values().flatten().map(|file| file.name.as_str()).collect();
        names.retain(|name| {
            !known.contains(name.as_str()) && !foreign.contains(name) && !strangers.contains(name)
        });
        names.sort_unstable_by(|a, b| b.cmp(a));
        self.backlog.unread = names;
        self.backlog.listed = Some(now);
    }

    /// Looks into a file, and puts it where it belongs.
    fn inspect(
        &mut self,
        text: String,
        known: &dyn Fn(&str) -> bool,
        (alerts, keeps): (bool, bool),
        found: &mut Vec<Found>,
        now: Timestamp,
    ) {
        let free = format!("new/{text}");
        let Some(name) = Name::parse(&text) else {
            return self.leave_alone(text, &"not a name of a spool file");
        };
        if name.is_alert() && (!alerts || self.held.contains(&name.key.id)) {
            return;
        }
        let content = match self.found(&name, &free) {
            Ok(content) => content,
            Err(Missing::Damaged(damage)) if damage.is_newer() => return self.leave_alone(text, &damage),
            Err(Missing::Damaged(damage)) => {
                if self.set_aside(&free, &text) {
                    self.backlog.unusable.damaged += 1;
                    self.backlog.unusable.note(&text, &damage);
                }
                return;
            }
            // A pipe, a link, a device, or a larger file than a spool has.
            Err(Missing::Io(error))
                if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::FileTooLarge) =>
            {
                return self.leave_alone(text, &error);
            }
            Err(_) => return,
        };
        let (severity, channel) = match &content {
            Found::QueuedMessage(_, letter) | Found::Redirected(_, letter) => {
                let channel = letter.notification.channel.clone();
                if !known(&channel) || !self.is_ours(letter) {
                    self.backlog.foreign.insert(text);
                    return;
                }
                (letter.notification.severity, channel)
            }
            // For one channel: it may go to whoever has that.
            Found::Alert(_, alert, _, Some(channel))
                if !known(channel) || self.app.as_ref().is_some_and(|app| alert.app.name() != app) =>
            {
                self.backlog.foreign.insert(text);
                return;
            }
            Found::Alert(_, _, writer, _) => {
                let is_another = writer.as_ref().is_some_and(|writer| {
                    *writer != self.owner
                        && now.since(name.key.accepted_at()) < ITS_OWN
                        && !self.has_died(writer)
                });
                if !is_another {
                    let file = ReadyFile { severity: Severity::Critical, name: text, content: Some(content) };
                    found.extend(self.take(file));
                }
                return;
            }
        };
        let content = keeps.then_some(content);
        self.backlog.is_sorted = false;
        self.backlog.ready.entry(channel).or_default().push(ReadyFile { severity, name: text, content });
    }

    fn found(&self, name: &Name, path: &str) -> Result<Found, Missing> {
        if name.is_alert() {
            return self.alert(path).map(|(alert, writer, channel)| {
                Found::Alert(name.clone(), Box::new(alert), writer, channel)
            });
        }
        self.message_and_origin(path).map(|(letter, origin)| match origin {
            Some(_) => Found::Redirected(name.clone(), Box::new(letter)),
            None => Found::QueuedMessage(name.clone(), Box::new(letter)),
        })
    }

    fn leave_alone(&mut self, text: String, why: &dyn fmt::Display) {
        self.backlog.unusable.strangers += 1;
        self.backlog.unusable.note(&text, why);
        self.backlog.strangers.insert(text);
    }

    /// Claims a file; `None` if another process or an operator was faster.
    fn take(&self, file: ReadyFile) -> Option<Found> {
        let name = Name::parse(&file.name)?;
        let free = format!("new/{}", file.name);
        let content = match file.content {
            Some(content) => content,
            // A damaged one is found by the next listing.
            None => self.found(&name, &free).ok()?,
        };
        let claimed = name.owned_by(Some(&self.owner));
        self.rename(&free, &format!("cur/{claimed}")).ok()?;
        Some(match content {
            Found::QueuedMessage(_, letter) => Found::QueuedMessage(claimed, letter),
            Found::Redirected(_, letter) => Found::Redirected(claimed, letter),
            Found::Alert(_, alert, writer, channel) => Found::Alert(claimed, alert, writer, channel),
        })
    }
}
