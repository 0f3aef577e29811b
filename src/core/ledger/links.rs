//! Dependencies between groups, as questions to the ledger.

use super::{GroupState, Ledger};
use crate::{GroupName, ServerName, note::NotHere};

impl Ledger {
    /// Why another group keeps this one from a server. `None` if none does.
    pub fn link_forbids(&self, _name: &GroupName, _group: &GroupState, _server: &ServerName) -> Option<NotHere> {
        None
    }
}
