//! The request that a thread works on, and which readers know of its failure: a failed request is one alert.

use std::{
    cell::RefCell,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing_core::Level;

use crate::EventView;

/// Targets of layers by others that report the failure of a response, where the request layer reports it as well.
const OTHERS: [&str; 2] = ["tower_http::trace::on_failure", "tower_http::catch_panic"];

thread_local! {
    static NOW: RefCell<Now> = const { RefCell::new(Now { current: None, is_end: false, answered: Weak::new(), failed: false }) };
}

struct Now {
    current: Option<RequestScope>,
    /// Whether the events of this moment say how the request ended.
    is_end: bool,
    /// The mark of the failed response that is on its way through outer layers, if it is not dropped yet.
    answered: Weak<Mark>,
    /// Whether the request that this thread worked on last has ended with an error, which cannot carry a mark.
    failed: bool,
}

/// One request in progress: shared by its request layer and by the events that are emitted in it.
///
/// A request layer [enters](Self::enter) it whenever it works on the request, and emits its report in
/// [`conclude`](Self::conclude). An alert handler then takes the report only if it took no event of the same request
/// that is at least as severe.
#[derive(Clone, Debug, Default)]
pub struct RequestScope(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// The readers that took an event, and the most severe level of each.
    told: Mutex<Vec<(usize, Level)>>,
    panicked: AtomicBool,
    reported_by_other: AtomicBool,
}

/// Leaves a request when it is dropped, and returns to the one before.
#[derive(Debug)]
#[must_use]
pub struct Entered(Option<RequestScope>);

/// The mark of a failed response on its way out: reports of outer layers are about this request until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Answered {
    _mark: Arc<Mark>,
}

#[derive(Debug)]
struct Mark;

impl RequestScope {
    /// Makes the scope of a new request.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes it the request of this thread until the guard is dropped.
    pub fn enter(&self) -> Entered {
        let former = with(|now| {
            (now.answered, now.failed) = (Weak::new(), false);
            now.current.replace(self.clone())
        });
        Entered(former.flatten())
    }

    /// Emits the report of how the request ended.
    pub fn conclude<R>(&self, report: impl FnOnce() -> R) -> R {
        let _entered = self.enter();
        let former = with(|now| std::mem::replace(&mut now.is_end, true));
        let result = report();
        with(|now| now.is_end = former.unwrap_or_default());
        result
    }

    /// Marks the failed response: until the mark is dropped, or this thread enters another request, what outer layers
    /// report is about it. The response carries the mark.
    pub fn mark_answered() -> Answered {
        let mark = Arc::new(Mark);
        with(|now| now.answered = Arc::downgrade(&mark));
        Answered { _mark: mark }
    }

    /// Notes that the request has ended with an error: the next report of an outer layer on this thread is about it,
    /// unless the thread enters another request first.
    pub fn mark_failed() {
        with(|now| now.failed = true);
    }

    /// Tells whether a panic was reported while the request was worked on.
    #[must_use]
    pub fn has_panicked(&self) -> bool {
        self.0.panicked.load(Ordering::Relaxed)
    }

    /// Tells whether a layer of somebody else has reported a failure: the request layer owes a report then.
    #[must_use]
    pub fn has_foreign_report(&self) -> bool {
        self.0.reported_by_other.load(Ordering::Relaxed)
    }

    /// Notes that a reader took an event; returns whether it took one before that was at least as severe.
    fn tell(&self, reader: usize, level: Level) -> bool {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        match told.iter_mut().find(|(known, _)| *known == reader) {
            // A smaller level is more severe.
            Some((_, known)) if *known <= level => true,
            Some((_, known)) => {
                *known = level;
                false
            }
            None => {
                told.push((reader, level));
                false
            }
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        with(|now| now.current = self.0.take());
    }
}

/// Notes that a panic on this thread is reported.
pub(crate) fn note_panic() {
    if let Some(request) = with(|now| now.current.clone()).flatten() {
        request.0.panicked.store(true, Ordering::Relaxed);
    }
}

/// Tells whether an event only repeats the failure of a request that `reader` knows of; notes that `reader` knows of it
/// otherwise. `reports_panics` says whether the reader takes panics by another way.
pub(crate) fn is_repeated(event: &EventView<'_>, reader: usize, reports_panics: bool) -> bool {
    let asked = with(|now| {
        let is_open = now.current.is_some() || now.failed || now.answered.strong_count() > 0;
        is_open.then(|| (now.current.clone(), now.is_end))
    });
    let Some((current, is_end)) = asked.flatten() else { return false };
    let is_foreign = event.level() == Level::ERROR && OTHERS.iter().any(|target| event.target() == *target);
    let Some(request) = current else {
        if is_foreign {
            with(|now| now.failed = false);
        }
        return is_foreign;
    };
    if is_foreign {
        request.0.reported_by_other.store(true, Ordering::Relaxed);
        return true;
    }
    if is_end && reports_panics && request.has_panicked() {
        return true;
    }
    let knows = request.tell(reader, event.level());
    is_end && knows
}

fn with<R>(change: impl FnOnce(&mut Now) -> R) -> Option<R> {
    NOW.try_with(|now| Some(change(&mut *now.try_borrow_mut().ok()?))).ok().flatten()
}
