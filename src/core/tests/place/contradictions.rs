//! Rules that cannot all be kept.

use crate::place::{brute::best, cases::rule};
use proptest::{collection::vec, prelude::*, sample::subsequence};
use std::collections::BTreeMap;
use tenure_core::placement::engine::{
    Candidate,
    Contradiction::{NoCommonServer, NoServer, TogetherAndApart, TooFewServers},
    Item, Problem, Room, Rule, contradictions,
};

const ITEMS: usize = 5;
const ROOMS: usize = 4;

fn together(items: &[usize]) -> Rule {
    Rule::Together { items: items.to_vec(), strict: true }
}

fn apart(items: &[usize]) -> Rule {
    Rule::Apart { items: items.to_vec(), strict: true }
}

#[test]
fn together_and_apart_is_named_with_the_chain() {
    let rules = [together(&[0, 1]), together(&[4, 3]), apart(&[3, 0]), together(&[1, 4])];
    let everywhere = vec![vec![0, 1, 2, 3, 4]; 5];
    let expected = TogetherAndApart { items: (0, 3), together: vec![0, 3, 1], apart: 2 };
    assert_eq!(contradictions(&rules, &everywhere), [expected]);
    let soft = Rule::Apart { items: vec![3, 0], strict: false };
    assert_eq!(contradictions(&[together(&[0, 3]), soft], &everywhere), []);
}

#[test]
fn together_without_a_common_server() {
    let candidates = [vec![0, 1], vec![1, 2], vec![2, 0]];
    let rules = [together(&[0, 1]), together(&[1, 2])];
    let expected = NoCommonServer { items: vec![0, 1, 2], rules: vec![0, 1] };
    assert_eq!(contradictions(&rules, &candidates), [expected]);
    let avoid = Rule::Avoid { items: vec![1], servers: vec![1], strict: true };
    let expected = NoCommonServer { items: vec![0, 1], rules: vec![0, 1] };
    assert_eq!(contradictions(&[together(&[0, 1]), avoid], &candidates), [expected]);
}

#[test]
fn apart_on_too_few_servers_names_those_that_are_too_many() {
    let candidates = [vec![0, 1], vec![0, 1, 2, 3], vec![1, 0], vec![0, 1]];
    let expected = TooFewServers { apart: 0, items: vec![0, 2, 3], servers: vec![0, 1] };
    assert_eq!(contradictions(&[apart(&[0, 1, 2, 3])], &candidates), [expected]);
    assert_eq!(contradictions(&[apart(&[0, 1, 2])], &candidates), []);
}

#[test]
fn rules_on_servers_that_leave_none() {
    let prefer = Rule::Prefer { items: vec![0], servers: vec![0], strict: true };
    let avoid = Rule::Avoid { items: vec![0, 1], servers: vec![0], strict: true };
    let found = contradictions(&[prefer, avoid], &[vec![0, 1], vec![0, 1], Vec::new()]);
    assert_eq!(found, [NoServer { item: 0, rules: vec![0, 1] }]);
}

/// Whether every item could be placed if there were unlimited room.
fn can_all_be_kept(rules: &[Rule], candidates: &[Vec<usize>]) -> bool {
    let of = |servers: &Vec<usize>| servers.iter().map(|server| Candidate { server: *server, rank: 0 }).collect();
    let items = candidates.iter().map(|servers| Item { candidates: of(servers), ..Item::default() }).collect();
    let problem = Problem { rooms: vec![Room::default(); ROOMS], items, rules: rules.to_vec(), ..Problem::default() };
    let order: Vec<usize> = (0..candidates.len()).collect();
    best(&problem, &BTreeMap::new(), &order).into_iter().all(|placed| placed)
}

fn candidates() -> impl Strategy<Value = Vec<Vec<usize>>> {
    vec(subsequence((0..ROOMS).collect::<Vec<_>>(), 1..=ROOMS), ITEMS)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_called_a_contradiction_is_one(rules in vec(rule(ITEMS, ROOMS), 0..6), candidates in candidates()) {
        if !contradictions(&rules, &candidates).is_empty() {
            prop_assert!(!can_all_be_kept(&rules, &candidates));
        }
    }

    /// With a single rule that keeps apart, every contradiction is found. (Conflicts of several may take a search.)
    #[test]
    fn every_contradiction_with_one_apart_is_found(rules in vec(rule(ITEMS, ROOMS), 0..6), candidates in candidates()) {
        let mut seen = 0;
        let is_first = |rule: &Rule| {
            seen += usize::from(matches!(rule, Rule::Apart { .. }));
            seen <= 1 || !matches!(rule, Rule::Apart { .. })
        };
        let rules: Vec<Rule> = rules.into_iter().filter(is_first).collect();
        prop_assert_eq!(contradictions(&rules, &candidates).is_empty(), can_all_be_kept(&rules, &candidates));
    }
}
