//! The shared state of all providers: the messages, and the armed faults.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::clock;
use crate::fault::{Fault, FaultPlan};
use crate::record::{Described, MessageVerdict, Provider, Received};

/// Beyond this many messages the oldest is forgotten.
const KEPT: usize = 5_000;
/// Beyond this many bytes of messages the oldest is forgotten.
const BYTES: usize = 64 << 20;
/// How many plans of faults may be armed.
const FAULTS: usize = 1_000;

#[derive(Default)]
pub(crate) struct Store {
    state: Mutex<StoreState>,
    changed: Condvar,
}

impl Store {
    pub(crate) fn add(&self, new: New) -> u64 {
        let mut state = self.lock();
        state.last += 1;
        let number = state.last;
        let edits = new.edits.as_deref().and_then(|key| {
            let original = state
                .records
                .iter_mut()
                .find(|r| r.provider == new.provider && r.edits.is_none() && r.key.as_deref() == Some(key))?;
            original.edited_by = Some(number);
            Some(original.number)
        });
        let mut record = Received {
            number,
            provider: new.provider,
            at: new.at,
            recipients: new.entry.recipients,
            title: new.entry.title,
            verdict: new.verdict,
            head: new.head,
            raw: new.raw,
            view: new.entry.view,
            notes: new.entry.notes,
            key: new.key,
            thread: new.thread,
            edits,
            edited_by: None,
        };
        if size(&record) > BYTES {
            record.raw.clear();
            record.view.parts.clear();
            record.notes.push(format!("not kept: the message is larger than {} MiB", BYTES >> 20));
        }
        state.bytes += size(&record);
        state.records.push_back(record);
        while state.records.len() > KEPT || state.bytes > BYTES {
            let Some(oldest) = state.records.pop_front() else { break };
            state.bytes -= size(&oldest);
        }
        drop(state);
        self.changed.notify_all();
        number
    }

    pub(crate) fn all(&self) -> Vec<Received> {
        self.lock().records.iter().cloned().collect()
    }

    pub(crate) fn of(&self, provider: Provider) -> Vec<Received> {
        self.lock().records.iter().filter(|r| r.provider == provider).cloned().collect()
    }

    pub(crate) fn get(&self, number: u64) -> Option<Received> {
        self.lock().records.iter().find(|r| r.number == number).cloned()
    }

    pub(crate) fn drain(&self) -> Vec<Received> {
        let mut state = self.lock();
        state.bytes = 0;
        state.records.drain(..).collect()
    }

    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.bytes = 0;
        state.records.clear();
    }

    pub(crate) fn wait(
        &self,
        provider: Provider,
        wanted: usize,
        within: Duration,
        counts: fn(&Received) -> bool,
    ) -> Result<Vec<Received>, Missing> {
        let end = clock::instant() + within;
        let mut state = self.lock();
        loop {
            let found: Vec<_> =
                state.records.iter().filter(|r| r.provider == provider && counts(r)).cloned().collect();
            if found.len() >= wanted {
                return Ok(found);
            }
            let left = end.saturating_duration_since(clock::instant());
            if left.is_zero() {
                let seen = state
                    .records
                    .iter()
                    .filter(|r| r.provider == provider)
                    .map(|r| r.verdict.answer().to_owned());
                return Err(Missing { provider, wanted, found: found.len(), answers: seen.collect() });
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn arm(&self, provider: Provider, plan: FaultPlan) -> Result<(), Misfit> {
        if let Some(reason) = plan.fault.misfit(provider) {
            return Err(Misfit { provider, fault: plan.fault.name(), reason });
        }
        let mut state = self.lock();
        if state.faults.len() >= FAULTS {
            let reason = "a thousand faults are armed; clear some with DELETE";
            return Err(Misfit { provider, fault: plan.fault.name(), reason });
        }
        if plan.times != Some(0) {
            state.faults.push((provider, plan));
        }
        Ok(())
    }

    pub(crate) fn disarm(&self, provider: Provider) {
        self.lock().faults.retain(|(r, _)| *r != provider);
    }

    pub(crate) fn armed(&self) -> Vec<(Provider, FaultPlan)> {
        self.lock().faults.clone()
    }

    /// Takes the first fault of the provider that fits, and counts it down.
    pub(crate) fn take(&self, provider: Provider, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut state = self.lock();
        let index = state.faults.iter().position(|(r, plan)| *r == provider && fits(&plan.fault))?;
        let (_, plan) = state.faults.get_mut(index)?;
        let fault = plan.fault.clone();
        if let Some(times) = &mut plan.times {
            *times -= 1;
            if *times == 0 {
                state.faults.remove(index);
            }
        }
        Some(fault)
    }

    fn lock(&self) -> MutexGuard<'_, StoreState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message about to be kept.
pub(crate) struct New {
    pub(crate) provider: Provider,
    pub(crate) at: SystemTime,
    pub(crate) entry: Described,
    pub(crate) verdict: MessageVerdict,
    pub(crate) head: Vec<(String, String)>,
    pub(crate) raw: Vec<u8>,
    pub(crate) key: Option<String>,
    pub(crate) thread: Option<String>,
    /// The key of the message that this one edits.
    pub(crate) edits: Option<String>,
}

#[derive(Default)]
struct StoreState {
    records: VecDeque<Received>,
    /// The size of all records together.
    bytes: usize,
    last: u64,
    faults: Vec<(Provider, FaultPlan)>,
}

/// Returns about how many bytes a record takes.
fn size(record: &Received) -> usize {
    let pairs = record.head.iter().chain(&record.view.facts);
    let pairs: usize = pairs.map(|(name, value)| name.len() + value.len()).sum();
    let parts = record.view.parts.iter().map(|part| part.title().len() + part.source_len());
    let parts: usize = parts.sum();
    let lists: usize = record.recipients.iter().chain(&record.notes).map(String::len).sum();
    record.raw.len() + record.title.len() + pairs + parts + lists + 512
}

/// Fewer messages came than were waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// The provider.
    pub provider: Provider,
    /// How many were waited for.
    pub wanted: usize,
    /// How many there are.
    pub found: usize,
    /// The answers the provider has given so far, oldest first.
    pub answers: Vec<String>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} messages in provider {}; its answers: {:?}",
            self.found, self.wanted, self.provider, self.answers
        )
    }
}

impl std::error::Error for Missing {}

/// A fault that can never bite in its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    provider: Provider,
    fault: &'static str,
    reason: &'static str,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault {} in provider {}: {}", self.fault, self.provider, self.reason)
    }
}

impl std::error::Error for Misfit {}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(store: &Store, bytes: usize) {
        store.add(New {
            provider: Provider::Smtp,
            at: SystemTime::UNIX_EPOCH,
            entry: Described::default(),
            verdict: MessageVerdict::Accepted(String::new()),
            head: Vec::new(),
            raw: vec![0; bytes],
            key: None,
            thread: None,
            edits: None,
        });
    }

    #[test]
    fn the_oldest_messages_go_by_number_and_by_size() {
        let store = Store::default();
        for _ in 0..KEPT + 3 {
            keep(&store, 1);
        }
        assert_eq!((store.all().len(), store.all().first().map(|record| record.number)), (KEPT, Some(4)));
        store.clear();
        for _ in 0..20 {
            keep(&store, 8 << 20);
        }
        let numbers: Vec<_> = store.all().iter().map(|record| record.number).collect();
        let last = (KEPT + 23) as u64;
        assert_eq!(
            numbers,
            (last - 6..=last).collect::<Vec<_>>(),
            "seven of 8 MiB and a little fit into 64 MiB"
        );
        keep(&store, BYTES + 1);
        let newest = store.all().pop().unwrap();
        assert!(
            newest.raw.is_empty() && newest.notes.concat().contains("larger than 64 MiB"),
            "{:?}",
            newest.notes
        );
        assert_eq!(store.drain().len(), 8);
        assert_eq!(store.lock().bytes, 0);
    }
}
