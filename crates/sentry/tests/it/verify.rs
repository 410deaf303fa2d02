//! Asked, and not posted.

use watchfire_inbox::Inbox;
use watchfire_sentry::Sentry;
use watchfire_testing::{asked, conformance};

#[test]
fn only_the_host_is_tried_and_nothing_is_posted() {
    let inbox = Inbox::start().unwrap();
    let sentry = Sentry::dsn(inbox.sentry_dsn()).build().unwrap();
    conformance::of(&sentry).check_verify(|| inbox.all().len());
    let found = asked(&sentry);
    assert_eq!((found[0].0.as_str(), found[0].1), ("project 42", "untold"), "{found:?}");
    drop(inbox);
    assert_eq!(asked(&sentry)[0].1, "unreachable");
}
