//! Dependency graphs: rings, and the lengths of chains.

use std::collections::{BTreeMap, BTreeSet};

/// For each name, the names that it waits for.
pub(super) type Graph<N> = BTreeMap<N, BTreeSet<N>>;

/// For each name, the length in names of the longest chain from it; missing for names in a ring or above one.
pub(super) type Levels<N> = BTreeMap<N, usize>;

/// Rings, each from its smallest name on and with that name again at its end; and the levels of names above no ring.
pub(super) fn rings<N: Ord + Clone>(graph: &Graph<N>) -> (Vec<Vec<N>>, Levels<N>) {
    let mut levels = Levels::new();
    settle(graph, &mut levels);
    let (mut rings, mut broken) = (Vec::new(), BTreeSet::new());
    while let Some(start) = graph.keys().find(|name| !levels.contains_key(name) && !broken.contains(*name)) {
        let ring = walk(graph, start, &levels, &broken);
        if ring.is_empty() {
            broken.insert(start.clone());
        } else {
            broken.extend(ring.iter().cloned());
            rings.push(ring);
        }
    }
    (rings, levels)
}

/// Gives a level to every name whose children all have one.
fn settle<N: Ord + Clone>(graph: &Graph<N>, levels: &mut Levels<N>) {
    let mut parents: BTreeMap<&N, Vec<&N>> = BTreeMap::new();
    let mut open: BTreeMap<&N, usize> = BTreeMap::new();
    let mut ready: Vec<&N> = Vec::new();
    for (name, children) in graph {
        let inside = || children.iter().filter(|child| graph.contains_key(*child));
        inside().for_each(|child| parents.entry(child).or_default().push(name));
        match inside().count() {
            0 => ready.push(name),
            n => drop(open.insert(name, n)),
        }
    }
    while let Some(name) = ready.pop() {
        let below = graph.get(name).into_iter().flatten().filter_map(|child| levels.get(child)).max();
        levels.insert(name.clone(), below.copied().unwrap_or_default().saturating_add(1));
        for parent in parents.get(name).into_iter().flatten() {
            if let Some(left) = open.get_mut(*parent) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    ready.push(parent);
                }
            }
        }
    }
}

/// The ring in which a walk from `start` ends; empty if the walk meets a known ring.
fn walk<N: Ord + Clone>(graph: &Graph<N>, start: &N, levels: &Levels<N>, broken: &BTreeSet<N>) -> Vec<N> {
    let mut way: Vec<&N> = vec![start];
    let mut seen: BTreeSet<&N> = BTreeSet::from([start]);
    loop {
        let Some(here) = way.last().copied() else { return Vec::new() };
        let next = graph
            .get(here)
            .into_iter()
            .flatten()
            .find(|child| graph.contains_key(*child) && !levels.contains_key(*child) && !broken.contains(*child));
        let Some(next) = next else { return Vec::new() };
        if !seen.insert(next) {
            let mut ring: Vec<N> = way.into_iter().skip_while(|name| *name != next).cloned().collect();
            let smallest = ring.iter().enumerate().min_by_key(|(_, name)| *name).map_or(0, |(n, _)| n);
            ring.rotate_left(smallest);
            ring.extend(ring.first().cloned());
            return ring;
        }
        way.push(next);
    }
}
