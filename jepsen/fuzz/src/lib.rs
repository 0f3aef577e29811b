//! Targets for a fuzzer: the decoders of bytes from outside ([`Target`]), and histories of the ledger.
//!
//! Any byte string is a history: a site, and a limited number of entries for its ledger. Most entries are those of a real cluster (the planner's plan, answers to its orders, readings), some are
//! administrators' requests, including edits of the cluster file, and some are arbitrary values of the types, by any
//! author. After each entry all invariants of the ledger are checked.
//!
//! The bytes come from libFuzzer (`.ci/fuzz`) or from a random number generator (`cargo test -p tenure-fuzz`). Out of
//! scope: how entries are made durable and who may propose them.

mod bytes;
mod check;
mod edit;
mod history;
mod site;
mod target;
mod typed;

pub use history::{Options, Plant, entries, run};
pub use target::Target;

/// The bytes of a seed, for runs without libFuzzer.
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
