//! Run the worker: the one thread that renders, writes, and decides what is tried when. A second one makes the
//! attempts.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::{runtime::Runtime, time};
use watchfire_core::{Buffers, clock, mute_thread};

use crate::{
    model::{Timestamp, random},
    pipeline::{
        channel_state::ChannelState,
        dispatch::{Dispatch, Job},
        pipeline_turn::{Counting, Remarks},
    },
    spool::Disk,
    worker::{
        health::ChannelSigns,
        recipients::Recipients,
        shared::{Shared, THREAD, To, What, WorkerRequest},
        ticker::Ticker,
    },
};

mod counting;
mod panic_alerts;
mod unclean_ends;

use super::attempt_runner::AttemptRunner;

/// How long the worker naps before it looks at the queue again, while there was traffic a moment ago: a push then
/// costs the program no system call.
const NAP: Duration = Duration::from_millis(5);
/// How long it sleeps at most.
const SLEEP: Duration = Duration::from_secs(60);
/// How long the worker takes in what the program pushed before it looks after what is on its way: on a slow disk each
/// message takes its time.
const TURN: Duration = Duration::from_millis(50);
/// How often all that waits is gone through while it is more than [`FEW`].
const PUBLISH: Duration = Duration::from_millis(500);
/// So many are gone through at each turn.
const FEW: usize = 256;
/// How long after the last channel was set up the alerts of earlier panics are said: they are for all channels.
const SETTLED: Duration = Duration::from_secs(1);

pub(crate) fn start(shared: &Arc<Shared>, dispatch: Dispatch<Disk>) -> io::Result<()> {
    let shared = Arc::clone(shared);
    // The worker's own runtime only tells the time, for its sleep. Made here, so that the caller learns of a failure.
    let timer = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
        let ended = Ended(Arc::clone(&shared));
        run(&shared, &timer, dispatch);
        drop(ended);
    })?;
    Ok(())
}

/// Says that the worker has ended, also when it ends by a panic.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.self_log.say("the worker has panicked, nothing more will be delivered by this process");
            self.0.orders.died.store(true, Ordering::Release);
        }
        self.0.orders.closed.store(true, Ordering::Release);
        self.0.settled.1.notify_all();
    }
}

fn run(shared: &Arc<Shared>, timer: &Runtime, dispatch: Dispatch<Disk>) {
    // What a sink emits while it renders must never become an alert.
    mute_thread();
    shared.worker.set(std::thread::current().id()).ok();
    let mut worker = Worker {
        shared,
        dispatch,
        ticker: Ticker::default(),
        channels: Vec::new(),
        attempt_runner: AttemptRunner::new(shared),
        recipients: Recipients::default(),
        posts: VecDeque::new(),
        used: Vec::new(),
        aggregators: Vec::new(),
        looked: None,
        idle: true,
        look_at: None,
        published: None,
        noted: None,
        marks: unclean_ends::FoundMarks::default(),
        alerts_from: Timestamp::default(),
        repeats_from: Timestamp::default(),
    };
    timer.block_on(worker.work());
}

/// Makes a runtime for the thread that calls, with threads for name resolution that our layers do not hear.
pub(crate) fn runtime(thread: &str) -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        // Name resolution runs there.
        .max_blocking_threads(2)
        .thread_name(format!("{thread}-names"))
        .on_thread_start(mute_thread)
        .build()
}

struct Worker<'a> {
    shared: &'a Arc<Shared>,
    dispatch: Dispatch<Disk>,
    ticker: Ticker,
    /// A copy of the shared list, so that no lock is held while a sink runs.
    channels: Vec<Arc<ChannelState>>,
    attempt_runner: AttemptRunner,
    recipients: Recipients,
    posts: VecDeque<WorkerRequest>,
    /// The buffers of the posts taken in this turn.
    used: Vec<Buffers>,
    aggregators: Vec<Counting>,
    /// When the silences were last read.
    looked: Option<Timestamp>,
    idle: bool,
    look_at: Option<Timestamp>,
    published: Option<Timestamp>,
    /// When it was last noted what is held up.
    noted: Option<Timestamp>,
    marks: unclean_ends::FoundMarks,
    alerts_from: Timestamp,
    repeats_from: Timestamp,
}

impl Worker<'_> {
    async fn work(&mut self) {
        let mut stop_by: Option<Timestamp> = None;
        loop {
            let now = self.ticker.now();
            #[cfg(feature = "sim")]
            #[expect(clippy::panic, reason = "a test asks for it")]
            if self.shared.orders.dies.load(Ordering::Acquire) {
                panic!("a fault of the worker");
            }
            let orders = &self.shared.orders;
            let asked = orders.look.load(Ordering::Acquire);
            let looks = asked != orders.looked.load(Ordering::Acquire);
            let closes = orders.close.load(Ordering::Acquire);
            let stops = orders.stop.load(Ordering::Acquire);
            self.settle(now);
            if orders.retune.swap(false, Ordering::AcqRel) {
                self.retune(now);
            }
            self.take_in_for_callers(now);
            let ends = closes || stops || orders.last_words.load(Ordering::Acquire);
            self.look(looks, ends, now);
            let report_due = self.report(closes || stops, looks, now);
            self.note_ending(now);
            // Before they leave the hand: else a flush in this moment would see nothing anywhere.
            self.shared.pending.store(self.dispatch.len() + self.dispatch.backlog(), Ordering::Release);
            self.shared.in_hand.store(0, Ordering::Release);
            self.shared.panics.settle();
            if self.shared.orders.hurry.swap(false, Ordering::AcqRel) {
                self.dispatch.delivery.hurry(now);
            }
            if closes {
                return self.close(now);
            }
            let wait = [self.send_out(now), report_due].into_iter().flatten().min();
            self.note_ending(now);
            self.shared.orders.looked.store(asked, Ordering::Release);
            self.publish(now);
            self.shared.run_marker.touch(clock::now());
            if stops {
                let deadline = *stop_by.get_or_insert(now + self.shared.exit_deadline);
                if now >= deadline || (self.dispatch.len() == 0 && self.shared.queue.len() == 0) {
                    return self.close(now);
                }
            }
            self.sleep(wait, stop_by, now).await;
        }
    }

    /// Takes in what the program pushed, and lets those go who wait for it as soon as it is in the folder: it survives
    /// this process then. Only if no message was made do they wait for the counts, and those are forced to the disk.
    ///
    /// The next channel of the same event comes a moment later: it is waited for before the disk is, which takes longer
    /// than a caller may wait.
    fn take_in_for_callers(&mut self, began: Timestamp) {
        let (mut now, mut asked) = (began, self.shared.sync.asked());
        // An alert may be taken in a moment before its caller asks.
        let mut before = self.dispatch.len();
        loop {
            self.take_in(now);
            if let Some(number) = asked {
                if self.dispatch.len() <= before {
                    self.dispatch.commit();
                    self.pipeline().keep_counts(true, now);
                }
                self.shared.sync.finish(number, self.dispatch.trouble().is_none());
                before = self.dispatch.len();
            }
            if now.since(began) > TURN {
                return;
            }
            asked = self.shared.sync.wait_for_next(asked.is_some(), self.channels.len());
            if asked.is_none() {
                return;
            }
            now = self.ticker.now();
        }
    }

    /// Notes for the end of the program whether it is worth waiting for.
    fn note_ending(&self, now: Timestamp) {
        if let Some(by) = self.shared.ending.by() {
            let left = by.saturating_duration_since(clock::instant());
            self.shared.ending.note(!self.dispatch.may_deliver_by(now + left));
        }
    }

    /// Gives back what is claimed; what is under way is dropped and repeated by whoever comes, with a mark.
    fn close(&mut self, now: Timestamp) {
        self.take_in(now);
        self.dispatch.take_slice(&self.channels, usize::MAX, now);
        self.dispatch.commit();
        self.shared.in_hand.store(0, Ordering::Release);
        self.attempt_runner.stop();
        self.settle(now);
        self.dispatch.commit();
        self.pipeline().close_counts(now);
        // Before they are given back: what has a file is not lost.
        self.published = None;
        self.publish(now);
        self.dispatch.release_all();
        self.shared.run_marker.remove();
    }

    /// Waits for an item, the end of an attempt, or the next time that something may go.
    async fn sleep(&mut self, wait: Option<Timestamp>, stop_by: Option<Timestamp>, now: Timestamp) {
        let threads = self.attempt_runner.look_after().map(|after| now + after);
        let wakes = [wait, self.look_at, stop_by, threads].into_iter().flatten();
        let longest = wakes.map(|at| at.since(now)).min().unwrap_or(SLEEP).min(SLEEP);
        if self.idle {
            if self.shared.queue.fall_asleep() && !self.attempt_runner.has_finished() {
                time::timeout(longest, self.shared.queue.woken()).await.ok();
            }
        } else {
            time::timeout(longest.min(NAP), self.shared.queue.woken()).await.ok();
        }
    }

    fn meet_channels(&mut self, now: Timestamp) {
        let channels = self.shared.channels.read().unwrap_or_else(PoisonError::into_inner);
        for (number, channel) in channels.iter().enumerate().skip(self.channels.len()) {
            self.dispatch.add_channel(number, channel);
            self.aggregators.push(Counting::new(channel, &mut self.dispatch, self.shared.capture.app(), now));
            self.channels.push(Arc::clone(channel));
            self.looked = None;
            self.alerts_from = now + SETTLED;
            self.look_at = Some(now);
        }
    }

    /// Takes the settings of channels that have changed: groups, what is spent of budgets, and what waits stay.
    fn retune(&mut self, now: Timestamp) {
        for (number, (channel, counting)) in self.channels.iter().zip(&mut self.aggregators).enumerate() {
            let tuning = channel.tuning();
            let after = tuning.fail_over.as_ref().map(|fail_over| fail_over.after);
            self.dispatch.delivery.retune(number, &tuning.policy, after, now);
            counting.aggregator.retune(&tuning.policy.notifications, tuning.policy.can_edit, now);
        }
        // For the quiet hours.
        self.looked = None;
    }

    /// Takes the ends of attempts.
    fn settle(&mut self, now: Timestamp) {
        let (finished, blocked) = self.attempt_runner.finished();
        for number in blocked {
            let Some(channel) = self.channels.get(number) else { continue };
            let lost = self.attempt_runner.lost(number);
            let line =
                format_args!("{}: its sink blocks a thread of the outbox; so far {lost}", channel.name);
            self.shared.self_log.say(line);
        }
        for (key, outcome) in finished {
            let to = self.dispatch.delivery.get(key).map(|ticket| (ticket.channel, ticket.recipient.clone()));
            let said = self.dispatch.done(&self.channels, key, outcome.clone(), now, random::draw());
            let Some((number, recipient)) = to else { continue };
            let is_over = self.dispatch.delivery.get(key).is_none();
            self.recipients.note(number, &recipient, &outcome, is_over, now);
            let (Some(said), Some(channel)) = (said, self.channels.get(number)) else { continue };
            let kind = format!("{}/{}", channel.name, said.verb);
            let whom = if recipient.is_empty() { String::new() } else { format!(" for `{recipient}`") };
            let line =
                format_args!("{}: `{}`{whom} {}: {}", channel.name, said.title, said.verb, said.reason);
            self.shared.self_log.say_paced(&kind, clock::instant(), line);
        }
    }

    /// Turns what the program pushed into notifications.
    fn take_in(&mut self, now: Timestamp) {
        let mut posts = std::mem::take(&mut self.posts);
        self.shared.in_hand.store(self.shared.queue.len(), Ordering::Release);
        self.shared.queue.take(&mut posts);
        // After the queue was taken: what is in it may be for a channel that was set up a moment before.
        self.meet_channels(now);
        self.pipeline().read_silences(now);
        // A walk over all that waits, as the gauges are; what is late is so by a minute.
        if self.dispatch.len() < FEW || self.noted.is_none_or(|last| now.since(last) >= PUBLISH) {
            self.noted = Some(now);
            self.pipeline().note_overdue(now);
        }
        self.idle = posts.is_empty();
        self.shared.in_hand.store(posts.len(), Ordering::Release);
        let mut turn = now;
        for WorkerRequest { to, what, repeats } in posts.drain(..) {
            let later = self.ticker.now();
            if later.since(turn) > TURN {
                turn = later;
                self.dispatch.commit();
                self.settle(later);
                self.send_out(later);
            }
            let alert = match what {
                What::Alert(alert) => Arc::from(alert),
                What::Captured(captured) => {
                    let (alert, buffers) = self.shared.capture.finish(captured);
                    self.used.push(buffers);
                    Arc::new(alert)
                }
            };
            for number in self.numbers(to) {
                let group = self.pipeline().take(number, Arc::clone(&alert), 1, &Remarks::default(), now);
                self.pipeline().note_repeats(number, repeats, group, now);
            }
        }
        self.posts = posts;
        if !self.used.is_empty() {
            self.shared.buffers.give(&mut self.used);
        }
        self.say_repeated_panics(now);
    }

    fn numbers(&self, to: To) -> Vec<usize> {
        match to {
            To::Channel(number) => vec![number],
            To::All => (0..self.channels.len()).collect(),
            To::Panic => self.panic_channels(),
        }
    }

    fn panic_channels(&self) -> Vec<usize> {
        let hears = |(number, channel): (usize, &Arc<ChannelState>)| channel.hears_panics.then_some(number);
        self.channels.iter().enumerate().filter_map(hears).collect()
    }

    /// Starts every attempt that may start now; returns when the next one may.
    fn send_out(&mut self, now: Timestamp) -> Option<Timestamp> {
        loop {
            match self.pipeline().next_job(now) {
                Job::Attempt { key, channel, notification } => {
                    if let Some(state) = self.channels.get(channel) {
                        self.attempt_runner.make(key, channel, Arc::clone(state), *notification);
                    }
                }
                Job::Wait(at) => return Some(at),
                Job::Idle => return None,
            }
        }
    }

    fn signs(&self, number: usize, now: Timestamp) -> ChannelSigns {
        ChannelSigns {
            recipients: self.recipients.view(number, now),
            waits_since: self.dispatch.delivery.waits_since(number).map(Into::into),
            blocked: self.attempt_runner.lost(number),
        }
    }

    fn publish(&mut self, now: Timestamp) {
        let len = self.dispatch.len();
        let backlog = self.dispatch.backlog();
        self.shared.pending.store(len + backlog, Ordering::Release);
        // Gauges cost a walk over all that waits.
        if len < FEW || self.published.is_none_or(|last| now.since(last) >= PUBLISH) {
            self.published = Some(now);
            let mut published = self.shared.published.lock().unwrap_or_else(PoisonError::into_inner);
            published.views =
                (0..self.channels.len()).map(|number| self.dispatch.view(number, now)).collect();
            published.signs = (0..self.channels.len()).map(|number| self.signs(number, now)).collect();
            published.spooled = (self.dispatch.spooled() + backlog) as u64;
            published.trouble = self.dispatch.trouble().map(str::to_owned);
            drop(published);
            #[cfg(feature = "metrics")]
            crate::worker::metrics::publish(&self.shared.stats());
        }
        self.shared.settled.1.notify_all();
    }
}
