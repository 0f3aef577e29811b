//! When to read which server: the manager's rounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use tenure_core::{
    Ledger, NodeName, ServerName, Time,
    ledger::{Phase, ServerState},
    note::Wait,
    pace::Gap,
};

/// Pace while something is under way on a server.
const BRISK: Duration = Duration::from_secs(1);
/// Shortest time between two readings of a server, whoever asks.
const SHORTEST: Duration = Duration::from_millis(50);

/// The rounds of a node over the servers that it manages.
pub struct Rounds {
    born: Instant,
    servers: BTreeMap<ServerName, Round>,
}

struct Round {
    begun: Option<Instant>,
    under_way: bool,
    /// Somebody wants to know, and is told from this moment on.
    asked: Option<Instant>,
    gap: Gap,
    pace: Duration,
}

impl Default for Rounds {
    fn default() -> Self {
        Rounds { born: Instant::now(), servers: BTreeMap::new() }
    }
}

impl Rounds {
    /// Follows the ledger: which servers this node manages, and how briskly. A new one is read at once.
    /// One that reaches no HMC goes on looking at its own server: it is no manager any more, and would never know that it
    /// reaches one again.
    pub fn follow(&mut self, me: &NodeName, ledger: &Ledger, blind: bool) {
        let own = ledger.config.nodes.get(me).and_then(|node| node.server.as_ref()).filter(|_| blind);
        let manages = |state: &ServerState| state.manager.as_ref() == Some(me);
        let servers = ledger.servers.iter().filter(|(server, state)| manages(state) || own == Some(*server));
        let mine: BTreeSet<&ServerName> = servers.map(|(server, _)| server).collect();
        self.servers.retain(|server, _| mine.contains(server));
        let busy: BTreeSet<ServerName> = ledger.groups.values().filter_map(|group| busy(group)).collect();
        for server in mine {
            let round = self.servers.entry(server.clone()).or_insert(Round {
                begun: None,
                under_way: false,
                asked: None,
                gap: Gap::default(),
                pace: BRISK,
            });
            let brisk = busy.contains(server) || ledger.servers.get(server).is_some_and(unsettled);
            let monitor = Duration::from_millis(ledger.config.timings.monitor.0);
            round.pace = if brisk { BRISK.min(monitor) } else { monitor };
        }
    }

    /// Somebody wants to know now. `index` is that of the last entry that this node has applied.
    pub fn probe<'a>(&mut self, servers: impl IntoIterator<Item = &'a ServerName>, index: u64) {
        let (now, time) = (Instant::now(), self.time());
        for server in servers {
            if let Some(round) = self.servers.get_mut(server) {
                let at = now + Duration::from_millis(round.gap.wait(index, time).0);
                round.asked = Some(round.asked.map_or(at, |earlier| earlier.min(at)));
            }
        }
    }

    /// Whatever was read before counts for nothing.
    pub fn probe_all(&mut self) {
        let now = Instant::now();
        self.servers.values_mut().for_each(|round| round.asked = Some(now));
    }

    fn time(&self) -> Time {
        Time(u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Servers to be read now; they count as under way until [`Rounds::done`].
    pub fn due(&mut self, index: u64) -> Vec<ServerName> {
        let (now, time) = (Instant::now(), self.time());
        let mut due = Vec::new();
        for (server, round) in &mut self.servers {
            if !round.under_way && round.next(now) <= now {
                (round.begun, round.under_way, round.asked) = (Some(now), true, None);
                round.gap.begins(index, time);
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
        let Some(begun) = self.begun else { return now };
        let paced = begun + self.pace;
        self.asked.map_or(paced, |asked| paced.min(asked.max(begun + SHORTEST)))
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
