//! Take over what other processes, or this program's earlier lives, left in the spool.

use std::{collections::BTreeMap, time::Duration};

use watchfire_core::Alert;

use super::{Dispatch, Kept, Limits, deferred::terms};
use crate::{
    NotificationId, Outcome, Reason,
    model::{
        DeliveryState, QueuedMessage, Timestamp,
        hash::Fnv128,
        stats::{Counters, bump},
    },
    pipeline::channel_state::Channels,
    spool::{Files, Found, Name, Owner, Spool, StateKind},
};

/// How often the folder is looked at.
pub(crate) const LOOK: Duration = Duration::from_secs(5);
/// How often claims of processes that are gone are looked for.
const LOOK_FOR_STALE: Duration = Duration::from_secs(30);
/// How many recovered messages of one channel are on their way at a time: what an outage left must not fill the memory,
/// nor take the place of what is new.
const MOST_RECOVERED: u64 = 256;
/// A channel with so many messages on their way recovers none.
const CROWDED: u64 = Limits::ON_DISK.count / 2;
/// How many claims of processes that are gone are freed in one turn: each is forced to the disk.
const MOST_RELEASED: usize = 1_000;
/// The longest pause that is believed of a file: the wall clock may have been ahead when it was written.
const LONGEST: Duration = Duration::from_secs(24 * 3600 + 10);

/// The first moment that a file can be from, 2020: an earlier time is that of a machine whose clock was not set yet.
const FIRST: Timestamp = Timestamp::from_millis(1_577_836_800_000);

/// An alert that a panic left behind.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) name: Name,
    pub(crate) alert: Alert,
    /// The channel that it is for; all that panics go to without one.
    pub(crate) channel: Option<String>,
    /// Its process, if that is no more.
    pub(crate) died: Option<Owner>,
    /// Whether another process took it before, and died, or has counted it: it may have been said.
    pub(crate) again: bool,
}

impl<F: Files> Dispatch<F> {
    /// Looks what is there to take; returns the alerts that are to be rendered, and when to look again.
    ///
    /// With `alerts` those of panics are taken too: not before all channels are set up, for they go to all.
    pub(crate) fn look(
        &mut self,
        channels: &Channels,
        alerts: bool,
        now: Timestamp,
    ) -> (Vec<Left>, Option<Timestamp>) {
        if self.spool.is_none() {
            return (Vec::new(), None);
        }
        let last = self.scanned.filter(|last| now.since(*last) < LOOK);
        if let Some(last) = last.filter(|_| !self.has_room_for_more(channels)) {
            return (Vec::new(), Some(last + LOOK));
        }
        let asked = self.scanned.is_none();
        if last.is_none() {
            self.scanned = Some(now);
            self.clear_leftovers();
            self.respool();
            if self.release_stale(now) {
                self.scanned = None;
            }
        }
        let room = self.room(channels);
        let Some(spool) = &mut self.spool else { return (Vec::new(), None) };
        let known = |name: &str| channels.iter().any(|channel| channel.name == name);
        let (found, unusable) = spool.claim(&known, (alerts && !channels.is_empty(), asked), &room, now);
        if let Some(unusable) = unusable {
            self.self_log.say(unusable);
        }
        let mut left = Vec::new();
        // Read once, and only if there is an alert.
        let mut counted = None;
        for found in found {
            match found {
                Found::QueuedMessage(name, letter) => self.take_over(channels, name, *letter, now),
                Found::Redirected(name, letter) => self.render_redirected(channels, &name, &letter, now),
                Found::Alert(name, alert, writer, channel) => {
                    let died = writer
                        .filter(|writer| self.spool.as_ref().is_some_and(|spool| spool.has_died(writer)));
                    let counted = counted.get_or_insert_with(|| self.counted_alerts());
                    let again = name.state.maybe_duplicate || counted.contains(&alert.id);
                    left.push(Left { name, alert: *alert, channel, died, again });
                }
            }
        }
        self.drop_covered(channels);
        let again = match self.scanned {
            Some(last) if !self.has_room_for_more(channels) => last + LOOK,
            // At the next turn.
            _ => now,
        };
        (left, Some(again))
    }

    /// Tells whether files of the folder are known that can be read or claimed now.
    pub(crate) fn has_room_for_more(&self, channels: &Channels) -> bool {
        self.backlog() > 0 && self.spool.as_ref().is_some_and(|spool| spool.has_more(&self.room(channels)))
    }

    /// Returns how many messages are known that are not on their way yet: files of the folder, and what was rendered for
    /// very many recipients.
    pub(crate) fn backlog(&self) -> usize {
        self.spool.as_ref().map_or(0, Spool::backlog) + self.intake.len()
    }

    /// Returns how many messages of each channel may be recovered now.
    fn room(&self, channels: &Channels) -> impl Fn(&str) -> usize + use<F> {
        let room = channels.iter().enumerate().map(|(number, channel)| {
            let usage = self.usage.get(&number).map_or(0, |usage| usage.count);
            let recovered = self.recovered.get(&number).copied().unwrap_or_default();
            let room = if usage > CROWDED { 0 } else { MOST_RECOVERED.saturating_sub(recovered) };
            (channel.name.clone(), room)
        });
        let room: BTreeMap<String, u64> = room.collect();
        move |channel| room.get(channel).map_or(0, |room| usize::try_from(*room).unwrap_or(usize::MAX))
    }

    /// Frees what processes and hosts have left that are gone, if it is time to look for them.
    ///
    /// Returns whether there is more to free.
    pub(crate) fn release_stale(&mut self, now: Timestamp) -> bool {
        let Some(spool) = &mut self.spool else { return false };
        // A host that says nothing looks gone to others.
        spool.beat(now);
        if self.released.is_none_or(|last| now.since(last) >= LOOK_FOR_STALE) {
            let is_all = spool.release_stale(MOST_RELEASED) < MOST_RELEASED;
            self.released = Some(now).filter(|_| is_all);
            spool.take_over_hosts(now);
            return !is_all;
        }
        false
    }

    /// Leaves these alerts of panics alone until it is called again.
    pub(crate) fn hold(&mut self, alerts: Vec<NotificationId>) {
        if let Some(spool) = &mut self.spool {
            spool.hold(alerts);
        }
    }

    /// Has the folder looked at at the next turn: there is something in it.
    pub(crate) fn look_soon(&mut self) {
        self.scanned = None;
    }

    fn take_over(&mut self, channels: &Channels, name: Name, letter: QueuedMessage, now: Timestamp) {
        let channel =
            channels.iter().enumerate().find(|(_, channel)| channel.name == letter.notification.channel);
        let Some((number, channel)) = channel else { return };
        if self.ids.contains(&name.key.id) && !self.makes_way(&channel.counters, &name) {
            return;
        }
        bump(&channel.counters.recovered);
        // Written by a clock that was ahead: its times are taken back by as much.
        let ahead = name.key.accepted_at().since(now);
        let state = DeliveryState {
            not_before: (name.state.not_before - ahead).min(now + LONGEST),
            maybe_duplicate: name.state.maybe_duplicate || name.state.in_flight,
            in_flight: false,
            held: false,
            ..name.state
        };
        let mut key = name.key;
        // A file from the future would never grow old, and the age of one from 1970 is not known.
        let latest = now.as_millis().saturating_mul(1_000);
        key.accepted = if name.key.accepted_at() < FIRST { latest } else { key.accepted.min(latest) };
        let mut letter = letter;
        if letter.since < FIRST {
            letter.since = key.accepted_at();
        }
        self.follow_move(&channel.name, &mut letter.notification.recipient);
        // An attempt that its process did not see the end of. Who has it tried again by hand starts at no attempts.
        let is_unclear = state.maybe_duplicate && state.attempts > 0;
        let is_never_repeated = is_unclear && !channel.tuning().policy.retry_ambiguous;
        self.insert(number, key, state, letter, Some(name), now);
        if let Some(kept) = self.kept.get_mut(&key) {
            kept.recovered = true;
            *self.recovered.entry(number).or_default() += 1;
            self.delivery.note_recovered(key, now);
        }
        if is_never_repeated {
            let reason = "an earlier process may have sent it, and ended before the answer came";
            self.done(channels, key, Outcome::Ambiguous(Reason::new(reason)), now, 0.0);
        }
        self.make_room(channels, number);
    }

    /// Decides about a file whose message is on its way already; tells whether the file takes its place.
    fn makes_way(&mut self, counters: &Counters, name: &Name) -> bool {
        let (Some(spool), Some(known)) = (&self.spool, self.kept.keys().find(|key| key.id == name.key.id))
        else {
            return true;
        };
        let known = *known;
        let Some(kept) = self.kept.get_mut(&known) else { return true };
        match &kept.name {
            // It had none, or the claim of a copy took the place of the very file: that is its file.
            None => {
                kept.name = Some(name.clone());
                return false;
            }
            Some(ours) if ours == name => return false,
            Some(ours) if spool.list("cur").contains(ours) => {
                // A copy of it.
                spool.remove(name).ok();
                return false;
            }
            Some(_) => {}
        }
        // Its own file was moved: somebody wants it tried again.
        match self.delivery.get(known).map(|ticket| (ticket.channel, ticket.size, ticket.state.in_flight)) {
            Some((_, _, true)) => {
                spool.release(name).ok();
                false
            }
            Some((number, size, false)) => {
                self.forget(number, known, size);
                bump(&counters.taken);
                true
            }
            None => true,
        }
    }

    /// Renders a letter for the channel that it was sent to by hand, and ends its file.
    fn render_redirected(
        &mut self,
        channels: &Channels,
        name: &Name,
        letter: &QueuedMessage,
        now: Timestamp,
    ) {
        let QueuedMessage { notification, summary, since, .. } = letter;
        let Some(number) = channels.iter().position(|channel| channel.name == notification.channel) else {
            return;
        };
        let Some(channel) = channels.get(number) else { return };
        let rendered = channel.render_again(summary, now);
        let mut state = terms(channel, notification.severity, notification.group, now);
        state.maybe_duplicate = name.state.maybe_duplicate;
        let messages = QueuedMessage::all(rendered, summary, *since);
        if !self.accept(state, channels, number, messages, now).is_empty() {
            self.end_alert(name);
            return;
        }
        let why = format!("the channel `{}` has nothing to say about it", channel.name);
        self.self_log.say(format_args!("`{}` was redirected in vain: {why}", notification.title));
        if let Some(spool) = &mut self.spool {
            spool.bury(name, &why).ok();
        }
    }

    /// Removes letters for which a catch-up stands: its process died between writing it and removing them.
    fn drop_covered(&mut self, channels: &Channels) {
        let covers = self.kept.values().flat_map(|kept| kept.covers.iter().copied());
        let covered: Vec<_> = covers.filter(|id| self.ids.contains(id)).collect();
        for id in covered {
            let Some(ticket) = self.delivery.tickets().find(|ticket| ticket.key.id == id).cloned() else {
                continue;
            };
            if ticket.state.in_flight {
                continue;
            }
            let kept = self.forget(ticket.channel, ticket.key, ticket.size);
            self.remove_files(kept);
            if let Some(channel) = channels.get(ticket.channel) {
                bump(&channel.counters.merged);
            }
        }
    }

    /// Tries to give a file to what had to be kept in memory.
    fn respool(&mut self) {
        let homeless: Vec<_> =
            self.kept.iter().filter(|(_, kept)| kept.name.is_none()).map(|(key, _)| *key).collect();
        // Nothing is left to write, and so nothing would say that it could be.
        if homeless.is_empty() && self.trouble.is_some() && self.spool.as_mut().is_some_and(Spool::can_write)
        {
            self.works_again();
        }
        for key in homeless {
            let Some(ticket) = self.delivery.get(key).cloned() else { continue };
            let Some(letter) = self.kept.get(&key).and_then(|kept| kept.letter.clone()) else { continue };
            let name = Name::new(key, ticket.state, &letter.notification.channel);
            let Some(name) = self.write(&name, &letter) else { return };
            let Some(kept) = self.kept.get_mut(&key) else { continue };
            kept.name = Some(name);
            let parts = std::mem::take(&mut kept.parts);
            self.commit();
            self.remove_files(Some(Kept::of_files(parts)));
        }
    }

    /// Ends a file that held an alert: it is rendered and accepted.
    pub(crate) fn end_alert(&mut self, name: &Name) {
        self.commit();
        if let Some(spool) = &self.spool {
            spool.remove(name).ok();
        }
    }

    /// Gives back all claims, for a sibling or the next start; what is under way is marked.
    pub(crate) fn release_all(&mut self) {
        let Some(spool) = &self.spool else { return };
        for kept in self.kept.values_mut() {
            for name in kept.name.take().into_iter().chain(std::mem::take(&mut kept.parts)) {
                spool.release(&name).ok();
            }
        }
        spool.leave_folder();
    }

    /// Takes what is kept over restarts.
    pub(super) fn restore(&mut self) {
        let Some(spool) = &self.spool else { return };
        for (_, text) in spool.kept(StateKind::Receipts) {
            self.receipts.restore(&text);
        }
        for (_, text) in spool.kept(StateKind::Moved) {
            if let Ok((channel, from, to)) = serde_json::from_str::<(String, String, String)>(&text) {
                self.moved.insert((channel, from), to);
            }
        }
    }

    /// Replaces a recipient that has moved by its new address.
    pub(super) fn follow_move(&self, channel: &str, recipient: &mut String) {
        // A chain of moves ends somewhere; a circle of them is followed once round at most.
        for _ in 0..4 {
            match self.moved.get(&(channel.to_owned(), recipient.clone())) {
                Some(to) => recipient.clone_from(to),
                None => return,
            }
        }
    }

    /// Remembers a new address.
    pub(super) fn keep_move(&mut self, channel: &str, from: &str, to: &str) {
        self.moved.insert((channel.to_owned(), from.to_owned()), to.to_owned());
        // The old address is none any more, and the new one is no old one.
        self.moved.remove(&(channel.to_owned(), to.to_owned()));
        if let Some(spool) = &mut self.spool {
            let hash = Fnv128::new().part(channel.as_bytes()).part(from.as_bytes()).finish();
            if let Ok(text) = serde_json::to_string(&(channel, from, to)) {
                spool.keep(StateKind::Moved, &format!("{hash:032x}"), &text).ok();
            }
        }
    }
}
