//! Storms, as a program makes them and as people see them.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tracing_subscriber::prelude::*;
use watchfire_core::{Alert, App, SelfLog, Severity, clock};
use watchfire_outbox::{
    ChannelStats, NotificationPolicy, OccasionKind, Outbox, Outcome, Rate, Receipt, Silence, SinkExt,
};

use crate::sinks::Told;

const LONG: Duration = Duration::from_secs(30);

struct CountingAllocator;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}
static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "counting allocations takes a global allocator")]
// SAFETY: every call is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.try_with(|count| count.set(count.get() + 1)).ok();
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: as the caller promised us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promised us.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn quiet() -> watchfire_outbox::OutboxBuilder {
    Outbox::builder(App::new("shop")).self_log(SelfLog::to(|_| ())).in_memory()
}

fn stats(outbox: &Outbox) -> ChannelStats {
    outbox.stats().channels.swap_remove(0)
}

fn expect_conserved(stats: &ChannelStats) {
    let out = stats.rendered + stats.grouped + stats.unreported + stats.suppressed;
    let dropped = stats.dropped_full + stats.dropped_render + stats.dropped_shutdown;
    assert_eq!(stats.captured + stats.adopted, out + dropped, "{stats:?}");
}

/// Waits until the worker has collected everything that was emitted.
fn settle(outbox: &Outbox) -> ChannelStats {
    let until = clock::instant() + LONG;
    loop {
        let report = outbox.flush(LONG);
        let now = stats(outbox);
        // Alerts that a budget or a storm holds back are still to come.
        assert!(now.pending == 0 && (report.pending == 0 || !report.is_complete), "{report:?} {now:?}");
        let out = now.rendered + now.grouped + now.unreported + now.suppressed + now.dropped_full;
        if now.captured + now.adopted == out || clock::instant() > until {
            return now;
        }
        std::thread::yield_now();
    }
}

/// How many events a storm has; the full million where it is asked for.
#[expect(clippy::disallowed_methods, reason = "the size is asked for from outside")]
fn storm_size() -> u64 {
    std::env::var("WATCHFIRE_STORM").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

fn refused(order: u64) {
    tracing::error!(order, customer = "ada", "payment refused");
}

#[test]
fn equal_errors_of_four_threads_are_one_alert_and_a_count() {
    let told = Told::new();
    let outbox = quiet().start().unwrap();
    let dispatch =
        tracing::Dispatch::new(tracing_subscriber::registry().with(told.clone().layer(&outbox).unwrap()));
    let each = storm_size() / 4;
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| tracing::dispatcher::with_default(&dispatch, || (0..each).for_each(refused)));
        }
    });
    let stats = settle(&outbox);
    println!("{} equal errors: peak {} KiB", each * 4, (PEAK.load(Ordering::Relaxed) - before) / 1024);
    expect_conserved(&stats);
    assert_eq!((stats.captured, stats.dropped_full), (each * 4, 0));
    assert_eq!(told.titles(), ["payment refused"], "the digests come later");
    assert_eq!((stats.rendered, stats.grouped + stats.unreported), (1, each * 4 - 1));
    // The last words of a program that keeps nothing on disk.
    drop((outbox, dispatch));
    let until = clock::instant() + LONG;
    while told.delivered().len() < 2 && clock::instant() < until {
        std::thread::yield_now();
    }
    let pages = told.pages();
    assert!(pages[1].contains(&format!("{} in total", each * 4)), "{}", pages[1]);
}

#[test]
fn a_captured_event_allocates_nothing_with_returned_buffers() {
    let outbox = quiet().start().unwrap();
    let dispatch =
        tracing::Dispatch::new(tracing_subscriber::registry().with(Told::new().layer(&outbox).unwrap()));
    tracing::dispatcher::with_default(&dispatch, || {
        let _request = tracing::info_span!("request", path = "/pay").entered();
        let _order = tracing::info_span!("order", order = 17_u64).entered();
        let mut allocated = Vec::new();
        // Within the burst that passes the gate: each is captured.
        for i in 0..12_u64 {
            let before = COUNT.get();
            tracing::error!(amount = i, currency = "EUR", late = true, "payment refused");
            allocated.push(COUNT.get() - before);
            settle(&outbox);
        }
        assert_eq!(stats(&outbox).captured, 12);
        // The first make the buffers, and the queue's room on both of its sides.
        assert_eq!(allocated[4..], [0; 8], "{allocated:?}");
        assert!(allocated[0] > 0, "allocations are counted");
    });
}

#[test]
fn distinct_errors_are_a_counted_storm_in_bounded_memory() {
    let told = Told::new();
    let outbox = quiet().start().unwrap();
    let layer = told.clone().channel().budget([]).layer(&outbox).unwrap();
    let before = HELD.load(Ordering::Relaxed);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for i in 0..storm_size() {
            let word: String = format!("{i:x}").chars().map(|c| char::from(c as u8 + 40)).collect();
            tracing::error!("no such thing: {word}");
        }
        let stats = settle(&outbox);
        expect_conserved(&stats);
        assert_eq!(stats.captured, storm_size());
        let held = HELD.load(Ordering::Relaxed).saturating_sub(before);
        assert!(held < 16 << 20, "{held} bytes are held");
        println!(
            "{} distinct errors: {} messages, {} KiB held",
            storm_size(),
            told.titles().len(),
            held / 1024
        );
        assert!(told.titles().iter().any(|title| title.contains("different alerts at once")));
        assert!(told.titles().len() < 30, "{:?}", told.titles());
    });
}

#[test]
fn a_rare_error_gets_out_of_a_flood_from_the_same_line() {
    let told = Told::new();
    let outbox = quiet().start().unwrap();
    let dispatch =
        tracing::Dispatch::new(tracing_subscriber::registry().with(told.clone().layer(&outbox).unwrap()));
    fn emit(error: &str) {
        tracing::error!("cannot save: {error}");
    }
    let (mut flood, mut seen) = (0_u64, None);
    tracing::dispatcher::with_default(&dispatch, || {
        (0..50_000).for_each(|_| emit("disk full"));
        let began = clock::instant();
        for i in 0..2_000_000_u64 {
            if i < 10 {
                emit("no such column");
            }
            emit("disk full");
            flood = i;
            if i % 512 == 0 && told.titles().iter().any(|title| title.contains("column")) {
                seen = Some(began.elapsed());
                break;
            }
            assert!(began.elapsed() < LONG);
        }
    });
    let seen = seen.unwrap();
    println!("the rare one was delivered after {seen:?}, with {flood} of the others meanwhile");
    assert!(seen < Duration::from_secs(2), "{seen:?}");
    assert_eq!(told.titles().len(), 2);
    expect_conserved(&settle(&outbox));
}

#[test]
fn a_repeat_that_is_turned_away_allocates_nothing() {
    let told = Told::new();
    let outbox = quiet().start().unwrap();
    let layer = told.clone().layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        (0..1_000).for_each(refused);
        let before = COUNT.get();
        (0..1_000).for_each(refused);
        // A token may come back in between.
        let events = stats(&outbox);
        let allocations = COUNT.get() - before;
        assert!(allocations < 100, "{allocations} for 1,000 events, {events:?}");
        let before = COUNT.get();
        (0..100).for_each(refused);
        let mut least = COUNT.get() - before;
        for _ in 0..20 {
            let before = COUNT.get();
            (0..100).for_each(refused);
            least = least.min(COUNT.get() - before);
        }
        assert_eq!(least, 0, "a hundred events in a row without one that passes");
    });
}

#[test]
fn warn_then_error_at_one_place_are_both_told() {
    let told = Told::new();
    let outbox = quiet().start().unwrap();
    let _layer = told.clone().layer(&outbox).unwrap();
    for severity in [Severity::Warn, Severity::Error, Severity::Error] {
        outbox.alert(Alert::new(App::new("shop"), severity, "refused").target("shop").place("a.rs", 7));
    }
    assert_eq!(outbox.flush(LONG).pending, 0);
    let mut severities: Vec<Severity> = told.delivered().iter().map(|one| one.severity()).collect();
    severities.sort_unstable();
    assert_eq!(severities, [Severity::Warn, Severity::Error]);
}

#[test]
fn a_restart_goes_on_counting_and_keeps_the_budget() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::new();
    for life in 0..8_u64 {
        let outbox = quiet().spool(folder.path()).start().unwrap();
        let layer = told.clone().channel().budget([Rate::hourly(3).burst(3)]).layer(&outbox).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::error!("cannot start");
            for word in ["ant", "bee", "cow", "dog"] {
                if life == 7 {
                    tracing::error!("{word}");
                }
            }
            // The budget holds back the last two.
            assert_eq!(outbox.flush(LONG).pending, if life == 7 { 2 } else { 0 });
        });
        let stats = settle(&outbox);
        expect_conserved(&stats);
        assert_eq!(stats.adopted, life.saturating_sub(1), "life {life}");
        drop(outbox);
        told.wait_for_the_end();
    }
    assert_eq!(told.titles(), ["cannot start", "ant", "bee"], "three in an hour");
}

#[test]
fn a_silence_in_the_folder_holds_and_its_end_is_reported() {
    let told = Told::new();
    let emit = || tracing::error!("refused");
    let outbox = quiet().start().unwrap();
    let layer = told.clone().layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), emit);
    assert_eq!(outbox.flush(LONG).pending, 0);
    let group = told.delivered()[0].group();
    let page = &told.pages()[0];
    // In memory there is nothing that a command could write to.
    assert!(!page.contains("watchfire silence"), "{page}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("silences").join(group.to_string());
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let silence = Silence::new(group, clock::now(), Duration::from_secs(3600)).by("ada").why("known");
    std::fs::write(&file, silence.to_string()).unwrap();
    let told = Told::new();
    let outbox = quiet().spool(folder.path()).start().unwrap();
    let layer = told.clone().layer(&outbox).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        emit();
        emit();
        let stats = settle(&outbox);
        assert_eq!((stats.rendered, stats.unreported, told.titles().len()), (0, 2, 0));
        std::fs::remove_file(&file).unwrap();
        let until = clock::instant() + LONG;
        let ended = || told.pages().iter().any(|page| page.contains("has ended"));
        while !ended() && clock::instant() < until {
            // Whatever wakes the worker has it look at the folder.
            tracing::error!("something else");
            std::thread::yield_now();
        }
    });
    let pages = told.pages();
    let page = pages.iter().find(|page| page.contains("A silence of this group has ended"));
    assert!(page.is_some_and(|page| page.contains("2 alerts came in it")), "{pages:?}");
}

#[test]
fn a_channel_that_can_edit_counts_in_its_first_message() {
    let receipt = Receipt::new("all", "message-1");
    let told = Told::new().answers([Outcome::Delivered(Some(receipt))]).policy(|policy| {
        policy.can_edit = true;
        policy.notifications = NotificationPolicy::chat();
        policy.notifications.edit_every = Duration::ZERO;
    });
    let outbox = quiet().start().unwrap();
    let layer = told.clone().layer(&outbox).unwrap();
    let emit = || tracing::error!("refused");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        emit();
        assert_eq!(outbox.flush(LONG).pending, 0);
        emit();
        emit();
        let until = clock::instant() + LONG;
        while told.delivered().len() < 2 && clock::instant() < until {
            std::thread::yield_now();
        }
    });
    let kinds: Vec<OccasionKind> = told.delivered().iter().map(|one| one.kind()).collect();
    assert_eq!(kinds, [OccasionKind::First, OccasionKind::Edit]);
    let stats = settle(&outbox);
    expect_conserved(&stats);
    assert_eq!((stats.rendered, stats.grouped + stats.unreported), (1, 2));
}

#[test]
fn in_a_critical_storm_only_alerts_past_the_limiter_wait() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::new();
    let builder =
        Outbox::builder(App::new("shop")).self_log(SelfLog::to(|_| ())).spool(folder.path().join("spool"));
    // Nothing is in time: each alert that would wait is counted.
    let outbox = builder.sync_within(Duration::ZERO).start().unwrap();
    let layer = told.clone().layer(&outbox).unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..10_000 {
            tracing::error!(severity = "critical", "the vault is open");
        }
        tracing::error!("an error waits for nothing");
    });
    assert!(outbox.flush(LONG).is_complete);
    let unsynced = outbox.stats().unsynced;
    assert!((1..100).contains(&unsynced), "{unsynced}");
}
