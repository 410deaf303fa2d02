//! Keep why nothing gets through to a recipient, for operators who look at the folder.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{LARGEST, Spool, StateKind};
use crate::{
    Reason,
    model::{Timestamp, hash::Fnv128},
    spool::{Files, frame},
};

/// How an attempt for a recipient failed, and from when on the next one is made; of a held channel with an empty
/// recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastFailure {
    pub(crate) channel: String,
    pub(crate) recipient: String,
    pub(crate) reason: String,
    /// In milliseconds of Unix time.
    until: u64,
}

impl LastFailure {
    pub(crate) fn new(channel: &str, recipient: &str, reason: &Reason, until: Timestamp) -> Self {
        Self {
            channel: channel.to_owned(),
            recipient: recipient.to_owned(),
            reason: reason.as_str().to_owned(),
            until: Timestamp::of_unix(until.into()).as_millis(),
        }
    }

    /// Returns from when on the next attempt is made.
    pub(crate) fn until(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.until)
    }

    fn key(channel: &str, recipient: &str) -> String {
        let hash = Fnv128::new().part(channel.as_bytes()).part(recipient.as_bytes()).finish();
        format!("{hash:032x}")
    }
}

impl<F: Files> Spool<F> {
    /// Notes a failure. It need not survive a crash: the next attempt notes it again.
    pub(crate) fn note_failure(&self, failure: &LastFailure) {
        let text = serde_json::to_string(failure).unwrap_or_default();
        if watchfire_core::process::holds_own_secret(text.as_bytes()) {
            return;
        }
        if let Some(bytes) = frame::wrap(&text, &[]) {
            let key = LastFailure::key(&failure.channel, &failure.recipient);
            self.files.note(&format!("{}/{key}", StateKind::Failures.folder()), &bytes).ok();
        }
    }

    pub(crate) fn forget_failure(&self, channel: &str, recipient: &str) {
        self.forget(StateKind::Failures, &LastFailure::key(channel, recipient));
    }

    /// Returns all failures that are known.
    pub(crate) fn failures(&self) -> Vec<LastFailure> {
        let kept = self.kept(StateKind::Failures);
        kept.iter().filter_map(|(_, text)| serde_json::from_str(text).ok()).collect()
    }

    /// Returns the failure of a recipient, or of its whole channel.
    pub(crate) fn failure_of(&self, channel: &str, recipient: &str) -> Option<LastFailure> {
        [recipient, ""].iter().find_map(|recipient| {
            let path = format!("{}/{}", StateKind::Failures.folder(), LastFailure::key(channel, recipient));
            let bytes = self.files.read(&path, LARGEST).ok()?;
            let (text, _) = frame::unwrap::<String>(&bytes).ok()?;
            let failure: LastFailure = serde_json::from_str(&text).ok()?;
            (failure.channel == channel && failure.recipient == *recipient).then_some(failure)
        })
    }
}
