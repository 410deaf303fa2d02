//! The occasion of a message, and all that a sink may say about it.

use std::{borrow::Cow, time::SystemTime};

use watchfire_core::Alert;

#[cfg(feature = "sim")]
use crate::model::SummarySource;
use crate::{
    Counts, GroupId, GroupSummary, Mention, Notification, NotificationId, OccasionKind, Outlook, Receipt,
    model::hash::Fnv128,
};

/// The reason for a message and all that it may say: the input of [`Sink::render`](crate::Sink::render).
#[derive(Clone, Debug)]
pub struct Occasion<'a> {
    summary: Cow<'a, GroupSummary>,
    channel: &'a str,
    unreported: u64,
    receipts: &'a [Receipt],
    now: SystemTime,
    silence: SilenceHint<'a>,
}

/// How a message says how its group is silenced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SilenceHint<'a> {
    /// It does not: without a spool there is nothing that a command could write to.
    Omitted,
    /// By a command for the spool in this folder.
    In(&'a str),
    /// By a command for the spool of the place where it is called: in the tests of a sink.
    Here,
}

impl<'a> Occasion<'a> {
    /// Makes the occasion of a message with these facts.
    #[must_use]
    pub fn new(summary: &'a GroupSummary, channel: &'a str, now: SystemTime) -> Self {
        Self {
            summary: Cow::Borrowed(summary),
            channel,
            unreported: 0,
            receipts: &[],
            now,
            silence: SilenceHint::Omitted,
        }
    }

    /// Makes the occasion of a first alert, for the tests of a sink.
    #[must_use]
    pub fn first(alert: &Alert, channel: &'a str, group: GroupId, now: SystemTime) -> Self {
        let summary = Cow::Owned(GroupSummary::first(alert.clone(), group));
        Self { summary, channel, unreported: 0, receipts: &[], now, silence: SilenceHint::Here }
    }

    /// Sets why the message is sent, and how many messages the group had before.
    #[must_use]
    pub fn of_kind(mut self, kind: OccasionKind, number: u32) -> Self {
        let summary = self.summary.to_mut();
        (summary.kind, summary.number) = (kind, number);
        self
    }

    /// Sets the counts of the group.
    #[must_use]
    pub fn counts(mut self, counts: Counts) -> Self {
        self.summary.to_mut().counts = counts;
        self
    }

    /// Sets whether a storm goes on.
    #[must_use]
    pub fn outlook(mut self, outlook: Option<Outlook>) -> Self {
        self.summary.to_mut().outlook = outlook;
        self
    }

    /// Tells whether the channel sends the message for another one.
    #[cfg(feature = "sim")]
    pub(crate) fn is_taken_over(&self) -> bool {
        self.summary.source == SummarySource::Failover
    }

    /// Sets how many alerts of this channel were dropped and are in no message yet.
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

    /// Sets the folder of the spool, for the command that silences the group.
    pub(crate) fn spool(mut self, folder: Option<&'a str>) -> Self {
        self.silence = folder.map_or(SilenceHint::Omitted, SilenceHint::In);
        self
    }

    pub(crate) fn spool_folder(&self) -> Option<&'a str> {
        match self.silence {
            SilenceHint::In(folder) => Some(folder),
            SilenceHint::Omitted | SilenceHint::Here => None,
        }
    }

    pub(crate) fn silence_hint(&self) -> SilenceHint<'a> {
        self.silence
    }

    /// Sets the other groups that a storm or catch-up message names.
    #[must_use]
    pub fn others(mut self, others: &[Mention]) -> Self {
        self.summary.to_mut().mentions = others.to_vec();
        self
    }

    /// Sets the remarks of the outbox, such as why this channel reports for another.
    #[must_use]
    pub fn notes(mut self, notes: &[String]) -> Self {
        self.summary.to_mut().notes = notes.to_vec();
        self
    }

    /// Returns the facts.
    #[must_use]
    pub fn summary(&self) -> &GroupSummary {
        &self.summary
    }

    /// Returns why the message is sent.
    #[must_use]
    pub fn kind(&self) -> OccasionKind {
        self.summary.kind
    }

    /// Returns the alert that it is about: the first, or the latest of a digest.
    #[must_use]
    pub fn alert(&self) -> &Alert {
        &self.summary.alert
    }

    /// Returns the channel's name.
    #[must_use]
    pub fn channel(&self) -> &'a str {
        self.channel
    }

    /// Returns the group.
    #[must_use]
    pub fn group(&self) -> GroupId {
        self.summary.group
    }

    /// Returns how many messages the group had before this one.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.summary.number
    }

    /// Returns the counts of the group.
    #[must_use]
    pub fn tally(&self) -> Counts {
        self.summary.counts
    }

    /// Returns whether a storm goes on.
    #[must_use]
    pub fn forecast(&self) -> Option<Outlook> {
        self.summary.outlook
    }

    /// Returns how many alerts of this channel were dropped and are in no message yet.
    #[must_use]
    pub fn unreported_count(&self) -> u64 {
        self.unreported
    }

    /// Returns all receipts of the group's earlier messages.
    pub(crate) fn all_receipts(&self) -> &'a [Receipt] {
        self.receipts
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

    /// Returns the other groups to name.
    #[must_use]
    pub fn mentions(&self) -> &[Mention] {
        &self.summary.mentions
    }

    /// Returns the remarks of the outbox.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.summary.notes
    }

    /// Returns when the occasion arose.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.now
    }

    /// Starts a notification for `recipient`; the sink adds its renderings.
    pub fn notification(&self, recipient: impl Into<String>) -> Notification {
        let (alert, recipient) = (self.alert(), recipient.into());
        let id = Fnv128::new()
            .part(&alert.id.as_u128().to_be_bytes())
            .part(self.kind().as_str().as_bytes())
            .part(&self.number().to_be_bytes())
            // A message about several groups carries the alert of the oldest, and counts its own numbers.
            .part(&self.group().as_u64().to_be_bytes())
            .part(self.channel.as_bytes())
            .part(recipient.as_bytes())
            .finish();
        Notification {
            id: NotificationId(id),
            alert: alert.id,
            group: self.group(),
            kind: self.kind(),
            channel: self.channel.to_owned(),
            recipient,
            severity: alert.severity,
            at: alert.at,
            title: self.title(),
            ladder: Vec::with_capacity(4),
            step: 0,
            maybe_duplicate: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use watchfire_core::{App, Severity};

    use super::*;

    #[test]
    fn digests_of_one_alert_and_number_differ_by_their_groups() {
        let alert = Alert::new(App::new("shop"), Severity::Error, "refused");
        let id = |group, kind, number| {
            let occasion = Occasion::first(&alert, "ops", GroupId::from_u64(group), alert.at);
            occasion.of_kind(kind, number).notification("all").id()
        };
        let digest = id(1, OccasionKind::Digest, 1);
        assert_eq!(digest, id(1, OccasionKind::Digest, 1), "stable: it is how a repeat is recognized");
        for other in
            [id(2, OccasionKind::Digest, 1), id(1, OccasionKind::Digest, 2), id(1, OccasionKind::First, 1)]
        {
            assert_ne!(digest, other);
        }
    }
}
