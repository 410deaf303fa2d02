//! Keep notifications on the disk: a folder in the manner of maildir, one file per notification, its state in its name.
//!
//! - All hosts share `new/`: free for whoever comes. `dead/`: dead letters, each with a `.why` beside it. `damaged/`:
//!   what could not be read. `silences/`, `state/`: small things.
//! - Each host has its own folder, in which its processes know of each other. `tmp/`: being written. `cur/`: each claimed
//!   by the process that its name ends with. `state/groups`: what each process has counted.
//! - A notification is written to `tmp/` and renamed into `cur/`: it survives the end of its process. All of a turn are
//!   forced to the disk together, and then the folder: they are accepted. Every later change is a rename, of which
//!   exactly one process can succeed.
//! - The claims of a process that died are released by whoever comes next; an attempt that was under way then is
//!   repeated and marked.

mod backlog;
mod last_failure;
mod state_files;
mod takeover;

use backlog::Backlog;
pub(crate) use last_failure::LastFailure;
pub(crate) use state_files::StateKind;
pub(crate) use takeover::lock;

use std::{cell::Cell, fmt, io, sync::Arc, time::Duration};

use watchfire_core::Alert;

use crate::{
    NotificationId,
    model::{DeliveryState, QueueKey, QueuedMessage, Timestamp},
};

use super::{
    Damaged, Files, Missing, Name, Owner, Trouble, frame,
    record::{AlertRecord, MessageRecord},
};

/// The largest file: a notification with all its renderings and its alert.
pub(crate) const LARGEST: u64 = 1 << 20;
/// How many dead letters are kept.
const MOST_DEAD: usize = 1_000;
/// How many damaged files are kept.
const MOST_DAMAGED: usize = 100;
/// How many files are open at a time until they are forced to the disk; a further one is forced at once.
const MOST_UNFORCED: usize = 64;
/// How long the alert of a panic is left to its own process, while that lives.
const ITS_OWN: Duration = Duration::from_secs(60);

/// A spool's folder, as one process uses it.
pub(crate) struct Spool<F: Files> {
    files: F,
    owner: Owner,
    alive: Alive,
    /// Tells the temporary files of several spools of one process apart.
    tag: u32,
    written: u64,
    /// What is in the folder, and not forced to the disk yet.
    unforced: Vec<(QueueKey, F::Unforced)>,
    /// Whether a name has changed since the last [`commit`](Self::commit).
    has_changed: Cell<bool>,
    dead: Option<usize>,
    beat: Option<Timestamp>,
    backlog: Backlog,
    /// Alerts of panics of this process that are left alone for now: it may be about to end.
    held: Vec<NotificationId>,
    /// The program whose messages these are; `None` takes those of all.
    app: Option<String>,
}

/// Tells whether a process of this host lives.
pub(crate) type Alive = Arc<dyn Fn(&Owner) -> bool + Send + Sync>;

/// The messages found in the folder that this process took over.
#[derive(Debug)]
pub(crate) enum Found {
    QueuedMessage(Name, Box<QueuedMessage>),
    /// A letter that an operator has sent another way: it is to be rendered for its new channel.
    Redirected(Name, Box<QueuedMessage>),
    /// An alert that a panic or a forked child left behind, not rendered yet, who wrote it, and the channel that it is for.
    Alert(Name, Box<Alert>, Option<Owner>, Option<String>),
}

impl<F: Files> Spool<F> {
    pub(crate) fn new(files: F, owner: Owner, alive: Alive, tag: u32) -> Self {
        Self {
            files,
            owner,
            alive,
            tag,
            written: 0,
            unforced: Vec::new(),
            has_changed: Cell::new(false),
            dead: None,
            beat: None,
            backlog: Backlog::default(),
            held: Vec::new(),
            app: None,
        }
    }

    /// Leaves the messages of other programs alone.
    pub(crate) fn of_app(mut self, name: &str) -> Self {
        self.app = Some(name.to_owned());
        self
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Writes a letter and claims it. It is accepted after the next [`commit`](Self::commit).
    pub(crate) fn accept(&mut self, name: &Name, letter: &QueuedMessage) -> Result<Name, Trouble> {
        let bodies: Vec<&[u8]> =
            letter.notification.ladder.iter().map(|rendering| rendering.body.as_slice()).collect();
        let bytes = frame::wrap(&MessageRecord::of(letter), &bodies).ok_or(Trouble::TooLarge(0))?;
        let name = name.clone().owned_by(Some(&self.owner));
        let path = format!("cur/{name}");
        if self.unforced.len() < MOST_UNFORCED {
            let file = self.place_by(&bytes, &path, F::create)?;
            self.unforced.push((name.key, file));
        } else {
            self.place(&bytes, &path)?;
        }
        Ok(name)
    }

    /// Writes an alert as it is, free for whoever comes. For a process that may be about to end.
    pub(crate) fn leave(&mut self, name: &Name, alert: &Alert) -> Result<(), Trouble> {
        let mut record = AlertRecord::of(alert);
        record.writer = Some(self.owner.to_string());
        let bytes = frame::wrap(&record, &[]).ok_or(Trouble::TooLarge(0))?;
        self.place(&bytes, &format!("new/{name}"))
    }

    /// Writes an alert for one channel, free for whoever has it. For a forked child, whose parent sends it; no disk is waited
    /// for.
    pub(crate) fn leave_for(&mut self, channel: &str, name: &Name, alert: &Alert) -> Result<(), Trouble> {
        let mut record = AlertRecord::of(alert);
        record.channel = Some(channel.to_owned());
        let bytes = frame::wrap(&record, &[]).ok_or(Trouble::TooLarge(0))?;
        self.place_by(&bytes, &format!("new/{name}"), F::create).map(drop)
    }

    /// Leaves these alerts alone until it is called again.
    pub(crate) fn hold(&mut self, held: Vec<NotificationId>) {
        self.held = held;
    }

    /// Tells whether a letter is in the folder, and not forced to the disk yet.
    pub(crate) fn is_unforced(&self, key: QueueKey) -> bool {
        self.unforced.iter().any(|(known, _)| *known == key)
    }

    /// Forces to the disk what was written since the last call; returns what became of each.
    pub(crate) fn force(&mut self) -> Vec<(QueueKey, io::Result<()>)> {
        let unforced = std::mem::take(&mut self.unforced);
        unforced.into_iter().map(|(key, file)| (key, self.files.force(&file))).collect()
    }

    /// Makes what was forced, restated, released or removed since the last call last. Where nothing was, no disk is waited
    /// for.
    pub(crate) fn commit(&self) -> io::Result<()> {
        if !self.has_changed.replace(false) {
            return Ok(());
        }
        let synced = self.files.sync("cur");
        self.has_changed.set(synced.is_err());
        synced
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.has_changed.set(true);
        self.files.rename(from, to)
    }

    fn unlink(&self, path: &str) -> io::Result<()> {
        self.has_changed.set(true);
        self.files.remove(path)
    }

    /// Tells whether the folder takes a file.
    pub(crate) fn can_write(&mut self) -> bool {
        let tmp = self.tmp();
        self.files.write(&tmp, b"room").is_ok() && self.unlink(&tmp).is_ok()
    }

    fn tmp(&mut self) -> String {
        self.written += 1;
        format!("tmp/{:x}-{}+{}", self.tag, self.written, self.owner)
    }

    /// Puts a file into a folder, with its content on the disk.
    pub(crate) fn place(&mut self, bytes: &[u8], path: &str) -> Result<(), Trouble> {
        self.place_by(bytes, path, F::write)
    }

    fn place_by<T>(
        &mut self,
        bytes: &[u8],
        path: &str,
        write: fn(&F, &str, &[u8]) -> io::Result<T>,
    ) -> Result<T, Trouble> {
        if bytes.len() as u64 > LARGEST {
            return Err(Trouble::TooLarge(bytes.len() as u64));
        }
        if watchfire_core::process::holds_own_secret(bytes) {
            return Err(Trouble::Secret);
        }
        let tmp = self.tmp();
        let file = write(&self.files, &tmp, bytes).map_err(Trouble::Io)?;
        self.rename(&tmp, path).map_err(|error| {
            self.unlink(&tmp).ok();
            Trouble::Io(error)
        })?;
        Ok(file)
    }

    /// Notes a change of state. `Gone` if another process or an operator took the file.
    pub(crate) fn restate(&self, name: &Name, state: DeliveryState) -> Result<Name, Missing> {
        let next = Name { state, ..name.clone() };
        if next != *name {
            self.rename(&format!("cur/{name}"), &format!("cur/{next}")).map_err(missing)?;
        }
        Ok(next)
    }

    /// Reads a letter that is ours; a damaged one is set aside.
    pub(crate) fn read(&self, name: &Name) -> Result<QueuedMessage, Missing> {
        let path = format!("cur/{name}");
        match self.letter(&path) {
            Err(Missing::Damaged(damage)) => {
                self.set_aside(&path, &name.to_string());
                Err(Missing::Damaged(damage))
            }
            read => read,
        }
    }

    pub(crate) fn letter(&self, path: &str) -> Result<QueuedMessage, Missing> {
        self.message_and_origin(path).map(|(letter, _)| letter)
    }

    /// Reads a letter, and from which channel it was redirected.
    pub(crate) fn message_and_origin(&self, path: &str) -> Result<(QueuedMessage, Option<String>), Missing> {
        let bytes = self.files.read(path, LARGEST).map_err(missing)?;
        let (mut head, bodies) = frame::unwrap::<MessageRecord>(&bytes).map_err(Missing::Damaged)?;
        let origin = head.redirected_from.take();
        let letter = head.letter(bodies).ok_or_else(|| Missing::Damaged(Damaged::content()))?;
        Ok((letter, origin))
    }

    /// Writes a letter for another channel than it was rendered for, free for whoever has that channel.
    pub(crate) fn redirect(
        &mut self,
        name: &Name,
        letter: &QueuedMessage,
        from: &str,
    ) -> Result<(), Trouble> {
        let bodies: Vec<&[u8]> =
            letter.notification.ladder.iter().map(|rendering| rendering.body.as_slice()).collect();
        let mut record = MessageRecord::of(letter);
        record.redirected_from = Some(from.to_owned());
        let bytes = frame::wrap(&record, &bodies).ok_or(Trouble::TooLarge(0))?;
        self.place(&bytes, &format!("new/{name}"))
    }

    /// Reads an alert that was left as it is, who wrote it, and the channel that it is for.
    pub(crate) fn alert(&self, path: &str) -> Result<(Alert, Option<Owner>, Option<String>), Missing> {
        let bytes = self.files.read(path, LARGEST).map_err(missing)?;
        let (mut head, _) = frame::unwrap::<AlertRecord>(&bytes).map_err(Missing::Damaged)?;
        let writer = head.writer.as_deref().and_then(Owner::parse);
        let channel = head.channel.take();
        let alert = head.alert().ok_or_else(|| Missing::Damaged(Damaged::content()))?;
        Ok((alert, writer, channel))
    }

    /// Removes what is delivered, merged or said elsewhere. That it is gone need not last: at worst it comes twice.
    pub(crate) fn remove(&self, name: &Name) -> Result<(), Missing> {
        self.unlink(&format!("cur/{name}")).map_err(missing)
    }

    /// Gives a claim back, for whoever comes.
    pub(crate) fn release(&self, name: &Name) -> Result<(), Missing> {
        let free = name.clone().owned_by(None);
        self.rename(&format!("cur/{name}"), &format!("new/{free}")).map_err(missing)
    }

    /// Keeps a letter as a dead one, with the reason beside it.
    pub(crate) fn bury(&mut self, name: &Name, why: &str) -> Result<(), Missing> {
        let mut free = name.clone().owned_by(None);
        // Its attempt has ended, and its end is known.
        free.state.in_flight = false;
        self.rename(&format!("cur/{name}"), &format!("dead/{free}")).map_err(missing)?;
        self.files.write(&format!("dead/{free}.why"), why.as_bytes()).ok();
        let dead = match self.dead {
            Some(known) => known + 1,
            None => self.list("dead").len(),
        };
        self.dead = Some(if dead > MOST_DEAD { self.thin_out_dead() } else { dead });
        Ok(())
    }

    /// Sets a damaged file aside, for somebody to look at; of those that are there already some make room.
    fn set_aside(&self, path: &str, name: &str) -> bool {
        // At most a few more than are kept.
        let mut aside = self.files.list("damaged").unwrap_or_default();
        aside.sort_unstable();
        // Names begin with their time; what has no such name goes last.
        let surplus = (aside.len() + 1).saturating_sub(MOST_DAMAGED);
        for name in aside.iter().take(surplus) {
            self.unlink(&format!("damaged/{name}")).ok();
        }
        self.rename(path, &format!("damaged/{name}")).is_ok()
    }

    fn thin_out_dead(&self) -> usize {
        let mut dead = self.list("dead");
        dead.sort_unstable_by_key(|name| name.key);
        let surplus = dead.len().saturating_sub(MOST_DEAD);
        for name in dead.iter().take(surplus) {
            self.unlink(&format!("dead/{name}")).ok();
            self.unlink(&format!("dead/{name}.why")).ok();
        }
        dead.len() - surplus
    }

    /// Tells whether a message is of this program: several may share a folder, and have channels of the same name.
    fn is_ours(&self, letter: &QueuedMessage) -> bool {
        self.app.as_ref().is_none_or(|app| letter.summary.alert.app.name() == app)
    }

    pub(crate) fn list(&self, folder: &str) -> Vec<Name> {
        let names = self.files.list(folder).unwrap_or_default();
        names.iter().filter_map(|text| Name::parse(text)).collect()
    }

    /// Tells whether a message is in the folder, whoever has it.
    pub(crate) fn holds(&self, id: NotificationId) -> bool {
        ["cur", "new"].into_iter().any(|folder| self.list(folder).iter().any(|name| name.key.id == id))
    }

    pub(crate) fn files(&self) -> &F {
        &self.files
    }
}

/// Reads the text of a file that [`keep`](Spool::keep) has written.
#[cfg(feature = "sim")]
pub(crate) fn text_of(file: &[u8]) -> Option<String> {
    frame::unwrap::<String>(file).ok().map(|(text, _)| text)
}

fn missing(error: io::Error) -> Missing {
    if error.kind() == io::ErrorKind::NotFound { Missing::Gone } else { Missing::Io(error) }
}

impl<F: Files> fmt::Debug for Spool<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("owner", &self.owner).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
