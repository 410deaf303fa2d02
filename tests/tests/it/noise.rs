//! Each channel speaks as much as the guide says: the tables there are those of `NotificationPolicy`, which the outbox compares, and
//! here it is looked which of them a channel has.

use std::time::Duration;

use watchfire::{
    DeliveryPolicy, Email, NotificationPolicy, Sentry, Slack, Sms, Telegram, Twilio, sink::Sink,
};

#[test]
fn each_channel_has_the_defaults_of_its_table() {
    let twilio = Twilio::new("AC00000000000000000000000000000000", "planted-token").from("+15005550006");
    let sms = Sms::to(["+436601234567"]).twilio(twilio).build().unwrap();
    let mail = Email::to(["ada@example.com"])
        .from("shop@example.com")
        .server("smtp://mail.example.com")
        .build()
        .unwrap();
    let cases: [(&str, DeliveryPolicy, NotificationPolicy, bool); 6] = [
        ("mail", mail.policy(), NotificationPolicy::mail(), false),
        (
            "chat",
            Slack::bot("xoxb-planted-token", "C1").build().unwrap().policy(),
            NotificationPolicy::chat(),
            true,
        ),
        (
            "webhook",
            Slack::webhook("https://hooks.slack.com/services/T0/B0/planted").build().unwrap().policy(),
            NotificationPolicy::webhook(),
            false,
        ),
        (
            "messenger",
            Telegram::bot("1234567:planted_token_planted_token_planted_1", "-100").build().unwrap().policy(),
            NotificationPolicy::messenger(),
            true,
        ),
        ("sms", sms.policy(), NotificationPolicy::sms(), false),
        (
            "tracker",
            Sentry::dsn("https://planted@sentry.example.com/1").build().unwrap().policy(),
            NotificationPolicy::tracker(),
            false,
        ),
    ];
    for (name, policy, noise, can_edit) in cases {
        assert_eq!((policy.notifications, policy.can_edit), (noise, can_edit), "{name}");
        // One message a second to one chat, as the providers have it.
        let is_paced = policy.min_gap >= Duration::from_secs(1);
        assert_eq!(is_paced, ["chat", "webhook", "messenger"].contains(&name), "{name}");
    }
}
