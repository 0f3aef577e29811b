//! Two builds of the core side by side: the one of this tree, and one of the same sources with a rule more from level 2 on,
//! as a later release would have. As long as the cluster has not agreed on that level, both lead to the same bytes.

use serde::{Serialize, de::DeserializeOwned};
use tenure_core::Ledger;
use tenure_core_next::{self as later};
use tenure_fuzz::{bytes_of, entries};

/// Bytes for a history, and how many histories.
const LENGTH: usize = 400;
const SEEDS: std::ops::Range<u64> = 0..120;

fn bytes(value: &impl Serialize) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, bincode::config::standard()).expect("it can be written")
}

/// What was written by one build, read by the other.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> T {
    bincode::serde::decode_from_slice(bytes, bincode::config::standard()).expect("it can be read").0
}

#[test]
fn before_a_level_is_reached_a_later_build_applies_the_same_rules() {
    let mut differ = 0;
    for seed in SEEDS {
        let (mut now, mut later, mut raised) = (Ledger::default(), later::Ledger::default(), later::Ledger::default());
        raised.raise(later::Level(2));
        for (index, entry) in (1..).zip(entries(&bytes_of(seed, LENGTH))) {
            let outcome = now.apply(index, &entry);
            let entry: later::Entry = read(&bytes(&entry));
            assert_eq!(bytes(&outcome), bytes(&later.apply(index, &entry)), "seed {seed}, entry {index}: {entry:?}");
            assert_eq!(bytes(&now), bytes(&later), "seed {seed}, entry {index}: {entry:?}");
            differ += u32::from(bytes(&outcome) != bytes(&raised.apply(index, &entry)));
        }
    }
    assert!(differ > 0, "no history comes to what the later build decides otherwise");
}

#[test]
fn a_log_that_holds_a_raise_is_replayed_the_same() {
    let mut refused = 0;
    for seed in SEEDS {
        let log: Vec<later::Entry> = entries(&bytes_of(seed, LENGTH)).iter().map(|entry| read(&bytes(entry))).collect();
        let (mut whole, mut again) = (later::Ledger::default(), later::Ledger::default());
        for (index, entry) in (1..).zip(&log) {
            // In the middle the level is raised, and one node takes up a snapshot that another made right after that.
            if index == log.len() as u64 / 2 {
                whole.raise(later::Level(2));
                again.raise(later::Level(2));
                again = read(&bytes(&again));
            }
            let outcome = whole.apply(index, entry);
            assert_eq!(bytes(&outcome), bytes(&again.apply(index, entry)), "seed {seed}, entry {index}");
            refused += u32::from(format!("{:?}", outcome.refused).contains("twice the lease"));
        }
        assert_eq!(bytes(&whole), bytes(&again), "seed {seed}");
    }
    assert!(refused > 0, "no history comes to the rule of the later level");
}

#[test]
fn the_level_is_never_lowered() {
    let mut ledger = later::Ledger::default();
    assert_eq!(ledger.level, later::Level::FIRST);
    ledger.raise(later::Level(2));
    ledger.raise(later::Level(1));
    assert_eq!(ledger.level, later::Level(2));
}
