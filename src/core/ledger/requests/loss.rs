//! The copies that a new configuration would lose sight of, and those that it would merely let go.
//!
//! A copy is known under one name, and its state is about one thing: an LPAR of one machine, or what one agent keeps
//! inside one node. If the name comes to stand for another thing, the state begins anew, and nothing that is known of
//! the old thing proves anything of the new one. So a copy that is active, or on which something may still take
//! effect, is never let go silently.

use super::super::{CopyState, GroupState, StartRisk, apply::Applying, resources::is_passive};
use crate::{GroupName, ResourceName, ServerName, config::Cluster};

/// The objections to a new configuration, in words.
#[derive(Default)]
pub(super) struct Loss {
    /// Those that stand in any case.
    pub blind: Vec<String>,
    /// Those that an operator may overrule (`strand`).
    pub stranded: Vec<String>,
}

/// Whether a resource on a server is the same thing in both configurations: if not, nothing that was learnt under one
/// holds under the other.
pub(super) fn is_same_copy(old: &Cluster, new: &Cluster, resource: &ResourceName, server: &ServerName) -> bool {
    let (Some(was), Some(is)) = (old.resources.get(resource), new.resources.get(resource)) else { return false };
    let listed = |cluster: &Cluster| cluster.groups.get(&is.group).is_some_and(|group| group.servers.contains(server));
    was.group == is.group
        && was.enabled
        && is.enabled
        && listed(old)
        && listed(new)
        && is_same_machine(old, new, server)
        && was.same_thing(is, server)
        && (is.as_agent().is_none() || old.node_on(server) == new.node_on(server))
}

/// Whether a server's name stands for the same machine in both configurations.
pub(super) fn is_same_machine(old: &Cluster, new: &Cluster, server: &ServerName) -> bool {
    let mtms = |cluster: &Cluster| cluster.servers.get(server).map(|declared| declared.mtms().map(str::to_owned));
    mtms(old) == mtms(new)
}

impl Applying<'_> {
    /// The objections to the new configuration.
    pub(super) fn loss(&self, new: &Cluster) -> Loss {
        let mut loss = Loss::default();
        for (name, group) in &self.ledger.groups {
            if let Some(tenure) = group.tenure.as_ref().filter(|_| !new.groups.contains_key(name)) {
                loss.stranded.push(format!("group {name} runs on {}", tenure.server));
            }
            for (resource, copies) in &group.copies {
                for (server, copy) in copies {
                    let same = is_same_copy(&self.ledger.config, new, resource, server);
                    // A passive resource needs no proof.
                    let proven = new.resources.get(resource).is_some_and(|kept| !is_passive(kept));
                    if !same || (!proven && copy.risk != StartRisk::None) {
                        self.lose(&mut loss, new, (name, group), (resource, server), copy);
                    }
                }
            }
        }
        loss
    }

    fn lose(
        &self,
        loss: &mut Loss,
        new: &Cluster,
        (name, group): (&GroupName, &GroupState),
        (resource, server): (&ResourceName, &ServerName),
        copy: &CopyState,
    ) {
        // The start will be answered, or settle, in its time; if it were forgotten, it could become a second copy.
        if copy.risk != StartRisk::None {
            let what = "where a start may still take effect: wait until it has settled";
            loss.blind.push(format!("{resource} on {server}, {what}"));
            return;
        }
        if self.loses_node(new, group, (resource, server)) {
            let node = self.ledger.config.node_on(server).map(ToString::to_string).unwrap_or_default();
            loss.blind.push(format!("{resource} inside node {node}"));
            return;
        }
        let tenured = group.tenure.as_ref().is_some_and(|tenure| tenure.covers(server));
        let unproven = self.ledger.vouches(group, resource, server).is_err();
        let reads = format!("{resource} on {server} reads {}", copy.power);
        // A copy that was read and is not off may run, whatever it reads; declared anew, nothing would be known of it.
        let doubtful = copy.since.is_some() && !copy.power.is_inactive();
        let goes = !new.groups.contains_key(name);
        let kept = new.resources.get(resource).filter(|_| !goes);
        let listed = new.groups.get(name).is_some_and(|group| group.servers.contains(server));
        match kept {
            // The objection about the group covers its tenure.
            _ if goes && tenured => {}
            // To disable a resource, or to give its name to another address, may be intended.
            Some(kept) if !kept.enabled || (kept.as_agent().is_some() && kept.group == *name && listed) => {
                if doubtful || (tenured && unproven && !kept.enabled) {
                    loss.stranded.push(reads);
                }
            }
            Some(_) if tenured || copy.is_active() => loss.blind.push(format!("{resource} on {server}")),
            Some(_) | None => {
                if tenured || doubtful || (unproven && !goes) {
                    loss.stranded.push(reads);
                }
            }
        }
    }

    /// Whether a resource may live inside a node that would be taken from its server: the silence of that node, or
    /// the word of another in its place, would be taken for a proof.
    fn loses_node(&self, new: &Cluster, group: &GroupState, (resource, server): (&ResourceName, &ServerName)) -> bool {
        let old = &self.ledger.config;
        let node = old.node_on(server);
        let known = node.and_then(|node| self.ledger.nodes.get(node));
        let moves = node != new.node_on(server) || !is_same_machine(old, new, server);
        if !self.ledger.is_inside(resource) || !moves || group.passive.contains(resource) {
            return false;
        }
        let off = self.ledger.servers.get(server).is_some_and(|state| state.off.is_some());
        let dead = off || self.ledger.died_inside(resource, server).is_some();
        let tenured = group.tenure.as_ref().is_some_and(|tenure| tenure.covers(server));
        // Nothing was started inside a node that was never heard.
        let heard = known.is_some_and(|known| known.met);
        !dead && (tenured || (heard && self.ledger.reads_off(group, resource, server).is_err()))
    }
}
