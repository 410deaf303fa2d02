//! Have other channels say what one cannot, and say why.

use std::sync::Arc;

use super::Dispatch;
use crate::{
    Reason, channels::Channels, delivery::Key, letter::Letter, moment::Moment, page::stamp, spool::Files,
    stats::bump,
};

impl<F: Files> Dispatch<F> {
    /// Hands over a letter that has waited long enough; it is withdrawn here, unless nobody could take it.
    pub(super) fn hand_over_waiting(&mut self, channels: &Channels, key: Key, now: Moment) {
        let Some(ticket) = self.delivery.get(key).cloned() else { return };
        let Some(channel) = channels.get(ticket.channel) else { return };
        let letter = match self.letter(key) {
            Ok(letter) => letter,
            Err(missing) => {
                self.delivery.keep(key);
                return self.lose(&channel.counters, key, &missing, now);
            }
        };
        let reason = ticket.last.clone().unwrap_or_else(|| Reason::new("no answer yet"));
        if self.hand_over(channels, ticket.channel, &letter, &reason, now) {
            self.commit();
            let kept = self.forget(ticket.channel, key, ticket.size);
            self.remove_files(kept);
            bump(&channel.counters.failed_over);
        } else {
            let state = self.delivery.keep(key).map(|ticket| ticket.state);
            state.into_iter().for_each(|state| self.restate(key, state));
            let line =
                format!("{}: no other channel could take `{}` over", channel.name, letter.notification.title);
            self.self_log.say(line);
        }
    }

    /// Has the other channels of `number` say the letter; tells whether one of them will.
    pub(super) fn hand_over(
        &mut self,
        channels: &Channels,
        number: usize,
        letter: &Letter,
        reason: &Reason,
        now: Moment,
    ) -> bool {
        let Some(channel) = channels.get(number) else { return false };
        let Some(fail_over) = &channel.fail_over else { return false };
        let notification = &letter.notification;
        let since = stamp(letter.facts.since.into());
        let mut notes = letter.facts.notes.clone();
        notes.push(format!("The channel `{}` has not delivered this since {since}: {reason}", channel.name));
        let mut taken = 0;
        for name in &fail_over.to {
            let Some(other) = channels.iter().position(|channel| channel.name == *name) else {
                let line = format_args!("{}: there is no channel `{name}` to take over", channel.name);
                self.self_log.say(line);
                continue;
            };
            let Some(target) = channels.get(other) else { continue };
            let rendered =
                target.render_again(&letter.facts, notification.kind, notification.group, &notes, now);
            let mut facts = (*letter.facts).clone();
            facts.notes.clone_from(&notes);
            taken += self.accept(channels, other, rendered, &Arc::new(facts), now);
        }
        taken > 0
    }
}
