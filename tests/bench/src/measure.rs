//! Times contestants in turns, so that a change of the machine's speed meets all of them.

#![expect(clippy::disallowed_methods, reason = "measuring is reading the clock")]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Events in one batch: so few that the scheduler seldom takes the processor away within it.
const BATCH: u32 = 100;
/// Batches per round.
const BATCHES: u32 = 20;
/// Events timed one by one, per round.
const SINGLES: u32 = 2_000;
/// Events before each measurement, for caches and branch predictors.
const WARM_UP: u32 = 300;

/// Takes one event, as often as it likes.
pub type Measure<'a> = &'a mut dyn FnMut(&dyn Fn());

/// Somebody who is measured.
pub struct Contestant {
    pub name: &'static str,
    /// Sets the scene (a dispatcher, spans), and hands the measure what to time in it.
    pub scene: Box<dyn Fn(Measure<'_>)>,
}

/// Measures all, and prints a table with ratios to the one called `base`.
pub fn compare(contestants: &[Contestant], rounds: usize, base: &str) {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64) | 1;
    let mut random = Shuffler(seed);
    let mut figures: Vec<Samples> = contestants.iter().map(|_| Samples::default()).collect();
    for _ in 0..rounds {
        for index in random.order(contestants.len()) {
            let samples = &mut figures[index];
            (contestants[index].scene)(&mut |event| samples.round(event));
        }
    }
    let rows: Vec<MeasuredRow> = figures.into_iter().map(Samples::row).collect();
    let position =
        contestants.iter().position(|contestant| contestant.name == base).expect("the base is measured");
    print(contestants, &rows, &rows[position], base);
    println!(
        "\n{rounds} rounds of {BATCHES} batches of {BATCH} events (mean: that of the median batch) and {SINGLES} one by one"
    );
    println!("(p50, p99: the clock's own time of {} ns is included); seed {seed}", clock_cost());
}

#[derive(Default)]
struct Samples {
    /// Nanoseconds per event of each batch.
    means: Vec<f64>,
    /// Nanoseconds of each single event.
    singles: Vec<u32>,
}

struct MeasuredRow {
    mean: f64,
    p50: f64,
    p99: f64,
}

impl Samples {
    fn round(&mut self, event: &dyn Fn()) {
        for _ in 0..WARM_UP {
            event();
        }
        for _ in 0..BATCHES {
            let start = Instant::now();
            for _ in 0..BATCH {
                event();
            }
            self.means.push(start.elapsed().as_nanos() as f64 / f64::from(BATCH));
        }
        for _ in 0..SINGLES {
            let start = Instant::now();
            event();
            self.singles.push(u32::try_from(start.elapsed().as_nanos()).unwrap_or(u32::MAX));
        }
    }

    fn row(mut self) -> MeasuredRow {
        self.means.sort_by(f64::total_cmp);
        self.singles.sort_unstable();
        let at = |part: f64| f64::from(self.singles[((self.singles.len() - 1) as f64 * part) as usize]);
        MeasuredRow { mean: self.means[self.means.len() / 2], p50: at(0.5), p99: at(0.99) }
    }
}

fn print(contestants: &[Contestant], rows: &[MeasuredRow], base: &MeasuredRow, name: &str) {
    println!("{:<42}{:>10}{:>8}{:>10}{:>8}{:>10}{:>8}", "ns per event", "mean", "×", "p50", "×", "p99", "×");
    for (contestant, row) in contestants.iter().zip(rows) {
        print!("{:<42}", contestant.name);
        for (ours, theirs) in [(row.mean, base.mean), (row.p50, base.p50), (row.p99, base.p99)] {
            print!("{ours:>10.0}{:>8.2}", ours / theirs);
        }
        println!();
    }
    println!("× is the ratio to \"{name}\"");
}

fn clock_cost() -> u128 {
    let mut costs: Vec<u128> = (0..1001).map(|_| Instant::now().elapsed().as_nanos()).collect();
    costs.sort_unstable();
    costs[500]
}

/// Marsaglia's xorshift64: enough to shuffle with.
pub struct Shuffler(u64);

impl Shuffler {
    /// Makes a generator that no two runs share.
    pub fn new() -> Self {
        Self(SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Returns the numbers below `len` in random order.
    pub fn order(&mut self, len: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..len).collect();
        for last in (1..len).rev() {
            order.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
        order
    }
}
