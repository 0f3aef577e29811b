//! A node's work for the resources inside it: its agents look at them, and its watchdog is fed.

use super::planted::Bug;
use super::sim::Sim;
use crate::world::{Fault, Guest};
use tenure_core::{NodeName, ResourceName, Seen, node::Input};

impl Sim {
    /// A node's agents look at everything inside it, and the node receives the result.
    pub(super) fn sense(&mut self, name: &NodeName) {
        let now = self.now;
        self.questions += 1;
        let Some(node) = self.nodes.get_mut(name).filter(|node| node.acts()) else { return };
        let config = std::sync::Arc::clone(&node.ledger.config);
        let declared = config.nodes.get(name);
        let Some(server) = declared.and_then(|declared| declared.server.clone()) else { return };
        let mut inside = self.apps.see(&config, &server, now, (node.ledger.index, self.questions));
        inside.watchdog = declared.and_then(|declared| declared.watchdog);
        let inside = Some(inside).filter(|inside| !inside.seen.is_empty());
        let Some(node) = self.nodes.get_mut(name) else { return };
        node.memory.inside.clone_from(&inside);
        if inside.is_some() {
            self.feed(name, Input::Inside(inside));
        }
    }

    /// An agent's look at one resource.
    pub(super) fn look_at(&mut self, name: &NodeName, resource: &ResourceName, look: (u64, u64)) -> Seen {
        let Some(node) = self.nodes.get_mut(name) else { return Seen::default() };
        let config = std::sync::Arc::clone(&node.ledger.config);
        let server = config.nodes.get(name).and_then(|declared| declared.server.clone());
        let seen = server.and_then(|server| self.apps.see(&config, &server, self.now, look).seen.remove(resource));
        let seen = seen.unwrap_or_default();
        if let Some(inside) = &mut node.memory.inside {
            inside.seen.insert(resource.clone(), seen.clone());
        }
        seen
    }

    /// Watchdogs reset the nodes that have not fed them in time.
    pub(super) fn watchdogs(&mut self) {
        let now = self.now;
        let careless = self.options.bug == Some(Bug::FedWithoutLease);
        let mut resets = Vec::new();
        for (name, node) in &mut self.nodes {
            let config = std::sync::Arc::clone(&node.ledger.config);
            let declared = config.nodes.get(name).filter(|_| node.acts());
            if let Some((declared, server)) = declared.and_then(|declared| Some((declared, declared.server.as_ref()?)))
            {
                node.armed = declared.watchdog;
                if node.has_lease(now) || careless || !self.apps.holds(&config, server) {
                    node.memory.fed = now;
                }
            }
            let starved = node.armed.is_some_and(|after| now >= node.memory.fed.after(after));
            if starved
                && let (Some(server), Some(lpar)) = (node.server, node.lpar)
                && self.world.guest(server, lpar) != Guest::Off
            {
                resets.push((server, lpar));
            }
        }
        for (server, lpar) in resets {
            // It is alive, so it can be reset.
            let _ = self.world.inject(Fault::Crash(server, lpar));
        }
    }
}
