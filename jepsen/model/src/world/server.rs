//! One physical server: its power, its service processor, its partitions.

use super::id::LparId;
use super::partition::{Definition, Partition};
use super::state::SystemState;
use super::time::Time;
use super::view::Picture;

/// What a server truly does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Power {
    /// No input power: even the service processor is dead.
    Dead,
    /// Off, with the service processor on standby power.
    Off,
    /// Starting, until then.
    Initializing {
        /// When the hypervisor is up.
        until: Time,
    },
    /// The hypervisor runs.
    Operating,
    /// Being powered off; LPARs run until the end of it.
    PoweringOff {
        /// When power is off.
        until: Time,
        /// Whether it starts again.
        restart: bool,
    },
    /// Taking a platform dump after a checkstop. Nothing runs.
    Dumping {
        /// When the dump is done.
        until: Time,
    },
    /// Failed. Nothing runs.
    Failed,
}

impl Power {
    /// What a perfectly informed HMC would show. A dead server has no such state; it is shown as lost.
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

/// What HMCs list of the LPARs of a server, whatever they do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum ListAs {
    /// What they can know.
    #[default]
    Truth,
    /// Nothing: the service processor has lost its partition data.
    Empty,
    /// Every LPAR, and each as Not Activated: an old copy of those data.
    Off,
}

/// A copy of an LPAR, or the lack of one, at its place in a server's list. Places are fixed when the world is built.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) lpar: LparId,
    pub(super) partition: Partition,
}

#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) power: Power,
    /// Whether it was on when input power went away.
    pub(super) was_on: bool,
    /// Whether the service processor is hung: it answers no HMC, and the LPARs run on.
    pub(super) processor_hung: bool,
    /// A state that HMCs show instead of the true one.
    pub(super) shown_as: Option<SystemState>,
    /// What they list of its LPARs.
    pub(super) list_as: ListAs,
    /// Since when the link to its hypervisor is lost, while that to its service processor is not.
    pub(super) vmi_lost: Option<Time>,
    /// Until when a change locks it.
    pub(super) locked_until: Time,
    /// VIO servers first, then LPARs in the order of the specification. `lpar_id` is the position plus one.
    pub(super) slots: Vec<Slot>,
}

impl Server {
    /// The place of an LPAR that is defined here.
    pub(super) fn slot_of(&self, lpar: LparId) -> Option<usize> {
        self.place_of(lpar).filter(|&place| self.slots[place].partition.definition != Definition::Absent)
    }

    /// The place that an LPAR has here, or would have.
    pub(super) fn place_of(&self, lpar: LparId) -> Option<usize> {
        self.slots.iter().position(|slot| slot.lpar == lpar)
    }

    pub(super) fn answers(&self) -> bool {
        self.power != Power::Dead && !self.processor_hung
    }

    /// Next instant at which it, or something on it, changes by itself.
    pub(super) fn due(&self) -> Option<Time> {
        let partitions = self.slots.iter().filter_map(|slot| slot.partition.due());
        partitions.chain(self.power.due()).min()
    }

    /// The truth about it, as an HMC would picture it.
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
