//! The plan: the leader's next proposals. The leader plans after every change and at every deadline.
//!
//! A plan depends on the present state, never on what changed, so a lost message or a new leader costs time and not
//! correctness. Each command is tried on a scratch copy of the ledger first, by the very code that will apply it: the
//! plan of one call is accepted whole if nothing else happens in between, and refused where something did.

mod groups;
mod links;
mod maintenance;
mod members;
mod migration;
pub(crate) mod news;
mod nodes;
mod place;
mod rest;
mod servers;
mod tolerance;

pub use maintenance::{NoRolling, Turn, rolling};
pub use news::Checked;

use crate::{
    GroupName, Ledger, NodeName, ServerName, Time, View,
    command::{Author, Command},
    ledger::{GroupState, NodeState, Phase},
    note::Wait,
    pace::Want,
    refusal::Refusal,
};
use std::collections::BTreeMap;

/// The next proposals, and the time of the next plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Commands to propose, in order.
    pub commands: Vec<Command>,
    /// Servers of which fresher readings are wanted. The rate of asking is left to [`Pace`](crate::pace::Pace).
    pub probe: BTreeMap<ServerName, Want>,
    /// Time of the next plan, if nothing happens before.
    pub wake_at: Option<Time>,
}

/// Decides what the leader should propose now.
pub fn plan(ledger: &Ledger, view: &View, leader: &NodeName, now: Time) -> Plan {
    plan_on(ledger, view, leader, now, &mut Checked::default())
}

/// The same plan, by a leader that remembers what it has checked before.
pub fn plan_on(ledger: &Ledger, view: &View, leader: &NodeName, now: Time, checked: &mut Checked) -> Plan {
    if ledger.configured == 0 {
        return Plan::default();
    }
    let mut planner = Planner::new(ledger, view, leader, now);
    planner.readings(checked);
    planner.inside();
    planner.nodes();
    planner.watchers();
    planner.logins();
    planner.orders();
    planner.servers();
    planner.silent_nodes();
    planner.upkeep();
    planner.take_stock();
    planner.groups(checked.calm());
    planner.moves();
    planner.wants();
    planner.plan
}

/// One planning pass: a scratch ledger on which every command is tried, and the plan so far.
struct Planner<'a> {
    scratch: Ledger,
    /// The node that lives on each server, cached: the configuration maps nodes to servers.
    homes: BTreeMap<ServerName, NodeName>,
    view: &'a View,
    author: Author,
    ordinal: u32,
    plan: Plan,
    /// Groups that need a server, the most important first.
    to_place: Vec<GroupName>,
    /// Whether these groups are being placed now.
    placing: bool,
    /// Work under way, and room that is booked.
    stock: maintenance::Stock,
    /// The wait to report for the command last held back.
    held_back: Option<Wait>,
}

impl<'a> Planner<'a> {
    fn new(ledger: &Ledger, view: &'a View, leader: &NodeName, now: Time) -> Self {
        let mut scratch = ledger.scratch();
        scratch.index = scratch.index.saturating_add(1);
        scratch.now = scratch.now.max(now);
        let mut homes = BTreeMap::new();
        for (node, declared) in &scratch.config.nodes {
            if let Some(server) = &declared.server {
                homes.entry(server.clone()).or_insert_with(|| node.clone());
            }
        }
        Planner {
            scratch,
            homes,
            view,
            author: Author::Planner(leader.clone()),
            ordinal: 0,
            plan: Plan::default(),
            to_place: Vec::new(),
            placing: false,
            stock: maintenance::Stock::default(),
            held_back: None,
        }
    }

    /// Tries a command on the scratch ledger, and keeps it if it is accepted.
    fn emit(&mut self, command: Command) -> Result<(), Refusal> {
        self.may_go_out(&command)?;
        self.scratch.attempt(&self.author, &command, &mut self.ordinal)?;
        self.count_order(&command);
        self.plan.commands.push(command);
        Ok(())
    }

    fn now(&self) -> Time {
        self.scratch.now
    }

    fn wake(&mut self, at: Time) {
        self.plan.wake_at = Some(self.plan.wake_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// Asks for a look at this server, because something waits for one.
    fn probe(&mut self, server: &ServerName) {
        self.plan.probe.entry(server.clone()).or_default();
    }

    /// Asks for looks at this server while something is under way there whose end only looks show.
    fn follow(&mut self, server: &ServerName) {
        self.plan.probe.entry(server.clone()).or_default().under_way = true;
    }

    /// Sets the log indexes that the wanted looks have to follow: a greater index than before makes a new question.
    fn wants(&mut self) {
        let mut wanted = std::mem::take(&mut self.plan.probe);
        for (server, want) in &mut wanted {
            want.follows = self.mark(server);
        }
        if !wanted.is_empty() {
            let least = wanted.values().map(|want| want.follows).min().unwrap_or_default();
            self.scratch.groups.values().for_each(|group| mark_by(group, least, &mut wanted));
        }
        self.plan.probe = wanted;
    }

    /// The last log index that made earlier readings of a server worthless for some purpose, besides those of groups.
    fn mark(&self, server: &ServerName) -> u64 {
        let state = self.scratch.servers.get(server);
        let home = self.homes.get(server).and_then(|node| self.scratch.nodes.get(node));
        let own = [
            state.and_then(|state| state.dirty).map(|dirty| dirty.index),
            state.and_then(|state| state.off.as_ref()).map(|off| off.index),
            home.and_then(|node| self.scratch.reads_from(node)),
            Some(self.scratch.configured),
        ];
        own.into_iter().flatten().max().unwrap_or_default()
    }

    /// Whether a node is heard, to the leader's knowledge.
    fn hears(&self, node: &NodeName) -> bool {
        let lapsed = self.scratch.nodes.get(node).is_none_or(NodeState::is_out);
        let suspect = self.scratch.config.timings.suspect;
        !lapsed && self.view.nodes.get(node).is_none_or(|view| view.silence < suspect)
    }

    /// Whether the server has no node that is heard: its own is silent, or there is none.
    fn is_silent(&self, server: &ServerName) -> bool {
        self.homes.get(server).is_none_or(|node| !self.hears(node))
    }
}

/// Raises the marks of the servers of a group. Most groups have none above the least of all marks.
fn mark_by(group: &GroupState, least: u64, wanted: &mut BTreeMap<ServerName, Want>) {
    let begun = group.tenure.as_ref().and_then(|tenure| match &tenure.phase {
        Phase::Leaving { index, .. } => Some((tenure, *index)),
        Phase::Migrating(migration) => Some((tenure, migration.index)),
        Phase::Starting | Phase::Online => None,
    });
    let all = begun.map(|(_, index)| index).max(group.judged_from()).unwrap_or_default();
    for (server, copy) in group.copies.values().flatten() {
        if all.max(copy.quiet_from) <= least {
            continue;
        }
        let Some(want) = wanted.get_mut(server) else { continue };
        let begun = begun.filter(|(tenure, _)| tenure.covers(server)).map(|(_, index)| index);
        let mark = begun.max(group.judged_from()).unwrap_or_default().max(copy.quiet_from);
        want.follows = want.follows.max(mark);
    }
}
