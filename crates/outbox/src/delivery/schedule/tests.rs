//! Tests of the schedule of attempts.

use watchfire_core::Severity;

use super::*;
use crate::{NotificationId, OccasionKind, Outcome, Reason, Scope};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A delivery at a time, with the longest backoffs.
struct World {
    delivery: Delivery,
    now: Timestamp,
    count: u64,
    policy: DeliveryPolicy,
}

impl World {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut DeliveryPolicy)) -> Self {
        let mut policy = DeliveryPolicy::default();
        change(&mut policy);
        let mut delivery = Delivery::default();
        for channel in 0..3 {
            delivery.set_channel(channel, policy.clone(), None);
        }
        Self { delivery, now: Timestamp::from_millis(1_700_000_000_000), count: 0, policy }
    }

    fn fails_over(mut self, after: Duration) -> Self {
        self.delivery.set_channel(0, self.policy.clone(), Some(after));
        self
    }

    fn ticket(&mut self, channel: usize, recipient: &str, group: u64) -> Ticket {
        self.count += 1;
        Ticket {
            key: QueueKey {
                accepted: self.now.as_millis() * 1_000 + self.count,
                id: NotificationId(u128::from(self.count)),
            },
            channel,
            recipient: recipient.to_owned(),
            group: GroupId::from_u64(group),
            occasion: self.count,
            kind: OccasionKind::First,
            severity: Severity::Error,
            size: 100,
            steps: 3,
            state: DeliveryState::default(),
            recovered: None,
            paid: self.now,
            deadline: None,
            last: None,
            refusals: 0,
            doubts: 0,
        }
    }

    fn offer(&mut self, channel: usize, recipient: &str, group: u64) -> QueueKey {
        self.offer_as(channel, recipient, group, |_| ())
    }

    fn offer_as(
        &mut self,
        channel: usize,
        recipient: &str,
        group: u64,
        change: impl FnOnce(&mut Ticket),
    ) -> QueueKey {
        let mut ticket = self.ticket(channel, recipient, group);
        change(&mut ticket);
        let key = ticket.key;
        self.delivery.offer(ticket, self.now);
        key
    }

    fn next(&mut self) -> Step {
        self.delivery.next(self.now)
    }

    fn attempt(&mut self) -> QueueKey {
        match self.next() {
            Step::Attempt(key) => key,
            other => panic!("expected an attempt, found {other:?}"),
        }
    }

    fn done(&mut self, key: QueueKey, outcome: Outcome) -> Judgement {
        self.delivery.done(key, outcome, self.now, 1.0).unwrap()
    }

    fn pass(&mut self, span: Duration) {
        self.now = self.now + span;
    }

    /// Waits as long as it says; returns how long that was.
    fn wait(&mut self) -> Duration {
        match self.next() {
            Step::Wait(at) => {
                let span = at.since(self.now);
                self.now = at;
                span
            }
            other => panic!("expected a wait, found {other:?}"),
        }
    }
}

fn why() -> Reason {
    Reason::new("as told")
}

fn transient() -> Outcome {
    Outcome::Transient(why())
}

fn delivered() -> Outcome {
    Outcome::Delivered(None)
}

#[test]
fn backs_off_by_doubling_then_leaves_the_destination_alone() {
    let mut world = World::new();
    let key = world.offer(0, "ada", 1);
    // Jitter at its longest: 1, 2, 4, 8 s; the fifth failure in a row opens the breaker for 30 s.
    for seconds in [1, 2, 4, 8, 30, 60, 120] {
        assert_eq!(world.attempt(), key);
        world.done(key, transient());
        assert_eq!(world.wait(), SECOND * seconds);
    }
    assert_eq!(world.attempt(), key);
    assert_eq!(world.done(key, delivered()).ticket.state.attempts, 8);
    assert_eq!(world.next(), Step::Idle);
}

#[test]
fn keeps_the_order_of_a_group_and_lets_others_pass() {
    let mut world = World::new();
    let (a1, a2, b1) = (world.offer(0, "ada", 1), world.offer(0, "ada", 1), world.offer(0, "ada", 2));
    assert_eq!(world.attempt(), a1);
    assert_eq!(world.next(), Step::Idle, "one attempt at a time");
    world.done(a1, transient());
    assert_eq!(world.attempt(), b1, "the other group does not wait for it");
    world.done(b1, delivered());
    assert_eq!(world.wait(), SECOND);
    for key in [a1, a2] {
        assert_eq!(world.attempt(), key);
        world.done(key, delivered());
    }
}

#[test]
fn a_slow_destination_delays_no_other() {
    let mut world = World::new();
    let slow = world.offer(0, "slow", 1);
    assert_eq!(world.attempt(), slow);
    for (channel, recipient) in [(0, "ada"), (1, "slow"), (1, "ada"), (2, "eve")] {
        let key = world.offer(channel, recipient, 1);
        assert_eq!(world.attempt(), key);
        world.done(key, delivered());
    }
}

#[test]
fn the_severe_have_a_head_start_and_starve_nobody() {
    let mut world = World::new();
    let busy = world.offer(0, "ada", 0);
    assert_eq!(world.attempt(), busy);
    let error = world.offer(0, "ada", 1);
    world.pass(MINUTE);
    let critical = world.offer_as(0, "ada", 2, |ticket| ticket.severity = Severity::Critical);
    world.pass(MINUTE * 4);
    let late = world.offer_as(0, "ada", 3, |ticket| ticket.severity = Severity::Critical);
    world.done(busy, delivered());
    let order: Vec<QueueKey> = (0..3)
        .map(|_| {
            let key = world.attempt();
            world.done(key, delivered());
            key
        })
        .collect();
    assert_eq!(order, [critical, error, late]);
}

#[test]
fn honours_what_a_provider_asks_for_within_bounds() {
    // (asked, waited at chance 1)
    let cases = [
        (Duration::ZERO, Duration::from_millis(1_100)),
        (SECOND * 30, SECOND * 33),
        (HOUR, HOUR + SECOND * 10),
        (HOUR * 1_000, HOUR * 24 + SECOND * 10),
        (Duration::MAX, HOUR * 24 + SECOND * 10),
    ];
    for (wait, waited) in cases {
        for scope in [Scope::Recipient, Scope::Channel] {
            let mut world = World::with(|policy| policy.max_age = Duration::MAX);
            let key = world.offer(0, "ada", 1);
            assert_eq!(world.attempt(), key);
            let verdict = world.done(key, Outcome::RateLimited { wait, scope, reason: why() });
            assert_eq!(verdict.ticket.state.attempts, 0, "the provider did not look at it");
            let same = world.offer(0, "ada", 2);
            let other = world.offer(0, "eve", 2);
            let elsewhere = world.offer(1, "ada", 2);
            let mut free = vec![elsewhere];
            if scope == Scope::Recipient {
                free.insert(0, other);
            }
            for key in free {
                assert_eq!(world.attempt(), key, "{scope:?}");
                world.done(key, delivered());
            }
            assert_eq!(world.wait(), waited, "{wait:?}");
            // Each recipient in its turn.
            let order = if scope == Scope::Channel { vec![other, key, same] } else { vec![key, same] };
            for next in order {
                assert_eq!(world.attempt(), next, "{scope:?}");
                world.done(next, delivered());
            }
        }
    }
}

#[test]
fn what_was_delivered_can_ask_the_next_one_to_wait() {
    for scope in [Scope::Recipient, Scope::Channel] {
        let mut world = World::new();
        let key = world.offer(0, "ada", 1);
        assert_eq!(world.attempt(), key);
        let same = world.offer(0, "ada", 2);
        let other = world.offer(0, "eve", 2);
        let verdict = world.done(key, Outcome::DeliveredThenWait { receipt: None, wait: SECOND * 30, scope });
        assert_eq!(verdict.fate, Fate::Delivered(None), "{scope:?}");
        if scope == Scope::Recipient {
            assert_eq!(world.attempt(), other);
            world.done(other, delivered());
        }
        assert_eq!(world.wait(), SECOND * 33, "{scope:?}");
        assert_eq!(world.attempt(), if scope == Scope::Channel { other } else { same }, "{scope:?}");
    }
}

#[test]
fn each_recipient_has_its_turn_also_the_trial_after_a_hold() {
    let mut world = World::new();
    let waiting: Vec<QueueKey> = ["ada", "bob", "eve"].map(|who| world.offer(0, who, 1)).into();
    for key in &waiting {
        assert_eq!(world.attempt(), *key);
    }
    for key in &waiting {
        world.done(*key, Outcome::Held(why()));
    }
    // The first is refused each time, and the others have their trial all the same.
    for key in [waiting[0], waiting[1], waiting[2], waiting[0]] {
        world.wait();
        assert_eq!(world.attempt(), key);
        world.done(key, Outcome::Held(why()));
    }
}

#[test]
fn so_many_attempts_of_a_channel_are_under_way_and_no_more() {
    let mut world = World::new();
    let waiting: Vec<QueueKey> = (0..AT_ONCE + 2).map(|n| world.offer(0, &format!("{n:02}"), 1)).collect();
    for key in &waiting[..AT_ONCE] {
        assert_eq!(world.attempt(), *key);
    }
    assert_eq!(world.next(), Step::Idle);
    let elsewhere = world.offer(1, "ada", 1);
    assert_eq!(world.attempt(), elsewhere);
    world.done(waiting[3], delivered());
    assert_eq!(world.attempt(), waiting[AT_ONCE]);
    assert_eq!(world.next(), Step::Idle);
}

#[test]
fn what_is_refused_or_unclear_is_given_up_in_the_end() {
    // (outcome, attempts until it is given up, marked as a possible duplicate)
    let cases = [(Outcome::Degrade(why()), 5, false), (Outcome::Ambiguous(why()), 10, true)];
    for (outcome, attempts, marked) in cases {
        let mut world = World::with(|policy| {
            policy.max_age = Duration::MAX;
            policy.breaker_after = u32::MAX;
        });
        let key = world.offer_as(0, "ada", 1, |ticket| ticket.steps = 1);
        for attempt in 1..=attempts {
            if attempt > 1 {
                world.wait();
            }
            assert_eq!(world.attempt(), key);
            let judgement = world.done(key, outcome.clone());
            let is_over = matches!(judgement.fate, Fate::Dead(_));
            assert_eq!(is_over, attempt == attempts, "{outcome:?} {attempt}");
            assert_eq!(judgement.ticket.state.maybe_duplicate, marked);
        }
    }
}

impl World {}

#[test]
fn a_held_channel_keeps_everything_and_sends_it_after_the_fix() {
    let mut world = World::new();
    let keys = [world.offer(0, "ada", 1), world.offer(0, "eve", 2), world.offer(0, "bob", 3)];
    let first = world.attempt();
    let verdict = world.done(first, Outcome::Held(why()));
    assert!(verdict.ticket.state.held);
    assert!(world.delivery.view(0, world.now).held);
    // One message at a time finds out, at pauses that double.
    for seconds in [30, 60, 120] {
        assert_eq!(world.wait(), SECOND * seconds);
        let trial = world.attempt();
        assert_eq!(world.next(), Step::Idle, "one trial for the whole channel");
        world.done(trial, Outcome::Held(why()));
    }
    world.wait();
    let trial = world.attempt();
    world.done(trial, delivered());
    let rest = [world.attempt(), world.attempt()];
    assert!(keys.iter().all(|key| *key == trial || rest.contains(key)));
}

#[test]
fn a_trial_failing_otherwise_does_not_open_a_held_channel() {
    let mut world = World::new();
    for recipient in ["ada", "eve"] {
        world.offer(0, recipient, 1);
    }
    let key = world.attempt();
    world.done(key, Outcome::Held(why()));
    world.wait();
    let trial = world.attempt();
    world.done(trial, transient());
    assert!(world.delivery.view(0, world.now).held);
    assert_eq!(world.wait(), MINUTE);
}

#[test]
fn keeps_its_pace() {
    let gap = Duration::from_millis(1_100);
    let mut world = World::with(|policy| policy.min_gap = gap);
    for group in 0..3 {
        world.offer(0, "ada", group);
    }
    for _ in 0..2 {
        let key = world.attempt();
        world.done(key, delivered());
        assert_eq!(world.wait(), gap);
    }
    world.attempt();
}

#[test]
fn old_messages_are_merged_when_the_destination_is_free() {
    let mut world = World::with(|policy| policy.max_age = HOUR);
    let old = [world.offer(0, "ada", 1), world.offer(0, "ada", 2)];
    let key = world.attempt();
    world.done(key, Outcome::RateLimited { wait: HOUR * 2, scope: Scope::Channel, reason: why() });
    world.pass(MINUTE * 90);
    let young = world.offer(0, "ada", 3);
    assert!(matches!(world.next(), Step::Wait(_)), "nobody is there to be told");
    world.pass(MINUTE * 31);
    assert_eq!(world.next(), Step::Merge(old.to_vec()));
    for key in old {
        world.delivery.remove(key).unwrap();
    }
    let catch_up = world.offer_as(0, "ada", 4, |ticket| ticket.kind = OccasionKind::CatchUp);
    let order = [world.attempt_and_done(), world.attempt_and_done()];
    assert_eq!(order, [young, catch_up]);
}

#[test]
fn what_is_too_old_and_cannot_be_read_for_now_rests() {
    let mut world = World::with(|policy| policy.max_age = HOUR);
    let old = world.offer(0, "ada", 1);
    world.pass(HOUR);
    assert_eq!(world.next(), Step::Merge(vec![old]));
    world.delivery.postpone(old, world.now + SECOND * 10);
    assert_eq!(world.wait(), SECOND * 10, "and not again and again");
    assert_eq!(world.next(), Step::Merge(vec![old]));
}

impl World {
    fn attempt_and_done(&mut self) -> QueueKey {
        let key = self.attempt();
        self.done(key, delivered());
        key
    }
}

#[test]
fn the_end_waits_for_what_may_still_be_delivered() {
    type Before = fn(&mut World);
    // (what happens before the end, whether 2 s are waited for what is in memory only, and for what is in the spool)
    let cases: [(&str, Before, bool, bool); 6] = [
        ("nothing", |_| (), true, true),
        ("under way", |world| _ = world.attempt(), true, true),
        (
            "has failed, and is tried again in 1 s",
            |world| {
                let key = world.attempt();
                world.done(key, Outcome::Transient(Reason::new("503")));
            },
            true,
            false,
        ),
        (
            "is held",
            |world| {
                let key = world.attempt();
                world.done(key, Outcome::Held(Reason::new("401")));
            },
            false,
            false,
        ),
        (
            "is paused for a minute",
            |world| {
                let key = world.attempt();
                let (scope, reason) = (Scope::Channel, Reason::new("429"));
                world.done(key, Outcome::RateLimited { wait: MINUTE, scope, reason });
            },
            false,
            false,
        ),
        (
            "waits for the budget",
            |world| {
                let key = world.attempt();
                world.delivery.postpone(key, world.now + MINUTE);
            },
            false,
            false,
        ),
    ];
    for (what, before, in_memory, in_spool) in cases {
        let mut world = World::with(|policy| policy.backoff_base = SECOND);
        assert!(!world.delivery.may_deliver_by(world.now + SECOND * 2, |_| false), "nothing waits");
        world.offer(0, "ada", 1);
        before(&mut world);
        let by = world.now + SECOND * 2;
        assert_eq!(world.delivery.may_deliver_by(by, |_| false), in_memory, "{what}");
        assert_eq!(world.delivery.may_deliver_by(by, |_| true), in_spool, "{what}");
    }
}

#[test]
fn failover_starts_at_the_deadline_or_at_once_if_hopeless() {
    let cases: [(Outcome, Option<Duration>); 5] = [
        (transient(), Some(MINUTE * 2)),
        (Outcome::RateLimited { wait: HOUR, scope: Scope::Channel, reason: why() }, Some(MINUTE * 2)),
        (Outcome::Held(why()), Some(Duration::ZERO)),
        (Outcome::Rejected(why()), None),
        (Outcome::RecipientRefused(why()), None),
    ];
    for (outcome, after) in cases {
        let mut world = World::new().fails_over(MINUTE * 2);
        let began = world.now;
        let key = world.offer(0, "ada", 1);
        assert_eq!(world.attempt(), key);
        let verdict = world.done(key, outcome.clone());
        assert_eq!(verdict.fail_over, after.is_none(), "{outcome:?}");
        let Some(after) = after else { continue };
        let mut tries = 0;
        while world.next() != Step::FailOver(key) {
            tries += 1;
            assert!(tries < 50, "{outcome:?}");
            if let Step::Wait(at) = world.next() {
                world.now = at;
            } else if world.delivery.get(key).unwrap().state.in_flight {
                world.done(key, transient());
            }
        }
        assert_eq!(world.now.since(began), after, "{outcome:?}");
        world.delivery.keep(key).unwrap();
        assert!(!matches!(world.next(), Step::FailOver(_)), "nobody else could say it: it stays");
    }
}

#[test]
fn one_refused_recipient_of_several_wakes_no_other_channel() {
    let mut world = World::new().fails_over(MINUTE * 2);
    let one = world.offer_as(0, "ada", 1, |ticket| ticket.occasion = 7);
    let two = world.offer_as(0, "eve", 1, |ticket| ticket.occasion = 7);
    for _ in 0..2 {
        world.attempt();
    }
    assert!(!world.done(one, Outcome::RecipientRefused(why())).fail_over);
    assert!(world.done(two, Outcome::RecipientRefused(why())).fail_over, "the last of them");
}

#[test]
fn a_message_offered_to_a_held_channel_is_handed_over_at_once() {
    let mut world = World::new().fails_over(MINUTE * 2);
    let first = world.offer(0, "ada", 1);
    world.attempt();
    world.done(first, Outcome::Held(why()));
    assert_eq!(world.next(), Step::FailOver(first));
    world.delivery.remove(first);
    let second = world.offer(0, "ada", 2);
    assert_eq!(world.next(), Step::FailOver(second));
}

#[test]
fn a_trial_that_was_not_made_blocks_nothing() {
    let mut world = World::new();
    let (one, two) = (world.offer(0, "ada", 1), world.offer(0, "ada", 2));
    let key = world.attempt();
    world.done(key, Outcome::Held(why()));
    world.wait();
    let trial = world.attempt();
    world.delivery.remove(trial).unwrap();
    let other = if trial == one { two } else { one };
    assert_eq!(world.attempt(), other);
    world.delivery.postpone(other, world.now + SECOND);
    assert_eq!(world.wait(), SECOND);
    assert_eq!(world.attempt(), other);
}

#[test]
fn hurry_ends_backoffs_but_not_a_providers_retry_after() {
    let mut world = World::new();
    let limited = world.offer(1, "eve", 1);
    world.attempt();
    world.done(limited, Outcome::RateLimited { wait: HOUR, scope: Scope::Recipient, reason: why() });
    let failing = world.offer(0, "ada", 1);
    for _ in 0..6 {
        world.attempt();
        world.done(failing, transient());
        world.wait();
    }
    world.attempt();
    world.done(failing, transient());
    world.delivery.hurry(world.now);
    assert_eq!(world.attempt(), failing);
    assert!(matches!(world.next(), Step::Wait(_)));
}

#[test]
fn the_least_valuable_goes_first_when_room_is_needed() {
    let mut world = World::new();
    let digest = world.offer_as(0, "ada", 1, |ticket| ticket.kind = OccasionKind::Digest);
    let busy = world.attempt();
    assert_eq!(busy, digest);
    let critical = world.offer_as(0, "ada", 2, |ticket| ticket.severity = Severity::Critical);
    let old = world.offer(0, "ada", 3);
    let quiet = world.offer_as(0, "ada", 4, |ticket| ticket.kind = OccasionKind::Quiet);
    let young = world.offer(0, "ada", 5);
    let newest = world.offer(0, "ada", 6);
    world.offer(1, "ada", 6);
    let mut order = Vec::new();
    while let Some(key) = world.delivery.least_valuable(0) {
        world.delivery.remove(key);
        order.push(key);
    }
    assert_eq!(order, [quiet, old, young, critical], "neither what is under way nor the newest: {newest:?}");
}

#[test]
fn an_unknown_answer_is_tried_three_times_and_then_held() {
    let mut world = World::new();
    let key = world.offer(0, "ada", 1);
    for failed in 1..=2 {
        assert_eq!(world.attempt(), key);
        let verdict = world.done(key, Outcome::Unknown(why()));
        assert_eq!((verdict.ticket.state.held, verdict.ticket.state.attempts), (false, failed));
        assert!(!world.delivery.view(0, world.now).held);
        world.wait();
    }
    assert_eq!(world.attempt(), key);
    assert!(world.done(key, Outcome::Unknown(why())).ticket.state.held);
    assert!(world.delivery.view(0, world.now).held, "the whole channel waits for somebody");
    world.wait();
    assert_eq!(world.attempt(), key, "and is tried now and then");
    assert!(world.done(key, Outcome::Unknown(why())).ticket.state.held, "not from the beginning");
}

#[test]
fn other_settings_hold_for_what_waits_already() {
    // (failover before, after; the age at which they change; when others are asked)
    let minutes = |n: u64| Some(MINUTE * u32::try_from(n).unwrap());
    for (before, after, at, expected) in [
        (None, minutes(2), MINUTE, minutes(2)),
        (None, minutes(2), MINUTE * 5, minutes(5)),
        (minutes(10), minutes(2), MINUTE, minutes(2)),
        (minutes(2), minutes(10), MINUTE, minutes(10)),
        (minutes(2), None, MINUTE, None),
    ] {
        let mut world = World::new();
        world.delivery.set_channel(0, world.policy.clone(), before);
        let key = world.offer(0, "ada", 1);
        let accepted = key.accepted_at();
        let (now, policy) = (accepted + at, world.policy.clone());
        world.delivery.retune(0, &policy, after, now);
        let deadline = world.delivery.get(key).unwrap().deadline;
        assert_eq!(deadline.map(|at| at.since(accepted)), expected, "{before:?} {after:?} at {at:?}");
    }
    // An age that is shorter now: what is older goes into one message.
    let mut world = World::new();
    let key = world.offer(0, "ada", 1);
    let policy = DeliveryPolicy { max_age: MINUTE, ..world.policy.clone() };
    let now = key.accepted_at() + HOUR;
    world.delivery.retune(0, &policy, None, now);
    assert_eq!(world.delivery.next(now), Step::Merge(vec![key]));
}
