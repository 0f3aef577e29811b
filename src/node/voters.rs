//! Carrying out the changes of voters that the node machine decides.

use super::{member::CHANGE, propose::Trouble, standing::id_of};
use std::collections::BTreeSet;
pub use tenure_core::node::voters::target;
use tenure_core::{NodeName, node::voters::Change};
use tenure_raft::{Handle, MemberError, StateMachine, Status, Types};

/// Changes that this leader fails to make.
static UNCHANGED: Trouble = Trouble::none();

/// Makes a change of voters, on the leader; whether it was made. A change that was not is decided anew by whoever leads then.
pub async fn change<S: StateMachine, C: Types>(raft: &Handle<S, C>, change: &Change) -> bool {
    let status = raft.status();
    let Change { promoted, deposed } = change;
    let made = match (ids(&status, promoted), ids(&status, deposed)) {
        (Some(promoted), Some(deposed)) => {
            let known = status.members.voters.keys().copied().collect();
            raft.change_voters(&known, &promoted, &deposed, CHANGE).await
        }
        (None, _) | (_, None) => Err(MemberError::Refused("a node of it is not a member any more".to_owned())),
    };
    let (what, voters) = (words(change), raft.status().members.voters.len());
    match &made {
        Ok(()) if deposed.is_empty() => tracing::info!(kind = "voters_changed", voters, "{what}"),
        Ok(()) => tracing::warn!(kind = "voters_changed", voters, "{what}"),
        Err(why) => tracing::debug!(%why, "not made: {what}"),
    }
    let done = made.is_ok();
    UNCHANGED.tell(made.err().map(|why| why.to_string()), "who votes is not changed as it should be");
    done
}

fn ids(status: &Status, nodes: &BTreeSet<NodeName>) -> Option<BTreeSet<u64>> {
    nodes.iter().map(|node| id_of(status, node)).collect()
}

/// `p4 votes in place of p3, which was silent for too long`.
fn words(change: &Change) -> String {
    let list = |nodes: &BTreeSet<NodeName>| nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(" and ");
    let vote = |nodes: &BTreeSet<NodeName>| if nodes.len() == 1 { "votes" } else { "vote" };
    let Change { promoted, deposed } = change;
    match (promoted.is_empty(), deposed.is_empty()) {
        (true, true) => "a change of voters that was half done is completed".to_owned(),
        (false, true) => format!("{} {} from now on", list(promoted), vote(promoted)),
        (true, false) => format!("{} {} no longer", list(deposed), vote(deposed)),
        (false, false) => {
            format!("{} {} in place of {}, silent for too long", list(promoted), vote(promoted), list(deposed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_words() {
        let names = |names: &[&str]| names.iter().map(|name| NodeName::from(*name)).collect();
        let told =
            |promoted: &[&str], deposed: &[&str]| words(&Change { promoted: names(promoted), deposed: names(deposed) });
        assert_eq!(told(&["p2", "p3"], &[]), "p2 and p3 vote from now on");
        assert_eq!(told(&["p4"], &["p3"]), "p4 votes in place of p3, silent for too long");
        assert_eq!(told(&[], &["p3"]), "p3 votes no longer");
        assert_eq!(told(&[], &[]), "a change of voters that was half done is completed");
    }
}
