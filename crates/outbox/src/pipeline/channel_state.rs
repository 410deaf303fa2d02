use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, RwLock, atomic::Ordering},
};

use watchfire_core::Alert;

use crate::{
    DeliveryPolicy, GroupId, Notification, Occasion, OccasionKind, Sink,
    aggregate::RateLimiter,
    aggregate::callsite_limiter::CallsiteLimiter,
    delivery::Ticket,
    model::failover::FailOver,
    model::queued_message::GroupSummary,
    model::stats::{Counters, bump},
    model::timestamp::Timestamp,
    one_line,
};

/// Is one channel, as the worker uses it.
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
}

/// Is what can be changed of a channel that runs.
#[derive(Debug)]
pub(crate) struct Tuning {
    pub(crate) policy: DeliveryPolicy,
    pub(crate) fail_over: Option<FailOver>,
}

/// Is what can be set of every channel besides its name.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) policy: DeliveryPolicy,
    pub(crate) fail_over: Option<FailOver>,
    pub(crate) hears_panics: bool,
    pub(crate) group_by: Option<GroupBy>,
}

/// Is a function of the program that names the group of an alert; `None` leaves it to the fingerprint.
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

/// Is all channels, by their numbers.
pub(crate) type Channels = [Arc<ChannelState>];

impl ChannelState {
    pub(crate) fn new(name: String, sink: Arc<dyn Sink>, settings: Settings) -> Self {
        let Settings { policy, fail_over, hears_panics, group_by } = settings;
        let callsite_limiter = CallsiteLimiter::new(&policy.notifications);
        let rate_limiter = RateLimiter::new(&policy.notifications.budget);
        let counters = Counters::default();
        let tuning = RwLock::new(Arc::new(Tuning { policy, fail_over }));
        Self { name, sink, hears_panics, group_by, callsite_limiter, rate_limiter, counters, tuning }
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

    /// Renders an occasion, with the drops that no message has told of yet; one that makes the sink panic is rendered
    /// once more, stripped to its one line.
    pub(crate) fn render(
        &self,
        occasion: &Occasion<'_>,
        now: Timestamp,
    ) -> Option<(Vec<Notification>, Arc<GroupSummary>)> {
        let unreported = self.counters.unreported.swap(0, Ordering::AcqRel);
        let occasion = occasion.clone().unreported(unreported);
        let rendered = match self.try_to_render(&occasion) {
            Some(notifications) => {
                let alert = Arc::new(occasion.alert().clone());
                Some((notifications, Arc::new(GroupSummary::of(&occasion, alert, now))))
            }
            None => {
                let alert = Arc::new(stripped(occasion.alert()));
                let summary = Arc::new(GroupSummary::of(&occasion, Arc::clone(&alert), now));
                let plain =
                    summary.occasion(occasion.kind(), &self.name, occasion.group(), &[], occasion.now());
                let notifications = self.try_to_render(&plain.unreported(unreported));
                notifications.map(|notifications| (notifications, Arc::clone(&summary)))
            }
        };
        if rendered.is_none() {
            self.counters.unreported.fetch_add(unreported, Ordering::AcqRel);
        }
        rendered
    }

    /// Returns what the program calls the group of an alert; a function that panics leaves it to the fingerprint.
    pub(crate) fn name_group(&self, alert: &Alert) -> Option<String> {
        let group_by = self.group_by.as_ref()?;
        catch_unwind(AssertUnwindSafe(|| (group_by.0)(alert))).ok().flatten()
    }

    /// Renders what another channel, or several messages of this one, should have said.
    pub(crate) fn render_again(
        &self,
        summary: &GroupSummary,
        kind: OccasionKind,
        group: GroupId,
        notes: &[String],
        now: Timestamp,
    ) -> Vec<Notification> {
        self.try_to_render(&summary.occasion(kind, &self.name, group, notes, now.into())).unwrap_or_default()
    }

    fn try_to_render(&self, occasion: &Occasion<'_>) -> Option<Vec<Notification>> {
        let rendered = catch_unwind(AssertUnwindSafe(|| self.sink.render(occasion))).ok();
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
