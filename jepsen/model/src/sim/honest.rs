//! Assumptions about operators and HMCs. Where they do not hold, nothing is promised, and so nothing counts as a
//! fault.

use super::sim::Sim;
use crate::world::{Guest, Power, SystemState};
use tenure_core::NodeName;

impl Sim {
    /// Whether an operation would violate them: an operator would confirm as off what is not, or an HMC would list
    /// everything as off while it shows a state in which its listing is believed.
    pub(super) fn is_lie(&self, operation: &str) -> bool {
        let words: Vec<&str> = operation.split_whitespace().collect();
        let shown = |server: &str| self.world.server(server).and_then(|server| self.world.shown_as(server));
        match words[..] {
            ["op", "fence", "confirm", server] => self
                .world
                .server(server)
                .is_some_and(|server| !matches!(self.world.power(server), Power::Dead | Power::Off | Power::Failed)),
            ["op", "fence", "confirm-node", node] => {
                let name = self.parts.get(node).cloned().unwrap_or_else(|| NodeName::from(node));
                let home = self.nodes.get(&name).and_then(|node| node.server.zip(node.lpar));
                home.is_some_and(|(server, lpar)| self.world.guest(server, lpar) != Guest::Off)
            }
            ["list", server, "off"] => shown(server) != Some(SystemState::Recovery),
            ["show", _, "Recovery" | "truth"] => false,
            ["show", server, ..] => self.world.server(server).is_some_and(|server| self.world.lists_as_off(server)),
            _ => false,
        }
    }
}
