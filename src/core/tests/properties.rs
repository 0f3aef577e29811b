//! Properties of planning on random clusters: small and varied sites, brought up by plan and apply in an ideal world,
//! then hit by requests and losses. After every single step the bookings are recomputed from nothing.

mod brute;
mod cases;
mod world;

use cases::{Case, cases};
use proptest::prelude::*;
use std::collections::BTreeSet;
use tenure_core::{GroupName, ServerName, ledger::Phase};
use world::World;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 2000, ..ProptestConfig::default() }
}

/// Brings a site up, makes the requests and loses the servers, with at most so many commands of a plan at a time.
fn live(case: &Case, most: usize) -> World {
    let mut world = new(case);
    // A plan made before all was read would depend on what was read by then.
    world.rest(usize::MAX);
    for request in &case.requests {
        world.ask(request.clone());
        world.rest(most);
    }
    for server in &case.lost {
        world.lose(server);
        world.rest(most);
    }
    world
}

fn new(case: &Case) -> World {
    World::new(case.cluster.clone()).expect("cases contradict themselves in nothing")
}

fn online(world: &World) -> BTreeSet<GroupName> {
    let online = |phase: &Phase| matches!(phase, Phase::Online);
    let groups = world.ledger.groups.iter();
    let groups = groups.filter(|(_, group)| group.tenure.as_ref().is_some_and(|tenure| online(&tenure.phase)));
    groups.map(|(name, _)| name.clone()).collect()
}

fn places(world: &World) -> Vec<(GroupName, Option<ServerName>)> {
    let place = |group: &tenure_core::ledger::GroupState| group.tenure.as_ref().map(|tenure| tenure.server.clone());
    world.ledger.groups.iter().map(|(name, group)| (name.clone(), place(group))).collect()
}

proptest! {
    #![proptest_config(config(300))]

    /// [`World`] checks every step against capacity, limits and strict rules, and plans once more after each plan was
    /// carried out on the ledger.
    #[test]
    fn nothing_is_exceeded_and_a_plan_is_whole(case in cases(true)) {
        let world = live(&case, usize::MAX);
        prop_assert_eq!(&world.wrong, &Vec::<String>::new());
    }

    /// Whichever part of a plan gets through, the rest is planned again, and the same groups are online in the end; on
    /// the same servers if room is no matter.
    #[test]
    fn any_prefix_leads_to_the_same_end(case in cases(true), most in 1_usize..6) {
        let whole = live(&case, usize::MAX);
        let parts = live(&case, most);
        prop_assert_eq!(&parts.wrong, &Vec::<String>::new());
        // Linked groups start one plan after the other, and those that start first take the room.
        if !case.is_linked() {
            prop_assert_eq!(online(&whole), online(&parts));
        }
        if case.is_roomy() && !case.is_linked() && !case.is_unsteady() {
            prop_assert_eq!(places(&whole), places(&parts));
        }
    }

    /// A group that waits after a loss has no place in any assignment that places the more important ones first.
    #[test]
    fn nothing_is_left_stopped_that_fits(case in cases(false)) {
        let mut world = new(&case);
        let first = brute::best(&world, &BTreeSet::new());
        world.rest(usize::MAX);
        prop_assert_eq!(online(&world), first);
        for server in &case.lost {
            let expected = brute::best(&world, &BTreeSet::from([server.clone()]));
            world.lose(server);
            world.rest(usize::MAX);
            prop_assert_eq!(online(&world), expected);
        }
        prop_assert_eq!(&world.wrong, &Vec::<String>::new());
    }
}
