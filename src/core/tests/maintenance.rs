//! Maintenance against a wrong or outdated planner, and the proof of a rolling order.

use crate::site;
use std::{collections::BTreeMap, sync::Arc};
use tenure_core::{
    Author, Command, Entry, GroupName, Ledger, NodeName, Power, Refusal, Request, RequestId, ServerName, SystemState,
    Time, Verb,
    command::Outcome,
    config::{Cluster, Group, Resource},
    ledger::{CopyState, GroupState, Intent, NodeState, OffProof, Phase, Tenure},
    note::{OffHow, Wait},
    order::Epoch,
    plan::{NoRolling, rolling},
};

/// So many servers of 8 GiB with a node each; on each of them one group of 4 GiB that may run on all of them.
fn cluster(servers: u32) -> Cluster {
    let mut cluster = site::site(servers);
    for server in cluster.servers.values_mut() {
        server.memory = Some(8192);
    }
    let names: Vec<ServerName> = (1..=servers).map(|n| ServerName::from(format!("p{n}"))).collect();
    for n in 1..=servers {
        let mut group = Group::new(names.clone());
        group.load.memory = 4096;
        cluster.groups.insert(format!("g{n}").into(), group);
        cluster.resources.insert(format!("l{n}").into(), Resource::lpar(format!("g{n}").into(), &format!("l{n}")));
    }
    cluster
}

/// A ledger in which each group is online on its own server.
fn online(cluster: Cluster) -> Ledger {
    let mut ledger = Ledger { configured: 1, index: 10, now: Time(1_000_000), epoch: Epoch(9), ..Ledger::default() };
    let names: Vec<ServerName> = cluster.servers.keys().cloned().collect();
    for (n, name) in (1_u64..).zip(&names) {
        let node = NodeName::from(format!("n{n}"));
        ledger.nodes.insert(node.clone(), NodeState::default());
        let state = ledger.servers.entry(name.clone()).or_default();
        (state.watcher, state.system, state.live, state.since) = (Some(node), SystemState::Operating, true, Some(5));
        let copy = |power| CopyState { power, since: Some(5), ..CopyState::default() };
        let copies: BTreeMap<ServerName, CopyState> =
            names.iter().map(|at| (at.clone(), copy(if at == name { Power::Running } else { Power::Off }))).collect();
        let tenure = Tenure { epoch: Epoch(n), server: name.clone(), since: Time(0), phase: Phase::Online };
        let group = GroupState {
            intent: Intent::Online,
            tenure: Some(tenure),
            copies: BTreeMap::from([(format!("l{n}").into(), copies)]),
            ..GroupState::default()
        };
        ledger.groups.insert(format!("g{n}").into(), Arc::new(group));
    }
    ledger.config = Arc::new(cluster);
    ledger
}

fn apply(ledger: &mut Ledger, author: Author, command: Command) -> Outcome {
    let (index, at) = (ledger.index + 1, Time(ledger.now.0 + 1));
    ledger.apply(index, &Entry { at, wall: at, author, commands: vec![command] })
}

fn ask(ledger: &mut Ledger, request: impl Into<Request>) -> Outcome {
    let author = Author::first_user(RequestId(u128::from(ledger.index)));
    apply(ledger, author, Command::Request(request.into()))
}

fn plan(ledger: &mut Ledger, command: Command) -> Result<(), Refusal> {
    let outcome = apply(ledger, Author::Planner("n1".into()), command);
    outcome.refusal().cloned().map_or(Ok(()), Err)
}

fn lose(ledger: &mut Ledger, server: &str) {
    let (index, at) = (ledger.index, ledger.now);
    if let Some(state) = ledger.servers.get_mut(server) {
        state.off = Some(OffProof { how: OffHow::Operator { name: "admin".into() }, index, at });
    }
}

#[test]
fn nothing_is_done_to_a_disarmed_cluster_by_a_planner_that_does_not_know() {
    let mut ledger = online(cluster(3));
    assert_eq!(ask(&mut ledger, Verb::Disarm { terms: Default::default() }).refusal(), None);
    lose(&mut ledger, "p1");
    let group = GroupName::from("g1");
    let vacate = Command::Vacate { group: group.clone(), epoch: Epoch(1) };
    assert_eq!(plan(&mut ledger, vacate), Ok(()), "the books are kept");
    let stop = Command::Stop { resource: "l2".into(), server: "p2".into(), grace: tenure_core::Span(0) };
    for operation in [Command::Grant { group, server: "p2".into() }, Command::Fence("p3".into()), stop] {
        assert_eq!(plan(&mut ledger, operation), Err(Refusal::Disarmed));
    }
    assert!(ledger.orders.is_empty());
}

#[test]
fn a_storm_is_what_the_ledger_itself_counts() {
    let mut cluster = cluster(4);
    cluster.brakes.storm = 2;
    let mut ledger = online(cluster);
    let of = |servers: &[&str]| Command::Storm(servers.iter().map(|name| ServerName::from(*name)).collect());
    lose(&mut ledger, "p1");
    assert_eq!(plan(&mut ledger, of(&["p1"])), Err(Refusal::NoChange), "one is none");
    assert_eq!(plan(&mut ledger, of(&["p1", "p2"])), Err(Refusal::NoChange), "p2 is not lost");
    lose(&mut ledger, "p2");
    assert_eq!(plan(&mut ledger, of(&["p1", "p2"])), Ok(()));
    assert_eq!(plan(&mut ledger, Command::Vacate { group: "g1".into(), epoch: Epoch(1) }), Ok(()));
    let grant = Command::Grant { group: "g1".into(), server: "p3".into() };
    let held = Refusal::Waits { group: "g1".into(), why: Wait::Storm };
    assert_eq!(plan(&mut ledger, grant.clone()), Err(held));
    assert_eq!(ask(&mut ledger, Verb::Resume).refusal(), None);
    assert!(ledger.struck().is_empty(), "what was let pass makes no other storm");
    assert_eq!(plan(&mut ledger, grant), Ok(()));
}

#[test]
fn a_rolling_order_begins_with_the_server_that_has_least_to_move() {
    let mut ledger = online(cluster(3));
    ledger.groups.remove("g2");
    let turns = rolling(&ledger).expect("there is room for each");
    let order: Vec<(&str, usize)> = turns.iter().map(|turn| (turn.server.as_str(), turn.moves)).collect();
    assert_eq!(order, [("p2", 0), ("p1", 1), ("p3", 1)]);
}

#[test]
fn no_rolling_order_without_room() {
    let mut cluster = cluster(2);
    for group in cluster.groups.values_mut() {
        group.load.memory = 6144;
    }
    let why = rolling(&online(cluster)).expect_err("neither server takes both groups");
    assert_eq!(why.to_string(), "while p1 is drained, no other server can take g1");
}

#[test]
fn no_rolling_order_if_a_loss_is_not_survived_meanwhile() {
    let mut cluster = cluster(3);
    cluster.tolerance.servers = 1;
    // Three groups of 4 GiB: with one server drained and one lost, one of 8 GiB is left.
    let why = rolling(&online(cluster.clone())).expect_err("three do not fit on one");
    let NoRolling::Frail { server, lost, .. } = &why else { panic!("{why}") };
    assert_eq!(server.as_str(), "p1");
    assert_eq!(lost.len(), 1);
    // With larger servers they fit.
    for server in cluster.servers.values_mut() {
        server.memory = Some(12288);
    }
    assert_eq!(rolling(&online(cluster)).map(|turns| turns.len()), Ok(3));
}
