//! Readings: the statements of a witness (the HMC) about one server, never a conclusion from them.

use crate::{
    ForeignText, NodeName, ResourceName, ServerName, Span,
    listing::{Listed, Remark},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// State of a physical server, as the witness names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SystemState {
    /// The hypervisor is up.
    Operating,
    /// The hypervisor is up, no LPAR was started by policy.
    Standby,
    /// The hypervisor is coming up: LPARs may run soon.
    Initializing,
    /// The service processor answers, the rest is without power.
    PowerOff,
    /// On the way to `PowerOff`; LPARs may still run.
    PoweringOff,
    /// The hypervisor or the hardware failed. Says nothing certain about LPARs.
    Error,
    /// The witness cannot talk to the service processor. Never a proof of death.
    NoConnection,
    /// No witness could be asked (every HMC of the server unreachable).
    NoWitness,
    /// Any other word. LPARs may run.
    #[default]
    Unknown,
}

impl SystemState {
    /// Whether the hypervisor is up, or on its way.
    pub fn is_up(self) -> bool {
        matches!(self, SystemState::Operating | SystemState::Standby | SystemState::Initializing)
    }
    /// Whether it is off, on its way there, or has failed.
    pub fn is_down(self) -> bool {
        matches!(self, SystemState::PowerOff | SystemState::PoweringOff | SystemState::Error)
    }
    /// Whether the witness can know the states of LPARs. On the way up or down its states are of a moment ago, and a
    /// service processor that has lost its partition data shows an empty list, or its own copy of an old one.
    pub fn tells_lpars(self) -> bool {
        matches!(self, SystemState::Operating | SystemState::Standby | SystemState::PowerOff)
    }
}

/// State of one copy of an LPAR on one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Power {
    /// Not Activated, read live.
    Off,
    /// Activation under way, or waiting in the firmware: holds its disks.
    Starting,
    /// An operating system runs.
    Running,
    /// Shutting down: still holds its disks.
    Stopping,
    /// Not defined on this server: it was never listed there, or has gone elsewhere.
    Absent,
    /// Stopped on purpose by its own means: off, and no fault.
    OffOnPurpose,
    /// The witness does not know, or said a word that we do not know. May be active.
    #[default]
    Unknown,
    /// Being migrated while it runs: both servers list it, it is active on one of them, and nobody can tell on which.
    Moving,
    /// Listed on this server before and not any more, without evidence that it has gone elsewhere. May be active.
    Missing,
    /// Its operating system has panicked, or its activation failed. It may hold its disks.
    Error,
}

impl Power {
    /// Known to hold its disks, or to be about to.
    pub fn is_active(self) -> bool {
        match self {
            Power::Starting | Power::Running | Power::Stopping | Power::Moving => true,
            Power::Off | Power::OffOnPurpose | Power::Absent => false,
            Power::Unknown | Power::Missing | Power::Error => false,
        }
    }
    /// Known not to hold its disks.
    pub fn is_inactive(self) -> bool {
        match self {
            Power::Off | Power::Absent | Power::OffOnPurpose => true,
            Power::Starting | Power::Running | Power::Stopping | Power::Moving => false,
            Power::Unknown | Power::Missing | Power::Error => false,
        }
    }
}

/// The statement of one witness about one server, asked by one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The server that was read.
    pub server: ServerName,
    /// The node that asked.
    pub by: NodeName,
    /// The log index that `by` had applied before it began to read. All entries up to there were applied before this
    /// reading began: causality without comparing clocks.
    pub since: u64,
    /// Counts the readings of one node: of two by the same node, the greater began later.
    pub serial: u64,
    /// State of the server.
    pub system: SystemState,
    /// Whether the states below are read live: the service processor is connected, and the server is in a state in which
    /// the witness can know.
    pub live: bool,
    /// State of each managed LPAR that was asked for, only if `live`.
    pub copies: BTreeMap<ResourceName, Power>,
    /// State of the LPAR of the node that lives on the server; `Unknown` unless `live`, and where no node is declared with
    /// its LPAR.
    pub node: Power,
    /// Information from the list about that LPAR besides its state.
    pub node_listed: Listed,
    /// The VIO servers of the server, and whether each is Running. Empty unless `live`.
    pub vios: BTreeMap<String, bool>,
    /// Information from the list about each managed LPAR besides its state, if there is any.
    pub listed: BTreeMap<ResourceName, Listed>,
}

/// The report of a node on the resources inside it, by its own agents. Needs no witness.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inside {
    /// The last look at each resource that may live there.
    pub seen: BTreeMap<ResourceName, Seen>,
    /// Timeout of the node's watchdog, as the device says; `None` without one.
    pub watchdog: Option<Span>,
}

/// One look of an agent at one resource inside its node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its state. `Unknown` if its agent could not say, or did not say in time.
    pub power: Power,
    /// The log index that the node had applied before the look began.
    pub since: u64,
    /// Of two looks by one node that follow the same entry, the greater began later.
    pub serial: u64,
    /// The agent's confidence that it runs, in percent.
    pub confidence: u8,
    /// The agent's remark on it, for the operator; empty if there is none.
    pub said: ForeignText,
}

impl Reading {
    /// Whether it shows the states of VIO servers: those of a server that is down are down with it, which is no news.
    pub fn tells_vios(&self) -> bool {
        self.live && self.system == SystemState::Operating
    }
    /// Whether it shows the states of LPARs.
    pub fn tells_lpars(&self) -> bool {
        self.live && self.system.tells_lpars()
    }
    /// The state of a managed LPAR; `Unknown` if the reading does not show it.
    pub fn power(&self, resource: &ResourceName) -> Power {
        self.copies.get(resource).copied().filter(|_| self.tells_lpars()).unwrap_or_default()
    }
    /// The state of the LPAR of the node that lives on the server.
    pub fn node_power(&self) -> Power {
        if self.tells_lpars() { self.node } else { Power::Unknown }
    }
    /// The reason to leave alone the LPAR that was found under the name of a managed one; `None` if there is none.
    pub fn alarm(&self, resource: &ResourceName) -> Option<String> {
        let remark = self.listed.get(resource)?.remark.as_ref()?;
        remark.is_alarm().then(|| remark.to_string())
    }
    /// The reason to leave alone the LPAR that was found under the name of the node's own; `None` if there is none.
    pub fn node_alarm(&self) -> Option<&Remark> {
        self.node_listed.remark.as_ref().filter(|remark| remark.is_alarm() && self.tells_lpars())
    }
    /// Whether both have the same content, whoever read it and when.
    pub fn says_the_same(&self, other: &Reading) -> bool {
        self.system == other.system
            && self.live == other.live
            && self.copies == other.copies
            && self.node == other.node
            && self.node_listed == other.node_listed
            && self.vios == other.vios
            && self.listed == other.listed
    }
}

impl fmt::Display for SystemState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            SystemState::Operating => "Operating",
            SystemState::Standby => "Standby",
            SystemState::Initializing => "Initializing",
            SystemState::PowerOff => "Power Off",
            SystemState::PoweringOff => "Power Off In Progress",
            SystemState::Error => "Error",
            SystemState::NoConnection => "No Connection",
            SystemState::NoWitness => "no manager answers",
            SystemState::Unknown => "Unknown",
        })
    }
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Power::Off => "Off",
            Power::Starting => "Starting",
            Power::Running => "Running",
            Power::Stopping => "Stopping",
            Power::Absent => "not defined",
            Power::OffOnPurpose => "Off on purpose",
            Power::Unknown => "Unknown",
            Power::Moving => "Moving",
            Power::Missing => "not listed any more",
            Power::Error => "Error",
        })
    }
}
