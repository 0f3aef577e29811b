//! How much an HMC is asked at rest, and by whom.
//!
//! All nodes together read the servers of an HMC at a pace that takes a number of commands a second of it, however many
//! servers it has: one list of LPARs for each reading, and what the HMC says of all its systems, which one node asks for
//! all of them.
//!
//! Refuses to know: readings of a server on which something is under way, or for which somebody asked. They have the pace
//! that they need.

use crate::{HmcName, Ledger, NodeName, ServerName, Span};
use std::collections::BTreeMap;

/// Commands a second that readings at rest take of an HMC.
pub const COMMANDS: u64 = 6;
/// Those of them that list LPARs, at most.
const LISTS: u64 = 5;
/// Commands by which an HMC is asked for all its systems: their states, and the links to them.
const OVERVIEW: u64 = 2;
/// Milliseconds in a second.
const SECOND: u64 = 1_000;

/// The number of servers that are read through each HMC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    monitor: Span,
    servers: BTreeMap<HmcName, u64>,
}

impl Budget {
    /// The budget by the ledger.
    pub fn of(ledger: &Ledger) -> Self {
        let mut servers: BTreeMap<HmcName, u64> = BTreeMap::new();
        for hmc in ledger.config.servers.keys().filter_map(|server| ledger.manager_in_use(server)) {
            let count = servers.entry(hmc.clone()).or_default();
            *count = count.saturating_add(1);
        }
        Budget { monitor: ledger.config.timings.monitor, servers }
    }

    /// The number of servers that are read through an HMC.
    pub fn servers(&self, hmc: &HmcName) -> u64 {
        self.servers.get(hmc).copied().unwrap_or_default()
    }

    /// The time between two readings at rest of a server that is read through an HMC: the monitor interval, or longer, so
    /// that the lists of all of them are within the budget.
    pub fn pace(&self, hmc: &HmcName) -> Span {
        let lists = self.servers(hmc).saturating_mul(SECOND).div_ceil(LISTS);
        self.monitor.max(Span(lists))
    }

    /// How often servers are read through an HMC at rest, for people; with the reason, if it is not the monitor interval.
    pub fn says(&self, hmc: &HmcName) -> String {
        let (pace, servers) = (self.pace(hmc), self.servers(hmc));
        match pace > self.monitor {
            true => format!("{pace}: {servers} servers of {hmc} at {COMMANDS} commands a second"),
            false => pace.to_string(),
        }
    }

    /// The shortest time between two questions for all its systems: they take what the lists leave.
    pub fn gap(&self, hmc: &HmcName) -> Span {
        let pace = self.pace(hmc).0;
        let lists = self.servers(hmc).saturating_mul(SECOND);
        let left = pace.saturating_mul(COMMANDS).saturating_sub(lists);
        Span(pace.saturating_mul(OVERVIEW).saturating_mul(SECOND).checked_div(left).unwrap_or_default())
    }
}

impl Ledger {
    /// The HMC through which a server is read: the first that its watcher can use; the first of all, if none is known.
    pub fn manager_in_use(&self, server: &ServerName) -> Option<&HmcName> {
        let managers = &self.config.servers.get(server)?.managers;
        let watcher = self.servers.get(server).and_then(|state| state.watcher.as_ref());
        let usable = |hmc: &&HmcName| watcher.is_none_or(|watcher| !self.is_shut(hmc, watcher));
        managers.iter().find(usable).or_else(|| managers.first())
    }

    /// The node that asks an HMC for all its systems on behalf of all nodes: the first by name that is there, whose own
    /// server the HMC manages, and that can use it.
    pub fn asker(&self, hmc: &HmcName) -> Option<&NodeName> {
        let manages = |server: &ServerName| {
            self.config.servers.get(server).is_some_and(|declared| declared.managers.contains(hmc))
        };
        let is_there = |node: &NodeName| self.nodes.get(node).is_some_and(|state| state.met && !state.is_out());
        let fit = self.config.nodes.iter().find(|(node, declared)| {
            declared.server.as_ref().is_some_and(manages) && is_there(node) && !self.is_shut(hmc, node)
        });
        fit.map(|(node, _)| node)
    }
}
