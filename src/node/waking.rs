//! What a node makes of it that its machine stood still: suspended, or stopped for a move of its own.

use super::heart::{Heart, Role};
use crate::agent::moment::{self, span};
use tenure_core::{Span, node::Leading};
use tenure_raft::Status;

impl Heart {
    /// How long ago a message was sent that a quorum has answered; `None` if this node does not lead, or nobody knows.
    pub(super) fn quorum(&self, status: &Status) -> Option<Span> {
        status.quorum_ack_age.filter(|_| status.is_leader).and_then(|age| self.still.age(age))
    }

    /// The machine stood still while the world went on: the lease is over, and everything is read and heard again.
    pub(super) fn wake_up(&mut self) {
        tracing::warn!("this machine stood still for a while; nothing that was so before is taken for granted");
        self.lease.drop_it();
        self.rounds.probe_all();
        if let Role::Leader { term, leading, .. } = &mut self.role {
            **leading = Leading::new(None, span(self.leader_lease), moment::now());
            let term = *term;
            self.catch_up(term);
        }
    }
}
