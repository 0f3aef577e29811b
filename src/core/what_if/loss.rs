//! What each server's loss would do.

use super::{Ending, WhatIf, foresee};
use crate::{GroupName, Ledger, ServerName, note::Wait};
use std::collections::BTreeSet;

/// What the loss of one server would do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Loss {
    pub server: ServerName,
    /// Groups that would run elsewhere, and where.
    pub moves: Vec<(GroupName, ServerName)>,
    /// Groups that would not run, and why.
    pub unserved: Vec<(GroupName, Option<Wait>)>,
    /// How it would end.
    pub ending: Ending,
}

impl Loss {
    /// Foresees it.
    pub fn of(ledger: &Ledger, server: &ServerName) -> Loss {
        let foreseen = foresee(ledger, vec![WhatIf::Lose(BTreeSet::from([server.clone()]))]);
        let moves = foreseen.moved().filter(|(_, _, place)| place.runs);
        let moves = moves.filter_map(|(name, _, place)| Some((name.clone(), place.server.clone()?))).collect();
        let unserved = foreseen.unserved().map(|(name, place)| (name.clone(), place.wait.clone())).collect();
        Loss { server: server.clone(), moves, unserved, ending: foreseen.ending }
    }

    /// Whether everything that runs would run on.
    pub fn is_survived(&self) -> bool {
        self.unserved.is_empty() && self.ending == Ending::Rest
    }
}

/// What the loss of each single server would do, one after the other, as it is asked for. Servers that are proven off are
/// left out.
pub fn lose_each(ledger: &Ledger) -> impl Iterator<Item = Loss> {
    ledger.servers.iter().filter(|(_, state)| state.off.is_none()).map(|(server, _)| Loss::of(ledger, server))
}
