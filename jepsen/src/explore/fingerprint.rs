//! Fingerprints: two states with the same one behave alike.
//!
//! Log indexes are compared only with each other, so they count by rank. Times count by age, up to the longest span that
//! anything waits for. What only words a reason (texts, waits, the journal) does not count at all.

use super::{
    model::{Copy, Job, Life, NODES, Power, State},
    site::Site,
};
use std::hash::{DefaultHasher, Hash, Hasher};
use tenure_core::{
    Ledger, Order, OrderId, Reading, Time,
    command::Command,
    ledger::{GroupState, Intent, Phase, StartRisk},
    order::{Action, Ending, Epoch},
};

/// Longer than anything of the tiny world waits for: the window of restarts.
const OLD: u64 = 1_000_000;

#[derive(Default)]
struct Print {
    words: Vec<u64>,
    /// Places of `words` that hold log indexes.
    indexes: Vec<usize>,
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
    fn index(&mut self, index: u64) {
        self.indexes.push(self.words.len());
        self.words.push(index);
    }
    fn maybe_index(&mut self, index: Option<u64>) {
        match index {
            Some(index) => self.index(index),
            None => self.word(u64::MAX),
        }
    }
    fn age(&mut self, time: Time) {
        self.word(self.now.saturating_sub(time.0).min(OLD));
    }
    fn maybe_age(&mut self, time: Option<Time>) {
        match time {
            Some(time) => self.age(time),
            None => self.word(u64::MAX),
        }
    }
    /// Epochs only matter against each other.
    fn epoch(&mut self, epoch: Epoch) {
        self.word(self.epoch.saturating_sub(epoch.0));
    }
    fn order_id(&mut self, id: OrderId) {
        self.index(id.index);
        self.word(id.ordinal);
    }

    fn ledger(&mut self, site: &Site, ledger: &Ledger) {
        self.index(ledger.index);
        for state in ledger.servers.values() {
            self.place(state.manager.as_ref().map_or(NODES, |node| site.node(node)));
            self.word(state.system as u64);
            self.word(state.live);
            self.maybe_index(state.since);
            self.maybe_index(state.off.as_ref().map(|off| off.index));
            self.maybe_index(state.dirty.map(|dirty| dirty.index));
            self.maybe_age(state.dirty.and_then(|dirty| dirty.up));
            self.maybe_index(state.fence.map(|id| id.index));
            self.maybe_age(state.fence_failed);
        }
        for state in ledger.nodes.values() {
            self.word(state.lapsed.is_some());
        }
        for group in ledger.groups.values() {
            self.group(site, group);
        }
        for order in ledger.orders.values() {
            self.order(site, order);
            self.age(order.issued);
        }
        self.word(u64::MAX);
    }

    fn group(&mut self, site: &Site, group: &GroupState) {
        self.word(group.intent == Intent::Online);
        self.place(group.prefer.as_ref().map_or(9, |server| site.server(server)));
        self.place(group.last.as_ref().map_or(9, |server| site.server(server)));
        self.word(group.conflict.is_some());
        group.faults.keys().for_each(|server| self.place(site.server(server)));
        self.word(u64::MAX);
        if let Some(tenure) = &group.tenure {
            self.epoch(tenure.epoch);
            self.place(site.server(&tenure.server));
            match &tenure.phase {
                Phase::Starting => self.word(1_u64),
                Phase::Online => self.word(2_u64),
                Phase::Leaving { reason, index } => {
                    self.word(3 + u64::from(*reason == tenure_core::note::LeaveReason::Fault));
                    self.index(*index);
                }
            }
        }
        for copy in group.copies.values().flat_map(|copies| copies.values()) {
            self.word(copy.power as u64);
            self.maybe_index(copy.since);
            self.index(copy.quiet_from);
            self.maybe_index(copy.stop.map(|id| id.index));
            self.maybe_age(copy.failed);
            match copy.risk {
                StartRisk::None => self.word(1_u64),
                StartRisk::Ordered(id) => self.order_id(id),
                StartRisk::Loose(at) => self.age(at),
            }
        }
        for run in group.runs.values() {
            run.restarts.iter().for_each(|at| self.age(*at));
            self.maybe_age(run.started);
            self.word(u64::from(run.ran) + 2 * u64::from(run.failed.is_some()) + 4 * u64::from(run.restart));
        }
    }

    fn order(&mut self, site: &Site, order: &Order) {
        self.order_id(order.id);
        self.place(site.node(&order.node));
        self.place(site.server(&order.server));
        match &order.action {
            Action::Start { lpar, epoch, vouched, .. } => {
                self.place(10 + site.lpar(lpar));
                self.epoch(*epoch);
                vouched.iter().for_each(|server| self.place(site.server(server)));
            }
            Action::Stop { lpar, .. } => self.place(20 + site.lpar(lpar)),
            Action::Fence => self.word(30_u64),
        }
        self.word(u64::MAX);
    }

    fn reading(&mut self, site: &Site, reading: &Reading) {
        self.place(site.server(&reading.server));
        self.place(site.node(&reading.by));
        self.index(reading.since);
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
                    Copy::Off => 0_u64,
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
            self.index(if node.life == Life::Dead { state.ledger.index } else { node.index });
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
        let mut known: Vec<u64> = self.indexes.iter().map(|place| self.words[*place]).collect();
        known.sort_unstable();
        known.dedup();
        for place in &self.indexes {
            let rank = known.binary_search(&self.words[*place]).unwrap_or_default();
            self.words[*place] = rank as u64;
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
