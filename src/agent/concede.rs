//! Conceding: a node that has been without a lease for too long stops what must not run twice.
//!
//! Nobody believes that it did: the others wait for a proof (its LPAR off, its watchdog, an operator). It keeps the two
//! copies from running side by side should that proof be an operator's error, and spares a node with a watchdog the reset.
//! What requires something is stopped before that; what does not stop in its time is stopped by force. It ends as soon as
//! the lease is back: what was stopped is then started again by whoever leads.

use super::{Agents, Lease};
use std::{collections::BTreeSet, sync::Arc};
use tenure_core::{
    Ledger, ResourceName,
    carry::{Answer, Ask},
    note::CleanReason,
};
use tokio::task::JoinSet;

/// What this node has to give up, as its own ledger knows it. What is frozen, and everything while the cluster is disarmed, is
/// left alone where nobody else could take it: not where a watchdog may prove this node off.
pub fn to_concede(ledger: &Ledger, agents: &Agents, has_watchdog: bool) -> BTreeSet<ResourceName> {
    let stays = |resource: &ResourceName| {
        let group = ledger.group_of(resource).and_then(|name| ledger.groups.get(name));
        ledger.maintenance.disarmed || group.is_some_and(|group| group.frozen)
    };
    let held = agents.held().into_iter();
    held.filter(|resource| has_watchdog || !stays(resource)).collect()
}

/// Stops all of it, in order, as long as there is no lease.
pub async fn concede(agents: Arc<Agents>, lease: Lease, ledger: Arc<Ledger>, mut left: BTreeSet<ResourceName>) {
    tracing::warn!(resources = left.len(), "no lease for too long; what must not run twice is stopped");
    while !left.is_empty() && lease.left().is_zero() {
        let required = |name: &ResourceName| {
            let by = |other: &&ResourceName| {
                let declared = ledger.config.resources.get(*other);
                declared.is_some_and(|declared| declared.requires.iter().any(|need| need.of.contains(name)))
            };
            left.iter().any(|other| by(&other))
        };
        let mut free: BTreeSet<ResourceName> = left.iter().filter(|name| !required(name)).cloned().collect();
        if free.is_empty() {
            free = left.clone();
        }
        left.retain(|name| !free.contains(name));
        let mut stops = JoinSet::new();
        for name in free {
            stops.spawn(stop(Arc::clone(&agents), Arc::clone(&ledger), name));
        }
        while stops.join_next().await.is_some() {}
    }
}

async fn stop(agents: Arc<Agents>, ledger: Arc<Ledger>, name: ResourceName) {
    let answer = agents.act(&ledger.config, &Ask::ShutDown(name.clone())).await;
    let seen = agents.look(&name).await;
    if seen.power.is_inactive() {
        tracing::info!(resource = %name, "stopped");
        return;
    }
    let reason = match answer {
        Answer::Unknown(_) => CleanReason::OfflineHung,
        Answer::Accepted
        | Answer::Already
        | Answer::Refused(_)
        | Answer::NotSent(_)
        | Answer::Read(_)
        | Answer::Looked(_)
        | Answer::Paused => CleanReason::OfflineIneffective,
    };
    let _ = agents.act(&ledger.config, &Ask::Clean { resource: name.clone(), reason }).await;
    let power = agents.look(&name).await.power;
    if power.is_inactive() {
        tracing::info!(resource = %name, "stopped by force");
    } else {
        tracing::error!(resource = %name, %power, "cannot be stopped");
    }
}
