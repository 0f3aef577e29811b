//! What the disk itself can do.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

const BLOCK: usize = 4096;
const BLOCKS: u64 = 1024;

/// Writes of 4 KiB into a file that has its length already, each followed by fdatasync, one after another.
pub fn syncs_per_second(dir: &Path, time: Duration) -> f64 {
    let path = dir.join("disk-rate");
    let file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)
        .expect("a file");
    let block = [7; BLOCK];
    for number in 0..BLOCKS {
        file.write_all_at(&block, number * BLOCK as u64)
            .expect("room on the disk");
    }
    file.sync_all().expect("a disk that syncs");
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < time {
        file.write_all_at(&block, (count % BLOCKS) * BLOCK as u64)
            .expect("room on the disk");
        file.sync_data().expect("a disk that syncs");
        count += 1;
    }
    count as f64 / start.elapsed().as_secs_f64()
}
