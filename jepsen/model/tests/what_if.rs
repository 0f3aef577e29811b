//! Predictions come true: the simulated cluster, with its delays, nodes and consoles, ends in the state that the
//! prediction from its ledger gave.

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::{
    GroupName, Ledger, ServerName, Verb,
    ledger::Phase,
    what_if::{Ending, Foreseen, WhatIf, foresee},
};
use tenure_model::sim::{Options, Sim, Site};

/// A group of a random site: its servers, best first, its memory in GiB, and its priority.
#[derive(Clone, Debug)]
struct Declared {
    servers: Vec<usize>,
    memory: u64,
    priority: u32,
}

fn declared(servers: usize) -> impl Strategy<Value = Declared> {
    let list = Just((1..=servers).collect::<Vec<_>>()).prop_shuffle();
    (list, 2..=servers, 1..=10_u64, 1..=3_u32).prop_map(|(mut list, length, memory, priority)| {
        list.truncate(length);
        Declared { servers: list, memory, priority }
    })
}

fn site() -> impl Strategy<Value = (usize, Vec<Declared>)> {
    (3..=5_usize).prop_flat_map(|servers| (Just(servers), proptest::collection::vec(declared(servers), 1..=7)))
}

/// A cluster in which every group that fits runs.
fn begin(servers: usize, groups: &[Declared]) -> Sim {
    let mut site = Site::default();
    let mut declare = |line: String| assert_eq!(site.declare(&line), Ok(true), "{line}");
    declare(format!("site servers={servers}"));
    for (n, group) in groups.iter().enumerate() {
        let list: Vec<String> = group.servers.iter().map(|server| format!("p{server}")).collect();
        declare(format!("group g{n} on {} lpars=l{n} priority={}", list.join(","), group.priority));
        declare(format!("lpar l{n} memory={}", group.memory * 1024));
    }
    for server in 1..=servers {
        declare(format!("server p{server} memory=16384"));
    }
    let mut sim = Sim::new(&site, Options::default()).expect("the site is consistent");
    act(&mut sim, "begin");
    sim
}

fn act(sim: &mut Sim, operation: &str) {
    sim.act(operation).expect("it can be done");
    assert_eq!(sim.take_wrong(), Vec::<String>::new(), "after {operation}");
}

/// The server of each group, and whether the group is online there.
fn is(ledger: &Ledger) -> BTreeMap<GroupName, (Option<ServerName>, bool)> {
    let place = |group: &tenure_core::ledger::GroupState| {
        let tenure = group.tenure.as_ref();
        (tenure.map(|tenure| tenure.server.clone()), tenure.is_some_and(|tenure| tenure.phase == Phase::Online))
    };
    ledger.groups.iter().map(|(name, group)| (name.clone(), place(group))).collect()
}

fn foretold(foreseen: &Foreseen) -> BTreeMap<GroupName, (Option<ServerName>, bool)> {
    foreseen.after.iter().map(|(name, place)| (name.clone(), (place.server.clone(), place.runs))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_loss_ends_as_it_was_foreseen((servers, groups) in site(), lost in 1..=3_usize) {
        let mut sim = begin(servers, &groups);
        let name = format!("p{lost}");
        let what = vec![WhatIf::Lose(BTreeSet::from([ServerName::from(name.as_str())]))];
        let foreseen = foresee(sim.ledger(), what);
        prop_assert_eq!(foreseen.ending, Ending::Rest);
        act(&mut sim, &format!("power {name} trip"));
        act(&mut sim, "run until quiet");
        act(&mut sim, "run 2m");
        prop_assert_eq!(is(sim.ledger()), foretold(&foreseen));
    }

    #[test]
    fn requests_end_as_they_were_foreseen((servers, groups) in site(), to in 1..=3_usize, offline in any::<bool>()) {
        let mut sim = begin(servers, &groups);
        let server = ServerName::from(format!("p{to}"));
        let first = if offline {
            Verb::Offline { group: "g0".into(), propagate: false }
        } else {
            Verb::Switch { group: "g0".into(), server: server.clone() }
        };
        let foreseen = foresee(sim.ledger(), vec![WhatIf::Ask(first.clone().into())]);
        prop_assert_eq!(foreseen.ending, Ending::Rest);
        act(&mut sim, &format!("op {}", first.typed()));
        act(&mut sim, "run until quiet");
        act(&mut sim, "run 2m");
        prop_assert_eq!(is(sim.ledger()), foretold(&foreseen));
    }
}

/// The property above would hold of a prediction that nothing ever moves, if nothing ever did.
#[test]
fn the_losses_looked_at_move_something() {
    let group = |servers: &[usize], memory| Declared { servers: servers.to_vec(), memory, priority: 1 };
    let sim = begin(3, &[group(&[1, 2], 8), group(&[1, 3], 8), group(&[2, 1], 12)]);
    let foreseen = foresee(sim.ledger(), vec![WhatIf::Lose(BTreeSet::from(["p1".into()]))]);
    let unserved: Vec<&str> = foreseen.unserved().map(|(name, _)| name.as_str()).collect();
    assert_eq!((foreseen.moved().count(), unserved), (2, vec!["g0"]));
}
