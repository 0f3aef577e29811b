//! The state of a node, given field by field to a recipient that compares nodes: two with the same state go on alike.
//!
//! Each part gives its own fields, and is destructured completely, so that a field that is added and not given does
//! not compile. Fields that only decide how soon something is read, said or asked for again are left out.

use super::{Node, lead::Role};
use crate::{
    Inside, NodeName, Order, OrderId, Reading, ResourceName, ServerName, Time,
    execution::Ask,
    order::{Ending, Report},
    time::Moment,
};

/// A recipient of a node's state. It decides what a number is compared with.
pub trait Recall {
    /// A number, or a flag.
    fn word(&mut self, word: u64);
    /// A moment on the node's own clock.
    fn moment(&mut self, moment: Moment);
    /// Cluster time now, as the node knows it.
    fn clock(&mut self, now: Time);
    /// The log index up to which an earlier process may have taken up orders.
    fn past(&mut self, index: u64);
    /// A log index: something counts for a node that has applied the log up to it.
    fn floor(&mut self, index: u64);
    /// A node.
    fn node(&mut self, node: &NodeName);
    /// A server.
    fn server(&mut self, server: &ServerName);
    /// A resource.
    fn resource(&mut self, resource: &ResourceName);
    /// The identity of an order.
    fn order_id(&mut self, order: OrderId);
    /// All fields of an order.
    fn order(&mut self, order: &Order);
    /// A question.
    fn ask(&mut self, ask: &Ask);
    /// A reading.
    fn reading(&mut self, reading: &Reading);
    /// The looks inside a node.
    fn inside(&mut self, node: &NodeName, inside: &Inside);
    /// The ending of an order.
    fn ending(&mut self, ending: &Ending);
    /// A report.
    fn report(&mut self, report: &Report);
}

impl Node {
    /// Gives its state to `to`, field by field, at this moment on its own clock.
    pub fn recall(&self, now: Moment, to: &mut impl Recall) {
        let Node {
            me: _,
            // It matters to the others only in the ledger, by which process is entered.
            by: _,
            // Given by `past`.
            stored: _,
            // The same for all nodes.
            fresh: _,
            clock,
            lease,
            past,
            orders,
            // Decides only how soon servers are read.
            rounds: _,
            role,
            // Given without the term, which consensus compares.
            faith,
            reaches_manager,
            heard_leader,
            // Only shown.
            led_at: _,
            seen,
            // Decides only how soon it sends a heartbeat.
            beat_at: _,
            beating,
            // These decide only how soon it tells the leader, or looks, again.
            told: _,
            looked: _,
            look_at: _,
            stood_down,
            standing_down,
            enlisted,
            enlisting,
            ending,
            // The part of the view that the last plan used: the next plan is made when it is due.
            signs: _,
            // Decides only when they are looked at.
            steady: _,
            plan_at,
            plan_not_before,
            plan_by,
            planning,
            outdated,
            effects,
            // Never set where nodes are compared.
            digest: _,
            // There are no learners where nodes are compared.
            suffrage: _,
        } = self;
        to.clock(clock.now(now));
        lease.recall(to);
        past.recall(to);
        orders.recall(to);
        faith.recall(to);
        let marks = [*reaches_manager, *beating, *enlisting, *ending, enlisted.is_some(), seen.is_some()];
        let dues = [plan_at.is_some(), *plan_not_before > now, plan_by.is_some(), effects.is_empty()];
        let void = planning.as_ref().is_some_and(|planning| planning.void);
        let last = planning.as_ref().is_some_and(|planning| planning.last);
        let plans = [planning.is_some(), void, last, *outdated];
        let bit = |word: u64, mark: &bool| word.wrapping_mul(2).wrapping_add(u64::from(*mark));
        to.word(marks.iter().chain(&dues).chain(&plans).fold(0, bit));
        // Passed to the planner of the next leader as the last sign of life of this one.
        if let Some((leader, at)) = heard_leader {
            to.node(leader);
            to.moment(*at);
        }
        if let Some(at) = stood_down {
            to.moment(*at);
        }
        if let Some(standing_down) = standing_down {
            standing_down.recall(to);
        }
        to.word(u64::MAX);
        match role {
            Role::Follower => to.word(0),
            // Terms are compared by consensus, and digests not at all; the pace only decides how soon something is
            // asked.
            Role::Leader { term: _, leading, proposing, digests: _, pace: _, awaited } => {
                to.word(1u64.wrapping_add(u64::from(*proposing)));
                leading.recall(to);
                awaited.iter().for_each(|server| to.server(server));
                to.word(u64::MAX);
            }
        }
    }
}
