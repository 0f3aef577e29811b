//! Placement: on which server a group goes online. Policy Priority: the first of its list that can take it.

use super::Planner;
use crate::{GroupName, ServerName, ledger::GroupState, note::NotHere};
use std::collections::BTreeMap;

impl Planner<'_> {
    /// The best server for a group, or why there is none.
    pub(super) fn target(
        &self,
        name: &GroupName,
        group: &GroupState,
    ) -> Result<ServerName, BTreeMap<ServerName, NotHere>> {
        let Some(declared) = self.scratch.config.groups.get(name) else { return Err(BTreeMap::new()) };
        let first_start = group.last.is_none();
        let starters = if first_start { declared.autostart_servers.as_slice() } else { &[] };
        let wanted = group.prefer.iter().chain(starters).chain(&declared.servers);
        let mut why = BTreeMap::new();
        let mut orphan = None;
        for server in wanted {
            match self.scratch.not_here(name, group, server) {
                Some(reason) => {
                    why.insert(server.clone(), reason);
                }
                // A server whose own node is silent can take work through a surrogate, but only if no other can.
                None if self.is_orphan(server) => orphan = orphan.or(Some(server)),
                None => return Ok(server.clone()),
            }
        }
        orphan.cloned().ok_or(why)
    }

    pub(super) fn is_orphan(&self, server: &ServerName) -> bool {
        self.homes.get(server).is_some_and(|node| !self.hears(node))
    }
}
