//! Dependencies between groups, as the planner acts on them.

use super::Planner;
use crate::{
    GroupName,
    ledger::{GroupState, Tenure},
    note::{LeaveReason, Wait},
};

impl Planner<'_> {
    /// What the group has to wait for, in another group, before it is placed. `None` if nothing.
    pub(super) fn awaits_link(&self, _name: &GroupName, _group: &GroupState) -> Option<Wait> {
        None
    }

    /// Why another group makes this one leave its server. `None` if none does.
    pub(super) fn leaves_for_link(
        &self,
        _name: &GroupName,
        _group: &GroupState,
        _tenure: &Tenure,
    ) -> Option<LeaveReason> {
        None
    }
}
