//! The group: all alerts of one fingerprint on one channel.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use watchfire_core::{Alert, Severity};

use crate::{MinCount, NotificationPolicy, model::Timestamp};

use super::fingerprint::Identity;

/// After a message of a group, an early digest waits for this long.
pub(super) const EARLY_GAP: Duration = Duration::from_secs(30);

/// A channel's state for one group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The highest so far.
    pub(super) severity: Severity,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) total: u64,
    /// Alerts that no message has told of.
    pub(super) unsaid: u64,
    /// Alerts since the last digest; those that an edit has told of are among them.
    pub(super) fresh: u64,
    /// When the first of these came.
    pub(super) fresh_since: Timestamp,
    /// Of these, those whose text nobody looked at.
    pub(super) unread: u64,
    /// How many messages there were.
    pub(super) said: u32,
    pub(super) step: u8,
    /// Its first message, or one for a raised severity, is still owed.
    pub(super) owed: bool,
    /// Why what is owed did not go at once.
    pub(super) late: Option<Late>,
    pub(super) due: Timestamp,
    pub(super) early_at: Option<Timestamp>,
    pub(super) edit_at: Option<Timestamp>,
    pub(super) last_said: Timestamp,
    /// The total at which a digest comes early.
    pub(super) power: u64,
    /// The times of the last alerts, as many as `min_count` asks for.
    pub(super) recent: VecDeque<Timestamp>,
    /// They were enough for `min_count`: it is told of, whatever holds it back until then.
    pub(super) reached: bool,
    /// The bucket of a channel that sends every alert.
    pub(super) every: Timestamp,
    /// What the first message showed.
    pub(super) opening: Arc<Alert>,
    /// The latest alert that was seen as a whole.
    pub(super) sample: Arc<Alert>,
    pub(super) bytes: usize,
    /// It stands for all kinds of one place.
    pub(super) folded: bool,
    pub(super) identity: Identity,
    /// What is not told of is as a process wrote it that did not end in order: it may have told of it.
    pub(super) maybe_told: bool,
}

/// Says why a message comes later than at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    Budget,
    QuietHours,
    Storm,
    Silence,
    MinCount,
}

impl Group {
    pub(super) fn new(alert: &Arc<Alert>, policy: &NotificationPolicy, now: Timestamp) -> Self {
        Self {
            severity: alert.severity,
            first: now,
            last: now,
            total: 0,
            unsaid: 0,
            fresh: 0,
            fresh_since: now,
            unread: 0,
            said: 0,
            step: 0,
            owed: true,
            late: None,
            due: now + policy.window(0),
            early_at: None,
            edit_at: None,
            last_said: Timestamp::default(),
            power: 10,
            recent: VecDeque::new(),
            reached: false,
            every: Timestamp::default(),
            opening: Arc::clone(alert),
            sample: Arc::clone(alert),
            bytes: size(alert),
            folded: false,
            identity: Identity::default(),
            maybe_told: false,
        }
    }

    /// Counts `n` alerts, the last of them at `last`.
    pub(super) fn count(&mut self, n: u64, last: Timestamp, policy: &NotificationPolicy) {
        self.total = self.total.saturating_add(n);
        self.unsaid = self.unsaid.saturating_add(n);
        if self.fresh == 0 {
            self.fresh_since = last;
        }
        self.fresh = self.fresh.saturating_add(n);
        self.last = self.last.max(last);
        if let Some(MinCount { count, within }) = policy.min_count {
            let count = count as usize;
            let more = usize::try_from(n).unwrap_or(count).min(count);
            self.recent.extend(std::iter::repeat_n(last, more));
            let over = self.recent.len().saturating_sub(count);
            self.recent.drain(..over);
            let oldest = self.recent.front().filter(|_| self.recent.len() >= count);
            self.reached |= oldest.is_some_and(|oldest| last.since(*oldest) <= within);
        }
    }

    /// Adds what another process counted of the same group.
    pub(super) fn merge(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.total = self.total.saturating_add(other.total);
        self.unsaid = self.unsaid.saturating_add(other.unsaid);
        self.fresh_since = match (self.fresh, other.fresh) {
            (_, 0) => self.fresh_since,
            (0, _) => other.fresh_since,
            _ => self.fresh_since.min(other.fresh_since),
        };
        self.fresh = self.fresh.saturating_add(other.fresh);
        self.unread = self.unread.saturating_add(other.unread);
        self.said = self.said.max(other.said);
        self.step = self.step.max(other.step);
        self.owed &= other.owed;
        self.due = self.due.min(other.due);
        self.last_said = self.last_said.max(other.last_said);
        self.power = self.power.max(other.power);
        self.recent.extend(&other.recent);
        self.recent.make_contiguous().sort_unstable();
        self.reached |= other.reached;
        self.maybe_told |= other.maybe_told;
    }

    pub(super) fn show(&mut self, alert: &Arc<Alert>) {
        self.sample = Arc::clone(alert);
        let opening = if Arc::ptr_eq(&self.opening, alert) { 0 } else { size(&self.opening) };
        self.bytes = size(alert) + opening;
    }

    /// Tells whether it is loud enough to be spoken of.
    pub(super) fn is_loud(&self, policy: &NotificationPolicy) -> bool {
        if self.severity >= Severity::Critical {
            return true;
        }
        match policy.min_count {
            Some(_) => self.reached,
            None => self.severity >= policy.first_from,
        }
    }

    /// Tells whether it is to be told of by itself, before all else.
    pub(super) fn is_urgent(&self) -> bool {
        self.owed && self.severity >= Severity::Critical
    }

    /// Tells whether nobody was told of it because others came before, or because of the hour.
    pub(super) fn is_held_back(&self) -> bool {
        self.owed && matches!(self.late, Some(Late::Budget | Late::QuietHours | Late::Storm))
    }

    /// Returns when it has to be looked at.
    pub(super) fn next(&self) -> Timestamp {
        [Some(self.due), self.early_at, self.edit_at].into_iter().flatten().min().unwrap_or(self.due)
    }

    /// Plans what a repeat asks for, of a group that was told of.
    pub(super) fn plan(&mut self, policy: &NotificationPolicy, can_edit: bool, now: Timestamp) {
        if self.owed || self.unsaid == 0 {
            return;
        }
        if policy.early && self.total >= self.power && !policy.digests.is_empty() {
            self.early_at = Some((self.last_said + EARLY_GAP).max(now));
        }
        if can_edit && self.edit_at.is_none() {
            self.edit_at = Some((self.last_said + policy.edit_every).max(now));
        }
    }

    /// Notes that everything was told, by a message of its own or together with others.
    pub(super) fn told(&mut self, policy: &NotificationPolicy, now: Timestamp) {
        let early = !self.owed && self.due > now;
        if !early {
            if !self.owed {
                self.step = self.step.saturating_add(1);
            }
            self.due = now + policy.window(self.step);
        }
        (self.unsaid, self.fresh, self.unread) = (0, 0, 0);
        (self.reached, self.maybe_told) = (false, false);
        (self.owed, self.late, self.early_at, self.edit_at) = (false, None, None, None);
        self.said = self.said.saturating_add(1);
        self.last_said = now;
        while self.power <= self.total && self.power < u64::MAX / 10 {
            self.power *= 10;
        }
    }
}

/// Returns how many bytes an alert takes, more or less.
pub(super) fn size(alert: &Alert) -> usize {
    let field = |field: &watchfire_core::Field| 48 + field.value.as_text().map_or(0, str::len);
    let fields: usize = alert.fields.iter().map(field).sum();
    let spans: usize = alert.spans.iter().map(|span| 96 + span.fields.iter().map(field).sum::<usize>()).sum();
    let error: usize = alert.error.iter().map(|text| 24 + text.len()).sum();
    let stack = if alert.stack.is_some() { 4_096 } else { 0 };
    512 + alert.message.len() + alert.thread.len() + fields + spans + error + stack
}
