//! The process that works on a file.

use std::fmt;

/// Names the process that works on a file: its host, its id, and when it started, for ids are used again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Owner {
    pub(crate) host: String,
    pub(crate) pid: u32,
    pub(crate) start: String,
}

impl Owner {
    pub(crate) fn new(host: &str, pid: u32, start: &str) -> Self {
        Self { host: clean(host, 60), pid, start: clean(start, 40) }
    }

    /// Returns the present process.
    ///
    /// Ids mean something only among those who share them: to a container with the same host name and other ids we
    /// are on another host.
    pub(crate) fn this(host: &str) -> Self {
        let pid = std::process::id();
        let ids = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let ids: String = ids.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
        let host: String = host.chars().take(40).collect();
        let host = if ids.is_empty() { host } else { format!("{host}.{ids}") };
        Self::new(&host, pid, &start_of(pid).unwrap_or_else(|| "0".to_owned()))
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let (host, pid, start) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
        let owner = Self::new(host, pid, start);
        (parts.next().is_none() && owner.host == host && owner.start == start).then_some(owner)
    }

    /// Tells whether a process with the ids of this one still lives; `None` where that cannot be told.
    pub(super) fn is_alive(&self) -> Option<bool> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        Some(start_of(self.pid).is_some_and(|start| clean(&start, 40) == self.start))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.host, self.pid, self.start)
    }
}

pub(super) fn clean(text: &str, most: usize) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '-' };
    let text: String = text.chars().take(most).map(plain).collect();
    if text.is_empty() { "-".to_owned() } else { text }
}

/// Reads when a process started, in ticks since the boot, and which boot that was.
///
/// proc(5): field 22 of `/proc/<pid>/stat`; the name in field 2 may hold spaces and brackets.
fn start_of(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_ascii_whitespace().nth(19)?;
    // A zombie delivers nothing any more.
    if fields.split_ascii_whitespace().next() == Some("Z") {
        return None;
    }
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(format!("{ticks}-{}", boot.get(..8).unwrap_or("0")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_is_known_by_number_and_start_time() {
        let this = Owner::this("here");
        assert_eq!(this.is_alive(), Some(true));
        assert_eq!(Owner { start: "1-0".to_owned(), ..this.clone() }.is_alive(), Some(false));
        assert_eq!(Owner { pid: u32::MAX, ..this.clone() }.is_alive(), Some(false));
        assert_eq!(Owner::parse(&this.to_string()), Some(this));
    }
}
