//! The bytes of the log, of snapshots and of calls between nodes never change within a version: an older program's
//! bytes are read by this one, and the other way round.
//!
//! `tests/golden/node/v2-KIND.hex` holds a line `name = bytes` for every sample. A line that exists is never changed; bytes
//! that differ are a new version, with a conversion from the old one. Missing lines are written with
//! `TENURE_GOLDEN=write`, to be read before they are committed.

mod backup;
mod ledger;
mod named;
mod reasons;
mod samples;
mod trust;

use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tenure::{
    hypervisor::{Told, Which},
    node::{
        About, AgentAction, Answer, Call, Catalog, CatalogEntry, Description, MemberCall, Parameter, Spoken,
        managers::{Heard, Tried},
    },
};
use tenure_core::{
    Entry, Ledger, Level, Rejection, Reply, Subject,
    codec::{CodecError, Format, Kind, decode, encode},
    config::Hmc,
    ledger::Incarnation,
    node::{self, Digest},
    trust::Hash,
};

const KINDS: [Kind; 5] = [Kind::Entry, Kind::Reply, Kind::Ledger, Kind::Call, Kind::Answer];

fn golden(kind: Kind) -> PathBuf {
    let name = format!("{kind:?}").to_lowercase();
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/node/v2-{name}.hex"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

fn writes() -> bool {
    std::env::var_os("TENURE_GOLDEN").is_some_and(|how| how == "write")
}

/// The lines of a golden file.
fn lines(kind: Kind) -> BTreeMap<String, Vec<u8>> {
    lines_of(&golden(kind))
}

fn lines_of(file: &Path) -> BTreeMap<String, Vec<u8>> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = |line: &str| line.split_once(" = ").map(|(name, bytes)| (name.to_owned(), unhex(bytes)));
    text.lines().filter_map(line).collect()
}

/// Holds every sample against its line, in both directions.
fn hold<T: Format + PartialEq + Debug>(samples: Vec<(String, T)>) {
    let kind = T::KIND;
    let mut lines = lines(kind);
    let names: BTreeSet<&String> = samples.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), samples.len(), "{kind:?}: every sample has a name of its own");
    for (name, value) in &samples {
        let bytes = encode(value, Level::NEWEST);
        if writes() {
            lines.entry(name.clone()).or_insert_with(|| bytes.clone());
        }
        let line =
            lines.get(name).unwrap_or_else(|| panic!("{kind:?} {name} has no line; TENURE_GOLDEN=write writes it"));
        assert_eq!(
            hex(&bytes),
            hex(line),
            "{kind:?} {name}: a type that is written has changed within version {}. Undo that; or make it the next version \
             (`Kind::version`), keep the old type for reading with a conversion, and add golden files of the new version \
             beside those of the old (docs/formats.md)",
            kind.newest()
        );
        assert_eq!(decode::<T>(line).as_ref(), Ok(value), "{kind:?} {name} is read as it was written");
    }
    let orphans: Vec<&String> = lines.keys().filter(|name| !names.contains(name)).collect();
    assert!(orphans.is_empty(), "{kind:?}: lines without a sample: {orphans:?}");
    if writes() {
        let text: String = lines.iter().map(|(name, bytes)| format!("{name} = {}\n", hex(bytes))).collect();
        fs::write(golden(kind), text).expect("the golden file");
    }
    println!("{kind:?}: {} samples", samples.len());
}

fn calls() -> Vec<(String, Call)> {
    let all = [
        Call::Node(node::Call::Heartbeat { reaches_manager: true, digest: Some(Digest { at: 1024, crc: u32::MAX }) }),
        Call::Node(node::Call::Reading(samples::reading())),
        Call::Node(node::Call::Inside(samples::inside())),
        Call::Check { permit: 300, cluster: Arc::new(samples::cluster()) },
        Call::Extra(300),
        Call::Node(node::Call::Probe(vec!["p1".into(), "p2".into()])),
        Call::Agents,
        Call::Agent("ocf:heartbeat:IPaddr2".into()),
        Call::About,
        Call::Stop(300),
        Call::Member(MemberCall::Permitted(300)),
        Call::Member(MemberCall::Admit {
            token: Hash([7; 32]),
            key: Hash([1; 32]),
            address: "p4.site:7100".to_owned(),
        }),
        Call::Managers { knock: Some("hmc1".into()) },
        Call::Try { permit: 300, cluster: Arc::new(samples::cluster()), hmcs: vec!["hmc1".into()] },
        Call::Overview(which()),
    ];
    let name = |call: &Call| match call {
        Call::Node(node::Call::Heartbeat { .. }) => "heartbeat",
        Call::Node(node::Call::Reading(_)) => "reading",
        Call::Node(node::Call::Inside(_)) => "inside",
        Call::Check { .. } => "check",
        Call::Extra(_) => "extra",
        Call::Node(node::Call::Probe(_)) => "probe",
        Call::Agents => "agents",
        Call::Agent(_) => "agent",
        Call::About => "about",
        Call::Stop(_) => "stop",
        Call::Member(MemberCall::Permitted(_)) => "member-permitted",
        Call::Member(MemberCall::Admit { .. }) => "member-admit",
        Call::Managers { .. } => "managers",
        Call::Try { .. } => "try",
        Call::Overview(_) => "overview",
    };
    all.into_iter().map(|call| (name(&call).to_owned(), call)).collect()
}

fn which() -> Which {
    let host_key = format!("SHA256:{}", "y".repeat(43));
    Which { hmc: "hmc1".into(), declared: Hmc { address: "hmc1.site:22".into(), user: "tenure".into(), host_key } }
}

fn told() -> Told {
    let row = |words: [&str; 4]| words.map(|word| (!word.is_empty()).then(|| word.into()));
    let systems = vec![row(["9009-42A", "1234567", "Operating", "09/14/2026 10:00:00"])];
    Told { age: 1_500, systems, links: vec![row(["9009-42A*1234567", "Connected", "fsp", ""])] }
}

fn agents() -> Catalog {
    let agent = CatalogEntry { agent: "script:Printer".into(), kind: "script".into(), at: "/etc/Printer".into() };
    Catalog { node: "p1".into(), agents: vec![agent] }
}

fn agent() -> Description {
    let parameter = Parameter {
        name: "ip".into(),
        required: true,
        unique: true,
        deprecated: false,
        value: "text".into(),
        default: Some("none".into()),
        short: "an address".into(),
    };
    let action = AgentAction { name: "start".into(), timeout: Some(20_000), interval: None, depth: Some("10".into()) };
    Description {
        node: "p1".into(),
        agent: "ocf:heartbeat:IPaddr2".into(),
        short: "addresses".into(),
        parameters: vec![parameter],
        actions: vec![action],
    }
}

fn answers() -> Vec<(String, Answer)> {
    let all = [
        Answer::Node(node::Answer::Taken),
        Answer::Node(node::Answer::Lease { lasts: 3000, floor: 1 << 40 }),
        Answer::Node(node::Answer::NoLease { index: 9 }),
        Answer::Node(node::Answer::NotYet),
        Answer::Node(node::Answer::OtherProcess { at: 9 }),
        Answer::Node(node::Answer::Diverged { at: 1024 }),
        Answer::Node(node::Answer::NotLeader),
        Answer::Checked { errors: vec!["wrong".into()], warnings: vec!["look".into()] },
        Answer::Said(Ok("fine".into())),
        Answer::Said(Err("why".into())),
        Answer::Agents(agents()),
        Answer::Agent(Ok(agent())),
        Answer::Agent(Err(Rejection::new("no_such_agent", "why"))),
        Answer::Member(4),
        Answer::MemberRefused(Rejection {
            subject: Some(Subject { kind: "node".into(), name: "p4".into() }),
            ..Rejection::new("no_node", "why").advise("what")
        }),
        Answer::MemberUnknown("why".into()),
        Answer::NotLeader,
        Answer::About(About { api: "p1.site:7101".into(), version: "1.2.3".into(), level: Level(3) }),
        Answer::Stops,
        Answer::StaysUp(Rejection::new("leader_stays", "why")),
        Answer::Managers(vec![Heard {
            hmc: "hmc1".into(),
            asked: 500,
            answered: Some(5_000),
            took: Some(400),
            failure: Some("unreachable".into()),
        }]),
        Answer::Tried(Tried::Found(None)),
        Answer::Tried(Tried::NoKey),
        Answer::Tried(Tried::NotPermitted("why".into())),
        Answer::Overview(Ok(told())),
        Answer::Overview(Err("why".into())),
    ];
    let name = |answer: &Answer| match answer {
        Answer::Node(node::Answer::Taken) => "taken",
        Answer::Node(node::Answer::Lease { .. }) => "lease",
        Answer::Node(node::Answer::NoLease { .. }) => "no-lease",
        Answer::Node(node::Answer::NotYet) => "not-yet",
        Answer::Node(node::Answer::OtherProcess { .. }) => "other-process",
        Answer::Node(node::Answer::Diverged { .. }) => "diverged",
        Answer::Node(node::Answer::NotLeader) => "not-leader",
        Answer::Checked { .. } => "checked",
        Answer::Said(Ok(_)) => "said",
        Answer::Said(Err(_)) => "said-why-not",
        Answer::Agents(_) => "agents",
        Answer::Agent(Ok(_)) => "agent",
        Answer::Agent(Err(_)) => "agent-why-not",
        Answer::Member(_) => "member",
        Answer::MemberRefused(_) => "member-refused",
        Answer::MemberUnknown(_) => "member-unknown",
        Answer::NotLeader => "member-not-leader",
        Answer::About(_) => "about",
        Answer::Stops => "stops",
        Answer::StaysUp(_) => "stays-up",
        Answer::Managers(_) => "managers",
        Answer::Tried(Tried::Found(_)) => "tried",
        Answer::Tried(Tried::NoKey) => "tried-no-key",
        Answer::Tried(Tried::NotPermitted(_)) => "tried-not-permitted",
        Answer::Overview(Ok(_)) => "overview",
        Answer::Overview(Err(_)) => "overview-why-not",
    };
    all.into_iter().map(|answer| (name(&answer).to_owned(), answer)).collect()
}

#[test]
fn entries_of_the_log() {
    hold(samples::entries());
}

#[test]
fn replies_to_entries() {
    hold(ledger::replies());
}

#[test]
fn snapshots_of_the_ledger() {
    hold(ledger::ledgers());
}

#[test]
fn calls_between_nodes() {
    let spoken = |(name, call)| (name, Spoken { by: Incarnation(u64::MAX - 1), call });
    hold(calls().into_iter().map(spoken).collect());
}

#[test]
fn answers_between_nodes() {
    hold(answers());
}

/// Decodes bytes as their kind says, for the error alone.
fn read(kind: Kind, bytes: &[u8]) -> Result<(), CodecError> {
    match kind {
        Kind::Entry => decode::<Entry>(bytes).map(drop),
        Kind::Reply => decode::<Reply>(bytes).map(drop),
        Kind::Ledger => decode::<Ledger>(bytes).map(drop),
        Kind::Call => decode::<Spoken>(bytes).map(drop),
        Kind::Answer => decode::<Answer>(bytes).map(drop),
    }
}

#[test]
fn other_kinds_and_newer_versions_are_refused_by_name() {
    for kind in KINDS {
        for bytes in lines(kind).values() {
            let mut newer = bytes.clone();
            newer[1..3].copy_from_slice(&3_u16.to_le_bytes());
            let why = read(kind, &newer).expect_err("a newer version").to_string();
            assert_eq!(why, format!("read a {kind:?}: written in version 3, this build reads 2"));
            for other in KINDS.into_iter().filter(|other| *other != kind) {
                let why = read(other, bytes).expect_err("another kind").to_string();
                assert_eq!(why, format!("read a message: it is not a {other:?}"));
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert!(read(kind, &longer).expect_err("left-over bytes").to_string().contains("1 bytes too many"));
        }
    }
}

/// Version 1 was never released, so there is no conversion from it; it must not be taken for another version.
#[test]
fn what_was_written_before_the_first_release_is_refused_by_name() {
    for kind in KINDS {
        let name = format!("{kind:?}").to_lowercase();
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/node/v1-{name}.hex"));
        let old = lines_of(&path);
        assert!(!old.is_empty(), "{kind:?}: version 1 has its samples");
        for bytes in old.values() {
            let why = read(kind, bytes).expect_err("an older version").to_string();
            let want = format!("read a {kind:?}: written in version 1, which was never released; this build reads 2");
            assert_eq!(why, want);
        }
    }
}

#[test]
fn no_sample_can_be_cut_short() {
    let mut tried = 0;
    for kind in KINDS {
        for (name, bytes) in lines(kind) {
            for end in 0..bytes.len() {
                assert!(read(kind, &bytes[..end]).is_err(), "{kind:?} {name}, the first {end} bytes");
                tried += 1;
            }
        }
    }
    println!("{tried} ways to cut a sample short, each refused");
}

#[test]
fn lengths_that_lie_at_any_place_exhaust_nothing() {
    // As bincode writes the greatest number, and one just below the limit on a message.
    let lies: [&[u8]; 2] = [&[0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], &[0xfc, 0xff, 0xff, 0xff, 0x03]];
    let mut tried = 0;
    for kind in KINDS {
        for bytes in lines(kind).values() {
            for at in 3..bytes.len() {
                for lie in lies {
                    let hostile = [&bytes[..at], lie, &bytes[at + 1..]].concat();
                    // It may still be readable if a number was replaced; it must return either way.
                    let _ = read(kind, &hostile);
                    tried += 1;
                }
            }
        }
    }
    println!("{tried} lies about lengths, none believed");
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(KINDS.to_vec())
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_read_or_refused(kind in kinds(), body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(kind, &body);
        let message = [&[kind as u8, 2, 0], body.as_slice()].concat();
        let _ = read(kind, &message);
    }

    #[test]
    fn damaged_messages_are_read_or_refused(
        kind in kinds(), which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), with in any::<u8>(),
    ) {
        let lines: Vec<Vec<u8>> = lines(kind).into_values().collect();
        if lines.is_empty() {
            // The lines are being written for the first time; the samples' own tests fail where they are missing.
            return Ok(());
        }
        let mut bytes = which.get(&lines).clone();
        let at = at.index(bytes.len());
        bytes[at] = with;
        let _ = read(kind, &bytes);
    }
}
