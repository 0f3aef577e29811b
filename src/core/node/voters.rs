//! Who votes: few of the members, by the size of the cluster. The others follow the log, and act and watch like voters.
//!
//! [`next`] is the whole rule. It names one change at a time, each to a set of voters that can decide at once, and none where
//! nothing is to be done or nobody fit is there. A voter that lives is never deposed; one that is gone for good is replaced.

use crate::NodeName;
use std::collections::{BTreeMap, BTreeSet};

/// Most voters that there can be by this rule: each change waits for most of them.
pub const MOST: usize = 7;

/// A member, as its leader knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Whether it votes.
    pub votes: bool,
    /// Whether it leads: it is never deposed.
    pub leads: bool,
    /// Whether it was heard a moment ago.
    pub answers: bool,
    /// Whether it has been silent for so long that it counts as gone for good.
    pub gone: bool,
    /// Whether it can be given a vote: it has the log, and is not about to stop.
    pub fit: bool,
    /// The zone of its server. All members without one are in one zone.
    pub zone: Option<String>,
}

/// A change of voters, made in one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// These get a vote.
    pub promoted: BTreeSet<NodeName>,
    /// These lose it, and go on as learners.
    pub deposed: BTreeSet<NodeName>,
}

/// The members, by their names.
pub type Members = BTreeMap<NodeName, Member>;

/// The number of voters that so many members should have. Always odd: an even number survives no more losses than the odd one
/// below it, and needs one more answer for each decision.
pub fn target(members: usize) -> usize {
    match members {
        0..=2 => 1,
        3..=4 => 3,
        5..=8 => 5,
        _ => MOST,
    }
}

/// The next change of voters, if one is due.
pub fn next(members: &Members) -> Option<Change> {
    let voters: BTreeSet<&NodeName> = members.iter().filter(|(_, one)| one.votes).map(|(name, _)| name).collect();
    let wanted = target(members.len());
    let change = replaced(members, &voters, wanted).or_else(|| grown(members, &voters, wanted))?;
    let stay = voters.iter().copied().filter(|name| !change.deposed.contains(*name));
    let left: BTreeSet<&NodeName> = stay.chain(&change.promoted).collect();
    (decides(members, &voters) && decides(members, &left)).then_some(change)
}

/// Whether so many of these answer that they decide.
fn decides(members: &Members, voters: &BTreeSet<&NodeName>) -> bool {
    let answers = |name: &&&NodeName| members.get(**name).is_some_and(|one| one.answers);
    voters.iter().filter(answers).count().saturating_mul(2) > voters.len()
}

/// A voter that is gone for good gives its place to another member. If there are too many voters, it gives it to nobody.
fn replaced(members: &Members, voters: &BTreeSet<&NodeName>, wanted: usize) -> Option<Change> {
    let is_gone = |name: &&&NodeName| members.get(**name).is_some_and(|one| one.gone && !one.leads);
    let gone = (*voters.iter().find(is_gone)?).clone();
    let others = voters.iter().copied().filter(|name| **name != gone).collect();
    let promoted = match voters.len() > wanted {
        true => BTreeSet::new(),
        false => BTreeSet::from([candidates(members, &others).next()?]),
    };
    Some(Change { promoted, deposed: [gone].into() })
}

/// There are fewer voters than wanted: one more, or two more if one would make their number even.
fn grown(members: &Members, voters: &BTreeSet<&NodeName>, wanted: usize) -> Option<Change> {
    let missing = wanted.checked_sub(voters.len()).filter(|missing| *missing > 0)?;
    let step = if missing.is_multiple_of(2) { 2 } else { 1 };
    let mut chosen = voters.clone();
    let mut promoted = BTreeSet::new();
    for _ in 0..step {
        // Whom it is near to depends on who was chosen before.
        let next = candidates(members, &chosen).next()?;
        let (name, _) = members.get_key_value(&next)?;
        chosen.insert(name);
        promoted.insert(next);
    }
    Some(Change { promoted, deposed: BTreeSet::new() })
}

/// Number of these in each zone.
fn crowds<'a>(members: &'a Members, voters: &BTreeSet<&NodeName>) -> BTreeMap<Option<&'a str>, usize> {
    let mut crowds = BTreeMap::new();
    for one in voters.iter().filter_map(|name| members.get(*name)) {
        let crowd: &mut usize = crowds.entry(one.zone.as_deref()).or_default();
        *crowd = crowd.saturating_add(1);
    }
    crowds
}

/// Members that can be given a vote besides these, the best first: those of the zone with the fewest voters.
fn candidates(members: &Members, voters: &BTreeSet<&NodeName>) -> impl Iterator<Item = NodeName> {
    let crowds = crowds(members, voters);
    let able = |(name, one): &(&NodeName, &Member)| one.fit && one.answers && !one.gone && !voters.contains(*name);
    let mut able: Vec<(usize, &NodeName)> = members
        .iter()
        .filter(able)
        .map(|(name, one)| (crowds.get(&one.zone.as_deref()).copied().unwrap_or_default(), name))
        .collect();
    able.sort();
    able.into_iter().map(|(_, name)| name.clone()).collect::<Vec<_>>().into_iter()
}
