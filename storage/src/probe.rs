//! The speed of the disk itself, to be printed beside every figure that depends on it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes per write. What a small group of log entries comes to.
const BLOCK_BYTES: usize = 4096;
/// Blocks of the probe's file, overwritten in turn. They exist beforehand, so that no sync has to record a new length.
const BLOCKS: u64 = 256;

/// The rate of syncs for one thread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiskRate {
    /// Syncs per second.
    pub per_second: f64,
    /// The median sync.
    pub p50: Duration,
    /// The sync that 99 of 100 are not slower than.
    pub p99: Duration,
}

/// Measures write and fdatasync of single blocks in `dir`, one after the other, `syncs` times. Blocks for as long.
///
/// # Errors
/// An error of the file system, or `syncs` of 0.
pub fn fdatasync_rate(dir: &Path, syncs: u32) -> io::Result<DiskRate> {
    if syncs == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a rate needs at least one sync"));
    }
    let path = dir.join("fdatasync-probe");
    let measured = measure(&path, syncs);
    fs::remove_file(&path)?;
    measured
}

fn measure(path: &Path, syncs: u32) -> io::Result<DiskRate> {
    let file = File::create(path)?;
    let block = [0x5a; BLOCK_BYTES];
    for number in 0..BLOCKS {
        file.write_all_at(&block, number * BLOCK_BYTES as u64)?;
    }
    file.sync_all()?;
    let start = Instant::now();
    let mut times = Vec::new();
    for number in 0..u64::from(syncs) {
        let before = Instant::now();
        file.write_all_at(&block, number % BLOCKS * BLOCK_BYTES as u64)?;
        file.sync_data()?;
        times.push(before.elapsed());
    }
    let total = start.elapsed();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    Ok(DiskRate { per_second: f64::from(syncs) / total.as_secs_f64(), p50: at(50), p99: at(99) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_and_cleans_up() {
        let dir = tempfile::TempDir::new().unwrap();
        let rate = fdatasync_rate(dir.path(), 20).unwrap();
        assert!(rate.per_second > 0.0 && rate.p50 <= rate.p99);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(fdatasync_rate(dir.path(), 0).is_err());
    }
}
