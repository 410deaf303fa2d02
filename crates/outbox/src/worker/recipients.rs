//! Remember what the last attempt for each recipient came to: health is made of it.

use std::{collections::BTreeMap, time::Duration};

use crate::{Outcome, Reason, model::Timestamp};

/// How long an end is remembered.
const WINDOW: Duration = Duration::from_secs(6 * 3600);
/// So many attempts in a row that may go well later are a failure.
const IN_A_ROW: u32 = 3;
/// So many recipients are remembered, of all channels.
const MOST: usize = 4_096;
/// So many are named.
const NAMED: usize = 3;

/// The last ends of attempts, by channel and recipient.
#[derive(Debug, Default)]
pub(super) struct Recipients(BTreeMap<(usize, String), Last>);

#[derive(Debug, Default)]
struct Last {
    at: Timestamp,
    failures: u32,
    /// Why nothing gets through; `None` after a success.
    reason: Option<Reason>,
}

/// The recipients of one channel, as health reports them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecipientsView {
    /// How many had an attempt lately.
    pub(crate) known: usize,
    /// To how many of them nothing gets through.
    pub(crate) failing: usize,
    /// The first of these, and why.
    pub(crate) named: Vec<(String, Reason)>,
}

impl Recipients {
    /// Notes the end of an attempt; `is_over` says that its message is not tried again.
    pub(super) fn note(
        &mut self,
        channel: usize,
        recipient: &str,
        outcome: &Outcome,
        is_over: bool,
        now: Timestamp,
    ) {
        let (reason, is_certain) = match outcome {
            Outcome::Delivered(_) | Outcome::DeliveredThenWait { .. } => (None, false),
            Outcome::RecipientRefused(reason) | Outcome::Rejected(reason) | Outcome::Held(reason) => {
                (Some(reason), true)
            }
            Outcome::Transient(reason)
            | Outcome::Unknown(reason)
            | Outcome::Ambiguous(reason)
            | Outcome::Degrade(reason) => (Some(reason), is_over),
            // It was not looked at, or is tried at another address.
            Outcome::RateLimited { .. } | Outcome::Moved { .. } => return,
        };
        let address = (channel, recipient.to_owned());
        if self.0.len() >= MOST && !self.0.contains_key(&address) {
            let oldest = self.0.iter().min_by_key(|(_, last)| last.at).map(|(address, _)| address.clone());
            oldest.map(|oldest| self.0.remove(&oldest));
        }
        let last = self.0.entry(address).or_default();
        last.at = now;
        last.failures = match (reason, is_certain) {
            (None, _) => 0,
            (Some(_), true) => IN_A_ROW,
            (Some(_), false) => last.failures.saturating_add(1),
        };
        last.reason = reason.cloned();
    }

    /// Shows the recipients of a channel.
    pub(super) fn view(&self, channel: usize, now: Timestamp) -> RecipientsView {
        let of_channel = self.0.range((channel, String::new())..(channel + 1, String::new()));
        let mut view = RecipientsView::default();
        for ((_, recipient), last) in of_channel.filter(|(_, last)| now.since(last.at) < WINDOW) {
            view.known += 1;
            if let Some(reason) = last.reason.as_ref().filter(|_| last.failures >= IN_A_ROW) {
                view.failing += 1;
                if view.named.len() < NAMED {
                    view.named.push((recipient.clone(), reason.clone()));
                }
            }
        }
        view
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_recipients_to_whom_nothing_gets_through() {
        let why = || Reason::new("no such user");
        let start = Timestamp::from_millis(1_000_000);
        let mut recipients = Recipients::default();
        // (recipient, outcome, whether its message is over, how many fail then)
        let steps = [
            ("ada", Outcome::Delivered(None), true, 0),
            ("eve", Outcome::RecipientRefused(why()), true, 1),
            ("bob", Outcome::Transient(why()), false, 1),
            ("bob", Outcome::Transient(why()), false, 1),
            ("bob", Outcome::Ambiguous(why()), false, 2),
            ("bob", Outcome::Delivered(None), true, 1),
            ("bob", Outcome::Degrade(why()), false, 1),
            ("bob", Outcome::Degrade(why()), true, 2),
            ("ada", Outcome::Held(why()), false, 3),
            ("ada", Outcome::Delivered(None), true, 2),
        ];
        for (recipient, outcome, is_over, failing) in steps {
            recipients.note(0, recipient, &outcome, is_over, start);
            recipients.note(1, "other", &Outcome::Held(why()), false, start);
            assert_eq!(recipients.view(0, start).failing, failing, "{recipient} {outcome:?}");
        }
        let view = recipients.view(0, start);
        assert_eq!(view.known, 3);
        assert_eq!(view.named.iter().map(|(who, _)| who.as_str()).collect::<Vec<_>>(), ["bob", "eve"]);
        assert_eq!(recipients.view(0, start + WINDOW), RecipientsView::default());
    }

    #[test]
    fn remembers_so_many_and_no_more() {
        let mut recipients = Recipients::default();
        for n in 0..MOST + 10 {
            let at = Timestamp::from_millis(n as u64);
            recipients.note(0, &n.to_string(), &Outcome::Delivered(None), true, at);
        }
        assert_eq!(recipients.0.len(), MOST);
    }
}
