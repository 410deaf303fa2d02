//! Slack's Web API: <https://docs.slack.dev/reference/methods/chat.postMessage/> and its siblings.
//!
//! Nearly every failure is HTTP 200 with `ok: false`.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::{Canned, Context, HttpProvider, Judgement, Reply, Request, blocks};
use crate::demo::Demo;
use crate::recent::Recent;
use crate::record::{Described, Provider};

/// `text` beyond this is cut, with a warning.
const TEXT_MOST: usize = 40_000;
/// The limit of `text` in `chat.update`.
const UPDATE_TEXT_MOST: usize = 4_000;

#[derive(Default)]
pub(crate) struct SlackApi {
    posted: Recent<String, Posted>,
    count: u64,
    last: Option<SystemTime>,
}

/// The state that Slack keeps of a message.
struct Posted {
    rich: bool,
    thread: Option<String>,
}

impl HttpProvider for SlackApi {
    fn provider(&self) -> Provider {
        Provider::SlackApi
    }

    fn claims(&self, path: &str) -> bool {
        path.strip_prefix("/api/").is_some_and(|method| method.contains('.') && !method.contains('/'))
    }

    fn describe(&self, request: &Request) -> Option<Described> {
        if !matches!(method(request), "chat.postMessage" | "chat.update") {
            return None;
        }
        let arguments = arguments(request).unwrap_or_default();
        let channel = blocks::string(&arguments, "channel").to_owned();
        let mut entry = blocks::entry(&arguments);
        entry.recipients = vec![channel];
        entry.view.fact("Method", method(request));
        Some(entry)
    }

    fn judge(&mut self, request: &Request, context: &Context<'_>) -> Judgement {
        let arguments = match self.authorised(request) {
            Ok(arguments) => arguments,
            Err(word) => return failure(request, word),
        };
        let outcome = match method(request) {
            "auth.test" => return Judgement::accepted(warned(request, auth_test())),
            "chat.postMessage" => self.post(&arguments, context),
            "chat.update" => self.update(&arguments, context),
            _ => Err(SlackRefusal::Word("unknown_method")),
        };
        match outcome {
            Ok(done) => {
                let mut judgement = Judgement::accepted(warned(request, done.body));
                judgement.thread = done.thread;
                if done.update {
                    judgement.edits = Some(done.ts)
                } else {
                    judgement.key = Some(done.ts)
                }
                judgement
            }
            Err(SlackRefusal::Limited) => {
                Judgement::refused(self.canned(request, Canned::RateLimited { retry_after: Some(1) }))
            }
            Err(SlackRefusal::Word(word)) => failure(request, word),
            Err(SlackRefusal::Blocks(errors)) => {
                let messages: Vec<String> = errors.iter().map(|error| format!("[ERROR] {error}")).collect();
                let body = json!({
                    "ok": false,
                    "error": "invalid_blocks",
                    "errors": errors,
                    "response_metadata": { "messages": messages },
                });
                Judgement::refused(warned(request, body))
            }
        }
    }

    fn canned(&self, request: &Request, answer: Canned) -> Reply {
        match answer {
            Canned::RateLimited { retry_after } => {
                Reply::json(429, &json!({ "ok": false, "error": "ratelimited" })).retry_after(retry_after)
            }
            Canned::BadCredentials => warned(request, json!({ "ok": false, "error": "invalid_auth" })),
            Canned::Broken { status } => Reply::new(status, "text/html", blocks::BROKEN_PAGE),
            Canned::TooLarge => warned(request, json!({ "ok": false, "error": "request_too_large" })),
        }
    }
}

enum SlackRefusal {
    Word(&'static str),
    Blocks(Vec<String>),
    Limited,
}

impl From<blocks::BlockRefusal> for SlackRefusal {
    fn from(refusal: blocks::BlockRefusal) -> Self {
        match refusal {
            blocks::BlockRefusal::NoText => Self::Word("no_text"),
            blocks::BlockRefusal::BadType => Self::Word("invalid_arguments"),
            blocks::BlockRefusal::TooManyAttachments => Self::Word("too_many_attachments"),
            blocks::BlockRefusal::InvalidBlocks(errors) => Self::Blocks(errors),
            blocks::BlockRefusal::BlocksTooLong => Self::Word("msg_blocks_too_long"),
        }
    }
}

struct Done {
    ts: String,
    thread: Option<String>,
    update: bool,
    body: Value,
}

impl SlackApi {
    fn authorised(&self, request: &Request) -> Result<Value, &'static str> {
        if request.method != "POST" && method(request) != "auth.test" {
            return Err("invalid_post_type");
        }
        let arguments = arguments(request)?;
        // A JSON body may not carry the token.
        let in_form = request.media_type() == "application/x-www-form-urlencoded";
        let token = match request.bearer() {
            Some(token) => token,
            None if in_form => blocks::string(&arguments, "token"),
            None => "",
        };
        match token {
            "" => Err("not_authed"),
            Demo::SLACK_TOKEN => Ok(arguments),
            _ => Err("invalid_auth"),
        }
    }

    fn post(&mut self, arguments: &Value, context: &Context<'_>) -> Result<Done, SlackRefusal> {
        let channel = blocks::string(arguments, "channel");
        let name = channel.trim_start_matches('#');
        if context.refuses(channel) || ![Demo::SLACK_CHANNEL, Demo::SLACK_CHANNEL_NAME].contains(&name) {
            return Err(SlackRefusal::Word("channel_not_found"));
        }
        if context.paced && self.last.is_some_and(|last| blocks::too_soon(last, context.now)) {
            return Err(SlackRefusal::Limited);
        }
        self.last = Some(context.now);
        check_conflicts(arguments)?;
        blocks::check(arguments)?;
        let thread = arguments.get("thread_ts").and_then(Value::as_str).map(str::to_owned);
        if let Some(parent) = &thread {
            // A thread hangs below its first message only.
            if self.posted.get(parent).is_none_or(|posted| posted.thread.is_some()) {
                return Err(SlackRefusal::Word("cannot_reply_to_message"));
            }
        }
        self.count += 1;
        let seconds = context.now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let ts = format!("{seconds}.{:06}", self.count % 1_000_000);
        self.posted.insert(ts.clone(), Posted { rich: has_rich_text(arguments), thread: thread.clone() });
        let mut message = message(arguments, &ts);
        let mut body = json!({ "ok": true, "channel": Demo::SLACK_CHANNEL, "ts": ts });
        if let Some(thread) = &thread {
            message.insert("thread_ts".to_owned(), json!(thread));
        }
        if blocks::string(arguments, "text").chars().count() > TEXT_MOST {
            let text: String = blocks::string(arguments, "text").chars().take(TEXT_MOST).collect();
            message.insert("text".to_owned(), json!(text));
            warn(
                &mut body,
                "message_truncated",
                "[WARN] Your message was truncated but still posted. The `text` field accepts up to 40,000 characters.",
            );
        }
        set(&mut body, "message", Value::Object(message));
        Ok(Done { ts, thread, update: false, body })
    }

    fn update(&mut self, arguments: &Value, context: &Context<'_>) -> Result<Done, SlackRefusal> {
        let channel = blocks::string(arguments, "channel");
        // Unlike chat.postMessage, a name will not do.
        if context.refuses(channel) || channel != Demo::SLACK_CHANNEL {
            return Err(SlackRefusal::Word("channel_not_found"));
        }
        let ts = blocks::string(arguments, "ts");
        let Some(posted) = self.posted.get_mut(ts) else {
            return Err(SlackRefusal::Word("message_not_found"));
        };
        check_conflicts(arguments)?;
        if blocks::string(arguments, "text").chars().count() > UPDATE_TEXT_MOST {
            return Err(SlackRefusal::Word("msg_too_long"));
        }
        blocks::check(arguments)?;
        let has_blocks = arguments.get("blocks").and_then(Value::as_array).is_some_and(|b| !b.is_empty());
        let rich = has_rich_text(arguments);
        if posted.rich && has_blocks && !rich {
            return Err(SlackRefusal::Word("block_mismatch"));
        }
        posted.rich = rich;
        let mut body =
            json!({ "ok": true, "channel": channel, "ts": ts, "text": blocks::string(arguments, "text") });
        set(&mut body, "message", Value::Object(message(arguments, ts)));
        Ok(Done { ts: ts.to_owned(), thread: posted.thread.clone(), update: true, body })
    }
}

fn method(request: &Request) -> &str {
    request.path.strip_prefix("/api/").unwrap_or_default()
}

/// The arguments from JSON, or from a form in which structures are JSON texts.
fn arguments(request: &Request) -> Result<Value, &'static str> {
    match request.media_type().as_str() {
        "application/json" => match request.json() {
            Some(value) if value.is_object() => Ok(value),
            Some(_) => Err("json_not_object"),
            None => Err("invalid_json"),
        },
        "application/x-www-form-urlencoded" => {
            let mut map = Map::new();
            for (name, value) in request.form() {
                let structured = matches!(name.as_str(), "blocks" | "attachments" | "metadata");
                let parsed = if structured { serde_json::from_str(&value).ok() } else { None };
                map.insert(name, parsed.unwrap_or(Value::String(value)));
            }
            Ok(Value::Object(map))
        }
        "" if request.body.is_empty() => Ok(json!({})),
        "" => Err("missing_post_type"),
        _ => Err("invalid_post_type"),
    }
}

fn check_conflicts(arguments: &Value) -> Result<(), SlackRefusal> {
    let markdown = blocks::string(arguments, "markdown_text");
    if !markdown.is_empty() && (arguments.get("text").is_some() || arguments.get("blocks").is_some()) {
        return Err(SlackRefusal::Word("markdown_text_conflict"));
    }
    if markdown.chars().count() > 12_000 {
        return Err(SlackRefusal::Word("msg_too_long"));
    }
    match arguments.get("metadata") {
        None | Some(Value::Null) => Ok(()),
        Some(metadata) if metadata.get("event_payload").is_some_and(Value::is_object) => {
            if blocks::string(metadata, "event_type").is_empty() {
                return Err(SlackRefusal::Word("invalid_metadata_schema"));
            }
            Ok(())
        }
        Some(_) => Err(SlackRefusal::Word("invalid_metadata_format")),
    }
}

fn auth_test() -> Value {
    json!({
        "ok": true,
        "url": "https://inbox.example.com/",
        "team": "inbox",
        "user": "watchfire",
        "team_id": "T0INBOX00",
        "user_id": "U0INBOX00",
        "bot_id": "B0INBOX00",
    })
}

fn message(arguments: &Value, ts: &str) -> Map<String, Value> {
    let mut message = Map::new();
    message.insert("type".to_owned(), json!("message"));
    message.insert("subtype".to_owned(), json!("bot_message"));
    message.insert("bot_id".to_owned(), json!("B0INBOX00"));
    message.insert("ts".to_owned(), json!(ts));
    message.insert("text".to_owned(), json!(blocks::string(arguments, "text")));
    for key in ["blocks", "attachments"] {
        if let Some(value) = arguments.get(key) {
            message.insert(key.to_owned(), value.clone());
        }
    }
    message
}

fn has_rich_text(arguments: &Value) -> bool {
    let blocks = arguments.get("blocks").and_then(Value::as_array);
    blocks.is_some_and(|blocks| blocks.iter().any(|block| blocks::string(block, "type") == "rich_text"))
}

fn failure(request: &Request, word: &str) -> Judgement {
    Judgement::refused(warned(request, json!({ "ok": false, "error": word })))
}

/// Adds the warning that a JSON body without a charset earns.
fn warned(request: &Request, mut body: Value) -> Reply {
    let content_type = request.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if request.media_type() == "application/json" && !content_type.contains("charset") {
        set(&mut body, "warning", json!("missing_charset"));
        warn(&mut body, "missing_charset", "[WARN] missing charset in the Content-Type of the request");
    }
    Reply::json(200, &body)
}

fn warn(body: &mut Value, word: &str, message: &str) {
    let Some(map) = body.as_object_mut() else { return };
    let metadata = map.entry("response_metadata").or_insert_with(|| json!({}));
    let Some(metadata) = metadata.as_object_mut() else { return };
    for (key, value) in [("warnings", word), ("messages", message)] {
        if let Some(list) = metadata.entry(key).or_insert_with(|| json!([])).as_array_mut() {
            list.push(json!(value));
        }
    }
}

fn set(body: &mut Value, key: &str, value: Value) {
    if let Some(map) = body.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}
