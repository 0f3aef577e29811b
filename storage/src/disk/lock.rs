//! One process per data directory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::OpenError;
use super::private::private;

/// Holds a directory for this process. The kernel frees it when the process ends, however it ends.
#[derive(Debug)]
pub struct DirectoryLock {
    // Never read: closing the file is what frees the lock.
    _file: File,
}

impl DirectoryLock {
    /// Takes the directory; the error names the process that has it.
    pub fn take(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join("lock");
        let failed = |source| OpenError::Io { action: "lock", dir: dir.to_owned(), source };
        let mut file = private().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            Errno::WOULDBLOCK => OpenError::InUse { dir: dir.to_owned(), pid: holder(&path) },
            error => failed(error.into()),
        })?;
        write_pid(&mut file).map_err(failed)?;
        Ok(DirectoryLock { _file: file })
    }
}

/// The holder's process id is for people; that it is missing or half written harms nobody.
fn holder(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}
