//! The promises of every sink, with the limits of SMS.

use watchfire_outbox::Form;
use watchfire_sms::{Alphabet, Exotel, Segments, Sms, Twilio};
use watchfire_testing::conformance;

const TOKEN: &str = "planted-twilio-token";
const TEMPLATE: &str = "Alert {#var#}{#var#}: {#var#}{#var#}. Count {#numeric#} -EXAMPLE";

fn twilio() -> Twilio {
    Twilio::new("AC00000000000000000000000000000001", TOKEN).from("+15005550006")
}

fn valid(form: Form, body: &[u8], most: usize) -> Result<(), String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let segments = Segments::of(text);
    if segments.count > most {
        return Err(format!("{segments:?}"));
    }
    if form != Form::Rich && segments.alphabet != Alphabet::Gsm7 {
        return Err("not in the cheap alphabet".to_owned());
    }
    if text.chars().count() > 1_600 || text.trim().is_empty() {
        return Err("too long for Twilio, or empty".to_owned());
    }
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    {
        return Err("not legible".to_owned());
    }
    Ok(())
}

#[test]
fn one_segment_holds_every_promise() {
    let sms = Sms::to(["+436601234567", "+15005550009"]).twilio(twilio()).build().unwrap();
    conformance::of(&sms).secrets([TOKEN]).reference("SM1").valid(|form, body| valid(form, body, 1)).check();
}

#[test]
fn ten_segments_hold_every_promise() {
    let sms = Sms::to(["+436601234567"]).twilio(twilio()).max_segments(10).build().unwrap();
    conformance::of(&sms).cases(32).reference("SM1").valid(|form, body| valid(form, body, 10)).check();
}

#[test]
fn a_registered_template_holds_every_promise() {
    let exotel = Exotel::new("shop1", "plantedexotelkey", "plantedexoteltoken")
        .from("SHOPIN")
        .dlt("1234567890123456789", "1234567890123456780")
        .template(TEMPLATE);
    let sms = Sms::to(["+919876543210"]).exotel(exotel).build().unwrap();
    conformance::of(&sms)
        .secrets(["plantedexotelkey", "plantedexoteltoken"])
        .cases(32)
        .valid(|form, body| {
            let text = String::from_utf8_lossy(body);
            let matches =
                text.starts_with("Alert ") && text.contains(". Count ") && text.ends_with(" -EXAMPLE");
            if matches { valid(form, body, 1) } else { Err("is not the registered text".to_owned()) }
        })
        .check();
}
