//! Servers kept free on purpose, as questions to the ledger.

use super::{GroupState, Ledger, ServerState};
use crate::{GroupName, note::NotHere};

impl Ledger {
    /// Why a server takes no new work. `None` if it does.
    pub fn closed(&self, _name: &GroupName, _group: &GroupState, _server: &ServerState) -> Option<NotHere> {
        None
    }
}
