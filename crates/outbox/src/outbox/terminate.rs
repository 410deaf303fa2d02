//! End the program in order at a signal.

use std::io;

use watchfire_core::process;

use crate::Outbox;

impl Outbox {
    /// Has SIGTERM, SIGINT and SIGHUP write and deliver what waits, within the deadline for the end of the process, before
    /// they end the process as they would without this; what is left stays in the spool.
    ///
    /// It holds for all outboxes and log files of the process. A signal that the program handles itself is left to it,
    /// whether it began to before or after this call: such a program ends by a return from `main` or by `process::exit`,
    /// and both deliver what waits. So is a signal that was ignored when the program started.
    ///
    /// # Errors
    ///
    /// If the handlers or their thread cannot be set up.
    pub fn flush_on_termination(&self) -> io::Result<()> {
        process::end_at_signals()
    }
}
