//! New seeds of all kinds, for a requested time: `FRESH_SECONDS=60`, starting at `FRESH_FROM` or at a number from the
//! clock. A failure is described with the command that repeats it.

use super::{INSIDE, Kind, LPARS, changes, mixed, run};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const KINDS: [&Kind; 5] = [&LPARS, &INSIDE, &changes::CHANGED, &changes::CHANGED_INSIDE, &mixed::MIXED];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Runs every `step`-th seed until time is up; returns the number of histories.
fn take(from: u64, step: usize, until: Instant) -> Result<u64, String> {
    let mut taken = 0;
    for seed in (from..).step_by(step) {
        for kind in KINDS {
            if Instant::now() >= until {
                return Ok(taken);
            }
            run(kind, [seed], |_| ())?;
            taken += 1;
        }
    }
    Ok(taken)
}

#[test]
fn fresh_histories_are_safe_and_end_well() {
    let Some(seconds) = number("FRESH_SECONDS") else { return };
    // The tests use small seeds, so these are new.
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs() * 1000;
    let from = number("FRESH_FROM").unwrap_or(clock);
    let until = Instant::now() + Duration::from_secs(seconds);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!("seeds from {from}, for {seconds}s, with {threads} threads");
    let taken = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (from..).take(threads).map(|first| scope.spawn(move || take(first, threads, until))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker")).collect::<Result<Vec<u64>, String>>()
    });
    let taken = taken.unwrap_or_else(|why| panic!("{why}"));
    println!("{} histories of {} kinds: none fails", taken.iter().sum::<u64>(), KINDS.len());
}
