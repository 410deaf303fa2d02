//! A restart between two messages changes neither.

use std::collections::BTreeSet;

use super::*;
use crate::{Counts, GroupSummary};

/// What is said: when and why; of how many that are new to the reader, and its counts; under which number and with which
/// remarks; and what the message that is edited shows.
type Line = (u64, &'static str, u64, Counts, u32, Vec<String>, String);

fn lines(scene: &Scene) -> Vec<Line> {
    let line = |(at, emission): &(Duration, Emission)| {
        let shows_first = matches!(emission.summary.kind, OccasionKind::Edit | OccasionKind::Quiet);
        let shown = if shows_first { emission.summary.alert.message.clone() } else { String::new() };
        let Emission { summary, told, .. } = emission;
        let GroupSummary { kind, counts, number, notes, .. } = summary;
        (at.as_secs(), kind.as_str(), *told, *counts, *number, notes.clone(), shown)
    };
    scene.said.iter().map(line).collect()
}

/// A day in two parts: its settings, whether the provider can edit, and what happens in each.
type Day = (&'static str, NotificationPolicy, bool, fn(&mut Scene), fn(&mut Scene));

fn days() -> Vec<Day> {
    let plain = || NotificationPolicy { early: false, ..NotificationPolicy::default() };
    let repeat: fn(&mut Scene) = |scene| {
        for _ in 0..40 {
            scene.event(&alert("refused"));
            scene.pass(MINUTE);
        }
    };
    let early: fn(&mut Scene) = |scene| {
        for _ in 0..9 {
            scene.event(&alert("refused"));
        }
    };
    vec![
        ("the windows grow on", plain(), false, repeat, |scene| {
            for _ in 0..300 {
                scene.event(&alert("refused"));
                scene.pass(MINUTE);
            }
        }),
        ("an early digest waits for its gap", NotificationPolicy::default(), false, early, early),
        (
            "an edit has told what the digest tells again, and shows the first",
            NotificationPolicy { early: false, ..NotificationPolicy::chat() },
            true,
            |scene| {
                for i in 0..3 {
                    scene.event(&alert(&format!("refused {i}")));
                    scene.pass(SECOND * 40);
                }
            },
            |scene| {
                scene.event(&alert("refused 9"));
                scene.pass(HOUR);
            },
        ),
        (
            "a digest comes although nothing more does",
            plain(),
            false,
            |scene| {
                scene.event(&alert("refused"));
                scene.pass(MINUTE);
                scene.event(&alert("refused"));
            },
            |scene| scene.pass(HOUR),
        ),
        (
            "enough of a kind stay enough while they wait",
            plain().min_count(2, MINUTE),
            false,
            |scene| {
                scene.event(&alert("refused"));
                scene.event(&alert("refused"));
                scene.pass(MINUTE * 5);
            },
            |scene| {
                scene.event(&alert("refused"));
                scene.pass(HOUR);
            },
        ),
        (
            "what was suppressed is mentioned",
            plain().min_count(3, MINUTE),
            false,
            |scene| {
                scene.event(&alert("one"));
                scene.pass(MINUTE * 5);
            },
            |scene| {
                for _ in 0..3 {
                    scene.event(&alert("three"));
                }
                scene.event(&alert("two"));
                scene.pass(MINUTE * 5);
                scene.event(&severe("fire", Severity::Critical));
            },
        ),
        (
            "a folded place says that it is one",
            plain().budget([]),
            false,
            |scene| {
                for i in 1..=25 {
                    scene.event(&alert(&"x".repeat(i)));
                    scene.pass(SECOND * 6);
                }
            },
            |scene| scene.pass(HOUR),
        ),
        (
            "what had no room is told as so many groups",
            NotificationPolicy::default(),
            false,
            |scene| {
                for i in 0..3_000_u32 {
                    scene.event(&alert("x").field(GROUP_FIELD, format!("g{i}")));
                }
                // The storm is over, and what had no room is left.
                scene.pass(MINUTE * 3);
                for i in 0..40_u32 {
                    scene.aggregator.count(None, 2 + u64::from(i), scene.now, &mut Vec::new());
                }
            },
            |scene| scene.pass(HOUR),
        ),
        (
            "messages of several groups are numbered on",
            plain(),
            false,
            |scene| {
                for word in ["ant", "bee", "cow", "dog"].repeat(2) {
                    scene.event(&alert(word));
                }
                scene.pass(MINUTE * 6);
            },
            |scene| {
                for word in ["ant", "bee", "cow", "dog"] {
                    scene.event(&alert(word));
                }
                scene.pass(HOUR);
            },
        ),
    ]
}

#[test]
fn a_restart_changes_nothing_of_what_is_said() {
    for (name, policy, can_edit, before, after) in days() {
        let said = [false, true].map(|restarts| {
            let mut scene = Scene::with_edits(policy.clone(), can_edit);
            let hush = name.contains("while they wait").then(|| scene.now + HOUR);
            scene.aggregator.hush(hush);
            before(&mut scene);
            if restarts {
                scene.aggregator.close_book();
                scene.restart(policy.clone());
                scene.aggregator.hush(hush);
            }
            after(&mut scene);
            scene.pass(HOUR * 24);
            lines(&scene)
        });
        assert!(said[0].len() > 1 || name.contains("enough"), "{name}: {said:?}");
        assert_eq!(said[0], said[1], "{name}");
    }
}

#[test]
fn the_process_that_has_spent_most_counts() {
    let policy = NotificationPolicy::mail().budget([Rate::hourly(6).burst(6)]);
    for order in [[1, 4], [4, 1]] {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let mut heir = Aggregator::new("ops", policy.clone(), RateLimiter::new(&policy.budget), false);
        for spent in order {
            let rate_limiter = RateLimiter::new(&policy.budget);
            assert!((0..spent).all(|_| rate_limiter.try_acquire("", now)));
            let text = Aggregator::new("ops", policy.clone(), rate_limiter, false).checkpoint(now);
            heir.inherit(&text, now);
        }
        assert_eq!(heir.budget.available("", now), 2, "{order:?}");
    }
}

#[test]
fn counts_without_an_alert_to_stand_for_them_wait_for_one() {
    let mut scene = Scene::new(NotificationPolicy::mail());
    scene.aggregator.count(None, 7, scene.now, &mut Vec::new());
    scene.pass(HOUR);
    assert_eq!((scene.said.len(), scene.aggregator.pending()), (0, 7));
    scene.event(&alert("refused"));
    scene.pass(HOUR);
    assert_eq!(scene.kinds().iter().map(|(.., told)| told).sum::<u64>(), 8);
}

#[test]
fn a_clock_set_back_holds_no_group_longer_than_a_window() {
    let mut scene = Scene::new(NotificationPolicy { early: false, ..NotificationPolicy::mail() });
    scene.event(&alert("refused"));
    scene.event(&alert("refused"));
    let left = scene.aggregator.checkpoint(scene.now);
    let mut before = Scene::new(NotificationPolicy { early: false, ..NotificationPolicy::mail() });
    before.now = before.now - HOUR * 24 * 300;
    before.begin = before.now;
    before.aggregator.restore(&left, &app(), before.now);
    before.pass(HOUR * 5);
    assert_eq!(before.said.len(), 1, "{:?}", before.kinds());
}

#[test]
fn two_processes_that_had_the_same_group_are_one_in_their_heir() {
    let policy = || NotificationPolicy { early: false, ..NotificationPolicy::mail() }.min_count(2, MINUTE);
    let scene = |events: u64, hushed: bool| {
        let mut scene = Scene::new(policy());
        scene.aggregator.hush(hushed.then(|| scene.now + HOUR * 8));
        for _ in 0..events {
            scene.event(&alert("refused"));
            scene.pass(MINUTE / 2);
        }
        scene.aggregator.close_book();
        scene
    };
    // (alerts and quiet hours of each, then of the heir: in all, whether one is owed, enough of them, digests so far)
    for (first, second, expected) in [
        ((80, false), (4, false), (84, false, true, 2)),
        ((4, false), (80, false), (84, false, true, 2)),
        ((4, false), (1, true), (5, false, true, 0)),
        ((1, true), (2, true), (3, true, true, 0)),
        ((2, true), (1, true), (3, true, true, 0)),
        ((1, true), (1, true), (2, true, false, 0)),
    ] {
        let left = [scene(first.0, first.1), scene(second.0, second.1)];
        let now = left.iter().map(|scene| scene.now).max().unwrap();
        let mut heir = Aggregator::new("ops", policy(), RateLimiter::default(), false);
        for scene in &left {
            heir.restore(&scene.aggregator.checkpoint(now), &app(), now);
        }
        let group = heir.groups.values().next().unwrap();
        assert_eq!((group.total, group.owed, group.reached, group.step), expected, "{first:?} {second:?}");
        assert!(!group.maybe_told);
    }
}

#[test]
fn groups_of_an_older_fingerprint_are_found_again() {
    let plain = alert("refused 17").field("customer", "ada").field("error", "card expired");
    let named = alert("no stock").field(crate::aggregate::GROUP_FIELD, "warehouse");
    let app = app();
    let mut first = Scene::new(NotificationPolicy::mail());
    let ids = [first.event(&plain), first.event(&named)];
    let mut text = first.aggregator.checkpoint(first.now);
    // As a version with other rules wrote it, two restarts ago.
    for _ in 0..2 {
        for id in ids {
            text = text.replace(&id.to_string(), &format!("{:016x}", !id.as_u64()));
        }
        text = text.replace("\"fingerprint\":1", "\"fingerprint\":0");
        let mut next = Aggregator::new("ops", NotificationPolicy::mail(), RateLimiter::default(), false);
        next.restore(&text, &app, first.now);
        assert_eq!(next.groups.keys().copied().collect::<BTreeSet<_>>(), BTreeSet::from(ids));
        let mut said = Vec::new();
        next.take(Arc::new(plain.clone()), None, 1, first.now, &mut said);
        assert!(said.is_empty(), "it is not announced as new: {said:?}");
        text = next.checkpoint(first.now);
    }
}

#[test]
fn fields_of_a_newer_version_are_ignored() {
    let mut scene = Scene::new(NotificationPolicy::mail());
    scene.event(&alert("refused"));
    let text = scene.aggregator.checkpoint(scene.now);
    let text = text.replace("\"id\":", "\"later\":{\"a\":[1]},\"id\":").replacen('{', "{\"later\":7,", 1);
    let mut next = Aggregator::new("ops", NotificationPolicy::mail(), RateLimiter::default(), false);
    next.restore(&text, &app(), scene.now);
    assert_eq!(next.groups.len(), 1);
}
