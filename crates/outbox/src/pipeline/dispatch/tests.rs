//! The state of messages and counts over deaths of processes and hosts.

use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
    time::Duration,
};

use watchfire_core::{App, Severity};

use super::*;
use crate::{
    DeliveryPolicy, GroupSummary, NotificationPolicy, Outcome, Rate,
    model::FailOver,
    pipeline::channel_state::Settings,
    sink::paper::Paper,
    spool::{Disk, Owner, StateKind},
};

/// A disk that can be full.
#[derive(Clone)]
struct Tight {
    disk: Disk,
    full: Rc<Cell<bool>>,
    /// It finds out that it is full when a file is forced to it.
    is_late: Rc<Cell<bool>>,
    /// The changes of names, and what was forced to the disk, in their order.
    log: Rc<RefCell<Vec<String>>>,
}

impl Files for Tight {
    type Unforced = std::fs::File;

    fn create(&self, path: &str, bytes: &[u8]) -> io::Result<Self::Unforced> {
        if self.full.get() { Err(io::ErrorKind::StorageFull.into()) } else { self.disk.create(path, bytes) }
    }

    fn open(&self, path: &str) -> io::Result<Self::Unforced> {
        self.disk.open(path)
    }

    fn force(&self, file: &Self::Unforced) -> io::Result<()> {
        if self.is_late.get() { Err(io::ErrorKind::StorageFull.into()) } else { self.disk.force(file) }
    }

    fn home(&self) -> &str {
        self.disk.home()
    }

    fn note(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.disk.note(path, bytes)
    }

    fn remove_home(&self, home: &str) {
        self.disk.remove_home(home);
    }

    fn exclusively<T>(&self, lock: &str, work: impl FnOnce() -> T) -> Option<T> {
        self.disk.exclusively(lock, work)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        if self.full.get() { Err(io::ErrorKind::StorageFull.into()) } else { self.disk.write(path, bytes) }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.log.borrow_mut().push(format!("{from} becomes {to}"));
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.log.borrow_mut().push(format!("{path} is removed"));
        self.disk.remove(path)
    }

    fn sync(&self, folder: &str) -> io::Result<()> {
        self.log.borrow_mut().push(format!("{folder} is forced"));
        self.disk.sync(folder)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn read(&self, path: &str, most: u64) -> io::Result<Vec<u8>> {
        self.disk.read(path, most)
    }
}

/// A process with a spool and channels of which the first hands over to the others.
struct Scene {
    folder: tempfile::TempDir,
    full: Rc<Cell<bool>>,
    is_late: Rc<Cell<bool>>,
    channels: Vec<Arc<ChannelState>>,
    dispatch: Dispatch<Tight>,
    now: Timestamp,
    alerts: u32,
    /// Whether what is accepted may have been said before.
    marked: bool,
}

const BEGIN: Timestamp = Timestamp::from_millis(1_700_000_000_000);

impl Scene {
    fn new(channels: &[(&str, DeliveryPolicy)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (full, is_late) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
        let others: Vec<String> = channels.iter().skip(1).map(|(name, _)| (*name).to_owned()).collect();
        let channels = channels.iter().enumerate().map(|(i, (name, policy))| {
            let mut settings = Settings::new(policy.clone());
            settings.fail_over =
                (i == 0).then(|| FailOver { after: Duration::from_secs(120), to: others.clone() });
            Arc::new(ChannelState::new(
                (*name).to_owned(),
                Arc::new(Paper(&["ada", "bob"], policy.clone())),
                settings,
            ))
        });
        let channels: Vec<_> = channels.collect();
        let dispatch = start(folder.path(), &full, &is_late, &channels, 1);
        Self { folder, full, is_late, channels, dispatch, now: BEGIN, alerts: 0, marked: false }
    }

    /// Starts the program again, after it was killed.
    fn restart(&mut self) {
        self.dispatch = start(self.folder.path(), &self.full, &self.is_late, &self.channels, 2);
    }

    fn accept(&mut self, severity: Severity) {
        self.alerts += 1;
        let alert = Alert::new(App::new("shop"), severity, format!("alert {}", self.alerts));
        let channel = Arc::clone(&self.channels[0]);
        let group = GroupId::from_u64(u64::from(self.alerts));
        let summary = GroupSummary::first(alert, group);
        let (rendered, summary) = channel.render(summary, &[], self.now).unwrap();
        let state = DeliveryState { maybe_duplicate: self.marked, ..state_at(self.now) };
        let messages = QueuedMessage::all(rendered, &summary, self.now);
        self.dispatch.accept(state, &self.channels, 0, messages, self.now);
        self.dispatch.commit();
    }

    /// Lets time go by, in which the first channel never delivers and the others always do; returns what was told:
    /// when, in minutes, by which channel, to whom, and the first words.
    fn pass(&mut self, span: Duration) -> Vec<(u64, String, String)> {
        let end = self.now + span;
        let mut told = Vec::new();
        loop {
            self.dispatch.look(&self.channels, true, self.now);
            match self.dispatch.next(&self.channels, self.now) {
                Job::Attempt { key, channel: 0, .. } => {
                    let down = Outcome::Transient(Reason::new("down"));
                    self.dispatch.done(&self.channels, key, down, self.now, 0.5);
                }
                Job::Attempt { key, channel, notification } => {
                    let who = format!("{}/{}", self.channels[channel].name, notification.recipient);
                    let what = String::from_utf8_lossy(notification.body()).into_owned();
                    told.push((self.now.since(BEGIN).as_secs() / 60, who, what));
                    self.dispatch.done(&self.channels, key, Outcome::Delivered(None), self.now, 0.5);
                }
                Job::Wait(at) if at <= end => self.now = at,
                Job::Wait(_) | Job::Idle => break,
            }
        }
        self.now = end;
        told
    }

    /// Returns the channels of the files.
    fn files(&self) -> Vec<String> {
        let disk = Disk::existing(self.folder.path(), "here").unwrap();
        let names = disk.list("cur").unwrap().into_iter().chain(disk.list("new").unwrap());
        let mut labels: Vec<String> = names.map(|name| Name::parse(&name).unwrap().label).collect();
        labels.sort();
        labels
    }
}

fn state_at(now: Timestamp) -> DeliveryState {
    DeliveryState { not_before: now, ..DeliveryState::default() }
}

fn start(
    folder: &std::path::Path,
    full: &Rc<Cell<bool>>,
    is_late: &Rc<Cell<bool>>,
    channels: &[Arc<ChannelState>],
    pid: u32,
) -> Dispatch<Tight> {
    let disk = Disk::open(folder, "here").unwrap();
    let files = Tight { disk, full: Rc::clone(full), is_late: Rc::clone(is_late), log: Rc::default() };
    let mut dispatch = on_host("here", files, pid);
    for (number, channel) in channels.iter().enumerate() {
        dispatch.add_channel(number, channel);
    }
    dispatch
}

/// Opens a folder as a process of a host.
fn on_host(host: &str, files: Tight, pid: u32) -> Dispatch<Tight> {
    let alive = Arc::new(move |owner: &Owner| owner.pid == pid);
    let spool = Spool::new(files, Owner::new(host, pid, "1"), alive, pid);
    Dispatch::new(Some(spool), SelfLog::to(|_| ()), Arc::new(|_, _| ()), None)
}

#[test]
fn a_failed_copy_on_a_full_disk_keeps_the_original_file() {
    let mut scene = Scene::new(&[("chat", DeliveryPolicy::default()), ("mail", DeliveryPolicy::default())]);
    scene.accept(Severity::Error);
    assert_eq!(scene.files(), ["chat", "chat"], "one for each recipient");
    scene.full.set(true);
    scene.now = scene.now + Duration::from_secs(121);
    let under_way = scene.dispatch.next(&scene.channels, scene.now);
    assert!(matches!(under_way, Job::Attempt { channel: 1, .. }), "{under_way:?}");
    assert_eq!(scene.files(), ["chat", "chat"], "what is found after a crash");
    scene.full.set(false);
    scene.now = scene.now + Duration::from_secs(60);
    scene.dispatch.look(&scene.channels, true, scene.now);
    assert_eq!(scene.files(), ["mail", "mail"], "as soon as there is room");
}

#[test]
fn a_disk_that_refuses_to_be_forced_leaves_messages_in_memory() {
    let mut scene = Scene::new(&[("chat", DeliveryPolicy::default())]);
    scene.is_late.set(true);
    // More than are kept in memory beside their files.
    for _ in 0..FRESH {
        scene.accept(Severity::Error);
    }
    assert_eq!(scene.files(), Vec::<String>::new(), "half a file is not left behind");
    assert!(scene.dispatch.trouble().is_some_and(|text| text.contains("in memory only")));
    let in_memory = scene.dispatch.kept.values().filter(|kept| kept.letter.is_some()).count();
    assert_eq!((in_memory, scene.dispatch.spooled()), (scene.dispatch.len(), 0));
    scene.is_late.set(false);
    scene.now = scene.now + Duration::from_secs(60);
    scene.dispatch.look(&scene.channels, true, scene.now);
    assert_eq!(scene.dispatch.spooled(), scene.dispatch.len(), "as soon as there is room");
}

#[test]
fn possible_duplicates_are_marked_on_failover_too() {
    for marked in [false, true] {
        let mut scene =
            Scene::new(&[("chat", DeliveryPolicy::default()), ("mail", DeliveryPolicy::default())]);
        scene.marked = marked;
        scene.accept(Severity::Error);
        scene.now = scene.now + Duration::from_secs(121);
        let Job::Attempt { channel: 1, notification, .. } = scene.dispatch.next(&scene.channels, scene.now)
        else {
            panic!("mail says it");
        };
        assert_eq!(notification.is_possible_duplicate(), marked);
    }
}

#[test]
fn inherited_counts_are_marked_on_the_failover_channel() {
    let mut scene = Scene::new(&[("chat", DeliveryPolicy::default()), ("mail", DeliveryPolicy::default())]);
    scene.accept(Severity::Error);
    let waits = scene.dispatch.delivery.tickets().next().map(|ticket| ticket.key).unwrap();
    let alert = scene.dispatch.letter(waits).unwrap().summary.alert.id;
    // Its first message waited at the aggregator of `chat` while the one of `mail` was said, and then came a restart.
    scene.dispatch.note_adopted(vec![alert]);
    scene.now = scene.now + Duration::from_secs(121);
    let Job::Attempt { channel: 1, notification, .. } = scene.dispatch.next(&scene.channels, scene.now)
    else {
        panic!("mail says it");
    };
    assert!(notification.is_possible_duplicate());
}

fn sms(rates: &[Rate]) -> DeliveryPolicy {
    DeliveryPolicy {
        notifications: NotificationPolicy::sms().budget(rates.iter().copied()),
        ..DeliveryPolicy::default()
    }
}

#[test]
fn failover_messages_spend_the_budget_of_their_channel() {
    use Severity::{Critical, Error};
    // What fails at the first channel; the budget and its burst; when, in minutes, how many alerts are told at once.
    type Case<'a> = (&'a [Severity], (u32, u32), &'a [(u64, u64)]);
    let cases: [Case<'_>; 6] = [
        (&[Error], (5, 3), &[(2, 1)]),
        (&[Error; 3], (5, 3), &[(2, 1), (2, 1), (2, 1)]),
        (&[Error; 4], (5, 3), &[(2, 1), (2, 1), (2, 1), (22, 1)]),
        (&[Error; 6], (5, 3), &[(2, 1), (2, 1), (2, 1), (22, 3)]),
        (&[Error; 9], (5, 1), &[(2, 1), (14, 8)]),
        // Critical alerts have a reserve, and go by themselves.
        (&[Error, Error, Error, Error, Critical, Critical], (1, 1), &[(2, 1), (2, 1), (2, 1), (62, 3)]),
    ];
    for (severities, (most, burst), expected) in cases {
        let rate = Rate::hourly(most).burst(burst);
        let mut scene = Scene::new(&[("chat", DeliveryPolicy::default()), ("sms", sms(&[rate]))]);
        severities.iter().for_each(|severity| scene.accept(*severity));
        let told = scene.pass(Duration::from_secs(3 * 3600));
        let of = |to: &str| -> Vec<(u64, u64)> {
            let of = told.iter().filter(|(_, who, _)| who == to);
            of.map(|(at, _, what)| (*at, what.split(' ').next().unwrap().parse().unwrap_or(1))).collect()
        };
        for to in ["sms/ada", "sms/bob"] {
            assert_eq!(of(to), expected, "{severities:?} with {rate}: {told:?}");
        }
        assert_eq!(scene.files(), Vec::<String>::new());
        let stats = scene.channels[1].counters.snapshot("sms", &DeliveryView::default());
        let late = severities.len() as u64 - expected.iter().filter(|(at, _)| *at == 2).count() as u64;
        assert_eq!((stats.deferred, stats.pending), (late * 2, 0), "{severities:?} with {rate}");
    }
}

#[test]
fn a_budget_and_its_waiting_messages_survive_a_restart() {
    let rates = [Rate::hourly(5).burst(3), Rate::daily(20).burst(10)];
    let mut scene = Scene::new(&[("chat", DeliveryPolicy::default()), ("sms", sms(&rates))]);
    (0..5).for_each(|_| scene.accept(Severity::Error));
    assert_eq!(scene.pass(Duration::from_secs(180)).len(), 6, "three to each");
    scene.restart();
    assert_eq!(scene.files(), ["sms"; 4]);
    assert!(scene.pass(Duration::from_secs(1_000)).is_empty(), "a second process has no new budget for it");
    let told = scene.pass(Duration::from_secs(3_600));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|(.., what)| what.starts_with("2 alerts")), "{told:?}");
}

#[test]
fn a_summary_of_a_killed_process_costs_one_message() {
    let mut scene = Scene::new(&[("chat", DeliveryPolicy::default()), ("sms", sms(&[Rate::hourly(1)]))]);
    (0..4).for_each(|_| scene.accept(Severity::Error));
    assert_eq!(scene.pass(Duration::from_secs(3_700)).len(), 2, "one to each");
    // The budget has room again, but the message that sums up gets no file; the process dies before it is said.
    scene.full.set(true);
    scene.now = BEGIN + Duration::from_secs(120 + 3_600);
    let under_way = scene.dispatch.next(&scene.channels, scene.now);
    assert!(matches!(under_way, Job::Attempt { channel: 1, .. }), "{under_way:?}");
    scene.restart();
    scene.full.set(false);
    assert_eq!(scene.files(), ["sms"; 6]);
    let told = scene.pass(Duration::from_secs(3_590));
    assert!(told.is_empty(), "what was spent is spent: {told:?}");
    let told = scene.pass(Duration::from_secs(60));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|(.., what)| what.starts_with("3 alerts")), "{told:?}");
}

#[test]
fn failover_holds_in_quiet_hours_for_critical_alerts() {
    let mut scene = Scene::new(&[("chat", DeliveryPolicy::default()), ("sms", sms(&[]))]);
    scene.channels[1].rate_limiter.mute_until(Some(BEGIN + Duration::from_secs(3 * 3600)));
    for severity in [Severity::Error, Severity::Critical, Severity::Warn] {
        scene.accept(severity);
    }
    let told = scene.pass(Duration::from_secs(4 * 3600));
    let times: Vec<u64> = told.iter().map(|(at, ..)| *at).collect();
    assert_eq!(times, [2, 2, 180, 180, 180, 180], "{told:?}");
}

#[test]
fn what_has_waited_to_be_admitted_is_not_late() {
    let rate = Rate::hourly(10).burst(5);
    let mut scene = Scene::new(&[("chat", DeliveryPolicy::default()), ("sms", sms(&[rate]))]);
    scene.channels[1].rate_limiter.mute_until(Some(BEGIN + Duration::from_secs(3 * 3600)));
    (0..2).for_each(|_| scene.accept(Severity::Error));
    assert_eq!(scene.pass(Duration::from_secs(3 * 3600)).len(), 4, "when the quiet hours end");
    assert_eq!(scene.channels[1].rate_limiter.available("", scene.now), 3);
}

#[test]
fn the_next_message_reports_what_the_budget_suppressed() {
    let mut scene = Scene::new(&[("chat", DeliveryPolicy::default()), ("sms", sms(&[Rate::hourly(1)]))]);
    (0..3).for_each(|_| scene.accept(Severity::Error));
    assert_eq!(scene.pass(Duration::from_secs(1_200)).len(), 2, "one to each");
    let note = scene.dispatch.deferred_note(1, scene.now).unwrap();
    assert!(
        note.starts_with("The budget of this channel held back 2 alerts, the oldest for 18 min"),
        "{note}"
    );
    assert!(note.contains("alert 2") && note.contains("alert 3"), "{note}");
    // Its own aggregator speaks.
    let channel = Arc::clone(&scene.channels[1]);
    let alert = Alert::new(App::new("shop"), Severity::Critical, "fire");
    let summary = GroupSummary::first(alert, GroupId::from_u64(99)).with_notes(vec![note]);
    let (rendered, summary) = channel.render(summary, &[], scene.now).unwrap();
    let messages = QueuedMessage::all(rendered, &summary, scene.now);
    // An hour after the first there is room.
    scene.now = BEGIN + Duration::from_secs(120 + 3_600);
    let by = scene.dispatch.accept(state_at(scene.now), &scene.channels, 1, messages, scene.now);
    scene.dispatch.fold_deferred(&scene.channels, 1, &by);
    assert!(scene.dispatch.deferred_note(1, scene.now).is_none());
    let told = scene.pass(Duration::from_secs(24 * 3600));
    let told: Vec<&str> = told.iter().map(|(.., what)| what.as_str()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|what| what.contains("fire") && what.contains("held back")), "{told:?}");
}

/// Opens `folder` as a process that is the only one alive.
fn counter(folder: &std::path::Path, host: &str, pid: u32) -> (Dispatch<Tight>, Rc<RefCell<Vec<String>>>) {
    let log = Rc::<RefCell<Vec<String>>>::default();
    let disk = Disk::open(folder, host).unwrap();
    let files = Tight { disk, full: Rc::default(), is_late: Rc::default(), log: Rc::clone(&log) };
    (on_host(host, files, pid), log)
}

/// Returns the texts that a process takes over, whose own is then `text`.
fn adopted(dispatch: &mut Dispatch<Tight>, text: &str, now: Timestamp) -> Vec<String> {
    let mut texts = Vec::new();
    dispatch.adopt_groups("chat", true, now, |found| {
        texts = found.to_vec();
        text.to_owned()
    });
    texts
}

#[test]
fn hosts_have_their_own_counts_until_one_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (mut one, _) = counter(folder.path(), "web-1", 1);
    let (mut two, _) = counter(folder.path(), "web-2", 2);
    let mut now = BEGIN;
    assert!(one.keep_groups("chat", "7 repeats", now));
    for _ in 0..60 {
        now = now + Duration::from_secs(10);
        one.look(&Vec::new(), true, now);
        assert!(adopted(&mut two, "none", now).is_empty(), "after {:?}", now.since(BEGIN));
        assert_eq!(two.other_groups("chat"), ["7 repeats"], "they have spent the budget");
    }
    // It dies.
    now = now + Duration::from_secs(150);
    assert_eq!(adopted(&mut two, "7 repeats", now), ["7 repeats"]);
    assert!(!folder.path().join("hosts/web-1").exists(), "of a host that is gone nothing is left");
    let (mut three, _) = counter(folder.path(), "web-2", 3);
    assert_eq!(adopted(&mut three, "", now), ["7 repeats"], "they are in one file");
}

#[test]
fn the_next_host_takes_over_at_once_what_one_has_left_in_order() {
    let scene = Scene::new(&[("chat", DeliveryPolicy::default())]);
    let (mut pod, _) = counter(scene.folder.path(), "shop-abc", 1);
    assert!(pod.keep_groups("chat", "7 repeats", BEGIN));
    pod.release_all();
    let (mut next, _) = counter(scene.folder.path(), "shop-def", 2);
    assert_eq!(adopted(&mut next, "", BEGIN + Duration::from_secs(1)), ["7 repeats"]);
}

#[test]
fn messages_of_a_host_that_is_gone_are_delivered_with_a_mark() {
    let mut scene = Scene::new(&[("chat", DeliveryPolicy::default())]);
    scene.dispatch.look(&scene.channels, true, BEGIN);
    scene.accept(Severity::Error);
    let (mut other, _) = counter(scene.folder.path(), "web-2", 2);
    other.add_channel(0, &scene.channels[0]);
    for (after, taken) in [(100, 0), (131, 2)] {
        other.look(&scene.channels, true, BEGIN + Duration::from_secs(after));
        assert_eq!(other.len(), taken, "after {after} s");
    }
    let Job::Attempt { notification, .. } = other.next(&scene.channels, BEGIN + Duration::from_secs(131))
    else {
        panic!("it is tried");
    };
    assert!(notification.is_possible_duplicate());
}

#[test]
fn a_folder_of_before_there_were_hosts_is_taken_over() {
    let scene = Scene::new(&[("chat", DeliveryPolicy::default())]);
    let mut old = scene;
    old.accept(Severity::Error);
    assert!(old.dispatch.keep_groups("chat", "7 repeats", BEGIN));
    // As an older version had it.
    let home = old.folder.path().join("hosts/here");
    for folder in ["cur", "tmp", "state/groups"] {
        std::fs::rename(home.join(folder), old.folder.path().join(folder)).unwrap();
    }
    for entry in std::fs::read_dir(old.folder.path().join("state/groups")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::rename(&path, format!("{}+here,9,1", path.display())).unwrap();
    }
    old.restart();
    assert_eq!(adopted(&mut old.dispatch, "", BEGIN), ["7 repeats"]);
    old.dispatch.look(&old.channels, true, BEGIN);
    assert_eq!(old.dispatch.len(), 2);
    assert_eq!(old.files(), ["chat", "chat"]);
}

#[test]
fn counts_are_on_the_disk_as_ours_before_others_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut one, _) = counter(folder.path(), "here", 1);
    assert!(one.keep_groups("chat", "7 repeats", BEGIN));
    let (mut two, log) = counter(folder.path(), "here", 2);
    assert_eq!(adopted(&mut two, "8 repeats", BEGIN), ["7 repeats"]);
    assert!(two.keep_groups("chat", "9 repeats", BEGIN));
    let log = log.borrow();
    let steps: Vec<&str> = log
        .iter()
        .filter(|step| step.contains("state/groups"))
        .map(|step| match step.as_str() {
            step if step.contains(" becomes ") => "written down",
            step if step.ends_with(" is removed") => "removed",
            _ => "forced",
        })
        .collect();
    assert_eq!(steps, ["written down", "forced", "removed", "forced", "written down", "forced"], "{log:?}");
}

#[test]
fn counts_that_are_counted_in_elsewhere_do_not_count_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (mut one, _) = counter(folder.path(), "here", 1);
    assert!(one.keep_groups("chat", "7 repeats", BEGIN));
    let groups = folder.path().join("hosts/here/state/groups");
    let left = std::fs::read_dir(&groups).unwrap().next().unwrap().unwrap().path();
    let before = std::fs::read(&left).unwrap();
    let (mut two, _) = counter(folder.path(), "here", 2);
    two.adopt_groups("chat", true, BEGIN, |_| "7 repeats, of another".to_owned());
    let own = std::fs::read_dir(&groups).unwrap().next().unwrap().unwrap().file_name();
    // It died between the two steps: the other file is still there, and its own says that it is counted in.
    std::fs::write(&left, before).unwrap();
    let part = left.to_string_lossy().rsplit('-').next().unwrap().to_owned();
    let text = format!("here,2,1 {part}\n7 repeats, of another");
    two.spool.as_mut().unwrap().keep(StateKind::Groups, &own.to_string_lossy(), &text).unwrap();
    let (mut three, _) = counter(folder.path(), "here", 3);
    assert_eq!(adopted(&mut three, "", BEGIN), ["7 repeats, of another"]);
    assert_eq!(std::fs::read_dir(&groups).unwrap().count(), 1);
}

#[test]
fn a_full_disk_leaves_the_counts_of_others_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (mut one, _) = counter(folder.path(), "here", 1);
    assert!(one.keep_groups("chat", "7 repeats", BEGIN));
    let full = Rc::new(Cell::new(true));
    let files = Tight {
        disk: Disk::open(folder.path(), "here").unwrap(),
        full: Rc::clone(&full),
        is_late: Rc::default(),
        log: Rc::default(),
    };
    let mut two = on_host("here", files, 2);
    let never = |_: &[String]| -> String { panic!("nothing is taken over") };
    assert_eq!(two.adopt_groups("chat", true, BEGIN, never), Adoption::Later);
    full.set(false);
    assert_eq!(adopted(&mut two, "", BEGIN), ["7 repeats"]);
}
