//! The schedule of a watcher's readings of its servers.

use crate::{
    Ledger, NodeName, ServerName, Span, Time,
    budget::Budget,
    ledger::{GroupState, Phase, ServerState},
    note::Wait,
    pace::Gap,
    time::Moment,
};
use std::collections::{BTreeMap, BTreeSet};

/// Time between two readings of a server on which something is under way.
const BRISK: Span = Span::seconds(1);
/// Shortest time between two readings of a server, whoever asks.
const SHORTEST: Span = Span(50);
/// At rest, a reading that takes longer than this part of the monitor interval is followed by a pause as long as itself,
/// up to a whole interval: what is slow is busy, and is not to be kept so by being asked.
const PART: u64 = 4;

/// The rounds of a node over the servers that it watches.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    servers: BTreeMap<ServerName, Round>,
}

#[derive(Clone, Copy, Debug)]
struct Round {
    begun: Option<Moment>,
    under_way: bool,
    /// Time from which the server is to be read because somebody asked.
    asked: Option<Moment>,
    gap: Gap,
    pace: Span,
    /// Whether something is under way there.
    brisk: bool,
    /// Whether the last reading was one at rest: nothing was under way, and nobody had asked.
    rest: bool,
    /// Time before which it is not read again at rest, because the last reading took long.
    rests: Option<Moment>,
}

impl Rounds {
    /// Follows the ledger: which servers this node watches, and the pace of each. A new one is read at once. A node
    /// that reaches no HMC goes on reading its own server: it is no watcher any more, and would never know that it
    /// reaches one again. A server without a manager cannot be read.
    pub fn follow(&mut self, me: &NodeName, ledger: &Ledger, blind: bool) {
        let own = ledger.config.nodes.get(me).and_then(|node| node.server.as_ref()).filter(|_| blind);
        let manages = |state: &ServerState| state.watcher.as_ref() == Some(me);
        let looks = |server: &ServerName, state: &ServerState| manages(state) || own == Some(server);
        let servers =
            ledger.servers.iter().filter(|(server, state)| looks(server, state) && ledger.config.has_manager(server));
        let mine: BTreeSet<&ServerName> = servers.map(|(server, _)| server).collect();
        self.servers.retain(|server, _| mine.contains(server));
        let busy: BTreeSet<ServerName> = ledger.groups.values().filter_map(|group| busy(group)).collect();
        let budget = Budget::of(ledger);
        for server in mine {
            let round = self.servers.entry(server.clone()).or_insert(Round {
                begun: None,
                under_way: false,
                asked: None,
                gap: Gap::default(),
                pace: BRISK,
                brisk: false,
                rest: false,
                rests: None,
            });
            let brisk = busy.contains(server) || ledger.servers.get(server).is_some_and(unsettled);
            let monitor = ledger.config.timings.monitor;
            let rest = ledger.manager_in_use(server).map_or(monitor, |hmc| budget.pace(hmc));
            (round.pace, round.brisk) = (if brisk { BRISK.min(monitor) } else { rest }, brisk);
        }
    }

    /// Hastens readings that somebody asked for. `index` is that of the last entry that this node has applied.
    pub fn probe<'a>(&mut self, servers: impl IntoIterator<Item = &'a ServerName>, index: u64, now: Moment) {
        for server in servers {
            if let Some(round) = self.servers.get_mut(server) {
                let at = now.after(round.gap.wait(index, Time(now.0)));
                round.asked = Some(round.asked.map_or(at, |earlier| earlier.min(at)));
            }
        }
    }

    /// Has all servers read now, because earlier readings count for nothing.
    pub fn probe_all(&mut self, now: Moment) {
        self.servers.values_mut().for_each(|round| round.asked = Some(now));
    }

    /// The servers to be read now; they count as under way until [`Rounds::done`].
    pub fn due(&mut self, index: u64, now: Moment) -> Vec<ServerName> {
        let mut due = Vec::new();
        for (server, round) in &mut self.servers {
            if !round.under_way && round.next(now) <= now {
                round.rest = round.begun.is_some() && !round.brisk && round.asked.is_none();
                (round.begun, round.under_way, round.asked) = (Some(now), true, None);
                round.gap.begins(index, Time(now.0));
                due.push(server.clone());
            }
        }
        due
    }

    /// Whether the last reading of a server is one at rest, for which nobody waits.
    pub fn is_at_rest(&self, server: &ServerName) -> bool {
        self.servers.get(server).is_some_and(|round| round.rest)
    }

    /// Records that a reading has ended.
    pub fn done(&mut self, server: &ServerName, monitor: Span, now: Moment) {
        if let Some(round) = self.servers.get_mut(server) {
            let took = round.begun.map(|begun| now.since(begun)).unwrap_or_default();
            let slow = took.times(PART) > monitor;
            (round.under_way, round.rests) = (false, slow.then(|| now.after(took.min(monitor))));
        }
    }

    /// Time at which the next reading is due.
    pub fn next(&self, now: Moment) -> Option<Moment> {
        self.servers.values().filter(|round| !round.under_way).map(|round| round.next(now)).min()
    }
}

impl Round {
    fn next(&self, now: Moment) -> Moment {
        let Some(begun) = self.begun else { return now };
        let paced = begun.after(self.pace);
        let paced = self.rests.filter(|_| !self.brisk).map_or(paced, |rests| rests.max(paced));
        self.asked.map_or(paced, |asked| paced.min(asked.max(begun.after(SHORTEST))))
    }
}

fn unsettled(server: &ServerState) -> bool {
    server.dirty.is_some() || server.wait.is_some() || server.fence.is_some()
}

/// The server on which a group has something under way.
fn busy(group: &GroupState) -> Option<ServerName> {
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
