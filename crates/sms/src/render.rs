//! Say an occasion in a hundred and sixty characters.

use watchfire_outbox::{
    Form, MessageContent, Notification, Occasion, OccasionKind, Outlook, format_timestamp, one_line,
};

use crate::{
    api::Carrier,
    config::SmsSettings,
    segments::{Segments, economical, fit, gsm_only, septets},
};

pub(crate) fn notifications(settings: &SmsSettings, occasion: &Occasion<'_>) -> Vec<Notification> {
    let page = MessageContent::of(occasion);
    settings
        .numbers
        .iter()
        .map(|number| {
            let registered = match settings.carrier_for(number) {
                Some(Carrier::Exotel(account)) => account.registered_for(number),
                Some(Carrier::Twilio(_)) | None => None,
            };
            let body = |form| match registered {
                Some(registered) => registered.template.fill(occasion, &page, settings.max_segments, form),
                None => text(occasion, &page, settings.max_segments, form),
            };
            occasion
                .notification(number.as_str())
                .rich(body(Form::Rich))
                .plain(body(Form::Plain))
                .short(body(Form::Short))
                .ascii(body(Form::Ascii))
        })
        .collect()
}

/// Writes who speaks, what happened, where if there is room, and the group, for those who look it up.
fn text(occasion: &Occasion<'_>, page: &MessageContent, most: usize, form: Form) -> String {
    let label = match occasion.kind() {
        OccasionKind::Quiet => format!("{} after {}", page.label, occasion.tally().total),
        // The sign is outside of the alphabet of an SMS.
        _ => page.label.replace('×', "x"),
    };
    let group = page.group.to_string();
    let end = format!("{} ({})", next(occasion), group.get(..8).unwrap_or(&group));
    let place = occasion.alert().place_text().map(|place| format!(" ({})", one_line(&place, 80)));
    let place = place.unwrap_or_default();
    // Brackets cost two characters each.
    let what = format!("{} {label}: {}", page.short_app(), page.title);
    let is_full = matches!(form, Form::Rich | Form::Plain);
    let most = if is_full { most } else { 1 };
    // The alphabet is that of the whole: one foreign letter halves the room of all.
    let alphabet = |text: &str| match form {
        Form::Rich => economical(text),
        Form::Plain | Form::Short => gsm_only(text),
        _ => ascii(&gsm_only(text)),
    };
    let whole = alphabet(&format!("{what}{place}{end}"));
    if is_full && Segments::of(&whole).count <= most {
        return whole;
    }
    fit("", &alphabet(&what), &end, most)
}

/// Says by when more comes of a storm.
fn next(occasion: &Occasion<'_>) -> String {
    match occasion.forecast() {
        Some(Outlook::Next(at)) => {
            format_timestamp(at).get(11..16).map(|time| format!("; next by {time} UTC")).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// Leaves only what is one septet and one byte.
fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() && septets(c) == Some(1) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests;
