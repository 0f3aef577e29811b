//! The processes of this machine, as `/proc` shows them. Decides nothing.
//!
//! Reading a command line can block on its process: callers do that where blocking harms nobody.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt as _};

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

/// The user ID of a process.
pub(crate) fn owner(process: Number) -> Option<u32> {
    fs::metadata(format!("/proc/{process}")).ok().map(|entry| entry.uid())
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
pub(crate) fn with_line(line: &str, of: Option<u32>) -> BTreeSet<Number> {
    let wanted: Vec<&str> = line.split_whitespace().collect();
    all()
        .into_iter()
        .filter(|process| of.is_none_or(|of| owner(*process) == Some(of)) && is_alive(*process))
        .filter(|process| command_line(*process).join(" ").split_whitespace().eq(wanted.iter().copied()))
        .collect()
}

/// The live process whose number is in a file, provided that it belongs to this user if one is given.
pub(crate) fn in_file(path: &str, of: Option<u32>) -> Option<Number> {
    let text = fs::read_to_string(path).ok()?;
    let number: Number = text.split_whitespace().next()?.parse().ok()?;
    let fits = number > 1 && is_alive(number) && of.is_none_or(|of| owner(number) == Some(of));
    fits.then_some(number)
}
