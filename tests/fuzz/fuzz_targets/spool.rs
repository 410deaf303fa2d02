//! Any bytes under a message's name are read as a message, or set aside; nothing else in the folder suffers.
#![no_main]

use std::{cell::OnceCell, fs};

use libfuzzer_sys::fuzz_target;
use watchfire_outbox::folder::SpoolFolder;

thread_local! {
    static SPOOL: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

fuzz_target!(|bytes: &[u8]| {
    SPOOL.with(|spool| {
        let folder = spool.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            for name in ["new", "hosts", "dead", "damaged", "state"] {
                fs::create_dir_all(folder.path().join(name)).expect("a folder in it");
            }
            folder
        });
        // A name as the spool gives it, and the bytes as they come.
        fs::write(folder.path().join("new/1763675876123000.000000000000000000000000000000ff.1763675876123.0.0.-.ops"), bytes).expect("a file");
        let Ok(opened) = SpoolFolder::open(folder.path()) else { return };
        for entry in opened.list().unwrap_or_default() {
            opened.read(&entry).ok();
        }
    });
});
