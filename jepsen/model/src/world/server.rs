//! One physical server: its power, its service processor, its partitions.

use super::id::LparId;
use super::partition::{Definition, Partition};
use super::state::SystemState;
use super::time::Time;
use super::view::Picture;

/// True power state of a server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Power {
    /// No input power: even the service processor is dead.
    Dead,
    /// Off, with the service processor on standby power.
    Off,
    /// Starting.
    Initializing {
        /// Time at which the hypervisor is up.
        until: Time,
    },
    /// The hypervisor runs.
    Operating,
    /// Being powered off; LPARs run until its end.
    PoweringOff {
        /// Time at which power is off.
        until: Time,
        /// Whether it starts again afterwards.
        restart: bool,
    },
    /// Taking a platform dump after a checkstop. Nothing runs.
    Dumping {
        /// Time at which the dump is done.
        until: Time,
    },
    /// Failed. Nothing runs.
    Failed,
}

impl Power {
    /// The state shown by a perfectly informed HMC. A dead server has none; it is shown as lost.
    pub fn state(self) -> SystemState {
        match self {
            Power::Dead => SystemState::NoConnection,
            Power::Off => SystemState::PowerOff,
            Power::Initializing { .. } => SystemState::Initializing,
            Power::Operating => SystemState::Operating,
            Power::PoweringOff { .. } => SystemState::PowerOffInProgress,
            Power::Dumping { .. } => SystemState::ErrorDumpInProgress,
            Power::Failed => SystemState::Error,
        }
    }

    /// Whether LPARs can be active.
    pub fn runs_lpars(self) -> bool {
        matches!(self, Power::Operating | Power::PoweringOff { .. })
    }

    pub(super) fn due(self) -> Option<Time> {
        match self {
            Power::Initializing { until } | Power::PoweringOff { until, .. } | Power::Dumping { until } => Some(until),
            Power::Dead | Power::Off | Power::Operating | Power::Failed => None,
        }
    }
}

/// The listing of a server's LPARs on HMCs, whatever their state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum ListAs {
    /// Truly, as far as they can know.
    #[default]
    Truth,
    /// Not at all: the service processor has lost its partition data.
    Empty,
    /// All of them as Not Activated: an old copy of the partition data.
    Off,
}

/// The place of an LPAR in a server's list, with or without a copy. Places are fixed when the world is built.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) lpar: LparId,
    pub(super) partition: Partition,
}

#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) power: Power,
    /// Whether it was on when input power was lost.
    pub(super) was_on: bool,
    /// Whether the service processor hangs: it answers no HMC, and the LPARs keep running.
    pub(super) processor_hung: bool,
    /// A state that HMCs show instead of the true one.
    pub(super) shown_as: Option<SystemState>,
    /// The listing of its LPARs on HMCs.
    pub(super) list_as: ListAs,
    /// Time at which the link to its hypervisor was lost while that to its service processor was not.
    pub(super) vmi_lost: Option<Time>,
    /// End of the lock by the current change.
    pub(super) locked_until: Time,
    /// VIO servers first, then LPARs in the order of the specification. `lpar_id` is the position plus one.
    pub(super) slots: Vec<Slot>,
}

impl Server {
    /// Index of an LPAR that is defined here.
    pub(super) fn slot_of(&self, lpar: LparId) -> Option<usize> {
        self.place_of(lpar).filter(|&place| self.slots[place].partition.definition != Definition::Absent)
    }

    /// Index of an LPAR here, defined or not.
    pub(super) fn place_of(&self, lpar: LparId) -> Option<usize> {
        self.slots.iter().position(|slot| slot.lpar == lpar)
    }

    pub(super) fn answers(&self) -> bool {
        self.power != Power::Dead && !self.processor_hung
    }

    /// Time of the next change by itself, of the server or anything on it.
    pub(super) fn due(&self) -> Option<Time> {
        let partitions = self.slots.iter().filter_map(|slot| slot.partition.due());
        partitions.chain(self.power.due()).min()
    }

    /// Its true state, in the form of an HMC's view.
    pub(super) fn picture(&self, now: Time) -> Picture {
        Picture {
            system: self.state(),
            lpars: self.slots.iter().map(|slot| slot.partition.listed()).collect(),
            list: self.list_as,
            taken: now,
        }
    }

    pub(super) fn differs_from(&self, picture: &Picture) -> bool {
        let states = self.slots.iter().map(|slot| slot.partition.listed());
        self.state() != picture.system || self.list_as != picture.list || !states.eq(picture.lpars.iter().copied())
    }

    fn state(&self) -> SystemState {
        self.shown_as.unwrap_or_else(|| self.power.state())
    }
}
