//! A plan that is longer than an entry may be.

use crate::machine::{Bench, ME, reading};
use tenure_core::{
    Author, Command, Entry, Level, Reading, Time, codec,
    command::{ENTRY_LIMIT, MAX_COMMANDS},
    node::{Answer, Call, Effect, Fate, Input, Proposal},
};

/// What is proposed as a decision.
fn decided(effects: &[Effect]) -> Option<Vec<Command>> {
    effects.iter().find_map(|effect| match effect {
        Effect::Propose { of: Proposal::Plan(_), commands, .. } => Some(commands.clone()),
        _ => None,
    })
}

/// A reading of a server that names very many VIO servers: it takes most of what a plan may take.
fn long(server: &str, node: &str, index: u64) -> Reading {
    let vios = (0..2_000).map(|n| (format!("vios{n:0196}"), true)).collect();
    Reading { vios, ..reading(server, node, index, index) }
}

#[test]
fn a_plan_that_is_longer_than_an_entry_is_proposed_part_by_part_in_its_order() {
    let mut bench = Bench::new();
    let effects = bench.leads();
    bench.commits(effects);
    let effects = bench.pass(1);
    bench.commits(effects);
    let mut told = Vec::new();
    for (server, node) in [("p1", "n1"), ("p2", "n2"), ("p3", "n3")] {
        told.push(long(server, node, bench.ledger.index));
    }
    let [first, rest @ ..] = &told[..] else { panic!("three readings") };
    let read = Input::Read { server: "p1".into(), reading: Some(first.clone()), blind: false };
    let mut effects = bench.feed(read);
    for reading in rest {
        let (answer, said) = bench.called(reading.by.as_str(), ME, Call::Reading(reading.clone()));
        assert_eq!(answer, Answer::Taken);
        effects.extend(said);
    }
    effects.extend(bench.pass(1));
    let mut observed = Vec::new();
    while let Some(commands) = decided(&effects) {
        let entry =
            Entry { at: Time(0), wall: Time(0), author: Author::Planner("n1".into()), commands: commands.clone() };
        let bytes = codec::encode(&entry, Level::NEWEST).len();
        assert!(bytes <= ENTRY_LIMIT && commands.len() <= MAX_COMMANDS, "{} commands, {bytes} bytes", commands.len());
        for command in commands {
            if let Command::Observe(reading) = &command {
                observed.push(reading.server.clone());
            }
            bench.apply(Author::Planner("n1".into()), command);
        }
        bench.feed(Input::Planned { term: 2, fate: Fate::Committed });
        effects = bench.pass(1);
    }
    assert_eq!(
        observed,
        told.iter().map(|reading| reading.server.clone()).collect::<Vec<_>>(),
        "each is taken once, in the order of the plan"
    );
}
