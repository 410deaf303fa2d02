//! Tests of the buffers that callers and the writer thread share.

use std::{sync::mpsc, thread};

use watchfire_core::Flushed;

use super::*;
use crate::{
    fs::fake::{Chance, Fake},
    retention::Keep,
    rotation::{FileNames, RotationInterval, Schedule},
    time::Zone,
};

fn pace(capacity: usize, has_thread: bool) -> Pace {
    Pace {
        durability: Durability::Buffered,
        flush_every: Duration::from_millis(1),
        capacity,
        when_full: WhenFull::Block,
        block_at_most: Duration::from_secs(20),
        has_thread,
    }
}

fn shared(
    fake: &Fake,
    capacity: usize,
    has_thread: bool,
    heard: &Arc<Mutex<Vec<String>>>,
) -> Arc<FileShared> {
    shared_with(fake, pace(capacity, has_thread), heard)
}

fn shared_with(fake: &Fake, pace: Pace, heard: &Arc<Mutex<Vec<String>>>) -> Arc<FileShared> {
    let schedule = Schedule { every: RotationInterval::Day, hour: 0, minute: 0, zone: Zone::utc() };
    let plan = FilePlan {
        path: "/log/shop.log".into(),
        names: FileNames::new("shop.log".into(), Some(schedule)),
        name_pattern: None,
        max_size: None,
        at_start: false,
        keep: Keep::default(),
        compression: None,
        mode: None,
        link: None,
        sync_renames: false,
    };
    let gap = Arc::new(|missing: u64, _: SystemTime| format!("{missing} missing\n"));
    let heard = Arc::clone(heard);
    let self_log = SelfLog::to(move |line| heard.lock().unwrap().push(line.to_owned()));
    let parts = WriterParts {
        fs: Arc::new(fake.clone()),
        plan: Arc::new(plan),
        pace,
        self_log,
        gap,
        hangup: None,
        on_rotation: None,
    };
    let shared = FileShared::new(parts, Start::Process);
    Arc::new(shared.map_err(|trouble| trouble.to_string()).unwrap())
}

/// The lines of a file, each a number or a number of lines that are missing.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    Line(u64),
    Missing(u64),
}

/// Callers, a small buffer, and a disk that hangs in the midst of a write, fails, is full, or writes a part.
fn stalling_history(seed: u64) -> u64 {
    let fake = Fake::default();
    fake.world().now = Some(clock::now());
    let mut chance = Chance(seed);
    let pace = Pace {
        when_full: [WhenFull::Block, WhenFull::Drop][usize::from(odds(&mut chance, 2))],
        block_at_most: Duration::ZERO,
        ..pace(60, true)
    };
    let shared = shared_with(&fake, pace, &Arc::default());
    // The turns of the thread are taken here.
    shared.has_runner(true);
    {
        let mut world = fake.world();
        (world.faults, world.is_immortal) = ([0, 50, 200][usize::try_from(seed % 3).unwrap()], true);
        world.chance = Chance(seed ^ 0xabcd);
    }
    // (line, whether it was dropped)
    let lines: Arc<Mutex<Vec<bool>>> = Arc::default();
    let chance = Arc::new(Mutex::new(chance));
    let calls = {
        let (shared, lines, chance) = (Arc::clone(&shared), Arc::clone(&lines), Arc::clone(&chance));
        move || {
            let count = lock(&chance).below(12);
            for _ in 0..count {
                let is_urgent = odds(&mut lock(&chance), 6);
                let number = lock(&lines).len();
                let before = shared.counts().dropped;
                shared.submit(&format!("<{number}>\n"), clock::now(), is_urgent);
                lock(&lines).push(shared.counts().dropped > before);
            }
        }
    };
    *fake.hang.lock().unwrap() = Some(Box::new(calls.clone()));
    for _ in 0..20 {
        calls();
        fake.is_full.store(odds(&mut lock(&chance), 4), Ordering::Relaxed);
        if odds(&mut lock(&chance), 2) {
            shared.requests.ask_for_flush();
            shared.drain(&mut lock(&shared.io), false);
        }
    }
    *fake.hang.lock().unwrap() = None;
    fake.is_full.store(false, Ordering::Relaxed);
    fake.world().faults = 0;
    for _ in 0..10 {
        shared.requests.ask_for_flush();
        shared.drain(&mut lock(&shared.io), false);
    }
    assert_eq!((shared.waiting(), shared.front().missing), (0, 0), "seed {seed}");
    let lines = lock(&lines);
    check_gaps(seed, &all_content(&fake), &lines);
    shared.counts().dropped
}

/// Checks that each line is in the file, or counted as missing, near its place.
fn check_gaps(seed: u64, text: &str, dropped: &[bool]) {
    // A fault cuts a line, which is written again below.
    let shown: Vec<Shown> = text
        .lines()
        .filter_map(|line| match line.strip_suffix(" missing") {
            Some(missing) => missing.parse().ok().map(Shown::Missing),
            None => line.strip_prefix('<')?.strip_suffix('>')?.parse().ok().map(Shown::Line),
        })
        .collect();
    let written: Vec<u64> = shown
        .iter()
        .filter_map(|shown| if let Shown::Line(number) = shown { Some(*number) } else { None })
        .collect();
    let accepted: Vec<u64> =
        (0_u64..).zip(dropped).filter(|(_, is_dropped)| !**is_dropped).map(|(number, _)| number).collect();
    assert_eq!(written, accepted, "seed {seed}");
    let mut missing = 0;
    for (place, at) in shown.iter().enumerate() {
        let Shown::Missing(more) = at else { continue };
        missing += more;
        let next = shown.iter().skip(place + 1).find_map(|shown| match shown {
            Shown::Line(number) => usize::try_from(*number).ok(),
            Shown::Missing(_) => None,
        });
        let before =
            dropped.iter().take(next.unwrap_or(usize::MAX)).filter(|is_dropped| **is_dropped).count();
        assert!(missing <= before as u64, "seed {seed}: {missing} said, {before} dropped");
    }
    assert_eq!(missing, dropped.iter().filter(|is_dropped| **is_dropped).count() as u64, "seed {seed}");
}

fn odds(chance: &mut Chance, one_in: u64) -> bool {
    chance.below(one_in) == 0
}

#[test]
fn a_disk_that_stalls_loses_only_lines_that_the_file_counts() {
    let dropped: u64 = (0..4_000).map(stalling_history).sum();
    assert!(dropped > 40_000, "{dropped}");
}

#[test]
fn an_error_waits_once_and_at_most_for_block_at_most() {
    const MOST: Duration = Duration::from_millis(100);
    for durability in [Durability::Buffered, Durability::EachLine, Durability::SyncOnError] {
        let fake = Fake::default();
        let pace = Pace { durability, block_at_most: MOST, ..pace(1000, true) };
        let shared = shared_with(&fake, pace, &Arc::default());
        let thread = run(&shared);
        let hang = fake.gate.lock().unwrap();
        let began = clock::instant();
        shared.submit("first\n", clock::now(), true);
        let first = clock::instant() - began;
        // Also when the buffer is full.
        for line in 0..500 {
            shared.submit(&format!("{line}\n"), clock::now(), true);
        }
        let all = clock::instant() - began;
        drop(hang);
        assert!(first >= MOST && all < MOST * 100, "{durability:?}: {first:?} {all:?}");
        assert_eq!(shared.flush(soon()), Flushed::Yes);
        shared.stop();
        thread.join().unwrap();
    }
}

/// The lines of all files, in their order.
fn all_content(fake: &Fake) -> String {
    let world = fake.world();
    let rotated = world.names.iter().filter(|(name, _)| name.starts_with("shop.log."));
    let parts: Vec<Vec<u8>> = rotated.map(|(_, id)| world.nodes[id].data.clone()).collect();
    drop(world);
    String::from_utf8(parts.concat()).unwrap() + &content(fake)
}

fn content(fake: &Fake) -> String {
    let world = fake.world();
    String::from_utf8(world.nodes[&world.names["shop.log"]].data.clone()).unwrap()
}

fn soon() -> Instant {
    clock::instant() + Duration::from_secs(20)
}

/// Runs the thread of a file; the callers count on it from here on.
fn run(shared: &Arc<FileShared>) -> thread::JoinHandle<()> {
    shared.has_runner(true);
    let runner = Arc::clone(shared);
    thread::spawn(move || runner.run())
}

#[test]
fn a_disk_that_hangs_does_not_hang_the_callers() {
    for durability in [Durability::Buffered, Durability::EachLine, Durability::SyncOnError] {
        let fake = Fake::default();
        let pace = Pace { durability, block_at_most: Duration::from_millis(20), ..pace(1 << 20, true) };
        let shared = shared_with(&fake, pace, &Arc::default());
        let thread = run(&shared);
        let hang = fake.gate.lock().unwrap();
        let began = clock::instant();
        thread::scope(|scope| {
            for caller in 0..2 {
                let shared = &shared;
                scope.spawn(move || {
                    for line in 0..1000 {
                        shared.submit(&format!("{}\n", caller * 1000 + line), clock::now(), line % 100 == 99);
                    }
                });
            }
        });
        // The first line that has to be in the file waits, none of those after it.
        assert!(clock::instant() - began < Duration::from_secs(10), "{durability:?}");
        assert_eq!(shared.flush(clock::instant() + Duration::from_millis(20)), Flushed::TimedOut);
        assert_eq!(shared.rotate(clock::instant() + Duration::from_millis(20)), Flushed::TimedOut);
        drop(hang);
        assert_eq!(shared.flush(soon()), Flushed::Yes);
        shared.stop();
        thread.join().unwrap();
        let world = fake.world();
        let mut lines: Vec<u32> = Vec::new();
        for (name, id) in &world.names {
            if name.starts_with("shop.log") {
                let text = std::str::from_utf8(&world.nodes[id].data).unwrap();
                lines.extend(text.lines().map(|line| line.parse::<u32>().unwrap()));
            }
        }
        lines.sort_unstable();
        assert_eq!(lines, (0..2000).collect::<Vec<_>>());
    }
}

#[test]
fn an_urgent_line_is_in_the_file_when_its_call_returns() {
    let fake = Fake::default();
    let shared = shared(&fake, 1 << 20, true, &Arc::default());
    let thread = run(&shared);
    for line in 0..200 {
        shared.submit(&format!("quiet {line}\n"), clock::now(), false);
        shared.submit(&format!("urgent {line}\n"), clock::now(), true);
        assert!(content(&fake).ends_with(&format!("quiet {line}\nurgent {line}\n")));
    }
    shared.stop();
    thread.join().unwrap();
}

#[test]
fn a_full_buffer_keeps_no_caller_while_the_disk_hangs() {
    for when_full in [WhenFull::Block, WhenFull::Drop] {
        let fake = Fake::default();
        let pace = Pace { when_full, block_at_most: Duration::from_millis(20), ..pace(1000, true) };
        let shared = shared_with(&fake, pace, &Arc::default());
        let thread = run(&shared);
        let hang = fake.gate.lock().unwrap();
        let (done, is_done) = mpsc::channel();
        let caller = Arc::clone(&shared);
        let calling = thread::spawn(move || {
            for line in 0..20_000 {
                caller.submit(&format!("{line}\n"), clock::now(), false);
            }
            done.send(()).unwrap();
        });
        is_done.recv_timeout(Duration::from_secs(60)).expect("a caller hangs with the disk");
        calling.join().unwrap();
        let dropped = shared.counts().dropped;
        assert!(dropped > 19_000, "{dropped}");
        drop(hang);
        assert_eq!(shared.flush(soon()), Flushed::Yes);
        shared.stop();
        thread.join().unwrap();
        let text = content(&fake);
        assert!(text.contains(&format!("{dropped} missing\n")), "{when_full:?}");
        assert_eq!(text.lines().count() as u64, 20_001 - dropped);
    }
}

#[test]
fn a_flush_ends_though_others_never_stop_writing() {
    let fake = Fake::default();
    let shared = shared(&fake, 1 << 20, true, &Arc::default());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                shared.submit("noise\n", clock::now(), false);
            }
        });
        for round in 0..20 {
            shared.submit(&format!("round {round}\n"), clock::now(), false);
            assert_eq!(shared.flush(soon()), Flushed::Yes);
            assert!(content(&fake).contains(&format!("round {round}\n")));
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn threads_keep_their_order_and_lose_nothing_in_a_small_buffer() {
    let fake = Fake::default();
    let shared = shared(&fake, 4096, true, &Arc::default());
    let thread = run(&shared);
    thread::scope(|scope| {
        for writer in 0..8 {
            let shared = &shared;
            scope.spawn(move || {
                for line in 0..2000 {
                    shared.submit(&format!("{writer} {line}\n"), clock::now(), line % 500 == 0);
                }
            });
        }
    });
    assert_eq!(shared.flush(soon()), Flushed::Yes);
    shared.stop();
    thread.join().unwrap();
    let mut next = [0; 8];
    for line in content(&fake).lines() {
        let (writer, line) = line.split_once(' ').unwrap();
        let next: &mut u32 = &mut next[writer.parse::<usize>().unwrap()];
        assert_eq!(line.parse::<u32>().unwrap(), *next);
        *next += 1;
    }
    assert_eq!((next, shared.counts().dropped), ([2000; 8], 0));
}

#[test]
fn what_no_longer_fits_on_a_full_disk_is_counted_and_reported() {
    let fake = Fake::default();
    let shared = shared(&fake, 100, false, &Arc::default());
    shared.submit("first\n", clock::now(), true);
    fake.is_full.store(true, Ordering::Relaxed);
    for line in 0..100 {
        shared.submit(&format!("line {line}\n"), clock::now(), false);
    }
    assert_eq!(shared.flush(clock::instant()), Flushed::TimedOut);
    let dropped = shared.counts().dropped;
    assert!(dropped > 50, "{dropped}");
    fake.is_full.store(false, Ordering::Relaxed);
    assert_eq!(shared.flush(soon()), Flushed::Yes);
    shared.submit("last\n", clock::now(), true);
    let text = content(&fake);
    let expected: Vec<String> = ["first".to_owned()]
        .into_iter()
        .chain((0..100 - dropped).map(|line| format!("line {line}")))
        .chain([format!("{dropped} missing"), "last".to_owned()])
        .collect();
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_lock_that_somebody_holds_delays_no_line() {
    let (fake, said) = (Fake::default(), Arc::default());
    let shared = shared(&fake, 1 << 20, false, &said);
    fake.is_locked.store(true, Ordering::Relaxed);
    shared.submit("urgent\n", clock::now(), true);
    assert_eq!(content(&fake), "urgent\n", "an urgent line waited for the lock");
    for line in 0..100 {
        shared.submit(&format!("line {line}\n"), clock::now(), false);
    }
    assert_eq!(shared.flush(soon()), Flushed::Yes);
    assert_eq!(content(&fake).lines().count(), 101);
    assert_eq!(shared.counts().dropped, 0);
}

#[test]
fn a_format_that_panics_over_the_gap_costs_only_its_words() {
    assert_eq!(calmly(|| -> u8 { panic!("no") }), None);
    assert_eq!(calmly(|| 1), Some(1));
}

#[test]
fn the_writer_naps_while_there_is_traffic() {
    let fake = Fake::default();
    let shared = shared(&fake, 1 << 20, true, &Arc::default());
    let (done, is_done) = mpsc::channel();
    let napper = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        let is_stopped = napper.wait(true);
        done.send(is_stopped).unwrap();
    });
    // Nobody wakes it: a sleep would last until midnight.
    assert_eq!(is_done.recv_timeout(Duration::from_secs(20)), Ok(false));
    thread.join().unwrap();
    assert!(!shared.front().is_asleep);
}
