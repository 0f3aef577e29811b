//! How old what is known of the world is: the ledger keeps the last reading of everything, and says it for ever.
//!
//! A server is read again and again, and only what is news is recorded. So while its last recorded reading is live and
//! its watcher is there, that reading holds now. Otherwise it holds for a time that has passed. A node that has lost touch
//! with the others knows nothing of the present at all.

use super::time;
use crate::api::backend::{Members, Read};
use std::sync::Arc;
use tenure_core::{
    Ledger, NodeName, Power, ResourceName, ServerName, Span, Time,
    budget::Budget,
    ledger::{CopyState, GroupState, NodeState, ServerState},
};

/// A ledger, seen at one time by one node.
#[derive(Clone, Debug)]
pub struct Sight<'a> {
    /// The ledger.
    pub ledger: &'a Ledger,
    /// Cluster time now.
    pub now: Time,
    /// The time at which the node was last in touch with a leader that had a majority behind it, if it is not now.
    pub heard: Option<Time>,
    /// How often servers are read. Made once: it goes through all of them.
    pub(super) budget: Arc<Budget>,
}

/// The age of something that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whether it is so now: read within the time between two readings, or proven.
    pub live: bool,
    /// The last time at which it was so for certain; `None` if never.
    pub at: Option<Time>,
}

impl<'a> Sight<'a> {
    /// As the node that answers sees it.
    pub(in super::super) fn new(ledger: &'a Ledger, members: &Members, read: Read) -> Self {
        let now = members.now.map_or(ledger.now, |now| now.max(ledger.now));
        let lately = |at: &Time| now.since(*at) <= ledger.config.timings.monitor;
        let heard = match read {
            Read::Linearizable => None,
            // A node that has known no leader since it began knows what its log says.
            Read::Stale if members.led_at.as_ref().is_some_and(lately) => None,
            Read::Stale => Some(members.led_at.unwrap_or(ledger.now).max(ledger.now).min(now)),
        };
        Sight { ledger, now, heard, budget: Arc::new(Budget::of(ledger)) }
    }

    /// The members as they may be shown: a node that has lost touch keeps naming the last leader that it heard of.
    pub(in super::super) fn believes(&self, members: &Members) -> Members {
        let leader = members.leader.clone().filter(|_| self.heard.is_none());
        Members { leader, ..members.clone() }
    }

    /// An instant for people; see [`Ledger::shown`].
    pub(in super::super) fn shown(&self, at: Time) -> String {
        time(self.ledger.shown(at))
    }

    /// The age of what is known of a server.
    pub(super) fn server(&self, name: &ServerName) -> Seen {
        let Some(state) = self.ledger.servers.get(name) else { return self.seen(None, false) };
        if !self.ledger.config.has_manager(name) {
            return self.node(name, state.off.is_some());
        }
        let pace = || self.pace(name);
        if state.since.is_none() && state.off.is_none() {
            return self.seen(None, false);
        }
        let watched = self.ledger.is_watched(state);
        let since = if state.live { self.unwatched(state) } else { state.lpars_read };
        self.seen_each(pace, since, state.off.is_some() || (state.live && watched))
    }

    /// The age of what is known of a resource on a server.
    pub(super) fn copy(&self, resource: &ResourceName, server: &ServerName) -> Seen {
        if self.is_dead(resource, server) {
            return self.seen(None, true);
        }
        if self.ledger.is_inside(resource) {
            return self.node(server, false);
        }
        match self.ledger.servers.get(server) {
            Some(state) if state.live && !state.tells_lpars() => {
                self.seen_each(|| self.pace(server), state.lpars_read, false)
            }
            Some(_) | None => self.server(server),
        }
    }

    /// The state of a resource on a server, as last read or as proven since.
    pub(super) fn power(&self, resource: &ResourceName, server: &ServerName, copy: &CopyState) -> Power {
        let dead = !copy.power.is_inactive() && self.is_dead(resource, server);
        if dead { Power::Off } else { copy.power }
    }

    /// The age of what is known of a group: that of its resource with the oldest reading.
    pub(super) fn group(&self, group: &GroupState) -> Seen {
        let Some(tenure) = &group.tenure else { return self.seen(None, true) };
        let owned = group.owned().map(|(resource, _)| self.copy(resource, &tenure.server));
        owned.min_by_key(|seen| (seen.live, seen.at)).unwrap_or_else(|| self.server(&tenure.server))
    }

    /// Whether nothing of a resource can run on a server, because the server or its node is proven off.
    fn is_dead(&self, resource: &ResourceName, server: &ServerName) -> bool {
        let off = self.ledger.servers.get(server).is_some_and(|state| state.off.is_some());
        off || self.ledger.died_inside(resource, server).is_some()
    }

    /// What is known of what lives inside the node of a server.
    fn node(&self, server: &ServerName, off: bool) -> Seen {
        let node = self.ledger.config.node_on(server).and_then(|node| self.ledger.nodes.get(node));
        let out = node.is_none_or(NodeState::is_out);
        self.seen(node.filter(|node| node.met).map(|node| node.lapsed().unwrap_or(self.ledger.now)), off || !out)
    }

    /// Since when nobody watches a server: its watcher had no lease any more.
    fn unwatched(&self, state: &ServerState) -> Option<Time> {
        let watcher: &NodeName = state.watcher.as_ref()?;
        self.ledger.nodes.get(watcher)?.lapsed().or(state.lpars_read)
    }

    /// The time between two readings of a server at rest.
    fn pace(&self, server: &ServerName) -> Span {
        let hmc = self.ledger.manager_in_use(server);
        hmc.map_or(self.ledger.config.timings.monitor, |hmc| self.budget.pace(hmc))
    }

    fn seen(&self, at: Option<Time>, holds: bool) -> Seen {
        self.seen_each(|| self.ledger.config.timings.monitor, at, holds)
    }

    /// The age of something that is read again after this time.
    fn seen_each(&self, interval: impl FnOnce() -> Span, at: Option<Time>, holds: bool) -> Seen {
        let at = if holds { Some(self.now) } else { at };
        let at = at.map(|at| self.heard.map_or(at, |heard| at.min(heard)));
        let lately = |at: Time| at >= self.now || self.now.since(at) <= interval();
        let live = self.heard.is_none() && at.is_some_and(lately);
        Seen { live, at }
    }
}

impl<'a> From<&'a Ledger> for Sight<'a> {
    /// At the time of its last entry.
    fn from(ledger: &'a Ledger) -> Self {
        Sight { ledger, now: ledger.now, heard: None, budget: Arc::new(Budget::of(ledger)) }
    }
}
