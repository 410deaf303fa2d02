//! End the process in order when a signal would end it, unless the program handles that signal itself.
//!
//! A handler of our own, and not one of `signal-hook`'s: all that are registered there share one handler, and none can
//! tell whether it is alone. What matters here is exactly that.

use std::{
    io::{self, Read},
    mem::MaybeUninit,
    os::fd::{AsRawFd, IntoRawFd},
    ptr,
    sync::{
        Mutex,
        atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering},
    },
};

use libc::{SA_ONSTACK, SA_RESTART, SA_SIGINFO, SIG_DFL, SIG_IGN, SIGHUP, SIGINT, SIGTERM, c_int, c_void};

use super::{FORKS, run_at_exit, try_lock_for_a_while};

/// The signals that end a process and ask it to: the others say that it is broken.
const SIGNALS: [c_int; 3] = [SIGTERM, SIGINT, SIGHUP];
const NONE: c_int = -1;
/// Set in the byte that goes to the thread when nobody else handles the signal.
const ALONE: u8 = 0x80;

/// The disposition that a signal had before.
struct Before {
    handler: AtomicUsize,
    flags: AtomicI32,
}

static BEFORE: [Before; SIGNALS.len()] =
    [const { Before { handler: AtomicUsize::new(SIG_DFL), flags: AtomicI32::new(0) } }; SIGNALS.len()];
/// The end of the pipe that the handler writes to.
static PIPE: AtomicI32 = AtomicI32::new(NONE);
/// In which process, counted in forks, the thread at the other end runs.
static OWNER: AtomicU32 = AtomicU32::new(0);
static STARTED: Mutex<Option<u32>> = Mutex::new(None);

/// Has SIGTERM, SIGINT and SIGHUP run what is registered for the exit before they end the process, once for all.
///
/// A signal that the program handles itself, whether it began to before or after this call, is left to it: nothing is
/// flushed and nothing ends. So is one that was ignored when the program started, as `nohup` does with SIGHUP.
///
/// # Errors
///
/// If the thread or a handler cannot be set up.
pub fn end_at_signals() -> io::Result<()> {
    super::watch_forks();
    let Some(mut started) = try_lock_for_a_while(&STARTED) else {
        return Err(io::Error::other("another thread sets the signals up at this moment"));
    };
    let this = super::forks();
    if *started == Some(this) {
        return Ok(());
    }
    let (reader, writer) = io::pipe()?;
    never_wait(writer.as_raw_fd())?;
    std::thread::Builder::new().name("watchfire-signals".to_owned()).spawn(move || serve(reader))?;
    // For as long as the process lives: a handler may be at it at any time.
    PIPE.store(writer.into_raw_fd(), Ordering::Release);
    OWNER.store(this, Ordering::Release);
    for (signal, before) in SIGNALS.into_iter().zip(&BEFORE) {
        install(signal, before)?;
    }
    *started = Some(this);
    Ok(())
}

/// Waits for signals, and ends the process at one that nobody else handles.
fn serve(mut reader: impl Read) {
    crate::mute_thread();
    let mut byte = [0];
    while reader.read_exact(&mut byte).is_ok() {
        let [byte] = byte;
        if byte & ALONE != 0 {
            run_at_exit();
            end_by(c_int::from(byte & !ALONE));
        }
    }
}

#[expect(unsafe_code, reason = "std has no flag for it")]
fn never_wait(fd: c_int) -> io::Result<()> {
    // SAFETY: `fd` is open.
    let result = unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Returns what handles a signal now.
#[expect(unsafe_code, reason = "std knows no signals")]
fn present(signal: c_int) -> Option<libc::sigaction> {
    let mut present = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: sigaction(2) writes into `present`, which all zeros are a value of too. It is safe in a signal handler.
    unsafe {
        let result = libc::sigaction(signal, ptr::null(), present.as_mut_ptr());
        (result == 0).then(|| present.assume_init())
    }
}

#[expect(unsafe_code, reason = "std knows no signals")]
fn install(signal: c_int, before: &Before) -> io::Result<()> {
    let Some(known) = present(signal) else { return Err(io::Error::last_os_error()) };
    if known.sa_sigaction == SIG_IGN || known.sa_sigaction == ours() {
        return Ok(());
    }
    // Before our handler is there: it reads them.
    before.flags.store(known.sa_flags, Ordering::Release);
    before.handler.store(known.sa_sigaction, Ordering::Release);
    // SAFETY: all zeros are a value of the struct, and what is set are a handler that lives as long as the program and
    // flags that it is made for.
    let result = unsafe {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        action.sa_sigaction = ours();
        action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
        libc::sigaction(signal, &raw const action, ptr::null_mut())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

fn ours() -> usize {
    note as Handler as usize
}

/// The signal handler: calls nothing that is not safe there.
#[expect(unsafe_code, reason = "a signal handler may only call what POSIX names for it")]
extern "C" fn note(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(before) = SIGNALS.iter().position(|known| *known == signal).and_then(|i| BEFORE.get(i)) else {
        return;
    };
    let previous = before.handler.load(Ordering::Acquire);
    let is_alone = previous == SIG_DFL && present(signal).is_some_and(|now| now.sa_sigaction == ours());
    if FORKS.load(Ordering::Relaxed) != OWNER.load(Ordering::Acquire) {
        // A child has no thread, and the pipe is its parent's.
        if is_alone {
            default_action(signal);
        }
    } else if let Ok(number) = u8::try_from(signal) {
        let byte = if is_alone { number | ALONE } else { number };
        let errno = errno();
        // SAFETY: write(2) is safe here; the byte outlives the call. That errno changes is undone.
        unsafe {
            libc::write(PIPE.load(Ordering::Acquire), ptr::from_ref(&byte).cast(), 1);
            if let Some(errno) = errno {
                *errno.0 = errno.1;
            }
        }
    }
    if previous == SIG_DFL || previous == SIG_IGN {
        return;
    }
    // SAFETY: it was the handler of this signal, and SA_SIGINFO says which of the two kinds.
    unsafe {
        if before.flags.load(Ordering::Acquire) & SA_SIGINFO == 0 {
            std::mem::transmute::<usize, extern "C" fn(c_int)>(previous)(signal);
        } else {
            std::mem::transmute::<usize, Handler>(previous)(signal, info, context);
        }
    }
}

/// Returns where errno is, and its value.
#[expect(unsafe_code, reason = "errno is a variable of the C library")]
fn errno() -> Option<(*mut c_int, c_int)> {
    // SAFETY: the pointer is to the calling thread's own variable.
    #[cfg(target_os = "linux")]
    return unsafe { Some((libc::__errno_location(), *libc::__errno_location())) };
    // SAFETY: as above.
    #[cfg(any(target_os = "macos", target_os = "freebsd"))]
    return unsafe { Some((libc::__error(), *libc::__error())) };
    #[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "freebsd")))]
    None
}

/// Has the signal do what it does without us, when it comes next; in the handler that is when it returns.
#[expect(unsafe_code, reason = "std knows no signals")]
fn default_action(signal: c_int) {
    // SAFETY: both are safe in a signal handler.
    unsafe {
        libc::signal(signal, SIG_DFL);
        libc::raise(signal);
    }
}

/// Ends the process by the signal, for the parent to see; if that is not possible, by its usual exit status.
#[expect(unsafe_code, reason = "std knows no signals")]
fn end_by(signal: c_int) {
    // SAFETY: the set is written before it is read, and it is this thread's own mask that changes.
    unsafe {
        let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
    }
    default_action(signal);
    // SAFETY: _exit(2) does not return, and nothing is left to run.
    unsafe { libc::_exit(128 + signal) }
}
