//! Run the courier: the one thread that renders and delivers, with a runtime of its own.

use std::{
    cell::RefCell,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::{task::LocalSet, time};
use watchfire_core::{Alert, clock, mute_thread};

use crate::{
    GroupId, Notification, Occasion, Outcome, Reason,
    delivery::{Attempt, Delivery, Ended, Step},
    hash::Fnv128,
    one_line,
    outbox::{ChannelState, Shared},
    stats::bump,
};

/// How long the courier naps before it looks at the queue again, while there was traffic a moment ago: a push then
/// costs the program no system call.
const NAP: Duration = Duration::from_millis(5);

pub(crate) fn start(shared: &Arc<Shared>) -> io::Result<()> {
    let shared = Arc::clone(shared);
    std::thread::Builder::new().name("watchfire".to_owned()).spawn(move || run(&shared))?;
    Ok(())
}

fn run(shared: &Arc<Shared>) {
    // What hyper, rustls and lettre emit on this thread must never become an alert.
    mute_thread();
    shared.courier.set(std::thread::current().id()).ok();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        // Name resolution runs there.
        .max_blocking_threads(2)
        .on_thread_start(mute_thread)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            shared
                .self_log
                .say(format_args!("the outbox cannot start its runtime, nothing will be delivered: {error}"));
            return;
        }
    };
    let mut courier = Courier { shared, delivery: Delivery::default(), finished: Rc::default(), idle: true };
    LocalSet::new().block_on(&runtime, courier.work());
    // A resolver that hangs must not hold the end of the program.
    runtime.shutdown_timeout(Duration::from_millis(100));
}

struct Courier<'a> {
    shared: &'a Arc<Shared>,
    delivery: Delivery,
    finished: Rc<RefCell<Vec<(Attempt, Outcome)>>>,
    idle: bool,
}

impl Courier<'_> {
    async fn work(&mut self) {
        let mut stop_by: Option<Instant> = None;
        loop {
            self.settle();
            self.take_in();
            let wait = self.send_out();
            self.publish();
            let now = clock::instant();
            if self.shared.stop.load(Ordering::Acquire) {
                let deadline = *stop_by.get_or_insert(now + self.shared.exit_deadline);
                if now >= deadline || (self.delivery.len() == 0 && self.shared.queue.len() == 0) {
                    return;
                }
            }
            self.sleep(wait, now).await;
        }
    }

    /// Waits for an item, the end of an attempt, or the next time that something may go.
    async fn sleep(&mut self, wait: Option<Instant>, now: Instant) {
        let longest = wait.map_or(Duration::from_secs(60), |at| at.saturating_duration_since(now));
        if self.idle {
            if self.shared.queue.fall_asleep() && self.finished.borrow().is_empty() {
                time::timeout(longest, self.shared.queue.woken()).await.ok();
            }
        } else {
            time::timeout(longest.min(NAP), self.shared.queue.woken()).await.ok();
        }
    }

    /// Takes the ends of attempts.
    fn settle(&mut self) {
        let finished = std::mem::take(&mut *self.finished.borrow_mut());
        let now = clock::instant();
        for (attempt, outcome) in finished {
            let Some(channel) = self.channel(attempt.channel) else { continue };
            let title = attempt.notification.title().to_owned();
            let ended = self.delivery.done(attempt, outcome, &channel.policy, now, chance());
            let counters = &channel.counters;
            let (counter, verb, reason) = match ended {
                Ended::Delivered => {
                    bump(&counters.delivered);
                    continue;
                }
                Ended::Refused(reason) => (Some(&counters.refused), "refused for its recipient", reason),
                Ended::Dead(reason) => (Some(&counters.dead), "given up", reason),
                Ended::Again(reason) => (None, "not delivered yet", reason),
            };
            if let Some(counter) = counter {
                bump(counter);
                bump(&counters.unreported);
            }
            let kind = format!("{}/{verb}", channel.name);
            self.shared.self_log.say_paced(
                &kind,
                now,
                format_args!("{}: `{title}` {verb}: {reason}", channel.name),
            );
        }
    }

    /// Turns what the program pushed into notifications.
    fn take_in(&mut self) {
        let alerts = self.shared.queue.take();
        self.idle = alerts.is_empty();
        self.shared.in_hand.store(alerts.len(), Ordering::Release);
        let now = clock::instant();
        for (number, alert) in alerts {
            if let Some(channel) = self.channel(number) {
                match render(&channel, &alert) {
                    Some(notifications) => {
                        for notification in notifications {
                            bump(&channel.counters.notifications);
                            self.delivery.offer(number, notification, now);
                            self.shared.pending.fetch_add(1, Ordering::AcqRel);
                        }
                        bump(&channel.counters.rendered);
                    }
                    None => {
                        bump(&channel.counters.dropped_render);
                        bump(&channel.counters.unreported);
                    }
                }
            }
            self.shared.in_hand.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Starts every attempt that may start now; returns when the next one may.
    fn send_out(&mut self) -> Option<Instant> {
        loop {
            match self.delivery.next(clock::instant()) {
                Step::Attempt(attempt) => self.spawn(*attempt),
                Step::Wait(at) => return Some(at),
                Step::Idle => return None,
            }
        }
    }

    fn spawn(&self, attempt: Attempt) {
        let Some(channel) = self.channel(attempt.channel) else { return };
        bump(&channel.counters.attempts);
        let finished = Rc::clone(&self.finished);
        let shared = Arc::clone(self.shared);
        let notification = attempt.notification.clone();
        let inner = tokio::task::spawn_local(async move {
            match time::timeout(channel.policy.timeout, channel.sink.deliver(&notification)).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    let text = format!("no answer within {} s", channel.policy.timeout.as_secs());
                    Outcome::Ambiguous(Reason::new(text))
                }
            }
        });
        tokio::task::spawn_local(async move {
            // A sink that panics costs one rendering, never the thread.
            let outcome = inner.await.unwrap_or_else(|_| Outcome::Degrade(Reason::new("the sink panicked")));
            finished.borrow_mut().push((attempt, outcome));
            shared.queue.nudge();
        });
    }

    fn publish(&self) {
        self.shared.pending.store(self.delivery.len(), Ordering::Release);
        self.shared.settled.1.notify_all();
    }

    fn channel(&self, number: usize) -> Option<Arc<ChannelState>> {
        self.shared.channels.read().unwrap_or_else(PoisonError::into_inner).get(number).cloned()
    }
}

/// Renders a first alert; one that makes the sink panic is rendered once more, stripped to its one line.
fn render(channel: &ChannelState, alert: &Alert) -> Option<Vec<Notification>> {
    let unreported = channel.counters.unreported.swap(0, Ordering::AcqRel);
    let (group, now) = (fingerprint(alert), clock::now());
    let attempt = |alert: &Alert| {
        let occasion = Occasion::first(alert, &channel.name, group, now).unreported(unreported);
        let rendered = catch_unwind(AssertUnwindSafe(|| channel.sink.render(&occasion))).ok();
        if rendered.is_none() {
            bump(&channel.counters.render_panics);
        }
        rendered
    };
    let rendered = attempt(alert).or_else(|| attempt(&stripped(alert)));
    if rendered.is_none() {
        channel.counters.unreported.fetch_add(unreported, Ordering::AcqRel);
    }
    rendered
}

fn stripped(alert: &Alert) -> Alert {
    let mut plain = Alert::new(Arc::clone(&alert.app), alert.severity, one_line(&alert.message, 200));
    plain.id = alert.id;
    plain.at = alert.at;
    plain.target = alert.target.clone();
    plain
}

/// Two alerts are of one kind when they come from one place at one level.
fn fingerprint(alert: &Alert) -> GroupId {
    let hash = Fnv128::new()
        .part(alert.target.as_bytes())
        .part(alert.file.as_deref().unwrap_or_default().as_bytes())
        .part(&alert.line.unwrap_or_default().to_be_bytes())
        .part(alert.severity.as_str().as_bytes());
    GroupId::from_u64(hash.finish_u64())
}

/// Returns a number in 0..1, for the jitter of a backoff.
fn chance() -> f64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let bits = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(bits >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}
