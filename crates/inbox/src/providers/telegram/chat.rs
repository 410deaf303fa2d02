//! The chats that the demo bot is in.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{bot, seconds};
use crate::demo::Demo;

#[derive(Clone, Copy)]
pub(crate) struct Chat {
    pub(crate) id: i64,
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) forum: bool,
    pub(crate) group: bool,
}

impl Chat {
    pub(crate) const GROUP: Self = Self {
        id: Demo::TELEGRAM_CHAT,
        name: "",
        title: "alerts",
        kind: "supergroup",
        forum: true,
        group: true,
    };
    pub(crate) const PRIVATE: Self = Self {
        id: Demo::TELEGRAM_PRIVATE_CHAT,
        name: "",
        title: "Ada",
        kind: "private",
        forum: false,
        group: false,
    };
    pub(crate) const CHANNEL: Self = Self {
        id: -1_001_234_567_891,
        name: Demo::TELEGRAM_CHANNEL,
        title: "inbox alerts",
        kind: "channel",
        forum: false,
        group: true,
    };
    pub(crate) const ALL: [Self; 3] = [Self::GROUP, Self::PRIVATE, Self::CHANNEL];

    pub(crate) fn shut_out(self) -> &'static str {
        match self.kind {
            "private" => "Forbidden: bot was blocked by the user",
            "channel" => "Forbidden: bot is not a member of the channel chat",
            _ => "Forbidden: bot was kicked from the supergroup chat",
        }
    }

    pub(crate) fn json(self) -> Value {
        let title = if self.kind == "private" { "first_name" } else { "title" };
        let mut chat = json!({ "id": self.id, "type": self.kind });
        if let Some(map) = chat.as_object_mut() {
            map.insert(title.to_owned(), json!(self.title));
            if self.forum {
                map.insert("is_forum".to_owned(), json!(true));
            }
        }
        chat
    }

    pub(crate) fn message(self, id: i64, now: SystemTime, text: &str) -> Value {
        json!({ "message_id": id, "from": bot(), "chat": self.json(), "date": seconds(now), "text": text })
    }
}
