//! Make requests and judge answers; both are pure.

use serde_json::{Value, json};
use watchfire_http::{Endpoint, Request, Response, by_status, rate_limited};
use watchfire_outbox::{Notification, Outcome, Reason, Receipt, Scope};

use crate::config::Destination;

#[cfg(test)]
mod tests;

pub(crate) fn request(destination: &Destination, notification: &Notification) -> Request {
    let mut body = notification.body().to_vec();
    let mut edits = false;
    // Our own rendering, or of a version of ours before this one.
    if let Ok(mut payload) = serde_json::from_slice::<Value>(&body) {
        edits = payload.get("ts").is_some();
        if notification.is_possible_duplicate() && !edits {
            mark(&mut payload);
            body = payload.to_string().into_bytes();
        }
    }
    match destination {
        Destination::Webhook(address) => Request::post_json(address, body),
        Destination::Bot(bot) if edits => Request::post_json(&bot.methods.update, body).bearer(&bot.token),
        Destination::Bot(bot) => Request::post_json(&bot.methods.post, body).bearer(&bot.token),
    }
}

/// Says that the message may have come before.
fn mark(payload: &mut Value) {
    if let Some(text) = payload.get_mut("text") {
        *text = format!("(possible duplicate) {}", text.as_str().unwrap_or_default()).into();
    }
    if let Some(Value::Array(blocks)) = payload.get_mut("blocks") {
        let note = "Possible duplicate: an earlier attempt may have arrived.";
        blocks.push(json!({ "type": "context", "elements": [{ "type": "plain_text", "text": note, "emoji": false }] }));
    }
}

/// Says what Slack's answer means: by its word, else by the status.
pub(crate) fn judge(destination: &Destination, notification: &Notification, response: &Response) -> Outcome {
    match destination {
        Destination::Webhook(endpoint) => judge_webhook(is_slack(endpoint), response),
        Destination::Bot(_) => judge_method(notification, response),
    }
}

/// Says what helps against a word, if it is somebody's to help.
fn advice(word: &str, is_webhook: bool) -> Option<&'static str> {
    Some(match word {
        "invalid_token" | "no_service" | "no_service_id" | "no_active_hooks" => {
            "the webhook was revoked or switched off, or its URL is mistyped: make a new one in Slack and set its URL"
        }
        "no_team" | "team_not_found" => "there is no such workspace: is the URL mistyped?",
        "team_disabled" => "the workspace is switched off",
        "channel_not_found" if is_webhook => {
            "the webhook's channel is gone or closed to it: make a webhook for another channel"
        }
        "channel_not_found" => "is the channel's id right, and was the bot invited to it (/invite)?",
        "not_in_channel" => "invite the bot to the channel (/invite)",
        "is_archived" | "channel_is_archived" => "unarchive the channel, or choose another one",
        "user_not_found" => "is the user's id right?",
        "action_prohibited" | "restricted_action" => "an administrator of the workspace has to allow it",
        "restricted_action_read_only_channel" => "let the app post to the channel, or choose another one",
        "posting_to_general_channel_denied" => "choose another channel: not everybody may post to this one",
        "not_authed" | "invalid_auth" => {
            "the token is mistyped or revoked: copy the app's bot token (xoxb-...) again"
        }
        "account_inactive" | "token_revoked" | "token_expired" => {
            "install the app in the workspace again, and set its new bot token (xoxb-...)"
        }
        "missing_scope" | "no_permission" => "add the scope to the app, and install it again",
        "not_allowed_token_type" => "set a bot token (xoxb-...)",
        _ => return None,
    })
}

/// A webhook answers with a bare word. Its status varies over the years (`invalid_token` came with 403, then 400).
fn judge_webhook(is_slack: bool, response: &Response) -> Outcome {
    let text = response.text();
    let reason = |word: &str| response.reason().advised(advice(word, true));
    match (response.status(), text.as_ref()) {
        (200, "ok") => Outcome::Delivered(None),
        (_, word) => match meaning(word) {
            // There is one recipient only, and whoever made the webhook has to look.
            Some(Meaning::Recipient) => Outcome::Held(reason(word)),
            Some(meaning) => meaning.outcome(response, reason(word)),
            // Rocket.Chat and others answer in their own words.
            None if response.is_success() && !is_slack && !is_refusal(word) => Outcome::Delivered(None),
            // A page of a proxy, or a server that says success and means a failure.
            None if response.is_success() => {
                Outcome::Unknown(Reason::new(format_args!("expected `ok`, got {}", response.reason())))
            }
            None => match by_status(response) {
                Outcome::Held(reason) => Outcome::Held(
                    reason.advised(Some("is the webhook's URL right, and is it Slack that answers?")),
                ),
                outcome => outcome,
            },
        },
    }
}

/// Tells whether the webhook is Slack's own, whose only good answer is `ok`.
fn is_slack(endpoint: &Endpoint) -> bool {
    let host = endpoint.host();
    ["slack.com", "slack-gov.com"]
        .iter()
        .any(|domain| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Tells whether a body takes back the success that its status says: a web page, or JSON that denies it.
fn is_refusal(body: &str) -> bool {
    let start = body.get(..9).unwrap_or(body).to_ascii_lowercase();
    let denies =
        |answer: Value| ["ok", "success"].iter().any(|key| answer.get(key) == Some(&Value::Bool(false)));
    start.starts_with("<html")
        || start.starts_with("<!doctype")
        || serde_json::from_str(body).is_ok_and(denies)
}

/// A method of the Web API answers with JSON, nearly always under the status 200.
fn judge_method(notification: &Notification, response: &Response) -> Outcome {
    let Ok(answer) = serde_json::from_slice::<Value>(response.body()) else {
        return match response.is_success() {
            true => Outcome::Ambiguous(Reason::new(format_args!("expected JSON, got {}", response.reason()))),
            false => by_status(response),
        };
    };
    let string = |key: &str| answer.get(key).and_then(Value::as_str);
    if response.is_success() && answer.get("ok") == Some(&Value::Bool(true)) {
        let reference = string("channel").zip(string("ts")).map(|(channel, ts)| format!("{channel}/{ts}"));
        return Outcome::Delivered(
            reference.map(|reference| Receipt::new(notification.recipient(), reference)),
        );
    }
    refusal(&answer, response)
}

/// Says what an answer of the Web API means that is none of success.
pub(crate) fn refusal(answer: &Value, response: &Response) -> Outcome {
    let word = answer.get("error").and_then(Value::as_str).unwrap_or_default();
    let reason = explain(word, answer).advised(advice(word, false));
    match meaning(word) {
        Some(meaning) => meaning.outcome(response, reason),
        None if response.is_success() => Outcome::Unknown(reason),
        None => by_status(response),
    }
}

/// `invalid_blocks` says where, `missing_scope` says which.
fn explain(word: &str, answer: &Value) -> Reason {
    let list = |value: Option<&Value>| {
        let texts = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        texts.collect::<Vec<_>>().join("; ")
    };
    let more = match answer.get("needed").and_then(Value::as_str) {
        Some(needed) => format!("needs the scope {needed}"),
        None => list(answer.get("errors")),
    };
    match (word, more.as_str()) {
        ("", _) => Reason::new(format_args!("an answer without `ok` and without `error`: {answer}")),
        (word, "") => Reason::new(word),
        (word, more) => Reason::new(format_args!("{word}: {more}")),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Meaning {
    /// A plainer rendering, or one outside of the thread, may be taken.
    Plainer,
    Later,
    /// "Some aspect of the operation may have succeeded."
    Unclear,
    Slower,
    Recipient,
    /// Somebody has to change the credentials or the workspace.
    Hold,
}

impl Meaning {
    fn outcome(self, response: &Response, reason: Reason) -> Outcome {
        match self {
            Self::Plainer => Outcome::Degrade(reason),
            Self::Later => Outcome::Transient(reason),
            Self::Unclear => Outcome::Ambiguous(reason),
            // Limits are per method and workspace, so all recipients wait.
            Self::Slower => rate_limited(response, Scope::Channel),
            Self::Recipient => Outcome::RecipientRefused(reason),
            Self::Hold => Outcome::Held(reason),
        }
    }
}

/// The words of <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/#handling_errors>,
/// <https://docs.slack.dev/reference/methods/chat.postMessage/#errors> and `chat.update`.
fn meaning(word: &str) -> Option<Meaning> {
    Some(match word {
        "invalid_payload"
        | "invalid_blocks"
        | "invalid_blocks_format"
        | "no_text"
        | "msg_too_long"
        | "missing_text_or_fallback_or_attachments"
        | "too_many_attachments"
        | "msg_blocks_too_long"
        | "attachment_payload_limit_exceeded"
        | "invalid_attachments"
        | "invalid_arguments"
        | "invalid_arg_name"
        | "invalid_array_arg"
        | "invalid_charset"
        | "invalid_form_data"
        | "invalid_post_type"
        | "missing_post_type"
        | "invalid_json"
        | "json_not_object"
        | "markdown_text_conflict"
        | "as_user_not_supported" => Meaning::Plainer,
        // The plainer renderings of an edit or a thread are separate messages.
        "message_not_found"
        | "cant_update_message"
        | "edit_window_closed"
        | "block_mismatch"
        | "is_inactive"
        | "cannot_reply_to_message"
        | "thread_not_found"
        | "invalid_thread_ts"
        | "restricted_action_thread_locked"
        | "restricted_action_non_threadable_channel"
        | "update_failed" => Meaning::Plainer,
        "service_unavailable" | "request_timeout" | "team_added_to_org" | "rollup_error" => Meaning::Later,
        "internal_error" | "fatal_error" => Meaning::Unclear,
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => Meaning::Slower,
        "channel_not_found"
        | "not_in_channel"
        | "is_archived"
        | "channel_is_archived"
        | "user_not_found"
        | "restricted_action"
        | "restricted_action_read_only_channel"
        | "restricted_action_thread_only_channel"
        | "messages_tab_disabled"
        | "posting_to_general_channel_denied"
        | "slack_connect_canvas_sharing_blocked" => Meaning::Recipient,
        "invalid_token"
        | "action_prohibited"
        | "team_disabled"
        | "no_service"
        | "no_service_id"
        | "no_active_hooks"
        | "no_team"
        | "not_authed"
        | "invalid_auth"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "missing_scope"
        | "no_permission"
        | "not_allowed_token_type"
        | "org_login_required"
        | "accesslimited"
        | "two_factor_setup_required"
        | "ekm_access_denied"
        | "access_denied"
        | "team_access_not_granted"
        | "team_not_found"
        | "enterprise_is_restricted"
        | "method_deprecated"
        | "deprecated_endpoint" => Meaning::Hold,
        _ => return None,
    })
}
