//! Have the alerts of a simulated program go through the aggregators, in the turns that the worker makes.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use watchfire_core::{Alert, Severity};

use super::{Process, World};
use crate::{
    GroupId, OccasionKind, Silence,
    aggregate::{Fingerprint, GROUP_FIELD},
    model::{Timestamp, stats::add},
    pipeline::{
        channel_state::ChannelState,
        pipeline_turn::{ADOPT, Counting, Extent, Pipeline, Remarks},
    },
    sim::{fake_disk::FakeFiles, random::SimRandom},
};

impl Process {
    pub(super) fn pipeline(&mut self) -> Pipeline<'_, FakeFiles> {
        Pipeline {
            dispatch: &mut self.dispatch,
            channels: &self.channels,
            aggregators: &mut self.aggregators,
            looked: &mut self.looked,
        }
    }
}

impl World {
    /// Opens the aggregators of a process that starts.
    pub(super) fn open_desks(&mut self, process: &mut Process) -> Result<(), String> {
        let now = process.clock(self.now);
        let before = self.left_counts();
        for channel in &process.channels {
            process.aggregators.push(Counting::new(channel, &mut process.dispatch, &self.app, now));
        }
        let none = vec![0; process.channels.len()];
        self.note_adopted(process, &before, &none, &vec![true; process.channels.len()])
    }

    /// Emits some alerts, and has the worker make a turn.
    pub(super) fn emit_to_desks(&mut self, number: usize) -> Result<(), String> {
        let burst = self.chance.percent(5);
        let kinds = if burst { 60 } else { 5 };
        let channels = self.plan.channels.len() as u64;
        let mut feed = Vec::new();
        for _ in 0..=self.chance.below(if burst { 40 } else { 3 }) {
            let to = usize::try_from(self.chance.below(channels)).unwrap_or_default();
            let weight = if self.chance.percent(10) { 1 + self.chance.below(5_000) } else { 1 };
            feed.push((to, self.alert_of(kinds), weight));
        }
        self.turn(number, feed)
    }

    fn alert_of(&mut self, kinds: u64) -> Alert {
        let (alert, _) = self.alert();
        let severity = [Severity::Warn, Severity::Error, Severity::Error, Severity::Critical];
        let severity = self.chance.pick(&severity).copied().unwrap_or(Severity::Error);
        let kind = self.chance.below(kinds);
        let mut plain = Alert::new(Arc::clone(&self.app), severity, "x").target(format!("shop::t{kind}"));
        if self.chance.percent(20) {
            // The program's own name for it: its severity may rise.
            plain = plain.field(GROUP_FIELD, format!("named{kind}"));
        }
        plain.id(alert.id).at(alert.at)
    }

    /// Makes one turn of a process's worker, in its order.
    pub(super) fn turn(&mut self, number: usize, feed: Vec<(usize, Alert, u64)>) -> Result<(), String> {
        let Some(mut process) = self.take(number) else { return Ok(()) };
        let done = self.turn_of(&mut process, number, feed);
        self.explain(&mut process);
        self.note_accepted(&process, process.dispatch.ids().iter().copied());
        self.count_pings(&mut process);
        let done = done
            .and_then(|()| super::delivery_oracle::conserved(&process))
            .and_then(|()| self.balance(&mut process, true));
        self.put_back(number, process);
        done
    }

    fn turn_of(
        &mut self,
        process: &mut Process,
        number: usize,
        feed: Vec<(usize, Alert, u64)>,
    ) -> Result<(), String> {
        let now = process.clock(self.now);
        process.pipeline().read_silences(now);
        process.pipeline().note_overdue(now);
        for (to, alert, weight) in feed {
            self.take_in(process, to, alert, weight, now)?;
        }
        let (left, _) = process.dispatch.look(&process.channels, true, now);
        for left in left {
            let remarks = Remarks { notes: Vec::new(), maybe_duplicate: left.again };
            for to in 0..process.channels.len() {
                process.feed(to, 1);
                process.pipeline().take(to, Arc::new(left.alert.clone()), 1, &remarks, now);
            }
            process.dispatch.end_alert(&left.name);
        }
        let (adopted, last) = (process.adopted_counts(), process.adopted());
        let before = if process.adopts(now) { self.left_counts() } else { Vec::new() };
        process.pipeline().adopt(&self.app, now);
        let adopts: Vec<bool> = process.adopted().iter().zip(&last).map(|(now, last)| now != last).collect();
        if adopts.contains(&true) {
            self.note_adopted(process, &before, &adopted, &adopts)?;
        }
        process.pipeline().report(Extent::default(), now.as_millis() * 1_000, now);
        self.start_attempts(process, number, now)
    }

    /// Has an aggregator take an alert, and checks that the first of its kind is not late, and that no other is said by itself.
    fn take_in(
        &mut self,
        process: &mut Process,
        to: usize,
        alert: Alert,
        weight: u64,
        now: Timestamp,
    ) -> Result<(), String> {
        let (Some(channel), Some(counting)) =
            (process.channels.get(to).cloned(), process.aggregators.get(to))
        else {
            return Ok(());
        };
        let group = Fingerprint::of(&alert, None).group;
        let known = counting.aggregator.known(group);
        let is_first = known.is_none_or(|(severity, _)| alert.severity > severity);
        let severity = known.map_or(alert.severity, |(severity, _)| severity.max(alert.severity));
        let may = may_speak(&channel, counting, group, severity, now);
        let before = process.firsts_of(to, group);
        self.say(format!("{} of {group} for {} ({weight})", alert.severity, channel.name));
        process.feed(to, weight);
        process.pipeline().take(to, Arc::new(alert), weight, &Remarks::default(), now);
        if process.is_dead() {
            return Ok(());
        }
        let firsts = process.firsts_of(to, group) - before;
        // The one that makes the storm is told with it, at the next look.
        let storm = process.aggregators.get(to).is_some_and(|counting| counting.aggregator.is_stormy());
        if is_first && may && !(storm && severity < Severity::Critical) && firsts != 1 {
            return Err(format!("the first of {group} was said {firsts} times by {}, at once", channel.name));
        }
        if firsts > 0 && !is_first && known.is_some_and(|(_, owed)| !owed) {
            return Err(format!("{group} was said as a first one again by {}", channel.name));
        }
        Ok(())
    }

    /// Silences a group, or takes a silence back, as an operator does.
    pub(super) fn change_silences(&mut self) {
        let named: Vec<String> = self.disk.borrow().names("silences").map(str::to_owned).collect();
        if let Some(name) = self.chance.pick(&named).filter(|_| named.len() > 1) {
            self.disk.borrow_mut().put(&format!("silences/{name}"), None);
            self.say(format!("the silence of {name} is taken back"));
            return;
        }
        let alert = self.alert_of(5);
        let group = Fingerprint::of(&alert, None).group;
        let span = Duration::from_secs(self.chance.below(7_200));
        let silence = Silence::new(group, self.now.into(), span);
        self.disk.borrow_mut().put(&format!("silences/{group}"), Some(silence.to_string()));
        self.say(format!("{group} is silenced for {span:?}"));
    }

    /// Has a process crash every few seconds.
    pub(super) fn crash_loop(&mut self, number: usize) -> Result<(), String> {
        for _ in 0..1 + self.chance.below(6) {
            let alert = self.alert_of(2);
            self.turn(number, vec![(0, alert, 1)])?;
            if self.chance.percent(50) {
                self.pass(Duration::from_secs(2))?;
                self.turn(number, Vec::new())?;
            }
            self.kill(number);
            self.bury_dead()?;
            self.settle_deaths()?;
            let rest = Duration::from_secs(1 + self.chance.below(5));
            self.pass(rest)?;
        }
        Ok(())
    }
}

impl Process {
    pub(super) fn feed(&mut self, to: usize, weight: u64) {
        if let (Some(channel), Some(book)) = (self.channels.get(to), self.books.get_mut(to)) {
            add(&channel.counters.captured, weight);
            book.fed += weight;
            book.since.fed += weight;
        }
    }

    fn adopted(&self) -> Vec<Timestamp> {
        self.aggregators.iter().map(Counting::adopted).collect()
    }

    fn adopts(&self, now: Timestamp) -> bool {
        self.aggregators.iter().any(|counting| now.since(counting.adopted()) >= ADOPT)
    }

    fn firsts_of(&self, to: usize, group: GroupId) -> usize {
        let Some(shown) = self.shown.get(to) else { return 0 };
        let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.iter().filter(|(kind, of, _)| *kind == OccasionKind::First && *of == group).count()
    }
}

/// Tells whether nothing may hold the first message of a group back.
pub(super) fn may_speak(
    channel: &ChannelState,
    counting: &Counting,
    group: GroupId,
    severity: Severity,
    now: Timestamp,
) -> bool {
    let noise = counting.aggregator.policy();
    let is_critical = severity >= Severity::Critical;
    let is_loud = is_critical
        || match noise.min_count {
            Some(min) => min.count <= 1,
            None => severity >= noise.first_from,
        };
    let is_calm = is_critical
        || (!counting.aggregator.is_stormy() && channel.rate_limiter.muted_until(severity, now).is_none());
    is_loud
        && is_calm
        && !counting.aggregator.is_silenced(group, now)
        && channel.rate_limiter.available("", now) > 0
}

/// Draws how much a channel may speak.
pub(super) fn draw_noise(chance: &mut SimRandom) -> (crate::NotificationPolicy, bool) {
    use crate::{NotificationPolicy, Rate};
    let can_edit = chance.percent(40);
    let mut noise = match chance.below(5) {
        0 => NotificationPolicy::mail(),
        1 => NotificationPolicy::chat(),
        2 => NotificationPolicy::sms(),
        3 => NotificationPolicy::messenger(),
        _ => NotificationPolicy::default()
            .min_count(1 + u32::try_from(chance.below(4)).unwrap_or(1), Duration::from_secs(300)),
    };
    let most = 2 + u32::try_from(chance.below(12)).unwrap_or_default();
    noise.budget = vec![Rate::hourly(most)];
    if chance.percent(40) {
        noise.budget.push(Rate::daily(most * 3));
    }
    if chance.percent(20) {
        noise.quiet_hours =
            "22:00-07:00".parse::<crate::QuietHours>().and_then(|hours| hours.in_zone("UTC")).ok();
    }
    (noise, can_edit)
}
