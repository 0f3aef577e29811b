//! Overlaps: one resource active on several servers at once. What has written to its disks meanwhile is for people to find
//! out, so it is kept until one of them says that they have looked.
//!
//! It is noted where looks are taken in, and not where something is done about it: nothing is done about a group that is
//! only watched, or about a copy that a server has started by itself.

use super::{GroupState, Ledger, Whereabouts, apply::Applying};
use crate::{GroupName, Note, Power, Refusal, ResourceName, ServerName, Span, Time, Verb, note::Conflict};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// The overlaps of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlaps {
    /// The one that goes on, by the last readings.
    pub now: Option<Overlap>,
    /// Those that are over, until they are acknowledged.
    pub past: Option<PastOverlaps>,
}

/// One time at which a resource was active on several servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// The copies that were active meanwhile.
    pub places: Conflict,
    /// Log index at which that was found.
    pub found: u64,
    /// Cluster time of that entry.
    pub since: Time,
    /// Wall clock at that entry, for people.
    pub at: Time,
    /// Time until no more than one was read active; zero while it goes on.
    pub lasted: Span,
    /// Whether all were read active again after that: then they were so at the same time. Otherwise one of them may have
    /// gone between two readings.
    pub certain: bool,
}

/// The overlaps of a group that are over: as many words for a thousand as for three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastOverlaps {
    /// Their number.
    pub count: u32,
    /// The first.
    pub first: Overlap,
    /// The one that lasted longest.
    pub longest: Overlap,
    /// The last.
    pub last: Overlap,
}

impl PastOverlaps {
    fn with(known: Option<Self>, over: Overlap) -> Self {
        let Some(known) = known else {
            return PastOverlaps { count: 1, first: over.clone(), longest: over.clone(), last: over };
        };
        let weight = |one: &Overlap| (one.certain, one.lasted);
        let longest = if weight(&over) > weight(&known.longest) { over.clone() } else { known.longest };
        PastOverlaps { count: known.count.saturating_add(1), first: known.first, longest, last: over }
    }
}

impl Overlap {
    fn resources(&self) -> BTreeSet<&ResourceName> {
        self.places.active.values().flatten().collect()
    }

    fn add(&mut self, more: &Conflict) {
        for (server, resources) in &more.active {
            self.places.active.entry(server.clone()).or_default().extend(resources.iter().cloned());
        }
    }
}

impl Ledger {
    /// The copies of resources that are active on several servers by the last readings, on servers that are not proven off.
    /// One that is being moved is not, unless it stands still on both: all places that read Moving are those of one copy.
    fn doubled(&self, group: &GroupState) -> Conflict {
        let mut all = Conflict { active: Default::default() };
        for (resource, copies) in group.owned() {
            let runs = |(server, copy): &(&ServerName, &super::CopyState)| {
                copy.is_active() && self.reads_off(group, resource, server).is_err()
            };
            let servers: Vec<&ServerName> = copies.iter().filter(runs).map(|(server, _)| server).collect();
            let moves = |tenure: &&super::Tenure| {
                tenure.migration().is_some() && servers.iter().all(|server| tenure.covers(server))
            };
            let on_the_way = group.tenure.as_ref().filter(moves).is_some_and(|tenure| {
                self.is_mobile(resource) && self.whereabouts(group, tenure, resource) != Whereabouts::Twice
            });
            let still = servers.iter().filter(|server| copies[**server].power != Power::Moving).count();
            let is_twice = still > 1 || (still == 1 && servers.len() > 1);
            if !is_twice || on_the_way {
                continue;
            }
            for server in servers {
                all.active.entry(server.clone()).or_default().insert(resource.clone());
            }
        }
        all
    }

    /// Whether all these copies were read by looks that followed this index.
    fn all_read_since(&self, group: &GroupState, places: &Conflict, index: u64) -> bool {
        places.active.iter().all(|(server, resources)| {
            resources.iter().all(|resource| {
                let copy = group.copies.get(resource).and_then(|copies| copies.get(server));
                copy.and_then(|copy| copy.since).is_some_and(|since| since >= index)
            })
        })
    }

    /// Whether an overlap may be shown as one. That of something that moves between servers is one only if it is certain.
    fn counts(&self, overlap: &Overlap) -> bool {
        overlap.certain || overlap.resources().into_iter().any(|resource| !self.is_mobile(resource))
    }

    /// The overlaps of a group, with the one that goes on as if it were over now.
    pub(super) fn overlaps_until_now(&self, group: &GroupState) -> Option<PastOverlaps> {
        let past = group.overlaps.past.clone();
        match self.overlap_of(group) {
            None => past,
            Some(now) => Some(PastOverlaps::with(past, Overlap { lasted: self.now.since(now.since), ..now.clone() })),
        }
    }

    /// The overlap of a group that goes on.
    pub fn overlap_of<'a>(&self, group: &'a GroupState) -> Option<&'a Overlap> {
        group.overlaps.now.as_ref().filter(|overlap| self.counts(overlap))
    }
}

impl Applying<'_> {
    /// Notes whether a resource of the group is active on several servers, after a look or a proof has changed that.
    pub(super) fn count_copies(&mut self, name: &GroupName) {
        let (index, now, at) = (self.ledger.index, self.ledger.now, self.ledger.wall);
        let Some(group) = self.ledger.groups.get(name).map(Arc::clone) else { return };
        let places = self.ledger.doubled(&group);
        let doubled = !places.active.is_empty();
        let next = match (&group.overlaps.now, doubled) {
            (None, false) => return,
            (None, true) => {
                let overlap = Overlap { places, found: index, since: now, at, lasted: Span(0), certain: false };
                Some(overlap)
            }
            (Some(known), true) => {
                let mut overlap = known.clone();
                overlap.add(&places);
                overlap.certain |= self.ledger.all_read_since(&group, &places, known.found);
                Some(overlap)
            }
            (Some(known), false) => {
                self.overlap_is_over(name, &Overlap { lasted: now.since(known.since), ..known.clone() });
                None
            }
        };
        if next != group.overlaps.now
            && let Ok(group) = self.group_mut(name)
        {
            group.overlaps.now = next;
        }
    }

    /// The same for every group that has an overlap, after a proof or a configuration has taken copies away.
    pub(super) fn recount_overlaps(&mut self) {
        let open = self.ledger.groups.iter().filter(|(_, group)| group.overlaps.now.is_some());
        let open: Vec<GroupName> = open.map(|(name, _)| name.clone()).collect();
        open.iter().for_each(|name| self.count_copies(name));
    }

    fn overlap_is_over(&mut self, name: &GroupName, over: &Overlap) {
        // What one entry tells is in no order: the one may have gone before the other came.
        let at_once = over.found == self.ledger.index && !over.certain;
        if at_once || !self.ledger.counts(over) {
            return;
        }
        let Ok(group) = self.group_mut(name) else { return };
        group.overlaps.past = Some(PastOverlaps::with(group.overlaps.past.take(), over.clone()));
        let (group, places) = (name.clone(), over.places.clone());
        self.note(Note::Overlap { group, places, lasted: over.lasted, certain: over.certain });
    }

    /// Forgets the overlaps that are over, because an operator has looked at what they have done.
    pub(super) fn ask_acknowledge(&mut self, name: &GroupName) -> Result<(), Refusal> {
        let goes_on = self.ledger.overlap_of(self.group(name)?).is_some();
        if self.group_mut(name)?.overlaps.past.take().is_none() {
            let group = name.clone();
            return Err(if goes_on { Refusal::OverlapGoesOn { group } } else { Refusal::NoOverlap { group } });
        }
        self.asked(Verb::Acknowledge { group: name.clone() });
        Ok(())
    }
}
