//! Losses, checked by trying each of them.

use crate::place::{
    brute::{Where, best, running},
    cases::problems,
    optimal::PLENTY,
};
use proptest::prelude::*;
use tenure_core::placement::engine::{Door, Loss, Lost, Problem, capacity, survive};

/// The items without a place after a loss, by trying everything.
fn left_out(problem: &Problem, lost: &[usize]) -> Vec<usize> {
    let mut after = problem.clone();
    for server in lost {
        after.rooms[*server].door = Door::Closed;
    }
    let mut order: Vec<usize> = running(problem)
        .into_iter()
        .filter(|(_, at)| at.iter().all(|server| lost.contains(server)))
        .map(|(item, _)| item)
        .collect();
    order.sort_by_key(|item| (problem.items[*item].importance, *item));
    let fixed: Where = running(problem).into_iter().filter(|(item, _)| !order.contains(item)).collect();
    let placed = best(&after, &fixed, &order);
    let mut left: Vec<usize> =
        order.into_iter().zip(placed).filter(|(_, placed)| !placed).map(|(item, _)| item).collect();
    left.sort_unstable();
    left
}

fn losses(problem: &Problem, servers: usize, one_zone: bool) -> Vec<Loss> {
    let rooms = problem.rooms.len();
    let mut found = Vec::new();
    for set in 1..1_usize << rooms {
        let servers_lost: Vec<usize> = (0..rooms).filter(|server| set >> server & 1 == 1).collect();
        let counts = servers_lost.iter().all(|server| problem.rooms[*server].counts);
        let zone = |server: usize| problem.rooms[server].zone;
        let together = servers_lost.iter().all(|server| zone(*server) == zone(servers_lost[0]));
        if servers_lost.len() == servers && counts && (together || !one_zone) {
            let left_out = left_out(problem, &servers_lost);
            if !left_out.is_empty() {
                found.push(Loss { servers: servers_lost, left_out });
            }
        }
    }
    found.sort_by(|one, other| one.servers.cmp(&other.servers));
    found
}

/// Mostly running items, with room enough that some losses are survived.
fn running_mostly() -> impl Strategy<Value = Problem> {
    (problems(5, 6), prop::collection::vec(0_usize..5, 6)).prop_map(|(mut problem, at)| {
        let rooms = problem.rooms.len();
        for (item, at) in problem.items.iter_mut().zip(at).filter(|(item, at)| item.waits() && *at > 0) {
            item.at = vec![at % rooms];
        }
        for capacity in problem.rooms.iter_mut().flat_map(|room| &mut room.capacity) {
            *capacity = capacity.map(|capacity| capacity * 2);
        }
        problem
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_loss_is_found(problem in running_mostly(), servers in 1_usize..4, one_zone: bool) {
        let mut answer = survive(&problem, Lost { servers, one_zone, most: usize::MAX }, PLENTY);
        prop_assert!(answer.complete);
        answer.losses.sort_by(|one, other| one.servers.cmp(&other.servers));
        prop_assert_eq!(answer.losses, losses(&problem, servers, one_zone));
    }

    #[test]
    fn a_small_budget_claims_nothing_wrong(problem in running_mostly(), servers in 1_usize..4, budget in 0_u64..60) {
        let answer = survive(&problem, Lost { servers, one_zone: false, most: usize::MAX }, budget);
        let truth = losses(&problem, servers, false);
        prop_assert!(answer.steps <= budget);
        prop_assert!(answer.losses.iter().all(|loss| truth.contains(loss)));
        prop_assert!(!answer.complete || answer.losses.len() == truth.len());
        let one = survive(&problem, Lost { servers, one_zone: false, most: 1 }, budget);
        prop_assert!(one.losses.iter().eq(answer.losses.iter().take(1)));
    }

    #[test]
    fn how_many_can_be_lost(problem in running_mostly()) {
        let counting = problem.rooms.iter().filter(|room| room.counts).count();
        let survived = (1..=counting).take_while(|servers| losses(&problem, *servers, false).is_empty()).count();
        let answer = capacity(&problem, PLENTY);
        prop_assert!(answer.complete);
        prop_assert_eq!(answer.survives, survived);
        for (server, (room, shown)) in problem.rooms.iter().zip(&answer.rooms).enumerate() {
            for dimension in 0..3 {
                let here = problem.items.iter().filter(|item| item.at.contains(&server));
                let used = room.used[dimension] + here.map(|item| item.demand[dimension]).sum::<u64>();
                prop_assert_eq!(shown.used[dimension], used);
                prop_assert_eq!(shown.free[dimension], room.capacity[dimension].map(|all| all.saturating_sub(used)));
            }
        }
    }
}
