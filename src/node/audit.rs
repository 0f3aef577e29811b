//! The audit in files: `audit/NUMBER.jsonl` in the data directory, one record a line, each file named after its first record.
//!
//! Each node writes what it applies, so every node has a copy, and a node that is changed by its own root shows by the others.
//! A record that comes again, because the log is replayed after a restart, is not written again. The files are made safe before
//! the log that they came from is dropped ([`AuditLog::sync`]). The oldest file goes when the total size or the age asks for it.

use crate::{api::wire::AuditView, local::AuditLimits};
use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, SystemTime},
};
use tenure_core::{audit::AuditRecord, config::Cluster};

/// Size from which a new file is begun.
const FILE: u64 = 4 << 20;
/// Lines of the difference between two configurations that are kept.
const DIFFERENCES: usize = 200;
/// The longest line that is read back, in bytes.
const LONGEST: u64 = 1 << 20;

/// The files.
#[derive(Debug)]
pub struct AuditLog {
    directory: PathBuf,
    limits: AuditLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Number of the last record that is written.
    last: u64,
    open: Option<(File, u64)>,
    /// Whether writing has failed: it is said once.
    failed: bool,
}

impl AuditLog {
    /// Opens the files of a data directory. A last line that was cut off by a crash is cut away: it comes again.
    pub fn open(data_dir: &Path, limits: AuditLimits) -> io::Result<Self> {
        let directory = data_dir.join("audit");
        fs::create_dir_all(&directory)?;
        let mut last = 0;
        if let Some(newest) = files(&directory)?.last() {
            let bytes = fs::read(newest)?;
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            if whole < bytes.len() {
                File::options().write(true).open(newest)?.set_len(u64::try_from(whole).unwrap_or_default())?;
            }
            let line = bytes[..whole].trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
            last = serde_json::from_slice::<AuditView>(line).map_or_else(|_| first(newest), |record| record.number);
        }
        Ok(AuditLog { directory, limits, state: Mutex::new(State { last, ..State::default() }) })
    }

    /// Appends records; `before` and `after` are the configurations around the entry that they are of.
    pub fn append(&self, records: &[AuditRecord], before: &Cluster, after: &Cluster) {
        let mut state = self.state.lock().expect("nobody panics with it");
        for record in records.iter().filter(|record| record.number > state.last).collect::<Vec<_>>() {
            let changed =
                if before == after { Vec::new() } else { tenure_config::differences(before, after, DIFFERENCES) };
            match self.write(&mut state, &AuditView::of(record, changed)) {
                Ok(()) => (state.last, state.failed) = (record.number, false),
                Err(why) => {
                    if !std::mem::replace(&mut state.failed, true) {
                        tracing::error!(%why, directory = %self.directory.display(), "the audit cannot be written");
                    }
                    return;
                }
            }
        }
    }

    fn write(&self, state: &mut State, record: &AuditView) -> io::Result<()> {
        if state.open.as_ref().is_none_or(|(_, size)| *size >= FILE) {
            let newest = files(&self.directory)?.pop().filter(|file| size(file) < FILE);
            let path = newest.unwrap_or_else(|| self.directory.join(format!("{:020}.jsonl", record.number)));
            let file = File::options().create(true).append(true).open(&path)?;
            let size = file.metadata()?.len();
            if let Some((full, _)) = state.open.replace((file, size)) {
                full.sync_all()?;
            }
            self.drop_old()?;
        }
        let mut line = serde_json::to_vec(record).map_err(io::Error::other)?;
        line.push(b'\n');
        if let Some((file, size)) = &mut state.open {
            file.write_all(&line)?;
            *size = size.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    /// Makes everything that was written safe.
    pub fn sync(&self) {
        let open = {
            let state = self.state.lock().expect("nobody panics with it");
            state.open.as_ref().map(|(file, _)| file.try_clone())
        };
        if let Some(Err(why)) = open.map(|file| file.and_then(|file| file.sync_all())) {
            tracing::error!(%why, directory = %self.directory.display(), "the audit cannot be made safe");
        }
    }

    /// Drops the oldest files; the newest one always stays.
    fn drop_old(&self) -> io::Result<()> {
        let mut files = files(&self.directory)?;
        files.pop();
        let mut total: u64 = files.iter().map(|file| size(file)).sum();
        for file in files {
            let age = fs::metadata(&file).and_then(|data| data.modified()).ok();
            let age = age.and_then(|at| SystemTime::now().duration_since(at).ok()).unwrap_or(Duration::ZERO);
            if total.saturating_add(FILE) <= self.limits.size && age < self.limits.keep {
                break;
            }
            total = total.saturating_sub(size(&file));
            fs::remove_file(&file)?;
        }
        Ok(())
    }

    /// The records that are kept here with a number greater than `after`, oldest first, at most so many.
    pub fn read(&self, after: u64, limit: usize) -> io::Result<Vec<AuditView>> {
        let files = files(&self.directory)?;
        // The file before the first one that begins later may hold the wanted record.
        let begin = files.iter().rposition(|file| first(file) <= after.saturating_add(1)).unwrap_or(0);
        let mut found = Vec::new();
        for file in files.iter().skip(begin) {
            let mut lines = BufReader::new(File::open(file)?);
            let mut line = Vec::new();
            while found.len() < limit {
                line.clear();
                let read = io::Read::take(&mut lines, LONGEST).read_until(b'\n', &mut line)?;
                if read == 0 {
                    break;
                }
                // A line that was changed into something else is left out, and its number is missing.
                let Ok(record) = serde_json::from_slice::<AuditView>(&line) else { continue };
                if record.number > after {
                    found.push(record);
                }
            }
        }
        Ok(found)
    }
}

/// The files, oldest first.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(directory)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    files.sort();
    Ok(files)
}

/// Number of a file's first record.
fn first(file: &Path) -> u64 {
    file.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok()).unwrap_or_default()
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |data| data.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::{
        Time,
        audit::Who,
        trust::{Hash, Origin},
    };

    fn limits(size: u64) -> AuditLimits {
        AuditLimits { size, keep: Duration::from_secs(3600) }
    }

    fn records(numbers: std::ops::RangeInclusive<u64>) -> Vec<AuditRecord> {
        let record = |number| {
            let who = Who::User("admin".to_owned(), 0);
            let what = format!("group freeze {}", "x".repeat(2000));
            let (at, from) = (Time(1_700_000_000_000 + number), Origin::default());
            let hash = Hash([0; 32]);
            AuditRecord { number, index: number * 2, at, who, from, what, refused: None, hash }
        };
        numbers.map(record).collect()
    }

    fn numbers(log: &AuditLog, after: u64, limit: usize) -> Vec<u64> {
        log.read(after, limit).expect("read").iter().map(|record| record.number).collect()
    }

    #[test]
    fn records_are_written_once_and_read_in_order() {
        let directory = tempfile::tempdir().expect("a directory");
        let same = Cluster::default();
        let log = AuditLog::open(directory.path(), limits(1 << 30)).expect("opened");
        log.append(&records(1..=10), &same, &same);
        log.append(&records(8..=12), &same, &same);
        assert_eq!(numbers(&log, 0, 1000), (1..=12).collect::<Vec<_>>());
        assert_eq!(numbers(&log, 7, 2), [8, 9]);
        drop(log);
        // A crash has cut the last line off: it comes again when the log is replayed.
        let file = files(directory.path().join("audit").as_path()).expect("files").remove(0);
        let long = size(&file);
        File::options().write(true).open(&file).expect("opened").set_len(long - 5).expect("cut");
        let log = AuditLog::open(directory.path(), limits(1 << 30)).expect("opened");
        assert_eq!(numbers(&log, 0, 1000), (1..=11).collect::<Vec<_>>());
        log.append(&records(9..=14), &same, &same);
        assert_eq!(numbers(&log, 0, 1000), (1..=14).collect::<Vec<_>>());
    }

    #[test]
    fn the_oldest_files_go_and_no_record_in_between() {
        let directory = tempfile::tempdir().expect("a directory");
        let same = Cluster::default();
        let log = AuditLog::open(directory.path(), limits(10 << 20)).expect("opened");
        for chunk in 0..90 {
            log.append(&records(chunk * 100 + 1..=chunk * 100 + 100), &same, &same);
        }
        let total: u64 = files(&directory.path().join("audit")).expect("files").iter().map(|file| size(file)).sum();
        assert!(total <= 14 << 20, "{total}");
        let left = numbers(&log, 0, usize::MAX);
        assert!(left[0] > 1 && left.last() == Some(&9000), "{:?}", (left[0], left.last()));
        assert!(left.windows(2).all(|pair| pair[1] == pair[0] + 1));
        assert_eq!(numbers(&log, 8998, 10), [8999, 9000]);
    }
}
