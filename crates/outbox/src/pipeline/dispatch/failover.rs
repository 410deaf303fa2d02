//! Have other channels say what one cannot, and say why.

use std::sync::Arc;

use super::{Dispatch, Kept, deferred::terms};
use crate::{
    NotificationId, Reason,
    model::{
        DeliveryState, QueueKey, QueuedMessage, SummarySource, Timestamp, stats::bump, text::format_timestamp,
    },
    pipeline::channel_state::Channels,
    spool::Files,
};

impl<F: Files> Dispatch<F> {
    /// Hands over a letter that has waited long enough; it is withdrawn here, unless nobody could take it.
    pub(super) fn hand_over_waiting(&mut self, channels: &Channels, key: QueueKey, now: Timestamp) {
        let Some(ticket) = self.delivery.get(key).cloned() else { return };
        let Some(channel) = channels.get(ticket.channel) else { return };
        let letter = match self.letter(key) {
            Ok(letter) => letter,
            Err(missing) => {
                self.delivery.keep(key);
                return self.lose(&channel.counters, key, &missing, now);
            }
        };
        let siblings = self.mark_handed_over(ticket.channel, ticket.occasion);
        let reason = ticket.last.clone().unwrap_or_else(|| Reason::new("no answer yet"));
        let twice = self.may_be_twice(key, ticket.state);
        let copies = self.hand_over(channels, ticket.channel, &letter, twice, &reason, now);
        if copies.is_empty() {
            let line =
                format!("{}: no other channel could take `{}` over", channel.name, letter.notification.title);
            self.self_log.say(line);
            return;
        }
        self.commit();
        // The other recipients of it who still wait are spoken for as well.
        for _ in &siblings {
            bump(&channel.counters.failed_over);
        }
        self.withdraw(ticket.channel, &siblings, &copies);
    }

    /// Withdraws letters for which others stand now. If none of those has a file, the disk being full, theirs stay for
    /// them: what was accepted is not in memory alone.
    pub(super) fn withdraw(&mut self, number: usize, letters: &[(QueueKey, u64)], by: &[NotificationId]) {
        let safe = by.iter().any(|id| {
            self.recent.contains(id)
                || self.spool.as_ref().is_some_and(|spool| !self.ids.contains(id) && spool.holds(*id))
                || self.kept.iter().any(|(key, kept)| key.id == *id && kept.name.is_some())
        });
        let mut files = Vec::new();
        #[cfg(feature = "sim")]
        self.fates.replaced.extend(letters.iter().map(|(key, _)| (key.id, by.to_vec())));
        for (key, size) in letters {
            let kept = self.forget(number, *key, *size);
            files.extend(kept.into_iter().flat_map(|kept| kept.name.into_iter().chain(kept.parts)));
        }
        let stands = self.kept.iter_mut().find(|(key, _)| !safe && by.contains(&key.id));
        match stands {
            Some((_, kept)) => kept.parts.extend(files),
            None => self.remove_files(Some(Kept::of_files(files))),
        }
    }

    /// Notes that an occasion is handed over, before the copies are made: what is found again after a crash is not handed
    /// over a second time. Returns those of it that wait.
    pub(super) fn mark_handed_over(&mut self, number: usize, occasion: u64) -> Vec<(QueueKey, u64)> {
        let tickets = self.delivery.tickets();
        let all: Vec<(QueueKey, u64, bool)> = tickets
            .filter(|ticket| ticket.channel == number && ticket.occasion == occasion)
            .map(|ticket| (ticket.key, ticket.size, ticket.state.in_flight))
            .collect();
        for (key, ..) in &all {
            let state = self.delivery.keep(*key).map(|ticket| ticket.state);
            state.into_iter().for_each(|state| self.restate(*key, state));
        }
        all.into_iter().filter(|(.., in_flight)| !in_flight).map(|(key, size, _)| (key, size)).collect()
    }

    /// Tells whether copies of a letter may have been made before: by the process that it was taken over from, or of the
    /// one that it is itself a copy of.
    pub(super) fn may_be_twice(&self, key: QueueKey, state: DeliveryState) -> bool {
        state.maybe_duplicate || self.kept.get(&key).is_some_and(|kept| kept.recovered)
    }

    /// Has the other channels of `number` say the letter; returns what of them will. The copies of one that
    /// [`may_be_twice`](Self::may_be_twice) are marked.
    pub(super) fn hand_over(
        &mut self,
        channels: &Channels,
        number: usize,
        letter: &QueuedMessage,
        twice: bool,
        reason: &Reason,
        now: Timestamp,
    ) -> Vec<NotificationId> {
        let mut copies = Vec::new();
        // The other channel may have said it by itself, in an earlier process.
        let twice = twice || self.orphans.alerts.contains(&letter.summary.alert.id);
        let Some(channel) = channels.get(number) else { return copies };
        let tuning = channel.tuning();
        let Some(fail_over) = &tuning.fail_over else { return copies };
        let since = format_timestamp(letter.since.into());
        let mut summary = (*letter.summary).clone();
        summary.source = SummarySource::Failover;
        summary
            .notes
            .push(format!("The channel `{}` has not delivered this since {since}: {reason}", channel.name));
        let summary = Arc::new(summary);
        for name in &fail_over.to {
            let Some(other) = channels.iter().position(|channel| channel.name == *name) else {
                let line = format_args!("{}: there is no channel `{name}` to take over", channel.name);
                self.self_log.say(line);
                continue;
            };
            let Some(target) = channels.get(other) else { continue };
            let rendered = target.render_again(&summary, now);
            // The budget is for what people hear, whoever it comes from.
            let mut state = terms(target, letter.notification.severity, letter.notification.group, now);
            state.maybe_duplicate = twice;
            let messages = QueuedMessage::all(rendered, &summary, letter.since);
            copies.extend(self.accept(state, channels, other, messages, now));
        }
        copies
    }
}
