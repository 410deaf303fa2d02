//! Other programs: where they run, how long they may take, and how we colour what we say.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Returns the root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Returns the folder for tools that are installed once and never committed.
pub(crate) fn tools() -> PathBuf {
    root().join(".tools")
}

/// Returns a command for the cargo that runs us, at the root.
pub(crate) fn cargo() -> Command {
    #[expect(clippy::disallowed_methods, reason = "cargo names itself to its children in this variable")]
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    command(program)
}

/// Returns a command that starts at the root.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Runs a command with our own streams; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("could not start {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs a command and returns what it wrote on stdout; its stderr is shown only when it fails.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("could not start {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}\n{}", shown(command), output.status, String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} did not write UTF-8", shown(command)))
}

/// Runs a command that must end within `limit`; past it the program is killed and the call is an error.
pub(crate) fn read_within(command: &mut Command, limit: Duration) -> Result<String> {
    let name = shown(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start {name}"))?;
    let (said, heard) = mpsc::channel();
    let errors = drain(child.stderr.take());
    let mut stdout = child.stdout.take().context("stdout was not piped")?;
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text).map(|_| text);
        drop(said.send(read));
    });
    let Ok(read) = heard.recv_timeout(limit) else {
        end(&mut child);
        bail!("{name} did not end within {} s", limit.as_secs());
    };
    let status = child.wait().with_context(|| format!("could not wait for {name}"))?;
    if !status.success() {
        bail!("{name} ended with {status}\n{}", errors.join().unwrap_or_default());
    }
    read.with_context(|| format!("{name} did not write UTF-8"))
}

/// Reads a stream to its end on a thread, so that its writer never waits for us.
pub(crate) fn drain(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // Output from before a broken pipe is still worth showing.
            drop(stream.read_to_end(&mut bytes));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Ends a child and takes its exit status, whether or not it had already gone.
pub(crate) fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}

/// The meaning of a text on a terminal.
#[derive(Clone, Copy)]
pub(crate) enum Paint {
    Good,
    Bad,
    Note,
}

/// Colours a text when both streams are a terminal, and returns it unchanged otherwise.
pub(crate) fn paint(paint: Paint, text: &str) -> String {
    if !(std::io::stdout().is_terminal() && std::io::stderr().is_terminal()) {
        return text.to_owned();
    }
    let code = match paint {
        Paint::Good => 32,
        Paint::Bad => 31,
        Paint::Note => 33,
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

fn shown(command: &Command) -> String {
    let mut words = vec![
        Path::new(command.get_program())
            .file_name()
            .unwrap_or_else(|| command.get_program())
            .to_string_lossy()
            .into_owned(),
    ];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    format!("`{}`", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_past_its_limit_is_ended() {
        let error = read_within(command("sleep").arg("600"), Duration::ZERO).unwrap_err();
        assert_eq!(error.to_string(), "`sleep 600` did not end within 0 s");
    }

    #[test]
    fn a_failing_program_is_quoted() {
        let error = read_within(command("sh").args(["-c", "echo why >&2; exit 3"]), Duration::from_secs(60));
        assert_eq!(
            error.unwrap_err().to_string(),
            "`sh -c echo why >&2; exit 3` ended with exit status: 3\nwhy\n"
        );
    }
}
