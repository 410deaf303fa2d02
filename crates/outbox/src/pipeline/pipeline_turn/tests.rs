//! Tests of the turn of the pipeline.

use std::collections::BTreeMap;

use watchfire_core::{SelfLog, Severity};

use super::*;
use crate::{
    DeliveryPolicy, NotificationId, NotificationPolicy, Outcome, Rate, Reason,
    model::QueueKey,
    pipeline::{channel_state::Settings, dispatch::Job},
    sink::paper::Paper,
    spool::{Disk, Name, Owner, Spool},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const BEGIN: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A program with one channel, whose aggregator speaks through the spool; some of its recipients cannot be reached at times.
struct Scene {
    _folder: tempfile::TempDir,
    channels: Vec<Arc<ChannelState>>,
    dispatch: Dispatch<Disk>,
    aggregators: Vec<Counting>,
    looked: Option<Timestamp>,
    now: Timestamp,
    /// Who cannot be reached.
    down: Vec<&'static str>,
    /// Who heard what when.
    heard: BTreeMap<String, Vec<(Timestamp, String)>>,
    alerts: u64,
}

impl Scene {
    fn new(recipients: &'static [&'static str], noise: NotificationPolicy, max_age: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policy = DeliveryPolicy { notifications: noise, max_age, ..DeliveryPolicy::default() };
        let sink = Arc::new(Paper(recipients, policy.clone()));
        let channels = vec![Arc::new(ChannelState::new("mail".to_owned(), sink, Settings::new(policy)))];
        let alive = Arc::new(|_: &Owner| true);
        let spool =
            Spool::new(Disk::open(folder.path(), "here").unwrap(), Owner::new("here", 1, "1"), alive, 1);
        let mut dispatch = Dispatch::new(Some(spool), SelfLog::to(|_| ()), Arc::new(|_, _| ()), None);
        dispatch.add_channel(0, &channels[0]);
        let app = Arc::new(App::new("shop"));
        let aggregators = vec![Counting::new(&channels[0], &mut dispatch, &app, BEGIN)];
        Self {
            _folder: folder,
            channels,
            dispatch,
            aggregators,
            looked: None,
            now: BEGIN,
            down: Vec::new(),
            heard: BTreeMap::new(),
            alerts: 0,
        }
    }

    fn pipeline(&mut self) -> Pipeline<'_, Disk> {
        let Self { dispatch, channels, aggregators, looked, .. } = self;
        Pipeline { dispatch, channels, aggregators, looked }
    }

    /// Emits one error of a kind of its own.
    fn event(&mut self) {
        self.alerts += 1;
        let name = format!("kind {}", self.alerts);
        let alert =
            Alert::new(App::new("shop"), Severity::Error, "no").field(crate::aggregate::GROUP_FIELD, name);
        let now = self.now;
        self.pipeline().note_overdue(now);
        self.pipeline().take(0, Arc::new(alert), 1, &Remarks::default(), now);
        self.turn();
    }

    /// Makes a turn of the worker; returns when the next is due.
    fn turn(&mut self) -> Option<Timestamp> {
        let now = self.now;
        self.pipeline().note_overdue(now);
        let due = self.pipeline().report(Extent::default(), 0, now);
        loop {
            match self.pipeline().next_job(now) {
                Job::Attempt { key, notification, .. } => {
                    let to = notification.recipient().to_owned();
                    let outcome = if self.down.contains(&to.as_str()) {
                        Outcome::Transient(Reason::new("down"))
                    } else {
                        let what = String::from_utf8_lossy(notification.body()).into_owned();
                        self.heard.entry(to).or_default().push((now, what));
                        Outcome::Delivered(None)
                    };
                    self.dispatch.done(&self.channels, key, outcome, now, 1.0);
                }
                Job::Wait(at) => return Some(due.map_or(at, |due| due.min(at))),
                Job::Idle => return due,
            }
        }
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.turn().filter(|at| *at < end) {
            self.now = at.max(self.now + Duration::from_millis(1));
        }
        self.now = end;
    }

    /// Returns the most that one has heard in any span of this length.
    fn most_within(&self, to: &str, span: Duration) -> usize {
        let times: Vec<Timestamp> = self.heard.get(to).into_iter().flatten().map(|(at, _)| *at).collect();
        let within = |(i, from): (usize, &Timestamp)| {
            times.iter().skip(i).take_while(|at| at.since(*from) < span).count()
        };
        times.iter().enumerate().map(within).max().unwrap_or_default()
    }

    fn expect_all_told(&self) {
        let aggregator = &self.aggregators[0].aggregator;
        assert_eq!((aggregator.pending(), aggregator.tally().told, self.dispatch.len()), (0, self.alerts, 0));
    }
}

#[test]
fn an_hour_after_an_outage_brings_no_more_than_any_other() {
    let sms = [Rate::hourly(5).burst(3), Rate::daily(20).burst(10)];
    for (rates, max_age) in [
        (&[Rate::hourly(30).burst(10)][..], HOUR * 48),
        (&sms, HOUR * 48),
        // What is too old is summed up.
        (&sms, MINUTE * 15),
    ] {
        let noise = NotificationPolicy::mail().budget(rates.iter().copied());
        let mut scene = Scene::new(&["ada"], noise, max_age);
        for minute in 0..9 * 60 {
            scene.down = if (60..7 * 60).contains(&minute) { vec!["ada"] } else { Vec::new() };
            if minute % 3 == 0 {
                scene.event();
            }
            scene.pass(MINUTE);
        }
        scene.pass(HOUR * 48);
        for rate in rates {
            // What is less than a minute late counts as if it were not.
            let most = scene.most_within("ada", rate.per() - MINUTE);
            assert!(most <= rate.most() as usize, "{most} with {rate}");
        }
        let back = BEGIN + HOUR * 7;
        // The breaker tries it every ten minutes.
        let soon = scene.heard["ada"].iter().any(|(at, _)| *at >= back && at.since(back) < MINUTE * 11);
        assert!(soon, "as soon as it can be reached");
        scene.expect_all_told();
    }
}

#[test]
fn an_unreachable_recipient_delays_no_other() {
    let noise = NotificationPolicy::mail().budget([Rate::hourly(30).burst(10)]).digests([]);
    let mut scene = Scene::new(&["ada", "bob"], noise, HOUR * 48);
    scene.down = vec!["ada"];
    for kind in 1..=80 {
        scene.event();
        assert_eq!(scene.heard["bob"].len(), kind, "at once");
        scene.pass(MINUTE * 6);
    }
    assert!(!scene.heard.contains_key("ada"));
    scene.down.clear();
    scene.pass(MINUTE * 12);
    assert!(!scene.heard["ada"].is_empty());
    assert!(scene.channels[0].rate_limiter.available("", scene.now) >= 9, "it was late for ada alone");
    scene.pass(HOUR);
    let told = &scene.heard["ada"];
    assert!(told.len() <= 12, "{told:?}");
    assert!(told.iter().any(|(_, what)| what.starts_with("70 alerts of")), "{told:?}");
    let wrong = scene.heard["bob"].iter().find(|(_, what)| what.contains("held back"));
    assert_eq!(wrong, None, "bob has heard all of it");
    scene.pass(HOUR * 24);
    assert_eq!(scene.dispatch.len(), 0);
}

#[test]
fn the_guide_has_the_times_of_the_code() {
    const GUIDE: &str = include_str!("../../../../../docs/guide/noise.md");
    for expected in [
        format!("The outbox reads the folder every {} seconds.", LOOK.as_secs()),
        "at most once a second while they change".to_owned(),
        "by a living one within a minute".to_owned(),
        "one that arrives more than a minute late counts from when it arrives".to_owned(),
    ] {
        assert!(GUIDE.contains(&expected), "{expected}");
    }
    assert_eq!((KEEP, ADOPT, crate::sink::OVERDUE), (Duration::from_secs(1), MINUTE, MINUTE));
}

#[test]
fn counts_of_a_taker_that_died_are_possible_duplicates() {
    let folder = tempfile::tempdir().unwrap();
    let policy = DeliveryPolicy::default();
    let sink = Arc::new(Paper(&["ada"], policy.clone()));
    let channel = ChannelState::new("mail".to_owned(), sink, Settings::new(policy));
    let app = Arc::new(App::new("shop"));
    let mut said = Vec::new();
    for pid in 1..=3 {
        let alive = Arc::new(move |owner: &Owner| owner.pid == pid);
        let spool =
            Spool::new(Disk::open(folder.path(), "here").unwrap(), Owner::new("here", pid, "1"), alive, pid);
        let mut dispatch = Dispatch::new(Some(spool), SelfLog::to(|_| ()), Arc::new(|_, _| ()), None);
        let mut counting = Counting::new(&channel, &mut dispatch, &app, BEGIN);
        let mut emissions = Vec::new();
        if pid == 1 {
            // It ends in order, in quiet hours.
            counting.aggregator.hush(Some(BEGIN + HOUR));
            let alert = Alert::new(Arc::clone(&app), Severity::Error, "no");
            counting.aggregator.take(Arc::new(alert), None, 1, BEGIN, &mut emissions);
            counting.aggregator.close_book();
            assert!(dispatch.keep_groups("mail", &counting.aggregator.checkpoint(BEGIN), BEGIN));
        } else {
            // The second dies before it can write down that it has told of it.
            counting.aggregator.hush(None);
            counting.aggregator.tick(BEGIN, &|_| false, &mut emissions);
        }
        said.push(
            emissions.iter().map(|emission| (emission.told, emission.maybe_duplicate)).collect::<Vec<_>>(),
        );
    }
    assert_eq!(said, [vec![], vec![(1, false)], vec![(1, true)]]);
}

#[test]
fn a_panic_whose_file_came_back_is_a_possible_duplicate() {
    // Reported at once, or in the first digest after quiet hours.
    for is_quiet in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let policy = DeliveryPolicy::default();
        let sink = Arc::new(Paper(&["ada"], policy.clone()));
        let channels = vec![Arc::new(ChannelState::new("mail".to_owned(), sink, Settings::new(policy)))];
        let app = Arc::new(App::new("shop"));
        let alert = Alert::new(Arc::clone(&app), Severity::Error, "no").at(BEGIN.into());
        let open = |pid| {
            let owner = Owner::new("here", pid, "1");
            let alive = Arc::new(|_: &Owner| true);
            Spool::new(Disk::open(folder.path(), "here").unwrap(), owner, alive, pid)
        };
        let dispatch = |pid| {
            let mut dispatch = Dispatch::new(Some(open(pid)), SelfLog::to(|_| ()), Arc::new(|_, _| ()), None);
            dispatch.add_channel(0, &channels[0]);
            dispatch
        };
        // The first has counted it. Then a loss of power brings its file back.
        let mut first = dispatch(1);
        let mut counting = Counting::new(&channels[0], &mut first, &app, BEGIN);
        counting.aggregator.hush(Some(BEGIN + HOUR));
        counting.aggregator.take(Arc::new(alert.clone()), None, 1, BEGIN, &mut Vec::new());
        assert!(first.keep_groups("mail", &counting.aggregator.checkpoint(BEGIN), BEGIN));
        let mut spool = open(1);
        let key = QueueKey { accepted: 7, id: NotificationId(7) };
        spool.leave(&Name::alert(key, spool.owner()), &alert).unwrap();
        // The second takes it, while the first lives and has its counts.
        let mut dispatch = dispatch(2);
        let mut counting = Counting::new(&channels[0], &mut dispatch, &app, BEGIN);
        counting.aggregator.hush(is_quiet.then_some(BEGIN + HOUR));
        let (mut aggregators, mut looked) = (vec![counting], None);
        let (mut left, _) = dispatch.look(&channels, true, BEGIN + HOUR);
        let left = left.pop().expect("the alert of a panic");
        let mut pipeline = Pipeline {
            dispatch: &mut dispatch,
            channels: &channels,
            aggregators: &mut aggregators,
            looked: &mut looked,
        };
        let remarks = Remarks { notes: Vec::new(), maybe_duplicate: left.again };
        pipeline.take(0, Arc::new(left.alert), 1, &remarks, BEGIN);
        pipeline.report(Extent::default(), 0, BEGIN);
        assert_eq!(pipeline.dispatch.len() == 0, is_quiet);
        pipeline.aggregators[0].aggregator.hush(None);
        pipeline.report(Extent::default(), 0, BEGIN + HOUR);
        let marks: Vec<bool> =
            pipeline.dispatch.delivery.tickets().map(|ticket| ticket.state.maybe_duplicate).collect();
        assert_eq!(marks, [true], "quiet hours: {is_quiet}");
    }
}
