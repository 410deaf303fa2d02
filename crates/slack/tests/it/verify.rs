//! Asked, and not posted.

use watchfire_inbox::Demo;
use watchfire_testing::{asked, conformance};

use super::*;

fn bot(inbox: &Inbox, token: &str) -> Slack {
    let slack = Slack::bot(token, Demo::SLACK_CHANNEL).also_to("#ops");
    slack.api_url(inbox.slack_api_base()).build().unwrap()
}

#[test]
fn a_bot_is_known_or_refused_and_nothing_is_posted() {
    let inbox = Inbox::start().unwrap();
    conformance::of(&bot(&inbox, Demo::SLACK_TOKEN)).check_verify(|| inbox.all().len());
    let found = asked(&bot(&inbox, Demo::SLACK_TOKEN));
    assert_eq!(found[0], ("bot".to_owned(), "accepted", "`watchfire` in the workspace `inbox`".to_owned()));
    assert_eq!((found[1].0.as_str(), found[1].1), (Demo::SLACK_CHANNEL, "untold"));
    assert_eq!((found[2].0.as_str(), found[2].1), ("#ops", "untold"));
    let found = asked(&bot(&inbox, "xoxb-planted-wrong-token"));
    assert_eq!((found[0].1, found[0].2.starts_with("invalid_auth; ")), ("refused", true), "{found:?}");
    inbox.fail(Provider::SlackApi, Fault::RateLimit { retry_after: Some(1) }.times(1)).unwrap();
    assert_eq!(asked(&bot(&inbox, Demo::SLACK_TOKEN))[0].1, "unreachable");
    assert_eq!(inbox.all().len(), 0);
}

#[test]
fn of_a_webhook_only_the_host_is_tried() {
    let inbox = Inbox::start().unwrap();
    let slack = Slack::webhook(inbox.slack_webhook_url()).build().unwrap();
    conformance::of(&slack).check_verify(|| inbox.all().len());
    let found = asked(&slack);
    assert_eq!((found.len(), found[0].0.as_str(), found[0].1), (1, "webhook", "untold"));
    assert!(found[0].2.contains(" answers; "), "{found:?}");
    drop(inbox);
    let found = asked(&slack);
    assert_eq!(found[0].1, "unreachable", "{found:?}");
    assert!(!SECRETS.iter().any(|secret| found[0].2.contains(secret)), "{found:?}");
}
