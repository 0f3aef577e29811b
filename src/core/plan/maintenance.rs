//! Maintenance and brakes, as the planner acts on them.

use super::Planner;
use crate::{
    GroupName,
    ledger::{GroupState, Tenure},
    note::{LeaveReason, Wait},
};

impl Planner<'_> {
    /// Why nothing is done for the group now, whatever it needs. `None` if nothing holds it back.
    pub(super) fn stands_still(&self, _name: &GroupName, _group: &GroupState) -> Option<Wait> {
        None
    }

    /// Why the group is not placed now. `None` if nothing holds it back.
    pub(super) fn awaits_brake(&self, _name: &GroupName, _group: &GroupState) -> Option<Wait> {
        None
    }

    /// Why maintenance makes the group leave its server. `None` if it does not.
    pub(super) fn leaves_for_maintenance(
        &self,
        _name: &GroupName,
        _group: &GroupState,
        _tenure: &Tenure,
    ) -> Option<LeaveReason> {
        None
    }
}
