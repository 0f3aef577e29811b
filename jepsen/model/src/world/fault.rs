//! Events in a world that no HMC was told to cause.

use super::command::OffAlready;
use super::history::{Cause, Change};
use super::id::{HmcId, LparId, ServerId};
use super::moving::Doom;
use super::partition::{Activity, Line};
use super::server::{ListAs, Power};
use super::state::SystemState;
use super::time::Span;
use super::world::World;

/// An event that happens to hardware, software or lines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fault {
    /// An active copy goes off at once.
    Crash(ServerId, LparId),
    /// A running operating system hangs; the copy still reads Running.
    Hang(ServerId, LparId),
    /// A hung operating system continues.
    Resume(ServerId, LparId),
    /// A running operating system panics: the copy reads Error, permanently.
    Panic(ServerId, LparId),
    /// A running operating system shuts itself down.
    GuestShutdown(ServerId, LparId),
    /// Someone starts a copy by hand, without an HMC.
    ForeignStart(ServerId, LparId),
    /// The next activations of a copy end in Error.
    FailStarts(ServerId, LparId, u8),
    /// A move of an LPAR fails before its switchover and is undone: the current one, or the next.
    FailMove(LparId),
    /// A move of an LPAR fails half-way and must be recovered: the current one, or the next before its switchover.
    BreakMove(LparId),
    /// A move of an LPAR takes this much longer: the current one, or the next.
    SlowMove(LparId, Span),
    /// Sets how a copy is listed on its server.
    ShowLine(ServerId, LparId, Line),
    /// Sets `auto_start` of a copy.
    SetAutoStart(ServerId, LparId, bool),
    /// Input power is lost: everything goes down, including the service processor.
    CutPower(ServerId),
    /// Input power returns.
    RestorePower(ServerId),
    /// Power of everything but the service processor is lost.
    TripPower(ServerId),
    /// The hypervisor checkstops: nothing runs, a dump is taken.
    Checkstop(ServerId),
    /// The hypervisor fails without a dump.
    FailServer(ServerId),
    /// The service processor answers no HMC; LPARs keep running.
    HangProcessor(ServerId),
    /// The service processor answers again.
    ReviveProcessor(ServerId),
    /// HMCs show this state instead of the true one; LPARs keep running.
    ShowAs(ServerId, SystemState),
    /// HMCs show the true state again.
    ShowTruth(ServerId),
    /// Sets how HMCs list the LPARs of a server.
    List(ServerId, ListAs),
    /// The link to a server's hypervisor is lost, but not that to its service processor: HMCs show an unchanging
    /// state.
    LoseVmi(ServerId),
    /// That link is restored.
    RestoreVmi(ServerId),
    /// The line between one HMC and one service processor is cut.
    CutLine(HmcId, ServerId),
    /// That line is restored.
    MendLine(HmcId, ServerId),
    /// An HMC goes down.
    HmcDown(HmcId),
    /// An HMC comes up.
    HmcUp(HmcId),
    /// An HMC takes this much longer for everything.
    SlowHmc(HmcId, Span),
    /// The states that an HMC shows are this much older.
    DelayViews(HmcId, Span),
    /// Sets an HMC's answer to the command to power off a server that is off.
    AnswerOff(HmcId, OffAlready),
    /// Sets whether the user of an HMC may not change descriptions.
    DenyDescriptions(HmcId, bool),
    /// The next changes at an HMC are carried out, but not answered.
    LoseAnswers(HmcId, u8),
    /// The next changes at an HMC are neither carried out nor answered.
    LoseCommands(HmcId, u8),
}

/// Reason why a fault cannot happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FaultError {
    /// It names something that is not in this world.
    #[error("inject fault: it names something that is not in this world")]
    NoSuchThing,
    /// The state does not allow it, such as the crash of a copy that is off.
    #[error("inject fault: nothing is in a state in which it could happen")]
    Pointless,
}

impl World {
    /// Injects a fault now.
    ///
    /// # Errors
    /// When it cannot happen; nothing has changed then.
    pub fn inject(&mut self, fault: Fault) -> Result<(), FaultError> {
        self.happen(fault)?;
        self.advance_to(self.now);
        Ok(())
    }

    fn happen(&mut self, fault: Fault) -> Result<(), FaultError> {
        match fault {
            Fault::Crash(server, lpar)
            | Fault::Hang(server, lpar)
            | Fault::Resume(server, lpar)
            | Fault::Panic(server, lpar)
            | Fault::GuestShutdown(server, lpar)
            | Fault::ForeignStart(server, lpar)
            | Fault::FailStarts(server, lpar, _)
            | Fault::ShowLine(server, lpar, _)
            | Fault::SetAutoStart(server, lpar, _) => {
                let place = self.servers.get(server.index()).and_then(|place| place.slot_of(lpar));
                self.inject_lpar(fault, server, lpar, place.ok_or(FaultError::NoSuchThing)?)?;
                self.settle(server);
            }
            Fault::FailMove(lpar) | Fault::BreakMove(lpar) | Fault::SlowMove(lpar, _) => {
                self.mobility_mut(lpar).ok_or(FaultError::NoSuchThing)?;
                let happens = match fault {
                    Fault::SlowMove(_, span) => self.slow_move(lpar, span),
                    Fault::BreakMove(_) => self.doom_move(lpar, Doom::Break),
                    _ => self.doom_move(lpar, Doom::Fail),
                };
                happens.then_some(()).ok_or(FaultError::Pointless)?;
            }
            Fault::CutPower(server)
            | Fault::RestorePower(server)
            | Fault::TripPower(server)
            | Fault::Checkstop(server)
            | Fault::FailServer(server)
            | Fault::HangProcessor(server)
            | Fault::ReviveProcessor(server)
            | Fault::ShowAs(server, _)
            | Fault::List(server, _)
            | Fault::LoseVmi(server)
            | Fault::RestoreVmi(server)
            | Fault::ShowTruth(server) => {
                self.servers.get(server.index()).ok_or(FaultError::NoSuchThing)?;
                self.inject_server(fault, server)?;
                self.settle(server);
            }
            Fault::CutLine(hmc, server) | Fault::MendLine(hmc, server) => {
                let console = self.hmcs.get_mut(hmc.index()).ok_or(FaultError::NoSuchThing)?;
                let view = console.views.get_mut(server.index()).ok_or(FaultError::NoSuchThing)?;
                view.cut = matches!(fault, Fault::CutLine(..));
                self.settle(server);
            }
            Fault::HmcDown(hmc)
            | Fault::HmcUp(hmc)
            | Fault::SlowHmc(hmc, _)
            | Fault::DelayViews(hmc, _)
            | Fault::AnswerOff(hmc, _)
            | Fault::DenyDescriptions(hmc, _)
            | Fault::LoseAnswers(hmc, _)
            | Fault::LoseCommands(hmc, _) => self.inject_hmc(fault, hmc)?,
        }
        Ok(())
    }

    /// Cuts, or mends, the lines between every HMC and a service processor.
    pub fn set_lines(&mut self, server: ServerId, whole: bool) {
        for hmc in self.hmcs() {
            let fault = if whole { Fault::MendLine(hmc, server) } else { Fault::CutLine(hmc, server) };
            // Both exist in this world.
            let _ = self.inject(fault);
        }
    }

    fn inject_lpar(&mut self, fault: Fault, server: ServerId, lpar: LparId, slot: usize) -> Result<(), FaultError> {
        let activity = self.activity_at(server, slot);
        let active = activity != Activity::NotActivated;
        let running = activity == Activity::Running;
        let operating = self.servers[server.index()].power == Power::Operating;
        let partition = &mut self.servers[server.index()].slots[slot].partition;
        match fault {
            Fault::Crash(..) if active => self.set_activity(server, slot, Activity::NotActivated, Cause::Fault),
            Fault::Panic(..) if running => self.set_activity(server, slot, Activity::Error, Cause::Fault),
            Fault::GuestShutdown(..) if running && !partition.hung => {
                self.shut_down(server, slot, false, Cause::Guest);
            }
            Fault::ForeignStart(..) if operating => {
                self.start_lpar(server, lpar, Cause::Fault).map_err(|_| FaultError::Pointless)?;
            }
            Fault::Hang(..) if running && !partition.hung => self.set_hung(server, slot, true),
            Fault::Resume(..) if partition.hung => self.set_hung(server, slot, false),
            Fault::FailStarts(_, _, times) => partition.failing_starts = times,
            Fault::SetAutoStart(_, _, on) => partition.auto_start = on,
            Fault::ShowLine(_, _, line) => partition.line = line,
            _ => return Err(FaultError::Pointless),
        }
        Ok(())
    }

    fn set_hung(&mut self, server: ServerId, slot: usize, hung: bool) {
        let place = &mut self.servers[server.index()].slots[slot];
        place.partition.hung = hung;
        let (lpar, activity) = (place.lpar, place.partition.activity);
        self.history.push(self.now, Change::Hang { server, lpar, hung });
        // A pending shutdown continues.
        if let (false, Activity::ShuttingDown { until: None, restart }) = (hung, activity) {
            let until = self.now + self.stretch(self.lpar_spec(lpar).shutdown);
            self.set_activity(server, slot, Activity::ShuttingDown { until: Some(until), restart }, Cause::Progress);
        }
    }

    fn inject_server(&mut self, fault: Fault, server: ServerId) -> Result<(), FaultError> {
        let now = self.now;
        let place = &mut self.servers[server.index()];
        let power = place.power;
        let on = matches!(power, Power::Operating | Power::Initializing { .. } | Power::PoweringOff { .. });
        match fault {
            Fault::CutPower(_) if power != Power::Dead => {
                place.was_on = on;
                self.set_power(server, Power::Dead, Cause::Fault);
            }
            Fault::RestorePower(_) if power == Power::Dead => {
                let restart = place.was_on && self.server_spec(server).auto_power_restart;
                self.set_power(server, Power::Off, Cause::Fault);
                if restart {
                    // Cannot be refused: the server is off.
                    let _ = self.power_on(server, Cause::Autostart);
                }
            }
            Fault::TripPower(_) if on => self.set_power(server, Power::Off, Cause::Fault),
            Fault::Checkstop(_) if on => {
                let until = self.now + self.stretch(self.spec.timings.dump);
                self.set_power(server, Power::Dumping { until }, Cause::Fault);
            }
            Fault::FailServer(_) if on => self.set_power(server, Power::Failed, Cause::Fault),
            Fault::HangProcessor(_) => place.processor_hung = true,
            Fault::ReviveProcessor(_) => place.processor_hung = false,
            Fault::ShowAs(_, state) => place.shown_as = Some(state),
            Fault::ShowTruth(_) => (place.shown_as, place.list_as) = (None, ListAs::Truth),
            Fault::List(_, list) => place.list_as = list,
            Fault::LoseVmi(_) => place.vmi_lost = Some(now),
            Fault::RestoreVmi(_) => place.vmi_lost = None,
            _ => return Err(FaultError::Pointless),
        }
        Ok(())
    }

    /// Replans the cleanup on all servers, since it depends on the HMCs.
    fn plan_cleanups(&mut self) {
        for server in self.servers() {
            self.plan_cleanup(server);
        }
    }

    fn inject_hmc(&mut self, fault: Fault, hmc: HmcId) -> Result<(), FaultError> {
        let now = self.now;
        let console = self.hmcs.get_mut(hmc.index()).ok_or(FaultError::NoSuchThing)?;
        match fault {
            Fault::HmcDown(_) if console.up => {
                console.up = false;
                self.history.push(now, Change::Hmc { hmc, up: false });
                self.drop_flights(hmc);
                self.orphan_moves(hmc);
                self.plan_cleanups();
            }
            Fault::HmcUp(_) if !console.up => {
                console.up = true;
                self.history.push(now, Change::Hmc { hmc, up: true });
                self.plan_cleanups();
            }
            Fault::SlowHmc(_, span) => console.slow = span,
            Fault::DelayViews(_, span) => console.late = span,
            Fault::AnswerOff(_, answer) => console.off_already = answer,
            Fault::DenyDescriptions(_, denied) => console.may_not_describe = denied,
            Fault::LoseAnswers(_, times) => console.lose_answers = times,
            Fault::LoseCommands(_, times) => console.lose_commands = times,
            _ => return Err(FaultError::Pointless),
        }
        Ok(())
    }
}
