//! Finds and names rules that cannot all be kept even if everything is free, when they are declared.

use super::{Rule, board::is_misplaced};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Strict rules that contradict each other or the servers that items may use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Contradiction {
    /// Rules on servers leave an item no server.
    NoServer {
        item: usize,
        /// The rules on servers that name it.
        rules: Vec<usize>,
    },
    /// A chain of rules keeps two items together that another rule keeps apart.
    TogetherAndApart {
        /// The two items.
        items: (usize, usize),
        /// The shortest chain.
        together: Vec<usize>,
        /// The other rule.
        apart: usize,
    },
    /// Items that must be together have no server in common.
    NoCommonServer {
        /// All items that must be together.
        items: Vec<usize>,
        /// The rules that keep them together, and the rules on servers that name one of them.
        rules: Vec<usize>,
    },
    /// Items that must be apart have fewer servers than their number.
    TooFewServers {
        /// The rule.
        apart: usize,
        items: Vec<usize>,
        /// All servers that they may use, with rules on servers and required companions taken into account.
        servers: Vec<usize>,
    },
}

/// All contradictions among strict rules, given the servers that each item may use. An item without any server says
/// nothing about rules and is passed over.
pub fn contradictions(rules: &[Rule], candidates: &[Vec<usize>]) -> Vec<Contradiction> {
    let strict: Vec<(usize, &Rule)> = rules.iter().enumerate().filter(|(_, rule)| rule.is_strict()).collect();
    let mut found = Vec::new();
    let mut allowed: Vec<BTreeSet<usize>> = Vec::new();
    for (item, servers) in candidates.iter().enumerate() {
        let left = |server: &usize| !strict.iter().any(|(_, rule)| names(rule, item) && is_misplaced(rule, *server));
        let left: BTreeSet<usize> = servers.iter().copied().filter(left).collect();
        if left.is_empty() && !servers.is_empty() {
            found.push(Contradiction::NoServer { item, rules: on_servers(&strict, &[item]) });
        }
        allowed.push(left);
    }
    found.extend(together_and_apart(&strict));
    found.extend(no_common_server(&strict, &mut allowed));
    found.extend(too_few_servers(&strict, &allowed));
    found
}

fn names(rule: &Rule, item: usize) -> bool {
    rule.items().contains(&item)
}

fn on_servers(strict: &[(usize, &Rule)], items: &[usize]) -> Vec<usize> {
    let on_servers = strict.iter().filter(|(_, rule)| matches!(rule, Rule::Prefer { .. } | Rule::Avoid { .. }));
    on_servers.filter(|(_, rule)| items.iter().any(|item| names(rule, *item))).map(|(index, _)| *index).collect()
}

fn together<'r>(strict: &[(usize, &'r Rule)]) -> impl Iterator<Item = (usize, &'r [usize])> {
    strict.iter().filter(|(_, rule)| matches!(rule, Rule::Together { .. })).map(|(index, rule)| (*index, rule.items()))
}

fn apart(strict: &[(usize, &Rule)]) -> impl Iterator<Item = (usize, BTreeSet<usize>)> {
    let apart = strict.iter().filter(|(_, rule)| matches!(rule, Rule::Apart { .. }));
    apart.map(|(index, rule)| (*index, rule.items().iter().copied().collect()))
}

/// All items that must be together with an item, itself included, with the shortest chain of rules to each.
fn bound_to(strict: &[(usize, &Rule)], item: usize) -> BTreeMap<usize, Vec<usize>> {
    let mut chains = BTreeMap::from([(item, Vec::new())]);
    let mut open = VecDeque::from([item]);
    while let Some(item) = open.pop_front() {
        let chain = chains.get(&item).cloned().unwrap_or_default();
        for (index, items) in together(strict).filter(|(_, items)| items.contains(&item)) {
            for other in items {
                if !chains.contains_key(other) {
                    chains.insert(*other, chain.iter().copied().chain([index]).collect());
                    open.push_back(*other);
                }
            }
        }
    }
    chains
}

/// For each rule that keeps items apart, the first two of them that other rules keep together.
fn together_and_apart(strict: &[(usize, &Rule)]) -> Vec<Contradiction> {
    let first = |(apart, items): (usize, BTreeSet<usize>)| {
        items.iter().find_map(|one| {
            let chains = bound_to(strict, *one);
            let (other, chain) = chains.into_iter().find(|(other, _)| other > one && items.contains(other))?;
            Some(Contradiction::TogetherAndApart { items: (*one, other), together: chain, apart })
        })
    };
    apart(strict).filter_map(first).collect()
}

/// Narrows the servers of items that must be together to those that they have in common.
fn no_common_server(strict: &[(usize, &Rule)], allowed: &mut [BTreeSet<usize>]) -> Vec<Contradiction> {
    let (mut found, mut done) = (Vec::new(), BTreeSet::new());
    for item in together(strict).flat_map(|(_, items)| items) {
        if !done.insert(*item) {
            continue;
        }
        let items: Vec<usize> = bound_to(strict, *item).into_keys().collect();
        done.extend(&items);
        let lists: Vec<&BTreeSet<usize>> = items.iter().filter_map(|item| allowed.get(*item)).collect();
        if lists.iter().any(|list| list.is_empty()) {
            continue;
        }
        let Some((first, rest)) = lists.split_first() else { continue };
        let common: BTreeSet<usize> =
            first.iter().copied().filter(|server| rest.iter().all(|list| list.contains(server))).collect();
        if common.is_empty() {
            let binding = together(strict).filter(|(_, bound)| bound.iter().any(|item| items.contains(item)));
            let mut rules: Vec<usize> = binding.map(|(index, _)| index).collect();
            rules.extend(on_servers(strict, &items));
            rules.sort_unstable();
            found.push(Contradiction::NoCommonServer { items: items.clone(), rules });
        }
        for item in &items {
            allowed.get_mut(*item).into_iter().for_each(|list| list.clone_from(&common));
        }
    }
    found
}

/// Items that must be apart are matched to servers one by one; if that fails, the items reached on the way are too many
/// for the servers that they share. Items without any server were reported before.
fn too_few_servers(strict: &[(usize, &Rule)], allowed: &[BTreeSet<usize>]) -> Vec<Contradiction> {
    let mut found = Vec::new();
    for (apart, items) in apart(strict) {
        let mut holder: BTreeMap<usize, usize> = BTreeMap::new();
        for item in items.into_iter().filter(|item| allowed.get(*item).is_some_and(|list| !list.is_empty())) {
            if let Err(servers) = matched(item, allowed, &mut holder) {
                let mut items: Vec<usize> = servers.iter().filter_map(|server| holder.get(server)).copied().collect();
                items.push(item);
                items.sort_unstable();
                found.push(Contradiction::TooFewServers { apart, items, servers: servers.into_iter().collect() });
                break;
            }
        }
    }
    found
}

/// Finds a server for one more item, moving others if needed; or returns the servers that are too few.
fn matched(
    item: usize,
    allowed: &[BTreeSet<usize>],
    holder: &mut BTreeMap<usize, usize>,
) -> Result<(), BTreeSet<usize>> {
    // For each server, the item through which it was reached.
    let mut through: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open = VecDeque::from([item]);
    while let Some(next) = open.pop_front() {
        for server in allowed.get(next).into_iter().flatten() {
            if through.contains_key(server) {
                continue;
            }
            through.insert(*server, next);
            match holder.get(server) {
                Some(other) => open.push_back(*other),
                None => {
                    let mut free = Some(*server);
                    while let Some(server) = free {
                        let Some(taker) = through.get(&server).copied() else { break };
                        free = holder.iter().find(|(_, held)| **held == taker).map(|(server, _)| *server);
                        if let Some(left) = free {
                            holder.remove(&left);
                        }
                        holder.insert(server, taker);
                    }
                    return Ok(());
                }
            }
        }
    }
    Err(through.into_keys().collect())
}
