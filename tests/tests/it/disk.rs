//! A spool whose disk is full or cannot be written to: a small file system in memory, in a mount namespace of its own.
//!
//! Where neither may be had, the size of files is limited instead, and that is said.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use watchfire::{HealthStatus, Outbox};
use watchfire_inbox::{Fault, Inbox, Provider};

use crate::{
    scenario::{NAME, PATIENCE, is_child},
    shop::{Doors, Shop, assert_once, brisk, inbox},
};

const FOLDER: &str = "WATCHFIRE_TEST_FOLDER";
const LIMITED: &str = "WATCHFIRE_TEST_LIMITED";
const BEFORE: &str = "the payment was declined";
const DURING: &str = "the ledger is out of balance";
const MUCH_LATER: &str = "the stock is negative";
const AFTER: &str = "no courier took the parcel";

/// Runs `test` again in a process that may mount, after the shell has done `setup` in it; `None` if nobody may.
fn in_namespace(test: &str, setup: &str) -> Option<Output> {
    let folder = tempfile::tempdir().unwrap();
    let unshare = |flags: &str, script: &str| {
        Command::new("unshare")
            .args([flags, "sh", "-c", script])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(NAME, test)
            .env(FOLDER, folder.path())
            .output()
    };
    // As root, or as root of a user namespace of one's own.
    let flags = ["-m", "-Urm"].into_iter().find(|flags| {
        unshare(flags, &format!("mount -t tmpfs tmpfs \"${FOLDER}\""))
            .is_ok_and(|tried| tried.status.success())
    });
    let Some(flags) = flags else {
        // The test harness would capture `eprintln!`.
        let line =
            format!("NOT AS IT SHOULD BE: {test} cannot mount a file system here, and does with less\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    Some(unshare(flags, &format!("{setup} && exec \"$0\" \"$@\"")).unwrap())
}

/// Runs `test` again without a mount: a file that would grow too large is an error then, and no signal.
fn without_mount(test: &str, folder: &Path) -> Output {
    Command::new("sh")
        .args(["-c", "trap '' XFSZ && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .envs([(NAME, test), (LIMITED, "yes")])
        .env(FOLDER, folder)
        .output()
        .unwrap()
}

fn assert_success(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "the child has run the test");
}

fn folder() -> PathBuf {
    std::env::var_os(FOLDER).unwrap().into()
}

#[test]
fn a_full_disk_keeps_alerts_in_memory_and_spools_them_later() {
    const TEST: &str = "disk::a_full_disk_keeps_alerts_in_memory_and_spools_them_later";
    if is_child(TEST) {
        return fill_up_and_make_room();
    }
    if let Some(output) = in_namespace(TEST, &format!("mount -t tmpfs -o size=256k tmpfs \"${FOLDER}\"")) {
        assert_success(&output);
    }
    // The same without a mount: a file that would grow is refused.
    let folder = tempfile::tempdir().unwrap();
    assert_success(&without_mount(TEST, folder.path()));
}

fn fill_up_and_make_room() {
    let disk = if std::env::var_os(LIMITED).is_some() {
        DiskLimit::Limit
    } else {
        DiskLimit::Filler(folder().join("filler"))
    };
    let inbox = inbox(0, 0);
    inbox
        .fail(Provider::SlackWebhook, Fault::Status { status: 503, body: None, headers: Vec::new() }.always())
        .unwrap();
    let mut shop = shop(&inbox);
    shop.log(&[BEFORE]);
    shop.until("it is spooled", |stats| stats.channels.iter().all(|channel| channel.spooled == 1));
    shop.until("the mail is out", |stats| stats.channels[1].delivered == 1);
    let knows = |shop: &Shop| shop.outbox.health().reasons.iter().any(|reason| reason.contains("in memory"));
    assert!(!knows(&shop));

    disk.take();
    shop.log(&[&long(DURING)]);
    // Alerts are still delivered: that needs no disk.
    assert_once(&inbox, Provider::Smtp, &[BEFORE, DURING]);
    shop.until("both wait for Slack", |stats| {
        stats.channels[0].notifications == 2 && stats.channels[1].delivered == 2
    });
    assert_eq!(shop.stats("slack").spooled, 1);
    shop.until("one of two is in the spool", |_| {
        let report = shop.outbox.flush(Duration::ZERO);
        (report.pending, report.spooled) == (2, 1)
    });
    assert!(
        shop.said().contains("a message is kept in memory only, the spool cannot take it"),
        "{}",
        shop.said()
    );
    assert!(knows(&shop), "{:?}", shop.outbox.health());
    assert!(shop.outbox.health().status >= HealthStatus::Degraded);
    // Said once, not at every attempt.
    assert!(shop.said().matches("kept in memory").count() <= 2, "{}", shop.said());

    disk.give_back();
    until_spooled(&shop, 2);
    assert!(shop.said().contains("the spool works again"), "{}", shop.said());
    shop.log(&[AFTER]);
    until_spooled(&shop, 3);
    inbox.heal(Provider::SlackWebhook);
    assert_eq!(shop.outbox.flush(PATIENCE).pending, 0);
    for provider in [Provider::SlackWebhook, Provider::Smtp] {
        assert_once(&inbox, provider, &[BEFORE, DURING, AFTER]);
    }
    assert_eq!(shop.outbox.health().status, HealthStatus::Ok, "{:?}", shop.outbox.health());

    // Nothing is queued; free space is noticed all the same.
    disk.take();
    shop.log(&[&long(MUCH_LATER)]);
    assert_once(&inbox, Provider::SlackWebhook, &[BEFORE, DURING, AFTER, MUCH_LATER]);
    shop.until("the operator is told", |_| knows(&shop));
    assert_eq!(shop.outbox.flush(PATIENCE).pending, 0);
    disk.give_back();
    shop.until("all is well", |_| shop.outbox.health().status == HealthStatus::Ok);
    let spool = folder().join("spool");
    let host = fs::read_dir(spool.join("hosts")).unwrap().next().unwrap().unwrap().path();
    let places = ["new", "damaged", "dead"].map(|name| spool.join(name));
    for place in places.into_iter().chain(["tmp", "cur"].map(|name| host.join(name))) {
        let left: Vec<_> = fs::read_dir(&place).unwrap().collect();
        assert!(left.is_empty(), "{}: {left:?}", place.display());
    }
}

#[test]
fn an_unwritable_folder_starts_in_memory_and_spools_later() {
    const TEST: &str = "disk::an_unwritable_folder_starts_in_memory_and_spools_later";
    if is_child(TEST) {
        return start_read_only();
    }
    // A spool that was there before, and none yet.
    let setups = ["mkdir -p $FOLDER/spool", "true"];
    for setup in setups {
        let mounts = format!(
            "mount -t tmpfs tmpfs \"${FOLDER}\" && {} && mount -o remount,bind,ro \"${FOLDER}\"",
            setup.replace("$FOLDER", &format!("${FOLDER}"))
        );
        if let Some(output) = in_namespace(TEST, &mounts) {
            assert_success(&output);
        }
    }
    // The same without a mount: what should be a folder's parent is a file.
    let folder = tempfile::tempdir().unwrap();
    assert_success(&without_mount(TEST, &folder.path().join("file")));
}

fn start_read_only() {
    let limited = std::env::var_os(LIMITED).is_some();
    if limited {
        fs::write(folder(), "in the way").unwrap();
    }
    let inbox = inbox(0, 0);
    inbox
        .fail(Provider::SlackWebhook, Fault::Status { status: 503, body: None, headers: Vec::new() }.always())
        .unwrap();
    let mut shop = shop(&inbox);
    shop.log(&[BEFORE]);
    assert_once(&inbox, Provider::Smtp, &[BEFORE]);
    shop.until("it waits for Slack", |stats| stats.channels[0].notifications == 1);
    assert_eq!((shop.stats("slack").spooled, shop.stats("email").spooled), (0, 0));
    assert!(shop.said().contains("in memory"), "{}", shop.said());
    let health = shop.outbox.health();
    assert!(health.reasons.iter().any(|reason| reason.contains("in memory")), "{health:?}");

    if limited {
        fs::remove_file(folder()).unwrap();
    } else {
        let remount = Command::new("mount").args(["-o", "remount,bind,rw"]).arg(folder()).status();
        assert!(remount.unwrap().success());
    }
    until_spooled(&shop, 1);
    assert!(shop.said().contains("the spool works again"), "{}", shop.said());
    inbox.heal(Provider::SlackWebhook);
    assert_eq!(shop.outbox.flush(PATIENCE).pending, 0);
    assert_once(&inbox, Provider::SlackWebhook, &[BEFORE]);
    assert_eq!(shop.outbox.health().status, HealthStatus::Ok, "{:?}", shop.outbox.health());
}

/// A program with Slack and mail, and a spool in the folder.
fn shop(inbox: &Inbox) -> Shop {
    let doors = Doors::of(inbox);
    Shop::open(Outbox::builder("shop").spool(folder().join("spool")))
        .channel("slack", doors.slack(), brisk)
        .channel("email", doors.email(), brisk)
}

fn until_spooled(shop: &Shop, count: u64) {
    shop.until("all that waits is in the spool", |_| shop.outbox.flush(Duration::ZERO).spooled == count);
}

/// Makes a text so long that the page of a small file which is removed meanwhile has no room for it.
fn long(text: &str) -> String {
    format!("{text}{}", ", and so on".repeat(2_000))
}

/// Takes the room away, and gives it back.
enum DiskLimit {
    Filler(PathBuf),
    Limit,
}

impl DiskLimit {
    fn take(&self) {
        match self {
            Self::Filler(path) => {
                let mut file = File::create(path).unwrap();
                let error = loop {
                    if let Err(error) = file.write_all(&[b'x'; 1024]) {
                        break error;
                    }
                };
                assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
            }
            Self::Limit => limit("0"),
        }
    }

    fn give_back(&self) {
        match self {
            Self::Filler(path) => fs::remove_file(path).unwrap(),
            Self::Limit => limit("unlimited"),
        }
    }
}

/// Limits the size of the files that this process writes.
fn limit(bytes: &str) {
    let own = std::process::id().to_string();
    let soft = format!("--fsize={bytes}:");
    assert!(Command::new("prlimit").args([soft.as_str(), "--pid", &own]).status().unwrap().success());
}
