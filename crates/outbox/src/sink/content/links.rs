//! Links of a message: made of the templates of the program, and of what the alert says.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use watchfire_core::Alert;

use super::{LINK_FIELD, Link};
use crate::{Occasion, model::text::one_line};

/// The characters that stand in a URL as they are (RFC 3986 §2.3).
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same for a path, which keeps its slashes.
const PATH: &AsciiSet = &VALUE.remove(b'/');
/// The most bytes of a URL, as Slack takes them in a button.
const LONGEST: usize = 3_000;

/// Returns why a text is not the template of a link, if it is not: for [`App::link`](watchfire_core::App::link).
#[must_use]
pub fn link_refusal(template: &str) -> Option<&'static str> {
    let is_allowed = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '|' | '`' | '\\' | '^');
    let mut depth = 0_i32;
    for c in template.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if !(0..=1).contains(&depth) {
            return Some("has braces that do not match");
        }
    }
    match template {
        _ if depth != 0 => Some("has braces that do not match"),
        _ if !is_web(template) => Some("is not a web address; expected https:// or http://"),
        _ if !template.chars().all(is_allowed) => Some("has a character that a web address cannot have"),
        _ if template.contains("{}") => Some("has a name without characters; expected such as {target}"),
        _ => None,
    }
}

fn is_web(text: &str) -> bool {
    text.strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .is_some_and(|rest| !rest.is_empty())
}

/// Returns the links of a message: the one that the alert brings, then those of the program in their order.
pub(super) fn links(occasion: &Occasion<'_>) -> Vec<Link> {
    let alert = occasion.alert();
    let own = alert.get(LINK_FIELD).map(|value| value.to_string().trim().to_owned());
    // A template without names: a link as it is.
    let own =
        own.filter(|url| link_refusal(url).is_none() && !url.contains(['{', '}']) && url.len() <= LONGEST);
    let own = own.map(|url| Link { label: "Link".to_owned(), url });
    let of_program = alert.app.links().filter_map(|(name, template)| {
        let url = fill(template, alert, &occasion.group().to_string())?;
        let mut label = one_line(name, 60);
        if let Some(first) = label.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Some(Link { label, url })
    });
    own.into_iter().chain(of_program).collect()
}

/// Fills a template; `None` if a value is missing, or the template is not one.
fn fill(template: &str, alert: &Alert, group: &str) -> Option<String> {
    if link_refusal(template).is_some() {
        return None;
    }
    let mut url = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        url.push_str(before);
        let (value, set) = (value(name, alert, group)?, if name == "path" { PATH } else { VALUE });
        if value.is_empty() {
            return None;
        }
        url.extend(utf8_percent_encode(&value, set));
        rest = after;
    }
    url.push_str(rest);
    (url.len() <= LONGEST).then_some(url)
}

fn value(name: &str, alert: &Alert, group: &str) -> Option<String> {
    let app = &alert.app;
    let text = |text: &str| Some(text.to_owned());
    match name {
        "path" => source_path(alert),
        "line" => alert.line.map(|line| line.to_string()),
        "release" => app.release_name().and_then(text),
        "version" => app.release_name().map(|name| name.rsplit('@').next().unwrap_or(name)).and_then(text),
        "app" => text(app.name()),
        "environment" => app.environment_name().and_then(text),
        "host" => text(app.host_name()),
        "target" => text(&alert.target),
        "alert" => Some(alert.id.to_string()),
        "group" => text(group),
        field => alert.get(field).map(|value| value.to_string().trim().to_owned()),
    }
}

/// Returns the path below the root of the repository: that of a file of the program, not of a dependency.
fn source_path(alert: &Alert) -> Option<String> {
    let file = alert.file.as_deref()?.replace('\\', "/");
    let file = file.strip_prefix("./").unwrap_or(&file);
    let is_relative = !file.starts_with('/') && !file.starts_with("..") && !file.contains(':');
    is_relative.then(|| file.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use watchfire_core::{App, Field, Severity, SpanFacts};

    use super::*;
    use crate::GroupId;

    #[test]
    fn a_link_is_made_of_what_the_alert_says() {
        type Changed = fn(Alert) -> Alert;
        let shop = || App::new("shop").release("shop@1.4.2").environment("production").host("web-1");
        let urls = |app: App, of: Changed| {
            let alert = Alert::new(app, Severity::Error, "no").target("shop::pay").place("src/pay.rs", 34);
            let alert = of(alert.span(SpanFacts::new("s", "t", vec![Field::new("order", "47 11/ü")])));
            let occasion = Occasion::first(&alert, "ops", GroupId::from_u64(0xabc), SystemTime::UNIX_EPOCH);
            links(&occasion)
                .into_iter()
                .map(|link| format!("{} {}", link.label, link.url))
                .collect::<Vec<_>>()
        };
        let same = |alert: Alert| alert;
        // (name, template, what the alert says besides, the links)
        let cases: [(&str, &str, Changed, &[&str]); 9] = [
            (
                "source",
                "https://git.example.com/shop/blob/v{version}/{path}#L{line}",
                same,
                &["Source https://git.example.com/shop/blob/v1.4.2/src/pay.rs#L34"],
            ),
            (
                "runbook",
                "https://w.example/{target}?r={release}",
                same,
                &["Runbook https://w.example/shop%3A%3Apay?r=shop%401.4.2"],
            ),
            ("order", "http://crm.example/{order}", same, &["Order http://crm.example/47%2011%2F%C3%BC"]),
            (
                "group",
                "https://w.example/{group}/{host}/{app}",
                same,
                &["Group https://w.example/0000000000000abc/web-1/shop"],
            ),
            // No value, a file of a dependency, no template: left out.
            ("trace", "https://t.example/{trace_id}", same, &[]),
            (
                "source",
                "https://g.example/{path}",
                |alert| alert.place("/srv/shop/.cargo/registry/src/x/a.rs", 1),
                &[],
            ),
            ("bad", "javascript:alert(1)", same, &[]),
            ("bad", "https://e.example/{order", same, &[]),
            (
                "runbook",
                "https://w.example/",
                |alert| alert.field("alert.link", "https://crm.example/4711?x=1"),
                &["Link https://crm.example/4711?x=1", "Runbook https://w.example/"],
            ),
        ];
        for (name, template, of, expected) in cases {
            assert_eq!(urls(shop().link(name, template), of), expected, "{template}");
        }
        for hostile in
            ["javascript:alert(1)", "https://e.example/<b>", "https://e.example/a|b", "https://e .example"]
        {
            let alert = Alert::new(shop(), Severity::Error, "no").field("alert.link", hostile);
            let occasion = Occasion::first(&alert, "ops", GroupId::from_u64(1), SystemTime::UNIX_EPOCH);
            assert!(links(&occasion).is_empty(), "{hostile}");
        }
    }
}
