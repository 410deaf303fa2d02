use std::{sync::Arc, time::SystemTime};

use watchfire_core::Alert;

use crate::{
    Counts, Mention, Notification, NotificationId, Occasion, OccasionKind, Outlook,
    delivery::{DeliveryState, QueueKey, Ticket},
    model::hash::Fnv128,
    model::timestamp::Timestamp,
};

/// Is a notification with all that is needed to say it again: on another channel, or together with others.
#[derive(Clone, Debug)]
pub(crate) struct QueuedMessage {
    pub(crate) notification: Notification,
    pub(crate) summary: Arc<GroupSummary>,
    /// What a catch-up stands for; those files go when it is safe.
    pub(crate) covers: Vec<NotificationId>,
}

/// Is what an occasion was about, owned.
#[derive(Clone, Debug)]
pub(crate) struct GroupSummary {
    pub(crate) alert: Arc<Alert>,
    pub(crate) number: u32,
    pub(crate) counts: Counts,
    pub(crate) outlook: Option<Outlook>,
    pub(crate) mentions: Vec<Mention>,
    pub(crate) notes: Vec<String>,
    /// When the oldest of what it tells of was accepted.
    pub(crate) since: Timestamp,
}

impl GroupSummary {
    /// Takes the summary of an occasion.
    pub(crate) fn of(occasion: &Occasion<'_>, alert: Arc<Alert>, since: Timestamp) -> Self {
        Self {
            alert,
            number: occasion.number(),
            counts: occasion.tally(),
            outlook: occasion.forecast(),
            mentions: occasion.mentions().to_vec(),
            notes: occasion.remarks().to_vec(),
            since,
        }
    }

    /// Makes the occasion again, for another channel, with `notes` in front.
    pub(crate) fn occasion<'a>(
        &'a self,
        kind: OccasionKind,
        channel: &'a str,
        group: crate::GroupId,
        notes: &'a [String],
        now: SystemTime,
    ) -> Occasion<'a> {
        Occasion::first(&self.alert, channel, group, now)
            .of_kind(kind, self.number)
            .counts(self.counts)
            .outlook(self.outlook)
            .others(&self.mentions)
            .notes(notes)
    }
}

impl QueuedMessage {
    /// Returns how many bytes it takes, more or less.
    pub(crate) fn size(&self) -> u64 {
        let bodies: usize = self.notification.ladder.iter().map(|rendering| rendering.body.len()).sum();
        let alert = &self.summary.alert;
        let texts = alert.message.len() + alert.error.iter().map(String::len).sum::<usize>();
        (bodies + texts + 512) as u64
    }

    /// Makes the ticket of it.
    pub(crate) fn ticket(&self, key: QueueKey, channel: usize, state: DeliveryState) -> Ticket {
        let notification = &self.notification;
        let occasion = Fnv128::new()
            .part(&notification.alert.as_u128().to_be_bytes())
            .part(notification.kind.as_str().as_bytes())
            .part(&self.summary.number.to_be_bytes())
            .part(notification.channel.as_bytes())
            .finish_u64();
        Ticket {
            key,
            channel,
            recipient: notification.recipient.clone(),
            group: notification.group,
            occasion,
            kind: notification.kind,
            severity: notification.severity,
            size: self.size(),
            steps: u8::try_from(notification.ladder.len()).unwrap_or(u8::MAX),
            state,
            paid: state.not_before,
            deadline: None,
            last: None,
        }
    }

    /// Sets what the notification is to be tried with.
    pub(crate) fn apply(&mut self, ticket: &Ticket) {
        let last = self.notification.ladder.len().saturating_sub(1);
        self.notification.step = usize::from(ticket.state.step).min(last);
        self.notification.maybe_duplicate = ticket.state.maybe_duplicate;
        self.notification.recipient.clone_from(&ticket.recipient);
    }
}
