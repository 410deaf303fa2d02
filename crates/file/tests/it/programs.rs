//! Run this test binary again as a program that logs, also as another user.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::peers::note;

/// Makes what is in the way: its name, and how to put it at a path, with a folder outside.
pub(crate) type Obstacle = (&'static str, fn(&Path, &Path));

/// The user and group that own nothing.
pub(crate) const NOBODY: &str = "65534";

#[expect(clippy::disallowed_methods, reason = "how the program learns its role")]
pub(crate) fn given(name: &str) -> Option<String> {
    std::env::var(format!("WATCHFIRE_FILE_{name}")).ok()
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns the command that runs the test `name` of this binary in a role, in which it plays a program.
pub(crate) fn program(name: &str, role: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    prepare(&mut command, name, role, path);
    command
}

/// As [`program`], as a user who is not root; `None`, with a printed reason, where that cannot be had.
pub(crate) fn program_of_nobody(name: &str, role: &str, path: &Path) -> Option<Command> {
    if !is_root() {
        return Some(program(name, role, path));
    }
    let binary = std::env::current_exe().unwrap();
    let become_nobody = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
    let tried = Command::new("setpriv").args(become_nobody).arg(&binary).arg("--list").output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        note("skipped: setpriv is missing, or another user may not run this binary");
        return None;
    }
    let mut command = Command::new("setpriv");
    command.args(become_nobody).arg(binary);
    prepare(&mut command, name, role, path);
    Some(command)
}

fn prepare(command: &mut Command, name: &str, role: &str, path: &Path) {
    command
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("WATCHFIRE_FILE_ROLE", role)
        .env("WATCHFIRE_FILE_PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

/// A program that waits between its steps for a line on stdin.
pub(crate) struct Steps {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Steps {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, stdin, stdout: BufReader::new(stdout) }
    }

    /// Waits until the program has reached its next step.
    pub(crate) fn reached(&mut self) {
        let mut line = String::new();
        while !line.ends_with("step\n") {
            line.clear();
            assert!(self.stdout.read_line(&mut line).unwrap() > 0, "the program has ended early");
        }
    }

    pub(crate) fn go_on(&mut self) {
        self.stdin.write_all(b"\n").unwrap();
    }

    /// Waits for the end and returns what the program wrote on stderr.
    pub(crate) fn end(self) -> String {
        let Self { child, stdin, mut stdout } = self;
        drop(stdin);
        // Its harness has something to say as well.
        stdout.read_to_end(&mut Vec::new()).unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        stderr
    }
}

/// In the program: says that a step is reached and waits for the test.
pub(crate) fn step() {
    let mut stdout = std::io::stdout();
    stdout.write_all(b"step\n").and_then(|()| stdout.flush()).unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
}
