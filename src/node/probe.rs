//! Having servers read at once.

use super::{
    heart::{Heart, id_of},
    peer::{Call, ask},
};
use std::collections::BTreeSet;
use tenure_core::{NodeName, ServerName};

impl Heart {
    /// Has servers read at once, by whoever manages them.
    pub(super) fn probe(&mut self, servers: BTreeSet<ServerName>) {
        if servers.is_empty() {
            return;
        }
        let servers: Vec<ServerName> = servers.into_iter().collect();
        self.rounds.probe(&servers, self.seen);
        self.look_inside(&servers);
        let (ledger, status) = (self.ledger(), self.raft.status());
        for server in servers {
            let manager = ledger.servers.get(&server).and_then(|state| state.manager.clone());
            let own = ledger.config.node_on(&server).cloned();
            let asked: BTreeSet<NodeName> = manager.into_iter().chain(own).filter(|node| *node != self.me).collect();
            for id in asked.iter().filter_map(|node| id_of(&status, node)) {
                let (raft, deadline) = (self.raft.clone(), self.lease_time());
                let call = Call::Probe(vec![server.clone()]);
                self.tasks.spawn(async move {
                    // A probe that is lost costs one round.
                    let _ = ask(&raft, id, &call, deadline).await;
                });
            }
        }
    }
}
