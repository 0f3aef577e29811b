//! What a node remembers, told piece by piece to somebody who compares memories: two nodes that tell the same go on alike.
//!
//! Each part tells its own fields and takes itself apart to the last one, so that a field that is added and not told does not
//! compile. Left out is what only says how soon something is read, said or asked for again.

use super::{Node, lead::Role};
use crate::{
    Inside, NodeName, Order, OrderId, Reading, ResourceName, ServerName, Time,
    execution::Ask,
    order::{Ending, Report},
    time::Moment,
};

/// Who is told. What a number is to be compared with is for whoever listens.
pub trait Recall {
    /// A number, or a mark.
    fn word(&mut self, word: u64);
    /// A moment on the node's own clock.
    fn moment(&mut self, moment: Moment);
    /// Cluster time now, as the node knows it.
    fn clock(&mut self, now: Time);
    /// Orders up to this log index may have been taken up by an earlier process.
    fn past(&mut self, index: u64);
    /// Something counts for whoever has applied the log up to here.
    fn floor(&mut self, index: u64);
    /// A node.
    fn node(&mut self, node: &NodeName);
    /// A server.
    fn server(&mut self, server: &ServerName);
    /// A resource.
    fn resource(&mut self, resource: &ResourceName);
    /// Which order.
    fn order_id(&mut self, order: OrderId);
    /// An order, whole.
    fn order(&mut self, order: &Order);
    /// A question.
    fn ask(&mut self, ask: &Ask);
    /// A reading.
    fn reading(&mut self, reading: &Reading);
    /// What lives inside a node.
    fn inside(&mut self, node: &NodeName, inside: &Inside);
    /// How something ended.
    fn ending(&mut self, ending: &Ending);
    /// A report.
    fn report(&mut self, report: &Report);
}

impl Node {
    /// Tells what it remembers, at this moment on its own clock.
    pub fn recall(&self, now: Moment, to: &mut impl Recall) {
        let Node {
            me: _,
            // Who it is to the others is what they say of it: whether it is the process that is entered.
            by: _,
            // Told by the past.
            stored: _,
            // The same for all.
            fresh: _,
            born,
            clock,
            lease,
            past,
            orders,
            // How soon servers are read.
            rounds: _,
            role,
            // Consensus beats, or it does not; a leader that decides nothing is told by what it remembers itself.
            faith,
            reaches_manager,
            heard_leader,
            seen,
            // How soon it beats, and whether an answer is awaited.
            beat_at: _,
            beating,
            // How soon it says or looks again.
            told: _,
            looked: _,
            look_at: _,
            conceded,
            concession,
            enlisted,
            enlisting,
            ending,
            // What the last plan went by, and when the next is due: it is made when it is due.
            signs: _,
            plan_at,
            plan_not_before,
            plan_by,
            effects,
            // Never handed in where memories are compared.
            digest: _,
        } = self;
        to.clock(clock.now(now));
        to.moment(*born);
        lease.recall(to);
        past.recall(to);
        orders.recall(to);
        faith.recall(to);
        let marks = [*reaches_manager, *beating, *enlisting, *ending, enlisted.is_some(), seen.is_some()];
        let dues = [plan_at.is_some(), *plan_not_before > now, plan_by.is_some(), effects.is_empty()];
        let bit = |word: u64, mark: &bool| word.wrapping_mul(2).wrapping_add(u64::from(*mark));
        to.word(marks.iter().chain(&dues).fold(0, bit));
        // Handed to the planner of the next leader as the last sign of life of this one.
        if let Some((leader, at)) = heard_leader {
            to.node(leader);
            to.moment(*at);
        }
        if let Some(at) = conceded {
            to.moment(*at);
        }
        if let Some(concession) = concession {
            concession.recall(to);
        }
        to.word(u64::MAX);
        match role {
            Role::Follower => to.word(0),
            // Terms and digests are compared by consensus and by nobody; the pace is that of questions.
            Role::Leader { term: _, leading, proposing, digests: _, pace: _ } => {
                to.word(1u64.wrapping_add(u64::from(*proposing)));
                leading.recall(to);
            }
        }
    }
}
