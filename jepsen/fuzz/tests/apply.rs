//! Histories from some thousand seeds: no fault in the real core, and every planted bug is found.

use tenure_fuzz::{Options, Plant, bytes_of, run};

/// Bytes per history.
const LENGTH: usize = 400;

/// The seeds to run; `FUZZ_SEEDS=1000-5000` selects others.
fn seeds() -> std::ops::Range<u64> {
    let asked = std::env::var("FUZZ_SEEDS").unwrap_or_else(|_| "0-1500".to_owned());
    let (from, to) = asked.split_once('-').expect("FUZZ_SEEDS is FROM-TO");
    from.parse().expect("a number")..to.parse().expect("a number")
}

#[test]
fn whatever_is_proposed_the_invariants_hold() {
    for seed in seeds() {
        if let Err(why) = run(&bytes_of(seed, LENGTH), &Options::default()) {
            panic!("seed {seed}:\n{why}");
        }
    }
}

#[test]
fn what_is_planted_is_found() {
    for plant in Plant::ALL {
        let found = (0..10_000).find(|seed| run(&bytes_of(*seed, LENGTH), &Options { plant: Some(plant) }).is_err());
        assert!(found.is_some(), "nothing finds {}", plant.name());
        println!("{} is found by seed {}", plant.name(), found.unwrap_or_default());
    }
}
