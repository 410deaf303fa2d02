//! Random inputs from a seed that is told when a test fails with it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

const SEED: &str = "TEST_SEED";

/// Marsaglia's xorshift64.
pub(crate) struct Random(u64);

impl Random {
    /// Takes the seed of the environment, or one of its own.
    pub(crate) fn new() -> Self {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        Self(std::env::var(SEED).map_or(nanos, |seed| seed.parse().unwrap()) | 1)
    }

    pub(crate) fn seed(&self) -> u64 {
        self.0
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.next() as u8).collect()
    }

    /// Edits at some places: a bit, a byte, a cut, a copy, a word of `words`, noise, or everything after.
    pub(crate) fn edited(&mut self, bytes: &[u8], words: &[&str]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(20)).min(bytes.len());
            match self.below(7) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 if at < bytes.len() => bytes[at] = self.next() as u8,
                2 => drop(bytes.drain(at..end)),
                3 => {
                    let copy = bytes[at..end].to_vec();
                    let to = self.below(bytes.len() + 1);
                    drop(bytes.splice(to..to, copy));
                }
                4 => drop(bytes.splice(at..at, self.bytes(8))),
                5 if self.below(4) == 0 => bytes.truncate(at),
                _ => drop(bytes.splice(at..end.min(at + self.below(8)), self.pick(words).bytes())),
            }
        }
        bytes
    }
}

/// Repeats `work` with new seeds for the time that the environment sets, one second by default, and prints the count.
/// With a seed in the environment it runs once.
pub(crate) fn go_on(what: &str, mut work: impl FnMut(&mut Random)) {
    let once = std::env::var_os(SEED).is_some();
    let seconds = std::env::var("TEST_RANDOM_SECONDS").map_or(1, |seconds| seconds.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seeds = Random::new();
    let mut times = 0_u64;
    while times == 0 || (!once && Instant::now() < end) {
        let seed = seeds.seed();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(&mut Random(seed)))) {
            eprintln!("{what}: fails with {SEED}={seed}, after {times} that did not");
            resume_unwind(panic);
        }
        seeds.next();
        times += 1;
    }
    println!("{what}: {times} in {seconds} s");
}
