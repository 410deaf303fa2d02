//! Certificates of the file's and the code's channels.

use watchfire_core::ConfigError;
use watchfire_sentry::{HttpOptions, Sentry};
use watchfire_slack::Slack;
use watchfire_sms::{Sms, Twilio};
use watchfire_telegram::Telegram;

/// A file that is missing is an error: so a certificate that is dropped is found out.
#[test]
fn a_certificate_is_kept_whatever_else_is_set() {
    const MISSING: &str = "/nowhere/ca.pem";
    let webhook = || Slack::webhook("https://hooks.example.com/services/T0/B0/planted0planted0planted0");
    let bot = || Telegram::bot("123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr", "-1001234567890");
    let twilio = || Twilio::new("AC00000000000000000000000000000042", "0123456789abcdef0123456789abcdef");
    let sms = || Sms::to(["+436601234567"]).twilio(twilio().from("+15005550006"));
    let sentry = || Sentry::dsn("https://0123456789abcdef0123456789abcdef@sentry.example.com/1");
    let other = HttpOptions::new;
    let of_options = || HttpOptions::new().ca_file(MISSING);
    let refused: [(&str, [Option<ConfigError>; 3]); 4] = [
        (
            "slack",
            [
                webhook().ca_file(MISSING).http(other()).build().err(),
                webhook().http(other()).ca_file(MISSING).build().err(),
                webhook().http(of_options()).build().err(),
            ],
        ),
        (
            "telegram",
            [
                bot().ca_file(MISSING).http(other()).build().err(),
                bot().http(other()).ca_file(MISSING).build().err(),
                bot().http(of_options()).build().err(),
            ],
        ),
        (
            "sms",
            [
                sms().ca_file(MISSING).http(other()).build().err(),
                sms().http(other()).ca_file(MISSING).build().err(),
                sms().http(of_options()).build().err(),
            ],
        ),
        (
            "sentry",
            [
                sentry().ca_file(MISSING).http(other()).build().err(),
                sentry().http(other()).ca_file(MISSING).build().err(),
                sentry().http(of_options()).build().err(),
            ],
        ),
    ];
    for (sink, errors) in refused {
        for error in errors {
            let error = error.unwrap_or_else(|| ConfigError::new("none", "was found"));
            assert_eq!(error.field(), format!("{sink}.ca_file"), "{error}");
        }
    }
    assert!(
        webhook().build().is_ok()
            && bot().build().is_ok()
            && sms().build().is_ok()
            && sentry().build().is_ok()
    );
}
