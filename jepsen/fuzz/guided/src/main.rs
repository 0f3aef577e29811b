//! libFuzzer's end of the targets of `tenure-fuzz`. `TENURE_FUZZ_TARGET` names one; `.ci/fuzz` sets it.
#![no_main]

use std::sync::LazyLock;
use tenure_fuzz::Target;

#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("TENURE_FUZZ_TARGET").unwrap_or_default();
    Target::named(&name).unwrap_or_else(|| panic!("TENURE_FUZZ_TARGET={name:?}: the targets are {}", Target::names()))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(why) = TARGET.measured(bytes) {
        panic!("{why}");
    }
});
