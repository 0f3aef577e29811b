//! What HMCs say of all their systems, shared between nodes: one node for each HMC asks it on behalf of all
//! ([`asker`](tenure_core::Ledger::asker)).
//!
//! Promises: a node that tells nothing keeps no reading waiting for long. Whatever comes of it, the node that asked can ask
//! the HMC by itself.

use super::{
    Machine,
    peer::{Answer, Call, ask, incarnation},
    standing::id_of,
};
use crate::hypervisor::{Neighbours, Told, Which};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tenure_core::{HmcName, NodeName, budget::Budget};
use tenure_raft::Handle;

/// Time that the node has to tell what the HMC says. It waits for others that ask, and the HMC may be slow.
const TELLS: Duration = Duration::from_secs(8);
/// Time for which a node that did not tell is not asked again.
const SILENT: Duration = Duration::from_secs(30);

/// The other nodes, through consensus' connections.
pub struct Others {
    me: NodeName,
    raft: Handle<Machine>,
    silent: Silent,
}

/// The nodes that did not tell what an HMC says, and when.
#[derive(Default)]
struct Silent(Mutex<BTreeMap<HmcName, (NodeName, Instant)>>);

impl Silent {
    fn note(&self, hmc: &HmcName, node: &NodeName, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(hmc.clone(), (node.clone(), now));
    }

    fn holds(&self, hmc: &HmcName, node: &NodeName, now: Instant) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(hmc).is_some_and(|(silent, at)| silent == node && now.saturating_duration_since(*at) < SILENT)
    }
}

impl Others {
    /// The neighbours of this node.
    pub fn new(me: NodeName, raft: Handle<Machine>) -> Self {
        Others { me, raft, silent: Silent::default() }
    }

    /// The node that asks an HMC for this one, by the ledger as it is now.
    fn asker(&self, hmc: &HmcName) -> Option<NodeName> {
        let ledger = self.raft.state(Machine::ledger);
        ledger.asker(hmc).filter(|asker| **asker != self.me).cloned()
    }

    /// Waits until another node is to ask an HMC: the present one has fallen silent, or cannot use it any more.
    async fn changes(&self, hmc: &HmcName, asker: &NodeName) {
        let mut changes = self.raft.changed();
        while self.asker(hmc).as_ref() == Some(asker) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

#[async_trait]
impl Neighbours for Others {
    async fn ask(&self, which: &Which) -> Option<Told> {
        let hmc = &which.hmc;
        let asker = self.asker(hmc)?;
        if self.silent.holds(hmc, &asker, Instant::now()) {
            return None;
        }
        let call = Call::Overview(which.clone());
        let told = async {
            let Some(id) = id_of(&self.raft.status(), &asker) else { return Err("it is no member".into()) };
            match ask(&self.raft, incarnation(), id, &call, TELLS).await {
                Ok(Answer::Overview(told)) => told,
                Ok(_) => Err("it answers something else".into()),
                Err(why) => Err(why),
            }
        };
        let told = tokio::select! {
            told = told => told,
            () = self.changes(hmc, &asker) => return None,
        };
        match told {
            Ok(told) => Some(told),
            Err(why) => {
                tracing::debug!(%hmc, node = %asker, %why, "it does not tell what the HMC says; this node asks by itself");
                self.silent.note(hmc, &asker, Instant::now());
                None
            }
        }
    }

    fn gap(&self, hmc: &HmcName) -> Duration {
        let ledger = self.raft.state(Machine::ledger);
        Duration::from_millis(Budget::of(&ledger).gap(hmc).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_told_nothing_is_left_alone_for_a_while_and_another_is_not() {
        let (silent, hmc, now) = (Silent::default(), "hmc1".into(), Instant::now());
        assert!(!silent.holds(&hmc, &"n1".into(), now));
        silent.note(&hmc, &"n1".into(), now);
        let late = now + SILENT - Duration::from_millis(1);
        assert!(silent.holds(&hmc, &"n1".into(), late) && !silent.holds(&hmc, &"n2".into(), late));
        assert!(!silent.holds(&"hmc2".into(), &"n1".into(), late), "it is about one HMC");
        assert!(!silent.holds(&hmc, &"n1".into(), now + SILENT));
    }
}
