//! Buffers that go back to the threads that capture.

use std::sync::{Mutex, PoisonError};

use watchfire_core::Buffers;

/// How many are kept: as many events as come in one nap of the worker's (5 ms) from a program that logs 50,000 in a
/// second. Some 100 KiB, as most events have no more than 240 bytes of text.
const MOST: usize = 256;

/// Keeps buffers of captured events for the next ones.
///
/// What one thread allocates and another frees costs more than all the rest of a capture: the allocator's own cache of
/// the first is never refilled, and both meet at one lock.
#[derive(Debug, Default)]
pub(crate) struct BufferPool(Mutex<Vec<Buffers>>);

impl BufferPool {
    /// Takes used buffers, or new ones if there are none or another thread is at them: nobody waits here.
    pub(crate) fn take(&self) -> Buffers {
        self.0.try_lock().ok().and_then(|mut buffers| buffers.pop()).unwrap_or_default()
    }

    /// Keeps the buffers of several events.
    pub(crate) fn give(&self, used: &mut Vec<Buffers>) {
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST.saturating_sub(buffers.len());
        buffers.extend(used.drain(..).take(room));
        drop(buffers);
    }
}
