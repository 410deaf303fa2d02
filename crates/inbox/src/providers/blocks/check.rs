//! The limits of a Slack message.

use serde_json::Value;

use super::{items, string};

/// Staff answers name 12,000 characters over all blocks as the limit behind `msg_blocks_too_long`.
const BLOCKS_TEXT: usize = 12_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BlockRefusal {
    NoText,
    BadType,
    TooManyAttachments,
    /// One line per fault, in the words of the Web API.
    InvalidBlocks(Vec<String>),
    BlocksTooLong,
}

/// Checks what both the webhook and the Web API check.
pub(crate) fn check(message: &Value) -> Result<(), BlockRefusal> {
    if message.get("text").is_some_and(|text| !text.is_string() && !text.is_null()) {
        return Err(BlockRefusal::BadType);
    }
    let blocks = match message.get("blocks") {
        None | Some(Value::Null) => None,
        Some(Value::Array(blocks)) => Some(blocks),
        Some(_) => {
            return Err(BlockRefusal::InvalidBlocks(vec![
                "must be an array [json-pointer:/blocks]".to_owned(),
            ]));
        }
    };
    let attachments = match message.get("attachments") {
        None | Some(Value::Null) => None,
        Some(Value::Array(attachments)) => Some(attachments),
        Some(_) => return Err(BlockRefusal::BadType),
    };
    let attachments = attachments.map_or(&[] as &[Value], Vec::as_slice);
    if attachments.len() > 100 {
        return Err(BlockRefusal::TooManyAttachments);
    }
    let mut checker = Checker::default();
    if let Some(blocks) = blocks {
        checker.blocks(blocks, "/blocks");
    }
    for (index, attachment) in attachments.iter().enumerate() {
        checker.attachment(attachment, &format!("/attachments/{index}"));
    }
    if !checker.faults.is_empty() {
        return Err(BlockRefusal::InvalidBlocks(checker.faults));
    }
    if checker.text > BLOCKS_TEXT || checker.markdown > BLOCKS_TEXT {
        return Err(BlockRefusal::BlocksTooLong);
    }
    let no_blocks = blocks.is_none_or(Vec::is_empty);
    let visible = attachments.iter().any(|a| {
        ["text", "fallback", "title", "pretext"].iter().any(|key| !string(a, key).is_empty())
            || !items(a, "blocks").is_empty()
            || !items(a, "fields").is_empty()
    });
    if string(message, "text").trim().is_empty() && no_blocks && !visible {
        return Err(BlockRefusal::NoText);
    }
    Ok(())
}

#[derive(Default)]
struct Checker {
    faults: Vec<String>,
    /// Characters of text in all blocks.
    text: usize,
    markdown: usize,
    ids: Vec<String>,
}

impl Checker {
    fn fault(&mut self, what: impl AsRef<str>, at: &str) {
        self.faults.push(format!("{} [json-pointer:{at}]", what.as_ref()));
    }

    fn blocks(&mut self, blocks: &[Value], at: &str) {
        if blocks.len() > 50 {
            self.fault("no more than 50 items allowed", at);
        }
        for (index, block) in blocks.iter().enumerate() {
            self.block(block, &format!("{at}/{index}"));
        }
    }

    fn block(&mut self, block: &Value, at: &str) {
        if !block.is_object() {
            return self.fault("must be an object", at);
        }
        if let Some(id) = block.get("block_id").and_then(Value::as_str) {
            self.limit(id, 1, 255, &format!("{at}/block_id"));
            if self.ids.iter().any(|known| known == id) {
                self.fault("block_id already exists", &format!("{at}/block_id"));
            }
            self.ids.push(id.to_owned());
        }
        match string(block, "type") {
            "section" => self.section(block, at),
            "header" => self.text_object(block.get("text"), TextKind::Plain, 150, &format!("{at}/text")),
            "context" => self.context(block, at),
            "actions" => self.actions(block, at),
            "image" => self.image(block, at),
            "markdown" => {
                let text = string(block, "text");
                self.limit(text, 1, 12_000, &format!("{at}/text"));
                self.markdown += text.chars().count();
            }
            "rich_text" => self.rich_text(block, at),
            "divider" => {}
            "input" | "video" | "table" | "file" | "call" => {}
            "" => self.fault("missing required field: type", at),
            other => self.fault(format!("unsupported type: {other}"), &format!("{at}/type")),
        }
    }

    fn section(&mut self, block: &Value, at: &str) {
        let fields = block.get("fields");
        match (block.get("text"), fields) {
            (None, None) => self.fault("missing required field: text", at),
            (Some(text), _) => self.text_object(Some(text), TextKind::Any, 3_000, &format!("{at}/text")),
            (None, Some(_)) => {}
        }
        let Some(fields) = fields else { return };
        let Some(fields) = fields.as_array() else {
            return self.fault("must be an array", &format!("{at}/fields"));
        };
        if fields.is_empty() {
            self.fault("must have at least 1 item", &format!("{at}/fields"));
        }
        if fields.len() > 10 {
            self.fault("no more than 10 items allowed", &format!("{at}/fields"));
        }
        for (index, field) in fields.iter().enumerate() {
            self.text_object(Some(field), TextKind::Any, 2_000, &format!("{at}/fields/{index}"));
        }
    }

    fn context(&mut self, block: &Value, at: &str) {
        let at = format!("{at}/elements");
        let elements = items(block, "elements");
        if elements.is_empty() {
            self.fault("must have at least 1 item", &at);
        }
        if elements.len() > 10 {
            self.fault("no more than 10 items allowed", &at);
        }
        for (index, element) in elements.iter().enumerate() {
            let at = format!("{at}/{index}");
            if string(element, "type") == "image" {
                self.image(element, &at);
            } else {
                self.text_object(Some(element), TextKind::Any, 3_000, &at);
            }
        }
    }

    fn actions(&mut self, block: &Value, at: &str) {
        let at = format!("{at}/elements");
        let elements = items(block, "elements");
        if elements.is_empty() {
            self.fault("must have at least 1 item", &at);
        }
        if elements.len() > 25 {
            self.fault("no more than 25 items allowed", &at);
        }
        for (index, element) in elements.iter().enumerate() {
            let at = format!("{at}/{index}");
            self.limit(string(element, "action_id"), 0, 255, &format!("{at}/action_id"));
            if string(element, "type") == "button" {
                self.text_object(element.get("text"), TextKind::Plain, 75, &format!("{at}/text"));
                self.limit(string(element, "value"), 0, 2_000, &format!("{at}/value"));
                self.limit(string(element, "url"), 0, 3_000, &format!("{at}/url"));
            }
        }
    }

    fn image(&mut self, image: &Value, at: &str) {
        if image.get("slack_file").is_none() {
            self.limit(string(image, "image_url"), 1, 3_000, &format!("{at}/image_url"));
        }
        self.limit(string(image, "alt_text"), 1, 2_000, &format!("{at}/alt_text"));
    }

    /// Rich text is checked for its structure and counted; its elements have no documented limits of their own.
    fn rich_text(&mut self, block: &Value, at: &str) {
        let elements = items(block, "elements");
        if elements.is_empty() {
            self.fault("must have at least 1 item", &format!("{at}/elements"));
        }
        for (index, element) in elements.iter().enumerate() {
            let at = format!("{at}/elements/{index}");
            match string(element, "type") {
                "rich_text_section" | "rich_text_preformatted" | "rich_text_quote" => {
                    self.rich_elements(element, &at)
                }
                "rich_text_list" => {
                    for (index, item) in items(element, "elements").iter().enumerate() {
                        self.rich_elements(item, &format!("{at}/elements/{index}"));
                    }
                }
                _ => self.fault("unsupported type", &format!("{at}/type")),
            }
        }
    }

    fn rich_elements(&mut self, parent: &Value, at: &str) {
        for (index, element) in items(parent, "elements").iter().enumerate() {
            let text = string(element, "text");
            if string(element, "type") == "text" && text.is_empty() {
                self.fault("must be more than 0 characters", &format!("{at}/elements/{index}/text"));
            }
            self.text += text.chars().count();
        }
    }

    fn text_object(&mut self, object: Option<&Value>, kind: TextKind, most: usize, at: &str) {
        let Some(object) = object.filter(|o| o.is_object()) else {
            return self.fault("must be an object", at);
        };
        match (string(object, "type"), kind) {
            ("plain_text", _) | ("mrkdwn", TextKind::Any) => {}
            _ => self.fault("failed to match all allowed schemas", at),
        }
        if string(object, "type") == "mrkdwn" && object.get("emoji").is_some() {
            self.fault("additional property is not allowed: emoji", at);
        }
        let Some(text) = object.get("text").and_then(Value::as_str) else {
            return self.fault("missing required field: text", at);
        };
        self.limit(text, 1, most, &format!("{at}/text"));
        self.text += text.chars().count();
    }

    fn limit(&mut self, text: &str, least: usize, most: usize, at: &str) {
        let length = text.chars().count();
        if length < least {
            self.fault(format!("must be more than {} characters", least - 1), at);
        }
        if length > most {
            self.fault(format!("must be less than {} characters", most + 1), at);
        }
    }

    fn attachment(&mut self, attachment: &Value, at: &str) {
        if !attachment.is_object() {
            return self.fault("must be an object", at);
        }
        if let Some(blocks) = attachment.get("blocks") {
            match blocks.as_array() {
                Some(blocks) => self.blocks(blocks, &format!("{at}/blocks")),
                None => self.fault("must be an array", &format!("{at}/blocks")),
            }
        }
    }
}

#[derive(Clone, Copy)]
enum TextKind {
    Plain,
    Any,
}
