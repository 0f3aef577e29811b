//! Planning beside the machine: leases and heartbeats never wait for a plan.
//!
//! The machine hands out a [`PlanJob`], which needs nothing more from it: a snapshot of the ledger, of the leader's knowledge
//! and of the time. Its driver carries the job out wherever it likes and hands the [`PlanResult`] back. One job is out at a
//! time. The world goes on meanwhile:
//!
//! - A plan of an earlier term, or from before this machine stood still, is dropped.
//! - A plan that gives up a node which was granted a lease since is cut before that: the ledger takes the leader's word that a
//!   lease has ended. Every first part of a plan is a plan.
//! - A plan of an older ledger, or of other signs of nodes, is made anew, but not twice in a row. What then is outdated the
//!   ledger refuses, as it refuses what was outdated by the time that it was committed.

use crate::{
    Command, Ledger, NodeName, ServerName, Time, View,
    plan::{Checked, Plan, plan, plan_on},
};
use std::{collections::BTreeSet, sync::Arc};

/// A plan to be made: all that it depends on, as it was when the job was handed out.
#[derive(Clone, Debug)]
pub struct PlanJob {
    pub(super) ledger: Arc<Ledger>,
    pub(super) view: View,
    pub(super) leader: NodeName,
    pub(super) at: Time,
    /// What the plan before has checked of the readings.
    pub(super) checked: Checked,
}

/// A plan that was made, for [`Input::PlanMade`](super::Input::PlanMade).
#[derive(Clone, Debug)]
pub struct PlanResult {
    pub(super) plan: Plan,
    pub(super) checked: Checked,
}

impl PlanJob {
    /// Makes the plan. It takes time that grows with the cluster.
    pub fn run(self) -> PlanResult {
        let PlanJob { ledger, view, leader, at, mut checked } = self;
        let made = plan_on(&ledger, &view, &leader, at, &mut checked);
        debug_assert_eq!(made, plan(&ledger, &view, &leader, at), "a plan by what was checked is not the whole plan");
        PlanResult { plan: made, checked }
    }

    /// Index of the ledger on which the plan is made.
    pub fn index(&self) -> u64 {
        self.ledger.index
    }
}

impl PlanResult {
    /// What the plan decides.
    pub fn commands(&self) -> &[Command] {
        &self.plan.commands
    }
}

/// A job that is out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planning {
    /// Index of its ledger.
    pub index: u64,
    /// Whether its plan counts, however old it is: the one before was dropped.
    pub last: bool,
    /// Whether its plan does not count: this node leads in another term, or has stood still.
    pub void: bool,
    /// Servers of which something was told since. It was no news, but the plan may wait for it.
    pub told: BTreeSet<ServerName>,
}
