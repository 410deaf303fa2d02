//! The facts of a message about a group: which alert, how often, since when, and what the outbox remarks.

use std::{sync::Arc, time::SystemTime};

use watchfire_core::Alert;

use super::GroupId;

/// The facts of one message: the same for every channel and recipient, and kept with the message in the spool.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GroupSummary {
    /// Why the message is sent.
    pub kind: OccasionKind,
    /// The group.
    pub group: GroupId,
    /// The alert that it shows: the first of the group, or the latest for a digest.
    pub alert: Arc<Alert>,
    /// How many messages the group had before this one.
    pub number: u32,
    /// How often it happened.
    pub counts: Counts,
    /// Of a storm: whether it goes on.
    pub outlook: Option<Outlook>,
    /// Other groups that a storm or catch-up message names.
    pub mentions: Vec<Mention>,
    /// Remarks of the outbox, such as why this channel reports for another.
    pub notes: Vec<String>,
    pub(crate) source: SummarySource,
}

/// The part of the outbox that decided on a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SummarySource {
    /// The channel's own aggregator, or several of its messages in one.
    #[default]
    Channel,
    /// The failover of another channel.
    Failover,
}

impl GroupSummary {
    /// Summarizes the first alert of a group.
    pub fn first(alert: impl Into<Arc<Alert>>, group: GroupId) -> Self {
        let alert = alert.into();
        Self {
            kind: OccasionKind::First,
            group,
            number: 0,
            counts: Counts::one(alert.at),
            alert,
            outlook: None,
            mentions: Vec::new(),
            notes: Vec::new(),
            source: SummarySource::default(),
        }
    }

    /// Sets why the message is sent, and how many messages the group had before.
    #[must_use]
    pub fn of_kind(mut self, kind: OccasionKind, number: u32) -> Self {
        self.kind = kind;
        self.number = number;
        self
    }

    /// Sets how often it happened.
    #[must_use]
    pub fn with_counts(mut self, counts: Counts) -> Self {
        self.counts = counts;
        self
    }

    /// Sets whether a storm goes on.
    #[must_use]
    pub fn with_outlook(mut self, outlook: Option<Outlook>) -> Self {
        self.outlook = outlook;
        self
    }

    /// Sets the other groups to name.
    #[must_use]
    pub fn with_mentions(mut self, mentions: Vec<Mention>) -> Self {
        self.mentions = mentions;
        self
    }

    /// Sets the remarks of the outbox.
    #[must_use]
    pub fn with_notes(mut self, notes: Vec<String>) -> Self {
        self.notes = notes;
        self
    }
}

/// Names why a channel speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OccasionKind {
    /// The first alert of its kind.
    First,
    /// What came since the last message of the group.
    Digest,
    /// The same as a digest, into the message that is there, where the channel can edit.
    Edit,
    /// Many new groups at once, in one message.
    Storm,
    /// Nothing more came for a while.
    Quiet,
    /// What could not be said while the channel was down, in one message.
    CatchUp,
}

impl OccasionKind {
    /// All, in the order of their numbers.
    pub(crate) const ALL: [Self; 6] =
        [Self::First, Self::Digest, Self::Edit, Self::Storm, Self::Quiet, Self::CatchUp];

    /// Returns the lower-case name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Digest => "digest",
            Self::Edit => "edit",
            Self::Storm => "storm",
            Self::Quiet => "quiet",
            Self::CatchUp => "catch-up",
        }
    }
}

/// Counts the alerts of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// All alerts of the group so far.
    pub total: u64,
    /// Those that no message has told of yet, this occasion's own included.
    pub fresh: u64,
    /// When the first of those happened.
    pub fresh_since: SystemTime,
    /// When the first one of all happened.
    pub first: SystemTime,
    /// When the last one happened.
    pub last: SystemTime,
    /// How many groups it is about; more than one in a storm, or where several speak together.
    pub groups: u64,
}

impl Counts {
    /// Counts one alert at `at`.
    #[must_use]
    pub fn one(at: SystemTime) -> Self {
        Self { total: 1, fresh: 1, fresh_since: at, first: at, last: at, groups: 1 }
    }

    /// Makes counts of their parts, as if no message had reported any.
    #[must_use]
    pub fn new(total: u64, fresh: u64, first: SystemTime, last: SystemTime) -> Self {
        Self { total, fresh, fresh_since: first, first, last, groups: 1 }
    }

    /// Sets when the first alert happened that no message has reported yet.
    #[must_use]
    pub fn fresh_since(mut self, at: SystemTime) -> Self {
        self.fresh_since = at;
        self
    }

    /// Sets how many groups it is about.
    #[must_use]
    pub fn groups(mut self, groups: u64) -> Self {
        self.groups = groups;
        self
    }
}

/// Tells what comes next of a storm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outlook {
    /// It goes on: new groups are held back, and told of together by then.
    Next(SystemTime),
    /// It is over: new groups are told of one by one again.
    Over,
}

/// Mentions another group in a storm or catch-up message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mention {
    /// The group.
    pub group: GroupId,
    /// One line that says what it is about.
    pub title: String,
    /// How often it happened.
    pub count: u64,
}

impl Mention {
    /// Makes a mention.
    pub fn new(group: GroupId, title: impl Into<String>, count: u64) -> Self {
        Self { group, title: title.into(), count }
    }
}
