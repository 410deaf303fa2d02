//! One occasion of each kind, for the tests of a sink.

use std::time::{Duration, SystemTime};

use watchfire_core::Alert;
use watchfire_outbox::{Counts, GroupId, GroupSummary, Mention, Occasion, OccasionKind, Outlook, Receipt};

use crate::moment;

/// The owner of all that an [`Occasion`] borrows: the facts and the receipts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scene {
    /// The special feature, such as `digest, answered`.
    pub name: &'static str,
    /// The facts of the message.
    pub summary: GroupSummary,
    /// The name of the channel.
    pub channel: String,
    /// How many alerts were dropped before this one.
    pub unreported: u64,
    /// The receipts of earlier messages of the group.
    pub receipts: Vec<Receipt>,
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
            summary: GroupSummary::first(alert, GroupId::from_u64(0x0123_4567_89ab_cdef)),
            channel: "ops".to_owned(),
            unreported: 0,
            receipts: Vec::new(),
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
            || vec![alert.message.clone(), "This channel reports for `mail`, which is down.".to_owned()];
        let with = |name, kind, number, change: &dyn Fn(GroupSummary) -> GroupSummary| {
            let summary = first.summary.clone().of_kind(kind, number).with_counts(counts);
            Self { name, summary: change(summary), ..later.clone() }
        };
        let plain = |summary: GroupSummary| summary;
        let answered = |scene: Self| Self { receipts: receipts.to_vec(), ..scene };
        let endless = Counts::new(u64::MAX, u64::MAX, alert.at, alert.at);
        let next = Outlook::Next(later.now + Duration::from_secs(300));
        vec![
            Self {
                name: "first, with notes",
                summary: first.summary.clone().with_notes(notes()),
                unreported: 3,
                ..first.clone()
            },
            with("digest", OccasionKind::Digest, 1, &plain),
            answered(with("digest, answered", OccasionKind::Digest, 2, &plain)),
            with("edit", OccasionKind::Edit, 3, &plain),
            answered(with("edit, answered", OccasionKind::Edit, 4, &plain)),
            answered(with("quiet", OccasionKind::Quiet, u32::MAX, &|summary| summary.with_counts(endless))),
            with("storm", OccasionKind::Storm, 5, &|summary| {
                summary.with_mentions(mentions(3)).with_outlook(Some(next))
            }),
            Self {
                unreported: u64::MAX,
                ..with("large storm", OccasionKind::Storm, 6, &|summary| {
                    summary.with_mentions(mentions(300)).with_outlook(Some(Outlook::Over))
                })
            },
            with("catch-up", OccasionKind::CatchUp, 7, &|summary| {
                summary.with_mentions(mentions(2)).with_notes(notes())
            }),
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
        Occasion::new(&self.summary, &self.channel, self.now)
            .unreported(self.unreported)
            .receipts(&self.receipts)
    }
}
