//! The state of one channel in the pipeline.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, atomic::Ordering},
};

use watchfire_core::{Alert, caught};

use crate::{
    DeliveryPolicy, GroupSummary, Notification, Occasion, Receipt, Sink,
    aggregate::{RateLimiter, callsite_limiter::CallsiteLimiter},
    model::{
        FailOver, Ticket, Timestamp,
        stats::{Counters, bump},
    },
    one_line,
};

/// One channel, as the worker uses it.
pub(crate) struct ChannelState {
    pub(crate) name: String,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) hears_panics: bool,
    pub(crate) group_by: Option<GroupBy>,
    pub(crate) callsite_limiter: CallsiteLimiter,
    /// How much it may still speak.
    pub(crate) rate_limiter: RateLimiter,
    pub(crate) counters: Counters,
    tuning: RwLock<Arc<Tuning>>,
    /// The folder of the spool, for the command that silences a group.
    spool: Option<String>,
}

/// The settings of a channel that can change while it runs.
#[derive(Debug)]
pub(crate) struct Tuning {
    pub(crate) policy: DeliveryPolicy,
    pub(crate) fail_over: Option<FailOver>,
}

/// The settings that every channel has besides its name.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) policy: DeliveryPolicy,
    pub(crate) fail_over: Option<FailOver>,
    pub(crate) hears_panics: bool,
    pub(crate) group_by: Option<GroupBy>,
}

/// A function of the program that names the group of an alert; `None` leaves it to the fingerprint.
#[derive(Clone)]
pub(crate) struct GroupBy(pub(crate) Arc<NameGroup>);

type NameGroup = dyn Fn(&Alert) -> Option<String> + Send + Sync;

impl fmt::Debug for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupBy(..)")
    }
}

impl Settings {
    pub(crate) fn new(policy: DeliveryPolicy) -> Self {
        Self { policy, fail_over: None, hears_panics: true, group_by: None }
    }
}

/// All channels, by their numbers.
pub(crate) type Channels = [Arc<ChannelState>];

impl ChannelState {
    pub(crate) fn new(name: String, sink: Arc<dyn Sink>, settings: Settings) -> Self {
        let Settings { policy, fail_over, hears_panics, group_by } = settings;
        let callsite_limiter = CallsiteLimiter::new(&policy.notifications);
        let rate_limiter = RateLimiter::new(&policy.notifications.budget);
        let counters = Counters::default();
        let tuning = RwLock::new(Arc::new(Tuning { policy, fail_over }));
        Self {
            name,
            sink,
            hears_panics,
            group_by,
            callsite_limiter,
            rate_limiter,
            counters,
            tuning,
            spool: None,
        }
    }

    /// Sets the folder of the spool, which messages name.
    pub(crate) fn in_spool(mut self, folder: Option<String>) -> Self {
        self.spool = folder;
        self
    }

    /// Notes that a message is heard only now, or summed up, whenever it was paid for; `is_first` if no other recipient has
    /// heard it before.
    pub(crate) fn note_heard(&self, ticket: &Ticket, is_first: bool, now: Timestamp) {
        if ticket.is_paid_for() {
            self.rate_limiter.discount_delay(&ticket.recipient, ticket.paid, now);
            if is_first {
                self.rate_limiter.discount_delay("", ticket.paid, now);
            }
        }
    }

    /// Returns the settings in force.
    pub(crate) fn tuning(&self) -> Arc<Tuning> {
        Arc::clone(&self.tuning.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other settings in force; the worker has to be told.
    pub(crate) fn retune(&self, tuning: Tuning) {
        *self.tuning.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tuning);
    }

    /// Renders a message, with the number of unreported drops; one that makes the sink panic is rendered once more,
    /// reduced to its one line. Returns it with the facts that it was rendered from.
    pub(crate) fn render(
        &self,
        summary: GroupSummary,
        receipts: &[Receipt],
        now: Timestamp,
    ) -> Option<(Vec<Notification>, Arc<GroupSummary>)> {
        let unreported = self.counters.drops_to_note.swap(0, Ordering::AcqRel);
        let try_to_render = |summary: &GroupSummary, receipts| {
            let occasion = Occasion::new(summary, &self.name, now.into()).unreported(unreported);
            let occasion = occasion.spool(self.spool.as_deref());
            self.try_to_render(&occasion.receipts(receipts))
        };
        let rendered = match try_to_render(&summary, receipts) {
            Some(notifications) => Some((notifications, Arc::new(summary))),
            None => {
                let alert = Arc::new(stripped(&summary.alert));
                let plain = Arc::new(GroupSummary { alert, notes: Vec::new(), ..summary });
                try_to_render(&plain, &[]).map(|notifications| (notifications, plain))
            }
        };
        if rendered.is_none() {
            self.counters.drops_to_note.fetch_add(unreported, Ordering::AcqRel);
        }
        rendered
    }

    /// Returns what the program calls the group of an alert; a function that panics leaves it to the fingerprint.
    pub(crate) fn name_group(&self, alert: &Alert) -> Option<String> {
        let group_by = self.group_by.as_ref()?;
        caught(|| (group_by.0)(alert)).flatten()
    }

    /// Renders a message that another channel, or several messages of this one, could not deliver.
    pub(crate) fn render_again(&self, summary: &GroupSummary, now: Timestamp) -> Vec<Notification> {
        let occasion = Occasion::new(summary, &self.name, now.into()).spool(self.spool.as_deref());
        self.try_to_render(&occasion).unwrap_or_default()
    }

    fn try_to_render(&self, occasion: &Occasion<'_>) -> Option<Vec<Notification>> {
        let rendered = caught(|| self.sink.render(occasion));
        if rendered.is_none() {
            bump(&self.counters.render_panics);
        }
        rendered.map(|mut notifications| {
            notifications.retain(|notification| !notification.ladder.is_empty());
            notifications
        })
    }
}

fn stripped(alert: &Alert) -> Alert {
    let mut plain = Alert::new(Arc::clone(&alert.app), alert.severity, one_line(&alert.message, 200));
    plain.id = alert.id;
    plain.at = alert.at;
    plain.target = alert.target.clone();
    plain
}
