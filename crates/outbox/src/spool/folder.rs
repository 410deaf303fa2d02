//! Look into a spool's folder, and change what is in it, while programs use it: the view of an operator, over all hosts.
//!
//! Every change is one rename or removal of the file as it was listed. If a program changed it meanwhile the change
//! fails with [`FolderError::Changed`], and nothing has happened.
//!
//! ```no_run
//! use watchfire_outbox::folder::SpoolFolder;
//! let mut folder = SpoolFolder::open("/var/lib/shop/watchfire")?;
//! for entry in folder.list()? {
//!     println!("{} {} {:?}", entry.id(), entry.channel(), entry.place());
//! }
//! # Ok::<_, std::io::Error>(())
//! ```

mod entry;
mod groups;
mod silences;

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use watchfire_core::{App, clock};

use crate::{
    model::{DeliveryState, QueueKey, Timestamp, hash::Fnv128, random},
    spool::{Disk, Files, Marker, Missing, Name, Owner, Runner, Spool, Trouble, alive},
};

pub use entry::{Content, Entry, Place};

/// A spool's folder as an operator sees it.
#[derive(Debug)]
pub struct SpoolFolder {
    spool: Spool<Disk>,
}

/// Says why something in the folder cannot be had or changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum FolderError {
    /// It is being delivered at this moment, by the process of this id.
    UnderWay(u32),
    /// A program has taken, delivered or changed it since it was listed.
    Changed,
    /// The file is damaged, in this way.
    Damaged(String),
    /// It is what a panic left behind, not rendered yet: the next program with channels says it on all of them.
    NotRendered,
    /// It cannot be written: it holds a credential, or is too large.
    NotWritten(String),
    /// The folder cannot be read or written.
    Io(io::Error),
}

impl SpoolFolder {
    /// Returns where a spool is when nothing is said: `watchfire` in systemd's `$STATE_DIRECTORY`, if that is set.
    #[must_use]
    pub fn default_path() -> Option<PathBuf> {
        default()
    }

    /// Opens a spool's folder; makes none.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let app = App::new("watchfire");
        let disk = Disk::existing(path.as_ref(), app.host_name())?;
        let owner = Owner::this(app.host_name());
        let alive = alive(&disk, &owner);
        Ok(Self { spool: Spool::new(disk, owner, alive, random::bits()) })
    }

    /// Returns its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.spool.files().root()
    }

    /// Lists what is in it: what waits, the oldest first, then dead letters, then what is damaged.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn list(&self) -> io::Result<Vec<Entry>> {
        let files = self.spool.files();
        let mut waiting: BTreeMap<QueueKey, Entry> = BTreeMap::new();
        let mut owners: Vec<(Owner, bool)> = Vec::new();
        let now = Timestamp::from(clock::now());
        // What is moved from one to the other while they are read is seen in one of three looks at least.
        for look in 0..3 {
            let claimed = if look == 1 { Vec::new() } else { self.spool.homes() };
            for home in claimed {
                let folder = format!("{home}/cur");
                for text in files.list(&folder).unwrap_or_default() {
                    let Some(name) = Name::parse(&text) else { continue };
                    let place = name.owner.as_ref().map_or(Place::Waiting, |owner| {
                        let known = owners.iter().find(|(known, _)| known == owner).map(|(_, alive)| *alive);
                        let alive = known.unwrap_or_else(|| {
                            let alive = !self.spool.is_gone(&home, owner, now);
                            owners.push((owner.clone(), alive));
                            alive
                        });
                        Place::Claimed { host: owner.host.clone(), pid: owner.pid, alive }
                    });
                    waiting.insert(name.key, Entry::new(&folder, text, place));
                }
            }
            for text in if look == 1 { self.listed("new")? } else { Vec::new() } {
                if let Some(name) = Name::parse(&text) {
                    waiting.insert(name.key, Entry::new("new", text, Place::Waiting));
                }
            }
        }
        let mut entries: Vec<Entry> = waiting.into_values().collect();
        for (folder, place) in [("dead", Place::Dead), ("damaged", Place::Damaged)] {
            let mut names = self.listed(folder)?;
            names.retain(|name| folder == "damaged" || Name::parse(name).is_some());
            names.sort_unstable();
            entries.extend(names.into_iter().map(|name| Entry::new(folder, name, place.clone())));
        }
        Ok(entries)
    }

    /// Lists a folder; one that is not there is empty.
    fn listed(&self, folder: &str) -> io::Result<Vec<String>> {
        match self.spool.files().list(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed,
        }
    }

    /// Reads what a file holds.
    ///
    /// # Errors
    ///
    /// If it is not there any more, or damaged.
    pub fn read(&self, entry: &Entry) -> Result<Content, FolderError> {
        if entry.is_alert() {
            let (alert, ..) = self.spool.alert(&entry.path())?;
            return Ok(Content::of_alert(alert));
        }
        let (letter, origin) = self.spool.message_and_origin(&entry.path())?;
        let why = self.spool.files().read(&format!("{}.why", entry.path()), 4_096).ok();
        let why = why.map(|bytes| crate::one_line(&String::from_utf8_lossy(&bytes), 500));
        let why = why.filter(|_| *entry.place() == Place::Dead);
        let mut content = Content::of_letter(letter, entry.state(), origin, why);
        if let (None, Some(notification)) = (&content.redirected_from, &content.notification)
            && !matches!(entry.place(), Place::Dead | Place::Damaged)
        {
            content.failure = self.spool.failure_of(notification.channel(), notification.recipient());
        }
        Ok(content)
    }

    /// Lets a message be tried again at once: it forgets its backoff, and a dead letter is alive again.
    ///
    /// A program that has the channel takes it within 5 s. A pause that the provider asked for is still kept.
    ///
    /// # Errors
    ///
    /// If it is under way, damaged, or was changed meanwhile.
    pub fn retry(&mut self, entry: &Entry) -> Result<(), FolderError> {
        let mut name = Self::letter_name(entry)?;
        if *entry.place() == Place::Dead {
            // A new life: else it would be too old to be sent by itself.
            name.key.accepted = Timestamp::from(clock::now()).as_millis().saturating_mul(1_000);
            name.state.failed_over = false;
        }
        name.state =
            DeliveryState { not_before: Timestamp::default(), attempts: 0, held: false, ..name.state };
        let free = name.owned_by(None);
        let files = self.spool.files();
        files.rename(&entry.path(), &format!("new/{free}")).map_err(changed)?;
        self.forget_why(entry);
        self.spool.files().sync("new").map_err(FolderError::Io)
    }

    /// Sends a message another way: the next program that has the channel `to` renders and delivers it there.
    ///
    /// # Errors
    ///
    /// As [`retry`](Self::retry).
    pub fn redirect(&mut self, entry: &Entry, to: &str) -> Result<(), FolderError> {
        let name = Self::letter_name(entry)?;
        let now = Timestamp::from(clock::now());
        // The mark comes before the claim: a claim without one looks left behind in other containers.
        let app = App::new("watchfire");
        let runner = Runner::this(&app, self.spool.owner(), true, now.into());
        let mark = Marker::set(self.spool.files(), &runner, random::bits(), now.into());
        let claim = name.clone().owned_by(Some(self.spool.owner()));
        let claimed = format!("cur/{claim}");
        self.spool.files().rename(&entry.path(), &claimed).map_err(changed)?;
        let redirected = self.write_redirected(&name, &claimed, to, now);
        let ended = match &redirected {
            // The new file is on the disk before the old one goes.
            Ok(()) => self.spool.files().sync("new").and_then(|()| self.spool.files().remove(&claimed)),
            Err(_) => self.spool.files().rename(&claimed, &entry.path()),
        };
        mark.into_iter().for_each(Marker::remove);
        redirected?;
        ended.map_err(FolderError::Io)?;
        self.forget_why(entry);
        Ok(())
    }

    fn write_redirected(
        &mut self,
        name: &Name,
        path: &str,
        to: &str,
        now: Timestamp,
    ) -> Result<(), FolderError> {
        let (mut letter, origin) = self.spool.message_and_origin(path)?;
        let from = origin.unwrap_or_else(|| letter.notification.channel.clone());
        let mut summary = (*letter.summary).clone();
        summary.notes.push(format!("Sent here by hand, instead of by the channel `{from}`."));
        letter.summary = Arc::new(summary);
        to.clone_into(&mut letter.notification.channel);
        // Its own id: the same message may already be on its way there.
        let id = Fnv128::new().part(&name.key.id.as_u128().to_be_bytes()).part(to.as_bytes()).finish();
        let key = QueueKey { accepted: now.as_millis().saturating_mul(1_000), id: crate::NotificationId(id) };
        let state = DeliveryState { maybe_duplicate: name.state.maybe_duplicate, ..DeliveryState::default() };
        let written = self.spool.redirect(&Name::new(key, state, to), &letter, &from);
        written.map_err(FolderError::from)
    }

    /// Removes a message; it is lost.
    ///
    /// # Errors
    ///
    /// If it is under way, or was changed meanwhile.
    pub fn discard(&mut self, entry: &Entry) -> Result<(), FolderError> {
        Self::not_under_way(entry)?;
        self.spool.files().remove(&entry.path()).map_err(changed)?;
        self.forget_why(entry);
        self.spool.files().sync(entry.folder()).map_err(FolderError::Io)
    }

    fn letter_name(entry: &Entry) -> Result<Name, FolderError> {
        Self::not_under_way(entry)?;
        if *entry.place() == Place::Damaged {
            return Err(FolderError::Damaged("it was set aside".to_owned()));
        }
        if entry.is_alert() {
            return Err(FolderError::NotRendered);
        }
        let mut name = entry.name().cloned().ok_or(FolderError::Changed)?;
        // Its process died in an attempt: it may have arrived.
        name.state.maybe_duplicate |= name.state.in_flight;
        name.state.in_flight = false;
        Ok(name)
    }

    fn not_under_way(entry: &Entry) -> Result<(), FolderError> {
        match entry.place() {
            Place::Claimed { pid, alive: true, .. } if entry.is_under_way() => {
                Err(FolderError::UnderWay(*pid))
            }
            _ => Ok(()),
        }
    }

    fn forget_why(&self, entry: &Entry) {
        if *entry.place() == Place::Dead {
            self.spool.files().remove(&format!("{}.why", entry.path())).ok();
        }
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnderWay(pid) => write!(f, "the process {pid} is delivering it at this moment"),
            Self::Changed => f.write_str("a program took or changed it meanwhile"),
            Self::Damaged(how) => write!(f, "the file is damaged: {how}"),
            Self::NotRendered => {
                f.write_str("it is what a panic left behind, and no message of a channel yet")
            }
            Self::NotWritten(why) => write!(f, "it cannot be written: {why}"),
            Self::Io(_) => f.write_str("the folder cannot be read or written"),
        }
    }
}

impl std::error::Error for FolderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Missing> for FolderError {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Gone => Self::Changed,
            Missing::Damaged(damage) => Self::Damaged(damage.to_string()),
            Missing::Io(error) => Self::Io(error),
        }
    }
}

impl From<Trouble> for FolderError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Io(error) => Self::Io(error),
            other => Self::NotWritten(other.to_string()),
        }
    }
}

fn changed(error: io::Error) -> FolderError {
    if error.kind() == io::ErrorKind::NotFound { FolderError::Changed } else { FolderError::Io(error) }
}

/// Returns where a spool is when nothing is said: in the folder that systemd made for the service.
///
/// systemd.exec(5), `StateDirectory=`: `$STATE_DIRECTORY` holds the paths, joined by colons; the first is used.
#[expect(clippy::disallowed_methods, reason = "the one variable that the outbox knows; read at the start")]
pub(crate) fn default() -> Option<PathBuf> {
    let folders = std::env::var("STATE_DIRECTORY").ok()?;
    let first = folders.split(':').next().map(str::trim).filter(|folder| !folder.is_empty())?;
    Some(PathBuf::from(first).join("watchfire"))
}
