//! Fingerprints: two states with the same fingerprint behave alike.
//!
//! Log indexes are compared only with each other, and those of readings only with others about the same server: so
//! each counts by its rank, per server. Times count by age, in steps of the shortest timeout, up to the longest. What
//! only gives reasons (texts, waits, the journal) is left out.
//!
//! Every struct is destructured to its last field, so that a new field does not compile before somebody has decided
//! how it counts; the nodes write their own memory (`node::Recall`).

use super::{
    model::{Copy, Flight, Job, Life, Mail, NODES, Node, Power, SERVERS, Server, State, Told, Transit, What},
    site::{SUSPECT, Site},
};
use std::hash::{DefaultHasher, Hash, Hasher};
use tenure_core::{
    Command, Inside, Ledger, Moment, NodeName, Order, OrderId, Reading, Report, ResourceName, Seen, ServerName, Span,
    Time,
    execution::Ask,
    ledger::{self, GroupState, Intent, Migration, NodeState, Phase, Run, ServerState, StartRisk, Tenure},
    node::Recall,
    order::{Action, Ending, Epoch},
};

/// Longer than any timeout, in steps.
const OLD: u64 = 30;
/// Longer than any lease, and than the budget of any order, in steps.
const PAST_LEASES: u64 = 8;
/// Families of ranks: order identities; readings of server `i` are family `i`, serial numbers of its readings family
/// `ORDERS + 1 + i`, orders that an earlier process of node `i` may have taken up family `PASTS + i`.
const ORDERS: usize = SERVERS;
const PASTS: usize = 2 * SERVERS + 1;

struct Print<'a> {
    site: &'a Site,
    words: Vec<u64>,
    /// Indexes into `words` of values that count by rank, by the family within which they are compared.
    ranked: [Vec<usize>; PASTS + NODES],
    /// Cluster time now, and the moment on every node's clock.
    now: Time,
    moment: Moment,
    epoch: u64,
    /// The node whose memory is being written, and the last log index that it has applied.
    node: usize,
    applied: u64,
}

/// The fingerprint of a state.
pub(super) fn fingerprint(site: &Site, state: &State) -> u128 {
    let clock = |node: &Node| node.brain.clock().now(state.moment);
    let leader = state.leader.map(|leader| &state.nodes[leader]);
    let now = leader.map(clock).or_else(|| state.nodes.iter().map(clock).max()).unwrap_or_default();
    let mut print = Print {
        site,
        words: Vec::with_capacity(384),
        ranked: std::array::from_fn(|_| Vec::new()),
        now,
        moment: state.moment,
        epoch: state.ledger.epoch.0,
        node: 0,
        applied: 0,
    };
    print.ledger(&state.ledger);
    print.state(state);
    print.finish(state)
}

/// Steps from `then` to `now`.
fn steps(now: u64, then: u64) -> u64 {
    (now / SUSPECT.0).saturating_sub(then / SUSPECT.0)
}

impl Print<'_> {
    fn count(&mut self, word: impl Into<u64>) {
        self.words.push(word.into());
    }
    fn place(&mut self, place: usize) {
        self.words.push(place as u64);
    }
    fn ranked(&mut self, family: usize, word: u64) {
        self.ranked[family].push(self.words.len());
        self.words.push(word);
    }
    fn maybe_index(&mut self, server: usize, index: Option<u64>) {
        match index {
            Some(index) => self.ranked(server, index),
            None => self.count(u64::MAX),
        }
    }
    fn serial(&mut self, server: usize, node: usize, serial: u64) {
        self.ranked(ORDERS + 1 + server, ((node as u64) << 48) | serial);
    }
    fn age(&mut self, time: Time, most: Span) {
        self.count(steps(self.now.0, time.0).min(most.0.div_ceil(SUSPECT.0)));
    }
    fn maybe_age(&mut self, time: Option<Time>, most: Span) {
        match time {
            Some(time) => self.age(time, most),
            None => self.count(u64::MAX),
        }
    }
    fn marks(&mut self, marks: &[bool]) {
        self.count(marks.iter().fold(0, |word: u64, mark| word * 2 + u64::from(*mark)));
    }
    /// Epochs are only compared with each other.
    fn epoch(&mut self, epoch: Epoch) {
        self.count(self.epoch.saturating_sub(epoch.0));
    }
    fn end(&mut self) {
        self.count(u64::MAX);
    }

    fn ledger(&mut self, ledger: &Ledger) {
        let Ledger {
            // All other indexes are compared with each other, not with this one.
            index: _,
            level: _,
            now: _,
            wall: _,
            // The configuration never changes.
            leases_end: _,
            settles_end: _,
            epoch: _,
            config: _,
            typed: _,
            configured: _,
            servers,
            nodes,
            groups,
            // No operator disarms the tiny world, and two servers make no storm.
            maintenance: _,
            hmcs: _,
            contacts: _,
            orders,
            // Whether this is the process that runs is written with the node.
            processes: _,
            // History only.
            journal: _,
            requests: _,
            request_order: _,
            // Users do not change in these histories.
            trust: _,
        } = ledger;
        for (at, state) in servers.values().enumerate() {
            self.server_state(at, state);
        }
        for (at, state) in nodes.values().enumerate() {
            self.node_state(at, state);
        }
        for group in groups.values() {
            self.group(group);
        }
        for order in orders.values() {
            Recall::order(self, order);
            self.age(order.issued, SUSPECT.times(OLD));
        }
        self.end();
    }

    fn server_state(&mut self, at: usize, state: &ServerState) {
        let timings = &self.site.cluster.timings;
        let (monitor, settle) = (timings.monitor, timings.settle);
        let ServerState {
            watcher,
            system,
            live,
            node,
            node_alarm: _,
            declared: _,
            since,
            read,
            vios: _,
            off,
            dirty,
            fence,
            fence_failed,
            // Only shown.
            lpars_read: _,
            // Matters only after no HMC has answered.
            live_since: _,
            used: _,
            limits_used: _,
            groups: _,
            wait: _,
            upkeep,
        } = state;
        self.place(watcher.as_ref().map_or(NODES, |node| self.site.node(node)));
        self.count(*system as u64 * 64 + u64::from(*live) * 32 + *node as u64);
        self.maybe_index(at, *since);
        if let Some((node, serial)) = read {
            self.serial(at, self.site.node(node), *serial);
        }
        self.maybe_index(at, off.as_ref().map(|off| off.index));
        self.maybe_index(at, dirty.map(|dirty| dirty.index));
        self.maybe_age(dirty.and_then(|dirty| dirty.up), settle);
        self.maybe_index(ORDERS, fence.map(|id| id.index));
        self.maybe_age(*fence_failed, monitor);
        // Groups to bring back. Returns are not counted here, and the time a server opened matters only for failback,
        // which is off.
        // Nothing has a time of its own here at which it ends.
        let ledger::Upkeep { frozen, freeze: _, drain, returning, returns: _, quarantine: _, open_since: _ } = upkeep;
        self.place(returning.len() + 8 * usize::from(*frozen));
        let ledger::Drain { purpose: _, kept: _, moved, told } = match drain {
            Some(drain) => drain,
            None => return self.end(),
        };
        self.place(2 * moved.len() + usize::from(told.is_some()));
    }

    fn node_state(&mut self, at: usize, state: &NodeState) {
        let monitor = self.site.cluster.timings.monitor;
        let NodeState { leases: _, met, known, lpar: _, watchdog: _, fence, fence_failed } = state;
        self.marks(&[*met, *known, state.off().is_some()]);
        // The time of the lapse matters only for a watchdog, and there is none.
        self.count(state.lapsed().is_some());
        match state.suspended() {
            Some(suspended) if at < SERVERS => self.ranked(at, suspended),
            suspended => self.count(suspended.is_some()),
        }
        self.maybe_index(ORDERS, fence.map(|id| id.index));
        self.maybe_age(*fence_failed, monitor);
    }

    fn group(&mut self, group: &GroupState) {
        let site = self.site;
        let at = |server: &ServerName| site.server(server);
        let GroupState {
            intent,
            tenure,
            copies,
            runs,
            faults,
            passive: _,
            fall,
            // The age of the last one matters for nothing that is declared here.
            retries: ledger::Retries { count: retries, last: _ },
            flushed,
            frozen,
            hold,
            // Decides nothing but when copies are read.
            overlaps: _,
            pre_online: _,
            prefer,
            last,
            wait: _,
            ties: _,
            queued: _,
            upkeep,
        } = group;
        let ledger::GroupUpkeep { frozen: _, freeze: _, disabled, parked, stayed, strange, strangers, cleared: _ } =
            upkeep;
        self.count(u64::from(*retries));
        let strange = strange.values().any(|times| !times.is_empty());
        let parts = [*stayed, *strangers, strange, disabled.is_some(), parked.is_some()];
        self.marks(&[*intent == Intent::Online, *flushed, *frozen, hold.is_some()]);
        self.marks(&parts);
        let fell_from = fall.as_ref().map(|fall| &fall.from);
        for server in [prefer.as_ref(), last.as_ref(), fell_from] {
            self.place(server.map_or(9, at));
        }
        if let Some(from) = group.judged_from() {
            (0..SERVERS).for_each(|server| self.ranked(server, from));
        }
        faults.keys().for_each(|server| self.place(site.server(server)));
        self.end();
        if let Some(tenure) = tenure {
            self.tenure(tenure);
        }
        for (at, copy) in copies.values().flat_map(|copies| copies.values().enumerate()) {
            self.copy(at, copy);
        }
        for run in runs.values() {
            self.run(run);
        }
    }

    fn tenure(&mut self, tenure: &Tenure) {
        let Tenure { epoch, server, since: _, phase } = tenure;
        self.epoch(*epoch);
        let at = self.site.server(server);
        self.place(at);
        match phase {
            Phase::Starting => self.count(1_u64),
            Phase::Online => self.count(2_u64),
            Phase::Leaving { reason, index } => {
                self.count(3 + u64::from(*reason == tenure_core::note::LeaveReason::Fault));
                self.ranked(at, *index);
            }
            Phase::Migrating(migration) => {
                let Migration { to: _, index, ordered, sent, returned, aborted, why: _ } = migration;
                self.count(5_u64);
                // It is compared with readings of both servers.
                (0..SERVERS).for_each(|server| self.ranked(server, *index));
                self.age(*ordered, SUSPECT.times(OLD));
                self.place(sent.len() + 8 * returned.len());
                self.count(*aborted);
            }
        }
    }

    fn copy(&mut self, at: usize, copy: &ledger::CopyState) {
        let timings = &self.site.cluster.timings;
        let (monitor, settle) = (timings.monitor, timings.settle);
        let ledger::CopyState {
            declared: _,
            power,
            since,
            risk,
            quiet_from,
            stop,
            failed,
            futile,
            idle,
            confidence: _,
            serial,
            said: _,
            alone: _,
            uuid: _,
            listed,
        } = copy;
        self.count(*power as u64);
        self.maybe_index(at, *since);
        self.ranked(at, *quiet_from);
        // Listings are compared between servers.
        self.count(listed.is_some());
        (0..SERVERS).for_each(|server| self.ranked(server, listed.unwrap_or_default()));
        self.maybe_index(ORDERS, stop.map(|id| id.index));
        self.maybe_age(*failed, monitor);
        self.count(u64::from(*futile) * 2 + u64::from(*idle));
        if self.site.scope.inside {
            self.serial(at, at, *serial);
        }
        match risk {
            StartRisk::None => self.count(1_u64),
            StartRisk::Ordered(id) => Recall::order_id(self, *id),
            StartRisk::Loose(since) => self.age(*since, settle),
        }
    }

    fn run(&mut self, run: &Run) {
        let Run {
            restarts,
            progress: _,
            away_since,
            lost_since,
            unread_since,
            error_since,
            refused,
            restart,
            down,
            asked,
            tries,
            stuck,
            admin,
        } = run;
        let settle = self.site.cluster.timings.settle;
        // The window of restarts never ends here.
        self.place(restarts.len());
        let ages = [run.starts_since(), *away_since, *lost_since, *unread_since, *error_since];
        ages.into_iter().for_each(|at| self.maybe_age(at, settle));
        self.count(u64::from(*tries) * 64 + u64::from(*stuck));
        let (ran, ordered) = (run.ran(), run.was_ordered());
        let failed = *admin == ledger::Admin::SaysFailed;
        let awaited = run.awaits_admin().is_some();
        self.marks(&[ran, ordered, refused.is_some(), *restart, down.is_some(), *asked, awaited, failed]);
    }

    fn state(&mut self, state: &State) {
        let State {
            moment: _,
            ledger,
            leader,
            // The leader knows its term.
            term: _,
            servers,
            nodes,
            mail,
            flights,
            transit,
            stalled,
            held,
            drained,
            told,
            // Hashed at the end.
            left: _,
        } = state;
        // What the leader was told is part of its memory; that it was told is not, until it notices its role.
        let Told { readings: _, inside: _ } = told;
        self.place(leader.unwrap_or(NODES));
        servers.iter().for_each(|server| self.server_of_world(*server));
        for (at, node) in nodes.iter().enumerate() {
            self.body(at, node, ledger);
        }
        for mail in mail {
            self.mail(mail, nodes);
        }
        self.end();
        for flight in flights {
            self.flight(flight, nodes);
        }
        if let Some(Transit { order, life, from, to: _, switched, stuck }) = transit {
            Recall::order_id(self, *order);
            self.place(from + 2 * usize::from(*switched) + 4 * usize::from(*stuck));
            self.marks(&nodes.each_ref().map(|node| node.process == *life));
        }
        self.end();
        self.marks(&[stalled.is_some(), drained[0], drained[1]]);
        held.iter().flat_map(|held| held.iter()).for_each(|command| self.held(command));
    }

    fn server_of_world(&mut self, server: Server) {
        let Server { power, link, guest, copies } = server;
        let power = match power {
            Power::On => 0_u64,
            Power::Off => 1,
            Power::Sick => 2,
        };
        self.count(power + 4 * u64::from(link) + 8 * u64::from(guest));
        for copy in copies {
            self.count(match copy {
                Copy::Absent => 3_u64,
                Copy::Off => 0,
                Copy::Ours => 1,
                Copy::Itself => 2,
            });
        }
    }

    fn body(&mut self, at: usize, node: &Node, ledger: &Ledger) {
        let Node { life, process, brain, ledger: applied, serial: _, behind, jobs, inside, standing_down } = node;
        let word = match life {
            Life::Up => 0_u64,
            Life::Cut => 1,
            Life::Dead => 2,
        };
        self.count(word + 4 * u64::from(*behind));
        // A node that is up has applied everything, and its readings are newer than all known ones.
        if applied.index < ledger.index {
            (0..SERVERS).for_each(|server| self.ranked(server, applied.index));
            self.ranked(PASTS + at, applied.index);
            // The orders it acts on meanwhile.
            applied.orders.keys().for_each(|id| Recall::order_id(self, *id));
            self.end();
        }
        if *life == Life::Dead {
            // Of a dead process only its lease matters, to those who wait for its end.
            let left = brain.lease().left(self.moment);
            return Recall::moment(self, self.moment.after(left));
        }
        let is_entered = ledger.processes.get(&self.site.nodes[at]).map(|entered| entered.incarnation.0 & 0xff);
        self.count(is_entered == Some(u64::from(*process)));
        (self.node, self.applied) = (at, applied.index);
        brain.recall(self.moment, self);
        jobs.iter().for_each(|job| self.job(job));
        self.end();
        if let Some(inside) = inside {
            Recall::inside(self, &self.site.nodes[at], inside);
        }
        for (resource, operation) in standing_down {
            Recall::resource(self, resource);
            self.said(operation);
        }
        self.end();
    }

    fn said(&mut self, what: &impl Hash) {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        self.count(hasher.finish());
    }

    fn job(&mut self, job: &Job) {
        let Job { order, ask, sent, elsewhere } = job;
        Recall::order_id(self, order.id);
        self.count(u64::from(*sent));
        elsewhere.iter().for_each(|active| self.count(*active));
        match ask {
            Some(ask) => Recall::ask(self, ask),
            None => self.end(),
        }
    }

    fn mail(&mut self, mail: &Mail, nodes: &[Node; NODES]) {
        let Mail { node, process, sent, again, order: _, report, commands } = mail;
        self.marks(&[*sent, *again, nodes[*node].process == *process, commands.len() > 1]);
        self.place(*node);
        Recall::report(self, report);
    }

    fn flight(&mut self, flight: &Flight, nodes: &[Node; NODES]) {
        let Flight { what, node, process, order, epoch, server, group, elsewhere, until } = flight;
        Recall::order_id(self, *order);
        self.epoch(*epoch);
        self.place(node + 8 * server + 64 * group);
        self.count(nodes[*node].process == *process);
        elsewhere.iter().for_each(|active| self.count(*active));
        let left = until.map(|until| steps(until.0, self.moment.0));
        self.count(left.unwrap_or(u64::MAX));
        self.count(match what {
            What::Start => 0_u64,
            What::Anew => 1,
            What::Move(_) => 2,
            What::Agent => 3,
        });
    }

    /// Held commands are rare, so their debug output will do.
    fn held(&mut self, command: &Command) {
        let mut hasher = DefaultHasher::new();
        format!("{command:?}").hash(&mut hasher);
        self.count(hasher.finish());
    }

    fn finish(mut self, state: &State) -> u128 {
        for family in &self.ranked {
            rank(&mut self.words, family);
        }
        let mut left = DefaultHasher::new();
        state.left.hash(&mut left);
        self.words.push(left.finish());
        // Hundreds of words per state: the standard library's hasher takes several times as long.
        let (mut one, mut two) = (0x9e37_79b9_7f4a_7c15_u64, 0xc2b2_ae3d_27d4_eb4f_u64);
        for word in &self.words {
            one = (one ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
            one ^= one >> 32;
            two = (two.rotate_left(23) ^ word).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
            two ^= two >> 29;
        }
        (u128::from(one) << 64) | u128::from(two)
    }
}

impl Recall for Print<'_> {
    fn word(&mut self, word: u64) {
        self.words.push(word);
    }
    fn moment(&mut self, moment: Moment) {
        // Time ahead, and time past.
        let ahead = steps(moment.0, self.moment.0).min(PAST_LEASES);
        let ago = steps(self.moment.0, moment.0).min(PAST_LEASES);
        self.count(ahead * 16 + ago);
    }
    fn clock(&mut self, now: Time) {
        self.count(steps(self.now.0, now.0).min(OLD));
    }
    fn past(&mut self, index: u64) {
        self.ranked(PASTS + self.node, index);
    }
    fn floor(&mut self, index: u64) {
        self.count(self.applied >= index);
    }
    fn node(&mut self, node: &NodeName) {
        self.place(self.site.node(node));
    }
    fn server(&mut self, server: &ServerName) {
        self.place(self.site.server(server));
    }
    fn resource(&mut self, resource: &ResourceName) {
        self.place(self.site.lpar(resource));
    }
    fn order_id(&mut self, id: OrderId) {
        self.ranked(ORDERS, id.index);
        self.count(id.ordinal);
    }
    fn order(&mut self, order: &Order) {
        // The budget is declared; the time of issue is in the ledger.
        let Order { id, node, server, action, issued: _, budget: _ } = order;
        Recall::order_id(self, *id);
        let by = self.site.node(node);
        self.ranked(PASTS + by, id.index);
        self.place(by);
        self.place(self.site.server(server));
        match action {
            Action::Start { group: _, resource, epoch, vouched, home } => {
                self.place(10 + self.site.lpar(resource));
                self.count(home.is_some());
                self.epoch(*epoch);
                vouched.iter().for_each(|server| self.place(self.site.server(server)));
            }
            Action::Stop { resource, grace } => {
                self.place(20 + self.site.lpar(resource));
                self.count(*grace == Span(0));
            }
            Action::Fence => self.count(30_u64),
            Action::Migrate { group: _, resource, epoch, to } => {
                self.place(40 + self.site.lpar(resource));
                self.epoch(*epoch);
                self.place(self.site.server(to));
            }
            Action::StopMigration { resource, from, to: _ } => {
                self.place(50 + self.site.lpar(resource));
                self.place(self.site.server(from));
            }
            Action::Hook { .. } => self.count(60_u64),
            Action::FenceNode { node } => self.place(70 + self.site.node(node)),
        }
        self.end();
    }
    fn ask(&mut self, ask: &Ask) {
        self.said(ask);
    }
    fn reading(&mut self, reading: &Reading) {
        let Reading { server, by, since, serial, system, live, copies, node, node_listed: _, vios: _, listed: _ } =
            reading;
        let (at, by) = (self.site.server(server), self.site.node(by));
        self.place(at);
        self.place(by);
        self.ranked(at, *since);
        self.serial(at, by, *serial);
        self.count(*system as u64 * 64 + u64::from(*live) * 32 + *node as u64);
        copies.values().for_each(|power| self.count(*power as u64));
        self.end();
    }
    fn inside(&mut self, node: &NodeName, inside: &Inside) {
        let at = self.site.node(node);
        let Inside { seen, watchdog: _ } = inside;
        for Seen { power, since, serial, confidence: _, said: _ } in seen.values() {
            self.count(*power as u64);
            self.ranked(at, *since);
            self.serial(at, at, *serial);
        }
        self.end();
    }
    fn ending(&mut self, ending: &Ending) {
        self.count(match ending {
            Ending::Done => 0_u64,
            Ending::Refused(_) => 1,
            Ending::NotDone(_) => 2,
            Ending::Unknown(_) => 3,
        });
    }
    fn report(&mut self, report: &Report) {
        let Report { order, ending, readings, seen } = report;
        Recall::order_id(self, *order);
        self.ending(ending);
        readings.iter().for_each(|reading| self.reading(reading));
        for Seen { power, since, serial, confidence: _, said: _ } in seen.values() {
            self.count(*power as u64);
            (0..SERVERS).for_each(|server| self.ranked(server, *since));
            (0..SERVERS).for_each(|server| self.serial(server, server, *serial));
        }
        self.end();
    }
}

/// Replaces the words at these indexes by their ranks among each other.
fn rank(words: &mut [u64], places: &[usize]) {
    let mut known: Vec<u64> = places.iter().map(|place| words[*place]).collect();
    known.sort_unstable();
    known.dedup();
    for place in places {
        words[*place] = known.binary_search(&words[*place]).unwrap_or_default() as u64;
    }
}
