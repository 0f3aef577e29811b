//! The knowledge of a node while it leads: the time at which each node was heard, the leases that are out, the newest
//! readings. Forgotten when it stops leading.
//!
//! Three kinds of leases may be out that this leader did not grant. Earlier leaders granted some until it was
//! elected. One that does not know yet that it leads no more goes on granting for as long as it takes the last
//! answers of a quorum for fresh: a voter that was started anew, or a transfer of the leadership, elects another
//! leader within that time. So no node's lease counts as over before that time and a whole lease have passed since
//! this leader began. Leases that were granted while a longer one was declared are waited for by the ledger
//! ([`Ledger::leases_end`](crate::Ledger::leases_end)).

use super::{Recall, surely_over};
use crate::{
    Command, Inside, Ledger, NodeName, Reading, ServerName, Span, View, config::Timings, ledger::NodeState,
    plan::Checked, time::Moment, view::NodeView,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A leader's knowledge.
#[derive(Clone, Debug)]
pub struct Leading {
    since: Moment,
    /// Greatest age of the last answers of a quorum with which a leader may grant leases.
    fresh: Span,
    /// Whether it has applied everything that was committed before it led.
    ready: bool,
    /// Nodes that the present proposals give up.
    giving_up: BTreeSet<NodeName>,
    /// Whether the outcome of one of these proposals is unknown.
    unsure: bool,
    /// Index up to which it has applied its log, if the log is longer, and the time since which it has got no farther.
    stuck: Option<(u64, Moment)>,
    heard: BTreeMap<NodeName, Heard>,
    readings: BTreeMap<ServerName, Arc<Reading>>,
    inside: BTreeMap<NodeName, Arc<Inside>>,
    /// What the last plan has checked of the readings.
    checked: Checked,
    /// While a plan is being made: nodes that were granted a lease since it began.
    granted: Option<BTreeSet<NodeName>>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    at: Moment,
    reaches_manager: bool,
    leased_until: Option<Moment>,
}

/// A lease that is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Its length, from the moment that the node asked, before any deduction for clocks.
    pub lasts: Span,
    /// Log index up to which the node must have applied the log.
    pub floor: u64,
    /// Sending time of a message that a quorum has answered: from here the leader's own lease counts.
    pub confirmed: Moment,
}

impl Leading {
    /// A node begins to lead. `before` is the leader before it and the time at which it was last heard, so that its
    /// silence counts from there; `fresh` is the greatest age of the last answers of a quorum with which any leader
    /// may grant leases.
    pub fn new(before: Option<(NodeName, Moment)>, fresh: Span, now: Moment) -> Self {
        let heard = before.map(|(node, at)| (node, Heard { at, reaches_manager: true, leased_until: None }));
        Leading {
            since: now,
            fresh,
            ready: false,
            giving_up: BTreeSet::new(),
            unsure: false,
            stuck: None,
            heard: heard.into_iter().collect(),
            readings: BTreeMap::new(),
            inside: BTreeMap::new(),
            checked: Checked::default(),
            granted: None,
        }
    }

    /// Gives its state to `to`, field by field.
    pub(super) fn recall(&self, to: &mut impl Recall) {
        // What is checked saves time, and changes no plan.
        let Leading { since, fresh: _, ready, giving_up, unsure, stuck, heard, readings, inside, checked: _, granted } =
            self;
        to.moment(*since);
        let marks = [*ready, *unsure, stuck.is_some(), granted.is_some()];
        to.word(marks.iter().fold(0, |word: u64, mark| word.wrapping_mul(2).wrapping_add(u64::from(*mark))));
        if let Some((_, at)) = stuck {
            to.moment(*at);
        }
        giving_up.iter().for_each(|node| to.node(node));
        to.word(u64::MAX);
        granted.iter().flatten().for_each(|node| to.node(node));
        to.word(u64::MAX);
        for (node, Heard { at, reaches_manager, leased_until }) in heard {
            to.node(node);
            to.moment(*at);
            to.word(u64::from(*reaches_manager));
            to.word(u64::from(leased_until.is_some()));
            if let Some(until) = leased_until {
                to.moment(*until);
            }
        }
        to.word(u64::MAX);
        readings.values().for_each(|reading| to.reading(reading));
        inside.iter().for_each(|(node, inside)| to.inside(node, inside));
        to.word(u64::MAX);
    }

    /// Records that it has applied everything that was committed before it led: it may plan, and grant leases.
    pub fn caught_up(&mut self) {
        self.ready = true;
    }

    /// Whether it has applied everything that was committed before it led.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Records the proposed commands. Nodes that they give up must not be granted a lease that the ledger does not
    /// know of.
    pub fn proposes(&mut self, commands: &[Command]) {
        self.giving_up.extend(commands.iter().filter_map(given_up).cloned());
    }

    /// Records that a proposal has ended. If its outcome is known (`known`), it and the proposals before it are in
    /// the log, or never will be. Otherwise it may still be committed, and the nodes that it gives up are granted
    /// nothing until that is known.
    pub fn proposed(&mut self, known: bool) {
        self.unsure = !known;
        if known {
            self.giving_up.clear();
        }
    }

    /// Records the last index of its log, and the index up to which it has applied it.
    pub fn log(&mut self, last: u64, applied: u64, now: Moment) {
        if last > applied {
            self.stuck = self.stuck.filter(|(held, _)| *held == applied).or(Some((applied, now)));
            return;
        }
        self.stuck = None;
        if std::mem::take(&mut self.unsure) {
            self.giving_up.clear();
        }
    }

    /// Whether its proposals are decided: a leader whose log gets longer and is not committed grants nothing, so that
    /// the others lose their faith in it however well its heartbeats are answered.
    fn decides(&self, timings: &Timings, now: Moment) -> bool {
        let patience = timings.suspect.plus(timings.lease);
        self.stuck.is_none_or(|(_, since)| now.since(since) <= patience)
    }

    /// Records that a node was heard.
    pub fn hear(&mut self, node: &NodeName, reaches_manager: bool, now: Moment) {
        let heard = self.heard.entry(node.clone()).or_insert(Heard { at: now, reaches_manager, leased_until: None });
        (heard.at, heard.reaches_manager) = (now, reaches_manager);
    }

    /// The log index at which this leader answers; `None` while it may not be the leader, may not know what is
    /// committed, or gets nothing committed.
    pub fn index(&self, ledger: &Ledger, quorum: Option<Span>, now: Moment) -> Option<u64> {
        let sure = quorum.is_some_and(|age| age < self.fresh) && self.decides(&ledger.config.timings, now);
        (sure && self.ready).then_some(ledger.index)
    }

    /// The lease that a node is granted now; `None` if it gets none. `quorum` is the age of a message that a quorum
    /// has answered; the lease of the leader itself counts from there.
    pub fn lease(&mut self, node: &NodeName, ledger: &Ledger, quorum: Option<Span>, now: Moment) -> Option<Granted> {
        self.index(ledger, quorum, now)?;
        let age = quorum?;
        let out = self.giving_up.contains(node) || ledger.nodes.get(node).is_none_or(NodeState::is_out);
        let heard = self.heard.get_mut(node).filter(|_| !out)?;
        let lasts = ledger.config.timings.lease;
        heard.leased_until = Some(now.after(lasts));
        if let Some(granted) = &mut self.granted {
            granted.insert(node.clone());
        }
        Some(Granted { lasts, floor: ledger.index, confirmed: now.before(age) })
    }

    /// Keeps a reading as the last one of its server. If it is older than one that the ledger knows, the ledger
    /// refuses it.
    pub fn read(&mut self, reading: Reading) {
        self.checked.read(&reading.server);
        self.readings.insert(reading.server.clone(), Arc::new(reading));
    }

    /// A plan begins: what the one before has checked of the readings.
    pub(super) fn begins_plan(&mut self) -> Checked {
        self.granted = Some(BTreeSet::new());
        std::mem::take(&mut self.checked)
    }

    /// A plan has been made, and has checked this. It is cut before a command that gives up a node which was granted a
    /// lease since the plan began.
    pub(super) fn ends_plan(&mut self, checked: Checked, commands: &mut Vec<Command>) {
        self.checked.follows(checked);
        let granted = self.granted.take().unwrap_or_default();
        let stands = commands.iter().take_while(|command| given_up(command).is_none_or(|node| !granted.contains(node)));
        let stands = stands.count();
        commands.truncate(stands);
    }

    /// Keeps a node's looks at its own resources.
    pub fn sense(&mut self, node: NodeName, inside: Inside) {
        self.inside.insert(node, Arc::new(inside));
    }

    /// The state of nodes as known now.
    pub fn nodes<'a>(
        &self,
        nodes: impl Iterator<Item = &'a NodeName>,
        timings: &Timings,
        now: Moment,
    ) -> BTreeMap<NodeName, NodeView> {
        nodes.map(|node| (node.clone(), self.look_at(node, timings, now))).collect()
    }

    /// Time at which the next of them falls silent, or certainly has no lease any more, if nothing is heard.
    pub fn next_sign<'a>(
        &self,
        nodes: impl Iterator<Item = &'a NodeName>,
        timings: &Timings,
        now: Moment,
    ) -> Option<Moment> {
        let signs = nodes.flat_map(|node| {
            let silent = self.last_heard(node).after(timings.suspect);
            [silent, silent.max(self.ends(node, timings).after(Span(1)))]
        });
        signs.filter(|at| *at > now).min()
    }

    /// The view for the planner.
    pub fn view<'a>(&self, nodes: impl Iterator<Item = &'a NodeName>, timings: &Timings, now: Moment) -> View {
        View { nodes: self.nodes(nodes, timings, now), readings: self.readings.clone(), inside: self.inside.clone() }
    }

    /// Whether this leader has heard a node at all, and the time for which it has not, counted at most from the time since
    /// which it leads.
    pub(super) fn silence(&self, node: &NodeName, now: Moment) -> (bool, Span) {
        let heard = self.heard.get(node).is_some_and(|heard| heard.at >= self.since);
        (heard, now.since(self.last_heard(node).max(self.since)))
    }

    fn last_heard(&self, node: &NodeName) -> Moment {
        self.heard.get(node).map_or(self.since, |heard| heard.at)
    }

    /// Time until which a lease of a node may be good.
    fn ends(&self, node: &NodeName, timings: &Timings) -> Moment {
        let others = self.since.after(self.fresh).after(timings.lease);
        let until = self.heard.get(node).and_then(|heard| heard.leased_until).map_or(others, |until| until.max(others));
        until.after(Span(surely_over(timings.lease).0.saturating_sub(timings.lease.0)))
    }

    pub(super) fn look_at(&self, node: &NodeName, timings: &Timings, now: Moment) -> NodeView {
        let heard = self.heard.get(node);
        let silence = now.since(self.last_heard(node));
        NodeView {
            heard: heard.is_some_and(|heard| heard.at >= self.since),
            silence,
            lease_over: silence >= timings.suspect && now > self.ends(node, timings),
            reaches_manager: heard.is_none_or(|heard| heard.reaches_manager),
        }
    }
}

/// The node that is granted no lease any more once a command is committed.
fn given_up(command: &Command) -> Option<&NodeName> {
    if let Command::SuspendLeases(node) | Command::LapseNode(node) = command { Some(node) } else { None }
}
