//! Runs a scenario in a process of its own: the test binary again, with the scenario's name in the environment.

use std::{
    process::{Command, Output},
    time::Duration,
};

use watchfire_inbox::Inbox;

pub(crate) const NAME: &str = "WATCHFIRE_TEST_SCENARIO";
pub(crate) const WEBHOOK: &str = "WATCHFIRE_TEST_WEBHOOK";
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `body` in a child process and returns its output; called in the child, runs it there and ends.
pub(crate) fn in_child(test: &str, inbox: &Inbox) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(NAME, test)
        .env(WEBHOOK, inbox.slack_webhook_url())
        .output()
        .unwrap()
}

/// Runs `test` again, in a process of its own, and expects it to pass there.
pub(crate) fn alone(test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(NAME, test)
        .output()
        .unwrap();
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    println!("{said}");
}

/// Tells whether this process is the child of `test`.
pub(crate) fn is_child(test: &str) -> bool {
    std::env::var(NAME).is_ok_and(|name| name == test)
}
