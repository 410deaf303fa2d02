//! Keep in the spool's folder what a channel has counted, and read the silences that people put there.

use super::Dispatch;
use crate::{
    hash::Fnv128,
    moment::Moment,
    noise::Silence,
    spool::{Drawer, Files, Owner},
};

/// The largest file of a silence that is read, in bytes.
const SILENCE: u64 = 4_096;

impl<F: Files> Dispatch<F> {
    /// Tells whether what is kept survives the process.
    pub(crate) fn is_durable(&self) -> bool {
        self.spool.is_some()
    }

    /// Keeps what this process has counted for a channel; `false` if that did not work.
    pub(crate) fn keep_groups(&mut self, channel: &str, text: &str) -> bool {
        let Some(spool) = &mut self.spool else { return false };
        let key = key(channel, spool.owner());
        // What has become a credential since it was counted must not stop the counts from being kept.
        let text = format!("{}\n{}", spool.owner(), watchfire_core::process::mask_own_secrets(text));
        spool.keep(Drawer::Groups, &key, &text).is_ok()
    }

    /// Takes over what processes that are gone have counted for a channel. What one of two takers finds, the other
    /// does not.
    pub(crate) fn take_groups(&mut self, channel: &str, now: Moment) -> Vec<String> {
        let Some(spool) = &self.spool else { return Vec::new() };
        let start = format!("{:016x}-", channel_key(channel));
        let mut taken = Vec::new();
        for (key, text) in spool.kept(Drawer::Groups) {
            let Some((owner, text)) = text.split_once('\n') else { continue };
            let Some(owner) = Owner::parse(owner) else { continue };
            let free = owner == *spool.owner() || spool.is_gone(&owner, now);
            if key.starts_with(&start) && free && spool.forget(Drawer::Groups, &key) {
                taken.push(text.to_owned());
            }
        }
        taken
    }

    /// Reads the silences, and removes those that are over; `None` without a folder.
    pub(crate) fn silences(&self, now: Moment) -> Option<Vec<Silence>> {
        let files = self.spool.as_ref()?.files();
        let mut silences = Vec::new();
        for name in files.list("silences").ok()?.into_iter().take(1_024) {
            let path = format!("silences/{name}");
            let Ok(bytes) = files.read(&path, SILENCE) else { continue };
            // One that a person has not finished writing is read the next time.
            let Ok(silence) = String::from_utf8_lossy(&bytes).parse::<Silence>() else { continue };
            if silence.until <= now.into() {
                files.remove(&path).ok();
            } else {
                silences.push(silence);
            }
        }
        Some(silences)
    }
}

fn channel_key(channel: &str) -> u64 {
    Fnv128::new().part(channel.as_bytes()).finish_u64()
}

fn key(channel: &str, owner: &Owner) -> String {
    let owner = Fnv128::new().part(owner.to_string().as_bytes()).finish_u64();
    format!("{:016x}-{owner:016x}", channel_key(channel))
}
