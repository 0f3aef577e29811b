//! Raising the feature level: nothing new is written before every voter can read it.

use std::time::Duration;

use openraft::type_config::TypeConfigExt;
use tenure_storage::{Peer, Types};

use super::{Handle, MemberError, left};
use crate::machine::StateMachine;
use crate::message::{Kind, Outcome, read_answer};
use crate::service::outcome_of;
use crate::store::raise;
use crate::wire::Lane;

/// Time that one member may take to tell its feature level.
const ASK: Duration = Duration::from_secs(2);

/// The feature level was not raised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum FeatureError {
    /// This node does not lead.
    #[error("raise the feature level: this node does not lead")]
    NotLeader {
        /// The leader, as far as it is known.
        leader: Option<u64>,
    },
    /// A member did not tell its feature level.
    #[error("raise the feature level to {level}: node {id} does not answer")]
    Silent {
        /// The wanted level.
        level: u32,
        /// The member.
        id: u64,
    },
    /// A member's program is too old.
    #[error("raise the feature level to {level}: node {id} understands {ability}")]
    TooOld {
        /// The wanted level.
        level: u32,
        /// The member.
        id: u64,
        /// Its highest feature level.
        ability: u32,
    },
    /// It may have been raised; asking again is harmless.
    #[error("raise the feature level to {level}: the outcome is unknown: {reason}")]
    Unknown {
        /// The wanted level.
        level: u32,
        reason: String,
    },
}

impl<S: StateMachine, C: Types> Handle<S, C> {
    /// Raises the feature level, after every member, learners too, has said that it understands it. It is never lowered: a
    /// level that is reached already is success. Gives the level that holds now.
    pub async fn raise_feature_level(&self, level: u32, deadline: Duration) -> Result<u32, FeatureError> {
        let _one_at_a_time = self.inner.changing.lock().await;
        let until = C::now() + deadline;
        let status = match self.leading() {
            Ok(status) => status,
            Err(MemberError::NotLeader { leader }) => {
                return Err(FeatureError::NotLeader { leader });
            }
            Err(other) => {
                return Err(FeatureError::Unknown { level, reason: other.to_string() });
            }
        };
        if status.feature_level >= level {
            return Ok(status.feature_level);
        }
        for (id, peer) in status.members.all() {
            let ability = self.ability_of(id, peer, left::<C>(until)).await;
            let ability = ability.ok_or(FeatureError::Silent { level, id })?;
            if ability < level {
                return Err(FeatureError::TooOld { level, id, ability });
            }
        }
        let unknown = |reason: String| FeatureError::Unknown { level, reason };
        match C::timeout_at(until, self.inner.raft.client_write(raise(level))).await {
            Ok(Ok(_)) => Ok(self.status().feature_level),
            Ok(Err(error)) => match outcome_of(error) {
                Outcome::Unknown(reason) | Outcome::Refused(reason) => Err(unknown(reason)),
                Outcome::NotLeader | Outcome::Applied { .. } => {
                    Err(FeatureError::NotLeader { leader: self.status().leader })
                }
            },
            Err(_) => Err(unknown("the deadline passed".to_owned())),
        }
    }

    /// The highest feature level of another node's program, if it answers.
    pub(super) async fn ability_of(&self, id: u64, peer: &Peer, left: Duration) -> Option<u32> {
        if id == self.inner.id {
            return Some(self.inner.shared.ability());
        }
        let sent = self.inner.wire.send(id, peer, Lane::Urgent, Kind::Ability.raw(&[]), ASK.min(left));
        read_answer(sent.await).ok()
    }
}
