//! One simulated process.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{World, count_oracle::Book};
use crate::{
    Notification,
    model::{QueueKey, Timestamp},
    pipeline::{channel_state::ChannelState, dispatch::Dispatch, pipeline_turn::Counting},
    sim::{
        fake_disk::FakeFiles,
        provider::{Pauses, Shown},
    },
    spool::Owner,
};

/// A program that runs, with its worker's parts.
pub(super) struct Process {
    pub(super) owner: Owner,
    pub(super) files: FakeFiles,
    pub(super) dispatch: Dispatch<FakeFiles>,
    pub(super) channels: Vec<Arc<ChannelState>>,
    pub(super) flying: BTreeMap<QueueKey, (usize, Notification)>,
    pub(super) pauses: Pauses,
    pub(super) paced: BTreeMap<(usize, String), Timestamp>,
    pub(super) aggregators: Vec<Counting>,
    pub(super) looked: Option<Timestamp>,
    pub(super) shown: Vec<Shown>,
    pub(super) books: Vec<Book>,
    /// How far its clock is ahead of the world's, or behind.
    pub(super) ahead: (bool, Duration),
}

impl Process {
    pub(super) fn clock(&self, world: Timestamp) -> Timestamp {
        match self.ahead {
            (true, by) => world + by,
            (false, by) => world - by,
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.files.dead.get()
    }
}

impl World {
    /// Takes a process out of its slot to work with; starts it where none runs.
    pub(super) fn take(&mut self, number: usize) -> Option<Process> {
        self.start(number);
        self.processes.get_mut(number)?.take()
    }

    pub(super) fn put_back(&mut self, number: usize, process: Process) {
        if let Some(slot) = self.processes.get_mut(number) {
            *slot = Some(process);
        }
    }
}
