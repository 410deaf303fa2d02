//! The operations on files that the spool needs, and the layout of its folder.

use std::io;

/// The file system operations that the spool needs. Paths are relative to the spool's folder, with `/`; those that
/// begin with a folder of [`OF_HOST`] are in the folder of this host.
///
/// Two implementors: the disk, and the simulator's, which crashes at every step and loses what was not synced.
pub(crate) trait Files: Clone {
    /// A file that is to be forced to the disk, whatever its name is by then.
    type Unforced;
    /// Returns the folder of this host within the spool's folder.
    fn home(&self) -> &str;
    /// Makes a new file, for its owner only, and forces its content to the disk. Fails if there is one.
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Makes a new file as [`write`](Self::write) does, without forcing its content to the disk. Until that is done it
    /// survives the end of the process, and not a loss of power.
    fn create(&self, path: &str, bytes: &[u8]) -> io::Result<Self::Unforced>;
    /// Opens a file that may not be on the disk yet: its process died.
    fn open(&self, path: &str) -> io::Result<Self::Unforced>;
    /// Forces the content of a file to the disk.
    fn force(&self, file: &Self::Unforced) -> io::Result<()>;
    /// Writes a file that need not survive a crash, in place of one that is there.
    fn note(&self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Renames a file, replacing one that is there; of several who try, one succeeds.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Forces the names in a folder to the disk.
    fn sync(&self, folder: &str) -> io::Result<()>;
    /// Lists the names in a folder, in no order.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// Reads a file of at most `most` bytes.
    fn read(&self, path: &str, most: u64) -> io::Result<Vec<u8>>;
    /// Removes the folder of a host that is gone, as far as nothing is in it.
    fn remove_home(&self, home: &str);
    /// Runs `work` while no other process does so with this lock file; `None` if another one does for long.
    fn exclusively<T>(&self, lock: &str, work: impl FnOnce() -> T) -> Option<T>;
}

/// The folders of a spool that all hosts share.
pub(crate) const SHARED: [&str; 7] =
    ["new", "dead", "damaged", "silences", "state/receipts", "state/moved", "state/failures"];
/// The folders that each host has in its own folder.
pub(crate) const OF_HOST: [&str; 3] = ["tmp", "cur", "state/groups"];
/// The folder with the folders of the hosts.
pub(crate) const HOSTS: &str = "hosts";

/// Returns the name of a host's folder.
pub(crate) fn home_of(host: &str) -> String {
    // It is neither empty nor the name of another folder.
    let name = super::owner::clean(host, 80);
    if name.trim_matches('.').is_empty() { format!("{HOSTS}/-") } else { format!("{HOSTS}/{name}") }
}

/// Returns the path of a file within the spool's folder, for a host whose folder is `home`.
pub(crate) fn in_spool(home: &str, path: &str) -> String {
    let is_of_host = |folder: &&str| {
        path.strip_prefix(*folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if OF_HOST.iter().any(is_of_host) { format!("{home}/{path}") } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_has_by_itself_is_in_its_folder() {
        let home = home_of("web 1.example.com");
        assert_eq!(home, "hosts/web-1.example.com");
        let cases = [
            ("cur", "hosts/web-1.example.com/cur"),
            ("cur/17.x", "hosts/web-1.example.com/cur/17.x"),
            ("state/groups/a", "hosts/web-1.example.com/state/groups/a"),
            ("new/17.x", "new/17.x"),
            ("current", "current"),
            ("./cur/17.x", "./cur/17.x"),
            ("hosts/web-2/cur/17.x", "hosts/web-2/cur/17.x"),
            ("silences", "silences"),
        ];
        for (path, place) in cases {
            assert_eq!(in_spool(&home, path), place);
        }
        for odd in ["", "..", ".", "../../etc", "a/b"] {
            let home = home_of(odd);
            assert!(home.len() > "hosts/".len() && home.matches('/').count() == 1, "{home}");
        }
    }
}
