//! Tests of the buffers that callers and the writer thread share.

use std::{sync::mpsc, thread};

use watchfire_core::Flushed;

use super::*;
use crate::{
    fs::fake::Fake,
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
