//! Forecasts on small clusters: the moves, the groups that would not run and why, and that the ledger is left alone.

use crate::site;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tenure_core::{
    Author, Command, Entry, Event, Ledger, Power, Reading, Refusal, Request, RequestId, ResourceName, ServerName,
    SystemState, Time, Verb, View,
    config::{Asks, Cluster, Group, GroupKind, Kind, PlacementRule, Resource},
    invariants,
    note::{NotHere, Note, Wait},
    plan::plan,
    view::NodeView,
    what_if::{
        Ending, Foreseen, Instead, Loss, Standing, Survival, WhatIf, capacity, foresee, lose_each, survival,
        survival_beyond_one, why_not,
    },
};

/// Servers p1, p2, …, each with its node, 32 GiB and 4 processing units.
fn cluster(servers: u32) -> Cluster {
    let mut cluster = site::site(servers);
    for server in cluster.servers.values_mut() {
        (server.memory, server.processors) = (Some(32_768), Some(400));
    }
    cluster
}

/// Adds a group with one LPAR of this size.
fn add(cluster: &mut Cluster, name: &str, servers: &[&str], memory: u64) {
    let group = Group::new(servers.iter().map(|server| ServerName::from(*server)).collect());
    cluster.groups.insert(name.into(), group);
    let mut resource = Resource::lpar(name.into(), &format!("{name}1"));
    if let Kind::Lpar(lpar) = &mut resource.kind {
        (lpar.memory, lpar.processors) = (memory, 50);
    }
    cluster.resources.insert(format!("{name}1").into(), resource);
}

fn configure(ledger: &mut Ledger, cluster: Cluster) {
    let request = Request::Configure { cluster: Arc::new(cluster), strand: false };
    let author = Author::first_user(RequestId(1));
    let entry = Entry { at: Time(1_000_000), wall: Time(1_000_000), author, commands: vec![Command::Request(request)] };
    assert_eq!(ledger.apply(1, &entry).refusal(), None);
}

/// A cluster whose groups run on the first server of their list: found there and adopted.
fn running(cluster: Cluster) -> Ledger {
    let mut ledger = Ledger::default();
    configure(&mut ledger, cluster);
    let mut view = View::default();
    for node in ledger.nodes.keys() {
        let seen = NodeView { heard: true, silence: Default::default(), lease_over: false, reaches_manager: true };
        view.nodes.insert(node.clone(), seen);
    }
    for _ in 0..8 {
        let commands = plan(&ledger, &view, &"n1".into(), ledger.now).commands;
        if !commands.is_empty() {
            let entry = Entry::planned(ledger.now, "n1".into(), commands);
            assert_eq!(ledger.apply(ledger.index + 1, &entry).refused, []);
        }
        for (server, state) in &ledger.servers {
            let Some(by) = state.watcher.clone() else { continue };
            let here = |name: &ResourceName, resource: &Resource| {
                let group = &ledger.config.groups[&resource.group];
                let mobile = resource.as_lpar().is_some_and(|lpar| lpar.mobile);
                let elsewhere = if mobile { Power::Absent } else { Power::Off };
                let power = if group.servers.first() == Some(server) { Power::Running } else { elsewhere };
                group.servers.contains(server).then(|| (name.clone(), power))
            };
            let copies = ledger.config.resources.iter().filter_map(|(name, resource)| here(name, resource)).collect();
            let (server, since, serial) = (server.clone(), ledger.index, ledger.index);
            let system = SystemState::Operating;
            let reading = Reading {
                server: server.clone(),
                by,
                since,
                serial,
                system,
                live: true,
                copies,
                node: Power::Unknown,
                node_listed: Default::default(),
                vios: BTreeMap::new(),
                listed: BTreeMap::new(),
            };
            view.readings.insert(server, reading.into());
        }
    }
    ledger
}

fn lose(servers: &[&str]) -> Vec<WhatIf> {
    vec![WhatIf::Lose(servers.iter().map(|server| ServerName::from(*server)).collect())]
}

/// Three servers; web, db and big on p1, of which big fits nowhere else; app on p2.
fn site() -> Ledger {
    let mut cluster = cluster(3);
    add(&mut cluster, "app", &["p2", "p3"], 16_384);
    add(&mut cluster, "big", &["p1", "p2"], 24_576);
    add(&mut cluster, "db", &["p1", "p3", "p2"], 4096);
    add(&mut cluster, "web", &["p1", "p2"], 4096);
    running(cluster)
}

fn after(foreseen: &Foreseen) -> Vec<String> {
    let place = |(name, place): (&tenure_core::GroupName, &tenure_core::what_if::Place)| {
        let server = place.server.as_ref().map_or("nowhere", ServerName::as_str);
        format!("{name} {server}{}", if place.runs { "" } else { ", does not run" })
    };
    foreseen.after.iter().map(place).collect()
}

#[test]
fn a_loss_moves_what_fits_and_says_why_the_rest_waits() {
    let ledger = site();
    let untouched = ledger.clone();
    let foreseen = foresee(&ledger, lose(&["p1"]));
    assert_eq!(ledger, untouched);
    assert_eq!(foreseen, foresee(&ledger, lose(&["p1"])), "the same question has the same answer");
    assert_eq!(foreseen.ending, Ending::Rest);
    assert_eq!(after(&foreseen), ["app p2", "big nowhere, does not run", "db p3", "web p2"]);
    let moved: Vec<&str> = foreseen.moved().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(moved, ["big", "db", "web"]);
    let (name, place) = foreseen.unserved().next().expect("big has no place");
    assert_eq!((name.as_str(), foreseen.unserved().count()), ("big", 1));
    let Some(Wait::NoTarget { why }) = &place.wait else { panic!("{:?}", place.wait) };
    assert_eq!(why["p1"], NotHere::ProvenOff);
    assert_eq!(why["p2"], NotHere::NoMemory { need: 24_576, free: 12_288 }, "web is there by then");
    let lines: Vec<String> = foreseen.records.iter().map(|record| record.note.to_string()).collect();
    let at = |what: &str| lines.iter().position(|line| line.contains(what)).unwrap_or_else(|| panic!("{lines:#?}"));
    assert!(at("server p1 is proven off") < at("group web granted to p2"));
    assert!(at("group db granted to p3 (tenure 5); not p1 (proven off)") < at("group db online on p3"));
}

#[test]
fn a_group_that_is_frozen_or_to_stay_is_left_where_it_was_lost() {
    let mut ledger = site();
    let author = Author::first_user(RequestId(9));
    let freeze = vec![Command::Request(Verb::Freeze { group: "web".into(), terms: Default::default() }.into())];
    let entry = Entry { at: ledger.now, wall: ledger.now, author, commands: freeze };
    ledger.apply(ledger.index + 1, &entry);
    let foreseen = foresee(&ledger, lose(&["p1"]));
    let unserved: Vec<&str> = foreseen.unserved().map(|(name, _)| name.as_str()).collect();
    assert_eq!(unserved, ["big", "web"]);
    assert_eq!(foreseen.after["web"].wait, Some(Wait::Frozen { fault: None }));
}

#[test]
fn without_a_majority_nothing_is_decided() {
    let foreseen = foresee(&site(), lose(&["p1", "p2"]));
    assert_eq!(foreseen.ending, Ending::NoMajority);
    assert_eq!(after(&foreseen)[0], "app p2, does not run");
    assert_eq!(foreseen.unserved().count(), 4);
    assert!(foreseen.records.is_empty());
}

#[test]
fn requests_are_carried_out_and_refusals_are_told() {
    let ledger = site();
    let switch = |group: &str, to: &str| WhatIf::Ask(Verb::Switch { group: group.into(), server: to.into() }.into());
    let foreseen = foresee(&ledger, vec![switch("web", "p2"), switch("big", "p3"), switch("db", "p3")]);
    assert_eq!(after(&foreseen), ["app p2", "big p1", "db p3", "web p2"]);
    let not_in_list = Refusal::NotInList { group: "big".into(), server: "p3".into() };
    assert_eq!(foreseen.refused, [(1, not_in_list)]);
    assert_eq!(foreseen.unserved().count(), 0);
    let unknown = foresee(&ledger, lose(&["p9"]));
    assert_eq!(unknown.refused, [(0, Refusal::NoServer("p9".into()))]);
    let offline = foresee(&ledger, vec![WhatIf::Ask(Verb::Offline { group: "web".into(), propagate: false }.into())]);
    assert_eq!(offline.unserved().count(), 0, "it is to be offline");
    assert!(!offline.after["web"].runs);
    let asked = |note: &Note| matches!(note, Note::Requested { .. });
    assert_eq!(offline.records.iter().filter(|record| asked(&record.note)).count(), 1);
}

#[test]
fn a_drain_empties_a_server_as_far_as_there_is_room() {
    let drain = WhatIf::Ask(Verb::Drain { server: "p1".into(), terms: Default::default() }.into());
    let foreseen = foresee(&site(), vec![drain]);
    assert_eq!((foreseen.ending, foreseen.refused.len()), (Ending::Rest, 0));
    assert_eq!(after(&foreseen), ["app p2", "big p1", "db p3", "web p2"], "big has no other place, and stays");
    assert_eq!(foreseen.unserved().count(), 0);
}

#[test]
fn what_follows_starts_from_what_came_of_the_first() {
    let switch = WhatIf::Ask(Verb::Switch { group: "web".into(), server: "p2".into() }.into());
    let foreseen = foresee(&site(), [vec![switch], lose(&["p2"])].concat());
    assert_eq!(after(&foreseen), ["app p3", "big p1", "db p1", "web p1"]);
    assert_eq!(foreseen.before["web"].server, Some("p1".into()));
    let tenures = |note: &Note| matches!(note, Note::Granted { group, .. } if group.as_str() == "web");
    assert_eq!(foreseen.records.iter().filter(|record| tenures(&record.note)).count(), 2, "there and back");
}

#[test]
fn a_new_configuration_starts_what_it_adds() {
    let ledger = site();
    let mut cluster = (*ledger.config).clone();
    add(&mut cluster, "new", &["p3"], 4096);
    add(&mut cluster, "huge", &["p2", "p3"], 32_768);
    let request = Request::Configure { cluster: Arc::new(cluster), strand: false };
    let foreseen = foresee(&ledger, vec![WhatIf::Ask(request)]);
    assert_eq!(foreseen.refused, []);
    // Within a priority, the order of names decides which is placed first.
    assert_eq!(after(&foreseen), ["app p2", "big p1", "db p1", "huge p3", "new nowhere, does not run", "web p1"]);
    assert_eq!(foreseen.unserved().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["new"]);
}

#[test]
fn what_is_under_way_is_finished_first_and_is_no_consequence() {
    let mut cluster = cluster(2);
    add(&mut cluster, "web", &["p1", "p2"], 4096);
    let mut fresh = Ledger::default();
    configure(&mut fresh, cluster);
    let foreseen = foresee(&fresh, lose(&["p2"]));
    assert_eq!(foreseen.ending, Ending::NoMajority, "two nodes of two are needed");
    assert_eq!(after(&foreseen), ["web p1"]);
    assert!(foreseen.before["web"].runs);
    assert!(foreseen.records.is_empty(), "{:?}", foreseen.records);
}

#[test]
fn the_loss_of_each_server_is_tabled() {
    let table: Vec<Loss> = lose_each(&site()).collect();
    let line = |loss: &Loss| {
        let moves: Vec<String> = loss.moves.iter().map(|(group, to)| format!("{group} to {to}")).collect();
        let unserved: Vec<&str> = loss.unserved.iter().map(|(group, _)| group.as_str()).collect();
        format!("{}: {}; not {}", loss.server, moves.join(", "), unserved.join(", "))
    };
    let lines: Vec<String> = table.iter().map(line).collect();
    assert_eq!(lines, ["p1: db to p3, web to p2; not big", "p2: app to p3; not ", "p3: ; not "]);
    assert_eq!(table.iter().map(Loss::is_survived).collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn capacity_says_what_is_left_and_what_would_fit() {
    let rooms = capacity(&site());
    let p1 = &rooms["p1"];
    assert_eq!((p1.memory.used, p1.memory.free(), p1.groups), (32_768, Some(0), 3));
    assert_eq!((p1.processors.used, p1.processors.free()), (150, Some(250)));
    assert_eq!((p1.units.total, p1.largest.as_ref()), (None, None));
    let largest = |server: &str| rooms[server].largest.as_ref().map(|(name, _)| name.to_string());
    assert_eq!(largest("p2").as_deref(), Some("db"), "web is as large, and comes later");
    assert_eq!(largest("p3").as_deref(), Some("app"));
}

#[test]
fn as_many_losses_are_survived_as_room_and_a_majority_allow() {
    assert_eq!(survival(&site()), Survival { servers: 0, exact: true }, "big has no other place");
    let of = |groups: usize, memory: u64| {
        let mut cluster = cluster(5);
        for n in 1..=groups {
            let list: Vec<String> = (0..5).map(|k| format!("p{}", (n + k - 1) % 5 + 1)).collect();
            add(&mut cluster, &format!("g{n}"), &list.iter().map(String::as_str).collect::<Vec<_>>(), memory);
        }
        cluster
    };
    assert_eq!(survival(&running(of(5, 20_480))), Survival { servers: 0, exact: true });
    assert_eq!(survival(&running(of(4, 20_480))), Survival { servers: 1, exact: true }, "one server has room");
    assert_eq!(survival(&running(of(2, 20_480))), Survival { servers: 2, exact: true }, "three nodes of five remain");
    let mut apart = of(3, 1024);
    let groups = apart.groups.keys().cloned().collect();
    let rule = PlacementRule { asks: Asks::On(BTreeSet::from(["p1".into(), "p2".into()])), groups, strict: true };
    apart.rules.insert("near".into(), rule);
    assert_eq!(survival_beyond_one(&running(apart)).servers, 1, "not both of the servers that the rule allows");
}

#[test]
fn every_reason_is_told_and_the_first_is_that_of_the_refusal() {
    let mut ledger = site();
    let standing = |ledger: &Ledger, group: &str, server: &str| {
        why_not(ledger, &group.into(), &server.into()).expect("there is such a group").standing
    };
    assert_eq!(why_not(&ledger, &"nothing".into(), &"p1".into()), None);
    assert_eq!(standing(&ledger, "big", "p3"), Standing::NotListed);
    assert!(matches!(standing(&ledger, "big", "p1"), Standing::Here(_)));
    assert_eq!(standing(&ledger, "web", "p2"), Standing::Could(vec![Instead::Elsewhere("p1".into())]));
    // It is dirty, one copy is not read off, and it is too small.
    let p2 = ledger.servers.get_mut("p2").expect("p2 is declared");
    p2.dirty = Some(tenure_core::ledger::Dirty { index: ledger.index, up: None });
    let big = Arc::make_mut(ledger.groups.get_mut("big").expect("big is declared"));
    big.copies.get_mut("big1").and_then(|copies| copies.get_mut("p2")).expect("it has a copy there").power =
        Power::Unknown;
    let reasons = [
        NotHere::Dirty,
        NotHere::NotReadOff { resource: "big1".into(), power: Power::Unknown },
        NotHere::NoMemory { need: 24_576, free: 16_384 },
    ];
    assert_eq!(standing(&ledger, "big", "p2"), Standing::Barred(reasons.to_vec()));
    let group = &ledger.groups["big"];
    assert_eq!(ledger.not_here(&"big".into(), group, &"p2".into()), Some(NotHere::Dirty));
}

#[test]
fn the_last_decision_is_remembered() {
    let ledger = site();
    let mut later = ledger.clone();
    for record in foresee(&ledger, lose(&["p1"])).records {
        later.journal.push_back((&record).into());
    }
    let decision = why_not(&later, &"db".into(), &"p1".into()).and_then(|why| why.decision).expect("it was granted");
    assert_eq!((decision.to.as_str(), decision.why), ("p3", Some(NotHere::ProvenOff.to_string().into())));
    let adopted = why_not(&ledger, &"db".into(), &"p3".into()).and_then(|why| why.decision).expect("it was adopted");
    assert_eq!((adopted.to.as_str(), adopted.why, &*adopted.event.kind), ("p1", None, "adopted"));
    let granted = later.history(&"db".into()).find(|event| event.kind == "granted").expect("it was granted").clone();
    let mut found = later.clone();
    found.journal.push_back(Event { kind: "adopted".into(), server: Some("p2".into()), ..granted });
    let last = why_not(&found, &"db".into(), &"p2".into()).and_then(|why| why.decision).expect("it was adopted");
    assert_eq!(last.to.as_str(), "p2", "the last placement, though it was granted before");
}

#[test]
fn what_is_mobile_is_moved_while_it_runs_and_brought_from_a_lost_server() {
    let mut cluster = cluster(3);
    add(&mut cluster, "web", &["p1", "p2"], 4096);
    if let Some(Kind::Lpar(lpar)) = cluster.resources.get_mut("web1").map(|resource| &mut resource.kind) {
        lpar.mobile = true;
    }
    let ledger = running(cluster);
    let migrate = WhatIf::Ask(Verb::Migrate { group: "web".into(), server: "p2".into() }.into());
    let foreseen = foresee(&ledger, vec![migrate]);
    assert_eq!((foreseen.refused.len(), after(&foreseen)), (0, vec!["web p2".to_owned()]));
    let ordered: Vec<String> = foreseen
        .records
        .iter()
        .filter_map(|record| if let Note::Ordered { what, .. } = &record.note { Some(what.clone()) } else { None })
        .collect();
    assert_eq!(ordered, ["migrate web1 to p2"]);
    let lost = foresee(&ledger, lose(&["p1"]));
    assert_eq!((lost.ending, after(&lost)), (Ending::Rest, vec!["web p2".to_owned()]));
}

#[test]
fn the_instance_of_a_parallel_group_is_not_missed_with_its_server() {
    let mut cluster = cluster(3);
    add(&mut cluster, "web", &["p1", "p2"], 4096);
    let mut net = Group::new(vec!["p1".into(), "p2".into(), "p3".into()]);
    net.kind = GroupKind::Parallel;
    cluster.groups.insert("net".into(), net);
    cluster.resources.insert("ip".into(), Resource::agent("net".into(), "Ip"));
    let mut fresh = Ledger::default();
    configure(&mut fresh, cluster);
    let foreseen = foresee(&fresh, lose(&["p1"]));
    assert_eq!(
        after(&foreseen),
        ["net@p1 nowhere, does not run", "net@p2 p2", "net@p3 p3", "web p2"],
        "{:#?}",
        foreseen.records.iter().map(|record| record.note.to_string()).collect::<Vec<_>>()
    );
    assert!(foreseen.before["net@p1"].runs);
    assert_eq!((foreseen.ending, foreseen.unserved().count()), (Ending::Rest, 0));
}

/// The question of an operator of a large site at three in the morning.
#[test]
fn a_large_site_is_foreseen() {
    let mut cluster = cluster(64);
    for server in cluster.servers.values_mut() {
        (server.memory, server.processors) = (Some(16_000_000), Some(100_000));
    }
    for n in 0..5000 {
        let list: Vec<String> = (0..4).map(|k| format!("p{}", (n + k) % 64 + 1)).collect();
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        add(&mut cluster, &format!("g{n}"), &list, 16_384);
    }
    let ledger = running(cluster);
    let loss = Loss::of(&ledger, &"p1".into());
    assert!(loss.is_survived());
    assert_eq!(loss.moves.len(), 79);
}

/// Every course of events in small clusters keeps the invariants and comes to rest.
#[test]
fn every_loss_of_small_clusters_comes_to_rest() {
    let sizes = [1024, 8192, 20_480];
    for shape in 0..64_usize {
        let mut cluster = cluster(3);
        for n in 0..6 {
            let order = ["p1", "p2", "p3"];
            let first = (shape >> n) % 3;
            let list = [order[first], order[(first + 1) % 3]];
            add(&mut cluster, &format!("g{n}"), &list, sizes[(shape + n) % 3]);
        }
        // A group that exceeds the server where it was found is adopted all the same: such are real sites.
        let ledger = running(cluster);
        let losses: BTreeSet<ServerName> = ledger.servers.keys().cloned().collect();
        for server in losses {
            let foreseen = foresee(&ledger, lose(&[server.as_str()]));
            assert_eq!(foreseen.ending, Ending::Rest, "shape {shape}, {server}");
            for (name, place) in &foreseen.after {
                assert!(
                    place.runs || place.wait.is_some(),
                    "shape {shape}, {server}: {name} neither runs nor says why"
                );
            }
        }
        assert_eq!(invariants::state(&ledger), Vec::<String>::new());
    }
}
