//! Makes every write of the database durable before it returns.
//!
//! sled takes a write for stable once `sync_file_range` returned: it then notes so in later segments, and writes over what it
//! no longer needs. A drive with a volatile cache may still have the later writes and not the earlier ones when the power
//! fails, and sled then finds itself corrupt. Syncing after sled is too late to prevent that, and sled lets nobody sync in
//! between; but the file's own attribute (`chattr +S`) makes the kernel do it at every write. See `power.rs`.

use std::io;
use std::path::Path;

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use super::private::private;

/// Marks the file, which is made if it is not there yet. `Ok(false)` says that this file system has no such attribute.
pub fn write_through(path: &Path) -> io::Result<bool> {
    let file = private().create(true).truncate(false).write(true).open(path)?;
    let marked = ioctl_getflags(&file).and_then(|flags| {
        if flags.contains(IFlags::SYNC) { Ok(()) } else { ioctl_setflags(&file, flags | IFlags::SYNC) }
    });
    // Every file system has its own way to say that it does not know the attribute, so this is not told from refusal.
    Ok(marked.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn a_marked_file_stays_marked() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("db");
        let marked = write_through(&path).unwrap();
        let flags = ioctl_getflags(File::open(&path).unwrap());
        assert_eq!(marked, flags.is_ok_and(|flags| flags.contains(IFlags::SYNC)));
        assert_eq!(write_through(&path).unwrap(), marked);
    }

    #[test]
    fn the_database_is_marked_before_it_is_used() {
        let dir = tempfile::TempDir::new().unwrap();
        let supported = write_through(&dir.path().join("other")).unwrap();
        let identity = crate::Identity { cluster: "marked".to_owned(), node: 1 };
        let opened = crate::open::<crate::TokioTypes>(dir.path(), &identity, None).unwrap();
        drop(opened);
        let flags = ioctl_getflags(File::open(dir.path().join("db")).unwrap());
        assert_eq!(supported, flags.is_ok_and(|flags| flags.contains(IFlags::SYNC)));
    }
}
