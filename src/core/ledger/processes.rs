//! The process that runs each node, and ledgers that differ.
//!
//! A management LPAR that was cloned, or restored beside its original, runs as the same node with the same key. The
//! process that was entered last is believed; what an older one says is refused, and it stops as soon as it learns
//! that. The ledger cannot tell which of the two is the original: either is safe, both together are not.

use super::apply::Applying;
use crate::{NodeName, Note, Refusal};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// Identity of a process among those of its node: drawn anew at each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(pub u64);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The process that runs a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its identity.
    pub incarnation: Incarnation,
    /// Log index at which it was entered.
    pub since: u64,
    /// An older process that was still running after that.
    pub older: Option<Incarnation>,
    /// The build that the process is of, once it has told.
    #[cfg(feature = "next-level")]
    pub build: u32,
}

impl super::Ledger {
    /// Whether the reports of this process on its node are believed: it was entered last, or none ever was.
    pub fn is_present(&self, node: &NodeName, incarnation: Incarnation) -> bool {
        self.processes.get(node).is_none_or(|process| process.incarnation == incarnation)
    }
}

impl Applying<'_> {
    /// Enters a process that has begun to run a node.
    pub(super) fn enlist(&mut self, node: &NodeName, incarnation: Incarnation) -> Result<(), Refusal> {
        if self.ledger.processes.get(node).is_some_and(|process| process.incarnation == incarnation) {
            return Err(Refusal::AlreadyEnlisted { node: node.clone() });
        }
        let process = Process {
            incarnation,
            since: self.ledger.index,
            older: None,
            #[cfg(feature = "next-level")]
            build: 0,
        };
        self.ledger.processes.insert(node.clone(), process);
        // Only a member says so, and one that was given up is none: this is a new one of that name.
        self.ledger.maintenance.given_up.remove(node);
        Ok(())
    }

    /// The process of a node is of this build.
    #[cfg(feature = "next-level")]
    pub(super) fn built(&mut self, node: &NodeName, build: u32) -> Result<(), Refusal> {
        if !self.ledger.level.is_rehearsal() {
            return Err(Refusal::NotUnderstood("builds are told from level 2 on".to_owned()));
        }
        let process = self.ledger.processes.get_mut(node).ok_or_else(|| Refusal::NoNode(node.clone()))?;
        process.build = build;
        Ok(())
    }

    /// Names the process that wrote the rest of this entry.
    pub(super) fn spoken_by(&mut self, node: &NodeName, incarnation: Incarnation) -> Result<(), Refusal> {
        if self.ledger.is_present(node, incarnation) {
            return Ok(());
        }
        self.unheard = Some(node.clone());
        Err(Refusal::OlderProcess { node: node.clone() })
    }

    /// Records that an older process of a node still runs, and stops now.
    pub(super) fn twice(&mut self, node: &NodeName, older: Incarnation) -> Result<(), Refusal> {
        let process = self.ledger.processes.get_mut(node).ok_or_else(|| Refusal::NoNode(node.clone()))?;
        if process.incarnation == older || process.older == Some(older) {
            return Err(Refusal::AlreadyEnlisted { node: node.clone() });
        }
        process.older = Some(older);
        let newer = process.incarnation;
        self.note(Note::RunsTwice { node: node.clone(), older, newer });
        self.note(Note::OlderStops { node: node.clone(), older });
        Ok(())
    }

    /// Records that the ledgers of nodes differ at an index.
    pub(super) fn diverged(&mut self, nodes: &BTreeSet<NodeName>, at: u64, stop: bool) -> Result<(), Refusal> {
        self.note(Note::Diverged { nodes: nodes.clone(), at, stop });
        Ok(())
    }
}
