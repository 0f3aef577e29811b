//! What nodes do for what lives inside them: look at it, tell the leader, stop it when they have been without a lease for
//! too long, and feed their watchdogs.

use super::planted::Bug;
use super::sim::Sim;
use crate::world::{Fault, Guest};
use tenure_core::{NodeName, OrderId, ResourceName, Span, carry::Answer};

impl Sim {
    /// A node looks at everything inside it, and tells the leader.
    pub(super) fn sense(&mut self, name: &NodeName) {
        let now = self.now;
        self.questions += 1;
        let Some(node) = self.nodes.get_mut(name).filter(|node| node.acts()) else { return };
        let config = std::sync::Arc::clone(&node.ledger.config);
        let declared = config.nodes.get(name);
        let Some(server) = declared.and_then(|declared| declared.server.clone()) else { return };
        let since = node.ledger.index;
        node.memory.sensed.begins(since, now);
        let mut inside = self.apps.see(&config, &server, now, (since, self.questions));
        inside.watchdog = declared.and_then(|declared| declared.watchdog);
        if inside.seen.is_empty() {
            return;
        }
        let Some(leader) = self.leader.as_ref().map(|leader| leader.node.clone()) else { return };
        if !self.connected(name, &leader) {
            return;
        }
        if let Some(leader) = &mut self.leader {
            leader.leading.sense(name.clone(), inside);
        }
        self.plan_soon();
    }

    /// Somebody waits for a look: at once if the log has moved since the last one, otherwise not too soon after it.
    pub(super) fn sense_again(&mut self, name: &NodeName) {
        let Some(node) = self.nodes.get(name) else { return };
        if node.memory.sensed.wait(node.ledger.index, self.now) == Span(0) {
            self.sense(name);
        }
    }

    /// An agent has looked at what an order is about.
    pub(super) fn looked_inside(&mut self, name: &NodeName, id: OrderId, resource: &ResourceName, look: (u64, u64)) {
        let Some(node) = self.nodes.get(name) else { return };
        let config = std::sync::Arc::clone(&node.ledger.config);
        let server = config.nodes.get(name).and_then(|declared| declared.server.clone());
        let seen = server.and_then(|server| self.apps.see(&config, &server, self.now, look).seen.remove(resource));
        self.answer(name, id, Answer::Looked(seen.unwrap_or_default()));
    }

    /// Nodes without a lease concede, and watchdogs reset those that nobody feeds.
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
                if node.alone_for(now).is_some_and(|alone| alone >= config.timings.concede) {
                    self.apps.concede(&config, server, now);
                }
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
