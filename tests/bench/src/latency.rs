//! The cost of an alert while something is wrong, and its time to the spool.
//!
//! The same errors at the same pace, in turns: with a provider that answers, one that is not there, one that hangs, with
//! the queue full, and on a slow disk. The provider is a real port on loopback, the spool a real folder. Everything is
//! captured: each callsite stays within the burst that the gate lets through.

#![expect(clippy::disallowed_methods, reason = "measuring is reading the clock")]

use std::fs::File;
use std::future;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tracing::{Dispatch, dispatcher, error, info_span};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;
use watchfire_core::SelfLog;
use watchfire_outbox::{
    Delivering, Notification, NotificationPolicy, Occasion, Outbox, OutboxBuilder, Outcome, Rate, Sink,
    SinkExt, Stats,
};

use crate::measure::Shuffler;
use crate::storm::{BURST, PACE, SITES, pass_sites};

/// The extra time of a sync on the slow disk.
const SLOW: Duration = Duration::from_millis(200);
/// How many of a round are not counted: they are cold, and the first wakes the worker.
const COLD: usize = 160;

const SCENES: [(&str, LatencyCase); 5] = [
    (
        "all is well",
        LatencyCase { provider: BenchProvider::Answers, capacity: ROOMY, slower: Duration::ZERO },
    ),
    (
        "the provider is down",
        LatencyCase { provider: BenchProvider::Down, capacity: ROOMY, slower: Duration::ZERO },
    ),
    (
        "the provider hangs",
        LatencyCase { provider: BenchProvider::Hangs, capacity: ROOMY, slower: Duration::ZERO },
    ),
    (
        "the queue is full",
        LatencyCase { provider: BenchProvider::Stuck, capacity: 1, slower: Duration::ZERO },
    ),
    ("the disk is slow", LatencyCase { provider: BenchProvider::Answers, capacity: ROOMY, slower: SLOW }),
];
const ROOMY: usize = 100_000;

#[derive(Clone, Copy)]
struct LatencyCase {
    provider: BenchProvider,
    capacity: usize,
    slower: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum BenchProvider {
    Answers,
    Down,
    Hangs,
    /// Holds the worker itself, so that the queue stays full.
    Stuck,
}

pub fn run(rounds: usize) {
    let ports = Ports::open();
    callers(rounds, &ports);
    spooled(rounds, &ports);
    // The couriers of the full queues never come back.
    std::process::exit(0);
}

fn callers(rounds: usize, ports: &Ports) {
    let mut random = Shuffler::new();
    let mut figures: Vec<(Vec<u128>, Stats)> = SCENES.iter().map(|_| Default::default()).collect();
    for _ in 0..rounds {
        for index in random.order(SCENES.len()) {
            let (took, stats) = play(SCENES[index].1, ports);
            figures[index].0.extend(took);
            figures[index].1 = stats;
        }
    }
    println!(
        "{:<28}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}{:>10}",
        "ns at the caller", "p50", "×", "p99", "×", "p99.9", "×", "max", "dropped"
    );
    let at = |took: &[u128], share: f64| took[((took.len() - 1) as f64 * share) as usize];
    let mut base = None;
    for ((name, _), (took, stats)) in SCENES.iter().zip(&mut figures) {
        took.sort_unstable();
        let row = [0.5, 0.99, 0.999].map(|share| at(took, share));
        let base = base.get_or_insert(row);
        print!("{name:<28}");
        for (ours, theirs) in row.iter().zip(base) {
            print!("{ours:>9}{:>9.2}", *ours as f64 / *theirs as f64);
        }
        let channel = &stats.channels[0];
        let events = (BURST * SITES.len() * 8 + usize::from(channel.dropped_full > 0)) as u64;
        assert_eq!(channel.captured, events, "each event is captured or counted as dropped");
        println!("{:>10}{:>10}", at(took, 1.0), channel.dropped_full);
    }
    println!(
        "× is the ratio to the first row; {} events of each, one per {} µs; dropped: of the {} of one round",
        figures[0].0.len(),
        PACE.as_micros(),
        BURST * SITES.len() * 8
    );
}

/// Runs one scene once: what each event took, and what was counted.
fn play(scene: LatencyCase, ports: &Ports) -> (Vec<u128>, Stats) {
    let folder = folder();
    let stage = BenchProgram::open(scene, ports, NotificationPolicy::default(), folder.path());
    if scene.provider == BenchProvider::Stuck {
        dispatcher::with_default(&stage.dispatch, || error!("the one that the worker is stuck with"));
        while stage.outbox.stats().queue_length > 0 {
            std::hint::spin_loop();
        }
    }
    let mut took = Vec::with_capacity(BURST * SITES.len() * 8);
    stage.in_spans(|| {
        for _ in 0..BURST {
            pass_sites(&mut took);
        }
    });
    (took.split_off(COLD), stage.outbox.stats())
}

/// How many events a round has of which it is awaited that they are in the spool: fewer than the outbox keeps its
/// gauges exact for.
const EVENTS: u64 = 200;

fn spooled(rounds: usize, ports: &Ports) {
    let scene = |slower| LatencyCase { provider: BenchProvider::Hangs, capacity: 1024, slower };
    let cases = [
        ("nobody else uses the disk", scene(Duration::ZERO), false),
        ("others sync all the time", scene(Duration::ZERO), true),
        ("each sync takes 20 ms longer", scene(Duration::from_millis(20)), false),
    ];
    println!("\n{:<44}{:>8}{:>8}{:>8}{:>8}", "ms from the event", "p50", "p99", "p99.9", "max");
    for (name, scene, crowded) in cases {
        let mut took = Spooled::default();
        for _ in 0..rounds.div_ceil(4) {
            let folder = folder();
            let crowd = crowded.then(|| Crowd::gather(folder.path().join("crowd")));
            until_spooled(scene, ports, folder.path(), &mut took);
            drop(crowd);
        }
        println!("{name}");
        let rows = [
            ("the same file written by hand", took.by_hand),
            ("until it is in its file, synced and renamed", took.in_file),
            ("until its folder and the counts are synced", took.accepted),
        ];
        for (name, mut took) in rows {
            took.sort_unstable();
            let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
            print!("  {name:<42}");
            [0.5, 0.99, 0.999, 1.0].iter().for_each(|share| print!("{:>8.2}", at(*share)));
            println!();
        }
    }
    println!("meant: p99 below 50 on an idle disk; {} events of each", EVENTS as usize * rounds.div_ceil(4));
}

#[derive(Default)]
struct Spooled {
    /// The time of the disk itself, at the same time and place.
    by_hand: Vec<Duration>,
    in_file: Vec<Duration>,
    accepted: Vec<Duration>,
}

/// Logs now and then, and waits after each event until its message is in the spool.
fn until_spooled(scene: LatencyCase, ports: &Ports, folder: &Path, took: &mut Spooled) {
    let mut noise = NotificationPolicy::tracker().budget([]);
    noise.every = Some(Rate::new(1_000_000, Duration::from_secs(60)).burst(1_000_000));
    let stage = BenchProgram::open(scene, ports, noise, folder);
    let channel = || stage.outbox.stats().channels.swap_remove(0);
    stage.in_spans(|| {
        for event in 0..EVENTS {
            took.by_hand.push(write_by_hand(folder));
            // Sometimes the worker still naps, sometimes it sleeps.
            std::thread::sleep(Duration::from_millis(1 + event * 7 % 20));
            let before = channel();
            let begin = Instant::now();
            error!(order = event, "payment refused");
            while channel().spooled == before.spooled {
                std::hint::spin_loop();
            }
            took.in_file.push(begin.elapsed());
            while channel().pending_bytes == before.pending_bytes {
                std::hint::spin_loop();
            }
            took.accepted.push(begin.elapsed());
        }
    });
    let channel = channel();
    assert_eq!((channel.captured, channel.spooled), (EVENTS, EVENTS), "nothing is dropped");
}

/// Does once what the spool does.
fn write_by_hand(folder: &Path) -> Duration {
    let begin = Instant::now();
    let (temporary, name) = (folder.join("by-hand.tmp"), folder.join("by-hand"));
    let mut file = File::create(&temporary).expect("a file");
    file.write_all(&[b'x'; 4096]).and_then(|()| file.sync_all()).expect("a disk that takes it");
    std::fs::rename(temporary, name).and_then(|()| File::open(folder)?.sync_all()).expect("a folder");
    begin.elapsed()
}

/// Others who write to the same disk.
struct Crowd {
    over: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Crowd {
    fn gather(path: PathBuf) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let write = |number: usize| {
            let (over, path) = (Arc::clone(&over), path.with_extension(number.to_string()));
            std::thread::spawn(move || {
                let mut file = File::create(path).expect("a file");
                while !over.load(Ordering::Acquire) {
                    file.write_all(&[0; 4096]).and_then(|()| file.sync_all()).expect("a disk that takes it");
                }
            })
        };
        Self { threads: (0..4).map(write).collect(), over }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        self.threads.drain(..).for_each(|thread| thread.join().expect("it ends"));
    }
}

/// A program: an outbox with one channel, and a dispatcher of its own.
struct BenchProgram {
    outbox: Outbox,
    dispatch: Dispatch,
}

impl BenchProgram {
    fn open(scene: LatencyCase, ports: &Ports, noise: NotificationPolicy, folder: &Path) -> Self {
        let builder: OutboxBuilder = Outbox::builder("shop")
            .spool(folder.join("spool"))
            .slow_disk(scene.slower)
            .capacity(scene.capacity)
            .drop_deadline(Duration::ZERO)
            .exit_deadline(Duration::ZERO)
            .self_log(SelfLog::to(|_| ()));
        let outbox = builder.start().expect("an outbox starts");
        let dial = Dial { provider: scene.provider, address: ports.of(scene.provider) };
        let layer = dial.channel().notifications(noise).layer(&outbox).expect("a name of its own");
        let dispatch = Dispatch::new(registry().with(layer));
        Self { outbox, dispatch }
    }

    fn in_spans(&self, work: impl FnOnce()) {
        dispatcher::with_default(&self.dispatch, || {
            let _request = info_span!("request", method = "POST", path = "/orders", id = "7f3a").entered();
            let _order = info_span!("order", order = 1017_u64, customer = "ada").entered();
            let _payment = info_span!("payment", provider = "acme").entered();
            work();
        });
    }
}

/// A folder on the disk that this program lies on: that of temporary files is often none.
fn folder() -> TempDir {
    let program = std::env::current_exe().expect("this program");
    tempfile::tempdir_in(program.parent().expect("its folder")).expect("a folder")
}

/// The providers' ports.
struct Ports {
    answers: SocketAddr,
    down: SocketAddr,
    /// Takes connections and reads nothing.
    hangs: TcpListener,
}

impl Ports {
    fn open() -> Self {
        let listen = || TcpListener::bind("127.0.0.1:0").expect("a port");
        let listener = listen();
        let answers = listener.local_addr().expect("a port");
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                // A client that has left needs no answer.
                let mut line = [0; 64];
                drop(stream.read(&mut line).and_then(|_| stream.write_all(b"ok")));
            }
        });
        let down = listen().local_addr().expect("a port");
        Self { answers, down, hangs: listen() }
    }

    fn of(&self, provider: BenchProvider) -> SocketAddr {
        match provider {
            BenchProvider::Answers => self.answers,
            BenchProvider::Down => self.down,
            BenchProvider::Hangs | BenchProvider::Stuck => self.hangs.local_addr().expect("a port"),
        }
    }
}

/// Delivers over a connection of its own.
struct Dial {
    provider: BenchProvider,
    address: SocketAddr,
}

impl Dial {
    async fn say(&self, notification: &Notification) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(notification.body()).await?;
        stream.read_exact(&mut [0; 2]).await.map(drop)
    }
}

impl Sink for Dial {
    fn kind(&self) -> &'static str {
        "dial"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        if self.provider == BenchProvider::Stuck {
            loop {
                std::thread::park();
            }
        }
        vec![occasion.notification("all").plain(occasion.title())]
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        if self.provider == BenchProvider::Stuck {
            return Box::pin(future::pending());
        }
        Box::pin(async move {
            match self.say(notification).await {
                Ok(()) => Outcome::Delivered(None),
                Err(error) => Outcome::Transient(error.to_string().into()),
            }
        })
    }
}
