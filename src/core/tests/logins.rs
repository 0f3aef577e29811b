//! An HMC that refuses logins: one node finds out, one node tries again, and its success lets all of them in.

use crate::site;
use std::sync::Arc;
use tenure_core::{
    Author, Command, Entry, Ledger, NodeName, Refusal, Request, RequestId, Time, Verb, View,
    config::{Cluster, Manager},
    note::ClusterWait,
    plan::plan,
};

const HMC: &str = "hmc1";

fn apply(ledger: &mut Ledger, at: u64, author: Author, command: Command) -> Option<Refusal> {
    let entry = Entry { at: Time(at), wall: Time(at), author, commands: vec![command] };
    ledger.apply(ledger.index + 1, &entry).refusal().cloned()
}

fn says(ledger: &mut Ledger, at: u64, node: &str, command: Command) -> Option<Refusal> {
    apply(ledger, at, Author::Agent(node.into()), command)
}

fn refuses() -> Command {
    Command::HmcRefuses { hmc: HMC.into(), why: "the key was rejected".into() }
}

/// Node n1 was refused at 1 s.
fn refused() -> Ledger {
    let mut ledger = Ledger::default();
    let author = Author::first_user(RequestId(1));
    let configure = Command::Request(Request::Configure { cluster: Arc::new(site::site(3)), strand: false });
    assert_eq!(apply(&mut ledger, 1_000, author, configure), None);
    assert_eq!(says(&mut ledger, 1_000, "n1", refuses()), None);
    ledger
}

/// The node that the leader n1 lets try the login at this time.
fn tries(ledger: &Ledger, at: u64) -> Option<NodeName> {
    let commands = plan(ledger, &View::default(), &"n1".into(), Time(at)).commands;
    commands.into_iter().find_map(|command| if let Command::TryHmc { node, .. } = command { Some(node) } else { None })
}

/// Gives its turn to the node that the leader names.
fn turn(ledger: &mut Ledger, at: u64) -> String {
    let node = tries(ledger, at).expect("its time has come");
    let turn = Command::TryHmc { hmc: HMC.into(), node: node.clone() };
    assert_eq!(apply(ledger, at, Author::Planner("n1".into()), turn), None);
    assert_eq!(tries(ledger, at + 1_000), None, "somebody tries");
    node.to_string()
}

fn away(ledger: &Ledger) -> Vec<&str> {
    let lockout = ledger.hmcs.get(HMC);
    ["n1", "n2", "n3"].into_iter().filter(|node| lockout.is_some_and(|l| l.keeps_away(&(*node).into()))).collect()
}

#[test]
fn one_node_after_the_other_tries_again_after_a_pause_that_grows() {
    let mut ledger = refused();
    assert_eq!(away(&ledger), ["n1", "n2", "n3"]);
    assert_eq!(says(&mut ledger, 1_100, "n2", refuses()), Some(Refusal::NoChange), "that is known");
    assert_eq!(tries(&ledger, 150_000), None);
    for (at, node, others, pause) in [
        (151_000, "n2", ["n1", "n3"], 360_000),
        (600_000, "n3", ["n1", "n2"], 600_000),
        (1_300_000, "n1", ["n2", "n3"], 600_000),
    ] {
        assert_eq!(turn(&mut ledger, at), node);
        assert_eq!(away(&ledger), others);
        assert_eq!(says(&mut ledger, at + 2_000, others[0], refuses()), Some(Refusal::NoChange), "it is not its turn");
        assert_eq!(says(&mut ledger, at + 2_000, node, refuses()), None);
        assert_eq!(ledger.hmcs[HMC].next, Time(at + 2_000 + pause));
        assert_eq!(away(&ledger), ["n1", "n2", "n3"]);
    }
}

#[test]
fn who_is_let_in_in_its_turn_lets_all_in_but_the_one_that_was_refused() {
    let mut ledger = refused();
    let accepts = || Command::HmcAccepts(HMC.into());
    assert_eq!(says(&mut ledger, 2_000, "n2", accepts()), Some(Refusal::NoChange), "it was not its turn");
    assert_eq!(turn(&mut ledger, 151_000), "n2");
    assert_eq!(says(&mut ledger, 152_000, "n2", accepts()), None);
    assert_eq!(away(&ledger), ["n1"]);
    assert_eq!(turn(&mut ledger, 152_000), "n1", "at once");
    assert_eq!(says(&mut ledger, 153_000, "n1", refuses()), None);
    assert_eq!(away(&ledger), ["n1"], "its key alone is bad");
    assert_eq!(turn(&mut ledger, 600_000), "n1");
    assert_eq!(says(&mut ledger, 601_000, "n1", accepts()), None);
    assert!(ledger.hmcs.is_empty());
}

#[test]
fn a_second_node_that_is_refused_keeps_all_away_again() {
    let mut ledger = refused();
    turn(&mut ledger, 151_000);
    assert_eq!(says(&mut ledger, 152_000, "n2", Command::HmcAccepts(HMC.into())), None);
    assert_eq!(says(&mut ledger, 153_000, "n3", refuses()), None);
    assert_eq!(away(&ledger), ["n1", "n2", "n3"]);
}

#[test]
fn a_turn_that_nobody_answers_goes_on_and_an_operator_need_not_wait() {
    let mut ledger = refused();
    let author = |request| Author::first_user(RequestId(request));
    let retry = Command::Request(Verb::RetryHmc { hmc: HMC.into() }.into());
    assert_eq!(apply(&mut ledger, 2_000, author(2), retry.clone()), None);
    assert_eq!(turn(&mut ledger, 2_000), "n2");
    assert_eq!(apply(&mut ledger, 3_000, author(3), retry.clone()), None);
    assert_eq!(tries(&ledger, 61_000), None, "it tries already");
    assert_eq!(turn(&mut ledger, 62_000), "n3");
    let other = Command::Request(Verb::RetryHmc { hmc: "hmc9".into() }.into());
    assert_eq!(apply(&mut ledger, 62_000, author(4), other), Some(Refusal::NoHmc("hmc9".into())));
    ledger.hmcs.clear();
    assert_eq!(apply(&mut ledger, 62_000, author(5), retry), Some(Refusal::NotRefused { hmc: HMC.into() }));
}

#[test]
fn an_hmc_that_is_declared_otherwise_is_tried_at_once() {
    let mut ledger = refused();
    let configure = |ledger: &mut Ledger, request: u128, cluster: Cluster| {
        let author = Author::first_user(RequestId(request));
        let configure = Request::Configure { cluster: Arc::new(cluster), strand: false };
        assert_eq!(apply(ledger, 2_000, author, Command::Request(configure)), None);
    };
    let mut same = site::site(3);
    same.servers.remove("p3");
    same.nodes.remove("n3");
    configure(&mut ledger, 2, same.clone());
    assert_eq!(away(&ledger), ["n1", "n2", "n3"], "nothing of the HMC has changed");
    let Manager::Hmc(hmc) = same.managers.get_mut(HMC).unwrap();
    hmc.user = "other".to_owned();
    configure(&mut ledger, 3, same);
    assert!(ledger.hmcs.is_empty());
}

#[test]
fn a_turn_is_given_to_the_next_node_and_in_its_time() {
    for (at, node, given) in
        [(150_999, "n2", false), (151_000, "n2", true), (151_000, "n1", false), (151_000, "n3", false)]
    {
        let mut ledger = refused();
        let turn = Command::TryHmc { hmc: HMC.into(), node: node.into() };
        let refused = apply(&mut ledger, at, Author::Planner("n1".into()), turn);
        assert_eq!(refused, Some(Refusal::NoChange).filter(|_| !given), "{node} at {at}");
        assert_eq!(away(&ledger).len(), if given { 2 } else { 3 });
    }
}

#[test]
fn a_cluster_whose_logins_are_refused_says_so() {
    let mut ledger = refused();
    let lockout = |alone| {
        let (hmc, by, why) = (HMC.into(), "n1".into(), "the key was rejected".to_owned());
        ClusterWait::Lockout { hmc, by, alone, why: why.into() }
    };
    assert_eq!(ledger.standstills(), [lockout(false)]);
    turn(&mut ledger, 151_000);
    assert_eq!(says(&mut ledger, 152_000, "n2", Command::HmcAccepts(HMC.into())), None);
    assert_eq!(ledger.standstills(), [lockout(true)]);
    ledger.hmcs.clear();
    assert_eq!(ledger.standstills(), []);
}
