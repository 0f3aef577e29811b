//! The time of a placement: of the groups of a lost server, and of all groups from nothing.
//!
//! Every group needs memory and processors, lists up to eight consecutive servers, and goes to the one with the largest
//! share left. Servers are of two sizes, with a fixed share of room beyond the groups' needs. Only the placement itself
//! is measured: the problem is built before. Run with `cargo bench -p tenure-core --bench place`.

use std::time::{Duration, Instant};
use tenure_core::placement::engine::{Candidate, Door, Item, Lost, Placement, Policy, Problem, Room, place, survive};

/// Number of measured runs for each figure.
const RUNS: usize = 40;
/// Maximum number of servers that a group lists.
const LIST: usize = 8;
/// Maximum number of search steps.
const BUDGET: u64 = 1_000_000;

/// Free share of a cluster, in percent of the groups' needs.
const FREE: u64 = 33;
/// The same, for a tight cluster.
const TIGHT: u64 = 15;

fn main() {
    println!("placing what ran on a lost server, and everything from nothing; {RUNS} runs each, {FREE} % free\n");
    println!("{:>7} {:>8} {:>6}  {:<34} {:<34}", "groups", "servers", "moved", "after a loss", "from nothing");
    for (groups, servers) in [(1_000, 32), (5_000, 64), (50_000, 1_000)] {
        measure(groups, servers);
    }
    println!("\nwhich losses are survived, one run each\n");
    println!(
        "{:>7} {:>8} {:>6} {:>6}  {:>11} {:>10} {:>8}  outcome",
        "groups", "servers", "free", "lost", "took", "looked at", "steps"
    );
    for (groups, servers, free, lost) in [
        (1_000, 32, FREE, 1),
        (1_000, 32, FREE, 2),
        (5_000, 64, FREE, 1),
        (5_000, 64, FREE, 2),
        (50_000, 1_000, FREE, 1),
        (50_000, 1_000, FREE, 2),
        (50_000, 1_000, TIGHT, 1),
    ] {
        lose(groups, servers, free, lost);
    }
    println!("\nmore than there is room for: every tenth server lost, {TIGHT} % free before\n");
    println!("{:>7} {:>8} {:>6} {:>9} {:>9}  {:<34}", "groups", "servers", "moved", "left out", "steps", "took");
    for (groups, servers) in [(1_000, 32), (5_000, 64), (50_000, 1_000)] {
        overload(groups, servers);
    }
}

fn measure(groups: usize, servers: usize) {
    let nothing = cluster(groups, servers, FREE);
    let full = place(&nothing, BUDGET);
    assert_eq!(full.placed().count(), groups, "not every group has a place");
    let mut lost = carried_out(&nothing, &full);
    let moved = lose_rooms(&mut lost, servers);
    assert_eq!(place(&lost, BUDGET).placed().count(), moved, "not every group has a new place");
    let after = Spread::of(|| place(&lost, BUDGET));
    let from_nothing = Spread::of(|| place(&nothing, BUDGET));
    println!("{groups:>7} {servers:>8} {moved:>6}  {after:<34} {from_nothing:<34}");
}

fn lose(groups: usize, servers: usize, free: u64, lost: usize) {
    let nothing = cluster(groups, servers, free);
    let running = carried_out(&nothing, &place(&nothing, BUDGET));
    let began = Instant::now();
    let answer = survive(&running, Lost { servers: lost, one_zone: false, most: usize::MAX }, BUDGET);
    let took = format!("{:.1} ms", began.elapsed().as_secs_f64() * 1000.0);
    let outcome = match (answer.losses.len(), answer.complete) {
        (0, true) => "all survived".to_owned(),
        (0, false) => "not decided".to_owned(),
        (fatal, true) => format!("{fatal} not survived"),
        (fatal, false) => format!("{fatal} not survived, the rest not decided"),
    };
    let (looked_at, steps) = (answer.looked_at, answer.steps);
    println!("{groups:>7} {servers:>8} {free:>4} % {lost:>6}  {took:>11} {looked_at:>10} {steps:>8}  {outcome}");
}

fn overload(groups: usize, servers: usize) {
    let nothing = cluster(groups, servers, TIGHT);
    let mut lost = carried_out(&nothing, &place(&nothing, BUDGET));
    let moved = lose_rooms(&mut lost, 10);
    let placement = place(&lost, BUDGET);
    let took = Spread::of(|| place(&lost, BUDGET));
    let left_out = placement.left_out().count();
    let proven = if placement.complete { "" } else { " (budget ran out)" };
    println!("{groups:>7} {servers:>8} {moved:>6} {left_out:>9} {:>9}  {took:<34}{proven}", placement.steps);
}

/// Groups of five sizes on servers of two sizes.
fn cluster(groups: usize, servers: usize, free: u64) -> Problem {
    let need = |group: usize| [8_192 + 4_096 * (group as u64 % 5), 50 + 25 * (group as u64 % 3), 0];
    let total = |dimension: usize| (0..groups).map(|group| need(group)[dimension]).sum::<u64>();
    // A third of the servers are half as large again as the others.
    let share = |dimension: usize| total(dimension) * (100 + free) * 6 / (servers as u64 * 7 * 100);
    let room = |server: usize| {
        let size = |dimension: usize| Some(share(dimension) * if server.is_multiple_of(3) { 3 } else { 2 } / 2);
        Room { capacity: [size(0), size(1), None], counts: true, ..Room::default() }
    };
    let item = |group: usize| Item {
        candidates: (0..LIST as u32)
            .map(|rank| Candidate { server: (group + rank as usize) % servers, rank })
            .collect(),
        demand: need(group),
        importance: group as u32 % 10,
        policy: Policy::BiggestAvailable,
        ..Item::default()
    };
    Problem { rooms: (0..servers).map(room).collect(), items: (0..groups).map(item).collect(), ..Problem::default() }
}

fn carried_out(problem: &Problem, placement: &Placement) -> Problem {
    let mut running = problem.clone();
    for (item, server) in placement.placed() {
        running.items[item].at = vec![server];
    }
    running
}

/// Closes every `of`-th server; returns the number of groups that lose theirs.
fn lose_rooms(problem: &mut Problem, of: usize) -> usize {
    for room in problem.rooms.iter_mut().step_by(of) {
        room.door = Door::Closed;
    }
    let mut moved = 0;
    for item in problem.items.iter_mut().filter(|item| item.at.iter().any(|server| server % of == 0)) {
        item.at.clear();
        moved += 1;
    }
    moved
}

/// The median of many runs, and their spread.
struct Spread {
    low: Duration,
    median: Duration,
    high: Duration,
}

impl Spread {
    /// The drop of the result is not measured.
    fn of<T>(mut run: impl FnMut() -> T) -> Self {
        let mut took: Vec<Duration> = (0..RUNS)
            .map(|_| {
                let began = Instant::now();
                let result = run();
                let took = began.elapsed();
                drop(result);
                took
            })
            .collect();
        took.sort();
        Spread { low: took[RUNS / 10], median: took[RUNS / 2], high: took[RUNS * 9 / 10] }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |took: Duration| took.as_secs_f64() * 1000.0;
        f.pad(&format!("{:.2} ms ({:.2} .. {:.2})", ms(self.median), ms(self.low), ms(self.high)))
    }
}
