//! Read the values of variables: lists, pairs, and Python's words for rotation.

use crate::{
    json,
    setting::{Options, Setting},
};

/// Values of the environment are literal: a `${` in a password is not a reference.
pub(super) fn escaped(options: Options) -> Options {
    fn escape(value: Setting) -> Setting {
        match value {
            Setting::Text(text) => Setting::Text(text.replace("${", "$${")),
            Setting::List(list) => Setting::List(list.into_iter().map(escape).collect()),
            Setting::Table(table) => Setting::Table(escaped(table)),
            other => other,
        }
    }
    options.iter().map(|(key, value)| (key.to_owned(), escape(value.clone()))).collect()
}

/// Reads Python's `when` of a rotated file, or our own words.
pub(super) fn every(when: &str) -> Option<&'static str> {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let when = when.trim().to_ascii_lowercase();
    if let Some(day) = when.strip_prefix('w').and_then(|day| day.parse::<usize>().ok()) {
        return DAYS.get(day).copied();
    }
    match when.as_str() {
        "never" | "none" => Some("never"),
        "m" | "minute" => Some("minute"),
        "h" | "hour" => Some("hour"),
        "d" | "midnight" | "day" => Some("day"),
        "week" => Some("week"),
        day => DAYS.into_iter().find(|known| *known == day),
    }
}

/// Reads a list: JSON's or Python's, of texts or of (name, address) pairs, or texts with commas between.
pub(super) fn list(text: &str) -> Vec<String> {
    let text = text.trim();
    if !text.starts_with(['[', '(']) {
        let parts = text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty());
        return parts.map(str::to_owned).collect();
    }
    match json::value(&as_json(text)) {
        Ok(value) => value.as_list().iter().filter_map(one).collect(),
        Err(_) => vec![text.to_owned()],
    }
}

/// Reads a sender: `Name <a@b>`, an address, or a pair of name and address in JSON's or Python's form.
pub(super) fn sender(text: &str) -> String {
    let text = text.trim();
    if !text.starts_with(['[', '(']) {
        return text.to_owned();
    }
    json::value(&as_json(text)).ok().as_ref().and_then(one).unwrap_or_else(|| text.to_owned())
}

fn one(value: &Setting) -> Option<String> {
    match value {
        Setting::Text(text) => Some(text.clone()),
        Setting::Integer(number) => Some(number.to_string()),
        Setting::List(pair) => match pair.as_slice() {
            [Setting::Text(name), Setting::Text(address)] => Some(format!("{name} <{address}>")),
            [Setting::Text(address)] => Some(address.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// Turns Python's brackets and quotes into JSON's.
fn as_json(text: &str) -> String {
    let mut json = String::with_capacity(text.len());
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (None, '(') => json.push('['),
            (None, ')') => {
                // Python's `('a',)`.
                let kept = json.trim_end().trim_end_matches(',').len();
                json.truncate(kept);
                json.push(']');
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                json.push('"');
            }
            (Some(open), c) if c == open => {
                quote = None;
                json.push('"');
            }
            (Some('\''), '"') => json.push_str("\\\""),
            (_, c) => json.push(c),
        }
    }
    json
}
