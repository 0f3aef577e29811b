//! Which kinds of resources the agents of a node keep. Managed LPARs are commanded through the HMC; for what lives inside
//! nodes there is no agent yet, and a configuration that asks for one is refused before it is proposed.

use std::collections::BTreeSet;
use tenure_core::config::Cluster;

/// Types of resources that no agent keeps, by name. Empty if the cluster may be applied.
pub fn without_agent(cluster: &Cluster) -> BTreeSet<&str> {
    cluster.resources.values().filter_map(|resource| resource.as_agent()).map(|agent| agent.agent.as_str()).collect()
}
