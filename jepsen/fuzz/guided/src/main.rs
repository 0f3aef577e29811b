//! libFuzzer target; its input is a history. `TENURE_FUZZ_PLANT=forgotten-start` plants a bug, to time its detection.
#![no_main]

use std::sync::LazyLock;
use tenure_fuzz::{Options, Plant, run};

static OPTIONS: LazyLock<Options> = LazyLock::new(|| {
    let name = std::env::var("TENURE_FUZZ_PLANT").unwrap_or_default();
    Options { plant: Plant::ALL.into_iter().find(|plant| plant.name() == name) }
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(why) = run(bytes, &OPTIONS) {
        panic!("{why}");
    }
});
