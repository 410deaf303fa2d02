use std::time::{Duration, SystemTime};

use watchfire_core::Alert;
use watchfire_outbox::{Counts, GroupId, Mention, Occasion, OccasionKind, Outlook, Receipt};

use crate::moment;

/// Owns what an [`Occasion`] borrows: the alert, receipts, mentions and notes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scene {
    /// What is special about it, such as `digest, answered`.
    pub name: &'static str,
    /// Why the channel speaks.
    pub kind: OccasionKind,
    /// How many messages the group had before.
    pub number: u32,
    /// The alert.
    pub alert: Alert,
    /// The name of the channel.
    pub channel: String,
    /// The group.
    pub group: GroupId,
    /// How often it happened.
    pub counts: Counts,
    /// What comes next of a storm.
    pub outlook: Option<Outlook>,
    /// How many alerts were dropped before this one.
    pub unreported: u64,
    /// What earlier messages of the group left behind.
    pub receipts: Vec<Receipt>,
    /// Other groups of a storm or a catch-up.
    pub mentions: Vec<Mention>,
    /// Remarks of the outbox.
    pub notes: Vec<String>,
    /// When it is.
    pub now: SystemTime,
}

impl Scene {
    /// Makes the scene of a first alert, five seconds after it happened.
    #[must_use]
    pub fn first(alert: Alert) -> Self {
        let now = alert.at.checked_add(Duration::from_secs(5)).unwrap_or_else(moment);
        Self {
            name: "first",
            kind: OccasionKind::First,
            number: 0,
            counts: Counts::one(alert.at),
            alert,
            channel: "ops".to_owned(),
            group: GroupId::from_u64(0x0123_4567_89ab_cdef),
            outlook: None,
            unreported: 0,
            receipts: Vec::new(),
            mentions: Vec::new(),
            notes: Vec::new(),
            now,
        }
    }

    /// Makes a scene of each kind of occasion, and of what else may come with it. `receipts` are those of the first
    /// message, as the sink itself made them.
    #[must_use]
    pub fn all(alert: &Alert, receipts: &[Receipt]) -> Vec<Self> {
        let first = Self::first(alert.clone());
        let later = Self { now: first.now + Duration::from_secs(3600), ..first.clone() };
        let counts = Counts::new(1_234, 56, alert.at, first.now + Duration::from_secs(3_000));
        let mentions = |count: u64| {
            (0..count)
                .map(|i| Mention::new(GroupId::from_u64(i), format!("{i}: {}", alert.message), i + 1))
                .collect::<Vec<_>>()
        };
        let notes =
            || vec![alert.message.clone(), "This channel speaks for `mail`, which is down.".to_owned()];
        let with = |name, kind, number| Self { name, kind, number, counts, ..later.clone() };
        let endless = Counts::new(u64::MAX, u64::MAX, alert.at, alert.at);
        vec![
            Self { unreported: 3, notes: notes(), name: "first, with notes", ..first.clone() },
            with("digest", OccasionKind::Digest, 1),
            Self { receipts: receipts.to_vec(), ..with("digest, answered", OccasionKind::Digest, 2) },
            with("edit", OccasionKind::Edit, 3),
            Self { receipts: receipts.to_vec(), ..with("edit, answered", OccasionKind::Edit, 4) },
            Self {
                receipts: receipts.to_vec(),
                counts: endless,
                ..with("quiet", OccasionKind::Quiet, u32::MAX)
            },
            Self {
                mentions: mentions(3),
                outlook: Some(Outlook::Next(later.now + Duration::from_secs(300))),
                ..with("storm", OccasionKind::Storm, 5)
            },
            Self {
                mentions: mentions(300),
                outlook: Some(Outlook::Over),
                unreported: u64::MAX,
                ..with("large storm", OccasionKind::Storm, 6)
            },
            Self { mentions: mentions(2), notes: notes(), ..with("catch-up", OccasionKind::CatchUp, 7) },
            first,
        ]
    }

    /// Sets the name of the channel.
    #[must_use]
    pub fn channel(mut self, name: impl Into<String>) -> Self {
        self.channel = name.into();
        self
    }

    /// Returns the occasion.
    #[must_use]
    pub fn occasion(&self) -> Occasion<'_> {
        Occasion::first(&self.alert, &self.channel, self.group, self.now)
            .of_kind(self.kind, self.number)
            .counts(self.counts)
            .outlook(self.outlook)
            .unreported(self.unreported)
            .receipts(&self.receipts)
            .others(&self.mentions)
            .notes(&self.notes)
    }
}
