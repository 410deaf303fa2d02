use std::{io, sync::Arc};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
    low_level::emulate_default_handler,
};
use watchfire_core::mute_thread;

use crate::{Outbox, worker::shared::THREAD};

impl Outbox {
    /// Has SIGTERM, SIGINT and SIGHUP flush the outbox, within the deadline for the end of the process, before they end
    /// the process as they would without this; what is left stays in the spool. For a program that does not handle
    /// them itself: one that does calls [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// If the handlers or their thread cannot be set up.
    pub fn flush_on_termination(&self) -> io::Result<()> {
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
        let weak = Arc::downgrade(self.shared());
        std::thread::Builder::new().name(format!("{THREAD}-signals")).spawn(move || {
            mute_thread();
            for signal in signals.forever() {
                if let Some(shared) = weak.upgrade() {
                    shared.close(shared.exit_deadline).nobody_reads();
                }
                // Does not come back for these three; if it cannot, the signal was handled and the program goes on.
                emulate_default_handler(signal).ok();
            }
        })?;
        Ok(())
    }
}
