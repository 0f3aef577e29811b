//! HMCs that do not answer nodes as they should.
//!
//! Each node says so itself, of the HMCs that it asks, and says when that is over; an HMC that answers has no entry
//! here, so nothing is written while all is well. Times of answers are not kept: nodes are asked for these. That an HMC
//! refuses the login of the nodes is a [`Lockout`](super::Lockout).

use super::{Ledger, NodeState, apply::Applying};
use crate::{ForeignText, HmcName, NodeName, Note, Refusal, ServerName, Time, config::Cluster, note::ClusterWait};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What keeps a node from an HMC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Trouble {
    /// It does not answer, or cannot be reached.
    Silent { why: ForeignText },
    /// It shows another host key than the declared one, so nothing was sent to it.
    HostKey { shown: ForeignText },
    /// The node cannot use its own key, so the HMC was not asked.
    OwnKey { why: ForeignText },
}

impl Trouble {
    /// Whether this is no news after the other: the words of a silence may change, a host key may not.
    pub fn is_like(&self, other: &Trouble) -> bool {
        match (self, other) {
            (Trouble::Silent { .. }, Trouble::Silent { .. }) | (Trouble::OwnKey { .. }, Trouble::OwnKey { .. }) => true,
            (Trouble::HostKey { shown }, Trouble::HostKey { shown: before }) => shown == before,
            (Trouble::Silent { .. } | Trouble::HostKey { .. } | Trouble::OwnKey { .. }, _) => false,
        }
    }
}

/// A node's trouble with an HMC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The trouble.
    pub trouble: Trouble,
    /// Time at which the node said so.
    pub since: Time,
}

impl Ledger {
    /// The trouble of a node with an HMC, as the log knows it.
    pub fn trouble(&self, hmc: &HmcName, node: &NodeName) -> Option<&Trouble> {
        Some(&self.contacts.get(hmc)?.get(node)?.trouble)
    }

    /// The troubles with an HMC that count: what a silent node once said does not, nor does silence after a refused
    /// login.
    pub fn troubles(&self, hmc: &HmcName) -> impl Iterator<Item = (&NodeName, &Contact)> {
        let lockout = self.hmcs.get(hmc);
        self.contacts.get(hmc).into_iter().flatten().filter(move |(node, contact)| {
            let out = self.nodes.get(*node).is_none_or(NodeState::is_out);
            let refused = lockout.is_some_and(|lockout| lockout.keeps_away(node));
            let told = refused && matches!(contact.trouble, Trouble::Silent { .. });
            !(out || told)
        })
    }

    /// Whether the node can neither ask nor command through this HMC.
    pub fn is_shut(&self, hmc: &HmcName, node: &NodeName) -> bool {
        let refused = self.hmcs.get(hmc).is_some_and(|lockout| lockout.keeps_away(node));
        refused || self.troubles(hmc).any(|(one, _)| one == node)
    }

    /// The servers of an HMC that their watchers cannot ask through it: those that no HMC serves, and those that have
    /// another one.
    pub fn unserved(&self, hmc: &HmcName) -> (BTreeSet<ServerName>, BTreeSet<ServerName>) {
        let of_it = self.config.servers.iter().filter(|(_, declared)| declared.managers.contains(hmc));
        let shut = of_it.filter_map(|(server, declared)| {
            let state = self.servers.get(server)?;
            let watcher = state.watcher.as_ref()?;
            // An HMC that comes and goes may serve it although the log does not know that yet.
            let blind = !state.live && declared.managers.iter().all(|manager| self.is_shut(manager, watcher));
            let told = blind || declared.managers.len() > 1;
            (told && self.is_shut(hmc, watcher)).then(|| (server.clone(), blind))
        });
        let (blind, left): (Vec<_>, Vec<_>) = shut.partition(|(_, blind)| *blind);
        let names = |all: Vec<(ServerName, bool)>| all.into_iter().map(|(server, _)| server).collect();
        (names(blind), names(left))
    }

    /// One wait for each kind of trouble with each HMC.
    pub fn hmc_waits(&self) -> Vec<ClusterWait> {
        let mut waits = Vec::new();
        for hmc in self.contacts.keys() {
            let (mut silent, mut keyless) = (BTreeSet::new(), BTreeSet::new());
            let (mut quiet, mut unusable) = (None, None);
            let mut strange: BTreeMap<&ForeignText, BTreeSet<NodeName>> = BTreeMap::new();
            for (node, contact) in self.troubles(hmc) {
                match &contact.trouble {
                    Trouble::Silent { why } => {
                        silent.insert(node.clone());
                        quiet = quiet.or(Some(why));
                    }
                    Trouble::OwnKey { why } => {
                        keyless.insert(node.clone());
                        unusable = unusable.or(Some(why));
                    }
                    Trouble::HostKey { shown } => drop(strange.entry(shown).or_default().insert(node.clone())),
                }
            }
            waits.extend(strange.into_iter().map(|(shown, nodes)| ClusterWait::HmcHostKey {
                hmc: hmc.clone(),
                nodes,
                shown: shown.clone(),
            }));
            if let Some(why) = unusable {
                waits.push(ClusterWait::HmcOwnKey { hmc: hmc.clone(), nodes: keyless, why: why.clone() });
            }
            if let Some(why) = quiet {
                let (blind, left) = self.unserved(hmc);
                waits.push(ClusterWait::HmcSilent { hmc: hmc.clone(), nodes: silent, why: why.clone(), blind, left });
            }
        }
        waits
    }
}

impl Applying<'_> {
    /// Records a node's trouble with an HMC, or its end.
    pub(super) fn hmc_contact(&mut self, hmc: &HmcName, trouble: Option<&Trouble>) -> Result<(), Refusal> {
        let by = self.says()?;
        if !self.ledger.config.managers.contains_key(hmc) {
            return Err(Refusal::NoHmc(hmc.clone()));
        }
        match (self.ledger.trouble(hmc, &by), trouble) {
            (None, None) => return Err(Refusal::NoChange),
            (Some(known), Some(trouble)) if trouble.is_like(known) => return Err(Refusal::NoChange),
            (None | Some(_), Some(_)) | (Some(_), None) => {}
        }
        let Some(trouble) = trouble else {
            if let Some(nodes) = self.ledger.contacts.get_mut(hmc) {
                nodes.remove(&by);
            }
            self.ledger.contacts.retain(|_, nodes| !nodes.is_empty());
            self.note(Note::HmcAnswers { hmc: hmc.clone(), by });
            return Ok(());
        };
        let contact = Contact { trouble: trouble.clone(), since: self.ledger.now };
        self.ledger.contacts.entry(hmc.clone()).or_default().insert(by.clone(), contact);
        let hmc = hmc.clone();
        let (blind, _) = self.ledger.unserved(&hmc);
        self.note(match trouble.clone() {
            Trouble::Silent { why } => Note::HmcSilent { hmc, by, why, blind },
            Trouble::HostKey { shown } => Note::HmcHostKey { hmc, by, shown },
            Trouble::OwnKey { why } => Note::HmcOwnKey { hmc, by, why },
        });
        Ok(())
    }

    /// Forgets what was said of HMCs that are declared differently now, and by nodes that are no longer declared.
    pub(super) fn redeclare_contacts(&mut self, before: &Cluster) {
        let config = std::sync::Arc::clone(&self.ledger.config);
        self.ledger.contacts.retain(|name, nodes| {
            nodes.retain(|node, _| config.nodes.contains_key(node));
            let same = config.managers.get(name).is_some_and(|declared| before.managers.get(name) == Some(declared));
            same && !nodes.is_empty()
        });
    }
}
