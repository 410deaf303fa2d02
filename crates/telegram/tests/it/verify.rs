//! Asked, and not posted.

use watchfire_testing::{asked, conformance};

use super::*;

#[test]
fn verify_knows_bot_and_chats_and_posts_nothing() {
    let inbox = Inbox::start().unwrap();
    let telegram = telegram(&inbox).also_to(Demo::TELEGRAM_CHANNEL).also_to("-1009").build().unwrap();
    conformance::of(&telegram).check_verify(|| inbox.all().len());
    let found = asked(&telegram);
    let short: Vec<_> = found.iter().map(|(subject, verdict, _)| (subject.as_str(), *verdict)).collect();
    let topic = format!("{}/{}", Demo::TELEGRAM_CHAT, Demo::TELEGRAM_THREAD);
    assert_eq!(
        short,
        [
            ("bot", "accepted"),
            (topic.as_str(), "accepted"),
            (Demo::TELEGRAM_CHANNEL, "accepted"),
            ("-1009", "refused")
        ]
    );
    assert_eq!(found[0].2, "@watchfire_bot");
    assert!(found[3].2.starts_with("Bad Request: chat not found; is the chat's id right"), "{found:?}");
    assert_eq!(inbox.all().len(), 0);
}

#[test]
fn a_wrong_token_is_refused_once_and_a_moved_group_followed() {
    let inbox = Inbox::start().unwrap();
    let wrong = Telegram::bot("123456789:planted-wrong-planted-wrong-00", Demo::TELEGRAM_PRIVATE_CHAT);
    let found = asked(&wrong.api_url(inbox.telegram_base()).build().unwrap());
    assert_eq!((found.len(), found[0].1), (1, "refused"), "{found:?}");
    assert!(!format!("{found:?}").contains("planted"));
    let to = -1_009_876_543_210;
    inbox.fail(ROOM, Fault::Migrate { from: Demo::TELEGRAM_CHAT, to }.always()).unwrap();
    let found = asked(&telegram(&inbox).build().unwrap());
    assert_eq!(
        (found[1].1, found[1].2.ends_with(&format!("it is now {to}/42"))),
        ("refused", true),
        "{found:?}"
    );
}
