//! The processes of this machine, as `/proc` shows them. Decides nothing.
//!
//! Reading a command line can block on its process: callers do that where blocking harms nobody.

use super::trust::{By, resolved};
use rustix::{
    fs::OFlags,
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open, pidfd_send_signal},
    time::{ClockId, clock_gettime},
};
use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

/// Longest start of a file that is read for a number.
const LONGEST_NUMBER: u64 = 64;
/// Ticks in a second, as `/proc` counts them on every architecture that Linux has now.
const TICKS: u64 = 100;
/// Two clocks are compared, and one of them is coarse.
const CLOCKS: Duration = Duration::from_secs(2);
/// Opens a pipe without waiting for somebody who writes.
const NONBLOCK: i32 = OFlags::NONBLOCK.bits().cast_signed();
const REMEDY: &str = "set User to the user of the process, or let only root write there";

/// Number of a process.
pub(crate) type Number = i32;

/// All processes.
pub(crate) fn all() -> Vec<Number> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// State and parent of a process.
fn stat(process: Number) -> Option<(char, Number)> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it may contain anything, even a parenthesis.
    let mut words = text.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

/// Start time of a process, in ticks since the boot.
pub(crate) fn began(process: Number) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    text.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// All processes of a process group.
pub(crate) fn members(group: Number) -> BTreeSet<Number> {
    let group_of = |process: &Number| {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        text.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse::<Number>().ok()
    };
    all().into_iter().filter(|process| group_of(process) == Some(group)).collect()
}

/// Whether a process exists and is not a zombie.
pub(crate) fn is_alive(process: Number) -> bool {
    stat(process).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

/// The command line of a process; empty if it has none.
pub(crate) fn command_line(process: Number) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// The user as which a process runs now.
pub(crate) fn owner(process: Number) -> Option<u32> {
    // The owner of its directory in `/proc` may be another: root, while nobody may look into it.
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().nth(1)?.parse().ok()
}

/// A process that was found: its number, and its start time, which tells it from a later one of the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub number: Number,
    began: u64,
}

impl Found {
    pub(crate) fn of(number: Number) -> Option<Found> {
        began(number).map(|began| Found { number, began })
    }

    /// Sends it a signal, unless it has ended and another process has its number.
    pub(crate) fn signal(self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.number).filter(|_| self.number > 1) else { return };
        // The descriptor is of the process that has the number now, and of no later one.
        let handle = pidfd_open(pid, PidfdFlags::empty());
        if began(self.number) != Some(self.began) {
            return;
        }
        let _ = match handle {
            Ok(handle) => pidfd_send_signal(handle, signal),
            // Kernels before 5.3 have none.
            Err(Errno::NOSYS) => kill_process(pid, signal),
            Err(error) => Err(error),
        };
    }
}

/// All descendants of a process, unless a parent in between has ended.
pub(crate) fn descendants(of: Number) -> BTreeSet<Number> {
    let parents: Vec<(Number, Number)> =
        all().into_iter().filter_map(|process| Some((process, stat(process)?.1))).collect();
    let mut found = BTreeSet::new();
    let mut open = vec![of];
    while let Some(parent) = open.pop() {
        for (child, _) in parents.iter().filter(|(_, other)| *other == parent) {
            if found.insert(*child) {
                open.push(*child);
            }
        }
    }
    found
}

/// Sends a signal to a process, which may have just ended.
pub(crate) fn signal(process: Number, signal: Signal) {
    if let Some(pid) = Pid::from_raw(process).filter(|_| process > 1) {
        let _ = kill_process(pid, signal);
    }
}

/// Kills a process group, which may have just ended.
pub(crate) fn kill_group(leader: Number) {
    if let Some(pid) = Pid::from_raw(leader).filter(|_| leader > 1) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// Processes with exactly this command line, of this user if one is given. The words are compared as one line, as
/// `ps` shows them, because a process may put spaces into its own command line.
pub(crate) fn with_line(line: &str, of: Option<u32>) -> BTreeSet<Found> {
    let wanted: Vec<&str> = line.split_whitespace().collect();
    all()
        .into_iter()
        .filter(|process| of.is_none_or(|of| owner(*process) == Some(of)) && is_alive(*process))
        .filter(|process| command_line(*process).join(" ").split_whitespace().eq(wanted.iter().copied()))
        .filter_map(Found::of)
        .collect()
}

/// The live process whose number is in a file, provided that it belongs to this user if one is given.
///
/// A number says little: whoever can write the file chooses the process, and an old file names whatever has the number
/// by now. So only this user, or else root alone, may be able to change the file, and the process must have begun before
/// the file was written. If not, the error says so: it is not known whether the process is the right one, and nothing is
/// to be done to it.
pub(crate) fn in_file(path: &str, of: Option<u32>) -> Result<Option<Found>, String> {
    let by = of.map_or(By::Root, By::User);
    let file = Path::new(path);
    let Ok(opened) = opened(path) else { return Ok(None) };
    let mut text = String::new();
    let about = opened.metadata().map_err(|error| format!("{path}: {error}"))?;
    if opened.take(LONGEST_NUMBER).read_to_string(&mut text).is_err() {
        return Ok(None);
    }
    let number = text.split_whitespace().next().and_then(|word| word.parse::<Number>().ok());
    let Some(found) = number.filter(|number| *number > 1 && is_alive(*number)).and_then(Found::of) else {
        return Ok(None);
    };
    if of.is_some_and(|of| owner(found.number) != Some(of)) {
        return Ok(None);
    }
    if let Err(why) = resolved(file, by) {
        return Err(format!("{why}: so the number in {path} is not believed; {REMEDY}"));
    }
    let written = about.modified().map_err(|error| format!("{path}: {error}"))?;
    if since_boot(found.began).is_some_and(|began| began > written + CLOCKS) {
        return Err(format!(
            "process {} of {path} began after the file was written; remove the file if that is not its process",
            found.number
        ));
    }
    Ok(Some(found))
}

/// Opens a file for reading, if it is one: whoever owns its directory could put a pipe there.
pub(crate) fn opened(path: &str) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file")) }
}

/// The moment at which a process began.
fn since_boot(began: u64) -> Option<SystemTime> {
    let now = clock_gettime(ClockId::Boottime);
    let up = Duration::new(u64::try_from(now.tv_sec).ok()?, u32::try_from(now.tv_nsec).ok()?);
    let began = Duration::from_millis(began.checked_mul(1000)? / TICKS);
    SystemTime::now().checked_sub(up.checked_sub(began)?)
}
