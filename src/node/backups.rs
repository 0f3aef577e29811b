//! Backups that this node writes by itself: one after each interval, whole or not at all, and the oldest of its own go.

use super::{Machine, clock};
use crate::{
    backup::{self, Head},
    local::{Backups, private},
};
use jiff::Timestamp;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};
use tenure_core::{NodeName, Time};
use tenure_raft::Handle;
use tokio_util::sync::CancellationToken;

/// Pause after a failure, or until there is something to be saved.
const AGAIN: Duration = Duration::from_secs(60);
/// The end of the name of a backup.
const END: &str = ".backup";

/// What a node knows of its backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// When the newest one was written, if there is one.
    pub newest: Option<Time>,
    /// Interval between two of them.
    pub every: Duration,
    /// Why the last attempt has failed.
    pub failed: Option<String>,
}

impl Kept {
    /// The line about backups that are not as they should be.
    pub fn warning(&self, now: Time) -> Option<String> {
        let age = self.newest.map(|at| Duration::from_millis(now.since(at).0));
        let late = age.is_none_or(|age| age > self.every.saturating_mul(2) + AGAIN);
        let last =
            age.map_or("there is no backup here".to_owned(), |age| format!("the last backup is {} old", hours(age)));
        match &self.failed {
            Some(why) => Some(format!("its backup fails: {why}; {last}")),
            None if late && age.is_some() => Some(last),
            None => None,
        }
    }
}

fn hours(age: Duration) -> String {
    match age.as_secs() {
        ..3600 => format!("{} minutes", age.as_secs() / 60),
        3600..172_800 => format!("{} hours", age.as_secs() / 3600),
        _ => format!("{} days", age.as_secs() / 86_400),
    }
}

/// When a file was written.
fn written(file: &Path) -> Option<Time> {
    let since = fs::metadata(file).ok()?.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok().map(Time)
}

/// The backups of this node.
#[derive(Debug)]
pub struct Writer {
    schedule: Backups,
    node: NodeName,
    cluster: String,
    failed: Mutex<Option<String>>,
}

impl Writer {
    /// The backups of a node of this cluster.
    pub fn new(schedule: Backups, node: NodeName, cluster: String) -> Self {
        Writer { schedule, node, cluster, failed: Mutex::default() }
    }

    /// What is known of them.
    pub fn kept(&self) -> Kept {
        let newest = self.own().ok().and_then(|files| files.last().cloned());
        let newest = newest.and_then(|file| written(&file));
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Kept { newest, every: self.schedule.every, failed }
    }

    /// The names of its own begin like this. Nothing else in the directory is touched.
    fn stem(&self) -> String {
        format!("{}-{}-", self.cluster, self.node)
    }

    /// Its own files, oldest first.
    fn own(&self) -> io::Result<Vec<PathBuf>> {
        let stem = self.stem();
        let mine = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.and_then(|name| name.strip_prefix(&stem)?.strip_suffix(END)).is_some_and(|rest| {
                rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_digit() || b"TZ".contains(&byte))
            })
        };
        let mut files: Vec<PathBuf> =
            fs::read_dir(&self.schedule.directory)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| mine(file));
        files.sort();
        Ok(files)
    }

    /// Writes one, and drops the oldest.
    fn write(&self, head: &Head, ledger: &tenure_core::Ledger, now: Timestamp) -> Result<PathBuf, String> {
        let said = |what: &str, why: io::Error| format!("{what} {}: {why}", self.schedule.directory.display());
        private::make_directory(&self.schedule.directory).map_err(|why| said("make", why))?;
        let name = format!("{}{}{END}", self.stem(), now.strftime("%Y%m%dT%H%M%SZ"));
        let file = self.schedule.directory.join(name);
        backup::write(&file, &backup::seal(head, ledger)).map_err(|why| {
            let cause = std::error::Error::source(&why).map_or(String::new(), |cause| format!(": {cause}"));
            format!("{why}{cause}")
        })?;
        let files = self.own().map_err(|why| said("read", why))?;
        for old in files.iter().take(files.len().saturating_sub(self.schedule.keep)) {
            fs::remove_file(old).map_err(|why| said("drop the oldest in", why))?;
        }
        Ok(file)
    }

    /// Time until the next one is due.
    fn due_in(&self) -> Duration {
        let newest = self.kept().newest;
        let left = |at| self.schedule.every.saturating_sub(Duration::from_millis(clock::wall().since(at).0));
        newest.map_or(Duration::ZERO, left)
    }

    /// Writes backups until `stop`.
    pub async fn run(self: Arc<Self>, raft: Handle<Machine>, stop: CancellationToken) {
        loop {
            let mut pause = self.due_in();
            if pause.is_zero() {
                let (ledger, status) = (raft.state(Machine::ledger), raft.status());
                // Before this node has caught up with its own log there is nothing worth keeping.
                let caught_up = status.applied.unwrap_or_default() >= raft.last_stored() && ledger.index > 0;
                pause = AGAIN;
                if caught_up {
                    let head = Head {
                        cluster: self.cluster.clone(),
                        name: ledger.declared().name.clone(),
                        node: self.node.to_string(),
                        index: ledger.index,
                        term: status.term,
                        wall: ledger.wall,
                        version: crate::VERSION.to_owned(),
                    };
                    let writer = Arc::clone(&self);
                    let written = tokio::task::spawn_blocking(move || writer.write(&head, &ledger, Timestamp::now()));
                    let written = written.await.unwrap_or_else(|why| Err(why.to_string()));
                    let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                    match &written {
                        Ok(file) => tracing::info!(file = %file.display(), "backup written"),
                        Err(why) if failed.as_ref() != Some(why) => tracing::error!(%why, "no backup was written"),
                        Err(_) => {}
                    }
                    *failed = written.err();
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause.max(Duration::from_secs(1))) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::Ledger;

    fn writer(directory: &Path, keep: usize) -> Writer {
        let schedule = Backups { directory: directory.to_owned(), every: Duration::from_secs(3600), keep };
        Writer::new(schedule, "p1".into(), "site-1".to_owned())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn the_oldest_go_and_nothing_else_in_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("made").join("when-missing");
        let writer = writer(&place, 3);
        assert!(writer.due_in().is_zero() && writer.kept().newest.is_none());
        fs::create_dir_all(&place).unwrap();
        let others = ["site-1-p2-20270115T080000Z.backup", "site-1-p1-by-hand.backup", "notes"];
        others.iter().for_each(|name| fs::write(place.join(name), "").unwrap());
        let written: Vec<PathBuf> =
            (0..5).map(|n| writer.write(&Head::default(), &Ledger::default(), at(n)).unwrap()).collect();
        assert_eq!(writer.own().unwrap(), written[2..]);
        assert!(others.iter().all(|name| place.join(name).exists()));
        assert!(backup::open(&backup::read(&written[4]).unwrap()).is_ok());
        assert!(!writer.due_in().is_zero() && writer.kept().warning(clock::wall()).is_none());
    }

    #[test]
    fn a_failure_and_an_old_backup_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a-file");
        fs::write(&file, "").unwrap();
        let failed = writer(&file, 3).write(&Head::default(), &Ledger::default(), at(0)).unwrap_err();
        assert!(failed.contains("a-file"), "{failed}");
        let (every, now) = (Duration::from_secs(3600), Time(1_800_000_000_000));
        let kept = |age: u64, failed: Option<&str>| {
            let newest = Some(Time(now.0 - age * 1000));
            Kept { newest, every, failed: failed.map(str::to_owned) }.warning(now)
        };
        assert_eq!(kept(3600, None), None);
        assert_eq!(kept(3 * 3600, None).as_deref(), Some("the last backup is 3 hours old"));
        let told = kept(1200, Some("no space left"));
        assert_eq!(told.as_deref(), Some("its backup fails: no space left; the last backup is 20 minutes old"));
        let none = Kept { newest: None, every, failed: Some("denied".to_owned()) }.warning(now);
        assert_eq!(none.as_deref(), Some("its backup fails: denied; there is no backup here"));
    }
}
