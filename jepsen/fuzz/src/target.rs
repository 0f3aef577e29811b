//! The targets: every decoder of bytes that come from somewhere else, and the ledger.
//!
//! A target takes any bytes, and returns the promise that was broken: what was read is written and read again as the same; what
//! is refused changes nothing; the memory that it takes goes with the number of bytes. `.ci/fuzz` lets libFuzzer choose the
//! bytes; `tests/corpus.rs` runs those that it has kept.

use crate::{
    check,
    history::{Options, Plant, run},
};
use peak_alloc::PeakAlloc;
use std::sync::{Arc, LazyLock};
use tenure::node::{Answer, Spoken};
use tenure_core::{
    Author, Command, Entry, Ledger, Reply, Request, RequestId, Time,
    codec::{Format, decode, decode_versioned, encode_as},
};

/// Memory that a decoder may take: so much for each byte, and so much besides. A node of a map is made for many entries, and
/// serde makes room for up to 1 MiB on the word of a length.
const PER_BYTE: usize = 256;
const BESIDES: usize = 4 << 20;

/// One target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name on the command line, and of its directory below `corpus`.
    pub name: &'static str,
    run: fn(&[u8]) -> Result<(), String>,
}

const fn target(name: &'static str, run: fn(&[u8]) -> Result<(), String>) -> Target {
    Target { name, run }
}

/// `TENURE_FUZZ_PLANT` names a bug that is put into the ledger.
static OPTIONS: LazyLock<Options> = LazyLock::new(|| {
    let name = std::env::var("TENURE_FUZZ_PLANT").unwrap_or_default();
    Options { plant: Plant::ALL.into_iter().find(|plant| plant.name() == name) }
});

fn apply(bytes: &[u8]) -> Result<(), String> {
    run(bytes, &OPTIONS)
}

impl Target {
    /// All targets.
    pub const ALL: [Target; 17] = [
        target("admin", tenure::api::fuzz::body),
        target("apply", apply),
        target("backup", tenure::backup::fuzz),
        target("call", call),
        target("cluster", cluster),
        target("entry", entry),
        target("frame", tenure_raft::fuzz::stream),
        target("hmc", tenure::hypervisor::hmc::fuzz::output),
        target("image", tenure_storage::fuzz::image),
        target("ledger", ledger),
        target("metadata", tenure_agents::fuzz::metadata),
        target("peer-answer", tenure_raft::fuzz::answer),
        target("peer-request", tenure_raft::fuzz::request),
        target("record", tenure_storage::fuzz::record),
        target("snapshot", snapshot),
        target("tenured", tenured),
        target("words", tenure_agents::fuzz::words),
    ];

    /// The target with this name.
    pub fn named(name: &str) -> Option<Target> {
        Target::ALL.into_iter().find(|target| target.name == name)
    }

    /// The names of all targets, with blanks between them.
    pub fn names() -> String {
        Target::ALL.map(|target| target.name).join(" ")
    }

    /// Another target, to show that a fault of it is found.
    pub fn other(name: &'static str, run: fn(&[u8]) -> Result<(), String>) -> Target {
        target(name, run)
    }

    /// Runs it in a program whose allocator is [`PeakAlloc`], while no other thread allocates.
    ///
    /// # Errors
    /// The promise that was broken.
    pub fn measured(&self, bytes: &[u8]) -> Result<(), String> {
        PeakAlloc.reset_peak_usage();
        let before = PeakAlloc.current_usage();
        (self.run)(bytes)?;
        let taken = PeakAlloc.peak_usage().saturating_sub(before);
        let most = bytes.len() * PER_BYTE + BESIDES;
        if taken <= most {
            return Ok(());
        }
        Err(format!("{} bytes of {} take {taken} bytes of memory, {most} are allowed", bytes.len(), self.name))
    }
}

/// What is read of a version is written in it, and read again as the same.
fn again<T: Format + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> Result<Option<T>, String> {
    let Ok((value, version)) = decode_versioned::<T>(bytes) else { return Ok(None) };
    let written = encode_as(&value, version);
    match decode::<T>(&written) {
        Ok(read) if read == value => Ok(Some(value)),
        read => Err(format!("{value:?} is read as {read:?}")),
    }
}

fn call(bytes: &[u8]) -> Result<(), String> {
    again::<Spoken>(bytes)?;
    again::<Answer>(bytes).map(|_| ())
}

/// Entries of the log as bytes: each that can be read is applied to a new ledger, and to one with a cluster.
fn entry(bytes: &[u8]) -> Result<(), String> {
    again::<Reply>(bytes)?;
    let Some(entry) = again::<Entry>(bytes)? else { return Ok(()) };
    check::applied(&entry)
}

fn ledger(bytes: &[u8]) -> Result<(), String> {
    again::<Ledger>(bytes).map(|_| ())
}

fn snapshot(bytes: &[u8]) -> Result<(), String> {
    match tenure_raft::fuzz::snapshot(bytes)? {
        Some(state) => ledger(&state),
        None => Ok(()),
    }
}

fn cluster(bytes: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    let cluster = match tenure_config::cluster::parse("cluster.toml", &text) {
        Ok(cluster) => cluster,
        Err(problems) => return located(&text, &problems),
    };
    let exported = tenure_config::export(&cluster);
    match tenure_config::cluster::parse("exported.toml", &exported) {
        Ok(again) if again == cluster && tenure_config::export(&again) == exported => {}
        Ok(_) => return Err(format!("another cluster is read from what was exported:\n{exported}")),
        Err(problems) => return Err(format!("what was exported is refused: {problems}\n{exported}")),
    }
    // As the log has it.
    let author = Author::first_user(RequestId(1));
    let request = Request::Configure { cluster: Arc::new(cluster), strand: false };
    check::applied(&Entry { at: Time(1), wall: Time(1), author, commands: vec![Command::Request(request)] })
}

fn tenured(bytes: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    match tenure::local::LocalConfig::parse("tenured.toml", &text) {
        Ok(config) => {
            let raft = config.raft;
            if raft.election_min < raft.heartbeat * 3 || raft.election_max < raft.election_min {
                return Err(format!("timings that do not fit: {raft:?}"));
            }
            if config.snapshots.keep > config.snapshots.every || config.node.as_str().is_empty() {
                return Err(format!("{config:?}"));
            }
            Ok(())
        }
        Err(problems) => located(&text, &problems),
    }
}

/// Every mistake has its place in the text, and can be shown.
fn located(text: &str, problems: &tenure_config::Problems) -> Result<(), String> {
    let lines = text.lines().count().max(1) + 1;
    if problems.to_string().is_empty() {
        return Err("refused, and no reason".to_owned());
    }
    match problems.list().iter().find(|problem| problem.line == 0 || problem.line > lines) {
        Some(problem) => Err(format!("line {} of {lines}", problem.line)),
        None => Ok(()),
    }
}
