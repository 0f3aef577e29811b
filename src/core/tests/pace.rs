//! How often a server is read, over a minute of virtual time: whatever is waited for, and however long answers take.

use crate::{
    machine::{Bench, cluster, reading},
    site::site,
};
use std::collections::BTreeMap;
use tenure_core::{
    Author, Entry, Moment, Power, Reading, ServerName, Span, SystemState, Verb,
    config::Cluster,
    ledger::Incarnation,
    node::{Call, Effect, Fate, Input, Proposal},
};

/// A leader that watches all servers, whose HMC takes this long for each reading and always says the same.
struct Minute {
    bench: Bench,
    took: Span,
    says: fn(&str) -> Reading,
    /// Readings under way, by when they end.
    due: BTreeMap<(Moment, ServerName), u64>,
    count: BTreeMap<ServerName, usize>,
    serial: u64,
}

impl Minute {
    fn new(took: u64, says: fn(&str) -> Reading) -> Self {
        Minute::of(cluster(), took, says)
    }

    fn of(cluster: Cluster, took: u64, says: fn(&str) -> Reading) -> Self {
        let bench = Bench::of(cluster);
        Minute { bench, took: Span(took), says, due: BTreeMap::new(), count: BTreeMap::new(), serial: 1_000 }
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Read(server) => {
                    *self.count.entry(server.clone()).or_default() += 1;
                    self.due.insert((self.bench.at.after(self.took), server), self.bench.ledger.index);
                }
                Effect::Propose { of: Proposal::Plan(term), commands, at } => {
                    let entry = Entry { at, wall: at, author: Author::Planner("n1".into()), commands };
                    self.bench.ledger.apply(self.bench.ledger.index + 1, &entry);
                    let more = self.bench.feed(Input::Planned { term, fate: Fate::Committed });
                    self.take(more);
                }
                _ => {}
            }
        }
    }

    fn read(&mut self) {
        while let Some(((_, server), since)) = self.due.first_key_value().map(|(key, since)| (key.clone(), *since)) {
            let at = self.due.keys().next().expect("one").0;
            if at > self.bench.at {
                return;
            }
            self.due.pop_first();
            self.serial += 1;
            let reading = Reading { by: "n1".into(), since, serial: self.serial, ..(self.says)(server.as_str()) };
            let effects = self.bench.feed(Input::Read { server, reading: Some(reading), blind: false });
            self.take(effects);
        }
    }

    /// Lets this time pass, and counts the readings of p1 in it.
    fn passes(&mut self, seconds: u64) -> usize {
        self.count.clear();
        let end = self.bench.at.after(Span::seconds(seconds));
        while self.bench.at < end {
            let next = self.due.keys().next().map(|(at, _)| *at);
            let next = next.into_iter().chain([self.bench.wake().0, end]).min().expect("one");
            self.bench.at = next.max(self.bench.at.after(Span(1)));
            self.read();
            for node in ["n2", "n3"] {
                let beat = Call::Heartbeat { reaches_manager: true, digest: None };
                let (_, effects) = self.bench.called(node, Incarnation(1), beat);
                self.take(effects);
            }
            let effects = self.bench.feed(Input::Woken);
            self.take(effects);
        }
        self.count.get("p1").copied().unwrap_or_default()
    }

    /// The LPAR is to start on p1, and never gets any farther.
    fn busy(took: u64) -> usize {
        Minute::busy_in(cluster(), took)
    }

    fn busy_in(cluster: Cluster, took: u64) -> usize {
        let mut minute = Minute::of(cluster, took, starting);
        minute.bench.order();
        let effects = minute.bench.leads();
        minute.take(effects);
        let effects = minute.bench.feed(Input::Read { server: "p1".into(), reading: None, blind: false });
        minute.take(effects);
        minute.passes(60)
    }

    fn leads(mut self) -> Self {
        let effects = self.bench.leads();
        self.take(effects);
        // The bench has dropped what was asked for first.
        let effects = self.bench.feed(Input::Read { server: "p1".into(), reading: None, blind: false });
        self.take(effects);
        self.passes(60);
        self
    }
}

/// The servers are up, and the LPAR starts on p1.
fn starting(server: &str) -> Reading {
    let power = if server == "p1" { Power::Starting } else { Power::Off };
    Reading { copies: [("web".into(), power)].into(), ..reading(server, "n1", 0, 0) }
}

fn off(server: &str) -> Reading {
    reading(server, "n1", 0, 0)
}

/// The HMC refuses connections.
fn nothing(server: &str) -> Reading {
    Reading { system: SystemState::NoWitness, live: false, copies: BTreeMap::new(), ..off(server) }
}

#[test]
fn at_rest_a_server_is_read_once_in_a_monitor_interval() {
    let mut minute = Minute::new(20, off).leads();
    let count = minute.passes(60);
    assert!((11..=13).contains(&count), "{count}");
}

/// The same with so many servers of the HMC.
fn crowd(servers: u32) -> Cluster {
    Cluster { servers: site(servers).servers, ..cluster() }
}

#[test]
fn the_more_servers_an_hmc_has_the_more_seldom_each_is_read_at_rest() {
    let counts = [3, 25, 60, 150].map(|servers| Minute::of(crowd(servers), 20, off).leads().passes(60));
    // Every 5 s up to 25 servers; then every 12 s, and every 30 s.
    for (count, expected) in counts.into_iter().zip([12, 12, 5, 2]) {
        assert!(count.abs_diff(expected) <= 1, "{counts:?}");
    }
    let busy = Minute::busy_in(crowd(150), 20);
    assert!((50..=75).contains(&busy), "what is under way has the pace that it needs: {busy}");
}

#[test]
fn a_busy_server_is_read_once_a_second_however_often_it_is_asked_for() {
    let count = Minute::busy(20);
    assert!((50..=75).contains(&count), "{count}");
}

#[test]
fn an_hmc_that_refuses_connections_is_not_asked_more_often_than_one_that_answers() {
    let mut minute = Minute::new(1, nothing).leads();
    minute.bench.operator(Verb::Online { group: "web".into(), server: None, propagate: false });
    let count = minute.passes(60);
    assert!((11..=80).contains(&count), "{count}");
    let later = minute.passes(60);
    assert!((11..=66).contains(&later), "{later}");
}

#[test]
fn the_slower_the_answers_the_fewer_the_questions() {
    let counts = [1_000, 3_000, 10_000, 30_000].map(|took| Minute::new(took, off).leads().passes(60));
    // Every 5 s; every 6, for a reading of 3 s rests as long; then each rests for an interval.
    for (count, expected) in counts.into_iter().zip([12, 10, 4, 2]) {
        assert!(count.abs_diff(expected) <= 1, "{counts:?}");
    }
    let busy = Minute::busy(2_000);
    assert!(busy >= 25, "what is under way is read without a pause: {busy}");
}
