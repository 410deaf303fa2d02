//! Tests of the output, on a fake file system.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::Path,
    time::UNIX_EPOCH,
};

use super::*;
use crate::{
    Compression,
    fs::fake::{Chance, Fake},
    prune,
    retention::Keep,
    rotation::{FileNames, Packing, RotationInterval, RotationKey, Schedule},
    time::Zone,
};

const FOREIGN: [&str; 6] = [
    "other.log",
    "shop.log.bak",
    "shop.log.01",
    "shop.log.2026-11-20.orig",
    "shop.log.2026-13-01",
    "shop.login.1",
];

fn plan(chance: &mut Chance) -> FilePlan {
    let by_time = chance.below(3) > 0;
    let by_size = !by_time || chance.below(2) > 0;
    let schedule =
        by_time.then(|| Schedule { every: RotationInterval::Minute, hour: 0, minute: 0, zone: Zone::utc() });
    FilePlan {
        path: "/log/shop.log".into(),
        names: FileNames::new("shop.log".into(), schedule),
        name_pattern: None,
        max_size: by_size.then(|| 100 + chance.below(400)),
        at_start: chance.below(8) == 0,
        keep: Keep { count: (chance.below(2) > 0).then_some(3), ..Keep::default() },
        compression: (chance.below(2) > 0).then_some(Compression::Gzip),
        mode: None,
        link: (chance.below(4) == 0).then(|| "/log/current".into()),
        sync_renames: chance.below(4) == 0,
    }
}

/// One of the processes that write to the file.
struct Process {
    output: Output,
    batch: Batch,
    /// Lines in the batch that nobody was told are written.
    waiting: Vec<String>,
}

/// A whole history: processes that write, rotate, tidy up, fail and die.
struct History {
    fake: Fake,
    plan: Arc<FilePlan>,
    chance: Chance,
    now: SystemTime,
    instant: Instant,
    sent: u64,
    acknowledged: BTreeSet<String>,
    deaths: u64,
}

impl History {
    fn new(seed: u64, faults: u64) -> Self {
        let mut chance = Chance(seed);
        let plan = Arc::new(plan(&mut chance));
        let fake = Fake::default();
        let now = UNIX_EPOCH + Duration::from_secs(1_763_675_270);
        {
            let mut world = fake.world();
            world.now = Some(now);
            for name in FOREIGN {
                world.put(name, name.as_bytes());
            }
            world.chance = Chance(seed ^ 0xabcd);
            world.faults = faults;
        }
        let instant = watchfire_core::clock::instant();
        Self { fake, plan, chance, now, instant, sent: 0, acknowledged: BTreeSet::new(), deaths: 0 }
    }

    fn process(&mut self) -> Process {
        loop {
            self.revive();
            let mut output = Output::new(Arc::new(self.fake.clone()), Arc::clone(&self.plan), true);
            if output.start(self.now, self.instant).is_ok() && !self.fake.world().is_dead {
                return Process { output, batch: Batch::default(), waiting: Vec::new() };
            }
            self.pass(Duration::from_secs(1));
        }
    }

    fn place(&self) -> Arc<LogLocation> {
        LogLocation::new(&self.plan, &self.plan.path).unwrap()
    }

    fn revive(&mut self) {
        let mut world = self.fake.world();
        self.deaths += u64::from(world.is_dead);
        world.is_dead = false;
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.instant += time;
        self.fake.world().now = Some(self.now);
    }

    fn write(&mut self, process: &mut Process) {
        if process.output.write(&mut process.batch, false, self.instant).is_ok() {
            self.acknowledged.extend(process.waiting.drain(..));
        }
    }

    fn step(&mut self, process: &mut Process) {
        match self.chance.below(12) {
            0..7 => {
                for _ in 0..self.chance.below(4) {
                    self.sent += 1;
                    let filler = "x".repeat(usize::try_from(self.chance.below(40)).unwrap());
                    let line = format!("<{:06}{filler}>\n", self.sent);
                    process.batch.push(line.as_bytes(), self.plan.period(self.now));
                    process.waiting.push(line);
                }
                self.write(process);
            }
            7 => {
                let time = Duration::from_secs(self.chance.below(90));
                self.pass(time);
            }
            8 => drop(process.output.tick(self.now, self.instant)),
            9 => process.output.rotate_soon(),
            10 => process.output.close(),
            _ => drop(prune::run(&self.fake, &self.plan, &self.place(), self.plan.keep, self.now)),
        }
    }

    fn run(&mut self) {
        let mut processes = [self.process(), self.process()];
        for _ in 0..40 {
            let place = usize::try_from(self.chance.below(2)).unwrap();
            let process = &mut processes[place];
            self.step(process);
            if self.fake.world().is_dead {
                // The unwritten lines are gone with it, and none was acknowledged.
                processes[place] = self.process();
            }
        }
        self.fake.world().faults = 0;
        self.pass(Duration::from_secs(60));
        for process in &mut processes {
            self.write(process);
            assert!(process.waiting.is_empty() && process.batch.is_empty());
        }
        prune::run(&self.fake, &self.plan, &self.place(), self.plan.keep, self.now).unwrap();
    }

    fn check(&self) {
        let world = self.fake.world();
        for name in FOREIGN {
            assert_eq!(world.nodes[&world.names[name]].data, name.as_bytes(), "{name} was touched");
        }
        let mut found: BTreeMap<String, u32> = BTreeMap::new();
        for (name, id) in world.names.iter().filter(|(name, _)| !FOREIGN.contains(&name.as_str())) {
            if name.starts_with(".shop.log.order") {
                continue;
            }
            let is_ours = name == "shop.log" || self.plan.names.parse(name).is_some();
            assert!(is_ours, "{name} was left behind");
            let is_packed = self.plan.names.parse(name).is_some_and(|(_, packing)| packing == Packing::Gzip);
            assert!(
                name == "shop.log" || is_packed == self.plan.compression.is_some(),
                "{name} is not packed"
            );
            for line in lines(name, &world.nodes[id].data) {
                *found.entry(line).or_default() += 1;
            }
        }
        let mut pruned = BTreeSet::new();
        for removed in &world.removed {
            let keys = |names: &[String]| -> Vec<RotationKey> {
                names.iter().filter_map(|name| self.plan.names.parse(name).map(|(key, _)| key)).collect()
            };
            if removed.name == ".shop.log.order.new" {
                continue;
            }
            let Some((key, _)) = self.plan.names.parse(&removed.name) else {
                assert!(
                    self.plan.names.parse_unfinished(&removed.name).is_some(),
                    "{} was removed",
                    removed.name
                );
                continue;
            };
            if keys(&removed.beside).contains(&key) {
                // The other form of the same file is there: packed, or pruned next.
                pruned.extend(
                    lines(&removed.name, &removed.data).into_iter().filter(|line| !found.contains_key(line)),
                );
                continue;
            }
            let mut newer = keys(&removed.newer);
            newer.sort_by_key(|key| format!("{key:?}"));
            newer.dedup();
            assert!(newer.len() >= 3 && self.plan.keep.count == Some(3), "{} went too early", removed.name);
            pruned.extend(lines(&removed.name, &removed.data));
        }
        for line in &self.acknowledged {
            assert!(found.contains_key(line) || pruned.contains(line), "lost {line:?}");
        }
        for (line, times) in &found {
            assert_eq!(*times, 1, "{line:?}");
        }
        if let Some(keep) = self.plan.keep.count {
            let kept: BTreeSet<_> = world
                .names
                .keys()
                .filter_map(|name| self.plan.names.parse(name))
                .map(|(key, _)| format!("{key:?}"))
                .collect();
            assert!(kept.len() <= keep, "{kept:?}");
        }
    }
}

/// The whole lines of a file.
fn lines(name: &str, data: &[u8]) -> Vec<String> {
    let mut text = Vec::new();
    if Path::new(name).extension().is_some_and(|extension| extension == "gz") {
        flate2::read::GzDecoder::new(data).read_to_end(&mut text).unwrap();
    } else {
        text.extend_from_slice(data);
    }
    let text = String::from_utf8(text).unwrap();
    text.lines()
        .filter(|line| line.starts_with('<') && line.ends_with('>') && line.matches(['<', '>']).count() == 2)
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The seeds that one failing history is looked for in; each is a history of its own.
fn histories(seeds: std::ops::Range<u64>) -> (u64, u64, u64) {
    let mut sums = (0, 0, 0);
    for seed in seeds {
        // From none to one call in eight.
        let mut history = History::new(seed, [0, 5, 20, 60, 125][usize::try_from(seed % 5).unwrap()]);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            history.run();
            history.check();
        }));
        assert!(outcome.is_ok(), "seed {seed}");
        sums.0 += history.acknowledged.len() as u64;
        sums.1 += history.deaths;
        sums.2 += history.fake.world().calls;
    }
    sums
}

#[test]
fn no_acknowledged_line_is_lost_or_doubled() {
    let (acknowledged, deaths, calls) = histories(0..10_000);
    assert!(acknowledged > 200_000 && deaths > 5_000, "{acknowledged} lines, {deaths} deaths, {calls} calls");
}
