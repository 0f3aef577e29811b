//! Strict placement rules, as queries on the ledger.

use super::{GroupState, Ledger};
use crate::{GroupName, ServerName, config::Asks, note::NotHere};

impl Ledger {
    /// The strict rule that keeps a group from a server, with the other groups where they are now.
    pub fn rule_forbids(&self, name: &GroupName, group: &GroupState, server: &ServerName) -> Option<NotHere> {
        group.ties.rules.iter().find_map(|rule_name| {
            let rule = self.config.rules.get(rule_name).filter(|rule| rule.strict)?;
            let on = |other: &GroupName| {
                let tenure = self.groups.get(other).and_then(|state| state.tenure.as_ref());
                tenure.map(|tenure| tenure.covers(server))
            };
            let others = || rule.groups.iter().filter(|other| *other != name);
            let with = match &rule.asks {
                Asks::Together => Some(others().find(|other| on(other) == Some(false))?),
                Asks::Apart => Some(others().find(|other| on(other) == Some(true))?),
                Asks::On(servers) if !servers.contains(server) => None,
                Asks::NotOn(servers) if servers.contains(server) => None,
                Asks::On(_) | Asks::NotOn(_) => return None,
            };
            Some(NotHere::Rule { rule: rule_name.clone(), with: with.cloned() })
        })
    }
}
