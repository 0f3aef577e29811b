//! This node's standing in consensus, as an input of the node machine.

use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tenure_core::{NodeName, Span, node::Standing};
use tenure_raft::Status;

/// This node's standing in consensus. The time since a quorum answered is measured by a clock that stands still with
/// the machine; `age` corrects that.
pub fn standing(status: &Status, rumoured: Option<u64>, age: impl FnOnce(Duration) -> Option<Span>) -> Standing {
    let name = |id: Option<u64>| id.and_then(|id| name_of(status, id));
    Standing {
        term: status.term,
        leads: status.is_leader,
        leader: name(status.leader),
        distrusted: name(status.distrusted),
        rumoured: name(rumoured),
        quorum: status.quorum_ack_age.filter(|_| status.is_leader).and_then(age),
        last_log: status.last_log.unwrap_or_default(),
        applied: status.applied.unwrap_or_default(),
        voters: Arc::new(status.members.voters.values().map(|peer| NodeName::from(peer.name.as_str())).collect()),
        learners: learners(status),
        joint: status.members.joint,
    }
}

fn learners(status: &Status) -> Arc<BTreeMap<NodeName, bool>> {
    if !status.is_leader || status.members.learners.is_empty() {
        return Arc::default();
    }
    let learners = status.members.learners.iter();
    Arc::new(learners.map(|(id, peer)| (NodeName::from(peer.name.as_str()), status.is_level(*id))).collect())
}

/// The name of a member.
pub fn name_of(status: &Status, id: u64) -> Option<NodeName> {
    let peer = status.members.get(id)?;
    Some(NodeName::from(peer.name.as_str()))
}

/// The id of a member.
pub fn id_of(status: &Status, node: &NodeName) -> Option<u64> {
    status.members.all().find(|(_, peer)| peer.name == node.as_str()).map(|(id, _)| id)
}
