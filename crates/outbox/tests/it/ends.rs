//! How a program ends, in processes of their own.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::SystemTime,
};

use watchfire_outbox::SinkExt;

/// Returns the example program beside this test binary; `cargo test` builds both.
pub(crate) fn program(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.set_file_name("examples");
    let program = path.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        is_fresh(&program),
        "{} is missing, or older than what it is made of: `cargo test --test it` does not build it, \
         `cargo build -p watchfire-outbox --examples` does",
        program.display()
    );
    program
}

/// Tells whether a program was built after the last change of its sources: else a test tells of what was once.
fn is_fresh(program: &Path) -> bool {
    fn latest(folder: &Path) -> SystemTime {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let times = entries.map(|path| match path.is_dir() {
            true => latest(&path),
            false => path.metadata().unwrap().modified().unwrap(),
        });
        times.max().unwrap_or(SystemTime::UNIX_EPOCH)
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = ["src", "examples", "../core/src"].map(|folder| latest(&here.join(folder)));
    let built = program.metadata().and_then(|about| about.modified());
    built.is_ok_and(|built| sources.iter().all(|changed| *changed <= built))
}

fn run(way: &str, file: &Path, spool: Option<&Path>) -> Output {
    Command::new(program("ends")).arg(way).arg(file).args(spool).output().unwrap()
}

pub(crate) fn lines(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn every_end_but_abort_drains_what_waits() {
    // (way, lines, exit status)
    let cases: [(&str, &[&str], i32); 6] = [
        ("return", &["before the return"], 0),
        ("no-hook", &["before the return"], 0),
        ("exit", &["before the exit"], 3),
        ("exit-forgotten", &["before the exit"], 3),
        ("early-drop", &["after the drop"], 0),
        ("panic-main", &["before the panic", "in main"], 101),
    ];
    let folder = tempfile::tempdir().unwrap();
    for with_spool in [false, true] {
        for (way, expected, status) in cases {
            let file = folder.path().join(format!("{way}-{with_spool}"));
            let spool = folder.path().join(format!("{way}-spool"));
            let output = run(way, &file, with_spool.then_some(spool.as_path()));
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(status), "{way}: {errors}");
            let mut found = lines(&file);
            found.sort_unstable();
            assert_eq!(found, expected, "{way}, spool: {with_spool}: {errors}");
        }
    }
}

#[test]
fn each_panic_is_reported_once_or_counted() {
    // (way, the first line, whether a second process has to tell it)
    let cases = [
        ("panic-abort", "before the abort", true),
        ("panic-abort-slow", "before the abort", true),
        ("panic-thread", "in a thread", false),
        ("panic-task", "in a task", false),
        ("panic-drop", "in drop", false),
        ("panic-locked", "with a lock", false),
        ("panic-hook-logs", "with a hook that logs", false),
        ("panic-caught-and-logged", "caught and logged", false),
        ("panic-cannot-unwind", "in extern C", true),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (way, message, dies) in cases {
        let (file, spool) = (folder.path().join(way), folder.path().join(format!("{way}-spool")));
        let output = run(way, &file, Some(&spool));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), !dies, "{way}: {errors}");
        let is_printed = errors.contains("panicked at") || way == "panic-hook-logs";
        assert!(is_printed, "{way}: the hook that was there is called too: {errors}");
        if dies {
            assert_eq!(lines(&file), [""; 0], "{way}: {errors}");
            assert!(run("drain", &file, Some(&spool)).status.success());
        }
        let found = lines(&file);
        assert_eq!(found.len(), 1, "{way}: {found:?} {errors}");
        assert!(found[0].starts_with(message), "{way}: {found:?}");
        assert_eq!(found[0].contains("died"), dies, "{way}: {found:?}");
    }
}

#[test]
fn a_panic_that_aborts_is_on_the_disk() {
    let target = program("ends");
    let target = target.ancestors().nth(3).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["rustc", "--quiet", "--offline", "--package", "watchfire-outbox"]);
    cargo.args(["--features", "sim", "--example", "aborts", "--target-dir"]).arg(target);
    let built =
        cargo.args(["--", "-C", "panic=abort"]).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let aborts = target.join("debug/examples/aborts").with_extension(std::env::consts::EXE_EXTENSION);

    let folder = tempfile::tempdir().unwrap();
    let (file, spool) = (folder.path().join("lines"), folder.path().join("spool"));
    let output = Command::new(&aborts).arg("panic-task").arg(&file).arg(&spool).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it does not survive what others catch: {errors}");
    assert!(errors.contains("panicked at"), "the hook that was there is called too: {errors}");
    assert_eq!(lines(&file), [""; 0], "{errors}");
    assert!(run("drain", &file, Some(&spool)).status.success());
    let found = lines(&file);
    assert_eq!(found.len(), 1, "{found:?} {errors}");
    assert!(found[0].starts_with("in a task") && found[0].contains("died"), "{found:?}");
}

#[test]
fn a_process_that_shares_the_spool_says_that_another_one_died() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let told = crate::sinks::Told::new();
    let sibling = watchfire_outbox::Outbox::builder("sibling")
        .spool(&spool)
        .self_log(watchfire_core::SelfLog::to(|_| ()))
        .start()
        .unwrap();
    let _channel = told.clone().channel().handler(&sibling).unwrap();
    let dead = run("panic-abort", &folder.path().join("lines"), Some(&spool));
    assert!(!dead.status.success());
    assert!(sibling.flush(std::time::Duration::from_secs(20)).is_complete);
    assert_eq!(told.titles(), ["panicked: before the abort"]);
    let page = &told.pages()[0];
    assert!(page.contains("The process ") && page.contains(" died "), "{page}");
}

#[test]
fn a_panic_in_a_formatter_is_caught_and_no_news() {
    let folder = tempfile::tempdir().unwrap();
    let (file, spool) = (folder.path().join("inside"), folder.path().join("spool"));
    let output = run("panic-inside", &file, Some(&spool));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(lines(&file), ["with a bad formatter"]);
}

#[test]
fn a_thousand_panics_at_one_place_are_three_and_a_count() {
    let folder = tempfile::tempdir().unwrap();
    let (file, spool) = (folder.path().join("often"), folder.path().join("spool"));
    let output = run("panic-often", &file, Some(&spool));
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1000 heard, 997 counted\n");
    let found = lines(&file);
    assert!((3..20).contains(&found.len()), "{found:?}");
}

#[test]
fn what_could_not_be_delivered_is_delivered_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    assert_eq!(run("panic-main", &folder.path().join("down"), Some(&spool)).status.code(), Some(101));
    let file = folder.path().join("up");
    assert!(run("drain", &file, Some(&spool)).status.success());
    let mut found = lines(&file);
    found.sort_unstable();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("before the panic") && found[1].starts_with("in main"), "{found:?}");
}

#[test]
fn the_panic_hook_is_chained_once_and_ends_with_its_outbox() {
    let folder = tempfile::tempdir().unwrap();
    for spool in [None, Some(folder.path().join("spool"))] {
        let file = folder.path().join(format!("chain-{}", spool.is_some()));
        let output = run("panic-chain", &file, spool.as_deref());
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let hooks = "the first hook\na later hook\n";
        assert_eq!(out, format!("{hooks}heard 1 of 1\n{hooks}flushed: true, panicked: true\n"));
        let found = lines(&file);
        assert_eq!(found.len(), 1, "once, and not after the end: {found:?}");
        assert!(found[0].starts_with("with an outbox"), "{found:?}");
    }
}

#[test]
#[cfg(all(unix, feature = "signals"))]
fn a_signal_flushes_and_leaves_the_rest_in_the_spool() {
    use std::os::unix::process::ExitStatusExt;
    let folder = tempfile::tempdir().unwrap();
    // (signal, its number)
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        for is_up in [true, false] {
            let up = folder.path().join(name);
            let spool = folder.path().join(format!("spool-{name}-{is_up}"));
            let mut child = Command::new(program("ends"))
                .arg("terminate")
                .arg(if is_up { up.clone() } else { folder.path().join("down") })
                .arg(&spool)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            assert_eq!(line, "ready\n");
            let sent = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status();
            assert!(sent.unwrap().success());
            assert_eq!(child.wait().unwrap().signal(), Some(number), "as without us");
            let left = std::fs::read_dir(spool.join("new")).unwrap().count();
            assert_eq!(left, usize::from(!is_up), "given back, for the next start: {name}");
            if is_up {
                assert_eq!(lines(&up), ["before the signal"], "{name}");
            }
        }
    }
}

#[test]
#[cfg(unix)]
fn a_forked_child_delivers_nothing_of_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let (file, spool) = (folder.path().join("lines"), folder.path().join("spool"));
    let parent = Command::new(program("forks"))
        .args([&file, &spool])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let id = parent.id();
    let output = parent.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors.matches("forked after its outbox was started").count(), 1, "{errors}");
    assert!(!errors.contains("when the program ended"), "what waits is not the child's: {errors}");
    let (mut parents, mut childs): (Vec<_>, Vec<_>) =
        lines(&file).into_iter().partition(|line| line.starts_with(&format!("{id}: ")));
    // Whoever looks into the spool first sends it.
    let is_last_word = |line: &String| line.ends_with(": the child's last word");
    assert_eq!(parents.iter().chain(&childs).filter(|line| is_last_word(line)).count(), 1, "{errors}");
    parents.retain(|line| !is_last_word(line));
    childs.retain(|line| !is_last_word(line));
    parents.sort_unstable();
    let own = |title: &str| format!("{id}: the parent's, in the {title}");
    assert_eq!(parents, [own("queue"), own("spool")], "{errors}");
    childs.retain(|line| !line.ends_with(": the child's own"));
    assert_eq!(childs, [""; 0], "{errors}");
    for place in ["new", "dead", "damaged"] {
        assert_eq!(std::fs::read_dir(spool.join(place)).unwrap().count(), 0, "{place}");
    }
    for place in ["tmp", "cur"] {
        assert_eq!(of_hosts(&spool, place).len(), 0, "{place}");
    }
}

#[test]
#[cfg(unix)]
fn a_forked_child_survives_the_panics_of_its_threads() {
    let folder = tempfile::tempdir().unwrap();
    let (file, spool) = (folder.path().join("lines"), folder.path().join("spool"));
    let output = Command::new(program("forks")).args([&file, &spool]).arg("panic").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The law that matters most: what was reported as spooled arrives, whenever the process is killed.
#[test]
fn what_is_in_the_spool_survives_kill_9() {
    #[expect(clippy::disallowed_methods, reason = "how long a test goes on is the environment's to say")]
    let times: u64 = std::env::var("TEST_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let (mut spooled_in_all, mut marked_in_all) = (0, 0);
    for time in 0..times {
        let folder = tempfile::tempdir().unwrap();
        let (file, spool) = (folder.path().join("lines"), folder.path().join("spool"));
        let mut child = Command::new(program("ends"))
            .args(["flood".as_ref(), file.as_os_str(), spool.as_os_str()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Not a time but a count: another moment of its life at each time, on any machine.
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut spooled = 0_u64;
        let mut line = String::new();
        while spooled < 3 + time % 20 * 7 && out.read_line(&mut line).unwrap() > 0 {
            spooled = line.trim().parse().unwrap_or(spooled);
            line.clear();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        let reported =
            rest.lines().chain([spooled.to_string().as_str()]).filter_map(|n| n.parse().ok()).max();
        let reported: u64 = reported.unwrap_or(spooled);

        let drained = run("drain", &file, Some(&spool));
        assert!(drained.status.success(), "{}", String::from_utf8_lossy(&drained.stderr));
        let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for line in lines(&file) {
            let marked = line.contains("(possible duplicate)");
            let title = line.trim_end_matches(" (possible duplicate)").to_owned();
            let count = counts.entry(title).or_default();
            if marked { count.1 += 1 } else { count.0 += 1 }
        }
        for i in 0..reported {
            let (plain, marked) = counts.get(&format!("alert {i}.")).copied().unwrap_or_default();
            let left = || std::fs::read_dir(spool.join("new")).unwrap().count();
            assert!(
                plain + marked > 0,
                "time {time}: alert {i} of {reported} is lost; {} files left",
                left()
            );
        }
        for (title, (plain, marked)) in counts {
            assert!(
                plain <= 1,
                "time {time}: `{title}` came {plain} times unmarked and {marked} times marked"
            );
            marked_in_all += marked;
        }
        spooled_in_all += reported;
    }
    println!(
        "{times} kills: {spooled_in_all} reported as spooled, none lost, {marked_in_all} marked duplicates"
    );
}

/// Returns the files that the hosts have in their folders of this name.
pub(crate) fn of_hosts(spool: &Path, folder: &str) -> Vec<PathBuf> {
    let hosts = std::fs::read_dir(spool.join("hosts")).unwrap();
    let files = hosts.flat_map(|host| std::fs::read_dir(host.unwrap().path().join(folder)).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}
