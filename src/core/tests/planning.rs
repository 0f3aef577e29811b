//! Plans are made beside the node: nothing waits for them, and what is outdated by the time that they are made is not
//! believed.

use crate::machine::{Bench, ME, T, inside, reading};
use tenure_core::{
    Author, Command, NodeName, Power, Report, Span, Verb,
    node::{Answer, Call, Effect, Fate, Input, Proposal, Wake},
    order::Ending,
};

fn beat() -> Call {
    Call::Heartbeat { reaches_manager: true, digest: None }
}

fn proposed(effects: &[Effect]) -> Option<Vec<Command>> {
    effects.iter().find_map(|effect| match effect {
        Effect::Propose { of: Proposal::Plan(_), commands, .. } => Some(commands.clone()),
        _ => None,
    })
}

/// A leader at rest, whose plans are made when the test says so.
fn leading(mut bench: Bench) -> Bench {
    let first = bench.leads();
    bench.commits(first);
    for node in ["n2", "n3"] {
        bench.called(node, ME, beat());
    }
    let effects = bench.pass(1);
    bench.commits(effects);
    bench.jobs = Some(Vec::new());
    bench
}

/// The number of plans that are being made.
fn under_way(bench: &Bench) -> usize {
    bench.jobs.as_ref().map_or(0, Vec::len)
}

/// A group of the bench is to be online, so a plan is due, and begins.
fn plan_begins(bench: &mut Bench) {
    bench.operator(Verb::Online { group: "web".into(), server: None, propagate: false });
    bench.feed(Input::Woken);
    bench.pass(1);
    assert_eq!(under_way(bench), 1, "a plan is due");
}

/// Readings by which group web can be placed.
fn told(bench: &mut Bench) {
    for (server, by) in [("p1", "n1"), ("p2", "n2"), ("p3", "n3")] {
        let reading = reading(server, by, bench.ledger.index, bench.ledger.index);
        match by {
            "n1" => drop(bench.feed(Input::Read { server: server.into(), reading: Some(reading), blind: false })),
            _ => assert_eq!(bench.called(by, ME, Call::Reading(reading)).0, Answer::Taken),
        }
    }
}

#[test]
fn leases_are_granted_while_a_plan_is_made() {
    let mut bench = leading(Bench::new());
    told(&mut bench);
    bench.pass(1);
    assert_eq!(under_way(&bench), 1, "the readings are news");
    let heartbeat = bench.ledger.config.timings.heartbeat.0;
    for _ in 0..20 {
        let effects = bench.pass(heartbeat);
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Leased(_))), "its own lease is renewed");
        assert!(matches!(bench.called("n2", ME, beat()).0, Answer::Lease { .. }));
        assert!(matches!(bench.called("n3", ME, beat()).0, Answer::Lease { .. }));
        let (at, why) = bench.wake();
        assert!(at > bench.at && why != Wake::Plan, "it does not spin: {why}");
        assert_eq!(under_way(&bench), 1, "one plan at a time");
    }
    assert!(proposed(&bench.made()).is_some_and(|commands| !commands.is_empty()));
}

#[test]
fn what_comes_while_a_plan_is_made_is_planned_after_it() {
    let mut bench = leading(Bench::new());
    plan_begins(&mut bench);
    assert!(!bench.node.rests(), "it is planning");
    told(&mut bench);
    bench.pass(1);
    assert_eq!(under_way(&bench), 1, "one plan at a time");
    assert_eq!(proposed(&bench.made()), None, "there were no readings when it began");
    bench.pass(1);
    let commands = proposed(&bench.made()).expect("the readings are there now");
    let observes = commands.iter().filter(|command| matches!(command, Command::Observe(_))).count();
    assert_eq!(observes, 3, "{commands:?}");
}

#[test]
fn a_plan_of_an_older_ledger_is_made_anew_once() {
    let mut bench = leading(Bench::new());
    told(&mut bench);
    bench.pass(1);
    let freeze = |bench: &mut Bench| {
        bench.operator(Verb::Online { group: "web".into(), server: None, propagate: false });
        bench.feed(Input::Woken);
    };
    freeze(&mut bench);
    assert_eq!(proposed(&bench.made()), None, "it is outdated");
    bench.pass(1);
    assert_eq!(under_way(&bench), 1, "it is made anew");
    freeze(&mut bench);
    assert!(proposed(&bench.made()).is_some(), "whatever happens all the time, plans are made");
    bench.feed(Input::Planned { term: 2, fate: Fate::Refused });
    bench.pass(1_000);
    freeze(&mut bench);
    assert_eq!(proposed(&bench.made()), None, "the one before counted, so this one need not");
}

/// Lets a node fall silent until a plan is being made that gives it up.
fn silent(bench: &mut Bench, node: &str) {
    let given_up = |commands: &[Command]| {
        commands.iter().any(|command| match command {
            Command::SuspendLeases(one) | Command::LapseNode(one) => one.as_str() == node,
            _ => false,
        })
    };
    while bench.at < T.after(Span::seconds(60)) {
        bench.pass(50);
        bench.called("n3", ME, beat());
        let Some(job) = bench.jobs.as_ref().and_then(|jobs| jobs.last().cloned()) else { continue };
        let mut trial = bench.clone();
        let effects = trial.feed(Input::PlanMade(Box::new(job.run())));
        if proposed(&effects).is_some_and(|commands| given_up(&commands)) {
            return;
        }
        let effects = bench.made();
        bench.jobs = None;
        bench.commits(effects);
        bench.jobs = Some(Vec::new());
    }
    panic!("{node} is given up");
}

#[test]
fn a_node_that_was_granted_a_lease_since_is_not_given_up() {
    for heard in [true, false] {
        let mut bench = leading(inside());
        silent(&mut bench, "n2");
        if heard {
            assert!(matches!(bench.called("n2", ME, beat()).0, Answer::Lease { .. }), "it is heard again");
        }
        // The first plan is outdated by the sign of life; the second began after that.
        let first = proposed(&bench.made());
        assert_eq!(first.is_none(), heard, "{first:?}");
        if !heard {
            continue;
        }
        bench.pass(1);
        bench.at = bench.at.after(Span::seconds(60));
        bench.feed(Input::Woken);
        bench.made();
        bench.pass(1);
        assert!(matches!(bench.called("n2", ME, beat()).0, Answer::Lease { .. }), "once more");
        let commands = proposed(&bench.made()).unwrap_or_default();
        let n2 = NodeName::from("n2");
        let given_up = commands
            .iter()
            .any(|command| matches!(command, Command::SuspendLeases(node) | Command::LapseNode(node) if *node == n2));
        assert!(!given_up, "it has a lease: {commands:?}");
    }
}

#[test]
fn a_plan_from_before_a_standstill_or_of_an_earlier_term_is_dropped() {
    for stands_still in [true, false] {
        let mut bench = leading(Bench::new());
        told(&mut bench);
        bench.pass(1);
        if stands_still {
            bench.feed(Input::StoodStill);
        } else {
            bench.standing.term = 3;
            bench.standing.leads = false;
            bench.feed(Input::Woken);
            bench.standing.leads = true;
            bench.feed(Input::Woken);
        }
        let term = bench.standing.term;
        bench.feed(Input::CaughtUp(term));
        bench.pass(1);
        assert_eq!(under_way(&bench), 1, "one at a time, also of another term");
        assert_eq!(proposed(&bench.made()), None, "{stands_still}");
        bench.pass(1);
        assert_eq!(under_way(&bench), 1, "the next one begins");
    }
}

#[test]
fn what_a_plan_waits_for_and_was_told_meanwhile_makes_another() {
    let mut bench = Bench::new();
    let order = bench.order();
    let starting = |bench: &Bench| {
        let mut reading = reading("p1", "n1", bench.ledger.index, bench.ledger.index);
        reading.copies.insert("web".into(), Power::Starting);
        reading
    };
    let readings = vec![starting(&bench)];
    let report = Report { order, ending: Ending::Done, readings, seen: Default::default() };
    bench.apply(Author::Agent("n1".into()), Command::Report(report));
    let mut bench = leading(bench);
    let tell = |bench: &mut Bench| {
        let reading = starting(bench);
        bench.feed(Input::Read { server: "p1".into(), reading: Some(reading), blind: false });
    };
    bench.jobs = None;
    tell(&mut bench);
    let effects = bench.pass(1);
    bench.commits(effects);
    bench.jobs = Some(Vec::new());
    // The LPAR boots. Something waits for readings of p1, so one is a reason to plan, whatever it says.
    tell(&mut bench);
    bench.pass(1);
    assert_eq!(under_way(&bench), 1, "it is waited for");
    tell(&mut bench);
    assert_eq!(proposed(&bench.made()), None, "it says what is known");
    bench.pass(1);
    assert_eq!(under_way(&bench), 1, "the second reading came while the plan was made");
    bench.made();
    bench.pass(1);
    assert_eq!(under_way(&bench), 0, "and no third one");
}
