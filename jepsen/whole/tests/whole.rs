//! Whole clusters in virtual time.
//!
//! `WHOLE_SEEDS=100-200` selects other seeds, `WHOLE_STEPS=3,17` leaves out all other steps of the nemesis,
//! `WHOLE_SHOW=1` prints the events, `WHOLE_PLANT=LongLease` plants a bug, `WHOLE_SHRINK=600` shrinks for at most
//! that many seconds.

use std::{
    env,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tenure_whole::{
    bounds::Peaks,
    coverage::Counts,
    nemesis::Steps,
    plant::Plant,
    run::{Options, Report, run},
    shrink::{Again, shrink},
};

/// The seeds of CI.
const SEEDS: &str = "1-3";
/// Seconds for which CI shrinks a failing run.
const SHRINK: u64 = 60;

/// The requested seeds, or the default.
fn seeds(or: &str) -> std::ops::RangeInclusive<u64> {
    let text = env::var("WHOLE_SEEDS").unwrap_or_else(|_| or.to_owned());
    let (from, to) = text.split_once('-').expect("WHOLE_SEEDS is FROM-TO");
    from.parse().expect("a number")..=to.parse().expect("a number")
}

fn asked_for(seed: u64) -> Options {
    let plant = env::var("WHOLE_PLANT").ok().map(|name| Plant::named(&name).expect("a bug of that name"));
    let steps = env::var("WHOLE_STEPS").ok().map(|text| {
        let numbers = text.split(',').filter(|number| !number.is_empty());
        Steps::Only(numbers.map(|number| number.parse().expect("a number")).collect())
    });
    Options { plant, steps: steps.unwrap_or_default(), ..Options::plain(seed) }
}

fn went_wrong(options: &Options, report: Report) {
    println!("{report}again: {}", Again(options));
    let most = env::var("WHOLE_SHRINK").map_or(SHRINK, |text| text.parse().expect("a number"));
    println!("{}", shrink(options, report, Duration::from_secs(most)));
}

/// Summary of many runs.
#[derive(Default)]
struct Tally {
    counts: Counts,
    peaks: Peaks,
    simulated: Duration,
    took: Duration,
    entries: usize,
    operations: usize,
    recoveries: Vec<u64>,
    bad: Vec<u64>,
}

impl Tally {
    fn run(&mut self, options: &Options) {
        let start = Instant::now();
        let report = run(options);
        let took = start.elapsed();
        self.counts.join(&report.counts);
        self.peaks.join(&report.peaks);
        self.simulated += report.lasted;
        self.took += took;
        self.entries += report.entries.0;
        self.operations += report.entries.1;
        self.recoveries.extend(report.recovery.map(|took| took.as_secs()));
        println!(
            "seed {}: {} entries, {} simulated s in {:.1} s, at rest after {:?} s, trace {:08x}",
            options.seed,
            report.entries.0,
            report.lasted.as_secs(),
            took.as_secs_f64(),
            report.recovery.map(|took| took.as_secs()),
            report.sum.0
        );
        if env::var_os("WHOLE_SHOW").is_some() {
            println!("{}", report.story.join("\n"));
        }
        if !report.wrong.is_empty() {
            self.bad.push(options.seed);
            went_wrong(options, report);
        }
    }

    fn tell(&mut self) {
        self.recoveries.sort_unstable();
        let nth = |percent: usize| {
            let last = self.recoveries.len().saturating_sub(1);
            self.recoveries.get(last * percent / 100).copied().unwrap_or_default()
        };
        println!("{}\n{}", self.counts, self.peaks);
        println!(
            "{:.1} simulated hours in {:.1} s, {:.1} a minute; {} entries, {} operations; at rest after {} s (half), {} s (nine \
             of ten), {} s (all)",
            self.simulated.as_secs_f64() / 3600.0,
            self.took.as_secs_f64(),
            self.simulated.as_secs_f64() / 60.0 / self.took.as_secs_f64(),
            self.entries,
            self.operations,
            nth(50),
            nth(90),
            nth(100),
        );
        assert!(self.bad.is_empty(), "seeds {:?} went wrong", self.bad);
    }
}

#[test]
fn every_seed_is_safe_and_comes_to_rest() {
    let mut tally = Tally::default();
    for seed in seeds(SEEDS) {
        tally.run(&asked_for(seed));
    }
    tally.tell();
    // Few seeds cannot cause every event.
    if seeds(SEEDS).count() >= 90 {
        let missing = tally.counts.missing();
        assert!(missing.is_empty(), "these never happened: {missing:?}");
    }
}

/// Nobody has to answer a leader that is the whole cluster, however long ago it was elected.
#[test]
fn a_node_that_is_the_whole_cluster_goes_on_acting() {
    for seed in 1..=3 {
        let report = run(&Options { alone: true, ..Options::plain(seed) });
        assert!(report.wrong.is_empty(), "{report}{}", report.story.join("\n"));
        // It was idle three times.
        assert!(report.lasted > Duration::from_secs(180) && report.entries.0 > 0, "{:?}", report.lasted);
    }
}

/// New seeds, for a requested time: `FRESH_SECONDS=60`, starting at `FRESH_FROM` or at a number from the clock.
#[test]
fn fresh_clusters_are_safe_and_come_to_rest() {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let Some(seconds) = number("FRESH_SECONDS") else { return };
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs() * 1000;
    let (began, mut tally) = (Instant::now(), Tally::default());
    for seed in number("FRESH_FROM").unwrap_or(clock).. {
        if began.elapsed() >= Duration::from_secs(seconds) {
            break;
        }
        tally.run(&Options::plain(seed));
    }
    tally.tell();
}

/// Number of planted bugs that every run tries.
const PLANTS: usize = 2;

/// Planted bugs are found, each by the first seed that finds it: some in every run, `WHOLE_PLANTS=found` all of them;
/// `WHOLE_PLANTS=hunt` searches seeds 1 to 40 for the first that finds each bug.
#[test]
fn planted_bugs_are_found() {
    let found = |plant: Plant, seed: u64| {
        let report = run(&Options { plant: Some(plant), ..Options::plain(seed) });
        let first = report.wrong.first().cloned();
        first.inspect(|what| println!("{plant:?}: found by seed {seed}: {what}")).is_some()
    };
    let asked = env::var("WHOLE_PLANTS").unwrap_or_default();
    if asked == "hunt" {
        for plant in Plant::ALL {
            if !(1..=40).any(|seed| found(plant, seed)) {
                println!("{plant:?}: not found by 40 seeds");
            }
        }
        return;
    }
    let most = if asked == "found" { Plant::FOUND.len() } else { PLANTS };
    for (plant, seed) in Plant::FOUND.into_iter().take(most) {
        assert!(found(plant, seed), "{plant:?} is not found by seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    let short = |seed| Options { rage: Duration::from_secs(60), traced: true, ..Options::plain(seed) };
    let (first, second) = (run(&short(42)), run(&short(42)));
    let parts = first.trace.iter().zip(&second.trace).position(|(a, b)| a != b);
    let around = parts.map(|at| (&first.trace[at], &second.trace[at]));
    assert_eq!(around, None, "the traces part at line {parts:?} of {}", first.trace.len());
    assert_eq!(first.trace.len(), second.trace.len());
    assert_eq!(first.story, second.story);
    assert!(first.sum.1 > 1_000);
    assert_ne!(first.sum, run(&short(43)).sum);
}
