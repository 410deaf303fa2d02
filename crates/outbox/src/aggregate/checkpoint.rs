//! Keep an aggregator over a restart, as JSON: a program in a crash loop says its error once, with the count.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use watchfire_core::{Alert, AlertId, App, Severity, cut};

use super::{
    aggregator::{Aggregator, MOST_GROUPS, Overflow},
    fingerprint::{self, Identity},
    group::Group,
};
use crate::{GroupId, model::Timestamp};

/// A newer version is not read: its groups begin anew. A reader ignores fields that it does not know.
const VERSION: u32 = 1;
/// How much of a sample's texts is kept, in bytes.
const TEXT: usize = 600;

#[derive(Debug, Serialize, Deserialize)]
struct DeskRecord {
    version: u32,
    bundles: u32,
    #[serde(alias = "withheld")]
    suppressed: u64,
    unmentioned: u64,
    /// Alerts and groups without a place, their first and last time.
    overflow: (u64, u64, u64, u64),
    #[serde(default)]
    lump_due: u64,
    /// What stands for them.
    #[serde(default)]
    latest: Option<SampleRecord>,
    budget: Vec<(String, Vec<u64>)>,
    /// The reserves of critical groups that are not full: the group, the recipient, and when it is full again.
    #[serde(default)]
    reserves: Vec<(String, String, u64)>,
    groups: Vec<GroupRecord>,
    /// Nothing was told after it was written.
    #[serde(default)]
    closed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct GroupRecord {
    id: String,
    /// The version of the fingerprint.
    #[serde(default = "first_version")]
    fingerprint: u32,
    #[serde(flatten)]
    identity: Identity,
    severity: String,
    first: u64,
    last: u64,
    total: u64,
    unsaid: u64,
    fresh: u64,
    #[serde(default)]
    fresh_since: u64,
    said: u32,
    step: u8,
    owed: bool,
    due: u64,
    last_said: u64,
    folded: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recent: Vec<u64>,
    #[serde(default)]
    unread: u64,
    #[serde(default)]
    reached: bool,
    #[serde(default)]
    maybe_told: bool,
    sample: SampleRecord,
}

/// The part of an alert that is kept: enough to say what it was about.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SampleRecord {
    id: String,
    at: u64,
    severity: String,
    target: String,
    module: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    thread: String,
    message: String,
    error: Vec<String>,
}

fn first_version() -> u32 {
    1
}

impl Aggregator {
    /// Tells whether something has changed since this was last asked.
    pub(crate) fn has_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed) | self.budget.has_changed()
    }

    /// Has the next checkpoint say that nothing is told after it: the program ends in order.
    pub(crate) fn close_book(&mut self) {
        (self.closed, self.changed) = (true, true);
    }

    /// Writes what the next process has to know.
    pub(crate) fn checkpoint(&self, now: Timestamp) -> String {
        let overflow = self.overflow;
        let record = DeskRecord {
            version: VERSION,
            bundles: self.bundles,
            suppressed: self.tally.suppressed,
            unmentioned: self.unmentioned,
            overflow: (
                overflow.alerts,
                overflow.groups,
                overflow.first.as_millis(),
                overflow.last.as_millis(),
            ),
            lump_due: overflow.due.as_millis(),
            latest: self.latest.as_ref().filter(|_| overflow.alerts > 0).map(|alert| SampleRecord::of(alert)),
            budget: self
                .budget
                .levels(now)
                .into_iter()
                .map(|(who, levels)| (who, levels.iter().map(|level| level.as_millis()).collect()))
                .collect(),
            reserves: self
                .budget
                .reserves(now)
                .into_iter()
                .map(|(group, who, full_at)| (group.to_string(), who, full_at.as_millis()))
                .collect(),
            groups: self.groups.iter().map(|(id, group)| GroupRecord::of(*id, group)).collect(),
            closed: self.closed,
        };
        serde_json::to_string(&record).unwrap_or_default()
    }

    /// Returns which alerts the groups of a checkpoint speak of.
    pub(crate) fn alerts_of(text: &str) -> Vec<AlertId> {
        let record = serde_json::from_str::<DeskRecord>(text).ok();
        let groups = record.into_iter().flat_map(|record| record.groups);
        groups.filter_map(|group| group.sample.id.parse().ok()).collect()
    }

    /// Takes over what an earlier process wrote; returns how many alerts it had not told of. What cannot be read is no
    /// reason to stay silent: those groups begin anew.
    pub(crate) fn restore(&mut self, text: &str, app: &Arc<App>, now: Timestamp) -> u64 {
        let Ok(record) = serde_json::from_str::<DeskRecord>(text) else { return 0 };
        if record.version > VERSION {
            return 0;
        }
        let (before, closed) = (self.pending(), record.closed);
        self.bundles = self.bundles.max(record.bundles);
        self.unmentioned += record.unmentioned;
        // All were taken by the process that suppressed them.
        self.suppressed_before += record.suppressed;
        self.tally.suppressed += record.suppressed;
        self.tally.taken += record.suppressed;
        let (alerts, groups, first, last) = record.overflow;
        let time = |millis| Timestamp::from_millis(millis).min(now);
        if alerts > 0 {
            let known = self.overflow;
            let due = Timestamp::from_millis(record.lump_due).clamp(now, now + self.policy.window(u8::MAX));
            let (first, due) = match known.alerts {
                0 => (time(first), due),
                _ => (known.first.min(time(first)), known.due.min(due)),
            };
            self.overflow = Overflow {
                alerts: alerts + known.alerts,
                groups: groups + known.groups,
                first,
                last: time(last).max(known.last),
                due,
                maybe_told: known.maybe_told || !closed,
            };
        }
        if self.latest.is_none() {
            self.latest = record.latest.and_then(|sample| sample.alert(app)).map(Arc::new);
        }
        self.restore_budget(record.budget, record.reserves, now);
        for record in record.groups.into_iter().take(MOST_GROUPS) {
            if let Some((id, mut group)) = record.group(app, self.policy().window(u8::MAX), now) {
                group.maybe_told |= !closed && group.unsaid > 0;
                match self.groups.get_mut(&id) {
                    // Two processes that are gone had the same one.
                    Some(known) => known.merge(&group),
                    None => {
                        self.bytes += group.bytes;
                        self.groups.insert(id, group);
                    }
                }
            }
        }
        let adopted = self.pending() - before;
        self.tally.taken += adopted;
        self.changed = true;
        self.make_room(GroupId::from_u64(0), now);
        self.wake_all(now);
        adopted
    }
}

impl Aggregator {
    /// Takes over what another process has spent, and nothing else.
    pub(crate) fn inherit(&mut self, text: &str, now: Timestamp) {
        if let Ok(record) = serde_json::from_str::<DeskRecord>(text)
            && record.version <= VERSION
        {
            self.restore_budget(record.budget, record.reserves, now);
        }
    }

    fn restore_budget(
        &self,
        budget: Vec<(String, Vec<u64>)>,
        reserves: Vec<(String, String, u64)>,
        now: Timestamp,
    ) {
        for (group, who, full_at) in reserves {
            if let Ok(group) = group.parse() {
                self.budget.restore_reserve(group, who, Timestamp::from_millis(full_at), now);
            }
        }
        for (who, levels) in budget {
            let levels: Vec<Timestamp> = levels.into_iter().map(Timestamp::from_millis).collect();
            self.budget.restore(&who, &levels, now);
        }
    }
}

impl GroupRecord {
    fn of(id: GroupId, group: &Group) -> Self {
        Self {
            id: id.to_string(),
            fingerprint: fingerprint::VERSION,
            identity: group.identity.clone(),
            severity: group.severity.to_string(),
            first: group.first.as_millis(),
            last: group.last.as_millis(),
            total: group.total,
            unsaid: group.unsaid,
            fresh: group.fresh,
            fresh_since: group.fresh_since.as_millis(),
            said: group.said,
            step: group.step,
            owed: group.owed,
            due: group.due.as_millis(),
            last_said: group.last_said.as_millis(),
            folded: group.folded,
            recent: group.recent.iter().map(|at| at.as_millis()).collect(),
            unread: group.unread,
            reached: group.reached,
            maybe_told: group.maybe_told,
            sample: SampleRecord::of(&group.opening),
        }
    }

    fn group(self, app: &Arc<App>, longest: Duration, now: Timestamp) -> Option<(GroupId, Group)> {
        let id = match self.fingerprint == fingerprint::VERSION {
            true => self.id.parse().ok()?,
            false => self.identity.group_of(self.sample.clone().alert(app)?, self.folded),
        };
        let sample = Arc::new(self.sample.alert(app)?);
        // A clock that was set back must not hold a group for years.
        let time = |millis: u64| Timestamp::from_millis(millis).min(now);
        let mut power = 10_u64;
        while power <= self.total && power < u64::MAX / 10 {
            power *= 10;
        }
        let group = Group {
            severity: self.severity.parse().ok()?,
            first: time(self.first),
            last: time(self.last),
            total: self.total.max(self.unsaid),
            unsaid: self.unsaid,
            fresh: self.fresh,
            // Earlier versions did not write it: the group's last message came before.
            fresh_since: time(match self.fresh_since {
                0 => self.last_said.max(self.first),
                at => at,
            }),
            unread: self.unread,
            said: self.said,
            step: self.step,
            owed: self.owed,
            late: None,
            // What held it in the last process may hold it no longer.
            due: if self.owed { now } else { Timestamp::from_millis(self.due).min(now + longest) },
            early_at: None,
            edit_at: None,
            last_said: time(self.last_said),
            power,
            recent: self.recent.iter().take(1_000).map(|at| time(*at)).collect(),
            reached: self.reached,
            every: Timestamp::default(),
            bytes: super::group::size(&sample),
            opening: Arc::clone(&sample),
            sample,
            folded: self.folded,
            identity: self.identity,
            maybe_told: self.maybe_told,
        };
        Some((id, group))
    }
}

impl SampleRecord {
    fn of(alert: &Alert) -> Self {
        let text = |text: &str| cut(text, TEXT).to_owned();
        let outer = alert.error.first().into_iter();
        let root = alert.error.last().filter(|_| alert.error.len() > 1).into_iter();
        Self {
            id: alert.id.to_string(),
            at: Timestamp::from(alert.at).as_millis(),
            severity: alert.severity.to_string(),
            target: text(&alert.target),
            module: alert.module.as_deref().map(text),
            file: alert.file.as_deref().map(text),
            line: alert.line,
            thread: text(&alert.thread),
            message: text(&alert.message),
            error: outer.chain(root).map(|cause| text(cause)).collect(),
        }
    }

    fn alert(self, app: &Arc<App>) -> Option<Alert> {
        let severity: Severity = self.severity.parse().ok()?;
        let id: AlertId = self.id.parse().ok()?;
        let mut alert = Alert::new(Arc::clone(app), severity, self.message)
            .id(id)
            .at(Timestamp::from_millis(self.at).into())
            .thread(self.thread)
            .target(self.target);
        alert.module = self.module.map(Into::into);
        alert.file = self.file.map(Into::into);
        alert.line = self.line;
        alert.error = self.error;
        Some(alert)
    }
}
