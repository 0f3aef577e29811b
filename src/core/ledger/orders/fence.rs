//! Fencing: nothing else proves a server off, except an operator's word.

use crate::{
    Refusal, ServerName,
    ledger::apply::Applying,
    order::{Action, Ending},
};

impl Applying<'_> {
    /// Orders a node to power a server off and read that back.
    pub(in super::super) fn fence(&mut self, server: &ServerName) -> Result<(), Refusal> {
        let state = self.server(server)?;
        if state.off.is_some() {
            return Err(Refusal::AlreadyOff { server: server.clone() });
        }
        if state.fence.is_some() {
            return Err(Refusal::BeingFenced { server: server.clone() });
        }
        let node = self.watcher(server)?;
        // A node cannot be asked to cut its own power and then report it.
        if self.ledger.config.node_on(server) == Some(&node) {
            return Err(Refusal::NodeSpeaks { node, server: server.clone() });
        }
        let budget = self.ledger.config.timings.fence;
        let id = self.issue(node, server, Action::Fence, budget, None);
        self.server_mut(server)?.fence = Some(id);
        Ok(())
    }

    /// Calls back the order to power a server off. Never unsafe: a server that was not read off is not proven off.
    pub(in super::super) fn call_off(&mut self, server: &ServerName) -> Result<(), Refusal> {
        let fence = self.server(server)?.fence;
        let order = fence.and_then(|fence| self.ledger.orders.remove(&fence)).ok_or(Refusal::NoChange)?;
        self.close(&order, &Ending::Unknown(format!("server {server} is not to be powered off any more").into()));
        Ok(())
    }

    /// Closes an order to power a server off. The proof, if there is one, comes with the report.
    pub(super) fn close_fence(&mut self, server: &ServerName, ending: &Ending) {
        let failed = self.failed(ending);
        if let Ok(state) = self.server_mut(server) {
            (state.fence, state.fence_failed) = (None, failed);
        }
    }
}
