//! When to read which server: the manager's rounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use tenure_core::{
    Ledger, NodeName, ServerName,
    ledger::{Phase, ServerState},
    note::Wait,
};

/// Pace while something is under way on a server.
const BRISK: Duration = Duration::from_secs(1);
/// Shortest time between two readings of a server, whoever asks.
const SHORTEST: Duration = Duration::from_millis(50);

/// The rounds of a node over the servers that it manages.
#[derive(Default)]
pub struct Rounds {
    servers: BTreeMap<ServerName, Round>,
}

struct Round {
    begun: Option<Instant>,
    under_way: bool,
    asked: bool,
    pace: Duration,
}

impl Rounds {
    /// Follows the ledger: which servers this node manages, and how briskly. A new one is read at once.
    pub fn follow(&mut self, me: &NodeName, ledger: &Ledger) {
        let mine: BTreeSet<&ServerName> = ledger
            .servers
            .iter()
            .filter(|(_, state)| state.manager.as_ref() == Some(me))
            .map(|(server, _)| server)
            .collect();
        self.servers.retain(|server, _| mine.contains(server));
        let busy: BTreeSet<ServerName> = ledger.groups.values().filter_map(|group| busy(group)).collect();
        for server in mine {
            let round = self.servers.entry(server.clone()).or_insert(Round {
                begun: None,
                under_way: false,
                asked: true,
                pace: BRISK,
            });
            let brisk = busy.contains(server) || ledger.servers.get(server).is_some_and(unsettled);
            let monitor = Duration::from_millis(ledger.config.timings.monitor.0);
            round.pace = if brisk { BRISK.min(monitor) } else { monitor };
        }
    }

    /// Somebody wants to know now.
    pub fn probe<'a>(&mut self, servers: impl IntoIterator<Item = &'a ServerName>) {
        for server in servers {
            if let Some(round) = self.servers.get_mut(server) {
                round.asked = true;
            }
        }
    }

    /// Whatever was read before counts for nothing.
    pub fn probe_all(&mut self) {
        self.servers.values_mut().for_each(|round| round.asked = true);
    }

    /// Servers to be read now; they count as under way until [`Rounds::done`].
    pub fn due(&mut self) -> Vec<ServerName> {
        let now = Instant::now();
        let mut due = Vec::new();
        for (server, round) in &mut self.servers {
            if !round.under_way && round.next(now) <= now {
                (round.begun, round.under_way, round.asked) = (Some(now), true, false);
                due.push(server.clone());
            }
        }
        due
    }

    /// A reading has ended.
    pub fn done(&mut self, server: &ServerName) {
        if let Some(round) = self.servers.get_mut(server) {
            round.under_way = false;
        }
    }

    /// When the next reading is due.
    pub fn next(&self) -> Option<Instant> {
        let now = Instant::now();
        self.servers.values().filter(|round| !round.under_way).map(|round| round.next(now)).min()
    }
}

impl Round {
    fn next(&self, now: Instant) -> Instant {
        self.begun.map_or(now, |begun| begun + if self.asked { SHORTEST.min(self.pace) } else { self.pace })
    }
}

fn unsettled(server: &ServerState) -> bool {
    server.dirty.is_some() || server.wait.is_some() || server.fence.is_some()
}

/// The server on which a group has something under way.
fn busy(group: &tenure_core::ledger::GroupState) -> Option<ServerName> {
    let tenure = group.tenure.as_ref()?;
    let moving = !matches!(tenure.phase, Phase::Online);
    let waits = matches!(
        group.wait,
        Some(
            Wait::Booting { .. }
                | Wait::Orders { .. }
                | Wait::Settling { .. }
                | Wait::NodeFencing { .. }
                | Wait::NodeSilent { .. }
        )
    );
    (moving || waits).then(|| tenure.server.clone())
}
