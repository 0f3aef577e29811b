//! The heartbeats of a node, its readings and looks, and its leadership, one condition at a time.

use crate::machine::{Bench, ME, T, carried, cluster, inside, reading};
use std::sync::Arc;
use tenure_core::{
    Action, Author, Command, Inside, Moment, NodeName, Order, OrderId, Reading, Seen, ServerName, Span, Time,
    config::{Timings, Trigger},
    execution::{Answer as Said, Ask, Operation},
    ledger::{Dirty, Incarnation, Intent, Phase, Tenure},
    node::{
        Answer, Birth, Call, Digest, Effect, End, Fate, Input, Leading, Lease, Node, Orders, Owing, Past, Proposal,
        Wake,
    },
    note::{ServerWait, Wait},
    order::Epoch,
};

fn has(effects: &[Effect], of: impl Fn(&Effect) -> bool) -> bool {
    effects.iter().any(of)
}

fn enlists(effects: &[Effect]) -> bool {
    has(effects, |effect| matches!(effect, Effect::Propose { of: Proposal::Enlist, .. }))
}

fn reads(effects: &[Effect], server: &str) -> bool {
    has(effects, |effect| matches!(effect, Effect::Read(one) if one.as_str() == server))
}

/// The heartbeat among these, with its addressee.
fn beats(effects: &[Effect]) -> Option<(String, bool, Option<Digest>)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Call { to, call: Call::Heartbeat { reaches_manager, digest }, .. } => {
            Some((to.to_string(), *reaches_manager, *digest))
        }
        _ => None,
    })
}

/// The term whose leader is distrusted from now on.
fn distrusts(effects: &[Effect]) -> Option<u64> {
    effects.iter().find_map(|effect| if let Effect::Distrust(term) = effect { Some(*term) } else { None })
}

fn beat() -> Call {
    Call::Heartbeat { reaches_manager: true, digest: None }
}

fn plans(effects: &[Effect]) -> Option<Vec<Command>> {
    effects.iter().find_map(|effect| match effect {
        Effect::Propose { of: Proposal::Plan(_), commands, .. } => Some(commands.clone()),
        _ => None,
    })
}

/// A bench whose node leads, and has decided all that is to be decided.
fn leading(bench: &mut Bench) {
    let first = bench.leads();
    bench.commits(first);
}

#[test]
fn a_process_enters_itself_once_where_it_has_a_way_to_the_log() {
    for (leader, rumoured) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut bench = Bench::new();
        let heartbeat = bench.ledger.config.timings.heartbeat.0;
        let n2 = || NodeName::from("n2");
        (bench.standing.leader, bench.standing.rumoured) = (leader.then(n2), rumoured.then(n2));
        let way = leader || rumoured;
        assert_eq!(bench.standing.has_way(), way);
        assert_eq!(enlists(&bench.feed(Input::Woken)), way, "{leader} {rumoured}");
        assert!(way || !enlists(&bench.pass(heartbeat)));
        (bench.standing.leader, bench.standing.rumoured) = (Some(n2()), None);
        assert_eq!(enlists(&bench.pass(heartbeat)), !way, "it does so already");
        bench.feed(Input::Enlisted(None));
        assert!(enlists(&bench.pass(heartbeat)), "it failed");
        bench.feed(Input::Enlisted(Some(bench.ledger.index)));
        assert!(!enlists(&bench.pass(heartbeat)), "it is done");
    }
}

#[test]
fn a_heartbeat_is_sent_to_the_leader_when_the_last_one_has_ended() {
    let mut bench = Bench::new();
    let heartbeat = bench.ledger.config.timings.heartbeat.0;
    let digest = Some(Digest { at: 512, crc: 7 });
    let sent = |digest| Some(("n2".to_owned(), true, digest));
    assert_eq!(beats(&bench.feed(Input::Woken)), sent(None));
    bench.node.compares(digest);
    assert_eq!(beats(&bench.pass(heartbeat)), None, "it is not answered");
    bench.feed(Input::Beaten { to: "n2".into(), asked: T, answer: None });
    assert_eq!(beats(&bench.pass(heartbeat - 1)), None);
    assert_eq!(beats(&bench.pass(1)), sent(digest));
    bench.feed(Input::Beaten { to: "n2".into(), asked: T, answer: None });
    bench.standing.leader = None;
    assert_eq!(beats(&bench.pass(heartbeat)), None);
    bench.standing.distrusted = Some("n3".into());
    assert_eq!(beats(&bench.pass(heartbeat)).map(|(to, ..)| to).as_deref(), Some("n3"));
}

#[test]
fn a_leader_that_decides_nothing_is_distrusted_until_its_turn_comes_again() {
    let mut bench = Bench::new();
    let timings = bench.ledger.config.timings.clone();
    let (heartbeat, patience) = (timings.heartbeat.0, timings.suspect.plus(timings.lease).0);
    bench.feed(Input::Woken);
    let mut turns = Vec::new();
    while bench.at < T.after(Span(60_000)) {
        let effects = bench.pass(heartbeat);
        if let Some(term) = distrusts(&effects) {
            turns.push((term, bench.at.since(T).0));
            (bench.standing.leader, bench.standing.distrusted) =
                if term > 0 { (None, Some("n2".into())) } else { (Some("n2".into()), None) };
        }
    }
    let round = (patience + 6_000) * 2;
    let [(1, first), (0, back), (1, again), ..] = turns[..] else { panic!("{turns:?}") };
    assert_eq!((first, back, again), (patience + heartbeat, round, round + patience + heartbeat));

    let mut bench = Bench::new();
    bench.leads();
    for _ in 0..40 {
        assert_eq!(distrusts(&bench.pass(heartbeat)), None, "it leads itself");
    }
}

#[test]
fn a_leader_that_shows_that_it_decides_is_distrusted_no_more() {
    let lease = || Answer::Lease { lasts: 3_000, floor: 0 };
    for (from, answer, trusted) in [
        ("n2", lease(), true),
        ("n2", Answer::NoLease { index: 1 }, true),
        ("n2", Answer::NotYet, false),
        ("n3", lease(), false),
    ] {
        let mut bench = Bench::new();
        bench.feed(Input::Woken);
        (bench.standing.leader, bench.standing.distrusted) = (None, Some("n2".into()));
        let effects = bench.feed(Input::Beaten { to: from.into(), asked: T, answer: Some(answer.clone()) });
        assert_eq!(distrusts(&effects), Some(0).filter(|_| trusted), "{from} {answer:?}");
    }
}

#[test]
fn a_leader_that_answers_is_believed_and_the_word_of_another_is_not_its_own() {
    for (from, believed) in [("n2", true), ("n3", false)] {
        let mut bench = Bench::new();
        let distrusted = (0..60).any(|_| {
            let mut effects = bench.pass(250);
            let answer = Some(Answer::Lease { lasts: 3_000, floor: 0 });
            effects.extend(bench.feed(Input::Beaten { to: from.into(), asked: bench.at, answer }));
            distrusts(&effects).is_some()
        });
        assert_eq!(distrusted, !believed, "{from}");
    }
}

#[test]
fn a_process_stops_for_another_that_was_entered_since() {
    let stops = |effects: &[Effect]| has(effects, |effect| matches!(effect, Effect::Stop { end: End::Twice, .. }));
    for (earlier, expected) in [(1, false), (0, true)] {
        let mut bench = Bench::new();
        bench.feed(Input::Woken);
        let entered = bench.ledger.index;
        bench.feed(Input::Enlisted(Some(entered)));
        let answer = Some(Answer::OtherProcess { at: entered - earlier });
        assert_eq!(stops(&bench.feed(Input::Beaten { to: "n2".into(), asked: T, answer })), expected, "{earlier}");
    }
    for (incarnation, expected) in [(ME, false), (Incarnation(9), true)] {
        let mut bench = Bench::new();
        bench.feed(Input::Woken);
        bench.feed(Input::Enlisted(Some(bench.ledger.index)));
        bench.apply(Author::Agent("n1".into()), Command::Enlist { node: "n1".into(), incarnation });
        assert_eq!(stops(&bench.feed(Input::Woken)), expected, "{incarnation:?}");
    }
}

#[test]
fn what_is_derived_from_the_ledger_follows_when_that_has_moved() {
    let mut bench = Bench::new();
    let follows = |effects: &[Effect]| has(effects, |effect| matches!(effect, Effect::Follow(_)));
    assert!(follows(&bench.feed(Input::Woken)));
    assert!(!follows(&bench.feed(Input::Woken)));
    bench.ledger.index += 1;
    assert!(follows(&bench.feed(Input::Woken)));
    bench.ledger.configured += 1;
    assert!(follows(&bench.feed(Input::Woken)), "another ledger was installed");
}

#[test]
fn only_an_entry_that_another_node_stamped_since_the_start_sets_the_clock_back() {
    // Whether this node leads, by how many entries the ledger is ahead of what the disk held, and the result.
    for (leads, ahead, back) in [(false, 1, true), (false, 2, true), (false, 0, false), (true, 1, false)] {
        let mut bench = Bench::new();
        let index = bench.ledger.index;
        bench.node = Node::new(Birth {
            me: "n1".into(),
            incarnation: ME,
            stored: index + 1 - ahead,
            known: Time(1_000_000),
            wall: Time(1_000_000),
            fresh: Span(1_000),
            moment: T,
        });
        if leads {
            bench.leads();
        }
        bench.at = bench.at.after(Span(500));
        bench.ledger.index = index + 1;
        bench.feed(Input::Woken);
        let expected = if back { Time(1_000_000) } else { Time(1_000_500) };
        assert_eq!(bench.node.clock().now(bench.at), expected, "{leads} {ahead}");
    }
}

#[test]
fn a_node_passes_readings_of_its_own_servers_on_and_says_whether_it_reaches_an_hmc() {
    let passes =
        |effects: &[Effect]| has(effects, |effect| matches!(effect, Effect::Call { call: Call::Reading(_), .. }));
    for (server, passed) in [("p1", true), ("p2", false)] {
        for blind in [true, false] {
            let mut bench = Bench::new();
            bench.feed(Input::Woken);
            let reading = Some(reading(server, "n1", 1, 1));
            let effects = bench.feed(Input::Read { server: server.into(), reading, blind });
            assert_eq!(passes(&effects), passed, "{server} {blind}");
            bench.feed(Input::Beaten { to: "n2".into(), asked: T, answer: None });
            let beat = beats(&bench.pass(250)).map(|(_, reaches, _)| reaches);
            assert_eq!(beat, Some(!blind), "{server} {blind}");
        }
    }
}

#[test]
fn a_node_that_reaches_no_hmc_goes_on_reading_its_own_server() {
    for blind in [true, false] {
        let mut bench = Bench::new();
        bench.feed(Input::Woken);
        let reading = Some(reading("p1", "n1", 1, 1));
        bench.feed(Input::Read { server: "p1".into(), reading, blind });
        bench.apply(Author::Planner("n2".into()), Command::Assign { server: "p1".into(), node: "n2".into() });
        assert_eq!(reads(&bench.pass(5_000), "p1"), blind);
        assert!(!reads(&bench.pass(5_000), "p2"));
    }
    let mut bench = Bench::new();
    bench.apply(Author::Planner("n2".into()), Command::Assign { server: "p1".into(), node: "n2".into() });
    bench.apply(Author::Planner("n2".into()), Command::Assign { server: "p3".into(), node: "n1".into() });
    let first = bench.feed(Input::Woken);
    assert_eq!((reads(&first, "p1"), reads(&first, "p3")), (false, true));
}

#[test]
fn a_server_without_a_manager_is_not_read() {
    let mut cluster = cluster();
    let server = cluster.servers.get_mut("p1").expect("declared");
    (server.managers, server.address) = (Vec::new(), None);
    cluster.groups.get_mut("web").expect("declared").servers = vec!["p2".into()];
    let mut bench = Bench::of(cluster);
    assert!(!reads(&bench.feed(Input::Woken), "p1"));
}

/// Whether p1 is read again within so many milliseconds after it was.
fn read_within(ms: u64, change: impl Fn(&mut Bench)) -> bool {
    let mut bench = Bench::new();
    change(&mut bench);
    assert!(reads(&bench.feed(Input::Woken), "p1"));
    bench.feed(Input::Read { server: "p1".into(), reading: None, blind: false });
    assert!(!reads(&bench.pass(ms - 1), "p1"));
    reads(&bench.pass(1), "p1")
}

fn holds(bench: &mut Bench, server: &str, phase: Phase, wait: Option<Wait>) {
    let web = Arc::make_mut(bench.ledger.groups.get_mut("web").expect("declared"));
    web.tenure = Some(Tenure { epoch: Epoch(1), server: server.into(), since: Time(1), phase });
    (web.intent, web.wait) = (Intent::Online, wait);
}

#[test]
fn a_server_on_which_something_is_under_way_is_read_each_second() {
    let state = |change: fn(&mut tenure_core::ledger::ServerState)| {
        move |bench: &mut Bench| change(bench.ledger.servers.get_mut("p1").expect("declared"))
    };
    let (brisk, monitor) = (1_000, 5_000);
    assert!(!read_within(brisk, |_| {}));
    assert!(read_within(monitor, |_| {}));
    let dirty = |server: &mut tenure_core::ledger::ServerState| server.dirty = Some(Dirty { index: 1, up: None });
    assert!(read_within(brisk, state(dirty)));
    assert!(read_within(brisk, state(|server| server.wait = Some(ServerWait::Fencing))));
    assert!(read_within(brisk, state(|server| server.fence = Some(OrderId { index: 1, ordinal: 0 }))));
    let settling = || Wait::Settling { resource: "web".into(), server: "p1".into(), until: Time(9) };
    for (phase, wait, busy) in [
        (Phase::Online, None, false),
        (Phase::Online, Some(Wait::Flushed), false),
        (Phase::Online, Some(settling()), true),
        (Phase::Starting, None, true),
    ] {
        let here = read_within(brisk, |bench| holds(bench, "p1", phase.clone(), wait.clone()));
        assert_eq!(here, busy, "{phase:?} {wait:?}");
        assert!(!read_within(brisk, |bench| holds(bench, "p2", phase.clone(), wait.clone())));
    }
}

#[test]
fn a_server_is_not_read_twice_at_once() {
    let mut bench = Bench::new();
    assert!(reads(&bench.feed(Input::Woken), "p1"));
    assert!(!reads(&bench.pass(60_000), "p1"), "the last reading has not ended");
    bench.feed(Input::Read { server: "p1".into(), reading: None, blind: false });
    assert!(!reads(&bench.pass(1), "p1"), "it was due, and was read as soon as the last one had ended");
}

#[test]
fn a_node_wakes_for_a_reading_that_somebody_asked_for() {
    let mut bench = Bench::new();
    assert!(reads(&bench.feed(Input::Woken), "p1"));
    bench.at = T.after(Span(1));
    bench.feed(Input::Read { server: "p1".into(), reading: None, blind: false });
    bench.ledger.index += 1;
    let (_, effects) = bench.called("n2", ME, Call::Probe(vec!["p1".into()]));
    assert!(!reads(&effects, "p1"), "it was read just now");
    assert_eq!(bench.wake(), (T.after(Span(50)), Wake::Round));
    bench.at = T.after(Span(50));
    assert!(reads(&bench.feed(Input::Woken), "p1"));
}

#[test]
fn who_is_asked_reads_its_server_and_looks_inside_itself() {
    for (server, read, look) in [("p1", true, true), ("p2", false, false)] {
        let mut bench = Bench::new();
        bench.feed(Input::Woken);
        bench.feed(Input::Read { server: "p1".into(), reading: None, blind: false });
        bench.at = bench.at.after(Span(1_000));
        let (answer, effects) = bench.called("n2", ME, Call::Probe(vec![server.into()]));
        assert_eq!(answer, Answer::Taken);
        let looks = has(&effects, |effect| matches!(effect, Effect::ProbeInside));
        assert_eq!((reads(&effects, "p1"), looks), (read, look), "{server}");
    }
}

#[test]
fn a_node_leads_in_the_term_in_which_consensus_says_so() {
    let mut bench = Bench::new();
    bench.feed(Input::Woken);
    assert!(!bench.node.leads() && bench.node.rests());
    bench.leads();
    assert!(bench.node.leads());
    let catches_up = |effects: &[Effect]| {
        effects.iter().find_map(|effect| if let Effect::CatchUp(term) = effect { Some(*term) } else { None })
    };
    assert_eq!(catches_up(&bench.pass(1)), None, "it is the same term");
    bench.standing.term = 3;
    assert_eq!(catches_up(&bench.pass(1)), Some(3));
    assert!(bench.node.leads());
    (bench.standing.leads, bench.standing.leader) = (false, Some("n2".into()));
    assert_eq!(catches_up(&bench.pass(1)), None);
    assert!(!bench.node.leads() && bench.node.rests());
    assert_eq!(bench.called("n2", ME, beat()).0, Answer::NotLeader);
}

#[test]
fn a_leader_rests_when_nothing_is_planned_now_or_later() {
    let mut bench = Bench::new();
    leading(&mut bench);
    bench.pass(1);
    assert!(bench.node.rests());
    bench.called("n2", ME, Call::Inside(Inside::default()));
    assert!(!bench.node.rests(), "it plans soon");
}

#[test]
fn a_leader_has_a_lease_of_its_own_as_long_as_a_quorum_answers_it() {
    let mut bench = Bench::new();
    bench.leads();
    bench.pass(250);
    let left = bench.node.lease().left(bench.at);
    assert!(left > Span(2_000), "{left:?}");
    bench.standing.quorum = None;
    bench.pass(3_000);
    assert_eq!(bench.node.lease().left(bench.at), Span(0));
}

/// The answer to the last of these nodes, and what follows, after each has told the leader n1 the digest of its ledger.
fn compared(own: u32, told: &[(&str, u32)]) -> (Answer, Vec<Effect>) {
    let mut bench = Bench::new();
    leading(&mut bench);
    let digest = |crc| Some(Digest { at: 512, crc });
    bench.node.compares(digest(own));
    let mut all = bench.pass(250);
    let mut last = Answer::NotYet;
    for (node, crc) in told {
        let call = Call::Heartbeat { reaches_manager: true, digest: digest(*crc) };
        let (answer, effects) = bench.called(node, ME, call);
        all.extend(effects);
        last = answer;
    }
    (last, all)
}

#[test]
fn a_node_whose_ledger_differs_from_the_majoritys_stops_whoever_it_is() {
    let finding = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::Propose { of: Proposal::Finding, commands, .. } => Some(commands.clone()),
            _ => None,
        })
    };
    let stops = |effects: &[Effect]| has(effects, |effect| matches!(effect, Effect::Stop { .. }));
    let diverged = |nodes: &[&str], stop| Command::Diverged {
        nodes: nodes.iter().map(|node| NodeName::from(*node)).collect(),
        at: 512,
        stop,
    };
    let (answer, effects) = compared(7, &[("n2", 7), ("n3", 7)]);
    assert!(matches!(answer, Answer::Lease { .. }) && finding(&effects).is_none() && !stops(&effects));
    let (answer, effects) = compared(7, &[("n2", 7), ("n3", 8)]);
    assert_eq!((answer, finding(&effects)), (Answer::Diverged { at: 512 }, Some(vec![diverged(&["n3"], true)])));
    assert!(!stops(&effects), "the others are right");
    let (_, effects) = compared(7, &[("n2", 8), ("n3", 8)]);
    let itself = |effect: &Effect| match effect {
        Effect::Stop { end: End::Diverged(512), words } => *words == Some(diverged(&["n1"], true)),
        _ => false,
    };
    assert!(has(&effects, itself) && finding(&effects).is_none());
    let (_, effects) = compared(7, &[("n2", 8), ("n3", 9)]);
    assert_eq!(finding(&effects), Some(vec![diverged(&["n1", "n2", "n3"], false)]));
    assert!(!stops(&effects), "nobody can tell who is right");
    let (answer, _) = compared(7, &[("n2", 7), ("n3", 8), ("n2", 7)]);
    assert!(matches!(answer, Answer::Lease { .. }), "{answer:?}");
}

#[test]
fn of_two_voters_neither_is_a_majority() {
    let mut bench = Bench::new();
    bench.standing.voters = Arc::new(["n1".into(), "n2".into()].into());
    leading(&mut bench);
    let digest = |crc| Some(Digest { at: 512, crc });
    bench.node.compares(digest(7));
    bench.pass(250);
    let call = Call::Heartbeat { reaches_manager: true, digest: digest(8) };
    let (answer, effects) = bench.called("n2", ME, call);
    assert!(matches!(answer, Answer::Lease { .. }), "{answer:?}");
    assert!(!has(&effects, |effect| matches!(effect, Effect::Stop { .. })));
}

#[test]
fn whom_a_plan_gives_up_is_granted_nothing_until_the_outcome_is_known() {
    for (fate, granted) in [(Fate::Unknown, false), (Fate::Refused, true)] {
        let mut bench = inside();
        leading(&mut bench);
        let given_up = |command: &Command| match command {
            Command::SuspendLeases(node) | Command::LapseNode(node) => node.as_str() == "n2",
            _ => false,
        };
        let mut proposed = false;
        while !proposed {
            assert!(bench.at < T.after(Span::seconds(60)), "it is silent");
            let effects = bench.pass(50);
            bench.called("n3", ME, beat());
            proposed = plans(&effects).is_some_and(|commands| commands.iter().any(given_up));
            if !proposed {
                bench.commits(effects);
            }
        }
        bench.standing.last_log = bench.standing.applied + 1;
        bench.feed(Input::Planned { term: 2, fate });
        let (answer, _) = bench.called("n2", ME, beat());
        assert_eq!(matches!(answer, Answer::Lease { .. }), granted, "{fate:?} {answer:?}");
    }
}

#[test]
fn ledgers_are_compared_at_the_last_four_indexes() {
    let tells = |bench: &mut Bench, node: &str, at: u64, crc: u32| {
        let digest = Some(Digest { at: at * 512, crc });
        bench.called(node, ME, Call::Heartbeat { reaches_manager: true, digest }).0
    };
    let wrong = |at: u64| Answer::Diverged { at: at * 512 };
    for (indexes, compared) in [(4, true), (5, false)] {
        let mut bench = Bench::new();
        leading(&mut bench);
        for at in 1..=indexes {
            tells(&mut bench, "n1", at, 7);
            tells(&mut bench, "n2", at, 7);
        }
        assert_eq!(tells(&mut bench, "n3", 1, 8) == wrong(1), compared, "{indexes}");
        assert_eq!(tells(&mut bench, "n3", 2, 8), if compared { wrong(1) } else { wrong(2) });
    }
    let mut bench = Bench::new();
    leading(&mut bench);
    for at in 1..=5 {
        tells(&mut bench, "n1", at, 7);
        tells(&mut bench, "n2", at, 7);
        let answer = tells(&mut bench, "n3", at, if at == 3 { 8 } else { 7 });
        assert_eq!(answer == wrong(3), at >= 3, "{answer:?}");
    }
}

#[test]
fn a_leader_plans_again_when_a_node_reaches_no_hmc_any_more_and_not_for_what_is_known() {
    let mut bench = Bench::new();
    leading(&mut bench);
    for node in ["n2", "n3"] {
        bench.called(node, ME, beat());
    }
    let settled = bench.pass(1);
    bench.commits(settled);
    let (_, effects) = bench.called("n2", ME, beat());
    assert!(plans(&effects).is_none() && bench.wake().1 != Wake::Plan);
    let (_, effects) = bench.called("n2", ME, Call::Heartbeat { reaches_manager: false, digest: None });
    let taken = |command: &Command| matches!(command, Command::Assign { server, .. } if server.as_str() == "p2");
    assert!(plans(&effects).is_some_and(|commands| commands.iter().any(taken)), "{effects:?}");
}

#[test]
fn a_leader_plans_at_the_time_at_which_something_is_over() {
    let mut bench = Bench::new();
    leading(&mut bench);
    for node in ["n2", "n3"] {
        bench.called(node, ME, beat());
    }
    let settled = bench.pass(1);
    bench.commits(settled);
    let until = bench.node.clock().now(bench.at).after(Span(600));
    bench.ledger.servers.get_mut("p3").expect("declared").upkeep.quarantine = Some(until);
    bench.ledger.index += 1;
    let over = |effects: &[Effect]| {
        let ends = |command: &Command| matches!(command, Command::EndQuarantine(_));
        plans(effects).is_some_and(|commands| commands.iter().any(ends))
    };
    let mut ended = None;
    bench.pass(2);
    assert!(!bench.node.rests(), "it has to plan then");
    for _ in 0..1_200 {
        if ended.is_none() && over(&bench.pass(1)) {
            ended = Some(bench.node.clock().now(bench.at));
        }
    }
    assert_eq!(ended, Some(until));
}

#[test]
fn a_leader_asks_the_watchers_of_servers_that_it_wants_to_be_read() {
    let mut bench = Bench::new();
    let mut effects = bench.leads();
    effects.extend(bench.pass(1));
    let probe = |effect: &Effect| match effect {
        Effect::Call { to, call: Call::Probe(servers), .. } => Some((to.clone(), servers.clone())),
        _ => None,
    };
    let asked: Vec<(NodeName, Vec<ServerName>)> = effects.iter().filter_map(probe).collect();
    assert_eq!(asked, [("n2".into(), vec!["p2".into()])], "it reads its own by itself");
}

#[test]
fn what_a_node_says_of_its_inside_is_kept_for_the_planner() {
    let mut leading = Leading::new(None, Span(1_000), T);
    let inside = Inside { seen: [("daemon".into(), Seen::default())].into(), watchdog: None };
    leading.sense("n2".into(), inside.clone());
    let n2 = NodeName::from("n2");
    assert_eq!(leading.view([&n2].into_iter(), &Timings::default(), T).inside, [(n2, Arc::new(inside))].into());
}

#[test]
fn the_next_sign_of_a_node_is_one_that_has_not_come() {
    let (mut leading, n2, timings) = (Leading::new(None, Span(1_000), T), NodeName::from("n2"), Timings::default());
    leading.hear(&n2, true, T);
    let next = |now: Moment| leading.next_sign([&n2].into_iter(), &timings, now);
    let silent = T.after(timings.suspect);
    assert_eq!(next(T), Some(silent));
    assert_eq!(next(silent.before(Span(1))), Some(silent));
    let over = next(silent).expect("its lease ends later");
    assert!(over > silent);
    assert_eq!(next(over), None);
}

#[test]
fn of_two_leases_that_end_at_once_the_first_stands() {
    let mut lease = Lease::over(T);
    lease.renew(T, Span(3_000), 5);
    lease.renew(T, Span(3_000), 9);
    assert!(lease.covers(5, T));
    lease.renew(T.after(Span(1)), Span(3_000), 9);
    assert!(!lease.covers(5, T) && lease.covers(9, T));
}

/// n1 owes a start and so many hooks, and has begun what it may.
fn with_hooks(hooks: u32) -> (Bench, Vec<Ask>) {
    let mut bench = Bench::new();
    let start = bench.order();
    for ordinal in 1..=hooks {
        let id = OrderId { index: start.index, ordinal };
        let (program, arguments) = ("/opt/told".to_owned(), Vec::new());
        let action = Action::Hook { group: "web".into(), trigger: Trigger::PostOnline, program, arguments };
        let order = Order { id, action, ..bench.ledger.orders[&start].clone() };
        bench.ledger.orders.insert(id, order);
    }
    let begun = carried(&bench.leased(10_000));
    (bench, begun)
}

#[test]
fn a_program_waits_for_another_to_end() {
    let programs = |asked: &[Ask]| asked.iter().filter(|ask| matches!(ask, Ask::Do(Operation::Program(_)))).count();
    let (mut bench, begun) = with_hooks(20);
    assert_eq!(programs(&begun), 16);
    assert_eq!(programs(&carried(&bench.pass(1))), 0, "as many run as may");
    let ended = OrderId { ordinal: 1, ..*bench.ledger.orders.keys().next().expect("the start") };
    let next = bench.feed(Input::Answered { order: ended, answer: Said::Accepted });
    assert_eq!(programs(&carried(&next)), 1, "{next:?}");
}

#[test]
fn an_order_that_waits_for_a_lease_is_due_when_its_budget_is_over() {
    let mut bench = Bench::new();
    let order = bench.order();
    let mut orders = Orders::new("n1".into(), ME);
    assert_eq!(orders.wake(), None);
    let (lease, past) = (Lease::over(T), Past::new(0));
    let owing = Owing { moment: T, at: Time(1_000_000), ledger: &bench.ledger, lease: &lease, past: &past };
    orders.follow(&owing, &mut Vec::new());
    assert_eq!(orders.wake(), Some(T.after(bench.ledger.orders[&order].budget)));
}

#[test]
fn why_a_node_wakes_is_said() {
    for (wake, word) in [
        (Wake::Beat, "heartbeat"),
        (Wake::Round, "reading"),
        (Wake::Probe, "look inside"),
        (Wake::Plan, "plan"),
        (Wake::Silence, "silence"),
        (Wake::Order, "order"),
    ] {
        assert_eq!(wake.to_string(), word);
    }
}

#[test]
fn the_silence_of_the_leader_before_counts_from_when_it_was_last_heard() {
    let mut bench = Bench::new();
    bench.feed(Input::Woken);
    bench.at = T.after(Span(10));
    bench.leased(3_000);
    let heard = bench.at;
    bench.pass(257);
    bench.leads();
    let suspect = bench.ledger.config.timings.suspect;
    let mut woken = Vec::new();
    while bench.at < heard.after(Span::seconds(3)) {
        (bench.at, _) = bench.wake();
        woken.push(bench.at);
        bench.feed(Input::Woken);
    }
    assert!(woken.contains(&heard.after(suspect)), "{woken:?}");
}

#[test]
fn a_reading_that_is_kept_is_the_last_one_of_its_server() {
    let mut leading = Leading::new(None, Span(1_000), T);
    for serial in [1, 2] {
        leading.read(Reading { serial, ..reading("p2", "n2", 7, 1) });
    }
    let view = leading.view(std::iter::empty(), &Timings::default(), T);
    assert_eq!(view.readings.values().map(|reading| reading.serial).collect::<Vec<_>>(), [2]);
}
