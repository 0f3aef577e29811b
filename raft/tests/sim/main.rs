//! Three nodes in virtual time, on a simulated disk and a simulated network, with a partition, a crash of one, a crash of all.
//!
//! The consensus code is the product's own; only runtime, disk and network are simulated. A crash forgets what was not
//! synced. At the end every acknowledged command is there once on every node, and the same seed has told the same story.

mod alone;
mod disk;
mod net;
mod rough;
mod waits;
mod world;

use world::{Story, run};

fn check(story: &Story) {
    let tell = || story.events.join("\n");
    assert!(story.acknowledged.len() > 200, "only {} commands\n{}", story.acknowledged.len(), tell());
    for (id, commands) in &story.states {
        assert_eq!(commands, &story.states[&1], "nodes 1 and {id} differ\n{}", tell());
    }
    let mut commands = story.states[&1].clone();
    commands.sort_unstable();
    assert!(commands.windows(2).all(|pair| pair[0] != pair[1]), "a command was applied twice\n{}", tell());
    for command in &story.acknowledged {
        assert!(commands.binary_search(command).is_ok(), "command {command} is lost\n{}", tell());
    }
    for command in &story.refused {
        assert!(commands.binary_search(command).is_err(), "refused command {command} was applied\n{}", tell());
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_refused_is_applied() {
    for seed in 1..=4 {
        check(&run(seed, false));
    }
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    let first = run(42, true);
    let second = run(42, true);
    check(&first);
    assert_eq!(first.events, second.events);
    assert!(first.trace.len() > 10_000);
    let differs = first.trace.iter().zip(&second.trace).position(|(a, b)| a != b);
    assert_eq!(differs, None, "the traces part");
    assert_eq!(first.trace.len(), second.trace.len());
    assert_ne!(first.events, run(43, false).events);
}
