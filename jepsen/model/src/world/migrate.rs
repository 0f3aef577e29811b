//! An HMC's checks before a move of an LPAR, and its commands to start, stop or recover one.

use super::command::{Command, Refusal};
use super::history::{Cause, Change, MoveStep};
use super::id::{HmcId, LparId, ServerId};
use super::moving::{Doom, MoveKind};
use super::partition::{Activity, Definition, Partition};
use super::state::SystemState;
use super::time::Span;
use super::world::World;

impl World {
    /// Result of `-o v` and `-o validate` for a migration or a remote restart. Changes nothing.
    ///
    /// # Errors
    /// The refusal of the command itself; [`Refusal::WrongState`] for a command that is no move.
    pub fn check_move(&self, hmc: HmcId, command: &Command) -> Result<MoveKind, Refusal> {
        match *command {
            Command::Migrate { lpar, from, to } => self.check_migration(hmc, lpar, from, to),
            Command::RemoteRestart { lpar, from, to } => self.check_restart(hmc, lpar, from, to),
            Command::StartLpar { .. }
            | Command::StopLpar { .. }
            | Command::Describe { .. }
            | Command::PowerOn { .. }
            | Command::PowerOff { .. }
            | Command::StopMigration { .. }
            | Command::RecoverMigration { .. } => Err(Refusal::WrongState),
        }
    }

    fn check_migration(&self, hmc: HmcId, lpar: LparId, from: ServerId, to: ServerId) -> Result<MoveKind, Refusal> {
        self.operating(from, self.connected(hmc, from)?)?;
        let partition = self.check_source(lpar, from)?;
        let kind = match partition.activity {
            Activity::NotActivated => MoveKind::Inactive,
            Activity::Running if self.rmc_active(partition) => MoveKind::Live,
            Activity::Running => return Err(Refusal::NoRmc),
            Activity::Starting { .. } | Activity::OpenFirmware | Activity::ShuttingDown { .. } | Activity::Error => {
                return Err(Refusal::WrongState);
            }
        };
        self.check_target(hmc, lpar, to)?;
        Ok(kind)
    }

    /// The HMC goes by its view of the source, as a real one does.
    fn check_restart(&self, hmc: HmcId, lpar: LparId, from: ServerId, to: ServerId) -> Result<MoveKind, Refusal> {
        match self.connected(hmc, from)? {
            SystemState::PowerOff
            | SystemState::PowerOffInProgress
            | SystemState::Error
            | SystemState::ErrorDumpInProgress
            | SystemState::Initializing => {}
            SystemState::Operating
            | SystemState::Standby
            | SystemState::ErrorTerminated
            | SystemState::Recovery
            | SystemState::Incomplete
            | SystemState::NoConnection
            | SystemState::FailedAuthentication
            | SystemState::VersionMismatch
            | SystemState::ServiceProcessorFailover
            | SystemState::Unknown => return Err(Refusal::NotDown),
        }
        self.check_source(lpar, from)?;
        self.check_target(hmc, lpar, to)?;
        Ok(MoveKind::Restart)
    }

    /// A remnant cannot be moved, nor an LPAR that is already moving.
    fn check_source(&self, lpar: LparId, from: ServerId) -> Result<&Partition, Refusal> {
        let source = &self.servers[from.index()];
        let slot = source.slot_of(lpar).ok_or(Refusal::NoSuchLpar)?;
        let partition = &source.slots[slot].partition;
        if partition.definition == Definition::Remnant || self.moving(lpar).is_some() {
            return Err(Refusal::WrongState);
        }
        Ok(partition)
    }

    fn check_target(&self, hmc: HmcId, lpar: LparId, to: ServerId) -> Result<(), Refusal> {
        self.operating(to, self.connected(hmc, to)?)?;
        let target = &self.servers[to.index()];
        let place = target.place_of(lpar).ok_or(Refusal::CannotHost)?;
        if target.slot_of(lpar).is_some() {
            return Err(Refusal::AlreadyDefined);
        }
        if !self.has_disks(to, place) {
            return Err(Refusal::CannotHost);
        }
        self.fits(to, lpar)
    }

    pub(super) fn stop_migration(&mut self, hmc: HmcId, server: ServerId, lpar: LparId) -> Result<Span, Refusal> {
        let current = self.moving(lpar).filter(|m| m.from == server && m.kind != MoveKind::Restart);
        match current {
            Some(current) if !current.stuck && !current.switched => {
                self.conclude_move(lpar, hmc, MoveStep::Stops, Err(Refusal::MoveFailed));
                Ok(Span::ZERO)
            }
            Some(_) | None => Err(Refusal::WrongState),
        }
    }

    /// Through either of the two servers, whichever still answers.
    pub(super) fn recover_migration(&mut self, hmc: HmcId, server: ServerId, lpar: LparId) -> Result<Span, Refusal> {
        match self.moving(lpar).filter(|m| m.from == server || m.to == server) {
            Some(current) if current.stuck || current.orphaned => {
                self.conclude_move(lpar, hmc, MoveStep::Recovers, Err(Refusal::MoveFailed));
                Ok(Span::ZERO)
            }
            Some(_) | None => Err(Refusal::WrongState),
        }
    }

    /// An HMC starts no LPAR on the source or target of its move. The server itself may.
    pub(super) fn at_rest(&self, server: ServerId, lpar: LparId) -> Result<(), Refusal> {
        match self.moving(lpar).filter(|current| current.from == server || current.to == server) {
            Some(_) => Err(Refusal::WrongState),
            None => Ok(()),
        }
    }

    /// Lets a move fail: the current one, or the next.
    pub(super) fn doom_move(&mut self, lpar: LparId, doom: Doom) -> bool {
        match (self.moving(lpar), doom) {
            (Some(current), _) if current.stuck => return false,
            // After the switchover it can no longer be undone.
            (Some(current), Doom::Fail) if current.switched => return false,
            (Some(_), Doom::Fail) => self.fail_move(lpar),
            (Some(_), Doom::Break) => self.break_move(lpar),
            (None, _) => {
                if let Some(mobility) = self.mobility_mut(lpar) {
                    mobility.doom = Some(doom);
                }
            }
        }
        true
    }

    /// Lengthens a move: the current one, or the next.
    pub(super) fn slow_move(&mut self, lpar: LparId, span: Span) -> bool {
        let Some(mobility) = self.mobility_mut(lpar) else { return false };
        match &mut mobility.current {
            Some(current) if current.stuck => return false,
            Some(current) => {
                current.until = current.until + span;
                if !current.switched {
                    current.switch_at = current.switch_at + span;
                }
            }
            None => mobility.slow = span,
        }
        true
    }

    /// Whether an LPAR is defined on a server, even if only as a remnant.
    pub fn is_defined(&self, server: ServerId, lpar: LparId) -> bool {
        self.servers.get(server.index()).is_some_and(|server| server.slot_of(lpar).is_some())
    }

    /// The servers on which an LPAR is defined.
    pub fn defined_on(&self, lpar: LparId) -> Vec<ServerId> {
        self.servers().filter(|&server| self.is_defined(server, lpar)).collect()
    }

    /// The first LPAR that is defined nowhere.
    pub fn lost(&self) -> Option<LparId> {
        self.mobility.iter().map(|m| m.lpar).find(|&lpar| !self.servers().any(|server| self.is_defined(server, lpar)))
    }

    /// Records the definitions of mobile LPARs when the world begins.
    pub(super) fn record_definitions(&mut self) {
        for mobility in &self.mobility {
            for server in self.defined_on(mobility.lpar) {
                let change = Change::Definition { server, lpar: mobility.lpar, defined: true, cause: Cause::Initial };
                self.history.push(self.now, change);
            }
        }
    }
}
