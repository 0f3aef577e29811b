//! Standing down: what a node without a lease gives up, and in which steps.

use crate::machine::inside;
use std::sync::Arc;
use tenure_core::{
    Inside, Ledger, Power, ResourceName, Seen, Span,
    execution::Answer as Said,
    node::{Effect, Input, held},
};

fn asks_held(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::AskHeld))
}

/// What is asked of agents to stand down, and whether each is the last.
fn stands_down(effects: &[Effect]) -> Vec<(bool, bool)> {
    let ask = |effect: &Effect| match effect {
        Effect::StandDown { operation, last, .. } => Some((operation.is_some(), *last)),
        _ => None,
    };
    effects.iter().filter_map(ask).collect()
}

fn alone() -> Input {
    Input::Held { held: ["address".into()].into(), has_watchdog: false }
}

fn looked(power: Power) -> Input {
    let answer = Said::Probed(Seen { power, ..Seen::default() });
    Input::StoodDown { resource: "address".into(), answer }
}

#[test]
fn standing_down_is_tried_again_after_as_long_as_it_took_to_begin() {
    let mut bench = inside();
    bench.standing.leader = None;
    let stand_down = bench.ledger.config.timings.stand_down.0;
    assert!(asks_held(&bench.pass(stand_down)));
    assert_eq!(stands_down(&bench.feed(alone())), [(true, false)]);
    assert_eq!(stands_down(&bench.feed(alone())), [], "it is under way");
    let accepted = || Input::StoodDown { resource: "address".into(), answer: Said::Accepted };
    assert_eq!(stands_down(&bench.feed(accepted())), [(false, false)]);
    assert_eq!(stands_down(&bench.feed(looked(Power::Running))), [(true, false)]);
    assert_eq!(stands_down(&bench.feed(accepted())), [(false, true)], "nothing more is tried");
    assert_eq!(stands_down(&bench.feed(looked(Power::Running))), []);
    assert!(!asks_held(&bench.pass(stand_down - 250)));
    assert!(asks_held(&bench.pass(250)));
    assert_eq!(stands_down(&bench.feed(alone())), [(true, false)]);
}

#[test]
fn what_has_stopped_is_not_stopped_by_force() {
    let mut bench = inside();
    bench.standing.leader = None;
    bench.pass(bench.ledger.config.timings.stand_down.0);
    bench.feed(alone());
    bench.feed(Input::StoodDown { resource: "address".into(), answer: Said::Accepted });
    assert_eq!(stands_down(&bench.feed(looked(Power::Off))), []);
    assert!(!asks_held(&bench.pass(250)), "it was lately");
}

#[test]
fn a_node_with_a_lease_does_not_stand_down() {
    let mut bench = inside();
    bench.leased(60_000);
    assert_eq!(stands_down(&bench.feed(alone())), []);
    let stand_down = bench.ledger.config.timings.stand_down.0;
    assert!(!asks_held(&bench.pass(stand_down)));
}

#[test]
fn a_node_could_have_no_lease_before_it_was_declared() {
    let mut bench = inside();
    let declared = bench.ledger.clone();
    let stand_down = declared.config.timings.stand_down.0;
    bench.ledger = Ledger::default();
    assert!(!asks_held(&bench.pass(0)));
    assert!(!asks_held(&bench.pass(10 * stand_down)), "it is a member, and nothing is declared");
    bench.ledger = declared;
    assert!(!asks_held(&bench.pass(250)), "its first lease is on its way");
    assert!(!asks_held(&bench.pass(stand_down - 500)));
    assert!(asks_held(&bench.pass(250)), "it has been long enough in coming");
}

#[test]
fn a_node_that_wakes_within_its_lease_has_been_alone_since_then_and_not_for_ever() {
    let stand_down = inside().ledger.config.timings.stand_down.0;
    for (slept, at_once) in [(1_000, false), (9_000, false), (10_000 + stand_down, true)] {
        let mut bench = inside();
        bench.pass(10 * stand_down);
        bench.leased(10_000);
        bench.at = bench.at.after(Span(slept));
        assert_eq!(asks_held(&bench.feed(Input::StoodStill)), at_once, "it slept for {slept} ms");
        bench.at = bench.at.after(Span(stand_down));
        assert!(asks_held(&bench.feed(Input::Woken)), "{slept}");
    }
}

#[test]
fn what_is_frozen_or_disarmed_is_given_up_only_if_another_node_could_take_it() {
    for disarmed in [true, false] {
        for frozen in [true, false] {
            for has_watchdog in [true, false] {
                let mut bench = inside();
                bench.standing.leader = None;
                bench.ledger.maintenance.disarmed = disarmed;
                Arc::make_mut(bench.ledger.groups.get_mut("web").expect("declared")).frozen = frozen;
                let effects = bench.feed(Input::Held { held: ["address".into()].into(), has_watchdog });
                let stays = (disarmed || frozen) && !has_watchdog;
                assert_eq!(stands_down(&effects).is_empty(), stays, "{disarmed} {frozen} {has_watchdog}");
            }
        }
    }
}

#[test]
fn what_must_not_run_twice_is_held_unless_it_is_known_to_be_down() {
    let bench = inside();
    let held = |seen: &[(&str, Power)]| -> Vec<String> {
        let look =
            |(name, power): &(&str, Power)| (ResourceName::from(*name), Seen { power: *power, ..Seen::default() });
        let inside = Inside { seen: seen.iter().map(look).collect(), watchdog: None };
        held(&bench.ledger.config, &"p1".into(), &inside).iter().map(ToString::to_string).collect()
    };
    assert_eq!(held(&[]), ["address", "daemon"]);
    assert_eq!(held(&[("address", Power::Off), ("daemon", Power::Running)]), ["daemon"]);
    assert_eq!(held(&[("address", Power::Unknown), ("daemon", Power::OffOnPurpose)]), ["address"]);
}
