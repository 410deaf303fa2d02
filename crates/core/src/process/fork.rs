//! Give up in a forked child what belongs to its parent: files whose lock says that the parent lives.

use std::{
    os::fd::{AsRawFd, BorrowedFd},
    sync::atomic::{AtomicI32, Ordering},
};

const NONE: i32 = -1;
/// How many files are given up; those beyond that stay open in a child, and their lock lasts as long as it lives.
const MOST: usize = 64;
static FILES: [AtomicI32; MOST] = [const { AtomicI32::new(NONE) }; MOST];

/// Has a forked child give up its copy of `file` until the value is dropped. The lock of flock(2) belongs to all copies:
/// without this a child that lives on would hold the lock of a parent that has died.
#[must_use = "dropping it ends this"]
pub fn give_up_in_child(file: BorrowedFd<'_>) -> GivenUp {
    super::watch_forks();
    let fd = file.as_raw_fd();
    let free =
        |slot: &&AtomicI32| slot.compare_exchange(NONE, fd, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    GivenUp(FILES.iter().find(free))
}

/// The registration of a file that a forked child gives up. To be dropped before the file is closed.
#[derive(Debug)]
pub struct GivenUp(Option<&'static AtomicI32>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some(slot) = self.0 {
            slot.store(NONE, Ordering::Release);
        }
    }
}

/// Puts `/dev/null` in the place of each file. The numbers stay taken: the values that own them are still there.
#[expect(unsafe_code, reason = "a child of fork(2) may only call what is safe in a signal handler")]
pub(super) fn give_up() {
    for slot in &FILES {
        let fd = slot.swap(NONE, Ordering::AcqRel);
        if fd == NONE {
            continue;
        }
        // SAFETY: open(2), dup2(2), fcntl(2) and close(2) are safe here; `fd` is open, for its owner has not dropped it.
        unsafe {
            let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
            if null != NONE {
                libc::dup2(null, fd);
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
                libc::close(null);
            }
        }
    }
}
