//! Tests of watchfire as a whole: laws that no single crate can show. Each scenario runs in a process of its own, with a
//! global default subscriber, because a scoped one hides re-entrancy.

mod chance;
#[cfg(target_os = "linux")]
mod disk;
mod ends;
mod exits;
mod faults;
mod kills;
mod noise;
mod outages;
mod pictures;
mod random;
mod readme;
mod requests;
mod scenario;
mod shop;
