//! The promises of every sink, with Slack's own limits.

use serde_json::Value;
use watchfire_outbox::Form;
use watchfire_slack::Slack;
use watchfire_testing::conformance;

const HOOK: &str = "https://hooks.slack.com/services/T0EXAMPLE/B0EXAMPLE/plantedHookPlantedHook00";
const TOKEN: &str = "xoxb-planted-in-conformance";
const MENTIONS: [&str; 2] = ["<!here>", "<!subteam^S0EXAMPLE>"];

#[test]
fn a_webhook_holds_every_promise() {
    let slack = Slack::webhook(HOOK).build().unwrap();
    conformance::of(&slack)
        .secrets([HOOK, "plantedHookPlantedHook00"])
        .valid(|form, body| valid(form, body, &[]))
        .check();
}

#[test]
fn a_bot_with_everything_set_holds_every_promise() {
    let slack = Slack::bot(TOKEN, "C024BE91L").also_to("#ops");
    let slack = slack.username("watch & fire").icon_emoji(":fire:");
    let slack = slack.mention("@here").mention("S0EXAMPLE").build().unwrap();
    conformance::of(&slack)
        .secrets([TOKEN])
        .reference("C024BE91L/1503435956.000247")
        .valid(|form, body| valid(form, body, &MENTIONS))
        .check();
}

/// Says what Slack would refuse, and what would be markup that we did not make.
fn valid(form: Form, body: &[u8], mentions: &[&str]) -> Result<(), String> {
    let payload: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut check = Check { mentions, sum: 0, blocks: 0 };
    check.text(&payload["text"], 1, 4_000)?;
    let attachments = items(&payload, "attachments");
    let nested = attachments.iter().flat_map(|attachment| items(attachment, "blocks"));
    for block in items(&payload, "blocks").iter().chain(nested) {
        check.block(block)?;
    }
    claim(check.blocks <= 45 && attachments.len() <= 1, || format!("{} blocks", check.blocks))?;
    claim((check.blocks > 0) == (form == Form::Rich), || format!("{} blocks", check.blocks))?;
    claim(check.sum <= 9_000, || format!("{} in all", check.sum))?;
    claim(!check.sum.eq(&0), || "nothing in it".to_owned())
}

fn claim(holds: bool, finding: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(finding()) }
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

struct Check<'a> {
    mentions: &'a [&'a str],
    sum: usize,
    blocks: usize,
}

impl Check<'_> {
    fn block(&mut self, block: &Value) -> Result<(), String> {
        self.blocks += 1;
        match block["type"].as_str() {
            Some("header") => {
                claim(block["text"]["type"] == "plain_text", || "a header is plain_text".to_owned())?;
                self.text(&block["text"]["text"], 1, 150)
            }
            Some("section") => {
                claim(items(block, "fields").len() <= 10, || "too many fields".to_owned())?;
                for field in items(block, "fields") {
                    self.text(&field["text"], 1, 2_000)?;
                    let text = field["text"].as_str().unwrap_or_default();
                    claim(text.matches('`').count() == 2, || format!("an open code: {text}"))?;
                }
                match block.get("text") {
                    Some(text) => self.section(text),
                    None => Ok(()),
                }
            }
            Some("context") => {
                let elements = items(block, "elements");
                claim((1..=10).contains(&elements.len()), || format!("{} elements", elements.len()))?;
                elements.iter().try_for_each(|element| self.text(&element["text"], 1, 3_000))
            }
            other => Err(format!("a block {other:?}")),
        }
    }

    fn section(&mut self, text: &Value) -> Result<(), String> {
        self.text(&text["text"], 1, 3_000)?;
        let inner = text["text"].as_str().unwrap_or_default();
        let fences = inner.matches("```").count();
        let closed = fences == 0 || (fences == 2 && inner.ends_with("\n```"));
        claim(text["type"] == "plain_text" || closed, || format!("an open fence: {inner}"))
    }

    /// UTF-16 units are never fewer than whatever Slack counts.
    fn text(&mut self, text: &Value, least: usize, most: usize) -> Result<(), String> {
        let text = text.as_str().ok_or("no text")?;
        let units = text.encode_utf16().count();
        self.sum += units;
        claim((least..=most).contains(&units), || format!("{units} of {least} to {most}"))?;
        let ours = |text: String, mention: &&str| text.replace(mention, "");
        let bare = self.mentions.iter().fold(text.to_owned(), ours);
        claim(!bare.contains(['<', '>']), || "a bare < or >".to_owned())?;
        let entity = |after: &str| ["amp;", "lt;", "gt;"].iter().any(|entity| after.starts_with(entity));
        claim(bare.split('&').skip(1).all(entity), || "a bare &".to_owned())?;
        claim(!text.contains(['\0', '\u{1b}', '\u{202e}', '\u{2066}']), || "not legible".to_owned())
    }
}
