//! Programs that start, stop or clean a resource, on record while they run: so that a new process of this node can
//! first end those that a killed predecessor left under way. Otherwise a start that outlives its process could take
//! effect after the first look had said that nothing runs.
//!
//! A record is a file named after the process number; it holds the start time of that process, which tells it from a
//! later one with the same number, and the program's control group. The directory is empty after a boot, and belongs to
//! this node alone: what another node on the machine has under way is not touched.

use super::{
    cgroup::{self, Cgroup},
    processes::{self, Number},
    run_dir::{private, write},
};
use rustix::process::Signal;
use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// Time to wait for killed processes to be gone.
const GONE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// The record of a program under way, removed when dropped.
#[derive(Debug)]
pub(crate) struct Record(PathBuf);

impl Record {
    /// Puts a process on record.
    pub(crate) fn of(directory: &Path, process: Number, group: Option<&Cgroup>) -> Option<Record> {
        let path = directory.join(process.to_string());
        let began = processes::began(process)?;
        let group = group.map(|group| group.path().display().to_string()).unwrap_or_default();
        let written = private(directory).and_then(|()| write(&path, &format!("{began}\n{group}\n")));
        if let Err(error) = written {
            // A full disk must not keep anything from being started or stopped.
            tracing::warn!(path = %path.display(), %error, "a program is not on record");
        }
        Some(Record(path))
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // The file may never have been written.
        let _ = fs::remove_file(&self.0);
    }
}

/// Ends the programs that an earlier process of this node left under way, and waits until they are gone.
pub(crate) fn end_all(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let number = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<Number>().ok());
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut lines = text.lines();
        let began = lines.next().and_then(|line| line.trim().parse::<u64>().ok());
        if let (Some(number), Some(began)) = (number, began) {
            if let Some(group) = lines.next().filter(|group| !group.is_empty()) {
                cgroup::kill(Path::new(group));
            }
            end(number, began);
        }
        // A file that cannot be read is not one of these records.
        let _ = fs::remove_file(&path);
    }
}

fn end(number: Number, began: u64) {
    // A number is not reused while a process group has it: if the group's leader is gone, the group is still the old
    // one.
    if processes::began(number).is_some_and(|now| now != began) {
        return;
    }
    let mut left = processes::descendants(number);
    left.extend(processes::members(number));
    if left.is_empty() {
        return;
    }
    tracing::warn!(process = number, "an earlier process of this node had this program under way; it is ended");
    processes::kill_group(number);
    for process in &left {
        processes::signal(*process, Signal::KILL);
    }
    let limit = Instant::now() + GONE;
    while left.iter().any(|process| processes::is_alive(*process)) {
        if Instant::now() > limit {
            tracing::error!(process = number, "it cannot be ended; what it was to do may still be done");
            return;
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::process::CommandExt as _, process::Command};

    fn sleeper() -> std::process::Child {
        Command::new("sh").args(["-c", "sleep 600 & wait"]).process_group(0).spawn().unwrap()
    }

    #[test]
    fn what_an_earlier_process_left_under_way_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let mut child = sleeper();
        let number = Number::try_from(child.id()).unwrap();
        // The earlier process was killed before it could remove the record.
        std::mem::forget(Record::of(directory.path(), number, None).unwrap());
        let limit = Instant::now() + Duration::from_secs(10);
        while processes::members(number).len() < 2 {
            assert!(Instant::now() < limit, "it starts nothing");
        }
        end_all(directory.path());
        assert!(!child.wait().unwrap().success());
        assert!(processes::members(number).into_iter().all(|process| !processes::is_alive(process)));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn who_has_the_number_now_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let mut child = sleeper();
        let number = Number::try_from(child.id()).unwrap();
        fs::write(directory.path().join(number.to_string()), "1").unwrap();
        fs::write(directory.path().join("nonsense"), "no number").unwrap();
        end_all(directory.path());
        assert!(processes::is_alive(number));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        processes::kill_group(number);
        child.wait().unwrap();
    }

    #[test]
    fn a_record_goes_with_its_program() {
        let directory = tempfile::tempdir().unwrap();
        let own = Number::try_from(std::process::id()).unwrap();
        let record = Record::of(directory.path(), own, None).unwrap();
        assert!(directory.path().join(own.to_string()).is_file());
        drop(record);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
