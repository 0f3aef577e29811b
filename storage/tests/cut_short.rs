//! A start that is cut short, at each of its changes to the disk: by a kill, or because the disk is full. The next
//! one finds the former state.
//!
//! `strace` picks the change. Where it is not installed, or may not trace, the tests print that and end; with
//! `TENURE_REQUIRE_STRACE=1` they fail.

mod common;
#[path = "../../jepsen/src/needs.rs"]
mod needs;

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use common::{append, chain, entry, open, vote};
use futures::executor::block_on;
use openraft::storage::RaftLogStorage;
use tempfile::TempDir;
use tenure_storage::Image;

const DIRECTORY: &str = "TENURE_STORAGE_START_DIRECTORY";
/// The calls that change files.
const CHANGES: [&str; 9] =
    ["write", "pwrite64", "ftruncate", "rename", "unlink", "fsync", "fdatasync", "sync_file_range", "mkdir"];
/// Those of them that need room, but for `write`.
const GROWS: &str = "pwrite64,ftruncate,fallocate,mkdir";
/// `strace` counts each call of each thread. What the test harness has written before a test begins is passed over.
const HARNESS: usize = 8;
/// A start makes no call as often as this.
const LIMIT: usize = 200;

/// Not a test but the process that starts: it does nothing unless a test below started it.
#[test]
fn child() {
    let Some(dir) = env::var_os(DIRECTORY).map(PathBuf::from) else {
        return;
    };
    let mut nowhere = File::create("/dev/null").unwrap();
    (0..HARNESS).for_each(|_| nowhere.write_all(b" ").unwrap());
    let opened = open(&dir);
    // At once: the harness would write its results.
    process::exit(i32::from(opened.is_err()));
}

#[derive(Clone, Copy, Debug)]
enum Cut {
    /// Killed when it makes this call for this time.
    Killed(&'static str, usize),
    /// There is no room any more once it has made a call so often.
    Full(usize),
}

/// Whether a start came to its end, although it was to be cut short.
fn start(dir: &Path, cut: Cut) -> bool {
    let after = |call: &str, times: usize| times + if call == "write" { HARNESS } else { 0 };
    let inject = match cut {
        Cut::Killed(call, nth) => vec![format!("inject={call}:signal=KILL:when={}", after(call, nth))],
        Cut::Full(times) => vec![
            format!("inject=write:error=ENOSPC:when={}+", after("write", times + 1)),
            format!("inject={GROWS}:error=ENOSPC:when={}+", times + 1),
        ],
    };
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-o", "/dev/null"]).args(inject.iter().flat_map(|inject| ["-e", inject]));
    traced.arg(env::current_exe().unwrap()).args(["--exact", "child", "--test-threads=2"]).env(DIRECTORY, dir);
    traced.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("strace runs").success()
}

fn has_strace(test: &str) -> bool {
    let traces = || {
        let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
        (!traced.is_ok_and(|status| status.success())).then(|| "the right to trace a process".to_owned())
    };
    needs::met(test, "STRACE", needs::programs(&["strace"]).or_else(traces))
}

/// Cuts starts of copies of `before` short at every change; each time the next start finds `held`.
fn everywhere(before: Option<&Path>, held: &Image) {
    let mut kills = 0;
    for call in CHANGES {
        kills += cut_short(before, held, |times| Cut::Killed(call, times + 1));
    }
    let full = cut_short(before, held, Cut::Full);
    println!("killed at {kills} calls, and without room from {full} on");
    assert!(kills > 10 && full > 1, "that cannot be all");
}

/// Until a start is not cut short any more; how often it was.
fn cut_short(before: Option<&Path>, held: &Image, cut: impl Fn(usize) -> Cut) -> usize {
    for times in 0..LIMIT {
        let (dir, cut) = (TempDir::new().unwrap(), cut(times));
        before.into_iter().for_each(|before| copy(before, dir.path()));
        if start(dir.path(), cut) {
            return times;
        }
        let (log, _snapshots) = open(dir.path()).unwrap_or_else(|why| panic!("after {cut:?}: {}", chain(&why)));
        assert_eq!(log.image().unwrap(), *held, "after {cut:?}");
    }
    panic!("a start never ends");
}

fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap().map(|file| file.unwrap().path()) {
        let to = to.join(file.file_name().unwrap());
        if file.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&file, &to);
        } else {
            fs::copy(&file, &to).unwrap();
        }
    }
}

#[test]
fn the_first_start_may_be_cut_short_anywhere() {
    if has_strace("the_first_start_may_be_cut_short_anywhere") {
        let dir = TempDir::new().unwrap();
        let blank = open(dir.path()).unwrap().0.image().unwrap();
        everywhere(None, &blank);
    }
}

#[test]
fn any_later_start_may_be_cut_short_anywhere() {
    if has_strace("any_later_start_may_be_cut_short_anywhere") {
        let dir = TempDir::new().unwrap();
        let (mut log, snapshots) = open(dir.path()).unwrap();
        append(&mut log, (0..60).map(|index| entry(1, index, 300)));
        block_on(log.save_vote(&vote(2))).unwrap();
        let image = log.image().unwrap();
        drop((log, snapshots));
        everywhere(Some(dir.path()), &image);
    }
}
