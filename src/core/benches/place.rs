//! How long placement takes: what ran on a lost server, and everything from nothing.
//!
//! Every group needs memory and processors, lists up to eight servers that follow each other, and goes where the most is
//! left. The servers have room for a sixth more than runs. Nothing is measured but the placement itself: the problem is
//! built before. Run with `cargo bench -p tenure-core --bench place`.

use std::time::{Duration, Instant};
use tenure_core::place::{Candidate, Item, Lost, Placement, Policy, Problem, Room, capacity, place, survive};

/// Measured runs of each figure.
const RUNS: usize = 40;
/// Most servers that a group lists.
const LIST: usize = 8;
/// Steps allowed to searches.
const BUDGET: u64 = 1_000_000;

fn main() {
    println!("placing what ran on a lost server, and everything from nothing; {RUNS} runs each\n");
    println!("{:>7} {:>8} {:>6}  {:<34} {:<34}", "groups", "servers", "moved", "after a loss", "from nothing");
    for (groups, servers) in [(1_000, 32), (5_000, 64), (50_000, 1_000)] {
        measure(groups, servers);
    }
    println!("\nwhich losses are survived, one run each\n");
    println!("{:>7} {:>8} {:>6}  {:<12} {:<12} {:<12}", "groups", "servers", "lost", "took", "looked at", "outcome");
    for (groups, servers, lost) in [(1_000, 32, 1), (1_000, 32, 2), (5_000, 64, 1), (5_000, 64, 2), (50_000, 1_000, 1)]
    {
        lose(groups, servers, lost);
    }
    println!("\nmore than there is room for: a tenth of the servers lost\n");
    println!("{:>7} {:>8} {:>6} {:>9} {:>9}  {:<34}", "groups", "servers", "moved", "left out", "steps", "took");
    for (groups, servers) in [(1_000, 32), (5_000, 64), (50_000, 1_000)] {
        overload(groups, servers);
    }
}

fn measure(groups: usize, servers: usize) {
    let nothing = cluster(groups, servers);
    let full = place(&nothing, BUDGET);
    assert_eq!(full.placed().count(), groups, "not every group has a place");
    let mut lost = carried_out(&nothing, &full);
    let moved = lose_rooms(&mut lost, 1);
    assert_eq!(place(&lost, BUDGET).placed().count(), moved, "not every group has a new place");
    let after = Spread::of(|| place(&lost, BUDGET));
    let from_nothing = Spread::of(|| place(&nothing, BUDGET));
    println!("{groups:>7} {servers:>8} {moved:>6}  {after:<34} {from_nothing:<34}");
}

fn lose(groups: usize, servers: usize, lost: usize) {
    let nothing = cluster(groups, servers);
    let running = carried_out(&nothing, &place(&nothing, BUDGET));
    let began = Instant::now();
    let answer = survive(&running, Lost { servers: lost, one_zone: false, most: usize::MAX }, BUDGET);
    let took = format!("{:.1} ms", began.elapsed().as_secs_f64() * 1000.0);
    let outcome = format!("{} not survived, complete: {}", answer.losses.len(), answer.complete);
    println!("{groups:>7} {servers:>8} {lost:>6}  {took:<12} {:<12} {outcome}", answer.looked_at);
    assert_eq!(capacity(&running, 0).rooms.len(), servers);
}

fn overload(groups: usize, servers: usize) {
    let nothing = cluster(groups, servers);
    let mut lost = carried_out(&nothing, &place(&nothing, BUDGET));
    let moved = lose_rooms(&mut lost, servers / 10);
    let placement = place(&lost, BUDGET);
    let took = Spread::of(|| place(&lost, BUDGET));
    let left_out = placement.left_out().count();
    let proven = if placement.complete { "" } else { " (budget ran out)" };
    println!("{groups:>7} {servers:>8} {moved:>6} {left_out:>9} {:>9}  {took:<34}{proven}", placement.steps);
}

/// Groups of five sizes on servers of two.
fn cluster(groups: usize, servers: usize) -> Problem {
    let need = |group: usize| [8_192 + 4_096 * (group as u64 % 5), 50 + 25 * (group as u64 % 3), 0];
    let total = |dimension: usize| (0..groups).map(|group| need(group)[dimension]).sum::<u64>();
    // A sixth more than is needed, a third of the servers with half as much again as the others.
    let share = |dimension: usize| total(dimension) * 7 / 6 * 6 / (servers as u64 * 7);
    let room = |server: usize| {
        let size = |dimension: usize| Some(share(dimension) * if server % 3 == 0 { 3 } else { 2 } / 2);
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

/// The first servers are gone; says how many groups that leaves without one.
fn lose_rooms(problem: &mut Problem, count: usize) -> usize {
    for room in &mut problem.rooms[..count] {
        room.door = tenure_core::place::Door::Closed;
    }
    let mut moved = 0;
    for item in problem.items.iter_mut().filter(|item| item.at.iter().any(|server| *server < count)) {
        item.at.clear();
        moved += 1;
    }
    moved
}

/// The middle of many runs, and how far they spread.
struct Spread {
    low: Duration,
    median: Duration,
    high: Duration,
}

impl Spread {
    /// Clearing away is not measured.
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
