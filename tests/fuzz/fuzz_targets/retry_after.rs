//! Any Retry-After that a server sends is read as a wait, or as none.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use watchfire_http::{Response, by_status};

fuzz_target!(|value: &str| {
    let response = Response::new(429, Vec::new())
        .with_header("retry-after", value)
        .received_at(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    std::hint::black_box(response.retry_after());
    std::hint::black_box(by_status(&response));
});
