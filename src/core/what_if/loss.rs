//! The consequences of each server's loss.

use super::{Ending, WhatIf, foresee};
use crate::{GroupName, Ledger, ServerName, note::Wait};
use std::collections::BTreeSet;

/// The consequences of the loss of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Loss {
    pub server: ServerName,
    /// Groups that would run elsewhere, with their new servers.
    pub moves: Vec<(GroupName, ServerName)>,
    /// Groups that would not run, with their waits.
    pub unserved: Vec<(GroupName, Option<Wait>)>,
    /// The end of the forecast.
    pub ending: Ending,
}

impl Loss {
    /// Forecasts the loss.
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

/// The losses of each single server, forecast one after the other as they are asked for. Servers that are proven off
/// are left out.
pub fn lose_each(ledger: &Ledger) -> impl Iterator<Item = Loss> {
    ledger.servers.iter().filter(|(_, state)| state.off.is_none()).map(|(server, _)| Loss::of(ledger, server))
}
