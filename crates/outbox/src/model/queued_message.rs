//! A message on its way: the notification, and the facts to render it again from.

use std::sync::Arc;

use super::{
    GroupSummary, Notification, NotificationId,
    hash::Fnv128,
    ticket::{DeliveryState, QueueKey, Ticket},
    timestamp::Timestamp,
};

/// A notification with all that is needed to render it again: for another channel, or together with others.
#[derive(Clone, Debug)]
pub(crate) struct QueuedMessage {
    pub(crate) notification: Notification,
    pub(crate) summary: Arc<GroupSummary>,
    /// When the oldest alert in it was accepted.
    pub(crate) since: Timestamp,
    /// The messages that a catch-up replaces; their files are removed when it is safe.
    pub(crate) covers: Vec<NotificationId>,
}

impl QueuedMessage {
    /// Makes a message of each notification that was rendered from `summary`.
    pub(crate) fn all(
        rendered: Vec<Notification>,
        summary: &Arc<GroupSummary>,
        since: Timestamp,
    ) -> Vec<Self> {
        let one =
            |notification| Self { notification, summary: Arc::clone(summary), since, covers: Vec::new() };
        rendered.into_iter().map(one).collect()
    }

    /// Returns how many bytes it takes, approximately.
    pub(crate) fn size(&self) -> u64 {
        let bodies: usize = self.notification.ladder.iter().map(|rendering| rendering.body.len()).sum();
        let alert = &self.summary.alert;
        let texts = alert.message.len() + alert.error.iter().map(String::len).sum::<usize>();
        (bodies + texts + 512) as u64
    }

    /// Makes its ticket.
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
            recovered: None,
            paid: state.not_before,
            deadline: None,
            last: None,
            refusals: 0,
            doubts: 0,
        }
    }

    /// Sets the rendering, the mark and the address for the next attempt.
    pub(crate) fn apply(&mut self, ticket: &Ticket) {
        let last = self.notification.ladder.len().saturating_sub(1);
        self.notification.step = usize::from(ticket.state.step).min(last);
        self.notification.maybe_duplicate = ticket.state.maybe_duplicate;
        self.notification.recipient.clone_from(&ticket.recipient);
    }
}
