//! Ask a sink to verify, and return its findings in rows.

use std::time::Duration;

use watchfire_outbox::{Sink, Verified, verify};

/// Asks a sink to verify, for at most 20 s, and returns what it found in rows that compare easily: the subject, the
/// verdict's word, and what was said.
///
/// ```
/// let found = watchfire_testing::asked(&watchfire_testing::Captured::new());
/// assert_eq!((found[0].0.as_str(), found[0].1), ("credentials", "untold"));
/// ```
pub fn asked(sink: &dyn Sink) -> Vec<(String, &'static str, String)> {
    let found = verify([sink], Duration::from_secs(20)).concat();
    let row = |one: Verified| (one.subject, one.verdict.as_str(), one.verdict.reason().to_string());
    found.into_iter().map(row).collect()
}
