use std::time::SystemTime;

use watchfire_core::Alert;

use crate::{GroupId, Notification, Receipt};

/// Is why a channel speaks, and all that it may say: what a [`Sink`](crate::Sink) renders.
#[derive(Clone, Debug)]
pub struct Occasion<'a> {
    kind: OccasionKind,
    alert: &'a Alert,
    channel: &'a str,
    group: GroupId,
    number: u32,
    counts: Counts,
    outlook: Option<Outlook>,
    unreported: u64,
    receipts: &'a [Receipt],
    others: &'a [Mention],
    notes: &'a [String],
    now: SystemTime,
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
    /// When the first one happened.
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
        Self { total: 1, fresh: 1, first: at, last: at, groups: 1 }
    }

    /// Makes counts of their parts.
    #[must_use]
    pub fn new(total: u64, fresh: u64, first: SystemTime, last: SystemTime) -> Self {
        Self { total, fresh, first, last, groups: 1 }
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

impl<'a> Occasion<'a> {
    /// Makes the occasion of a first alert.
    #[must_use]
    pub fn first(alert: &'a Alert, channel: &'a str, group: GroupId, now: SystemTime) -> Self {
        Self {
            kind: OccasionKind::First,
            alert,
            channel,
            group,
            number: 0,
            counts: Counts::one(alert.at),
            outlook: None,
            unreported: 0,
            receipts: &[],
            others: &[],
            notes: &[],
            now,
        }
    }

    /// Sets why the channel speaks, and how many messages the group had before.
    #[must_use]
    pub fn of_kind(mut self, kind: OccasionKind, number: u32) -> Self {
        self.kind = kind;
        self.number = number;
        self
    }

    /// Sets the counts of the group.
    #[must_use]
    pub fn counts(mut self, counts: Counts) -> Self {
        self.counts = counts;
        self
    }

    /// Sets what comes next of a storm.
    #[must_use]
    pub fn outlook(mut self, outlook: Option<Outlook>) -> Self {
        self.outlook = outlook;
        self
    }

    /// Sets how many alerts of this channel were dropped and not yet told of.
    #[must_use]
    pub fn unreported(mut self, count: u64) -> Self {
        self.unreported = count;
        self
    }

    /// Sets the receipts of the group's earlier messages.
    #[must_use]
    pub fn receipts(mut self, receipts: &'a [Receipt]) -> Self {
        self.receipts = receipts;
        self
    }

    /// Sets the other groups that a storm or catch-up message mentions.
    #[must_use]
    pub fn others(mut self, others: &'a [Mention]) -> Self {
        self.others = others;
        self
    }

    /// Sets remarks of the outbox, such as why this channel speaks for another.
    #[must_use]
    pub fn notes(mut self, notes: &'a [String]) -> Self {
        self.notes = notes;
        self
    }

    /// Returns why the channel speaks.
    #[must_use]
    pub fn kind(&self) -> OccasionKind {
        self.kind
    }

    /// Returns the alert that it is about: the first, or the latest of a digest.
    #[must_use]
    pub fn alert(&self) -> &'a Alert {
        self.alert
    }

    /// Returns the channel's name.
    #[must_use]
    pub fn channel(&self) -> &'a str {
        self.channel
    }

    /// Returns the group.
    #[must_use]
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// Returns how many messages the group had before this one.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns the counts of the group.
    #[must_use]
    pub fn tally(&self) -> Counts {
        self.counts
    }

    /// Returns what comes next of a storm.
    #[must_use]
    pub fn forecast(&self) -> Option<Outlook> {
        self.outlook
    }

    /// Returns how many alerts of this channel were dropped and not yet told of.
    #[must_use]
    pub fn unreported_count(&self) -> u64 {
        self.unreported
    }

    /// Returns the receipt of the group's last message to `recipient`.
    #[must_use]
    pub fn receipt_for(&self, recipient: &str) -> Option<&'a Receipt> {
        self.receipts.iter().rev().find(|receipt| receipt.recipient() == recipient)
    }

    /// Returns the receipt of the group's first message to `recipient`: the root of a thread.
    #[must_use]
    pub fn first_receipt_for(&self, recipient: &str) -> Option<&'a Receipt> {
        self.receipts.iter().find(|receipt| receipt.recipient() == recipient)
    }

    /// Returns the other groups to mention.
    #[must_use]
    pub fn mentions(&self) -> &'a [Mention] {
        self.others
    }

    /// Returns the outbox's remarks.
    #[must_use]
    pub fn remarks(&self) -> &'a [String] {
        self.notes
    }

    /// Returns when the occasion arose.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.now
    }

    /// Starts a notification for `recipient`; the sink adds its renderings.
    pub fn notification(&self, recipient: impl Into<String>) -> Notification {
        Notification::new(self, recipient.into())
    }
}
