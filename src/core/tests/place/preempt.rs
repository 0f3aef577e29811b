//! Preemption: less important items are stopped for more important ones.

use crate::place::{
    brute::{Where, best, may_be, running},
    cases::problems,
    optimal::{PLENTY, carried_out, check, everybody, placed},
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use tenure_core::placement::engine::{Problem, place};

fn preempting(rooms: usize, items: usize) -> impl Strategy<Value = Problem> {
    problems(rooms, items).prop_map(|problem| Problem { preempt: true, ..problem })
}

/// The items on a server that may be stopped for an item.
fn stoppable(problem: &Problem, everybody: &Where, item: usize, server: usize) -> Vec<usize> {
    let may = |other: &usize| {
        let what = &problem.items[*other];
        what.at == [server]
            && everybody.get(other) == Some(&what.at)
            && what.preemptible
            && what.importance > problem.items[item].importance
    };
    (0..problem.items.len()).filter(may).collect()
}

/// Whether an item fits on a server if these are stopped.
fn fits_without(problem: &Problem, everybody: &Where, item: usize, server: usize, stopped: &[usize]) -> bool {
    let mut left: Where = everybody.clone();
    left.retain(|other, _| !stopped.contains(other));
    left.insert(item, vec![server]);
    may_be(problem, &left, item, server)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_less_important_are_stopped_and_only_for_one_that_runs(problem in preempting(4, 8)) {
        let placement = place(&problem, PLENTY);
        check(&problem, &placement);
        let placed = placed(&placement);
        let stopped: BTreeSet<usize> = placement.stops.iter().map(|stop| stop.item).collect();
        prop_assert_eq!(stopped.len(), placement.stops.len(), "nobody is stopped twice");
        for stop in &placement.stops {
            let (victim, winner) = (&problem.items[stop.item], &problem.items[stop.to_place]);
            prop_assert!(victim.preemptible && victim.at.len() == 1);
            prop_assert!(victim.importance > winner.importance);
            prop_assert!(placed.contains_key(&stop.to_place));
            prop_assert!(placement.verdicts.iter().any(|(item, _)| *item == stop.item), "a victim has a verdict");
        }
    }

    #[test]
    fn stopping_is_never_to_the_loss_of_the_more_important(problem in preempting(4, 8)) {
        let lists = |preempt| {
            let problem = Problem { preempt, ..problem.clone() };
            let everybody = everybody(&problem, &place(&problem, PLENTY));
            let mut order: Vec<usize> = (0..problem.items.len()).collect();
            order.sort_by_key(|item| (problem.items[*item].importance, *item));
            order.into_iter().map(|item| everybody.contains_key(&item)).collect::<Vec<bool>>()
        };
        prop_assert!(lists(true) >= lists(false));
    }

    #[test]
    fn one_item_has_the_least_important_victims_and_none_without_need(problem in preempting(4, 8)) {
        let mut problem = problem;
        let first = (0..problem.items.len()).find(|item| problem.items[*item].waits());
        // All other waiting items are taken out of play.
        for (index, item) in problem.items.iter_mut().enumerate().filter(|(index, item)| item.waits() && Some(*index) != first) {
            item.candidates.clear();
            item.importance = u32::MAX.saturating_sub(u32::try_from(index).unwrap_or_default());
        }
        let Some(item) = first else { return Ok(()) };
        let running = running(&problem);
        let placement = place(&problem, PLENTY);
        let stops: Vec<usize> = placement.stops.iter().filter(|stop| stop.to_place == item).map(|stop| stop.item).collect();
        // Of the most important victims that each server would need, the least important one.
        let mut best: Option<u32> = None;
        for candidate in &problem.items[item].candidates {
            let pool = stoppable(&problem, &running, item, candidate.server);
            for choice in 0..1_u32 << pool.len() {
                let chosen: Vec<usize> = (0..pool.len()).filter(|at| choice >> at & 1 == 1).map(|at| pool[at]).collect();
                if fits_without(&problem, &running, item, candidate.server, &chosen) {
                    let highest = chosen.iter().map(|victim| problem.items[*victim].importance).min();
                    best = best.max(Some(highest.unwrap_or(u32::MAX)));
                }
            }
        }
        let highest = stops.iter().map(|victim| problem.items[*victim].importance).min().unwrap_or(u32::MAX);
        prop_assert_eq!(placed(&placement).contains_key(&item).then_some(highest), best);
        for spared in &stops {
            let server = problem.items[*spared].at[0];
            let others: Vec<usize> = stops.iter().copied().filter(|other| other != spared).collect();
            prop_assert!(!fits_without(&problem, &running, item, server, &others), "{spared} was stopped without need");
        }
    }

    /// An item that is left out could not even join the placed ones if all of these were moved.
    #[test]
    fn with_what_is_stopped_nothing_more_has_a_place(problem in preempting(4, 7)) {
        let placement = place(&problem, PLENTY);
        prop_assert!(placement.complete);
        let mut fixed = running(&problem);
        fixed.retain(|item, _| placement.stops.iter().all(|stop| stop.item != *item));
        let placed: Vec<usize> = placed(&placement).into_keys().collect();
        for item in placement.left_out() {
            let order: Vec<usize> = placed.iter().copied().chain([item]).collect();
            prop_assert!(best(&problem, &fixed, &order).contains(&false), "{item} has a place");
        }
    }

    #[test]
    fn it_comes_to_rest(problem in preempting(4, 8)) {
        let mut problem = problem;
        for _ in 0..problem.items.len() + 2 {
            let placement = place(&problem, PLENTY);
            if placement.stops.is_empty() && placement.placed().count() == 0 {
                return Ok(());
            }
            problem = carried_out(&problem, &placement);
        }
        prop_assert!(false, "it does not come to rest");
    }
}
