//! Room on the disk of the data directory. A node that cannot write its log must stop; so what people ask for is refused
//! before the node's own entries fail.

use std::path::Path;
use tenure_core::{Rejection, Request};

/// Below this many free bytes no cluster file is applied: it is by far the largest entry, and its snapshot is as large.
pub const RESERVE: u64 = 64 << 20;
/// Below this many free bytes people's requests are refused: what the nodes have to write by themselves comes first.
pub const LAST: u64 = 16 << 20;

/// Free bytes on the file system of a directory, as far as this process may use them.
pub fn free(directory: &Path) -> std::io::Result<u64> {
    let system = rustix::fs::statvfs(directory)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// Refuses a request for which there is too little room.
pub fn check(directory: &Path, request: &Request) -> Result<(), Rejection> {
    // If the file system cannot tell, writing shows.
    let Ok(free) = free(directory) else { return Ok(()) };
    let needs = match request {
        Request::Configure { .. } | Request::Restore { .. } => RESERVE,
        Request::Do(_) | Request::Trust(_) | Request::Act(_) => LAST,
    };
    judge(free, needs, directory)
}

/// The line about a disk that is nearly full.
pub fn warning(free: u64) -> Option<String> {
    let refused = if free < LAST { "all requests" } else { "new cluster files" };
    (free < RESERVE).then(|| {
        format!("its disk is nearly full: {} MiB are free for its data, and {refused} are refused there", free >> 20)
    })
}

fn judge(free: u64, needs: u64, directory: &Path) -> Result<(), Rejection> {
    if free >= needs {
        return Ok(());
    }
    let message = format!(
        "the disk of this node is nearly full: {} MiB are free at {}, and {} MiB are needed",
        free >> 20,
        directory.display(),
        needs >> 20
    );
    Err(Rejection::new("disk_nearly_full", message).advise("make room there, or ask a node that has some"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_file_is_refused_before_anything_else() {
        let refused = |free, needs| judge(free, needs, Path::new("/data")).err().map(|why| why.code.to_string());
        assert_eq!(refused(RESERVE, RESERVE), None);
        assert_eq!(refused(RESERVE - 1, RESERVE).as_deref(), Some("disk_nearly_full"));
        assert_eq!(refused(RESERVE - 1, LAST), None);
        assert_eq!(refused(LAST - 1, LAST).as_deref(), Some("disk_nearly_full"));
        assert_eq!(warning(RESERVE), None);
        assert!(
            warning(RESERVE - 1).is_some_and(|text| text.contains("63 MiB are free") && text.contains("cluster files"))
        );
        assert!(
            warning(LAST - 1).is_some_and(|text| text.contains("15 MiB are free") && text.contains("all requests"))
        );
    }

    #[test]
    fn the_room_of_a_directory_is_told() {
        let folder = tempfile::tempdir().expect("a directory");
        assert!(free(folder.path()).is_ok());
        assert!(free(&folder.path().join("missing")).is_err());
    }
}
