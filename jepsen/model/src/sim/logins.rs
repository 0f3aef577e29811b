//! HMCs that do not let nodes in: their login is refused, or the HMC shows another host key; and what nodes say of the
//! HMCs that they ask.
//!
//! An HMC counts refused logins as a real one does: the third within five minutes locks the account, which is wrong.

use super::event::NodeEvent;
use super::sim::Sim;
use super::witness;
use std::collections::BTreeMap;
use tenure_core::{
    Command, Entry, HmcName, NodeName, ServerName, Span, Time, command::Author, contacts::Seen, ledger::Trouble,
};

/// Time for which an HMC counts refused logins, and number of those that lock the account.
const COUNTED: Span = Span::seconds(300);
const LOCKED: usize = 3;
/// Least time between the logins of two nodes, by cluster time.
const APART: u64 = 1_000;

/// What an HMC does to who connects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Door {
    /// It shows another host key than the declared one.
    OtherKey,
    /// It refuses the login.
    Refuses,
}

/// A node that is not connected with an HMC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outside {
    /// It has not tried to log in.
    Fresh,
    /// It is about to.
    Soon,
    /// It was refused.
    Refused,
}

impl Sim {
    /// Sets what an HMC does to who connects. Connections end with that.
    pub(super) fn set_door(&mut self, hmc: &str, door: Option<Door>) {
        let hmc = HmcName::from(hmc);
        match door {
            Some(door) => {
                self.doors.insert(hmc.clone(), door);
                for node in self.nodes.values_mut() {
                    node.memory.outside.insert(hmc.clone(), Outside::Fresh);
                }
            }
            None => drop(self.doors.remove(&hmc)),
        }
    }

    /// The HMCs that a node cannot use now, because it is not let in.
    pub(super) fn shut(&self, name: &NodeName) -> witness::Shut {
        self.nodes.get(name).map(|node| node.memory.outside.keys().cloned().collect()).unwrap_or_default()
    }

    /// A node logs in to the HMCs that it is not connected with, unless it must not.
    pub(super) fn mind_logins(&mut self, name: &NodeName) {
        let now = self.cluster_time();
        let Some(node) = self.nodes.get_mut(name) else { return };
        let ledger = node.ledger.clone();
        let (mut soon, mut told) = (Vec::new(), Vec::new());
        for (hmc, outside) in &mut node.memory.outside {
            let lockout = ledger.hmcs.get(hmc);
            match outside {
                _ if lockout.is_some_and(|lockout| lockout.keeps_away(name)) => *outside = Outside::Fresh,
                Outside::Fresh => {
                    *outside = Outside::Soon;
                    soon.push(hmc.clone());
                }
                Outside::Soon => {}
                Outside::Refused => told.push(hmc.clone()),
            }
        }
        let nodes = ledger.config.nodes.len() as u64;
        let rank = ledger.config.nodes.keys().position(|node| node == name).unwrap_or_default() as u64;
        let round = (APART * nodes).max(1);
        let wait = (APART * rank + round - now.0 % round) % round;
        for hmc in soon {
            self.later(name, Span(wait), NodeEvent::LogIn(hmc));
        }
        for hmc in told {
            self.tell(name, Command::HmcRefuses { hmc, why: "the key was rejected".into() });
        }
    }

    /// A node offers its key.
    pub(super) fn log_in(&mut self, name: &NodeName, hmc: &HmcName) {
        let (door, now) = (self.doors.get(hmc).copied(), self.now);
        let Some(node) = self.nodes.get_mut(name) else { return };
        let lockout = node.ledger.hmcs.get(hmc);
        let away = lockout.is_some_and(|lockout| lockout.keeps_away(name));
        let has_turn = lockout.is_some_and(|lockout| lockout.turn_of(name).is_some());
        let up = self.world.hmc(hmc.as_str()).is_some_and(|hmc| self.world.is_up(hmc)) && !node.blind;
        if away || !up || door == Some(Door::OtherKey) {
            node.memory.outside.entry(hmc.clone()).and_modify(|outside| *outside = Outside::Fresh);
            return;
        }
        if door.is_none() {
            node.memory.outside.remove(hmc);
            if has_turn {
                self.tell(name, Command::HmcAccepts(hmc.clone()));
            }
            return;
        }
        node.memory.outside.insert(hmc.clone(), Outside::Refused);
        let refused = self.refused.entry(hmc.clone()).or_default();
        refused.retain(|at| now.since(*at) < COUNTED);
        refused.push(now);
        if refused.len() >= LOCKED {
            self.wrong.push(format!("{} logins within {COUNTED} lock the account of {hmc}", refused.len()));
        }
        self.tell(name, Command::HmcRefuses { hmc: hmc.clone(), why: "the key was rejected".into() });
    }

    /// A node has asked the HMCs of a server: it says what is wrong with them.
    pub(super) fn heard_of(&mut self, name: &NodeName, server: &ServerName) {
        let shut = self.shut(name);
        let Some(node) = self.nodes.get_mut(name) else { return };
        let answering = witness::answering(&self.world, &node.ledger.config, server, node.blind);
        for (hmc, up) in answering {
            let away = shut.contains(&hmc);
            node.memory.reach.asked(hmc.clone(), up && !away);
            let trouble = match (up, self.doors.get(&hmc)) {
                (false, _) => Some(Trouble::Silent { why: "connection refused".into() }),
                (true, Some(Door::OtherKey)) => Some(Trouble::HostKey { shown: "ssh-ed25519 SHA256:another".into() }),
                // Nothing is known of it.
                (true, Some(Door::Refuses)) => continue,
                (true, None) if away => continue,
                (true, None) => None,
            };
            node.memory.seen.insert(hmc, trouble);
        }
        let seen: Seen = node.memory.seen.clone();
        let (ledger, moment) = (node.ledger.clone(), node.moment(self.now));
        for command in node.memory.contacts.follow(name, &ledger, &seen, moment) {
            self.tell(name, command);
        }
        self.mind_logins(name);
    }

    /// A node proposes what it saw itself. If it cannot, it says it again.
    fn tell(&mut self, name: &NodeName, command: Command) {
        let way = self.leader.as_ref().is_some_and(|seat| self.connected(name, &seat.node));
        if !way {
            return;
        }
        let author = Author::Agent(name.clone());
        let entry = Entry { at: self.now, wall: self.now, author, commands: vec![command] };
        if self.options.twice {
            self.propose(entry.clone(), None);
        }
        self.propose(entry, None);
    }
}

/// The times of refused logins.
pub(super) type RefusedLogins = BTreeMap<HmcName, Vec<Time>>;
