//! kill -9 for real: a program under load is killed again and again, and what it had reported as spooled arrives.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use watchfire::{
    App, ChannelStats, DeliveryPolicy, NotificationPolicy, Outbox, Rate, Severity, UncleanEnd, handler::Alert,
};
use watchfire_inbox::{Fault, FaultPlan, Inbox, Provider, Received, SmtpStage};

use crate::{
    chance::Random,
    scenario::{NAME, is_child},
    shop::{Doors, Shop, brisk, inbox, is_marked},
};

const TEST: &str = "kills::spooled_messages_arrive_however_often_we_are_killed";
const FOLDER: &str = "WATCHFIRE_TEST_FOLDER";
const PORTS: &str = "WATCHFIRE_TEST_PORTS";
const LIFE: &str = "WATCHFIRE_TEST_LIFE";
const PROVIDERS: [Provider; 2] = [Provider::SlackWebhook, Provider::Smtp];

#[test]
fn spooled_messages_arrive_however_often_we_are_killed() {
    if is_child(TEST) {
        return match std::env::var(LIFE).unwrap().as_str() {
            "last" => deliver_the_rest(),
            life => alert_for_ever(life),
        };
    }
    let kills = std::env::var("TEST_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let mut random = Random::new();
    println!("seed {}", random.seed());
    // A kill takes nothing from a file system, in memory or not; in memory its syncs do not hold up the deliveries, and
    // more of them are under way when it comes.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let inbox = inbox(0, 0);
    let mut arrived = Arrived::default();
    let mut reported = Vec::new();
    for life in 0..kills {
        for provider in PROVIDERS {
            inbox.heal(provider);
            for plan in faults(&mut random, provider) {
                inbox.fail(provider, plan).unwrap();
            }
        }
        let mut child = start(&life.to_string(), &inbox, folder.path());
        let least = random.below(120) as u64;
        reported.push(kill_when(&mut child, least));
        arrived.note(inbox.drain());
    }
    PROVIDERS.iter().for_each(|provider| inbox.heal(*provider));
    let mut last = start("last", &inbox, folder.path());
    while last.try_wait().unwrap().is_none() {
        // It may be more than the inbox keeps.
        let _many = inbox.wait_for_attempts(Provider::Smtp, 500, Duration::from_millis(200));
        arrived.note(inbox.drain());
    }
    let last = last.wait_with_output().unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    arrived.note(inbox.drain());
    let left = left_in(folder.path());
    assert!(left.is_empty(), "{} left in the spool, such as {:?}", left.len(), left[0]);

    let (mut spooled, mut twice) = (0, 0);
    for (life, counts) in reported.iter().enumerate() {
        for (provider, count) in PROVIDERS.into_iter().zip(counts) {
            spooled += count;
            for number in 0..*count {
                assert!(
                    arrived.0.contains_key(&(provider, life as u64, number)),
                    "{provider}: alert {life}-{number} of {count} is lost"
                );
            }
        }
    }
    for ((provider, life, number), copies) in &arrived.0 {
        assert!(copies.plain <= 1, "{provider}: alert {life}-{number} came {} times unmarked", copies.plain);
        twice += u64::from(copies.plain + copies.marked > 1);
    }
    println!(
        "{kills} kills: {spooled} messages reported as spooled, none lost, {} arrived, {twice} of them more than once, \
         each time marked",
        arrived.0.len()
    );
    assert!(spooled > 0, "something was at stake");
}

/// The messages that arrived: provider, life, number.
#[derive(Default)]
struct Arrived(BTreeMap<(Provider, u64, u64), Copies>);

#[derive(Default)]
struct Copies {
    plain: u64,
    marked: u64,
}

impl Arrived {
    fn note(&mut self, messages: Vec<Received>) {
        for message in messages.iter().filter(|message| message.verdict.is_accepted()) {
            let text = message.text();
            // A text may name its alert more than once, as a title and in full.
            let named: BTreeSet<_> = text.split("alert ").skip(1).filter_map(parse).collect();
            assert_eq!(named.len(), 1, "{text}");
            for (life, number) in named {
                let copies = self.0.entry((message.provider, life, number)).or_default();
                if is_marked(message) { copies.marked += 1 } else { copies.plain += 1 }
            }
        }
    }
}

/// Reads `3-17.` and what follows.
fn parse(text: &str) -> Option<(u64, u64)> {
    let (life, number) = text.split_once('.')?.0.split_once('-')?;
    Some((life.parse().ok()?, number.parse().ok()?))
}

fn start(life: &str, inbox: &Inbox, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .envs([(NAME, TEST), (LIFE, life)])
        .env(PORTS, format!("{} {}", inbox.http_addr().port(), inbox.smtp_addr().port()))
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills the program when it has reported so many messages as spooled; returns what it has, per channel.
fn kill_when(child: &mut Child, least: u64) -> Vec<u64> {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut last = Vec::new();
    let mut line = String::new();
    while last.iter().sum::<u64>() < least {
        line.clear();
        let read = out.read_line(&mut line).unwrap();
        assert!(read > 0, "the program ended by itself");
        last = counts(&line).unwrap_or(last);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The rest of its output, except a line that was cut.
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    rest.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .filter_map(counts)
        .next_back()
        .unwrap_or(last)
}

fn counts(line: &str) -> Option<Vec<u64>> {
    line.trim().strip_prefix("spooled ")?.split(' ').map(|count| count.parse().ok()).collect()
}

/// The program: Slack and mail, and a spool.
fn program() -> Shop {
    let ports = std::env::var(PORTS).unwrap();
    let (http, smtp) = ports.split_once(' ').unwrap();
    let doors = Doors { http: http.parse().unwrap(), smtp: smtp.parse().unwrap() };
    let policy = |policy: DeliveryPolicy| {
        let mut policy = brisk(policy);
        policy.timeout = Duration::from_millis(500);
        // The test is about everything arriving, not about it arriving once.
        policy.notifications = NotificationPolicy::tracker().budget([]);
        policy.notifications.every = Some(Rate::new(1_000_000, Duration::from_secs(60)).burst(1_000_000));
        policy
    };
    // Every life of the program ends by a kill: the reports of that are not what is counted here.
    let builder = Outbox::builder("shop").unclean_end(UncleanEnd::Off);
    Shop::open(builder.spool(PathBuf::from(std::env::var_os(FOLDER).unwrap())))
        .channel("slack", doors.slack(), policy)
        .channel("email", doors.email(), policy)
}

/// Alerts, and says how many messages of this life are in the spool.
fn alert_for_ever(life: &str) {
    let shop = program();
    let floods = life.parse::<u64>().unwrap() % 2 == 0;
    let began = Instant::now();
    for number in 0_u64.. {
        let text = format!("alert {life}-{number}.");
        // Each life has another group, so that none waits behind what an earlier one has left.
        let alert = Alert::new(App::new("shop"), Severity::Error, text).target(format!("shop::life{life}"));
        shop.outbox.alert(alert.place("src/shop.rs", 1));
        loop {
            let channels = shop.outbox.stats().channels;
            let spooled: Vec<String> = channels.iter().map(|channel| channel.spooled.to_string()).collect();
            let mut out = std::io::stdout().lock();
            if writeln!(out, "spooled {}", spooled.join(" ")).and_then(|()| out.flush()).is_err()
                || began.elapsed() > Duration::from_secs(120)
            {
                return;
            }
            // Every other life is one in which much is being delivered.
            let keeps_up = |channel: &ChannelStats| match floods {
                true => channel.spooled + 20 > number,
                false => channel.delivered + 5 > number,
            };
            if channels.iter().all(keeps_up) {
                break;
            }
            std::thread::yield_now();
        }
    }
}

/// Delivers what all lives before have left.
fn deliver_the_rest() {
    let shop = program();
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let mut left = left_in(&folder).len();
    let mut progress = Instant::now();
    while left > 0 && progress.elapsed() < Duration::from_secs(60) {
        let _report = shop.outbox.drain(Duration::from_millis(200));
        let now = left_in(&folder).len();
        if now < left {
            progress = Instant::now();
        }
        left = now;
    }
}

fn left_in(spool: &Path) -> Vec<PathBuf> {
    let hosts = fs::read_dir(spool.join("hosts")).unwrap().map(|host| host.unwrap().path().join("cur"));
    let folders = ["new", "damaged", "dead"].map(|name| spool.join(name)).into_iter().chain(hosts);
    folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path()).collect()
}

/// The faults of a provider in one life.
fn faults(random: &mut Random, provider: Provider) -> Vec<FaultPlan> {
    let down = match provider {
        Provider::Smtp => {
            Fault::Reply { at: SmtpStage::Mail, reply: "451 4.3.0 try again later".into(), address: None }
        }
        _ => Fault::Status { status: 503, body: None, headers: Vec::new() },
    };
    // After an answer that was lost the next copy waits twice as long or more, and its group waits behind it: with many
    // such in a row a life would take minutes.
    let unclear = [Fault::Reset { at: None }, Fault::ResetAfterAccept, Fault::HangAfterAccept];
    let faults = std::iter::once((down, 4)).chain(unclear.map(|fault| (fault, 2)));
    let picked = faults.filter(|_| random.below(3) == 0).collect::<Vec<_>>();
    picked.into_iter().map(|(fault, most)| fault.times(1 + random.below(most) as u32)).collect()
}
