//! Holds the things that belong to the process and not to a value of ours: the debug flag, the register of our own
//! credentials, the list of what to flush at exit and what was last waited for, the listeners for incidents with the
//! panic hook, the names of fields that rewrites bring along, and, in the files below, the signals that end the process,
//! what a fork gives up, and the time of the process.

pub(crate) mod extra_fields;
#[cfg(unix)]
mod fork;
#[cfg(unix)]
mod signals;
mod steady;

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    sync::{
        Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError, RwLock, TryLockError, Weak,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tracing_core::field::Field;

use crate::{
    Limits,
    incident::{self, OnIncident},
    own_secrets::OwnSecrets,
};

pub use self::extra_fields::TraceIds;
#[cfg(feature = "log-values")]
pub use self::extra_fields::bridge_log;
#[cfg(feature = "opentelemetry")]
pub use self::extra_fields::show_opentelemetry_ids;
pub use self::steady::{note_wall_step, steady_now, wall_step};
#[cfg(unix)]
pub use self::{
    fork::{GivenUp, give_up_in_child},
    signals::end_at_signals,
};

static DEBUG: AtomicU8 = AtomicU8::new(UNSET);
static SECRETS: RwLock<Option<Arc<OwnSecrets>>> = RwLock::new(None);
/// How often a credential was registered: who knows the register of this number need not ask for its lock.
static REGISTERED: AtomicU64 = AtomicU64::new(0);
static EXIT: Mutex<Vec<Weak<dyn AtExit>>> = Mutex::new(Vec::new());
static INCIDENTS: Mutex<Vec<Weak<dyn OnIncident>>> = Mutex::new(Vec::new());
static NAMES: Mutex<Vec<Field>> = Mutex::new(Vec::new());
/// How many bytes of a value, and of all texts, a handler of this process may show at most: spans keep that much.
static KEPT_VALUE: AtomicUsize = AtomicUsize::new(0);
static KEPT_TOTAL: AtomicUsize = AtomicUsize::new(0);
static TRACE_SOURCE: OnceLock<Box<TraceSource>> = OnceLock::new();
static LAST_WAIT: Mutex<Option<(Instant, Duration)>> = Mutex::new(None);

const UNSET: u8 = 2;

/// Gives the ids of the trace that an event of the calling thread belongs to.
pub(crate) type TraceSource = dyn Fn() -> Option<TraceIds> + Send + Sync;

/// Returns whether the program runs in debug mode: what `require_debug_true` and `require_debug_false` look at.
///
/// Until [`set_debug`] is called it is what the environment variable `WATCHFIRE_DEBUG` says
/// (`1`, `true`, `yes`, `on` or their opposites), else whether the program was built with debug assertions.
#[must_use]
pub fn is_debug() -> bool {
    match DEBUG.load(Ordering::Relaxed) {
        UNSET => {
            let found = debug_from_environment().unwrap_or(cfg!(debug_assertions));
            // A set_debug() in between wins.
            match DEBUG.compare_exchange(UNSET, found.into(), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => found,
                Err(set) => set == 1,
            }
        }
        flag => flag == 1,
    }
}

/// Sets the debug mode from now on, for the whole process; filters see it at the next event.
pub fn set_debug(on: bool) {
    DEBUG.store(on.into(), Ordering::Relaxed);
}

#[expect(clippy::disallowed_methods, reason = "the one variable that core knows; read once")]
fn debug_from_environment() -> Option<bool> {
    let text = std::env::var("WATCHFIRE_DEBUG").ok()?;
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" | "" => Some(false),
        _ => None,
    }
}

pub(crate) fn register_secret(value: &str) {
    let mut register = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
    Arc::make_mut(register.get_or_insert_default()).insert(value);
    REGISTERED.fetch_add(1, Ordering::Release);
}

/// Returns how often a credential of our own was registered: a text that was found clean is still clean while this
/// number is the same.
#[must_use]
pub fn own_secrets_registered() -> u64 {
    REGISTERED.load(Ordering::Acquire)
}

thread_local! {
    /// When this thread last dropped a handle, and how long it and those just before it have waited.
    static DROPPED: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
    /// The register as this thread saw it last, with its number.
    static KNOWN: RefCell<(u64, Option<Arc<OwnSecrets>>)> = const { RefCell::new((0, None)) };
}

/// Asks the register. A text costs no lock, which all threads that log would meet at.
fn ask_own<R>(nothing: impl FnOnce() -> R, ask: impl Fn(&OwnSecrets) -> R) -> R {
    let number = REGISTERED.load(Ordering::Acquire);
    if number == 0 {
        return nothing();
    }
    let answer = KNOWN.try_with(|known| {
        if known.borrow().0 != number {
            let latest = SECRETS.read().unwrap_or_else(PoisonError::into_inner).clone();
            known.replace((number, latest));
        }
        known.borrow().1.as_deref().map(&ask)
    });
    // The thread is ending.
    let asked = || SECRETS.read().unwrap_or_else(PoisonError::into_inner).as_deref().map(&ask);
    answer.unwrap_or_else(|_| asked()).unwrap_or_else(nothing)
}

/// Masks every registered credential of our own in `text`.
#[must_use]
pub fn mask_own_secrets(text: &str) -> Cow<'_, str> {
    ask_own(|| Cow::Borrowed(text), |own| own.find_and_mask(text))
}

/// Masks like [`mask_own_secrets`], in a text that a size limit has cut: what may be the start of a credential at its
/// end goes as well.
pub(crate) fn mask_own_secrets_cut(text: &str) -> Cow<'_, str> {
    ask_own(|| Cow::Borrowed(text), |own| own.find_and_mask_cut(text))
}

/// Tells whether `bytes` hold a registered credential of our own: the last check before something is written or sent.
#[must_use]
pub fn holds_own_secret(bytes: &[u8]) -> bool {
    ask_own(|| false, |own| own.contains_any(bytes))
}

/// Returns a field of this name, as a visitor gets it. Each name lives as long as the process, and is kept once.
pub(crate) fn field_named(name: &str) -> Field {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.iter().find(|known| known.name() == name) {
        return known.clone();
    }
    let field = crate::filter_hints::field_of(String::leak(name.to_owned()));
    names.push(field.clone());
    field
}

/// The calls at the end of the process: after a return from `main`, `process::exit`, or a signal that
/// [`end_at_signals`] reacts to.
pub trait AtExit: Send + Sync + 'static {
    /// Prepares for the end without waiting. All are prepared before the first one waits.
    fn before_exit(&self) {}

    /// Writes out what is left. Its deadline counts from `began`, which is the same for all: when the end began to wait.
    /// Thread-locals may be gone.
    fn at_exit(&self, began: Instant);
}

/// Puts `hook` on the list of what runs at exit; a dropped one is skipped.
#[expect(unsafe_code, reason = "atexit(3) is the only call that runs at process::exit")]
pub fn at_exit(hook: Weak<dyn AtExit>) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: `run` is an `extern "C"` function that lives as long as the program and does not unwind.
        unsafe {
            libc::atexit(run_at_exit);
        }
    });
    let mut list = EXIT.lock().unwrap_or_else(PoisonError::into_inner);
    list.retain(|known| known.strong_count() > 0);
    list.push(hook);
}

extern "C" fn run_at_exit() {
    // Never wait long for a thread that holds the list: it may be the one that exits.
    let hooks: Vec<_> = match try_lock_for_a_while(&EXIT) {
        Some(list) => list.iter().filter_map(Weak::upgrade).collect(),
        None => return,
    };
    let began = end_began(crate::clock::instant());
    // Nobody is left to hear of a panic here.
    let run = |work: &dyn Fn()| crate::guard::caught(work).unwrap_or_default();
    hooks.iter().for_each(|hook| run(&|| hook.before_exit()));
    let Some((first, others)) = hooks.split_first() else { return };
    // Beside each other: one that hangs takes no time from the others.
    std::thread::scope(|scope| {
        for hook in others {
            let end = move || run(&|| hook.at_exit(began));
            if std::thread::Builder::new().name("watchfire-exit".to_owned()).spawn_scoped(scope, end).is_err()
            {
                end();
            }
        }
        run(&|| first.at_exit(began));
    });
}

/// Notes that a handle was dropped and has waited for `waited`, with those before it on this thread: the drop or the exit
/// that follows waits for that much less.
pub fn note_last_wait(waited: Duration) {
    let now = crate::clock::instant();
    DROPPED.try_with(|dropped| dropped.set(Some((now, waited)))).unwrap_or_default();
    if let Some(mut last) = try_lock_for_a_while(&LAST_WAIT) {
        *last = Some((now, waited));
    }
}

/// Returns how long the handles have waited that this thread has dropped just before `now`: several that a program drops at
/// its end share one deadline. Their outboxes work beside each other, so each has had that time.
#[must_use]
pub fn waited_by_drops(now: Instant) -> Duration {
    let last = DROPPED.try_with(Cell::get).ok().flatten();
    let recent = last.filter(|(at, _)| now.saturating_duration_since(*at) < NEXT_DROP);
    recent.map_or(Duration::ZERO, |(_, waited)| waited)
}

/// How long after a drop another one on the same thread still belongs to the same end.
const NEXT_DROP: Duration = Duration::from_secs(1);
/// How long after a wait an exit still belongs to it.
const SAME_END: Duration = Duration::from_secs(60);

/// Returns when the end of the program began to wait: `now`, less what a handle that was just dropped has waited.
fn end_began(now: Instant) -> Instant {
    let last = try_lock_for_a_while(&LAST_WAIT).and_then(|last| *last);
    let recent = last.filter(|(at, _)| now.saturating_duration_since(*at) < SAME_END);
    recent.and_then(|(_, waited)| now.checked_sub(waited)).unwrap_or(now)
}

/// Puts `listener` on the list of those that get each `Incident`, once, and installs the panic hook.
pub fn on_incident(listener: Weak<dyn OnIncident>) {
    {
        let mut list = INCIDENTS.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|known| known.strong_count() > 0 && !known.ptr_eq(&listener));
        list.push(listener);
    }
    install_panic_hook();
}

/// Installs the panic hook in front of the present one, once in the process. A hook that somebody sets later without
/// calling the one that was there takes it away, until [`renew_panic_hook`].
pub(crate) fn install_panic_hook() {
    static ONCE: Once = Once::new();
    // A panicking thread cannot change the hook; the next start of a layer or an outbox does.
    if !std::thread::panicking() {
        ONCE.call_once(incident::install_hook);
    }
}

/// Puts the panic hook in front of the present one, once more: somebody may have set another since that does not call it.
/// Does nothing on a thread that panics.
pub fn renew_panic_hook() {
    if !std::thread::panicking() {
        incident::install_hook();
    }
}

/// Collects the listeners, without waiting for a thread that may be this one.
pub(crate) fn incident_listeners() -> Vec<Arc<dyn OnIncident>> {
    match try_lock_for_a_while(&INCIDENTS) {
        Some(list) => list.iter().filter_map(Weak::upgrade).collect(),
        None => Vec::new(),
    }
}

/// How many threads hand an incident to handlers: one that hangs is not followed by any number of others.
pub(crate) static REPORTERS: AtomicUsize = AtomicUsize::new(0);

/// Takes a lock that others hold for microseconds only, for a thread that must not wait for ever: it may be the one that
/// holds it, or its holder may be gone by a fork. Gives up after 50 ms.
pub fn try_lock_for_a_while<T: ?Sized>(lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    let mut until = None;
    loop {
        match lock.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                let now = crate::clock::instant();
                if now >= *until.get_or_insert_with(|| now + Duration::from_millis(50)) {
                    return None;
                }
                std::thread::yield_now();
            }
        }
    }
}

static FORKS: AtomicU32 = AtomicU32::new(0);

/// Returns how many forks lie between this process and the one in which [`watch_forks`] was called. Costs one load.
///
/// A child has its parent's memory and none of its threads: whoever owns a thread compares this number.
#[must_use]
pub fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Begins to count forks, once. Does nothing on systems without `fork`.
#[cfg_attr(
    unix,
    expect(unsafe_code, reason = "a process id costs a system call at every question; this does not")
)]
pub fn watch_forks() {
    #[cfg(unix)]
    {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // SAFETY: the handler lives as long as the program, and only does what is allowed there: it adds to an atomic
            // and opens and closes descriptors.
            unsafe {
                libc::pthread_atfork(None, None, Some(count_fork));
            }
        });
    }
}

#[cfg(unix)]
extern "C" fn count_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    fork::give_up();
}

/// Has every event show the ids that `source` gives for it, in the fields `trace_id` and `span_id`. It is called for each
/// event, on its thread, and should only look at what that thread knows. Of several sources the first one stays.
///
/// ```
/// use watchfire_core::process::{TraceIds, show_trace_ids};
/// show_trace_ids(|| Some(TraceIds::new(0x4bf92f3577b34da6a3ce929d0e0e4736, 0x00f067aa0ba902b7)));
/// ```
pub fn show_trace_ids(source: impl Fn() -> Option<TraceIds> + Send + Sync + 'static) {
    TRACE_SOURCE.set(Box::new(source)).ok();
}

#[inline]
pub(crate) fn trace_source() -> Option<&'static TraceSource> {
    TRACE_SOURCE.get().map(|source| &**source)
}

/// Tells whether a field may have this name, which is kept for good: the names of records are bounded in number.
#[cfg(feature = "log-values")]
pub(crate) fn may_name(name: &str) -> bool {
    const MOST: usize = 4096;
    let names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    names.len() < MOST || names.iter().any(|known| known.name() == name)
}

/// Has spans keep values as long as a handler with these limits may show.
pub(crate) fn keep_values_up_to(limits: &Limits) {
    KEPT_VALUE.fetch_max(limits.value, Ordering::Relaxed);
    KEPT_TOTAL.fetch_max(limits.total, Ordering::Relaxed);
}

/// Returns the limits by which spans keep their fields: each reader cuts them by its own limits.
pub(crate) fn kept_values(limits: &Limits) -> Limits {
    let (value, total) = (KEPT_VALUE.load(Ordering::Relaxed), KEPT_TOTAL.load(Ordering::Relaxed));
    let value = limits.value.max(value);
    Limits { value, message: limits.message.max(value), total: limits.total.max(total), ..*limits }
}

/// Says `line` on stderr, once per process, without taking any lock: in a forked child a lock may be held for ever.
pub fn say_once_after_fork(line: &str) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        write_stderr(&format!("watchfire: {line}\n"));
    }
}

/// Writes a text to stderr in one piece, without the standard library's lock, which a forked child may find held for
/// ever. A full pipe is waited for up to 50 ms; then, and when stderr is closed, the text is lost.
#[cfg(unix)]
#[expect(unsafe_code, reason = "the standard library's stderr has a lock")]
pub(crate) fn write_stderr(text: &str) {
    let mut stderr = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: the pointers and lengths are those of `stderr` and `text`, which outlive the calls.
    unsafe {
        if libc::poll(&raw mut stderr, 1, 50) == 1 {
            libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len());
        }
    }
}

/// Writes a text to stderr. Not `eprintln!`, which panics when stderr is closed.
#[cfg(not(unix))]
pub(crate) fn write_stderr(text: &str) {
    use std::io::Write;
    std::io::stderr().lock().write_all(text.as_bytes()).unwrap_or_default();
}

#[expect(unsafe_code, reason = "std has no host name; gethostname(2) writes into a buffer of ours")]
pub(crate) fn host_name() -> String {
    let mut buffer = [0_u8; 256];
    // SAFETY: the pointer and the length are those of `buffer`, which outlives the call.
    let result = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len()) };
    let name = buffer.split(|byte| *byte == 0).next().unwrap_or_default();
    if result != 0 || name.is_empty() {
        return "localhost".to_owned();
    }
    String::from_utf8_lossy(name).into_owned()
}
