//! Complete, lexicographically optimal, within capacity and rules, deterministic, and at rest once carried out.

use crate::place::{
    brute::{Where, all_may_be, best, may_be, running, waiting},
    cases::problems,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tenure_core::placement::engine::{Door, Placement, Problem, Verdict, place};

/// More steps than any of these small cases needs.
pub const PLENTY: u64 = 1_000_000;

pub fn placed(placement: &Placement) -> BTreeMap<usize, usize> {
    placement.placed().collect()
}

/// The rooms of all items once a placement is carried out.
pub fn everybody(problem: &Problem, placement: &Placement) -> Where {
    let mut everybody = running(problem);
    for stop in &placement.stops {
        everybody.remove(&stop.item);
    }
    everybody.extend(placement.placed().map(|(item, server)| (item, vec![server])));
    everybody
}

/// The remaining problem once a placement is carried out.
pub fn carried_out(problem: &Problem, placement: &Placement) -> Problem {
    let everybody = everybody(problem, placement);
    let mut left = problem.clone();
    for (index, item) in left.items.iter_mut().enumerate() {
        item.at = everybody.get(&index).cloned().unwrap_or_default();
    }
    left
}

/// Every placed item may be where it is, and every reason against a server is true.
pub fn check(problem: &Problem, placement: &Placement) {
    let everybody = everybody(problem, placement);
    assert!(all_may_be(problem, &everybody, &placed(placement)), "something is where it may not be: {placement:?}");
    for (item, verdict) in &placement.verdicts {
        let Verdict::Waits(why) = verdict else { continue };
        let servers: Vec<usize> = why.iter().map(|(server, _)| *server).collect();
        let listed: Vec<usize> = problem.items[*item].candidates.iter().map(|candidate| candidate.server).collect();
        assert_eq!(servers, listed, "item {item} has a reason for each of its servers");
        for server in servers {
            let mut there = everybody.clone();
            there.insert(*item, vec![server]);
            assert!(!may_be(problem, &there, *item, server), "item {item} could go to {server}");
        }
    }
}

fn without_preemption(rooms: usize, items: usize) -> impl Strategy<Value = Problem> {
    problems(rooms, items).prop_map(|problem| Problem { preempt: false, ..problem })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_left_out_that_has_a_place(problem in without_preemption(4, 7)) {
        let placement = place(&problem, PLENTY);
        prop_assert!(placement.complete, "{} steps", placement.steps);
        check(&problem, &placement);
        let order = waiting(&problem);
        let placed = placed(&placement);
        let got: Vec<bool> = order.iter().map(|item| placed.contains_key(item)).collect();
        prop_assert_eq!(got, best(&problem, &running(&problem), &order));
        let mut decided: Vec<usize> = placement.verdicts.iter().map(|(item, _)| *item).collect();
        decided.sort_unstable();
        let mut order = order;
        order.sort_unstable();
        prop_assert_eq!(decided, order);
    }

    #[test]
    fn a_small_budget_is_kept_and_owned_up_to(problem in without_preemption(4, 7), budget in 0_u64..60) {
        let placement = place(&problem, budget);
        prop_assert!(placement.steps <= budget);
        check(&problem, &placement);
        let order = waiting(&problem);
        let placed = placed(&placement);
        let got: Vec<bool> = order.iter().map(|item| placed.contains_key(item)).collect();
        let best = best(&problem, &running(&problem), &order);
        prop_assert!(got <= best);
        prop_assert!(!placement.complete || got == best);
    }

    #[test]
    fn the_same_problem_has_the_same_answer(problem in problems(5, 10), budget in 0_u64..2000) {
        prop_assert_eq!(place(&problem, budget), place(&problem, budget));
    }

    #[test]
    fn once_carried_out_nothing_more_happens(problem in without_preemption(5, 9), budget in 0_u64..2000) {
        let left = carried_out(&problem, &place(&problem, budget));
        let again = place(&left, PLENTY);
        prop_assert_eq!(again.placed().count(), 0, "{:?}", again);
    }

    #[test]
    fn soft_rules_leave_nothing_out(problem in without_preemption(4, 8)) {
        let mut strict_only = problem.clone();
        strict_only.rules.retain(|rule| rule.is_strict());
        let keys = |problem| placed(&place(problem, PLENTY)).into_keys().collect::<Vec<_>>();
        prop_assert_eq!(keys(&problem), keys(&strict_only));
    }

    #[test]
    fn a_last_resort_is_used_only_if_nothing_else_is_free(problem in without_preemption(4, 1)) {
        let everybody = running(&problem);
        for (item, server) in place(&problem, PLENTY).placed() {
            let open = problem.items[item].candidates.iter().filter(|one| {
                problem.rooms[one.server].door == Door::Open && {
                    let mut there = everybody.clone();
                    there.insert(item, vec![one.server]);
                    may_be(&problem, &there, item, one.server)
                }
            });
            prop_assert!(problem.rooms[server].door == Door::Open || open.count() == 0);
        }
    }
}
