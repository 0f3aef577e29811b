//! Fingerprints: two states with the same one behave alike.
//!
//! Log indexes are compared only with each other, and those that say when a server was read only with those that are about
//! the same server: so they count by rank, each server for itself. Times count by age, up to the span that is waited for.
//! What only words a reason (texts, waits, the journal) does not count at all.

use super::{
    model::{Copy, Job, Life, NODES, Power, SERVERS, State, What},
    site::Site,
};
use std::hash::{DefaultHasher, Hash, Hasher};
use tenure_core::{
    Ledger, Order, OrderId, Reading, Span, Time,
    command::Command,
    ledger::{GroupState, Intent, Phase, StartRisk},
    order::{Action, Ending, Epoch},
};

/// The window of restarts, and longer than any other span of the tiny world.
const OLD: Span = Span::seconds(600);
/// Identities of orders; readings of server `i` are family `i`, serial numbers of its readings family `ORDERS + 1 + i`.
const ORDERS: usize = SERVERS;

#[derive(Default)]
struct Print {
    words: Vec<u64>,
    /// Places of `words` that count by rank, by the family within which they are compared.
    ranked: [Vec<usize>; 2 * SERVERS + 1],
    now: u64,
    epoch: u64,
}

/// The fingerprint of a state.
pub(super) fn fingerprint(site: &Site, state: &State) -> u128 {
    let mut print = Print { now: state.time.0, epoch: state.ledger.epoch.0, ..Print::default() };
    print.words.reserve(256);
    print.ledger(site, &state.ledger);
    print.world(site, state);
    print.finish(state)
}

impl Print {
    fn word(&mut self, word: impl Into<u64>) {
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
            None => self.word(u64::MAX),
        }
    }
    fn serial(&mut self, server: usize, node: usize, serial: u64) {
        self.ranked(ORDERS + 1 + server, ((node as u64) << 48) | serial);
    }
    fn age(&mut self, time: Time, most: Span) {
        self.word(self.now.saturating_sub(time.0).min(most.0));
    }
    fn maybe_age(&mut self, time: Option<Time>, most: Span) {
        match time {
            Some(time) => self.age(time, most),
            None => self.word(u64::MAX),
        }
    }
    /// Epochs only matter against each other.
    fn epoch(&mut self, epoch: Epoch) {
        self.word(self.epoch.saturating_sub(epoch.0));
    }
    fn order_id(&mut self, id: OrderId) {
        self.ranked(ORDERS, id.index);
        self.word(id.ordinal);
    }

    fn ledger(&mut self, site: &Site, ledger: &Ledger) {
        let timings = &site.cluster.timings;
        for (at, state) in ledger.servers.values().enumerate() {
            self.place(state.manager.as_ref().map_or(NODES, |node| site.node(node)));
            self.word(state.system as u64);
            self.word(state.live);
            self.maybe_index(at, state.since);
            if let Some((node, serial)) = &state.read {
                self.serial(at, site.node(node), *serial);
            }
            self.maybe_index(at, state.off.as_ref().map(|off| off.index));
            self.maybe_index(at, state.dirty.map(|dirty| dirty.index));
            self.maybe_age(state.dirty.and_then(|dirty| dirty.up), timings.settle);
            self.maybe_index(ORDERS, state.fence.map(|id| id.index));
            self.maybe_age(state.fence_failed, timings.monitor);
            // What was moved away comes back; when a server opened again counts only for failback, which is off here.
            let drain = state.upkeep.drain.as_ref();
            self.word(drain.map_or(0, |drain| 1 + (drain.moved.len() as u64)));
            self.place(state.upkeep.returning.len());
            self.word(drain.is_some_and(|drain| drain.told.is_some()));
        }
        for state in ledger.nodes.values() {
            self.word(state.lapsed.is_some());
        }
        for group in ledger.groups.values() {
            self.group(site, group);
        }
        for order in ledger.orders.values() {
            self.order(site, order);
            self.age(order.issued, OLD);
        }
        self.word(u64::MAX);
    }

    fn group(&mut self, site: &Site, group: &GroupState) {
        self.word(group.intent == Intent::Online);
        self.place(group.prefer.as_ref().map_or(9, |server| site.server(server)));
        self.place(group.last.as_ref().map_or(9, |server| site.server(server)));
        self.word(group.conflict.is_some());
        if let Some(held) = group.held {
            (0..SERVERS).for_each(|server| self.ranked(server, held));
        }
        group.faults.keys().for_each(|server| self.place(site.server(server)));
        self.place(group.fell_from.as_ref().map_or(9, |server| site.server(server)));
        let marks = [group.flushed, group.frozen, group.upkeep.stayed];
        self.word(marks.iter().fold(u64::from(group.retries), |word, mark| word * 2 + u64::from(*mark)));
        self.word(u64::MAX);
        if let Some(tenure) = &group.tenure {
            self.epoch(tenure.epoch);
            self.place(site.server(&tenure.server));
            match &tenure.phase {
                Phase::Starting => self.word(1_u64),
                Phase::Online => self.word(2_u64),
                Phase::Leaving { reason, index } => {
                    self.word(3 + u64::from(*reason == tenure_core::note::LeaveReason::Fault));
                    self.ranked(site.server(&tenure.server), *index);
                }
                Phase::Migrating(migration) => {
                    self.word(5_u64);
                    // It counts against readings of both servers.
                    (0..SERVERS).for_each(|server| self.ranked(server, migration.index));
                    self.age(migration.ordered, OLD);
                    self.place(migration.sent.len() + 8 * migration.returned.len());
                    self.word(migration.aborted);
                }
            }
        }
        let timings = &site.cluster.timings;
        for (at, copy) in group.copies.values().flat_map(|copies| copies.values().enumerate()) {
            self.word(copy.power as u64);
            self.maybe_index(at, copy.since);
            self.ranked(at, copy.quiet_from);
            // What was listed is compared between servers.
            self.word(copy.listed.is_some());
            (0..SERVERS).for_each(|server| self.ranked(server, copy.listed.unwrap_or_default()));
            self.maybe_index(ORDERS, copy.stop.map(|id| id.index));
            self.maybe_age(copy.failed, timings.monitor);
            match copy.risk {
                StartRisk::None => self.word(1_u64),
                StartRisk::Ordered(id) => self.order_id(id),
                StartRisk::Loose(since) => self.age(since, timings.settle),
            }
        }
        for run in group.runs.values() {
            run.restarts.iter().for_each(|at| self.age(*at, OLD));
            self.maybe_age(run.started, timings.settle);
            self.maybe_age(run.away, timings.settle);
            self.word(u64::from(run.tries) * 64 + u64::from(run.stuck));
            let marks = [run.ran, run.failed.is_some(), run.restart, run.lost.is_some(), run.down.is_some()];
            self.word(marks.iter().fold(0, |word, mark| word * 2 + u64::from(*mark)));
        }
    }

    fn order(&mut self, site: &Site, order: &Order) {
        self.order_id(order.id);
        self.place(site.node(&order.node));
        self.place(site.server(&order.server));
        match &order.action {
            Action::Start { resource: lpar, epoch, vouched, home, .. } => {
                self.place(10 + site.lpar(lpar));
                self.word(home.is_some());
                self.epoch(*epoch);
                vouched.iter().for_each(|server| self.place(site.server(server)));
            }
            Action::Stop { resource: lpar, .. } => self.place(20 + site.lpar(lpar)),
            Action::Fence => self.word(30_u64),
            Action::Migrate { resource, epoch, to, .. } => {
                self.place(40 + site.lpar(resource));
                self.epoch(*epoch);
                self.place(site.server(to));
            }
            Action::StopMigration { resource, from, .. } => {
                self.place(50 + site.lpar(resource));
                self.place(site.server(from));
            }
            Action::Hook { .. } => self.word(60_u64),
            Action::FenceNode { .. } => self.word(70_u64),
        }
        self.word(u64::MAX);
    }

    fn reading(&mut self, site: &Site, reading: &Reading) {
        let at = site.server(&reading.server);
        self.place(at);
        self.place(site.node(&reading.by));
        self.ranked(at, reading.since);
        self.serial(at, site.node(&reading.by), reading.serial);
        self.word(reading.system as u64);
        self.word(reading.live);
        reading.copies.values().for_each(|power| self.word(*power as u64));
        self.word(u64::MAX);
    }

    fn world(&mut self, site: &Site, state: &State) {
        for server in &state.servers {
            let power = match server.power {
                Power::On => 0_u64,
                Power::Off => 1,
                Power::Sick => 2,
            };
            self.word(power + 4 * u64::from(server.link));
            for copy in server.copies {
                self.word(match copy {
                    Copy::Absent => 3_u64,
                    Copy::Off => 0,
                    Copy::Ours => 1,
                    Copy::Itself => 2,
                });
            }
        }
        for node in &state.nodes {
            let life = match node.life {
                Life::Up => 0_u64,
                Life::Cut => 1,
                Life::Dead => 2,
            };
            self.word(life + 4 * u64::from(node.lease) + 8 * u64::from(node.behind));
            // A node that is up has applied everything, and what it reads is newer than all that is known.
            let late = node.life == Life::Cut || node.behind;
            (0..SERVERS).filter(|_| late).for_each(|server| self.ranked(server, node.index));
            node.done.iter().for_each(|id| self.order_id(*id));
            self.word(u64::MAX);
            node.jobs.iter().for_each(|job| self.job(site, job));
            self.word(u64::MAX);
        }
        for mail in &state.mail {
            self.word(1 + u64::from(mail.sent) + 2 * u64::from(mail.again));
            self.place(mail.node);
            self.order_id(mail.report.order);
            self.word(match mail.report.ending {
                Ending::Done => 0_u64,
                Ending::Refused(_) => 1,
                Ending::NotDone(_) => 2,
                Ending::Unknown(_) => 3,
            });
            mail.report.readings.iter().for_each(|reading| self.reading(site, reading));
        }
        self.word(u64::MAX);
        for flight in &state.flights {
            self.order_id(flight.order);
            self.epoch(flight.epoch);
            self.place(flight.node + 8 * flight.server + 64 * flight.group);
            flight.elsewhere.iter().for_each(|active| self.word(*active));
            self.word(match flight.what {
                What::Start => 0_u64,
                What::Anew => 1,
                What::Move(_) => 2,
            });
        }
        if let Some(transit) = state.transit {
            self.order_id(transit.order);
            self.place(transit.from + 2 * usize::from(transit.switched) + 4 * usize::from(transit.stuck));
        }
        self.word(u64::MAX);
        for reading in &state.view {
            self.word(reading.is_some());
            reading.iter().for_each(|reading| self.reading(site, reading));
        }
        self.word(state.stalled);
        state.held.iter().flat_map(|held| held.iter()).for_each(|command| self.held(command));
    }

    fn job(&mut self, site: &Site, job: &Job) {
        self.order(site, job.exec.order());
        let mut hasher = DefaultHasher::new();
        job.ask.hash(&mut hasher);
        self.word(hasher.finish());
        self.word(job.sent);
        self.word(job.late);
        job.elsewhere.iter().for_each(|active| self.word(*active));
        job.seen.iter().for_each(|reading| self.reading(site, reading));
    }

    /// Commands in hand are rare, so their words will do.
    fn held(&mut self, command: &Command) {
        let mut hasher = DefaultHasher::new();
        format!("{command:?}").hash(&mut hasher);
        self.word(hasher.finish());
    }

    fn finish(mut self, state: &State) -> u128 {
        for family in &self.ranked {
            rank(&mut self.words, family);
        }
        let half = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            salt.hash(&mut hasher);
            self.words.hash(&mut hasher);
            state.left.hash(&mut hasher);
            hasher.finish()
        };
        (u128::from(half(1)) << 64) | u128::from(half(2))
    }
}

/// Replaces the words at these places by their ranks among each other.
fn rank(words: &mut [u64], places: &[usize]) {
    let mut known: Vec<u64> = places.iter().map(|place| words[*place]).collect();
    known.sort_unstable();
    known.dedup();
    for place in places {
        words[*place] = known.binary_search(&words[*place]).unwrap_or_default() as u64;
    }
}
