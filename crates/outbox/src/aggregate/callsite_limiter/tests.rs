//! Tests of the callsite limiter.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{collect::Repeats, *};
use crate::{GroupId, model::Timestamp};

const ID: u64 = 0x1234_5678_9abc_def0;

fn asks(callsite_limiter: &CallsiteLimiter, now: u64, tag: u32) -> Admission {
    callsite_limiter.ask(ID, || now, || tag, || true)
}

fn group(tag: u32) -> GroupId {
    GroupId::from_u64(u64::from(tag))
}

#[test]
fn a_burst_passes_then_each_text_once_with_counted_repeats() {
    let callsite_limiter = CallsiteLimiter::new(&NotificationPolicy::default());
    for _ in 0..BURST {
        assert_eq!(asks(&callsite_limiter, 1_000, 7), Admission::Pass(None));
    }
    let Admission::Pass(Some(key)) = asks(&callsite_limiter, 1_000, 7) else {
        panic!("a text that was not seen")
    };
    for _ in 0..999 {
        assert_eq!(asks(&callsite_limiter, 1_000, 7), Admission::Counted);
    }
    assert!(
        matches!(asks(&callsite_limiter, 1_000, 8), Admission::Pass(Some(_))),
        "a rare second text gets out"
    );
    let mut collector = Collector::default();
    collector.owns(key, group(7));
    let mut counts = Vec::new();
    let now = Timestamp::from_millis(5);
    assert!(collector.collect(&callsite_limiter, now, 1_000, |it| counts.push((it.of, it.count))));
    assert_eq!(counts, [(Some(group(7)), 999)]);
    assert_eq!(asks(&callsite_limiter, 1_000, 7), Admission::Counted, "still known");
    // After the window it passes again.
    counts.clear();
    collector.collect(&callsite_limiter, now + collect::WINDOW, 1_000, |it| counts.push((it.of, it.count)));
    assert_eq!(counts, [(Some(group(7)), 1)]);
    assert!(matches!(asks(&callsite_limiter, 1_000, 7), Admission::Pass(Some(_))));
}

#[test]
fn tokens_come_back_with_time() {
    let callsite_limiter = CallsiteLimiter::new(&NotificationPolicy::default());
    let passes = |now| {
        (0..100_u32).filter(|_| matches!(asks(&callsite_limiter, now, 7), Admission::Pass(None))).count()
    };
    // One more, as its text was not seen.
    assert_eq!(passes(0), 20);
    assert_eq!(passes(1_000_000), 0, "until the collector looks");
    Collector::default().collect(&callsite_limiter, Timestamp::default(), 1_000_000, |_| ());
    assert_eq!(passes(1_000_000), 4);
}

#[test]
fn too_many_texts_are_counted_but_for_a_sample_now_and_then() {
    let callsite_limiter = CallsiteLimiter::new(&NotificationPolicy::default());
    let mut passed = 0_u64;
    for i in 0..1_000_000_u32 {
        // Ten seconds.
        if matches!(asks(&callsite_limiter, u64::from(i) * 10, i + 1), Admission::Pass(_)) {
            passed += 1;
        }
    }
    let most = u64::from(BURST) + TEXTS as u64 + 40;
    assert!((41..=most).contains(&passed), "{passed}");
    let (mut counted, mut collector) = (0, Collector::default());
    for now in [Timestamp::default(), Timestamp::default() + collect::WINDOW] {
        collector.collect(&callsite_limiter, now, 0, |it| counted += it.count);
    }
    assert_eq!(passed + counted, 1_000_000);
}

#[test]
fn uninspected_repeats_go_to_the_last_group_of_a_callsite() {
    let callsite_limiter = CallsiteLimiter::new(&NotificationPolicy::default());
    let mut collector = Collector::default();
    for tag in 0..200 {
        if let Admission::Pass(Some(key)) = asks(&callsite_limiter, 0, tag + 1) {
            collector.owns(key, group(tag + 1));
        }
    }
    asks(&callsite_limiter, 0, BURST + 1);
    let mut counts = Vec::new();
    collector.collect(&callsite_limiter, Timestamp::default(), 0, |it| counts.push(it));
    let last = group(BURST + TEXTS as u32);
    assert_eq!(counts, [Repeats { of: Some(last), count: 161, unread: true }]);
}

#[test]
fn an_event_that_found_no_room_leaves_its_place_to_the_next() {
    let callsite_limiter = CallsiteLimiter::new(&NotificationPolicy::default());
    for _ in 0..BURST {
        asks(&callsite_limiter, 0, 7);
    }
    let Admission::Pass(Some(key)) = asks(&callsite_limiter, 0, 7) else { panic!("new") };
    callsite_limiter.take_back(key);
    assert_eq!(asks(&callsite_limiter, 0, 7), Admission::Pass(Some(key)));
    assert_eq!(asks(&callsite_limiter, 0, 7), Admission::Counted);
    callsite_limiter.take_back(key);
    assert_eq!(asks(&callsite_limiter, 0, 7), Admission::Pass(Some(key)), "also with counts");
    let mut counts = Vec::new();
    Collector::default()
        .collect(&callsite_limiter, Timestamp::default(), 0, |it| counts.push((it.of, it.count)));
    assert_eq!(counts, [(None, 1)]);
}

#[test]
fn callsites_do_not_share_and_an_idle_one_gives_its_slot_back() {
    let callsite_limiter = CallsiteLimiter::new(&NotificationPolicy::default());
    let id = |i: u64| (i << 48) | i;
    let mut collector = Collector::default();
    for round in 0..20_u64 {
        let now = round * 200_000_000;
        let free = (1..200)
            .filter(|i| {
                callsite_limiter.ask(id(round * 200 + i), || now, || 1, || true) == Admission::Pass(None)
            })
            .count();
        assert_eq!(free, 199);
        let later = now + 100_000_000;
        assert!(!collector.collect(&callsite_limiter, Timestamp::from_millis(later / 1_000), later, |_| ()));
        let left = callsite_limiter.slots.iter().filter(|slot| slot.id.load(Ordering::Relaxed) != 0).count();
        assert_eq!(left, 0, "round {round}");
    }
}

#[test]
fn many_threads_and_a_collector_lose_no_count() {
    let callsite_limiter = Arc::new(CallsiteLimiter::new(&NotificationPolicy::default()));
    let clock = Arc::new(AtomicU64::new(0));
    let (threads, each) = (4_u64, 50_000_u64);
    let workers: Vec<_> = (0..threads)
        .map(|thread| {
            let (callsite_limiter, clock) = (Arc::clone(&callsite_limiter), Arc::clone(&clock));
            std::thread::spawn(move || {
                let mut passed = 0_u64;
                for i in 0..each {
                    let now = clock.fetch_add(100, Ordering::Relaxed);
                    let tag = u32::try_from(1 + (i * (thread + 1)) % 30).unwrap();
                    if matches!(callsite_limiter.ask(ID, || now, || tag, || true), Admission::Pass(_)) {
                        passed += 1;
                    }
                }
                passed
            })
        })
        .collect();
    let (mut collector, mut counted, mut now) = (Collector::default(), 0, Timestamp::default());
    while workers.iter().any(|worker| !worker.is_finished()) {
        // Windows end all the time, as the worst case.
        now = now + collect::WINDOW;
        collector.collect(&callsite_limiter, now, 0, |it| counted += it.count);
    }
    let passed: u64 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    for _ in 0..2 {
        now = now + collect::WINDOW;
        collector.collect(&callsite_limiter, now, 0, |it| counted += it.count);
    }
    assert_eq!(passed + counted, threads * each);
}

#[test]
fn without_room_no_text_becomes_known() {
    let callsite_limiter = CallsiteLimiter::new(&NotificationPolicy::default());
    for _ in 0..BURST {
        assert_eq!(callsite_limiter.ask(ID, || 0, || 7, || false), Admission::NoRoom);
    }
    assert_eq!(callsite_limiter.ask(ID, || 0, || 7, || false), Admission::NoRoom);
    assert!(matches!(asks(&callsite_limiter, 0, 7), Admission::Pass(Some(_))));
    assert_eq!(callsite_limiter.ask(ID, || 0, || 7, || false), Admission::Counted, "a repeat needs no room");
}

#[test]
fn the_guide_has_the_numbers_of_the_gate() {
    const GUIDE: &str = include_str!("../../../../../docs/guide/noise.md");
    let second = std::time::Duration::from_secs(1).as_millis();
    for expected in [
        format!(
            "a token bucket at the caller: {BURST} events at once, {} more a second",
            second / REFILL.as_millis()
        ),
        format!("an event whose text was not seen in the last minute passes, up to {TEXTS} texts"),
        "but for four samples a second".to_owned(),
    ] {
        assert!(GUIDE.contains(&expected), "{expected}");
    }
    assert_eq!((collect::WINDOW.as_secs(), second / SAMPLE.as_millis()), (60, 4));
}
