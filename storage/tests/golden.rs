//! The bytes of every kind of record, as they were when its format was released, and as they are on users' disks.
//!
//! A file is never edited. A new format of a record gets a new file beside the old one. A missing file is written with
//! `TENURE_GOLDEN=write`, to be read before it is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::{Debug, Write};
use std::fs;
use std::path::{Path, PathBuf};

use tenure_storage::format::v1::{
    Committed, Entry, Extent, LeaderId, LogId, Long, Manifest, Mark, Payload, Peer, Piece, Purged, Snapshot, Vote,
};
use tenure_storage::format::{self, Body};

const BYTES_PER_LINE: usize = 16;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/storage").join(format!("{name}.hex"))
}

fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(BYTES_PER_LINE) {
        let line: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{}", line.join(" ")).unwrap();
    }
    text
}

fn from_hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("two hex digits")).collect()
}

fn check<B: Body + PartialEq + Debug>(name: &str, body: &B) {
    let path = golden(name);
    let sealed = format::seal(body);
    if !path.exists() && env::var_os("TENURE_GOLDEN").is_some_and(|how| how == "write") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, to_hex(&sealed)).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(to_hex(&sealed), expected, "{name}: this build writes other bytes");
    assert_eq!(format::open::<B>(&from_hex(&expected)).as_ref(), Ok(body), "{name}: this build reads something else");
}

fn id(term: u64, node: u64, index: u64) -> LogId {
    LogId { leader: LeaderId { term, node }, index }
}

#[test]
fn v1_manifest() {
    check("v1-manifest", &Manifest { layout: 1, cluster: "blue".to_owned(), node: 7 });
}

#[test]
fn v1_entries() {
    check("v1-entry-blank", &Entry { id: id(1, 2, 3), payload: Payload::Blank });
    let command = (0..=255).collect();
    check("v1-entry-command", &Entry { id: id(300, 2, 70_000), payload: Payload::Command(command) });
    let peer = |name: &str| Peer { name: name.to_owned(), address: format!("{name}.example:7400") };
    let membership = Payload::Membership {
        voters: vec![BTreeSet::from([1, 2, 3]), BTreeSet::from([1, 2, 4])],
        peers: BTreeMap::from([(1, peer("p1")), (2, peer("p2")), (3, peer("p3")), (4, peer("p4"))]),
    };
    check("v1-entry-membership", &Entry { id: id(5, 1, 42), payload: membership });
}

#[test]
fn v1_long_and_piece() {
    check("v1-long", &Long { record: Extent { bytes: 200_000, pieces: 49, checksum: 0xdead_beef } });
    check("v1-piece", &Piece { number: 48, bytes: b"the end".to_vec() });
}

#[test]
fn v1_marks() {
    check("v1-vote", &Vote { leader: LeaderId { term: u64::MAX, node: 3 }, committed: true });
    check("v1-vote-asked", &Vote { leader: LeaderId { term: 2, node: 1 }, committed: false });
    check("v1-committed", &Committed { id: Some(id(2, 1, 1_000)) });
    check("v1-committed-none", &Committed { id: None });
    check("v1-purged", &Purged { id: id(2, 1, 999) });
}

#[test]
fn v1_mark() {
    check("v1-mark", &Mark { syncs: 1_000_000 });
}

#[test]
fn v1_snapshot() {
    let extent = |bytes, pieces, checksum| Extent { bytes, pieces, checksum };
    let (meta, data) = (extent(120, 1, 0x0102_0304), extent(10_000_000, 2_442, 0xffff_ffff));
    check("v1-snapshot", &Snapshot { generation: 12, meta, data });
}
