//! A console's answer about one server and its LPARs, in its own words.

use super::{
    read::system,
    state::{Connection, LparEnvironment, LparState, RmcState, SystemState},
};
use crate::{ForeignText, SystemState as Meaning};

/// One LPAR in a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct LparReading {
    /// Its name, unique on its server.
    pub name: String,
    /// Its number on the server.
    pub id: Option<u32>,
    /// Its identity, which moves with it between servers. Very old consoles do not print it.
    pub uuid: Option<String>,
    /// Kind of partition.
    pub env: LparEnvironment,
    pub state: LparState,
    /// RMC connection to its operating system.
    pub rmc: RmcState,
    /// Its description, perhaps empty; `None` if it was not asked for, or this release does not know it.
    pub description: Option<String>,
}

/// The LPARs of a server, or the reason why they could not be listed. The two are kept apart because an LPAR that is
/// missing from a list is not there, while one that could not be listed may well be running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inventory {
    /// All LPARs that are defined on the server, VIO servers included.
    Listed(Vec<LparReading>),
    /// The console could not list them; the text says why.
    NotReadable(ForeignText),
}

/// One answer about one server, from one console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerReading {
    /// State of the system.
    pub system: SystemState,
    /// This console's link to the service processor, read after everything else in this reading.
    pub connected: Connection,
    /// Its link to the hypervisor, where that is not the one to the service processor (eBMC): LPARs are known through it.
    pub vmi: Option<Connection>,
    /// Whether the system's own clock stood still between two readings of an eBMC: then its states are the last known.
    pub stands_still: bool,
    /// The LPARs.
    pub inventory: Inventory,
    /// Name of the console that answered.
    pub via: String,
}

impl ServerReading {
    /// The LPARs, if they could be listed.
    pub fn lpars(&self) -> Option<&[LparReading]> {
        match &self.inventory {
            Inventory::Listed(lpars) => Some(lpars),
            Inventory::NotReadable(_) => None,
        }
    }

    /// The LPAR of that name, if the LPARs could be listed and it is one of them.
    pub fn lpar(&self, name: &str) -> Option<&LparReading> {
        self.lpars()?.iter().find(|lpar| lpar.name == name)
    }

    /// Whether the console was connected to the service processor when it gave this reading, and saw enough of the
    /// server to have a state for it. Without that, states are the last ones it knew.
    pub fn is_live(&self) -> bool {
        self.connected == Connection::Connected && !self.lost_hypervisor() && self.system.is_seen()
    }

    /// Whether the hypervisor is said to be up, and the link that would show otherwise is lost.
    pub fn lost_hypervisor(&self) -> bool {
        let up = matches!(self.system, SystemState::Operating | SystemState::Standby);
        let lost = self.vmi.as_ref().is_some_and(|vmi| *vmi != Connection::Connected);
        up && (lost || self.stands_still)
    }
}

impl SystemState {
    /// Whether LPAR states that the console lists in this system state mean something.
    pub fn can_list_lpars(&self) -> bool {
        system(self).tells_lpars()
    }

    /// Whether a console with a link to the service processor knows the state of the server.
    pub fn is_seen(&self) -> bool {
        match system(self) {
            Meaning::Operating
            | Meaning::Standby
            | Meaning::Initializing
            | Meaning::PowerOff
            | Meaning::PoweringOff
            | Meaning::Error => true,
            Meaning::NoConnection | Meaning::NoWitness | Meaning::Unknown => false,
        }
    }
}
