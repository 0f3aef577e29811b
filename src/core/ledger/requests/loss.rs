//! What a new configuration would lose sight of, and what would merely be let go.
//!
//! A copy is known under one name, and what is known of it is about one thing: an LPAR of one machine, what one agent keeps
//! inside one node. Where the name stands for another thing, it begins anew, and what is known of the old thing proves
//! nothing of the new one. So whatever may still take effect, and whatever is active, is not let go without a word.

use super::super::{CopyState, GroupState, StartRisk, apply::Applying, resources::is_passive};
use crate::{GroupName, ResourceName, ServerName, config::Cluster};

/// What stands against a new configuration, in words.
#[derive(Default)]
pub(super) struct Loss {
    /// Never allowed.
    pub blind: Vec<String>,
    /// Allowed if it is asked for.
    pub stranded: Vec<String>,
}

/// Whether a resource on a server is the same thing in both: nothing that was learnt under one holds under the other if not.
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

/// Whether a server's name stands for the same machine in both.
pub(super) fn is_same_machine(old: &Cluster, new: &Cluster, server: &ServerName) -> bool {
    let mtms = |cluster: &Cluster| cluster.servers.get(server).map(|declared| declared.mtms().map(str::to_owned));
    mtms(old) == mtms(new)
}

impl Applying<'_> {
    /// What the new configuration would no longer see.
    pub(super) fn loss(&self, new: &Cluster) -> Loss {
        let mut loss = Loss::default();
        for (name, group) in &self.ledger.groups {
            if let Some(tenure) = group.tenure.as_ref().filter(|_| !new.groups.contains_key(name)) {
                loss.stranded.push(format!("group {name} runs on {}", tenure.server));
            }
            for (resource, copies) in &group.copies {
                for (server, copy) in copies {
                    let same = is_same_copy(&self.ledger.config, new, resource, server);
                    // Of what is merely watched nothing has to be proven.
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
        // It will have been answered, or have settled, in its time; forgotten, it would be a second copy.
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
        // What was looked at and is not off may run, whatever it reads: declared anew, it would be nothing that is known.
        let doubtful = copy.since.is_some() && !copy.power.is_inactive();
        let goes = !new.groups.contains_key(name);
        let kept = new.resources.get(resource).filter(|_| !goes);
        let listed = new.groups.get(name).is_some_and(|group| group.servers.contains(server));
        match kept {
            // That its group runs was said of the group.
            _ if goes && tenured => {}
            // What is not watched any more, or is another address of the same name, may be meant.
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

    /// Whether the node that something may live inside would be taken from its server: its silence, or the word of another
    /// node in its place, would be taken for a proof.
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
        // Inside a node that was never heard, nobody has started anything.
        let heard = known.is_some_and(|known| known.met);
        !dead && (tenured || (heard && self.ledger.reads_off(group, resource, server).is_err()))
    }
}
