//! Histories out of bytes. Any bytes at all are a history: a site, and up to so many entries for its ledger. Most are what
//! a cluster would do (the planner's plan, answers to its orders, readings), some are what an administrator might ask, the
//! cluster file edited among it, and some are whatever the types allow, from whoever. After each entry everything that
//! must be so of a ledger is checked.
//!
//! libFuzzer chooses the bytes (`.ci/fuzz`), or a generator of numbers does (`cargo test -p tenure-fuzz`). It refuses to
//! know how entries are made durable and who may propose them.

mod bytes;
mod check;
mod edit;
mod history;
mod site;
mod typed;

pub use history::{Options, Plant, entries, run};

/// The bytes of a seed, for where nobody guides the choice.
pub fn bytes_of(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    std::iter::repeat_with(|| next().to_le_bytes()).flatten().take(length).collect()
}
