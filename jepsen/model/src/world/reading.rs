//! An HMC's readings of a server.

use super::command::Refusal;
use super::id::{HmcId, LparId, ServerId};
use super::partition::{Line, Partition};
use super::server::ListAs;
use super::spec::{LostView, LparKind};
use super::state::{Connection, LparState, SystemState};
use super::time::{Span, Time};
use super::view::{Link, View};
use super::world::World;

/// Whether an operating system talks to the HMC. Supporting evidence that it runs, never evidence that it does not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RmcState {
    /// It talks.
    Active,
    /// It does not talk.
    Inactive,
}

impl RmcState {
    /// The word of the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            RmcState::Active => "active",
            RmcState::Inactive => "inactive",
        }
    }
}

/// One server, as shown by one HMC.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reading {
    /// The server.
    pub server: ServerId,
    /// Time of the request.
    pub at: Time,
    /// The server's own clock, as shown by the HMC. It stands still while the connection is lost.
    pub server_clock: Time,
    /// State of the managed system.
    pub system: SystemState,
    /// State of the connection to the service processor, as far as the HMC has noticed.
    pub connection: Connection,
    /// State of the link to the hypervisor, as far as the HMC has noticed: LPARs are read through it.
    pub vmi: Connection,
    /// Its LPARs and VIO servers.
    pub lpars: Vec<LparReading>,
}

/// One copy of an LPAR, as shown by an HMC.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LparReading {
    /// The LPAR.
    pub lpar: LparId,
    /// The `lpar_id` on this server.
    pub number: u16,
    /// Its purpose.
    pub kind: LparKind,
    /// Its state.
    pub state: LparState,
    /// Its RMC state.
    pub rmc: RmcState,
}

/// Total and free capacity of a server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Capacity {
    /// MiB for LPARs.
    pub memory: u64,
    /// MiB not taken by active LPARs.
    pub memory_free: u64,
    /// Processing units for LPARs, in hundredths.
    pub processors: u32,
    /// Processing units not taken by active LPARs, in hundredths.
    pub processors_free: u32,
}

impl Reading {
    /// The reading of one LPAR.
    pub fn lpar(&self, lpar: LparId) -> Option<&LparReading> {
        self.lpars.iter().find(|reading| reading.lpar == lpar)
    }

    /// The VIO servers.
    pub fn vios(&self) -> impl Iterator<Item = &LparReading> {
        self.lpars.iter().filter(|reading| reading.kind == LparKind::Vios)
    }
}

impl World {
    /// An HMC's reading of a server now. Readings have no effect, and no latency of their own: the caller adds that
    /// of the HMC.
    ///
    /// # Errors
    /// [`Refusal::HmcDown`], [`Refusal::NoSuchServer`], and [`Refusal::NoConnection`] where the HMC refuses listings of
    /// lost systems.
    pub fn read(&self, hmc: HmcId, server: ServerId) -> Result<Reading, Refusal> {
        let view = self.visible(hmc, server)?;
        let lost = view.connection() != Connection::Connected;
        if lost && self.spec.hmcs[hmc.index()].lost_view == LostView::Refuse {
            return Err(Refusal::NoConnection);
        }
        let now = self.now;
        let slots = &self.servers[server.index()].slots;
        let lpars = slots.iter().enumerate().filter_map(|(index, slot)| {
            let state = self.shown_lpar(hmc, server, view, index)?;
            let active = state.is_active() && self.rmc_active(&slot.partition);
            Some(LparReading {
                lpar: slot.lpar,
                number: u16::try_from(index + 1).unwrap_or(u16::MAX),
                kind: self.lpars[slot.lpar.index()].kind,
                state,
                rmc: if active { RmcState::Active } else { RmcState::Inactive },
            })
        });
        Ok(Reading {
            server,
            at: now,
            server_clock: self.shown_clock(server, view),
            system: shown_system(view),
            connection: view.connection(),
            vmi: self.shown_vmi(server, view),
            lpars: lpars.collect(),
        })
    }

    /// The state of a system only; answered even where LPAR listings are refused.
    ///
    /// # Errors
    /// [`Refusal::HmcDown`] and [`Refusal::NoSuchServer`].
    pub fn read_system(&self, hmc: HmcId, server: ServerId) -> Result<(SystemState, Connection, Time), Refusal> {
        let view = self.visible(hmc, server)?;
        Ok((shown_system(view), view.connection(), self.shown_clock(server, view)))
    }

    /// The link to the hypervisor of a server, as shown by an HMC.
    ///
    /// # Errors
    /// [`Refusal::HmcDown`] and [`Refusal::NoSuchServer`].
    pub fn read_vmi(&self, hmc: HmcId, server: ServerId) -> Result<Connection, Refusal> {
        Ok(self.shown_vmi(server, self.visible(hmc, server)?))
    }

    fn shown_vmi(&self, server: ServerId, view: &View) -> Connection {
        let lost = self.servers[server.index()].vmi_lost.is_some();
        if lost { Connection::NoConnection } else { view.connection() }
    }

    fn shown_clock(&self, server: ServerId, view: &View) -> Time {
        let lost = self.servers[server.index()].vmi_lost;
        if view.link == Link::Up { lost.unwrap_or(self.now) } else { view.shown.taken }
    }

    /// Latency of a command on its way to this HMC, and of the answer on its way back.
    pub fn latency(&self, hmc: HmcId) -> (Span, Span) {
        let spec = &self.spec.hmcs[hmc.index()];
        (spec.latency + self.hmcs[hmc.index()].slow, spec.answer_latency)
    }

    pub(super) fn visible(&self, hmc: HmcId, server: ServerId) -> Result<&View, Refusal> {
        let console = self.hmcs.get(hmc.index()).filter(|console| console.up).ok_or(Refusal::HmcDown)?;
        console.views.get(server.index()).ok_or(Refusal::NoSuchServer)
    }

    fn shown_lpar(&self, hmc: HmcId, server: ServerId, view: &View, slot: usize) -> Option<LparState> {
        let place = &self.servers[server.index()];
        let known = view.shown.lpars[slot].filter(|_| place.slots[slot].partition.line != Line::Hidden)?;
        if place.slots[slot].partition.line == Line::Replaced {
            return Some(LparState::NotActivated);
        }
        match view.shown.list {
            ListAs::Truth => Some(self.shown_state(hmc, view, known)),
            ListAs::Empty => None,
            ListAs::Off => Some(LparState::NotActivated),
        }
    }

    fn shown_state(&self, hmc: HmcId, view: &View, known: LparState) -> LparState {
        if view.connection() != Connection::Connected {
            return match self.spec.hmcs[hmc.index()].lost_view {
                LostView::LastKnown => known,
                LostView::NotAvailable | LostView::Refuse => LparState::NotAvailable,
            };
        }
        match view.shown.system {
            SystemState::Operating | SystemState::Standby | SystemState::PowerOff => known,
            SystemState::Initializing
            | SystemState::PowerOffInProgress
            | SystemState::Error
            | SystemState::ErrorDumpInProgress
            | SystemState::ErrorTerminated
            | SystemState::Recovery
            | SystemState::Incomplete
            | SystemState::NoConnection
            | SystemState::FailedAuthentication
            | SystemState::VersionMismatch
            | SystemState::ServiceProcessorFailover
            | SystemState::Unknown => LparState::NotAvailable,
        }
    }

    /// RMC connects the operating system with the HMC, and does not pass through the service processor.
    pub(super) fn rmc_active(&self, partition: &Partition) -> bool {
        let talk = partition.talk;
        let held = self.now.since(talk.since);
        if talk.talking {
            talk.before || held >= self.spec.timings.rmc_up
        } else {
            talk.before && held < self.spec.timings.rmc_down
        }
    }
}

fn shown_system(view: &View) -> SystemState {
    match view.connection() {
        Connection::Connected => view.shown.system,
        Connection::NoConnection | Connection::Connecting => SystemState::NoConnection,
    }
}
