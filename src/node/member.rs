//! Changes of members, carried out on the leader.

use super::{
    Machine,
    peer::{Answer, Call, MemberCall, ask, incarnation},
    permit,
    standing::id_of,
};
use std::{collections::BTreeSet, time::Duration};
use tenure_core::{ForeignText, Level, NodeName, Rejection, trust::Act};
use tenure_raft::{FeatureError, Handle, MemberError, Peer, Status, TransferError};

/// Time that a change of members may take; a promotion waits for the learner to catch up.
pub const CHANGE: Duration = Duration::from_secs(20);

/// Carries out a change, on the leader.
pub async fn change(raft: Handle<Machine>, call: MemberCall) -> Answer {
    match call {
        MemberCall::Permitted(permit) => match permit::act(&raft, permit).await {
            Ok(act) => carry_out(&raft, act).await,
            Err(why) => Answer::MemberRefused(Rejection::new("not_permitted", why)),
        },
        MemberCall::Admit { token, key, address } => {
            let node = match permit::joins(&raft, &token, &key).await {
                Ok(node) => node,
                Err(why) => return Answer::MemberRefused(Rejection::new("bad_token", why)),
            };
            match stranger(&raft.status(), &node) {
                Ok(()) => add(&raft, &node, address).await,
                Err(why) => Answer::MemberRefused(why),
            }
        }
    }
}

async fn carry_out(raft: &Handle<Machine>, act: Act) -> Answer {
    match act {
        Act::AddNode { node, address } => add(raft, &node, address).await,
        Act::PromoteNode { node } => match id_of(&raft.status(), &node) {
            Some(id) => ended(id, raft.promote(id, CHANGE).await),
            None => unknown_node(&node),
        },
        Act::RemoveNode { node } => match id_of(&raft.status(), &node) {
            Some(id) => ended(id, raft.remove(id, CHANGE).await),
            // It may be there again under the next leader: nobody should wipe its disk on the word of this one alone.
            None => raft.settled(CHANGE).await.map_or_else(refused, |()| unknown_node(&node)),
        },
        Act::Transfer { to } => transfer(raft, to.as_ref()).await,
        Act::Raise { level } => raise(raft, level).await,
        Act::Action { .. }
        | Act::Describe { .. }
        | Act::Check { .. }
        | Act::Certify { .. }
        | Act::StopNode { .. }
        | Act::SaveBackup
        | Act::LogLevel { .. } => {
            let why = format!("what was permitted is another thing: {act}");
            Answer::MemberRefused(Rejection::new("not_permitted", why))
        }
    }
}

/// Asks the leader for a change.
pub async fn request(raft: &Handle<Machine>, call: MemberCall) -> Result<Answer, ForeignText> {
    let leader = raft.status().leader.ok_or("nobody leads at the moment")?;
    ask(raft, incarnation(), leader, &Call::Member(call), CHANGE + Duration::from_secs(1)).await
}

/// A node without an identity may come back only as long as it has nothing to remember: if it has voted, or stored
/// entries that were counted, it would break its promise by starting again from nothing.
fn stranger(status: &Status, node: &NodeName) -> Result<(), Rejection> {
    let Some(id) = id_of(status, node) else { return Ok(()) };
    let known = status.members.voters.contains_key(&id) || status.matched.get(&id).copied().flatten().is_some();
    let what = if status.members.voters.contains_key(&id) { "votes" } else { "follows the log" };
    match known {
        true => Err(Rejection::new("known_node", format!("node {node} {what} already"))
            .advise(format!("if its disk is lost, `tenure node remove {node}` first"))),
        false => Ok(()),
    }
}

/// A new learner gets an id that no node ever had, not even a removed one; a member keeps its own.
async fn add(raft: &Handle<Machine>, node: &NodeName, address: String) -> Answer {
    let status = raft.status();
    // The change will be an entry of the log, so the next number chosen in this way is greater.
    let highest = status.members.all().map(|(id, _)| id).chain(status.last_log).max();
    let id = id_of(&status, node).unwrap_or(highest.unwrap_or_default() + 1);
    let peer = Peer { name: node.to_string(), address };
    ended(id, raft.add_learner(id, peer, CHANGE).await)
}

/// Every member says first that it understands the level.
async fn raise(raft: &Handle<Machine>, level: Level) -> Answer {
    let status = raft.status();
    let name = |id: u64| {
        let peer = status.members.get(id);
        peer.map_or_else(|| id.to_string(), |peer| peer.name.clone())
    };
    let refused = |why: String, advice: &str| {
        Answer::MemberRefused(Rejection::new("level_not_raised", why).advise(advice.to_owned()))
    };
    match raft.raise_feature_level(level.0, CHANGE).await {
        Ok(_) => Answer::Member(status.id),
        Err(FeatureError::NotLeader { .. }) => Answer::NotLeader,
        Err(FeatureError::Silent { id, .. }) => {
            refused(format!("node {} does not answer", name(id)), "bring it back, or remove it, then try again")
        }
        Err(FeatureError::TooOld { level, id, ability }) => {
            let why = format!("node {} understands level {ability}, and not {level}", name(id));
            refused(why, "bring it to the new version first: `tenure cluster upgrade`")
        }
        Err(why @ FeatureError::Unknown { .. }) => Answer::MemberUnknown(why.to_string().as_str().into()),
    }
}

pub(super) async fn transfer(raft: &Handle<Machine>, to: Option<&NodeName>) -> Answer {
    let status = raft.status();
    let to = match to {
        Some(node) => id_of(&status, node).ok_or_else(|| unknown_node(node)),
        None => successor(&status)
            .ok_or_else(|| Answer::MemberRefused(Rejection::new("no_other_voter", "there is no other voter"))),
    };
    match to {
        Err(answer) => answer,
        Ok(id) => match raft.transfer_leader(id, CHANGE).await {
            Ok(()) => Answer::Member(id),
            Err(TransferError::NotLeader { .. }) => Answer::NotLeader,
            Err(why @ TransferError::NotTaken { .. }) => Answer::MemberUnknown(why.to_string().into()),
            Err(why @ (TransferError::NotAVoter(_) | TransferError::Silent(_) | TransferError::Stopped(_))) => {
                Answer::MemberRefused(Rejection::new("leader_stays", why.to_string()))
            }
        },
    }
}

/// The voter with most of the log.
fn successor(status: &Status) -> Option<u64> {
    let voters: BTreeSet<u64> = status.members.voters.keys().copied().filter(|id| *id != status.id).collect();
    voters.into_iter().max_by_key(|id| status.matched.get(id).copied().flatten())
}

fn ended(id: u64, result: Result<(), MemberError>) -> Answer {
    match result {
        Ok(()) => Answer::Member(id),
        Err(why) => refused(why),
    }
}

fn refused(why: MemberError) -> Answer {
    let code = match why {
        MemberError::NotLeader { .. } => return Answer::NotLeader,
        MemberError::Unknown(_) => return Answer::MemberUnknown(why.to_string().into()),
        MemberError::Taken { .. } => "taken",
        MemberError::NotAMember(_) => "no_node",
        MemberError::LastVoter(_) => "last_voter",
        MemberError::TooOld { .. } => "too_old",
        MemberError::NotCaughtUp { .. } => "not_caught_up",
        MemberError::NoQuorum { .. } => "no_quorum",
        MemberError::Refused(_) => "membership",
    };
    let rejection = Rejection::new(code, why.to_string());
    Answer::MemberRefused(match &why {
        MemberError::NoQuorum { silent, .. } => rejection.advise(format!(
            "bring back or remove {} first, or give another node a vote: `tenure node promote NODE`",
            silent.join(" and ")
        )),
        _ => rejection,
    })
}

fn unknown_node(node: &NodeName) -> Answer {
    Answer::MemberRefused(
        Rejection::new("no_node", format!("there is no node {node}")).advise("see `tenure node list`"),
    )
}
