//! A provider that answers as its seed decides.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use watchfire_core::Severity;

use super::random::SimRandom;
use crate::{
    Delivering, DeliveryPolicy, GroupId, Notification, NotificationId, Occasion, OccasionKind, Outcome,
    Reason, Receipt, Scope, Sink, model::Timestamp,
};

/// Renders for its recipients, and notes what; what it delivers is the simulator's affair.
#[derive(Debug)]
pub(super) struct Paper {
    pub(super) recipients: Vec<String>,
    pub(super) policy: DeliveryPolicy,
    pub(super) shown: Shown,
}

/// A rendering that one channel's aggregator asked for: why, for which group, and how many alerts it reports.
pub(super) type Shown = Arc<Mutex<Vec<(OccasionKind, GroupId, u64)>>>;

impl Sink for Paper {
    fn kind(&self) -> &'static str {
        "paper"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        let title = occasion.title();
        // What it says for another channel, or sums up, no aggregator has decided on.
        let own = occasion.kind() != OccasionKind::CatchUp && !occasion.is_taken_over();
        if own {
            let shown = (occasion.kind(), occasion.group(), occasion.tally().fresh);
            self.shown.lock().unwrap_or_else(PoisonError::into_inner).push(shown);
        }
        let to = self.recipients.iter();
        to.map(|to| occasion.notification(to).rich(title.clone()).plain(title.clone()).ascii("x")).collect()
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        Box::pin(std::future::ready(Outcome::Held(Reason::new("not asked in a simulation"))))
    }

    fn policy(&self) -> DeliveryPolicy {
        self.policy.clone()
    }
}

/// The deliveries at all providers, and their present condition.
#[derive(Debug, Default)]
pub(super) struct Providers {
    pub(super) got: BTreeMap<NotificationId, u64>,
    pub(super) marked: u64,
    /// What people have heard since that was last asked: by which channel, who, and what.
    pub(super) heard: Vec<(String, String, NotificationId)>,
    /// Destinations that always answer well.
    pub(super) sound: BTreeSet<(String, String)>,
    /// Whether all are well from now on.
    pub(super) all_sound: bool,
    /// Whether recipients may get new addresses.
    pub(super) moves: bool,
    /// Channels whose credentials are wrong.
    pub(super) locked: BTreeSet<String>,
}

impl Providers {
    pub(super) fn is_sound(&self, channel: &str, recipient: &str) -> bool {
        self.all_sound || self.sound.contains(&(channel.to_owned(), recipient.to_owned()))
    }

    /// Takes a message; `Err` if it came before and is not marked.
    pub(super) fn take(&mut self, notification: &Notification, excused: bool) -> Result<(), String> {
        let times = self.got.entry(notification.id()).or_default();
        *times += 1;
        let pings = !matches!(notification.kind(), OccasionKind::Edit | OccasionKind::Quiet);
        // Critical alerts have a reserve beside the budget.
        if *times == 1 && pings && notification.severity() < Severity::Critical {
            let (channel, to) = (notification.channel().to_owned(), notification.recipient().to_owned());
            self.heard.push((channel, to, notification.id()));
        }
        if *times > 1 {
            if notification.is_possible_duplicate() {
                self.marked += 1;
            } else if !excused {
                let (title, channel, to) =
                    (notification.title(), notification.channel(), notification.recipient());
                let id = notification.id();
                return Err(format!(
                    "`{title}` ({id}) came to {channel}/{to} twice, the second without a mark"
                ));
            }
        }
        Ok(())
    }

    /// Answers an attempt.
    pub(super) fn answer(
        &mut self,
        notification: &Notification,
        excused: bool,
        chance: &mut SimRandom,
    ) -> Result<Outcome, String> {
        let why = || Reason::new("as the seed says");
        let receipt = || Some(Receipt::new(notification.recipient(), "1.5"));
        if self.is_sound(notification.channel(), notification.recipient()) {
            self.take(notification, excused)?;
            return Ok(Outcome::Delivered(receipt()));
        }
        if self.locked.contains(notification.channel()) {
            return Ok(Outcome::Held(why()));
        }
        let scope = if chance.percent(50) { Scope::Recipient } else { Scope::Channel };
        let wait = Duration::from_secs(chance.below(5_000));
        Ok(match chance.below(100) {
            0..40 => {
                self.take(notification, excused)?;
                Outcome::Delivered(receipt())
            }
            40..45 => {
                self.take(notification, excused)?;
                Outcome::DeliveredThenWait { receipt: None, wait, scope }
            }
            45..65 => Outcome::Transient(why()),
            65..75 => {
                if chance.percent(50) {
                    self.take(notification, excused)?;
                }
                Outcome::Ambiguous(why())
            }
            75..85 => Outcome::RateLimited { wait, scope, reason: why() },
            85..90 => Outcome::Degrade(why()),
            90..93 => Outcome::Held(why()),
            93..95 => Outcome::RecipientRefused(why()),
            95..97 => Outcome::Rejected(why()),
            97..98 => Outcome::RateLimited { wait: Duration::MAX, scope, reason: why() },
            _ if !self.moves => Outcome::Transient(why()),
            _ => Outcome::Moved { to: format!("{}'", notification.recipient()), reason: why() },
        })
    }
}

/// Remembers what providers asked a process to wait for.
#[derive(Debug, Default)]
pub(super) struct Pauses(BTreeMap<(usize, Option<String>), Timestamp>);

impl Pauses {
    pub(super) fn note(&mut self, channel: usize, recipient: &str, outcome: &Outcome, now: Timestamp) {
        let (Outcome::RateLimited { wait, scope, .. } | Outcome::DeliveredThenWait { wait, scope, .. }) =
            outcome
        else {
            return;
        };
        let until = now + (*wait).clamp(Duration::from_secs(1), Duration::from_secs(86_400));
        let recipient = (*scope == Scope::Recipient).then(|| recipient.to_owned());
        let known = self.0.entry((channel, recipient)).or_default();
        *known = (*known).max(until);
    }

    /// Returns until when nothing may be sent there.
    pub(super) fn until(&self, channel: usize, recipient: &str) -> Timestamp {
        let of = |recipient: Option<String>| self.0.get(&(channel, recipient)).copied().unwrap_or_default();
        of(None).max(of(Some(recipient.to_owned())))
    }
}
