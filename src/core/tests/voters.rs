//! Who votes: the rule in cases, and what holds of it wherever it leads.

use crate::machine::{Bench, ME, cluster};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tenure_core::{
    NodeName, Span,
    node::{
        Call, Effect, Input,
        voters::{Change, MOST, Member, Members, next, target},
    },
};

/// Members by their signs, a letter each: `V` votes and leads, `v` votes, `l` follows and is fit, `u` follows and is not fit;
/// small signs after them: `-` silent, `x` gone for good, and a zone in brackets.
fn members(text: &str) -> Members {
    let one = |(number, word): (usize, &str)| {
        let (word, zone) = word.split_once('(').map_or((word, None), |(word, zone)| (word, zone.strip_suffix(')')));
        let (kind, sign) = word.split_at(1);
        let member = Member {
            votes: ["V", "v"].contains(&kind),
            leads: kind == "V",
            answers: sign.is_empty(),
            gone: sign == "x",
            fit: kind != "u",
            zone: zone.map(str::to_owned),
        };
        (NodeName::from(format!("p{}", number + 1)), member)
    };
    text.split_whitespace().enumerate().map(one).collect()
}

/// `+p2 +p3 -p4`
fn shown(change: Option<Change>) -> String {
    let Some(Change { promoted, deposed }) = change else { return "nothing".to_owned() };
    let signs = promoted.iter().map(|name| format!("+{name}")).chain(deposed.iter().map(|name| format!("-{name}")));
    signs.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_number_of_voters_goes_with_the_number_of_members() {
    let by_size: Vec<usize> = (1..=12).map(target).collect();
    assert_eq!(by_size, [1, 1, 3, 3, 5, 5, 5, 5, 7, 7, 7, 7]);
    assert_eq!(target(64), MOST);
}

#[test]
fn voters_are_made_in_one_step_to_an_odd_number_and_replaced_when_they_are_gone() {
    for (is, expected) in [
        ("V", "nothing"),
        ("V l", "nothing"),
        ("V l l", "+p2 +p3"),
        ("V l u", "nothing"),
        ("V l l-", "nothing"),
        ("V v l", "+p3"),
        ("V v v l", "nothing"),
        ("V v v l l", "+p4 +p5"),
        ("V v v l l l l", "+p4 +p5"),
        ("V v v v l", "+p5"),
        ("V v v v v l l l", "nothing"),
        ("V v v v v l l l l", "+p6 +p7"),
        // A voter is silent, and then gone for good.
        ("V v v- l", "nothing"),
        ("V v vx l", "+p4 -p3"),
        ("V v vx l-", "nothing"),
        ("V v vx u", "nothing"),
        ("V v vx", "nothing"),
        ("V v v vx v l", "+p6 -p4"),
        ("V v v vx vx l l", "+p6 -p4"),
        // More voters than are wanted: one that is gone is not replaced, one that lives stays.
        ("V v v v", "nothing"),
        ("V v v vx", "-p4"),
        ("V v v vx l l", "+p5 -p4"),
        ("V v v v v v v v v", "nothing"),
        // Too few answer for a change to be sure.
        ("V v- vx l", "nothing"),
        ("V v- v- l l", "nothing"),
        ("V vx", "nothing"),
        ("V v- l", "nothing"),
        // The zone with the fewest voters comes first.
        ("V(a) l(a) l(b) l(b)", "+p2 +p3"),
        ("V(a) v(a) l(a) l(b)", "+p4"),
        ("V(a) v(b) vx(b) l(a) l(c)", "+p5 -p3"),
        ("V(a) v(b) vx(c) l(a) l(c)", "+p5 -p3"),
        ("V l(b) l(b) l", "+p2 +p3"),
    ] {
        assert_eq!(shown(next(&members(is))), expected, "{is}");
    }
}

#[derive(Clone, Debug)]
struct Site {
    members: Members,
}

fn site() -> impl Strategy<Value = Site> {
    let member = (any::<bool>(), 0..8_u8, 0..10_u8, 0..4_u8);
    proptest::collection::vec(member, 1..14).prop_map(|all| {
        let member = |(number, (votes, state, fit, zone)): (usize, (bool, u8, u8, u8))| {
            let leads = number == 0;
            let member = Member {
                votes: votes || leads,
                leads,
                answers: leads || state > 2,
                gone: !leads && state == 0,
                fit: fit > 1,
                zone: (zone > 0).then(|| format!("z{zone}")),
            };
            (NodeName::from(format!("p{number:02}")), member)
        };
        Site { members: all.into_iter().enumerate().map(member).collect() }
    })
}

fn voters(members: &Members) -> BTreeSet<&NodeName> {
    members.iter().filter(|(_, one)| one.votes).map(|(name, _)| name).collect()
}

fn decide(members: &Members) -> bool {
    let answer = voters(members).iter().filter(|name| members[**name].answers).count();
    2 * answer > voters(members).len()
}

proptest! {
    /// From wherever it begins, and while nodes come and go between the changes: those who answer always decide, before a
    /// change and after it; the leader keeps its vote; whoever gets one is fit and answers; a voter that lives keeps it. If
    /// nothing happens any more, there is soon nothing to do, and nothing fit was left out.
    #[test]
    fn the_rule_never_loses_the_majority_and_comes_to_an_end(
        first in site(),
        events in proptest::collection::vec((0..14_usize, 0..8_u8), 0..12),
    ) {
        let mut members = first.members;
        let mut events = events.into_iter();
        let mut steps = 0;
        loop {
            let event = events.next();
            if let Some((whom, state)) = event
                && let Some((_, one)) = members.iter_mut().nth(whom)
                && !one.leads
            {
                (one.answers, one.gone) = (state > 2, state == 0);
            }
            let before = members.clone();
            let Some(change) = next(&members) else {
                if event.is_none() { break } else { continue }
            };
            prop_assert!(decide(&before), "changed without a majority");
            prop_assert!(!change.promoted.is_empty() || !change.deposed.is_empty());
            prop_assert!(change.promoted.len() <= 2 && change.deposed.len() <= 1);
            for name in &change.promoted {
                let one = &before[name];
                prop_assert!(!one.votes && one.fit && one.answers && !one.gone, "{} is promoted", name);
                members.get_mut(name).expect("a member").votes = true;
            }
            for name in &change.deposed {
                let one = &before[name];
                prop_assert!(one.votes && one.gone && !one.leads, "{} is deposed", name);
                members.get_mut(name).expect("a member").votes = false;
            }
            prop_assert!(decide(&members), "a change loses the majority");
            prop_assert!(voters(&members).len() <= voters(&before).len().max(MOST));
            steps += usize::from(event.is_none());
            prop_assert!(steps <= 14, "it does not end");
        }
        let fit = members.values().filter(|one| !one.votes && one.fit && one.answers && !one.gone).count();
        let (now, wanted) = (voters(&members).len(), target(members.len()));
        let dead = members.values().filter(|one| one.votes && one.gone).count();
        if decide(&members) && fit >= 2 {
            prop_assert!(now >= wanted, "{} voters of {}, and {} are fit", now, wanted, fit);
            prop_assert!(dead == 0, "{} are gone, and {} are fit", dead, fit);
        }
    }
}

/// The change of voters that is asked for.
fn asked(effects: &[Effect]) -> Option<Change> {
    effects.iter().find_map(|effect| match effect {
        Effect::ChangeVoters { change, .. } => Some(change.clone()),
        _ => None,
    })
}

/// A leader, n1, with n2 and n3, and these as learners that have caught up.
fn leader(learners: &[&str]) -> Bench {
    let mut bench = Bench::of(cluster());
    let effects = bench.leads();
    bench.commits(effects);
    let learners: BTreeMap<NodeName, bool> = learners.iter().map(|name| (NodeName::from(*name), true)).collect();
    bench.standing.learners = Arc::new(learners);
    bench
}

/// Lets time pass, with a heartbeat of each of these nodes every 250 ms; what is asked for first.
fn beats(bench: &mut Bench, nodes: &[&str], leases: u64) -> Option<Change> {
    let lasts = bench.ledger.config.timings.lease.times(leases);
    let end = bench.at.after(lasts);
    while bench.at < end {
        for node in nodes {
            bench.called(node, ME, Call::Heartbeat { reaches_manager: true, digest: None });
        }
        bench.standing.last_log = bench.ledger.index;
        bench.standing.applied = bench.ledger.index;
        let effects = bench.pass(250);
        if let Some(change) = asked(&effects) {
            return Some(change);
        }
        bench.commits(effects);
    }
    None
}

#[test]
fn a_leader_replaces_a_voter_that_was_silent_for_five_minutes() {
    let mut bench = leader(&["n4"]);
    assert_eq!(beats(&mut bench, &["n2", "n4"], 99), None, "n3 may come back");
    assert_eq!(shown(beats(&mut bench, &["n2", "n4"], 2)), "+n4 -n3");
    assert_eq!(beats(&mut bench, &["n2", "n4"], 2), None, "it is under way");
    bench.feed(Input::VotersChanged { term: 2, done: false });
    assert_eq!(shown(beats(&mut bench, &["n2", "n4"], 2)), "+n4 -n3", "it was not made, and is asked for again");
}

#[test]
fn a_leader_waits_for_what_it_knows_and_completes_what_is_half_done() {
    let mut bench = leader(&["n4", "n5"]);
    bench.standing.quorum = None;
    assert_eq!(beats(&mut bench, &["n2", "n3", "n4"], 2), None, "it may lead no longer");
    bench.standing.quorum = Some(Span(0));
    assert_eq!(beats(&mut bench, &["n2", "n3", "n4"], 2), None, "n5 is not heard");
    bench.standing.joint = true;
    assert_eq!(beats(&mut bench, &["n2", "n3", "n4"], 1), Some(Change::default()));
    bench.feed(Input::VotersChanged { term: 2, done: true });
    bench.standing.joint = false;
    assert_eq!(shown(beats(&mut bench, &["n2", "n3", "n4", "n5"], 2)), "+n4 +n5");
}
