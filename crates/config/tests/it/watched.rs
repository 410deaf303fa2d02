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

use tracing_subscriber::prelude::*;
use watchfire_config::{Components, Config, Options};
use watchfire_core::{EventView, Handler, clock};

const CHILD: &str = "WATCHFIRE_WATCHED_CHILD";
const WAY: &str = "WATCHFIRE_WATCHED_WAY";
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
    let components = Components::new()
        .handler("says", |options: &Options| Ok(Says(options.text("tag").unwrap_or("?").to_owned())));
    let way = std::env::var(WAY).unwrap_or_default();
    let setup = match way.as_str() {
        "init" | "layers" => watchfire_config::setup("x").file(path),
        _ => {
            let mut config = Config::read(path).unwrap();
            if way == "changed" {
                config.set(["handlers", "a", "tag"], "code");
            }
            config.service("x")
        }
    };
    let setup = setup.components(components).rust_log("");
    let handle = if way == "init" {
        setup.init().unwrap()
    } else {
        let (layer, handle) = setup.layers().unwrap();
        tracing_subscriber::registry().with(layer).init();
        handle
    };
    println!("ready");
    for line in std::io::stdin().lines().map_while(Result::ok) {
        match line.as_str() {
            "reload" => println!("{}", if handle.reload().is_ok() { "reloaded" } else { "refused" }),
            "change" => handle.change(|config| config.set(["handlers", "a", "tag"], "code")).unwrap(),
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
        Self::start_by("init", path)
    }

    /// Starts it: its layer is set up by `init()` or by `layers()`; `read` and `changed` give it a `Config`.
    fn start_by(way: &str, path: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "watched::the_program", "--nocapture"])
            .env(CHILD, path)
            .env(WAY, way)
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
fn a_file_is_read_anew_when_written_or_replaced() {
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
fn sighup_and_reload_read_an_unchanged_file_anew() {
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
fn a_broken_file_is_named_and_the_old_configuration_stays() {
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

#[test]
fn layers_follow_the_file_the_hangup_and_the_call() {
    for way in ["layers", "read"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watchfire.toml");
        fs::write(&path, config("\"one\"")).unwrap();
        let mut program = Program::start_by(way, &path);
        program.comes_to("one", "one");
        fs::write(&path, config("\"two\"")).unwrap();
        program.comes_to("one", "two");
        // Too soon for the look at the file.
        fs::write(&path, config("\"six\"")).unwrap();
        assert_eq!(program.ask("reload"), ["reloaded"], "{way}");
        assert_eq!(program.ask("emit"), ["heard by six"], "{way}");
        let secret = folder.path().join("tag");
        let by_file = format!("{{ file = \"{}\" }}", secret.display());
        fs::write(&secret, "eight").unwrap();
        fs::write(&path, config(&by_file)).unwrap();
        program.comes_to("six", "eight");
        // The file stays as it is, and only a hangup reads the secret again.
        fs::write(&secret, "nine").unwrap();
        program.hang_up();
        program.comes_to("eight", "nine");
        assert_eq!(program.end(), "", "{way}");
    }
}

#[test]
fn what_code_has_changed_stays_until_a_call() {
    let reads = "`reload()` reads";
    for way in ["changed", "init"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watchfire.toml");
        fs::write(&path, config("\"one\"")).unwrap();
        let mut program = Program::start_by(way, &path);
        if way == "init" {
            assert_eq!(program.ask("change"), [""; 0]);
        }
        program.comes_to("code", "code");
        fs::write(&path, config("\"two\"")).unwrap();
        assert!(program.hear(reads).contains("has changed and is not read"), "{way}");
        assert_eq!(program.ask("emit"), ["heard by code"], "{way}");
        program.hang_up();
        assert!(program.hear(reads).contains("SIGHUP does not read the file"), "{way}");
        assert_eq!(program.ask("emit"), ["heard by code"], "{way}");
        assert_eq!(program.ask("reload"), ["reloaded"], "{way}");
        assert_eq!(program.ask("emit"), ["heard by two"], "{way}");
        // Nothing is left of the change: the file is followed again.
        fs::write(&path, config("\"six\"")).unwrap();
        program.comes_to("two", "six");
        assert_eq!(program.end(), "", "{way}");
    }
}

#[test]
fn an_empty_or_cut_file_keeps_the_old_configuration() {
    let half = "[handlers.a]\ntype = \"says\"\ntag = \"two\"\n[root]\nlevel = \"info\"\n";
    let names_none = "names a handler: nothing would be logged any more";
    // (what takes its place, what is said)
    let cases = [
        ("", names_none),
        ("# soon\n", names_none),
        (half, names_none),
        ("fifo", "is not a regular file"),
        ("folder", "is not a regular file"),
    ];
    for (new, said) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watchfire.toml");
        fs::write(&path, config("\"one\"")).unwrap();
        let mut program = Program::start_by("layers", &path);
        match new {
            "fifo" => {
                fs::remove_file(&path).unwrap();
                assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
            }
            "folder" => {
                fs::remove_file(&path).unwrap();
                fs::create_dir(&path).unwrap();
            }
            text => fs::write(&path, text).unwrap(),
        }
        let heard = program.hear(said);
        assert!(heard.contains("the old configuration stays in force"), "{new:?}: {heard}");
        assert_eq!(program.ask("reload"), ["refused"], "{new:?}");
        program.hang_up();
        program.hear("the old configuration stays in force");
        assert_eq!(program.ask("emit"), ["heard by one"], "{new:?}");
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        fs::write(&path, config("\"two\"")).unwrap();
        program.comes_to("one", "two");
        program.end();
    }
}
