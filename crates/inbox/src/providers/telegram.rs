//! Telegram's Bot API: <https://core.telegram.org/bots/api>, refusing as `tdlib/telegram-bot-api` does.

mod chat;
mod html;
mod markdown;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::{Canned, Context, HttpProvider, Judgement, Reply, Request};
use crate::demo::Demo;
use crate::markup::Markup;
use crate::recent::Recent;
use crate::record::{Described, Provider, ViewPart, headline};

use chat::Chat;

/// The docs say characters after parsing and the server counts code points; the stricter UTF-16 unit holds here.
const TEXT_MOST: usize = 4_096;
/// Further entities are dropped in silence.
const ENTITIES_MOST: usize = 100;
const PER_MINUTE: usize = 20;

#[derive(Default)]
pub(crate) struct Telegram {
    count: i64,
    sent: Recent<(i64, i64), Sent>,
    pace: BTreeMap<i64, VecDeque<SystemTime>>,
}

/// The state that the server compares an edit with.
#[derive(PartialEq, Eq)]
struct Sent {
    text: String,
    markup: Markup,
}

impl HttpProvider for Telegram {
    fn provider(&self) -> Provider {
        Provider::Telegram
    }

    fn claims(&self, path: &str) -> bool {
        path.starts_with("/bot")
    }

    fn describe(&self, request: &Request) -> Option<Described> {
        let (_, method) = address(request);
        if !matches!(method.as_str(), "sendmessage" | "editmessagetext") {
            return None;
        }
        let call = Call::read(request);
        let mut entry = Described { recipients: vec![call.string("chat_id")], ..Described::default() };
        entry.view.fact("Method", if method == "sendmessage" { "sendMessage" } else { "editMessageText" });
        for name in ["parse_mode", "message_thread_id", "message_id", "disable_notification"] {
            entry.view.fact(name, call.string(name));
        }
        let source = call.string("text");
        let (text, html) = match call.text() {
            Ok(text) => {
                entry.notes = text.notes;
                (text.text, text.markup)
            }
            Err(_) => {
                let mut markup = Markup::new();
                markup.text(&source);
                (source.clone(), markup)
            }
        };
        let mut framed = Markup::new();
        framed.raw("<div class=\"telegram\">").push(&html).raw("</div>");
        // A message has no subject: its first line stands for one.
        let first = text.lines().map(str::trim).find(|line| !line.is_empty());
        entry.title = headline(first.unwrap_or_default());
        entry.view.fact("Length", format!("{} UTF-16 units", text.trim().encode_utf16().count()));
        entry.view.parts.push(ViewPart::Rendered { title: "Message".to_owned(), text, html: framed });
        entry.view.parts.push(ViewPart::Text { title: "Source".to_owned(), text: source });
        Some(entry)
    }

    fn judge(&mut self, request: &Request, context: &Context<'_>) -> Judgement {
        let (token, method) = address(request);
        if let Some(refusal) = refuse_token(&token) {
            return Judgement::refused(refusal);
        }
        let call = Call::read(request);
        match method.as_str() {
            "getme" => Judgement::accepted(success(bot())),
            "getchat" => match call.chat(context) {
                Ok(chat) => Judgement::accepted(success(chat.json())),
                Err(reply) => Judgement::refused(reply),
            },
            "sendmessage" => self.send(&call, context).unwrap_or_else(Judgement::refused),
            "editmessagetext" => self.edit(&call, context).unwrap_or_else(Judgement::refused),
            _ => Judgement::refused(error(404, "Not Found")),
        }
    }

    fn canned(&self, _request: &Request, answer: Canned) -> Reply {
        match answer {
            Canned::RateLimited { retry_after } => flood(retry_after.unwrap_or(1)),
            Canned::BadCredentials => error(401, "Unauthorized"),
            Canned::Broken { status: 502 } => error(502, "Bad Gateway"),
            Canned::Broken { status: 500 } => error(500, "Internal Server Error"),
            Canned::Broken { status } => error(status, "fault"),
            Canned::TooLarge => error(413, "Request Entity Too Large"),
        }
    }
}

impl Telegram {
    fn send(&mut self, call: &Call, context: &Context<'_>) -> Result<Judgement, Reply> {
        let chat = call.chat(context)?;
        if context.refuses(&chat.id.to_string()) {
            return Err(error(403, chat.shut_out()));
        }
        if context.paced {
            self.pace(chat, context.now)?;
        }
        let text = call.checked_text()?;
        let thread = call.number("message_thread_id").filter(|_| chat.forum);
        if thread.is_some_and(|thread| thread != Demo::TELEGRAM_THREAD) {
            return Err(error(400, "Bad Request: message thread not found"));
        }
        let reply_to = call.reply_to();
        if reply_to.is_some_and(|(id, lenient)| !lenient && self.sent.get(&(chat.id, id)).is_none()) {
            return Err(error(400, "Bad Request: message to be replied not found"));
        }
        self.count += 1;
        let id = self.count;
        let mut message = chat.message(id, context.now, &text.text);
        if let (Some(thread), Some(map)) = (thread, message.as_object_mut()) {
            map.insert("message_thread_id".to_owned(), json!(thread));
            map.insert("is_topic_message".to_owned(), json!(true));
        }
        self.sent.insert((chat.id, id), text.sent());
        let mut judgement = Judgement::accepted(success(message));
        judgement.key = Some(key(chat.id, id));
        judgement.thread = reply_to.map(|(id, _)| key(chat.id, id));
        Ok(judgement)
    }

    fn edit(&mut self, call: &Call, context: &Context<'_>) -> Result<Judgement, Reply> {
        let chat = call.chat(context)?;
        let id = call.number("message_id").unwrap_or_default();
        let text = call.checked_text()?;
        let Some(sent) = self.sent.get_mut(&(chat.id, id)) else {
            return Err(error(400, "Bad Request: message to edit not found"));
        };
        let new = text.sent();
        if *sent == new {
            return Err(error(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the \
                 same as a current content and reply markup of the message",
            ));
        }
        let mut message = chat.message(id, context.now, &new.text);
        if let Some(map) = message.as_object_mut() {
            map.insert("edit_date".to_owned(), json!(seconds(context.now)));
        }
        *sent = new;
        let mut judgement = Judgement::accepted(success(message));
        judgement.edits = Some(key(chat.id, id));
        Ok(judgement)
    }

    /// 20 messages per minute and group.
    fn pace(&mut self, chat: Chat, now: SystemTime) -> Result<(), Reply> {
        let minute = Duration::from_secs(60);
        let times = self.pace.entry(chat.id).or_default();
        times.retain(|at| now.duration_since(*at).is_ok_and(|age| age < minute));
        if let (true, Some(oldest)) = (chat.group && times.len() >= PER_MINUTE, times.front()) {
            let left = minute.saturating_sub(now.duration_since(*oldest).unwrap_or_default());
            return Err(flood(left.as_secs().max(1)));
        }
        times.push_back(now);
        Ok(())
    }
}

/// The parameters of a method, from JSON or a form.
struct Call(Map<String, Value>);

/// A text as the server keeps it.
struct ServerText {
    text: String,
    markup: Markup,
    notes: Vec<String>,
}

impl ServerText {
    fn sent(self) -> Sent {
        Sent { text: self.text, markup: self.markup }
    }
}

impl Call {
    fn read(request: &Request) -> Self {
        let mut map = match request.media_type().as_str() {
            "application/json" => {
                request.json().and_then(|value| value.as_object().cloned()).unwrap_or_default()
            }
            _ => request.form().into_iter().map(|(name, value)| (name, Value::String(value))).collect(),
        };
        for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
            map.entry(name).or_insert_with(|| Value::String(value.into_owned()));
        }
        Self(map)
    }

    fn string(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        }
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.string(name).trim().parse().ok()
    }

    fn chat(&self, context: &Context<'_>) -> Result<Chat, Reply> {
        let id = self.string("chat_id");
        if id.is_empty() {
            return Err(error(400, "Bad Request: chat_id is empty"));
        }
        if let Some(to) = id.parse().ok().and_then(|id| context.moved(id)) {
            let mut body = error_body(400, "Bad Request: group chat was upgraded to a supergroup chat");
            if let Some(map) = body.as_object_mut() {
                map.insert("parameters".to_owned(), json!({ "migrate_to_chat_id": to }));
            }
            return Err(Reply::new(400, "application/json", body.to_string()));
        }
        let target = id.parse().ok();
        let known = |chat: &Chat| Some(chat.id) == target || (!chat.name.is_empty() && chat.name == id);
        let moved_here = |id: i64| Chat { id, ..Chat::GROUP };
        match Chat::ALL.into_iter().find(known) {
            Some(chat) => Ok(chat),
            None => match target.filter(|id| context.is_move_target(*id)) {
                Some(id) => Ok(moved_here(id)),
                None => Err(error(400, "Bad Request: chat not found")),
            },
        }
    }

    fn text(&self) -> Result<ServerText, String> {
        // The server drops NUL and unprintable characters before it parses.
        let source: String = self.string("text").chars().filter(|c| !is_dropped(*c)).collect();
        let mode = self.string("parse_mode").to_ascii_lowercase();
        let mut text = match mode.as_str() {
            "" | "none" => plain(&source),
            "html" => {
                let parsed =
                    html::parse(&source).map_err(|error| format!("can't parse entities: {error}"))?;
                let mut notes = parsed.notes;
                if parsed.entities > ENTITIES_MOST {
                    notes.push(format!("{} entities; those beyond 100 are dropped", parsed.entities));
                }
                ServerText { text: parsed.text, markup: parsed.markup, notes }
            }
            "markdownv2" => {
                markdown::check(&source).map_err(|error| format!("can't parse entities: {error}"))?;
                plain(&source)
            }
            "markdown" => plain(&source),
            _ => return Err("unsupported parse_mode".to_owned()),
        };
        text.text = text.text.trim().to_owned();
        Ok(text)
    }

    fn checked_text(&self) -> Result<ServerText, Reply> {
        if self.string("text").trim().is_empty() {
            return Err(error(400, "Bad Request: message text is empty"));
        }
        let text = self.text().map_err(|reason| error(400, &format!("Bad Request: {reason}")))?;
        if text.text.is_empty() {
            return Err(error(400, "Bad Request: message text is empty"));
        }
        if text.text.encode_utf16().count() > TEXT_MOST {
            return Err(error(400, "Bad Request: message is too long"));
        }
        Ok(text)
    }

    /// The message answered to, and whether it may be missing.
    fn reply_to(&self) -> Option<(i64, bool)> {
        let parameters = match self.0.get("reply_parameters")? {
            Value::String(text) => serde_json::from_str(text).ok()?,
            other => other.clone(),
        };
        let lenient = parameters.get("allow_sending_without_reply").and_then(Value::as_bool).unwrap_or(false);
        Some((parameters.get("message_id")?.as_i64()?, lenient))
    }
}

fn plain(source: &str) -> ServerText {
    let mut markup = Markup::new();
    markup.text(source);
    ServerText { text: source.to_owned(), markup, notes: Vec::new() }
}

fn is_dropped(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t' | '\r')) || matches!(c, '\u{202a}'..='\u{202e}')
}

/// Token and method (in lower case) of `/bot<token>/<method>`.
fn address(request: &Request) -> (String, String) {
    let rest = request.path.strip_prefix("/bot").unwrap_or_default();
    let (token, method) = rest.split_once('/').unwrap_or((rest, ""));
    (token.to_owned(), method.to_ascii_lowercase())
}

/// A token that cannot be one is no path the server knows.
fn refuse_token(token: &str) -> Option<Reply> {
    let shaped = token.split_once(':').is_some_and(|(id, secret)| {
        !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()) && !secret.is_empty()
    });
    match token {
        Demo::TELEGRAM_TOKEN => None,
        _ if shaped => Some(error(401, "Unauthorized")),
        _ => Some(error(404, "Not Found")),
    }
}

fn bot() -> Value {
    json!({ "id": 123_456_789, "is_bot": true, "first_name": "watchfire", "username": "watchfire_bot" })
}

fn key(chat: i64, message: i64) -> String {
    format!("{chat}/{message}")
}

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn success(result: Value) -> Reply {
    Reply::new(200, "application/json", json!({ "ok": true, "result": result }).to_string())
}

fn error_body(code: u16, description: &str) -> Value {
    json!({ "ok": false, "error_code": code, "description": description })
}

fn error(code: u16, description: &str) -> Reply {
    Reply::new(code, "application/json", error_body(code, description).to_string())
}

fn flood(seconds: u64) -> Reply {
    let mut body = error_body(429, &format!("Too Many Requests: retry after {seconds}"));
    if let Some(map) = body.as_object_mut() {
        map.insert("parameters".to_owned(), json!({ "retry_after": seconds }));
    }
    Reply::new(429, "application/json", body.to_string()).retry_after(Some(seconds))
}
