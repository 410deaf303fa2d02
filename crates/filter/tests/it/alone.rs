//! Run a test in a process without other tests.

use std::{
    process::{Command, abort},
    sync::mpsc::{RecvTimeoutError, channel},
    time::Duration,
};

/// Names the test function it stands in, as the test harness does.
macro_rules! here {
    () => {{
        fn here() {}
        let path = std::any::type_name_of_val(&here);
        path.trim_start_matches("it::").trim_end_matches("::{{closure}}::here").trim_end_matches("::here")
    }};
}
pub(crate) use here;

const ALONE: &str = "WATCHFIRE_TEST_ALONE";
const AT_MOST: Duration = Duration::from_secs(60);

/// Runs `body` in a process of its own, so that it may install a global default subscriber, panic hooks and loggers.
///
/// The process is this test binary again, told to run the same test `name`. A deadlock ends it, and fails the test.
/// Returns what it wrote on stderr; `None` in the process itself.
pub(crate) fn alone(name: &str, body: impl FnOnce()) -> Option<String> {
    alone_for(name, "", &[], body)
}

/// The same for one of several cases of a test, with environment variables.
#[expect(clippy::disallowed_methods, reason = "tells the processes apart")]
pub(crate) fn alone_for(
    name: &str,
    case: &str,
    environment: &[(&str, &str)],
    body: impl FnOnce(),
) -> Option<String> {
    let id = format!("{name} {case}");
    if let Ok(chosen) = std::env::var(ALONE) {
        if chosen == id {
            within(AT_MOST, body);
        }
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(ALONE, &id);
    command.env_remove("WATCHFIRE_DEBUG").env_remove("RUST_LOG").envs(environment.iter().copied());
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{id} failed alone: {}\n{out}\n{err}", output.status);
    assert!(out.contains("1 passed"), "{name} is not the name of this test:\n{out}");
    Some(err.into_owned())
}

fn within(limit: Duration, body: impl FnOnce()) {
    let (done, wait) = channel::<()>();
    let watch = std::thread::spawn(move || {
        if wait.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            eprintln!("still running after {limit:?}: a deadlock");
            abort();
        }
    });
    body();
    drop(done);
    watch.join().unwrap();
}
