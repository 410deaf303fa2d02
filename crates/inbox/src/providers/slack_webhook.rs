//! Slack's incoming webhook: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/>.

use std::time::SystemTime;

use serde_json::Value;

use super::{Canned, Context, HttpProvider, Judgement, Reply, Request, blocks};
use crate::demo::Demo;
use crate::record::{Described, Provider};

#[derive(Default)]
pub(crate) struct SlackWebhook {
    last: Option<SystemTime>,
}

impl HttpProvider for SlackWebhook {
    fn provider(&self) -> Provider {
        Provider::SlackWebhook
    }

    fn claims(&self, path: &str) -> bool {
        path.starts_with("/services")
    }

    fn describe(&self, request: &Request) -> Option<Described> {
        let mut entry = match payload(request) {
            Some(message) => blocks::entry(&message),
            None => Described::default(),
        };
        entry.recipients = vec![format!("#{}", Demo::SLACK_CHANNEL_NAME)];
        Some(entry)
    }

    fn judge(&mut self, request: &Request, context: &Context<'_>) -> Judgement {
        if let Err((status, word)) = address(request) {
            return refused(status, word);
        }
        if context.refuses(Demo::SLACK_CHANNEL_NAME) || context.refuses(Demo::SLACK_CHANNEL) {
            return refused(404, "channel_not_found");
        }
        if context.paced && self.last.is_some_and(|last| blocks::too_soon(last, context.now)) {
            return Judgement::refused(self.canned(request, Canned::RateLimited { retry_after: Some(1) }));
        }
        self.last = Some(context.now);
        let Some(message) = payload(request) else { return refused(400, "invalid_payload") };
        match blocks::check(&message) {
            Ok(()) => {
                let mut judgement = Judgement::accepted(Reply::new(200, "text/plain;charset=utf-8", "ok"));
                judgement.thread = message.get("thread_ts").and_then(Value::as_str).map(str::to_owned);
                judgement
            }
            Err(blocks::BlockRefusal::NoText) => refused(400, "no_text"),
            Err(blocks::BlockRefusal::TooManyAttachments) => refused(400, "too_many_attachments"),
            // The webhook gives no detail, unlike the Web API.
            Err(blocks::BlockRefusal::InvalidBlocks(_)) => refused(400, "invalid_blocks"),
            Err(blocks::BlockRefusal::BlocksTooLong) => refused(400, "invalid_blocks"),
            Err(blocks::BlockRefusal::BadType) => refused(400, "invalid_payload"),
        }
    }

    fn canned(&self, _request: &Request, answer: Canned) -> Reply {
        match answer {
            Canned::RateLimited { retry_after } => {
                Reply::new(429, "text/plain;charset=utf-8", "").retry_after(retry_after)
            }
            Canned::BadCredentials => word(403, "invalid_token"),
            Canned::Broken { status: 500 } => word(500, "rollup_error"),
            Canned::Broken { status } => Reply::new(status, "text/html", blocks::BROKEN_PAGE),
            Canned::TooLarge => word(400, "invalid_payload"),
        }
    }
}

fn word(status: u16, word: &str) -> Reply {
    Reply::new(status, "text/html", word)
}

fn refused(status: u16, answer: &str) -> Judgement {
    Judgement::refused(word(status, answer))
}

/// Checks `/services/T…/B…/secret` against the one hook there is.
fn address(request: &Request) -> Result<(), (u16, &'static str)> {
    let parts = |path: &str| path.trim_start_matches('/').split('/').map(str::to_owned).collect::<Vec<_>>();
    let (given, known) = (parts(&request.path), parts(Demo::SLACK_WEBHOOK_PATH));
    if request.method != "POST" || given.len() != known.len() {
        return Err((404, "no_service"));
    }
    let mut pairs = given.iter().zip(&known);
    match pairs.position(|(a, b)| a != b) {
        None => Ok(()),
        Some(1) => Err((404, "no_team")),
        Some(3) => Err((403, "invalid_token")),
        Some(_) => Err((404, "no_service")),
    }
}

/// The JSON body, or the JSON in the form field `payload`.
fn payload(request: &Request) -> Option<Value> {
    let value: Value = if request.media_type() == "application/x-www-form-urlencoded" {
        let form = request.form();
        let (_, json) = form.iter().find(|(name, _)| name == "payload")?;
        serde_json::from_str(json).ok()?
    } else {
        request.json()?
    };
    value.is_object().then_some(value)
}
