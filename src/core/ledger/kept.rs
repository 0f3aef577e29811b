//! What outlives the present: what was declared, what people said, and how things are told apart.
//!
//! After a majority is lost for ever, and where a backup is restored, the ledger goes on without anything that was true of a
//! moment: tenures, orders, readings, leases and processes. Others may have acted since, and may act for a while yet. So
//! nothing is taken for off before it was read, and no reading counts before every start that somebody may have sent has
//! settled. The cluster is disarmed, and stays so as long as a node that was given up may run.

use super::{CopyState, GroupState, Intent, Leases, Ledger, NodeState, ServerState, StartRisk, Storm, Upkeep};
use super::{GroupUpkeep, Maintenance, Overlaps, PastOverlaps, apply::Applying, trust};
use crate::{
    ForeignText, GroupName, NodeName, Note, Refusal, ResourceName, ServerName, ServiceName, Span, Time, UserName,
    config::Cluster,
    node::surely_over,
    note,
    note::FaultReason,
    order::Epoch,
    terms::Kept as Said,
    trust::{FIRST_USER, Hash, Rights, User},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Time for which a leader that is not known to be replaced may go on granting leases.
pub(super) const DEPOSED: Span = Span::seconds(5);

/// What outlives the present.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Cluster time at which it was so: times in it are as long ago as they were then.
    pub now: Time,
    /// The cluster, as it was declared.
    pub cluster: Arc<Cluster>,
    /// The last granted epoch.
    pub epoch: Epoch,
    /// A storm that nobody has resumed from.
    pub storm: Option<Storm>,
    /// Servers whose storm an operator has resumed from.
    pub forgiven: BTreeSet<ServerName>,
    /// Maintenance state of each server.
    pub servers: BTreeMap<ServerName, Upkeep>,
    /// How the LPAR of each node is known.
    pub nodes: BTreeMap<NodeName, KeptNode>,
    /// What was said of each group.
    pub groups: BTreeMap<GroupName, KeptGroup>,
    /// The users, with their rights.
    pub users: BTreeMap<UserName, Rights>,
}

/// How the LPAR of a node is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptNode {
    /// Whether the node has ever reported anything.
    pub met: bool,
    /// Whether it has read the declared LPAR Running: then it is its own.
    pub known: bool,
    /// The UUID of that LPAR.
    #[serde(deserialize_with = "crate::foreign::identity")]
    pub lpar: Option<String>,
}

/// What was said of a group, and how its LPARs are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptGroup {
    /// The administrators' intent.
    pub intent: Intent,
    /// Whether it was flushed.
    pub flushed: bool,
    /// Servers on which it failed.
    pub faults: BTreeMap<ServerName, (Time, FaultReason)>,
    /// Server on which it is wanted next.
    pub prefer: Option<ServerName>,
    /// Server of its last tenure, or of the one that it had.
    pub last: Option<ServerName>,
    /// Services that were asked to start.
    pub queued: BTreeSet<ServiceName>,
    /// Its maintenance state.
    pub upkeep: GroupUpkeep,
    /// The times at which two copies of it were active, until somebody has looked at what they did.
    pub overlaps: Option<PastOverlaps>,
    /// Each LPAR on each server where something is known of its identity.
    pub copies: BTreeMap<ResourceName, BTreeMap<ServerName, KeptCopy>>,
}

/// How an LPAR is known on a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCopy {
    /// Its UUID.
    #[serde(deserialize_with = "crate::foreign::identity")]
    pub uuid: Option<String>,
    /// Whether it was listed there, without evidence that it has gone elsewhere since.
    pub listed: bool,
}

impl Ledger {
    /// What outlives the present.
    pub fn kept(&self) -> Kept {
        let users = self.trust.users.iter().map(|(name, user)| (name.clone(), user.rights.clone()));
        let node = |state: &NodeState| KeptNode { met: state.met, known: state.known, lpar: state.lpar.clone() };
        Kept {
            now: self.now,
            cluster: Arc::clone(self.declared()),
            epoch: self.epoch,
            storm: self.maintenance.storm.clone(),
            forgiven: self.maintenance.forgiven.clone(),
            servers: self.servers.iter().map(|(name, state)| (name.clone(), state.upkeep.clone())).collect(),
            nodes: self.nodes.iter().map(|(name, state)| (name.clone(), node(state))).collect(),
            groups: self.groups.iter().map(|(name, group)| (name.clone(), self.kept_group(group))).collect(),
            users: users.collect(),
        }
    }

    /// Nodes that were given up and may run all the same: none of them has joined anew, and nothing proves them off.
    pub fn unaccounted(&self) -> BTreeSet<NodeName> {
        let off = |name: &NodeName| {
            let server = self.config.nodes.get(name).and_then(|declared| declared.server.as_ref());
            let dead = server.and_then(|server| self.servers.get(server)).is_some_and(|state| state.off.is_some());
            let proven = |state: &NodeState| state.off().is_some() || self.node_proof(name, state).is_some();
            dead || self.nodes.get(name).is_none_or(proven)
        };
        self.maintenance.given_up.iter().filter(|name| !off(name)).cloned().collect()
    }

    fn kept_group(&self, group: &GroupState) -> KeptGroup {
        let known = |copy: &CopyState| KeptCopy { uuid: copy.uuid.clone(), listed: copy.listed.is_some() };
        let copies = group.copies.iter().filter_map(|(resource, copies)| {
            let known: BTreeMap<_, _> = copies.iter().map(|(server, copy)| (server.clone(), known(copy))).collect();
            let known: BTreeMap<_, _> = known.into_iter().filter(|(_, copy)| *copy != KeptCopy::default()).collect();
            (!known.is_empty()).then(|| (resource.clone(), known))
        });
        KeptGroup {
            intent: group.intent,
            flushed: group.flushed,
            faults: group.faults.clone(),
            prefer: group.prefer.clone(),
            last: group.tenure.as_ref().map(|tenure| tenure.server.clone()).or_else(|| group.last.clone()),
            queued: group.queued.clone(),
            upkeep: group.upkeep.clone(),
            overlaps: self.overlaps_until_now(group),
            copies: copies.collect(),
        }
    }
}

/// Moves times from one ledger's cluster time to another's.
#[derive(Clone, Copy)]
struct Shift {
    from: Time,
    to: Time,
}

impl Shift {
    fn time(self, at: Time) -> Time {
        match at.0.checked_sub(self.from.0) {
            Some(ahead) => self.to.after(Span(ahead)),
            None => Time(self.to.0.saturating_sub(self.from.since(at).0)),
        }
    }

    fn upkeep(self, upkeep: &Upkeep) -> Upkeep {
        let mut new = upkeep.clone();
        new.returns.iter_mut().for_each(|at| *at = self.time(*at));
        new.quarantine = new.quarantine.map(|at| self.time(at));
        new.open_since = None;
        new.freeze.iter_mut().for_each(|freeze| self.said(freeze));
        if let Some(drain) = &mut new.drain {
            self.said(&mut drain.kept);
            drain.told = None;
        }
        new
    }

    fn said(self, said: &mut Said) {
        said.since = self.time(said.since);
        said.until = said.until.map(|at| self.time(at));
    }

    fn overlaps(self, mut past: PastOverlaps) -> PastOverlaps {
        for one in [&mut past.first, &mut past.longest, &mut past.last] {
            one.since = self.time(one.since);
        }
        past
    }

    fn group_upkeep(self, upkeep: &GroupUpkeep) -> GroupUpkeep {
        let mut new = GroupUpkeep { stayed: false, ..upkeep.clone() };
        new.strange.values_mut().flatten().for_each(|at| *at = self.time(*at));
        new.cleared = new.cleared.map(|at| self.time(at));
        new.freeze.iter_mut().for_each(|freeze| self.said(freeze));
        new
    }
}

impl Applying<'_> {
    /// A majority of the voters is lost for ever, and one node goes on alone.
    pub(super) fn give_up_majority(&mut self, by: &ForeignText, survivor: &NodeName) -> Result<(), Refusal> {
        let kept = self.ledger.kept();
        let index = self.ledger.index;
        let ledger = &mut *self.ledger;
        ledger.orders.clear();
        ledger.processes.clear();
        ledger.trust.tokens.clear();
        ledger.trust.acts.clear();
        let others: BTreeSet<NodeName> = ledger.trust.nodes.keys().filter(|node| *node != survivor).cloned().collect();
        others.iter().for_each(|node| self.forget_credential(node));
        self.begin_afresh(&kept, by, "the majority was given up");
        let nodes: BTreeSet<NodeName> =
            self.ledger.config.nodes.keys().filter(|node| *node != survivor).cloned().collect();
        if let Some(state) = self.ledger.nodes.get_mut(survivor) {
            state.leases = Leases::Granted;
        }
        self.ledger.maintenance.given_up = nodes.clone();
        // Readings of the present begin here, also those that were taken under the same configuration.
        self.ledger.configured = if self.ledger.configured > 0 { index } else { 0 };
        self.note(Note::MajorityGivenUp { by: by.clone(), survivor: survivor.clone(), nodes });
        Ok(())
    }

    /// Takes up what a backup of another cluster holds, in one in which nothing was declared yet.
    pub(super) fn restore(&mut self, kept: &Kept, image: Hash) -> Result<(), Refusal> {
        let strangers = self.ledger.trust.users.keys().any(|user| user.as_str() != FIRST_USER);
        if self.ledger.configured > 0 || strangers {
            return Err(Refusal::NotEmpty);
        }
        let mistakes = kept.cluster.mistakes_at(self.ledger.level);
        if !mistakes.is_empty() {
            return Err(Refusal::Invalid(note::mistakes(&mistakes)));
        }
        self.declare(&kept.cluster);
        self.ledger.epoch = self.ledger.epoch.max(kept.epoch);
        let by = self.by();
        self.begin_afresh(kept, &by, "a backup was restored");
        let present = |node: &&NodeName| self.ledger.processes.contains_key(*node);
        let nodes: BTreeSet<NodeName> =
            self.ledger.config.nodes.keys().filter(|node| !present(node)).cloned().collect();
        self.ledger.maintenance.given_up = nodes;
        let (index, since) = (self.ledger.index, self.ledger.wall);
        let known = kept.users.iter().filter(|(name, _)| name.as_str() != FIRST_USER && trust::is_name(name));
        for (name, rights) in known.take(trust::USER_LIMIT.saturating_sub(1)) {
            let (rights, by) = (rights.clone(), UserName::from(by.as_str()));
            let user = User { id: index, rights, since, by, certificates: BTreeMap::new() };
            self.ledger.trust.users.insert(name.clone(), user);
        }
        let groups = self.ledger.declared().groups.len();
        self.note(Note::Restored { by, image: super::short_fingerprint(&image), groups });
        Ok(())
    }

    /// The declared things, with what was said of them, and with nothing that was true of a moment. Whatever may be on its way
    /// is waited for, as if every start had been sent just now by somebody who has not answered.
    fn begin_afresh(&mut self, kept: &Kept, by: &ForeignText, why: &str) {
        let ledger = &mut *self.ledger;
        let (index, now) = (ledger.index, ledger.now);
        let shift = Shift { from: kept.now, to: now };
        let timings = &ledger.config.timings;
        let over = now.after(surely_over(timings.lease)).after(DEPOSED);
        ledger.leases_end = ledger.leases_end.max(over);
        ledger.settles_end = ledger.settles_end.max(over.after(timings.settle));
        for (name, state) in &mut ledger.servers {
            let upkeep = kept.servers.get(name).map(|upkeep| shift.upkeep(upkeep)).unwrap_or_default();
            *state = ServerState { declared: index, upkeep, ..ServerState::default() };
        }
        for (name, state) in &mut ledger.nodes {
            let KeptNode { met, known, lpar } = kept.nodes.get(name).cloned().unwrap_or_default();
            *state = NodeState { met, known, lpar, leases: Leases::Suspended { from: index }, ..NodeState::default() };
        }
        let mut storm = kept.storm.clone().map(|storm| Storm { since: shift.time(storm.since), ..storm });
        storm.iter_mut().for_each(|storm| storm.servers.retain(|server| ledger.servers.contains_key(server)));
        let forgiven = kept.forgiven.clone();
        let disarm = Some(Said { by: by.clone(), reason: Some(why.into()), since: now, until: None });
        ledger.maintenance = Maintenance { disarmed: true, disarm, storm, forgiven, given_up: BTreeSet::new() };
        let fresh = KeptGroup::default();
        for (name, group) in &mut ledger.groups {
            let said = kept.groups.get(name).unwrap_or(&fresh);
            let listed =
                |server: &ServerName| ledger.config.groups.get(name).is_some_and(|it| it.servers.contains(server));
            *group = Arc::new(begun_afresh(group, said, shift, index, listed));
        }
        self.reconcile_maintenance();
        self.recount();
    }
}

fn begun_afresh(
    group: &GroupState,
    said: &KeptGroup,
    shift: Shift,
    index: u64,
    listed: impl Fn(&ServerName) -> bool,
) -> GroupState {
    let copies = group.copies.iter().map(|(resource, copies)| {
        let known = said.copies.get(resource);
        let risk = if group.passive.contains(resource) { StartRisk::None } else { StartRisk::Loose(shift.to) };
        let copy = |server: &ServerName| {
            let KeptCopy { uuid, listed } = known.and_then(|known| known.get(server)).cloned().unwrap_or_default();
            let listed = listed.then_some(index);
            CopyState { declared: index, quiet_from: index, risk, uuid, listed, ..CopyState::default() }
        };
        (resource.clone(), copies.keys().map(|server| (server.clone(), copy(server))).collect())
    });
    let faults = said
        .faults
        .iter()
        .filter(|(server, _)| listed(server))
        .map(|(server, (at, why))| (server.clone(), (shift.time(*at), why.clone())));
    GroupState {
        intent: said.intent,
        flushed: said.flushed,
        faults: faults.collect(),
        prefer: said.prefer.clone().filter(&listed),
        last: said.last.clone().filter(&listed),
        queued: said.queued.intersection(&group.ties.services).cloned().collect(),
        upkeep: shift.group_upkeep(&said.upkeep),
        overlaps: Overlaps { now: None, past: said.overlaps.clone().map(|past| shift.overlaps(past)) },
        copies: copies.collect(),
        passive: group.passive.clone(),
        ties: group.ties.clone(),
        frozen: group.frozen,
        ..GroupState::default()
    }
}
