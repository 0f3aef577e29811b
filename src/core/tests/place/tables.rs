//! The choices of each policy, zone rule and soft rule, and the reasons for waiting.

use tenure_core::placement::engine::{
    Candidate, Dimension, Door, Item, Loss, Lost, Obstacle, Policy, Problem, Room, Rule, Stop, Verdict, Weights,
    ZoneRule, place, survive,
};

fn room(memory: u64, processors: u64, units: u64) -> Room {
    Room { capacity: [Some(memory), Some(processors), Some(units)], ..Room::default() }
}

fn item(policy: Policy, demand: [u64; 3], servers: &[usize]) -> Item {
    let ranks = servers.iter().zip(0..);
    let candidates = ranks.map(|(server, rank)| Candidate { server: *server, rank }).collect();
    Item { policy, demand, candidates, ..Item::default() }
}

fn on(server: usize, demand: [u64; 3]) -> Item {
    Item { at: vec![server], demand, ..Item::default() }
}

fn problem(rooms: Vec<Room>, items: Vec<Item>) -> Problem {
    Problem { rooms, items, ..Problem::default() }
}

/// The servers of the items that waited, in their order.
fn goes(problem: &Problem) -> Vec<Option<usize>> {
    let goes = |verdict: &Verdict| match verdict {
        Verdict::Goes(server) => Some(*server),
        Verdict::Waits(_) => None,
    };
    place(problem, 10_000).verdicts.iter().map(|(_, verdict)| goes(verdict)).collect()
}

#[test]
fn policies() {
    let rooms = || vec![room(100, 100, 10), room(100, 100, 100), room(1000, 400, 50)];
    let busy = || vec![on(0, [0; 3]), on(1, [60, 60, 70]), on(2, [500, 100, 10]), on(2, [0; 3])];
    let cases = [
        (Policy::Priority, vec![2, 0, 1], 2),
        (Policy::RoundRobin, vec![2, 0, 1], 0),
        // Units left: 10, 30, 40.
        (Policy::Load, vec![0, 1, 2], 2),
        // Free with 10 MiB and 50 processors more: 90 % and 50 %; no room; 49 % and 62.5 %.
        (Policy::BiggestAvailable, vec![2, 1, 0], 0),
    ];
    for (policy, servers, expected) in cases {
        let mut items = busy();
        items.push(item(policy, [10, 50, 5], &servers));
        assert_eq!(goes(&problem(rooms(), items)), [Some(expected)], "{policy:?}");
    }
    let mut heavy = problem(rooms(), busy());
    heavy.items.push(item(Policy::BiggestAvailable, [10, 50, 5], &[2, 1, 0]));
    heavy.weights = Weights { memory: 1, processors: 10 };
    assert_eq!(goes(&heavy), [Some(2)], "processors weigh more");
}

#[test]
fn equals_go_by_rank() {
    for policy in [Policy::Priority, Policy::RoundRobin, Policy::Load, Policy::BiggestAvailable] {
        let waits = item(policy, [1, 1, 1], &[2, 0, 1]);
        assert_eq!(goes(&problem(vec![room(9, 9, 9); 3], vec![waits])), [Some(2)], "{policy:?}");
    }
}

#[test]
fn balance_is_exact_where_rounding_would_tie() {
    let huge = 1 << 32;
    let rooms = vec![room(huge, 100, 0), room(huge, 100, 0)];
    let waits = item(Policy::BiggestAvailable, [1, 1, 0], &[0, 1]);
    assert_eq!(goes(&problem(rooms, vec![on(0, [1, 0, 0]), waits])), [Some(1)]);
}

#[test]
fn units_are_soft_unless_said_otherwise() {
    let mut soft = problem(vec![room(9, 9, 5), room(9, 9, 6)], vec![item(Policy::Load, [0, 0, 8], &[0, 1]); 2]);
    assert_eq!(goes(&soft), [Some(1), Some(0)]);
    soft.hard_units = true;
    assert_eq!(goes(&soft), [None, None]);
}

#[test]
fn zones_soft_rules_and_last_resort_beat_the_policy_in_this_order() {
    let mut rooms = vec![room(9, 9, 9); 4];
    rooms[0].zone = 1;
    rooms[1].zone = 1;
    rooms[2].door = Door::LastResort;
    let mut waits = item(Policy::Priority, [1, 1, 1], &[0, 1, 2, 3]);
    let mut case = problem(rooms, vec![waits.clone()]);
    assert_eq!(goes(&case), [Some(0)]);
    case.rules = vec![Rule::Avoid { items: vec![0], servers: vec![0], strict: false }];
    assert_eq!(goes(&case), [Some(1)], "a soft rule");
    waits.zone = ZoneRule::Prefer(0);
    case.items = vec![waits.clone()];
    case.rules = vec![Rule::Avoid { items: vec![0], servers: vec![3], strict: false }];
    assert_eq!(goes(&case), [Some(3)], "its own zone, against a soft rule");
    case.rooms[3].capacity[0] = Some(0);
    assert_eq!(goes(&case), [Some(0)], "another zone before a server of last resort");
    waits.zone = ZoneRule::Stay(0);
    case.items = vec![waits];
    assert_eq!(goes(&case), [Some(2)]);
}

#[test]
fn rules_count_source_and_target_of_what_migrates() {
    let migrates = Item { at: vec![0, 1], ..Item::default() };
    let mut case = problem(vec![room(9, 9, 9); 3], vec![migrates, item(Policy::Priority, [1, 1, 1], &[0, 1, 2])]);
    case.rules = vec![Rule::Apart { items: vec![0, 1], strict: true }];
    assert_eq!(goes(&case), [Some(2)]);
    case.rules = vec![Rule::Together { items: vec![0, 1], strict: false }];
    assert_eq!(goes(&case), [Some(0)]);
}

#[test]
fn reasons_name_what_is_in_the_way() {
    let mut rooms = vec![room(9, 9, 9); 6];
    rooms[0].door = Door::Closed;
    rooms[1].zone = 7;
    rooms[2].used = [7, 0, 0];
    rooms[3].limits = vec![4, 1];
    rooms[4].limits = vec![4, 2];
    rooms[5].limits = vec![4, 2];
    let waits = Item {
        prerequisites: vec![(1, 2)],
        zone: ZoneRule::Stay(0),
        ..item(Policy::Priority, [3, 1, 1], &[0, 1, 2, 3, 4, 5])
    };
    let mut case = problem(rooms, vec![waits, on(4, [1, 1, 1])]);
    case.rules = vec![
        Rule::Apart { items: vec![1, 0], strict: true },
        Rule::Avoid { items: vec![0], servers: vec![5], strict: true },
    ];
    let why = vec![
        (0, Obstacle::Closed),
        (1, Obstacle::Zone),
        (2, Obstacle::Short { dimension: Dimension::Memory, need: 3, free: 2 }),
        (3, Obstacle::Limit { limit: 1, need: 2, left: 1 }),
        (4, Obstacle::Rule { rule: 0, with: Some(1) }),
        (5, Obstacle::Rule { rule: 1, with: None }),
    ];
    let placement = place(&case, 1_000);
    assert_eq!(placement.verdicts, [(0, Verdict::Waits(why))]);
    assert!(placement.complete);
}

#[test]
fn a_search_moves_what_stands_in_the_way() {
    // Each item takes the server to which the one before it can be moved; the last item has only the first server.
    let count = 6;
    let mut items: Vec<Item> = (0..count).map(|i| item(Policy::Priority, [1, 0, 0], &[i, i + 1])).collect();
    items.push(item(Policy::Priority, [1, 0, 0], &[0]));
    let case = problem(vec![room(1, 1, 1); count + 1], items);
    let expected: Vec<Option<usize>> = (1..=count).chain([0]).map(Some).collect();
    assert_eq!(goes(&case), expected);
}

#[test]
fn the_least_important_are_stopped_and_those_not_needed_are_spared() {
    let runs = |server, memory, importance| Item { importance, preemptible: true, ..on(server, [memory, 0, 0]) };
    let waits = Item { importance: 1, ..item(Policy::Priority, [5, 0, 0], &[0, 1]) };
    let items = vec![waits, runs(0, 5, 2), runs(0, 4, 3), runs(1, 4, 3), runs(1, 1, 5), runs(1, 4, 4)];
    let mut case = Problem { preempt: true, ..problem(vec![room(9, 9, 9); 2], items) };
    let placement = place(&case, 1_000);
    assert_eq!(placement.stops, [Stop { item: 5, to_place: 0 }, Stop { item: 4, to_place: 0 }]);
    assert_eq!(placement.placed().collect::<Vec<_>>(), [(0, 1)]);
    case.items[4].demand[0] = 2;
    case.rooms[1].capacity[0] = Some(11);
    case.items[5].demand[0] = 5;
    assert_eq!(place(&case, 1_000).stops, [Stop { item: 5, to_place: 0 }], "the smaller one is spared");
    case.preempt = false;
    assert_eq!(goes(&case), [None]);
}

#[test]
fn room_made_for_one_is_offered_to_the_more_important_first() {
    let important = |importance, item| Item { importance, ..item };
    // The second and the last need the room that the first leaves once the victim of the third is gone.
    let items = vec![
        important(1, item(Policy::Priority, [6, 0, 0], &[0, 1])),
        important(3, item(Policy::Priority, [8, 0, 0], &[0])),
        important(4, item(Policy::Priority, [1, 0, 0], &[1])),
        important(5, item(Policy::Priority, [8, 0, 0], &[0])),
        Item { importance: 9, preemptible: true, ..on(1, [7, 0, 0]) },
    ];
    let case = Problem { preempt: true, ..problem(vec![room(8, 0, 0), room(7, 0, 0)], items) };
    assert_eq!(goes(&case), [Some(1), Some(0), Some(1), None, None]);
}

#[test]
fn losses_that_a_rule_ties_together_are_looked_at_together() {
    let at = |server, to| Item { at: vec![server], ..item(Policy::Priority, [1, 0, 0], &[to]) };
    let rooms = vec![Room { counts: true, ..Room::default() }; 4];
    let mut case = problem(rooms, vec![at(0, 2), at(1, 3)]);
    case.rules = vec![Rule::Together { items: vec![0, 1], strict: true }];
    let answer = survive(&case, Lost { servers: 2, one_zone: false, most: 1 }, 100_000);
    assert_eq!(answer.losses, [Loss { servers: vec![0, 1], left_out: vec![1] }]);
}
