//! Take the messages of an occasion with very many recipients in slices: other channels have their turns in between.

use std::collections::VecDeque;

use super::{Dispatch, Limits};
use crate::{
    model::{
        DeliveryState, QueuedMessage, Timestamp,
        stats::{Counters, bump},
    },
    pipeline::channel_state::Channels,
    spool::Files,
};

/// How many messages are written to the spool in one turn: each waits for the disk.
pub(crate) const SLICE: usize = 128;
/// How many may wait for that.
const MOST: usize = Limits::ON_DISK.count as usize;

/// The messages that were rendered and wait to be written to the spool.
#[derive(Debug, Default)]
pub(super) struct Intake(VecDeque<(usize, DeliveryState, QueuedMessage)>);

impl Intake {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Keeps messages of a channel; those beyond the bound are dropped and counted.
    pub(super) fn keep(
        &mut self,
        number: usize,
        state: DeliveryState,
        messages: impl Iterator<Item = QueuedMessage>,
        counters: &Counters,
    ) {
        for message in messages {
            if self.0.len() < MOST {
                self.0.push_back((number, state, message));
            } else {
                [&counters.notifications, &counters.dropped_spool, &counters.drops_to_note]
                    .into_iter()
                    .for_each(bump);
            }
        }
    }
}

impl<F: Files> Dispatch<F> {
    /// Takes the next `most` messages that wait to be written; tells whether there are more.
    pub(crate) fn take_slice(&mut self, channels: &Channels, most: usize, now: Timestamp) -> bool {
        for _ in 0..most {
            let Some((number, state, message)) = self.intake.0.pop_front() else { break };
            self.accept_message(channels, number, message, state, now);
        }
        self.intake.len() > 0
    }
}
