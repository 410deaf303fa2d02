use std::{cell::Cell, io, rc::Rc, time::Duration};

use watchfire_core::{App, Severity};

use super::*;
use crate::{
    Delivering, Occasion, Outcome, Policy, Sink,
    channels::Settings,
    failover::FailOver,
    spool::{Disk, Owner},
};

/// A disk that can be full.
#[derive(Clone)]
struct Tight {
    disk: Disk,
    full: Rc<Cell<bool>>,
}

impl Files for Tight {
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        if self.full.get() { Err(io::ErrorKind::StorageFull.into()) } else { self.disk.write(path, bytes) }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync(&self, folder: &str) -> io::Result<()> {
        self.disk.sync(folder)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn read(&self, path: &str, most: u64) -> io::Result<Vec<u8>> {
        self.disk.read(path, most)
    }
}

/// Renders for its recipients.
struct Paper(Vec<&'static str>, Policy);

impl Sink for Paper {
    fn kind(&self) -> &'static str {
        "paper"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        let text = || format!("{} {}", occasion.title(), occasion.remarks().join(" "));
        self.0.iter().map(|to| occasion.notification(*to).plain(text())).collect()
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        Box::pin(std::future::ready(Outcome::Delivered(None)))
    }

    fn policy(&self) -> Policy {
        self.1.clone()
    }
}

/// A process with a spool and channels of which the first hands over to the others.
struct Scene {
    folder: tempfile::TempDir,
    full: Rc<Cell<bool>>,
    channels: Vec<Arc<ChannelState>>,
    dispatch: Dispatch<Tight>,
    now: Moment,
    alerts: u32,
}

const BEGIN: Moment = Moment::from_millis(1_700_000_000_000);

impl Scene {
    fn new(channels: &[(&str, Policy)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let full = Rc::new(Cell::new(false));
        let others: Vec<String> = channels.iter().skip(1).map(|(name, _)| (*name).to_owned()).collect();
        let channels = channels.iter().enumerate().map(|(i, (name, policy))| {
            let mut settings = Settings::new(policy.clone());
            settings.fail_over =
                (i == 0).then(|| FailOver { after: Duration::from_secs(120), to: others.clone() });
            Arc::new(ChannelState::new(
                (*name).to_owned(),
                Arc::new(Paper(vec!["ada", "bob"], policy.clone())),
                settings,
            ))
        });
        let channels: Vec<_> = channels.collect();
        let dispatch = start(folder.path(), &full, &channels, 1);
        Self { folder, full, channels, dispatch, now: BEGIN, alerts: 0 }
    }

    fn accept(&mut self, severity: Severity) {
        self.alerts += 1;
        let alert = Alert::new(App::new("shop"), severity, format!("alert {}", self.alerts));
        let channel = Arc::clone(&self.channels[0]);
        let group = GroupId::from_u64(u64::from(self.alerts));
        let occasion = Occasion::first(&alert, &channel.name, group, self.now.into());
        let (rendered, facts) = channel.render(&occasion, self.now).unwrap();
        self.dispatch.accept(&self.channels, 0, rendered, &facts, self.now);
        self.dispatch.commit();
    }

    /// Returns the channels of the files.
    fn files(&self) -> Vec<String> {
        let disk = Disk::existing(self.folder.path()).unwrap();
        let names = disk.list("cur").unwrap().into_iter().chain(disk.list("new").unwrap());
        let mut labels: Vec<String> = names.map(|name| Name::parse(&name).unwrap().label).collect();
        labels.sort();
        labels
    }
}

fn start(
    folder: &std::path::Path,
    full: &Rc<Cell<bool>>,
    channels: &[Arc<ChannelState>],
    pid: u32,
) -> Dispatch<Tight> {
    let files = Tight { disk: Disk::open(folder).unwrap(), full: Rc::clone(full) };
    let alive = Arc::new(move |owner: &Owner| Some(owner.pid == pid));
    let spool = Spool::new(files, Owner::new("here", pid, "1"), alive, pid);
    let mut dispatch = Dispatch::new(Some(spool), SelfLog::to(|_| ()), Arc::new(|_, _| ()), None);
    for (number, channel) in channels.iter().enumerate() {
        dispatch.add_channel(number, channel);
    }
    dispatch
}

#[test]
fn a_copy_that_the_full_disk_cannot_take_leaves_the_file_of_what_it_stands_for() {
    let mut scene = Scene::new(&[("chat", Policy::default()), ("mail", Policy::default())]);
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
