//! Execution of an HMC's commands. Acceptance is here; effects come later, by themselves, in `advance`.

use super::command::{Command, OffAlready, Profile, Refusal, Stop};
use super::history::Cause;
use super::id::{HmcId, LparId, ServerId};
use super::partition::{Activity, Boot, Line};
use super::server::Power;
use super::state::{Connection, SystemState};
use super::time::Span;
use super::view::Link;
use super::world::World;

/// The one profile that every LPAR has.
pub const DEFAULT_PROFILE: &str = "default_profile";

impl World {
    /// Executes a command on an HMC at this instant, as if it had just arrived there. `Ok` means that it was
    /// accepted; its value is the additional time until the answer, for a move the time until its end if nothing
    /// interferes. The effect shows later, and only in readings.
    ///
    /// # Errors
    /// When it is refused; nothing has changed then.
    pub fn execute(&mut self, hmc: HmcId, command: &Command) -> Result<Span, Refusal> {
        let outcome = self.carry_out(hmc, command);
        self.advance_to(self.now);
        outcome
    }

    pub(super) fn carry_out(&mut self, hmc: HmcId, command: &Command) -> Result<Span, Refusal> {
        let server = command.server();
        let shown = self.connected(hmc, server)?;
        self.exists(command)?;
        let changed = [Some(server), command.target()];
        for server in changed.into_iter().flatten() {
            self.connected(hmc, server)?;
            if self.now < self.servers[server.index()].locked_until {
                return Err(Refusal::Busy);
            }
        }
        let takes = match command {
            Command::StartLpar { lpar, .. } => {
                self.operating(server, shown)?;
                self.at_rest(server, *lpar)?;
                self.start_lpar(server, *lpar, Cause::Command(hmc)).map(|()| Span::ZERO)
            }
            Command::StopLpar { lpar, stop, restart, .. } => {
                self.operating(server, shown)?;
                self.stop_lpar(server, *lpar, *stop, *restart, Cause::Command(hmc))
            }
            // This locks no hypervisor.
            Command::Describe { lpar, text, .. } => return self.describe_lpar(hmc, server, *lpar, text),
            Command::PowerOn { .. } => self.power_on(server, Cause::Command(hmc)).map(|()| Span::ZERO),
            Command::PowerOff { .. } if self.servers[server.index()].power == Power::Off => self.off_already(hmc),
            Command::PowerOff { immediate, restart, .. } => {
                self.power_off(server, *immediate, *restart, Cause::Command(hmc)).map(|()| Span::ZERO)
            }
            Command::Migrate { lpar, from, to } | Command::RemoteRestart { lpar, from, to } => {
                let kind = self.check_move(hmc, command)?;
                self.begin_move(hmc, *lpar, (*from, *to), kind);
                Ok(self.moving(*lpar).map_or(Span::ZERO, |begun| begun.until.since(self.now)))
            }
            Command::StopMigration { lpar, .. } => self.stop_migration(hmc, server, *lpar),
            Command::RecoverMigration { lpar, .. } => self.recover_migration(hmc, server, *lpar),
        }?;
        for server in changed.into_iter().flatten() {
            self.servers[server.index()].locked_until = self.now + self.spec.timings.lock;
            self.settle(server);
        }
        Ok(takes)
    }

    /// The state that an HMC shows of a system, if it is truly connected to it, and not only believes so.
    pub(super) fn connected(&self, hmc: HmcId, server: ServerId) -> Result<SystemState, Refusal> {
        let view = self.visible(hmc, server)?;
        if view.connection() != Connection::Connected || view.link != Link::Up {
            return Err(Refusal::NoConnection);
        }
        Ok(view.shown.system)
    }

    fn off_already(&self, hmc: HmcId) -> Result<Span, Refusal> {
        match self.hmcs.get(hmc.index()).map(|console| console.off_already).unwrap_or_default() {
            OffAlready::Says => Err(Refusal::AlreadyOff),
            OffAlready::Accepts => Ok(Span::ZERO),
            OffAlready::NotOperating => Err(Refusal::NotOperating),
            OffAlready::Unlisted => Err(Refusal::Unlisted),
        }
    }

    fn describe_lpar(&mut self, hmc: HmcId, server: ServerId, lpar: LparId, text: &str) -> Result<Span, Refusal> {
        if self.hmcs.get(hmc.index()).is_none_or(|console| console.may_not_describe) {
            return Err(Refusal::NoAuthority);
        }
        if !text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
            return Err(Refusal::NotPrintable);
        }
        self.write_description(server, lpar, text).map(|()| Span::ZERO)
    }

    /// Sets the description of an LPAR, without an HMC.
    ///
    /// # Errors
    /// [`Refusal::NoSuchServer`], [`Refusal::NoSuchLpar`].
    pub fn write_description(&mut self, server: ServerId, lpar: LparId, text: &str) -> Result<(), Refusal> {
        let place = self.servers.get_mut(server.index()).ok_or(Refusal::NoSuchServer)?;
        let slot = place.slot_of(lpar).ok_or(Refusal::NoSuchLpar)?;
        text.clone_into(&mut place.slots[slot].partition.description);
        Ok(())
    }

    fn exists(&self, command: &Command) -> Result<(), Refusal> {
        let is_listed = |lpar: LparId| !matches!(self.line(command.server(), lpar), Line::Hidden | Line::Renamed);
        match command {
            Command::StartLpar { lpar, .. } | Command::StopLpar { lpar, .. } | Command::Describe { lpar, .. }
                if !is_listed(*lpar) =>
            {
                Err(Refusal::NoSuchLpar)
            }
            Command::StartLpar { server, lpar, profile } => {
                self.lpar_number(*server, *lpar).ok_or(Refusal::NoSuchLpar)?;
                match profile {
                    Profile::Named(name) if name != DEFAULT_PROFILE => Err(Refusal::NoSuchProfile),
                    Profile::Named(_) | Profile::Current => Ok(()),
                }
            }
            Command::StopLpar { lpar, .. }
            | Command::Describe { lpar, .. }
            | Command::Migrate { lpar, .. }
            | Command::StopMigration { lpar, .. }
            | Command::RecoverMigration { lpar, .. }
            | Command::RemoteRestart { lpar, .. } => {
                self.lpar_number(command.server(), *lpar).ok_or(Refusal::NoSuchLpar).map(|_| ())
            }
            Command::PowerOn { .. } | Command::PowerOff { .. } => Ok(()),
        }
    }

    /// Work on LPARs is possible only if both the HMC's view and the hypervisor allow it.
    pub(super) fn operating(&self, server: ServerId, shown: SystemState) -> Result<(), Refusal> {
        let believed = matches!(shown, SystemState::Operating | SystemState::Standby);
        if believed && self.servers[server.index()].power == Power::Operating {
            Ok(())
        } else {
            Err(Refusal::NotOperating)
        }
    }

    pub(super) fn start_lpar(&mut self, server: ServerId, lpar: LparId, cause: Cause) -> Result<(), Refusal> {
        let slot = self.servers[server.index()].slot_of(lpar).ok_or(Refusal::NoSuchLpar)?;
        if self.servers[server.index()].slots[slot].partition.is_active() {
            return Err(Refusal::NotOff);
        }
        if self.servers[server.index()].slots[slot].partition.moving.is_some() {
            return Err(Refusal::WrongState);
        }
        self.fits(server, lpar)?;
        let until = self.now + self.stretch(self.lpar_spec(lpar).boot);
        let partition = &mut self.servers[server.index()].slots[slot].partition;
        let outcome = if partition.failing_starts > 0 { Boot::Error } else { Boot::Running };
        partition.failing_starts = partition.failing_starts.saturating_sub(1);
        self.set_activity(server, slot, Activity::Starting { until, outcome }, cause);
        Ok(())
    }

    fn stop_lpar(
        &mut self,
        server: ServerId,
        lpar: LparId,
        stop: Stop,
        restart: bool,
        cause: Cause,
    ) -> Result<Span, Refusal> {
        let slot = self.servers[server.index()].slot_of(lpar).ok_or(Refusal::NoSuchLpar)?;
        let partition = &self.servers[server.index()].slots[slot].partition;
        if partition.moving.is_some() {
            return Err(Refusal::WrongState);
        }
        if !partition.is_active() {
            return Err(Refusal::AlreadyOff);
        }
        match stop {
            Stop::Immediate => {
                let mut until = self.now + self.stretch(self.spec.timings.hard_off);
                if let Activity::ShuttingDown { until: Some(earlier), .. } = self.activity_at(server, slot) {
                    until = until.min(earlier);
                }
                self.set_activity(server, slot, Activity::ShuttingDown { until: Some(until), restart }, cause);
                Ok(Span::ZERO)
            }
            Stop::Delayed | Stop::Os if partition.activity != Activity::Running => Err(Refusal::WrongState),
            Stop::Os if !self.rmc_active(partition) => Err(Refusal::NoRmc),
            // The request waits in RMC for an operating system that will never read it.
            Stop::Os if partition.hung => Ok(self.spec.timings.rmc_timeout),
            Stop::Delayed | Stop::Os => {
                self.shut_down(server, slot, restart, cause);
                Ok(Span::ZERO)
            }
        }
    }

    /// Asks an operating system to stop; a hung one never does.
    pub(super) fn shut_down(&mut self, server: ServerId, slot: usize, restart: bool, cause: Cause) {
        let Slotted { lpar, hung } = self.slotted(server, slot);
        let until = if hung { None } else { Some(self.now + self.stretch(self.lpar_spec(lpar).shutdown)) };
        self.set_activity(server, slot, Activity::ShuttingDown { until, restart }, cause);
    }

    pub(super) fn power_on(&mut self, server: ServerId, cause: Cause) -> Result<(), Refusal> {
        if self.servers[server.index()].power != Power::Off {
            return Err(Refusal::WrongState);
        }
        let until = self.now + self.stretch(self.spec.timings.power_on);
        self.set_power(server, Power::Initializing { until }, cause);
        Ok(())
    }

    fn power_off(&mut self, server: ServerId, immediate: bool, restart: bool, cause: Cause) -> Result<(), Refusal> {
        match self.servers[server.index()].power {
            Power::Off => return Err(Refusal::AlreadyOff),
            Power::PoweringOff { .. } if !immediate => return Err(Refusal::WrongState),
            Power::Dead
            | Power::Initializing { .. }
            | Power::Operating
            | Power::PoweringOff { .. }
            | Power::Dumping { .. }
            | Power::Failed => {}
        }
        let mut until = self.now + self.stretch(self.spec.timings.power_off);
        if immediate {
            if let Power::PoweringOff { until: earlier, .. } = self.servers[server.index()].power {
                until = until.min(earlier);
            }
        } else {
            until = until + self.shut_all_down(server);
        }
        self.set_power(server, Power::PoweringOff { until, restart }, cause);
        Ok(())
    }

    /// Asks every operating system of a server to stop. Returns the maximum time to wait for that.
    fn shut_all_down(&mut self, server: ServerId) -> Span {
        let mut longest = Span::ZERO;
        for slot in 0..self.servers[server.index()].slots.len() {
            match self.activity_at(server, slot) {
                Activity::Running => self.shut_down(server, slot, false, Cause::ServerDown),
                Activity::NotActivated
                | Activity::Starting { .. }
                | Activity::OpenFirmware
                | Activity::ShuttingDown { .. }
                | Activity::Error => {}
            }
            match self.activity_at(server, slot) {
                Activity::NotActivated => {}
                Activity::ShuttingDown { until: Some(until), .. } => longest = longest.max(until.since(self.now)),
                Activity::Starting { .. }
                | Activity::Running
                | Activity::OpenFirmware
                | Activity::ShuttingDown { until: None, .. }
                | Activity::Error => longest = self.spec.timings.power_off_grace,
            }
        }
        longest.min(self.spec.timings.power_off_grace)
    }

    pub(super) fn stretch(&mut self, span: Span) -> Span {
        self.rng.stretch(span, self.spec.timings.jitter_percent)
    }

    pub(super) fn activity_at(&self, server: ServerId, slot: usize) -> Activity {
        self.servers[server.index()].slots[slot].partition.activity
    }

    fn slotted(&self, server: ServerId, slot: usize) -> Slotted {
        let slot = &self.servers[server.index()].slots[slot];
        Slotted { lpar: slot.lpar, hung: slot.partition.hung }
    }
}

/// The properties of a copy that its stop depends on.
struct Slotted {
    lpar: LparId,
    hung: bool,
}
