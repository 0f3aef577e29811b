//! Two builds of the core side by side: the one of this tree, and one of the same sources with an additional rule
//! from level 2 on, as a later release would have. Until the cluster has agreed on that level, both must produce the
//! same bytes.

use tenure_core::{self as present, codec::encode};
use tenure_core_next as later;
use tenure_fuzz::{bytes_of, entries};

/// Bytes per history, and the seeds.
const LENGTH: usize = 400;
const SEEDS: std::ops::Range<u64> = 0..120;

/// An entry of the present build, as it is written below every later level.
fn written(entry: &present::Entry) -> Vec<u8> {
    encode(entry, present::Level::FIRST)
}

/// The same, as the later build reads it.
fn read(entry: &present::Entry) -> later::Entry {
    later::codec::decode(&written(entry)).expect("it can be read")
}

/// A ledger of the later build, as it writes it at the level of that ledger.
fn image(ledger: &later::Ledger) -> Vec<u8> {
    later::codec::encode(ledger, ledger.level)
}

fn reply(reply: &later::Reply) -> Vec<u8> {
    later::codec::encode(reply, later::Level::FIRST)
}

#[test]
fn before_a_level_is_reached_a_later_build_applies_the_same_rules() {
    let mut differ = 0;
    for seed in SEEDS {
        let (mut now, mut later, mut raised) =
            (present::Ledger::default(), later::Ledger::default(), later::Ledger::default());
        raised.raise(later::Level(2));
        for (index, entry) in (1..).zip(entries(&bytes_of(seed, LENGTH))) {
            let answer = encode(&now.apply(index, &entry).reply, now.level);
            let entry = read(&entry);
            assert_eq!(answer, reply(&later.apply(index, &entry).reply), "seed {seed}, entry {index}: {entry:?}");
            assert_eq!(encode(&now, now.level), image(&later), "seed {seed}, entry {index}: {entry:?}");
            differ += u32::from(answer != reply(&raised.apply(index, &entry).reply));
        }
    }
    assert!(differ > 0, "no history comes to what the later build decides otherwise");
}

#[test]
fn a_log_that_holds_a_raise_is_replayed_the_same() {
    let mut refused = 0;
    for seed in SEEDS {
        let log: Vec<later::Entry> = entries(&bytes_of(seed, LENGTH)).iter().map(read).collect();
        let (mut whole, mut again) = (later::Ledger::default(), later::Ledger::default());
        for (index, entry) in (1..).zip(&log) {
            // Half-way the level is raised, and one node loads a snapshot that another made right after that.
            if index == log.len() as u64 / 2 {
                whole.raise(later::Level(2));
                again.raise(later::Level(2));
                again = later::codec::decode(&image(&again)).expect("its own image");
            }
            let outcome = whole.apply(index, entry);
            assert_eq!(outcome.reply, again.apply(index, entry).reply, "seed {seed}, entry {index}");
            refused += u32::from(format!("{:?}", outcome.refused).contains("twice the lease"));
        }
        assert_eq!(image(&whole), image(&again), "seed {seed}");
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
