//! The promises of every sink, with Telegram's own limits.

use serde_json::Value;
use watchfire_outbox::Form;
use watchfire_telegram::Telegram;
use watchfire_testing::conformance;

const TOKEN: &str = "123456789:planted-token-planted-token-00";

#[test]
fn a_bot_holds_every_promise() {
    let telegram = Telegram::bot(TOKEN, "-1001234567890/42").also_to("@ops_alerts").build().unwrap();
    let secrets = [TOKEN, "planted-token-planted-token-00"];
    conformance::of(&telegram).secrets(secrets).reference("4711").valid(valid).check();
}

#[test]
fn a_silent_bot_holds_every_promise() {
    let telegram = Telegram::bot(TOKEN, "987654321").silent().build().unwrap();
    conformance::of(&telegram).reference("4711").valid(valid).cases(16).check();
}

/// Says what the server would refuse, or show otherwise than meant.
fn valid(form: Form, body: &[u8]) -> Result<(), String> {
    let payload: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let text = payload["text"].as_str().ok_or("no text")?;
    claim((payload["parse_mode"] == "HTML") == (form == Form::Rich), || "the wrong parse mode".to_owned())?;
    let shown = if form == Form::Rich { visible(text)? } else { text.to_owned() };
    // The mark of a possible duplicate has to fit in as well.
    let units = shown.encode_utf16().count() + "(possible duplicate)\n".len();
    claim(units <= 4_096, || format!("{units} units"))?;
    claim(!shown.trim().is_empty(), || "nothing to show".to_owned())?;
    claim(!shown.contains(['\0', '\u{1b}', '\u{202e}', '\u{2066}']), || "not legible".to_owned())?;
    let known = [
        "text",
        "parse_mode",
        "link_preview_options",
        "message_id",
        "reply_parameters",
        "disable_notification",
    ];
    let unknown = payload.as_object().into_iter().flatten().find(|(name, _)| !known.contains(&name.as_str()));
    claim(unknown.is_none(), || format!("unknown {unknown:?}"))
}

fn claim(holds: bool, finding: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(finding()) }
}

/// Reads HTML as strictly as the server does; returns the visible text.
fn visible(html: &str) -> Result<String, String> {
    let (mut shown, mut open, mut entities) = (String::new(), Vec::new(), 0);
    let mut rest = html;
    while let Some(c) = rest.chars().next() {
        let mut chars = rest.chars();
        chars.next();
        match c {
            '<' => {
                let (tag, after) = chars.as_str().split_once('>').ok_or("a tag without an end")?;
                rest = after;
                if let Some(name) = tag.strip_prefix('/') {
                    claim(open.pop() == Some(name), || format!("{name} closes another"))?;
                    continue;
                }
                let inside = match tag {
                    "b" | "code" | "blockquote expandable" => open.is_empty(),
                    "pre" => open.is_empty() || open == ["blockquote"],
                    _ => return Err(format!("the tag {tag}")),
                };
                claim(inside, || format!("{tag} in {open:?}"))?;
                open.push(tag.split(' ').next().unwrap_or_default());
                entities += 1;
            }
            '&' => {
                let (entity, after) = rest.split_once(';').ok_or("an entity without an end")?;
                shown.push(match entity {
                    "&amp" => '&',
                    "&lt" => '<',
                    "&gt" => '>',
                    other => return Err(format!("the entity {other}")),
                });
                rest = after;
            }
            '>' => return Err("a bare >".to_owned()),
            c => {
                shown.push(c);
                rest = chars.as_str();
            }
        }
    }
    claim(open.is_empty(), || format!("{open:?} stay open"))?;
    claim(entities <= 100, || format!("{entities} entities"))?;
    Ok(shown)
}
