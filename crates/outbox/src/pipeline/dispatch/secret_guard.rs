//! Keep the program's own credentials out of what is written and sent, whatever way they got into a message: a sink of
//! somebody's own, an alert made by hand, a credential that became known after the event.

use std::sync::{Arc, atomic::Ordering};

use watchfire_core::process::{holds_own_secret, mask_own_secrets};

use super::Dispatch;
use crate::{
    GroupSummary, Notification, Reason,
    model::{QueuedMessage, Timestamp, stats::bump},
    pipeline::channel_state::ChannelState,
    spool::{Files, masked},
};

impl<F: Files> Dispatch<F> {
    /// Returns the letter without what holds a credential: without those renderings, or rendered anew from masked summary.
    /// Gives it back if nothing is left then: the sink itself writes it into each.
    pub(super) fn guard(
        channel: &ChannelState,
        letter: QueuedMessage,
        now: Timestamp,
    ) -> Result<QueuedMessage, Box<QueuedMessage>> {
        if is_clean(&letter.notification) {
            return Ok(letter);
        }
        Self::cleaned(channel, letter.clone(), now).ok_or_else(|| Box::new(letter))
    }

    fn cleaned(channel: &ChannelState, mut letter: QueuedMessage, now: Timestamp) -> Option<QueuedMessage> {
        let summary = masked_summary(&letter.summary)?;
        let notification = &mut letter.notification;
        notification.title = mask_own_secrets(&notification.title).into_owned();
        retain_clean(notification);
        if notification.ladder.is_empty() {
            let again = channel.render_again(&summary, now);
            let again = again.into_iter().find(|again| again.recipient == notification.recipient)?;
            notification.ladder = again.ladder;
            retain_clean(notification);
        }
        letter.summary = Arc::new(summary);
        (!letter.notification.ladder.is_empty()).then_some(letter)
    }

    /// Sees to it that what is sent now holds no credential, by another rendering if need be; `false` if there is none.
    pub(super) fn may_be_sent(notification: &mut Notification) -> bool {
        notification.title = mask_own_secrets(&notification.title).into_owned();
        let clean = |step: &usize| {
            let rendering = notification.ladder.get(*step);
            rendering.is_some_and(|rendering| !holds_own_secret(&rendering.body))
        };
        // The plainer ones first: a richer one may have been refused.
        let steps = (notification.step..notification.ladder.len()).chain((0..notification.step).rev());
        match steps.into_iter().find(clean) {
            Some(step) => {
                notification.step = step;
                true
            }
            None => false,
        }
    }

    /// Counts a message that cannot be said without a credential, and says so.
    pub(super) fn refuse_secret(&self, channel: &ChannelState, letter: &QueuedMessage) {
        let before = channel.counters.dropped_secret.fetch_add(1, Ordering::AcqRel);
        bump(&channel.counters.drops_to_note);
        let title = mask_own_secrets(&letter.notification.title).into_owned();
        let reason = Reason::new("every rendering of it holds a credential of this program");
        // A sink that does so once does so each time.
        if before == 0 {
            self.self_log.say(format_args!("{}: `{title}` is not sent: {reason}", channel.name));
        }
        if let Some(summary) = masked_summary(&letter.summary) {
            self.tell_last_resort(&summary.alert, &reason);
        }
    }
}

/// Returns the letter with masked summary, for its file: they are not what is sent, but what it is rendered anew from.
pub(super) fn with_masked_summary(letter: &QueuedMessage) -> Option<QueuedMessage> {
    let summary = masked_summary(&letter.summary)?;
    Some(QueuedMessage { summary: Arc::new(summary), ..letter.clone() })
}

fn is_clean(notification: &Notification) -> bool {
    !holds_own_secret(notification.title.as_bytes())
        && notification.ladder.iter().all(|rendering| !holds_own_secret(&rendering.body))
}

fn retain_clean(notification: &mut Notification) {
    notification.ladder.retain(|rendering| !holds_own_secret(&rendering.body));
}

fn masked_summary(summary: &GroupSummary) -> Option<GroupSummary> {
    let mut clean = summary.clone();
    clean.alert = Arc::new(masked(&summary.alert)?);
    for text in clean.notes.iter_mut().chain(clean.mentions.iter_mut().map(|mention| &mut mention.title)) {
        *text = mask_own_secrets(text).into_owned();
    }
    Some(clean)
}
