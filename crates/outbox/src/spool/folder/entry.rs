//! An entry of the spool, for operators.

use std::{sync::Arc, time::SystemTime};

use watchfire_core::Alert;

use crate::{
    MessageContent, Notification, Occasion,
    model::{DeliveryState, QueuedMessage, Timestamp},
    spool::{LastFailure, Name},
};

/// A file of the folder, with what its name tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    folder: String,
    file: String,
    name: Option<Name>,
    place: Place,
}

/// Says where a message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// It waits for a program that has its channel.
    Waiting,
    /// A program takes care of it.
    #[non_exhaustive]
    Claimed {
        /// The host of that program, as it calls it.
        host: String,
        /// Its process id.
        pid: u32,
        /// Whether it still lives, as far as that can be told. Who comes next takes over from the dead.
        alive: bool,
    },
    /// It was given up.
    Dead,
    /// It could not be read, and was set aside.
    Damaged,
}

impl Place {
    /// Returns the lower-case name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Claimed { .. } => "claimed",
            Self::Dead => "dead",
            Self::Damaged => "damaged",
        }
    }
}

impl Entry {
    pub(super) fn new(folder: &str, file: String, place: Place) -> Self {
        Self { folder: folder.to_owned(), name: Name::parse(&file), file, place }
    }

    /// Returns the id of the notification, or of a panic's alert: 32 hexadecimal digits. A damaged file whose name
    /// tells none has its name for an id.
    #[must_use]
    pub fn id(&self) -> String {
        self.name.as_ref().map_or_else(|| self.file.clone(), |name| name.key.id.to_string())
    }

    /// Returns the file's path within the folder, with `/`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.folder, self.file)
    }

    /// Returns where it stands.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns the channel as the file's name has it: letters, digits, `-` and `_`, cut short.
    #[must_use]
    pub fn channel(&self) -> &str {
        self.name.as_ref().filter(|name| !name.is_alert()).map_or("", |name| &name.label)
    }

    /// Returns when it was accepted.
    #[must_use]
    pub fn accepted(&self) -> Option<SystemTime> {
        self.name.as_ref().map(|name| name.key.accepted_at().into())
    }

    /// Returns before when it is not tried; `None` if it may go at once.
    #[must_use]
    pub fn not_before(&self) -> Option<SystemTime> {
        Some(self.state().not_before).filter(|at| *at > Timestamp::default()).map(SystemTime::from)
    }

    /// Returns how many attempts were started.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.state().attempts
    }

    /// Tells whether it is what a panic left behind, for all channels, not rendered yet.
    #[must_use]
    pub fn is_alert(&self) -> bool {
        self.name.as_ref().is_some_and(Name::is_alert)
    }

    /// Tells whether an attempt is under way, or was when its program died.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.place != Place::Dead && self.state().in_flight
    }

    /// Tells whether its channel cannot deliver until somebody changes something, such as credentials.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.state().held
    }

    /// Tells whether the budget of its channel has no room for it, or it came in quiet hours.
    #[must_use]
    pub fn is_deferred(&self) -> bool {
        self.state().deferred
    }

    /// Tells whether an earlier attempt may have arrived.
    #[must_use]
    pub fn is_possible_duplicate(&self) -> bool {
        let state = self.state();
        let died = matches!(self.place, Place::Claimed { alive: false, .. }) && state.in_flight;
        state.maybe_duplicate || died
    }

    pub(super) fn state(&self) -> DeliveryState {
        self.name.as_ref().map(|name| name.state).unwrap_or_default()
    }

    pub(super) fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }

    pub(super) fn folder(&self) -> &str {
        &self.folder
    }
}

/// The content of a file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Content {
    /// The message, at the form that is tried next; `None` if it is an alert that a panic left behind.
    pub notification: Option<Notification>,
    /// The alert that it is about.
    pub alert: Arc<Alert>,
    /// The whole message as plain text, for people, whatever its channel makes of it.
    pub text: String,
    /// How many alerts of its group there were when it was made.
    pub total: u64,
    /// What the outbox remarked.
    pub notes: Vec<String>,
    /// How many older messages it stands for.
    pub covers: usize,
    /// The channel that it was rendered for, if it was sent another way since.
    pub redirected_from: Option<String>,
    /// Why it was given up.
    pub why: Option<String>,
    pub(super) failure: Option<LastFailure>,
}

impl Content {
    /// Returns why the last attempt for its recipient, or for its whole channel, did not deliver, whichever message it was
    /// for.
    #[must_use]
    pub fn last_failure(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.reason.as_str())
    }

    /// Returns from when on the next attempt for its recipient is made, if the last one failed.
    #[must_use]
    pub fn recipient_not_before(&self) -> Option<SystemTime> {
        self.failure.as_ref().map(LastFailure::until)
    }

    pub(super) fn of_alert(alert: Alert) -> Self {
        let place = alert.place_text().unwrap_or_default();
        Self {
            text: format!("{}\n{place}\n{}", alert.message, alert.error.join("\n")),
            notification: None,
            alert: Arc::new(alert),
            total: 1,
            notes: Vec::new(),
            covers: 0,
            redirected_from: None,
            why: None,
            failure: None,
        }
    }

    pub(super) fn of_letter(
        letter: QueuedMessage,
        state: DeliveryState,
        redirected_from: Option<String>,
        why: Option<String>,
    ) -> Self {
        let QueuedMessage { mut notification, summary, covers, .. } = letter;
        notification.step = usize::from(state.step).min(notification.ladder.len().saturating_sub(1));
        notification.maybe_duplicate = state.maybe_duplicate;
        let occasion = Occasion::new(&summary, &notification.channel, summary.counts.last);
        Self {
            text: MessageContent::of(&occasion).plain_text(),
            notification: Some(notification),
            alert: Arc::clone(&summary.alert),
            total: summary.counts.total,
            notes: summary.notes.clone(),
            covers: covers.len(),
            redirected_from,
            why,
            failure: None,
        }
    }
}
