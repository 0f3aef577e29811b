//! Placement: assigns servers to all waiting groups at once, so that none is left stopped that would fit.

use super::Planner;
use crate::{
    Command, GroupName, Refusal, ServerName,
    config::{AutostartPolicy, Failover, Policy},
    ledger::{GroupState, Phase},
    note::{LeaveReason, NotHere, Wait},
    placement::engine::{Door, Verdict, place},
    placement::{Frame, SEARCH_BUDGET, Wish},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Maximum number of placement rounds within one plan.
const ROUNDS: usize = 4;

type Why = BTreeMap<ServerName, NotHere>;

impl Planner<'_> {
    /// Places all waiting groups, the more important ones first where not all fit. Another round follows for groups
    /// whose place was taken by a grant of this round, by a link between the groups.
    pub(super) fn place_waiting(&mut self) {
        for _ in 0..ROUNDS {
            let waiting = std::mem::take(&mut self.to_place);
            if waiting.is_empty() {
                return;
            }
            self.place_all(&waiting);
        }
        self.to_place.clear();
    }

    fn place_all(&mut self, waiting: &[GroupName]) {
        self.placing = true;
        let mut left_out = Vec::new();
        for (name, answer) in self.answers(&self.scratch, waiting) {
            match answer {
                Ok(server) => self.grant(&name, server),
                Err(why) => left_out.push((name, why)),
            }
        }
        if self.scratch.config.brakes.preempt && !left_out.is_empty() {
            self.evict(&left_out);
        }
        for (name, why) in left_out {
            let wait = self.making_room_for(&name).unwrap_or(Wait::NoTarget { why });
            self.tell(&name, Some(wait));
        }
        self.placing = false;
    }

    /// The best server for one group at present, or the reasons against each server.
    pub(super) fn target(&self, name: &GroupName, _group: &GroupState) -> Result<ServerName, Why> {
        let one = [name.clone()];
        self.answers(&self.scratch, &one).pop().map_or(Err(Why::new()), |(_, answer)| answer)
    }

    fn grant(&mut self, name: &GroupName, server: ServerName) {
        if let Some(wait) = self.intolerable(name, &server) {
            return self.tell(name, Some(wait));
        }
        match self.emit(Command::Grant { group: name.clone(), server }) {
            Ok(()) => self.group(name),
            Err(Refusal::NotThere { .. }) => self.to_place.push(name.clone()),
            Err(_) => {}
        }
    }

    /// A server for each of these groups, chosen together, or the reasons against each server.
    fn answers(&self, ledger: &crate::Ledger, names: &[GroupName]) -> Vec<(GroupName, Result<ServerName, Why>)> {
        let mut frame = Frame::new(ledger, |server| self.door(server));
        let mut closed: Vec<(Why, Option<ServerName>)> = Vec::new();
        for name in names {
            let Some(group) = ledger.groups.get(name) else { continue };
            let (wish, why) = self.wish(ledger, name, group);
            frame.add_waiting(name, group, &wish);
            closed.push((why, wish.zone_of));
        }
        frame.bind();
        let verdicts = place(&frame.problem, SEARCH_BUDGET).verdicts;
        let mut answers = Vec::new();
        for (item, verdict) in verdicts {
            let (Some(name), Some((why, from))) = (frame.groups.get(item), closed.get(item)) else { continue };
            let answer = match verdict {
                Verdict::Goes(room) => frame.servers.get(room).map(|server| (*server).clone()).ok_or_else(Why::new),
                Verdict::Waits(obstacles) => {
                    let mut why = why.clone();
                    for (room, obstacle) in obstacles {
                        if let Some(server) = frame.servers.get(room) {
                            why.insert((*server).clone(), frame.reason(obstacle, from.as_ref()));
                        }
                    }
                    Err(why)
                }
            };
            answers.push((name.clone(), answer));
        }
        answers
    }

    /// The placement wishes of a group, and the reasons against servers that cannot take it whatever their room.
    fn wish(&self, ledger: &crate::Ledger, name: &GroupName, group: &GroupState) -> (Wish, Why) {
        let mut wish = Wish::default();
        let mut why = Why::new();
        let Some(declared) = ledger.config.groups.get(name) else { return (wish, why) };
        let first = group.last.is_none();
        let starters = if first { declared.autostart_servers.as_slice() } else { &[] };
        wish.policy = match declared.autostart_policy {
            _ if !first => declared.policy,
            AutostartPolicy::Order | AutostartPolicy::Priority => Policy::Priority,
            AutostartPolicy::Load => Policy::Load,
        };
        let starters = if declared.autostart_policy == AutostartPolicy::Priority { &[] } else { starters };
        if wish.policy == Policy::Load {
            wish.likes = starters.to_vec();
        }
        if let Some(from) = group.fell_from() {
            wish.zone_of = Some(from.clone());
            wish.stays = declared.failover == Failover::Zone;
        }
        let held = group.fell_from().filter(|_| declared.failover == Failover::Never);
        let mut seen = BTreeSet::new();
        for server in starters.iter().chain(&declared.servers).filter(|server| seen.insert(*server)) {
            let barred = held.filter(|from| *from != server).map(|from| NotHere::FailoverOff { from: from.clone() });
            match barred.or_else(|| ledger.unable(name, group, server)) {
                Some(reason) => drop(why.insert(server.clone(), reason)),
                None => wish.candidates.push(server.clone()),
            }
        }
        // The preferred server is the only candidate, if it can take the group.
        if let Some(wanted) = group.prefer.as_ref().filter(|wanted| {
            let able = wish.candidates.contains(wanted) || ledger.unable(name, group, wanted).is_none();
            able && ledger.crowded(name, group, wanted).is_none()
        }) {
            wish = Wish { candidates: vec![wanted.clone()], ..Wish::default() };
        }
        (wish, why)
    }

    /// A server whose own node is silent can take work through a surrogate, but only if no other can.
    fn door(&self, server: &ServerName) -> Door {
        if self.is_orphan(server) { Door::LastResort } else { Door::Open }
    }

    pub(super) fn is_orphan(&self, server: &ServerName) -> bool {
        self.homes.get(server).is_some_and(|node| !self.hears(node))
    }

    /// Makes less important groups leave servers on which more important ones fit in their place.
    fn evict(&mut self, left_out: &[(GroupName, Why)]) {
        let scratch = self.scratch.scratch();
        let mut frame = Frame::new(&scratch, |server| self.door(server));
        let mut reachable: BTreeSet<ServerName> = BTreeSet::new();
        let mut least = 0;
        for (name, _) in left_out {
            let Some(group) = scratch.groups.get(name).filter(|_| self.making_room_for(name).is_none()) else {
                continue;
            };
            let (wish, _) = self.wish(&scratch, name, group);
            reachable.extend(wish.candidates.iter().cloned());
            least = least.max(group.ties.priority);
            frame.add_waiting(name, group, &wish);
        }
        if reachable.is_empty() {
            return;
        }
        for (name, group) in &scratch.groups {
            let Some(tenure) = group.tenure.as_ref().filter(|tenure| reachable.contains(&tenure.server)) else {
                continue;
            };
            let looked_after = scratch.is_looked_after(name) && !group.frozen && group.hold.is_none();
            let idle = matches!(tenure.phase, Phase::Starting | Phase::Online);
            frame.add_running(name, group, std::slice::from_ref(&tenure.server), looked_after && idle);
        }
        frame.bind();
        frame.problem.preempt = true;
        let answer = place(&frame.problem, SEARCH_BUDGET);
        for stop in answer.stops {
            let (Some(victim), Some(by)) = (frame.groups.get(stop.item), frame.groups.get(stop.to_place)) else {
                continue;
            };
            let Some(tenure) = scratch.groups.get(victim).and_then(|group| group.tenure.as_ref()) else { continue };
            let reason = LeaveReason::Evicted(by.clone());
            let leave = Command::Leave { group: victim.clone(), epoch: tenure.epoch, reason };
            if self.emit(leave).is_ok() {
                self.group(victim);
            }
        }
    }

    /// The wait for the groups that leave to make room for this one.
    fn making_room_for(&self, name: &GroupName) -> Option<Wait> {
        let for_it = |group: &Arc<GroupState>| {
            let phase = group.tenure.as_ref().map(|tenure| &tenure.phase);
            matches!(phase, Some(Phase::Leaving { reason: LeaveReason::Evicted(by), .. }) if by == name)
        };
        if !self.scratch.config.brakes.preempt {
            return None;
        }
        let leaving = self.scratch.groups.iter().filter(|(_, group)| for_it(group)).map(|(name, _)| name.clone());
        let groups: BTreeSet<GroupName> = leaving.collect();
        (!groups.is_empty()).then_some(Wait::Eviction { groups })
    }
}
