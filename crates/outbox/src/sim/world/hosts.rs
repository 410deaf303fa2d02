//! Have the processes of a seed on several hosts, which know of each other only by their files.

use std::time::Duration;

use super::{Process, World};

/// How often the worker of every process has looked at the folder, at least.
const LOOK: Duration = Duration::from_secs(60);
/// For how long nothing happens on several hosts at most.
const MOST: Duration = Duration::from_secs(600);

impl World {
    /// Lets time pass; on several hosts all that live look at their folder meanwhile.
    pub(super) fn pass(&mut self, span: Duration) -> Result<(), String> {
        if !self.plan.spread {
            self.now = self.now + span;
            return Ok(());
        }
        let mut left = if self.is_calm { span } else { span.min(MOST) };
        while !left.is_zero() {
            let piece = left.min(LOOK);
            left -= piece;
            self.now = self.now + piece;
            for number in 0..self.processes.len() {
                let lives = |process: &Process| !process.is_dead();
                if self.processes.get(number).and_then(Option::as_ref).is_some_and(lives) {
                    self.turn(number, Vec::new())?;
                }
            }
            self.take_power()?;
            self.bury_dead()?;
            self.settle_deaths()?;
        }
        Ok(())
    }

    /// Names the host of a slot.
    pub(super) fn host(&self, number: usize) -> String {
        if self.plan.spread { format!("sim{number}") } else { "sim".to_owned() }
    }
}
