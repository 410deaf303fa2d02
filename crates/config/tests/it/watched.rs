//! A program that runs, its file, and its signals: each way to change the one is followed by the other.

#![cfg(unix)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use watchfire_config::{Options, Parts};
use watchfire_core::{EventView, Handler, clock};

const CHILD: &str = "WATCHFIRE_WATCHED_CHILD";
const PATIENCE: Duration = Duration::from_secs(30);

/// Writes its tag for each event that it hears.
struct Says(String);

impl Handler for Says {
    #[expect(clippy::print_stdout, reason = "the other end of the pipe listens")]
    fn handle(&self, _event: &EventView<'_>) {
        println!("heard by {}", self.0);
    }
}

/// The program: an event, or a reload, for each line that it is sent, and a line when that is done.
#[test]
#[expect(clippy::disallowed_methods, reason = "tells the child apart")]
fn the_program() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let parts = Parts::new()
        .handler("says", |options: &Options| Ok(Says(options.text("tag").unwrap_or("?").to_owned())));
    let handle = watchfire_config::setup("x").file(path).parts(parts).rust_log("").init().unwrap();
    println!("ready");
    for line in std::io::stdin().lines().map_while(Result::ok) {
        match line.as_str() {
            "reload" => println!("{}", if handle.reload().is_ok() { "reloaded" } else { "refused" }),
            _ => tracing::info!(target: "shop", "one"),
        }
        println!("done");
    }
}

struct Program {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    errors: BufReader<ChildStderr>,
}

impl Program {
    fn start(path: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "watched::the_program", "--nocapture"])
            .env(CHILD, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let errors = BufReader::new(child.stderr.take().unwrap());
        let mut program = Self { child, to, from, errors };
        program.read_until("ready");
        program
    }

    fn read_until(&mut self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "the program has ended: {lines:?}");
            match line.trim() {
                line if line == last => return lines,
                line => lines.push(line.to_owned()),
            }
        }
    }

    fn ask(&mut self, line: &str) -> Vec<String> {
        writeln!(self.to, "{line}").unwrap();
        self.read_until("done")
    }

    /// Emits events until they are heard by `tag`; before that, they are heard by `before` and no event is lost.
    fn comes_to(&mut self, before: &str, tag: &str) {
        let (before, tag) = (format!("heard by {before}"), format!("heard by {tag}"));
        let by = clock::instant() + PATIENCE;
        loop {
            let heard = self.ask("emit");
            if heard == [tag.as_str()] {
                return;
            }
            assert_eq!(heard, [before.as_str()]);
            assert!(clock::instant() < by, "{tag} never was");
        }
    }

    fn hang_up(&self) {
        let sent = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until the program has said this on stderr, and returns what it has said up to there.
    fn hear(&mut self, words: &str) -> String {
        let mut said = String::new();
        while !said.contains(words) {
            assert!(self.errors.read_line(&mut said).unwrap() > 0, "the program has ended: {said}");
        }
        said
    }

    /// Ends the program, and returns what it has said on stderr.
    fn end(mut self) -> String {
        drop(self.to);
        let mut said = String::new();
        self.errors.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        said
    }
}

fn config(tag: &str) -> String {
    format!("[handlers.a]\ntype = \"says\"\ntag = {tag}\n[root]\nlevel = \"info\"\nhandlers = [\"a\"]\n")
}

/// Puts a file in the place of another, as editors and package managers do. It may be as long and as old as that.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    fs::File::options().write(true).open(&new).unwrap().set_modified(modified).unwrap();
    fs::rename(new, path).unwrap();
}

#[test]
fn a_file_is_read_anew_when_it_is_written_and_when_another_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("watchfire.toml");
    fs::write(&path, config("\"one\"")).unwrap();
    let mut program = Program::start(&path);
    program.comes_to("one", "one");
    fs::write(&path, config("\"two\"")).unwrap();
    program.comes_to("one", "two");
    replace(&path, &config("\"six\""));
    program.comes_to("two", "six");
    // One that is taken away and comes back.
    fs::remove_file(&path).unwrap();
    assert_eq!(program.ask("emit"), ["heard by six"]);
    fs::write(&path, config("\"ten\"")).unwrap();
    program.comes_to("six", "ten");
    assert_eq!(program.end(), "");
}

#[test]
fn a_mounted_config_map_is_followed_through_its_links() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let version = |name: &str, tag: &str| {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("watchfire.toml"), config(tag)).unwrap();
    };
    version("..2026_01", "\"one\"");
    symlink("..2026_01", at("..data")).unwrap();
    symlink("..data/watchfire.toml", at("watchfire.toml")).unwrap();
    let mut program = Program::start(&at("watchfire.toml"));
    program.comes_to("one", "one");
    // As the kubelet does: a new folder, a new link to it, put in the place of the old link at one stroke.
    version("..2026_02", "\"two\"");
    symlink("..2026_02", at("..data_tmp")).unwrap();
    fs::rename(at("..data_tmp"), at("..data")).unwrap();
    fs::remove_dir_all(at("..2026_01")).unwrap();
    program.comes_to("one", "two");
    assert_eq!(program.end(), "");
}

#[test]
fn a_hangup_and_a_call_read_everything_anew_although_the_file_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (path, secret) = (folder.path().join("watchfire.toml"), folder.path().join("tag"));
    let write = |tag: &str| fs::write(&secret, tag).unwrap();
    write("one");
    fs::write(&path, config(&format!("{{ file = \"{}\" }}", secret.display()))).unwrap();
    let mut program = Program::start(&path);
    write("two");
    assert_eq!(program.ask("emit"), ["heard by one"]);
    program.hang_up();
    program.comes_to("one", "two");
    write("six");
    assert_eq!(program.ask("reload"), ["reloaded"]);
    assert_eq!(program.ask("emit"), ["heard by six"]);
    assert_eq!(program.end(), "");
}

#[test]
fn a_broken_file_leaves_the_old_configuration_in_force_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("watchfire.toml");
    fs::write(&path, config("\"one\"")).unwrap();
    let mut program = Program::start(&path);
    fs::write(&path, config("\"two\"").replace("level", "lvel")).unwrap();
    assert_eq!(program.ask("reload"), ["refused"]);
    let by_change = program.hear("root.lvel");
    assert!(by_change.contains("the old configuration stays in force:"), "{by_change}");
    assert!(by_change.contains("watchfire.toml:5:1: root.lvel: is unknown"), "{by_change}");
    assert_eq!(program.ask("emit"), ["heard by one"]);
    program.hang_up();
    program.hear("root.lvel");
    assert_eq!(program.ask("emit"), ["heard by one"]);
    fs::write(&path, config("\"two\"")).unwrap();
    program.comes_to("one", "two");
    program.end();
}
