//! The router: one layer over a table of handlers that is swapped whole.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tracing_core::{
    LevelFilter, Metadata, Subscriber, callsite::rebuild_interest_cache, subscriber::Interest,
};
use tracing_subscriber::{
    layer::{Context, Filter},
    registry::LookupSpan,
};
use watchfire_core::{
    EventView, Flushed, Handler, LevelTable, Origin, Redactor, SafeFilter, hint_span_levels,
};
use watchfire_filter::Verdict;

use crate::{cache::hash, flush, table::Table};

/// The handler of handlers that a configuration compiles to.
pub struct Router {
    table: ArcSwap<Table>,
    wanted: WantedCallsites,
    spans: LevelTable,
    redactor: Redactor,
    /// Held while a table is swapped in, so that an older one cannot have the last word in the callsites.
    reloading: Mutex<()>,
}

/// The one filter before a [`Router`].
#[derive(Clone, Debug)]
pub struct RouterFilter(Arc<Router>);

/// The layer of a whole configuration, filter included.
pub type RouterLayer<S> = tracing_subscriber::filter::Filtered<
    watchfire_core::HandlerLayer<Arc<Router>>,
    SafeFilter<RouterFilter>,
    S,
>;

/// How long a table that was replaced is waited for before its handlers are dropped where they may be.
const PATIENCE: Duration = Duration::from_secs(5);

impl Router {
    pub(crate) fn new(table: Table, spans: LevelTable, redactor: Redactor) -> Arc<Self> {
        Arc::new(Self {
            table: ArcSwap::from_pointee(table),
            wanted: WantedCallsites::new(8192),
            spans,
            redactor,
            reloading: Mutex::default(),
        })
    }

    /// Returns the layer, to be added to a registry.
    pub(crate) fn layer<S>(self: &Arc<Self>) -> RouterLayer<S>
    where
        S: Subscriber + for<'l> LookupSpan<'l>,
    {
        watchfire_core::HandlerLayer::new(Arc::clone(self))
            .redactor(self.redactor.clone())
            .with_filter(RouterFilter(Arc::clone(self)))
    }

    pub(crate) fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// Puts another table in force. Must not be called while an event is handled.
    pub(crate) fn swap(&self, table: Table) {
        let _one = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut old = self.table.swap(Arc::new(table));
        rebuild_interest_cache();
        // The last owner closes files and joins threads: that must be us, and not a thread that emits an event.
        let deadline = watchfire_core::clock::instant() + PATIENCE;
        loop {
            match Arc::try_unwrap(old) {
                Ok(table) => {
                    drop(table);
                    break;
                }
                Err(shared) if watchfire_core::clock::instant() > deadline => {
                    drop(shared);
                    break;
                }
                Err(shared) => {
                    old = shared;
                    std::thread::yield_now();
                }
            }
        }
        // A callsite that registered just then may have kept an answer of the old table.
        rebuild_interest_cache();
    }

    fn wants(&self, table: &Table, metadata: &Metadata<'_>) -> bool {
        if !metadata.is_span() {
            return table.work_out(metadata).mask != 0;
        }
        if self.spans.admits(metadata.target(), *metadata.level()) {
            return true;
        }
        let mut is_named = false;
        table.each_filter(&mut |filter| {
            is_named |= filter.has_span_directives() && filter.verdict(metadata) == Verdict::Always;
        });
        is_named
    }
}

impl Router {
    /// Flushes all handlers but the alert channels, while `here` runs on this thread.
    pub(crate) fn flush_others<T>(&self, deadline: Instant, here: impl FnOnce() -> T) -> (Flushed, T) {
        let table = self.table();
        let others = table.entries.iter().filter(|entry| !entry.is_channel);
        let others = others.map(|entry| Arc::clone(&entry.handler)).collect();
        // Their last owner may close a file: not this table.
        drop(table);
        flush::at_once(others, deadline, here)
    }
}

impl Handler for Router {
    fn handle(&self, event: &EventView<'_>) {
        self.table.load().dispatch(event);
    }

    fn report(&self, event: &EventView<'_>, _deadline: Instant) {
        let table = self.table.load();
        let is_panic = event.incident().is_some_and(|incident| incident.origin() == Origin::Panic);
        if table.panics || !is_panic {
            table.dispatch(event);
        }
    }

    fn flush(&self, deadline: Instant) -> Flushed {
        // On this thread, as the outbox asks whether it panics, or is the worker's own.
        let channels = || {
            let table = self.table();
            let channels = table.entries.iter().filter(|entry| entry.is_channel);
            channels.fold(Flushed::Yes, |all, entry| all.and(entry.handler.flush(deadline)))
        };
        let (others, channels) = self.flush_others(deadline, channels);
        others.and(channels)
    }
}

impl<S> Filter<S> for RouterFilter
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        let wanted = self.0.wants(&self.0.table.load(), metadata);
        self.0.wanted.put(std::ptr::from_ref(metadata) as usize, wanted);
        // Never `always`: after an `enabled!` the next event of such a callsite would be lost (tokio-rs/tracing#2519).
        if wanted { Interest::sometimes() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _context: &Context<'_, S>) -> bool {
        // The metadata of a `log` record is on the stack, and never found here.
        match self.0.wanted.get(std::ptr::from_ref(metadata) as usize) {
            Some(wanted) => wanted,
            None => self.0.wants(&self.0.table.load(), metadata),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let table = self.0.table.load();
        let mut hint = table.most_verbose().max(self.0.spans.most_verbose());
        table.each_filter(&mut |filter| {
            if filter.needs_all_spans() {
                hint = LevelFilter::TRACE;
            } else if filter.has_span_directives() {
                hint = hint.max(filter.most_verbose());
            }
        });
        hint_span_levels(&self.0.spans);
        Some(hint)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table();
        let names: Vec<_> = table.entries.iter().map(|entry| entry.name.as_str()).collect();
        f.debug_struct("Router").field("handlers", &names).finish_non_exhaustive()
    }
}

/// Knows per callsite whether the table in force wants it; each `callsite_enabled` writes it anew, so that the question
/// before every event needs no look at the table.
struct WantedCallsites {
    slots: Box<[(AtomicUsize, AtomicU8)]>,
}

const UNKNOWN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;
const PROBES: usize = 16;

impl WantedCallsites {
    fn new(slots: usize) -> Self {
        Self { slots: (0..slots.next_power_of_two()).map(|_| <(AtomicUsize, AtomicU8)>::default()).collect() }
    }

    #[inline]
    fn get(&self, key: usize) -> Option<bool> {
        // Nearly always the first.
        let (known, answer) = self.slots.get(hash(key) & (self.slots.len() - 1))?;
        if known.load(Ordering::Acquire) == key {
            return match answer.load(Ordering::Acquire) {
                UNKNOWN => None,
                answer => Some(answer == YES),
            };
        }
        self.search(key)
    }

    #[cold]
    fn search(&self, key: usize) -> Option<bool> {
        for (known, answer) in self.slots_of(key) {
            match known.load(Ordering::Acquire) {
                0 => return None,
                known if known == key => {
                    return match answer.load(Ordering::Acquire) {
                        UNKNOWN => None,
                        answer => Some(answer == YES),
                    };
                }
                _ => {}
            }
        }
        None
    }

    fn put(&self, key: usize, wanted: bool) {
        for (known, answer) in self.slots_of(key) {
            let taken = known.compare_exchange(0, key, Ordering::AcqRel, Ordering::Acquire);
            if taken.is_ok() || taken == Err(key) {
                answer.store(if wanted { YES } else { NO }, Ordering::Release);
                return;
            }
        }
    }

    fn slots_of(&self, key: usize) -> impl Iterator<Item = &(AtomicUsize, AtomicU8)> {
        let (start, mask) = (hash(key), self.slots.len() - 1);
        (0..PROBES).filter_map(move |step| self.slots.get((start + step) & mask))
    }
}
