//! Views of nodes: whether they may act, and the proof that nothing runs inside them.

use super::shown;
use crate::api::{
    backend::Members,
    wire::{NodeOut, NodeRole, NodeView, QuorumView},
};
use std::collections::BTreeSet;
use tenure_core::{Ledger, NodeName, Power, ServerName, ledger::GroupState};

/// The declared nodes, and the members of the consensus group.
pub(in super::super) fn views(ledger: &Ledger, members: &Members) -> Vec<NodeView> {
    let names: BTreeSet<&NodeName> =
        ledger.config.nodes.keys().chain(members.members.iter().map(|member| &member.name)).collect();
    names.into_iter().map(|name| view(ledger, members, name)).collect()
}

/// The voters, and those of them that answer: as the ledger knows, or, for a node that has lost touch (`apart`), as it
/// finds out itself.
pub(super) fn quorum(ledger: &Ledger, members: &Members, apart: bool) -> QuorumView {
    let voters: Vec<&NodeName> =
        members.members.iter().filter(|member| member.voter).map(|member| &member.name).collect();
    let answers = |name: &&&NodeName| {
        if apart { !members.unreached.contains_key(**name) } else { out(ledger, name).is_none() }
    };
    let answer = voters.iter().filter(answers).count();
    QuorumView { voters: voters.len(), answer, needed: voters.len() / 2 + 1 }
}

fn view(ledger: &Ledger, members: &Members, name: &NodeName) -> NodeView {
    let declared = ledger.config.nodes.get(name);
    let member = members.members.iter().find(|member| &member.name == name);
    let role = match member {
        Some(_) if members.leader.as_ref() == Some(name) => NodeRole::Leader,
        Some(member) if member.voter => NodeRole::Voter,
        Some(_) => NodeRole::Learner,
        None => NodeRole::Absent,
    };
    let server = declared.and_then(|node| node.server.as_ref());
    let state = ledger.nodes.get(name);
    let lpar = declared.and_then(|node| node.lpar.clone());
    let reads = server.and_then(|server| ledger.servers.get(server)).filter(|server| server.live && lpar.is_some());
    NodeView {
        name: name.to_string(),
        server: server.map(ServerName::to_string),
        role,
        address: member.map(|member| member.address.clone()),
        api_address: member.and_then(|member| member.api_address.clone()),
        stopped: ledger.stops(name).is_some(),
        inside: server.map(|server| inside(ledger, server)).unwrap_or_default(),
        would_cut_off: ledger.inside(name).iter().map(|group| group.to_string()).collect(),
        declared: declared.is_some(),
        lapsed: state.and_then(|node| node.lapsed()).map(|at| shown(ledger, at)),
        out: out(ledger, name),
        proof: state.and_then(|node| node.off()).map(|off| off.how.to_string()),
        lpar_reads: reads.map(|server| server.node).filter(|power| *power != Power::Unknown).map(|it| it.to_string()),
        lpar,
        watchdog: state.and_then(|node| node.watchdog).map(|after| after.to_string()),
        reset_by: state
            .filter(|node| node.off().is_none())
            .and_then(|node| ledger.reset_by(node))
            .map(|at| shown(ledger, at)),
    }
}

/// The groups of which something lives inside the node of a server.
fn inside(ledger: &Ledger, server: &ServerName) -> Vec<String> {
    let here = |group: &GroupState| group.tenure.as_ref().is_some_and(|tenure| tenure.server == *server);
    let groups = ledger.groups.iter().filter(|(_, group)| here(group) && ledger.lives(group).1);
    groups.map(|(name, _)| name.to_string()).collect()
}

/// The reason why a node is given no orders; `None` if it may be given some.
pub(super) fn out(ledger: &Ledger, name: &NodeName) -> Option<NodeOut> {
    let node = ledger.nodes.get(name).filter(|node| node.is_out() || node.off().is_some())?;
    Some(if node.off().is_some() {
        NodeOut::ProvenOff
    } else if node.fence.is_some() {
        NodeOut::CutOff
    } else {
        NodeOut::Silent
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::time;
    use tenure_core::{
        Span, Time,
        config::{Cluster, Node},
        ledger::{Leases, NodeState},
    };

    /// Cluster time stood still for an hour while no node ran.
    #[test]
    fn instants_are_shown_as_a_wall_clock_shows_them() {
        let hour = Span::seconds(3600);
        let at = Time(1_795_316_400_000);
        let node = Node { server: None, lpar: None, watchdog: Some(Span::seconds(60)) };
        let config = Cluster { nodes: [("n1".into(), node)].into(), ..Cluster::default() };
        let leases = Leases::Lapsed { from: 3, at };
        let state = NodeState { leases, watchdog: Some(Span::seconds(60)), ..NodeState::default() };
        let nodes = [("n1".into(), state)].into();
        let ledger = Ledger { now: at, wall: at.after(hour), config: config.into(), nodes, ..Ledger::default() };
        let members = Members {
            me: "n1".into(),
            leader: None,
            term: 1,
            index: 3,
            members: Vec::new(),
            free: None,
            backups: None,
            wall: Time(0),
            now: None,
            led_at: None,
            unreached: Default::default(),
        };
        let shown = views(&ledger, &members).pop().expect("a node");
        assert_eq!(shown.lapsed, Some(time(at.after(hour))));
        let reset = ledger.reset_by(&ledger.nodes["n1"]).expect("it has a watchdog");
        assert_eq!(shown.reset_by, Some(time(reset.after(hour))));
    }
}
