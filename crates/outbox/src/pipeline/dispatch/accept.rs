//! Take what sinks rendered: write it into the spool, and keep the books of what is on its way.

use std::io;

use super::{Dispatch, FRESH, Kept, Limits, RECENT, intake::SLICE, secret_guard::with_masked_summary};
use crate::{
    NotificationId, OccasionKind,
    model::{DeliveryState, QueueKey, QueuedMessage, Timestamp, stats::bump},
    pipeline::channel_state::Channels,
    spool::{Files, Missing, Name, Spool, Trouble},
};

impl<F: Files> Dispatch<F> {
    /// Takes what a sink rendered: writes it into the spool, and lets it wait for its turn.
    ///
    /// It is accepted after the next [`commit`](Self::commit). Returns what is on its way now; that which was so before
    /// is among it. Of very many recipients the first are accepted now, the others by [`take_slice`](Self::take_slice).
    /// The channel as a whole has been asked for its budget; the recipients are asked here.
    pub(crate) fn accept(
        &mut self,
        state: DeliveryState,
        channels: &Channels,
        number: usize,
        messages: Vec<QueuedMessage>,
        now: Timestamp,
    ) -> Vec<NotificationId> {
        let mut messages = messages.into_iter();
        let accept = |message| self.accept_message(channels, number, message, state, now);
        let accepted = messages.by_ref().take(SLICE).filter_map(accept).collect();
        if let Some(channel) = channels.get(number) {
            self.intake.keep(number, state, messages, &channel.counters);
        }
        accepted
    }

    /// Takes one letter, within the budget of its recipient, and makes room for it.
    pub(super) fn accept_message(
        &mut self,
        channels: &Channels,
        number: usize,
        letter: QueuedMessage,
        mut state: DeliveryState,
        now: Timestamp,
    ) -> Option<NotificationId> {
        let id = letter.notification.id;
        // Made by a process that died, and not said yet: that one is said.
        if state.maybe_duplicate
            && !self.knows(id)
            && self.spool.as_ref().is_some_and(|spool| spool.holds(id))
        {
            return Some(id);
        }
        if !self.knows(id) {
            let channel = channels.get(number)?;
            let mut to = letter.notification.recipient.clone();
            self.follow_move(&channel.name, &mut to);
            // An edit pings nobody.
            let pings = !matches!(letter.notification.kind, OccasionKind::Edit | OccasionKind::Quiet);
            let (severity, group) = (letter.notification.severity, letter.notification.group);
            let has_room = || channel.rate_limiter.try_acquire_for(&to, severity, group, now);
            if pings && !state.deferred && !to.is_empty() && !has_room() {
                (state.deferred, state.not_before) = (true, channel.rate_limiter.next_available(&to, now));
            }
            if state.deferred {
                bump(&channel.counters.deferred);
            }
        }
        self.take_message(channels, number, letter, state, now)?;
        self.make_room(channels, number);
        self.knows(id).then_some(id)
    }

    /// Tells whether it is on its way, or was said a moment ago.
    fn knows(&self, id: NotificationId) -> bool {
        self.ids.contains(&id) || self.recent.contains(&id)
    }

    /// Takes one letter; returns whether it has a file.
    pub(super) fn take_message(
        &mut self,
        channels: &Channels,
        number: usize,
        letter: QueuedMessage,
        state: DeliveryState,
        now: Timestamp,
    ) -> Option<bool> {
        let channel = channels.get(number)?;
        if self.knows(letter.notification.id) {
            return Some(true);
        }
        bump(&channel.counters.notifications);
        channel.counters.kinds.get(letter.notification.kind as usize).into_iter().for_each(bump);
        let mut letter = match Self::guard(channel, letter, now) {
            Ok(letter) => letter,
            Err(letter) => {
                self.refuse_secret(channel, &letter);
                return None;
            }
        };
        self.follow_move(&channel.name, &mut letter.notification.recipient);
        let key = self.next_key(letter.notification.id, now);
        let name = self.write(&Name::new(key, state, &channel.name), &letter);
        if name.is_some() {
            bump(&channel.counters.spooled);
        }
        let spooled = name.is_some();
        self.insert(number, key, state, letter, name, now);
        Some(spooled)
    }

    /// Makes what was accepted last.
    pub(crate) fn commit(&mut self) {
        let forced = self.spool.as_mut().map(Spool::force).unwrap_or_default();
        for (key, forced) in forced {
            self.note_forced(key, forced);
        }
        if let Some(spool) = &self.spool
            && let Err(error) = spool.commit()
            // What cannot take a message cannot be forced to keep one.
            && self.trouble.is_none()
        {
            self.complain(&format!("cannot force the spool to the disk: {error}"));
        }
    }

    /// Notes whether the disk has taken a file: if not, the letter is in memory only.
    fn note_forced(&mut self, key: QueueKey, forced: io::Result<()>) {
        let is_crowded = self.kept.len() > FRESH;
        let Some(kept) = self.kept.get_mut(&key) else { return };
        match forced {
            Ok(()) if is_crowded => kept.letter = None,
            Ok(()) => {}
            // Its first attempt is over, and nobody else has it.
            Err(_) if kept.letter.is_none() => {}
            Err(error) => {
                let name = kept.name.take();
                if let (Some(spool), Some(name)) = (&self.spool, name)
                    && let Err(Missing::Io(_)) = spool.remove(&name)
                {
                    self.leftovers.push((name, None));
                }
                self.complain(&in_memory_only(&Trouble::Io(error)));
            }
        }
    }

    pub(super) fn write(&mut self, name: &Name, letter: &QueuedMessage) -> Option<Name> {
        let spool = self.spool.as_mut()?;
        let written = match spool.accept(name, letter) {
            // What is sent is clean by now, what it was made of is not.
            Err(Trouble::Secret) => match with_masked_summary(letter) {
                Some(clean) => spool.accept(name, &clean),
                None => Err(Trouble::Secret),
            },
            written => written,
        };
        match written {
            Ok(name) => {
                self.works_again();
                Some(name)
            }
            Err(trouble) => {
                self.complain(&in_memory_only(&trouble));
                None
            }
        }
    }

    pub(super) fn works_again(&mut self) {
        if self.trouble.take().is_some() {
            self.self_log.say("the spool works again");
        }
    }

    pub(super) fn complain(&mut self, text: &str) {
        // Once per trouble, not per message.
        if self.trouble.as_deref() != Some(text) {
            self.self_log.say(text);
            self.trouble = Some(text.to_owned());
        }
    }

    pub(super) fn next_key(&mut self, id: NotificationId, now: Timestamp) -> QueueKey {
        self.last_key = (now.as_millis() * 1_000).max(self.last_key + 1);
        QueueKey { accepted: self.last_key, id }
    }

    pub(super) fn insert(
        &mut self,
        number: usize,
        key: QueueKey,
        state: DeliveryState,
        letter: QueuedMessage,
        name: Option<Name>,
        now: Timestamp,
    ) {
        let ticket = letter.ticket(key, number, state);
        self.ids.insert(key.id);
        let usage = self.usage.entry(number).or_insert(Limits { count: 0, bytes: 0 });
        usage.count += 1;
        usage.bytes += ticket.size;
        // Also until its file is on the disk.
        let is_forced = self.spool.as_ref().is_none_or(|spool| !spool.is_unforced(key));
        let keep = name.is_none() || !is_forced || self.kept.len() < FRESH;
        let covers = letter.covers.clone();
        self.kept.insert(
            key,
            Kept {
                name,
                letter: keep.then(|| Box::new(letter)),
                covers,
                recovered: false,
                parts: Vec::new(),
            },
        );
        self.delivery.offer(ticket, now);
    }

    /// Forgets a letter that has ended; the caller has seen to its file.
    pub(super) fn forget(&mut self, number: usize, key: QueueKey, size: u64) -> Option<Kept> {
        self.delivery.remove(key);
        self.ids.remove(&key.id);
        if let Some(usage) = self.usage.get_mut(&number) {
            usage.count = usage.count.saturating_sub(1);
            usage.bytes = usage.bytes.saturating_sub(size);
        }
        let kept = self.kept.remove(&key);
        if kept.as_ref().is_some_and(|kept| kept.recovered)
            && let Some(recovered) = self.recovered.get_mut(&number)
        {
            *recovered = recovered.saturating_sub(1);
        }
        kept
    }

    /// Remembers what was said, or refused: it is not said again.
    pub(super) fn remember(&mut self, id: NotificationId) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(id);
    }

    /// Drops what is lost with the least harm until the channel is within its bounds.
    pub(super) fn make_room(&mut self, channels: &Channels, number: usize) {
        let limits =
            if self.spool.is_some() && self.trouble.is_none() { self.limits.0 } else { self.limits.1 };
        let over = |usage: &Limits| usage.count > limits.count || usage.bytes > limits.bytes;
        while self.usage.get(&number).is_some_and(over) {
            let Some(key) = self.delivery.least_valuable(number) else { return };
            let size = self.delivery.get(key).map_or(0, |ticket| ticket.size);
            let kept = self.forget(number, key, size);
            self.remove_files(kept);
            self.note_end(key.id);
            if let Some(channel) = channels.get(number) {
                bump(&channel.counters.dropped_spool);
                bump(&channel.counters.drops_to_note);
            }
        }
    }

    pub(super) fn remove_files(&mut self, kept: Option<Kept>) {
        let Some(spool) = &self.spool else { return };
        for name in kept.into_iter().flat_map(|kept| kept.name.into_iter().chain(kept.parts)) {
            // What is gone already is gone.
            if let Err(Missing::Io(_)) = spool.remove(&name) {
                self.leftovers.push((name, None));
            }
        }
    }
}

fn in_memory_only(trouble: &Trouble) -> String {
    format!("a message is kept in memory only, the spool cannot take it: {trouble}")
}
