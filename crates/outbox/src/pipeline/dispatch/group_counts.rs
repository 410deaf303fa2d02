//! Keep in the spool's folder what a channel has counted, and read the silences that people put there.

use watchfire_core::AlertId;

use super::Dispatch;
use crate::{
    Silence,
    aggregate::OrphanedCounts,
    model::{Timestamp, hash::Fnv128},
    spool::{Files, Owner, Spool, StateKind},
};

/// How many alerts of earlier processes are known.
const CARRIED: usize = 10_000;
/// The largest file of a silence that is read, in bytes.
const SILENCE: u64 = 4_096;

impl<F: Files> Dispatch<F> {
    /// Tells whether what is kept survives the process.
    pub(crate) fn is_durable(&self) -> bool {
        self.spool.is_some()
    }

    /// Keeps what this process has counted for a channel; `false` if that did not work.
    ///
    /// With it goes which files it has taken over, so that they count once, whenever the process ends; then those go.
    pub(crate) fn keep_groups(&mut self, channel: &str, text: &str, now: Timestamp) -> bool {
        let Some(spool) = &mut self.spool else { return false };
        // As with claims: counts without a beat look left behind to other hosts.
        self.has_counts = true;
        spool.beat(now);
        let start = start(channel);
        let mut taken = std::mem::take(&mut self.taken);
        let parts = taken.iter().filter_map(|(key, _)| part(key.strip_prefix(&start)?));
        let head = std::iter::once(spool.owner().to_string()).chain(parts.map(str::to_owned));
        let head = head.collect::<Vec<_>>().join(" ");
        // What has become a credential since it was counted must not stop the counts from being kept.
        let text = format!("{head}\n{}", watchfire_core::process::mask_own_secrets(text));
        let kept = spool.keep(StateKind::Groups, &key(&start, spool.owner()), &text).is_ok();
        if kept {
            // Named once more after its file went: that it is gone lasts from the next time on.
            taken.retain(|(key, gone)| !gone || !key.starts_with(&start));
            for (key, gone) in taken.iter_mut().filter(|(key, _)| key.starts_with(&start)) {
                *gone = spool.forget(StateKind::Groups, key);
            }
        }
        self.taken = taken;
        kept
    }

    /// Returns where this process keeps what it has counted for a channel.
    #[cfg(feature = "sim")]
    pub(crate) fn groups_file(&self, channel: &str) -> Option<String> {
        let owner = self.spool.as_ref()?.owner();
        Some(format!("state/groups/{}", key(&start(channel), owner)))
    }

    /// Takes over what processes that are gone have counted for a channel; with `at_start` also what this process had
    /// before. What one of two takers finds, the other does not.
    ///
    /// That it is ours lasts before this returns. Else a loss of power could take back that it was taken over, and leave
    /// what was said of it, or our counts with it in them.
    pub(crate) fn take_groups(
        &mut self,
        channel: &str,
        at_start: bool,
        now: Timestamp,
    ) -> Vec<OrphanedCounts> {
        let Some(spool) = &mut self.spool else { return Vec::new() };
        let start = start(channel);
        let files = sheets(spool, &start);
        let this = spool.owner().clone();
        let mut taken = Vec::new();
        let held = |sheet: &Sheet| {
            let is_ours = *sheet.holder() == this;
            let is_new = self.taken.iter().any(|(key, _)| *key == sheet.key);
            is_new || if is_ours { !at_start } else { !spool.is_gone(sheet.holder(), now) }
        };
        let mut parts: Vec<&str> =
            files.iter().filter(|sheet| held(sheet)).map(|sheet| sheet.part.as_str()).collect();
        let free: Vec<&Sheet> = files.iter().filter(|sheet| !held(sheet)).collect();
        if !free.is_empty() {
            self.has_counts = true;
            spool.beat(now);
        }
        for sheet in free {
            // A loss of power may leave one file under two names.
            if parts.contains(&sheet.part.as_str()) {
                spool.forget(StateKind::Groups, &sheet.key);
                continue;
            }
            // Whoever held it had counted it in, and died before it could remove it.
            let held = files.iter().find(|other| other.owner == *sheet.holder());
            if sheet.taker.is_some() && held.is_some_and(|held| held.parts.contains(&sheet.part)) {
                spool.forget(StateKind::Groups, &sheet.key);
                continue;
            }
            let key = format!("{start}{}+{this}", sheet.part);
            if spool.pass_on(StateKind::Groups, &sheet.key, &key) {
                self.taken.push((key, false));
                parts.push(&sheet.part);
                taken.push(OrphanedCounts { text: sheet.text.clone(), again: sheet.taker.is_some() });
            }
            if *sheet.holder() != this {
                spool.drop_beat(sheet.holder());
            }
        }
        if !taken.is_empty()
            && let Err(error) = spool.hold_on(StateKind::Groups)
        {
            self.self_log.say(format_args!("cannot force counts that were taken over to the disk: {error}"));
        }
        taken
    }

    /// Notes of which alerts earlier processes have left counts: what they said of them, and where, nobody knows here.
    pub(crate) fn note_carried(&mut self, alerts: Vec<AlertId>) {
        self.carried.extend(alerts);
        while self.carried.len() > CARRIED {
            // Ids begin with the time: the oldest.
            self.carried.pop_first();
        }
    }

    /// Returns what all other processes have counted for a channel, living or not, to look at.
    pub(crate) fn other_groups(&self, channel: &str) -> Vec<String> {
        let Some(spool) = &self.spool else { return Vec::new() };
        sheets(spool, &start(channel)).into_iter().map(|sheet| sheet.text).collect()
    }

    /// Reads the silences, and removes those that are over; `None` without a folder.
    pub(crate) fn silences(&self, now: Timestamp) -> Option<Vec<Silence>> {
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

/// The counts of one process for a channel.
///
/// The name of its file is `<channel>-<process>`, hashed, and has `+` and the process that has taken it over.
struct Sheet {
    key: String,
    part: String,
    owner: Owner,
    taker: Option<Owner>,
    /// Which others are counted in.
    parts: Vec<String>,
    text: String,
}

impl Sheet {
    fn holder(&self) -> &Owner {
        self.taker.as_ref().unwrap_or(&self.owner)
    }
}

fn sheets<F: Files>(spool: &Spool<F>, start: &str) -> Vec<Sheet> {
    let read = |(key, text): (String, String)| {
        let rest = key.strip_prefix(start)?;
        let (head, text) = text.split_once('\n')?;
        let mut head = head.split(' ');
        let taker = match rest.split_once('+') {
            Some((_, taker)) => Some(Owner::parse(taker)?),
            None => None,
        };
        Some(Sheet {
            part: part(rest)?.to_owned(),
            owner: Owner::parse(head.next()?)?,
            taker,
            parts: head.map(str::to_owned).collect(),
            text: text.to_owned(),
            key,
        })
    };
    spool.kept(StateKind::Groups).into_iter().filter_map(read).collect()
}

fn part(rest: &str) -> Option<&str> {
    rest.split('+').next()
}

fn start(channel: &str) -> String {
    format!("{:016x}-", Fnv128::new().part(channel.as_bytes()).finish_u64())
}

fn key(start: &str, owner: &Owner) -> String {
    format!("{start}{:016x}", Fnv128::new().part(owner.to_string().as_bytes()).finish_u64())
}
