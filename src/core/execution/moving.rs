//! Orders that move an LPAR between servers: live migration, its forced end, and a definition that is brought to
//! where its LPAR is to start.
//!
//! A definition whose move failed half-way can be neither started nor stopped before that is cleared up. Nothing in a
//! reading tells it apart from other trouble, so clearing up is tried once the start or stop is refused, or has no
//! visible effect.
//!
//! A move is believed only when both servers were read after it: Running on exactly one, and in transit on neither. A
//! move that is found under way already is followed, not sent again.

use super::{Answer, Ask, Execution, MachineOperation, Move, Next, START_SHOWS, Stage};
use crate::{
    ForeignText, Power, Reading, ResourceName, ServerName, Span, SystemState,
    order::{Action, Ending, Order},
};
use std::collections::BTreeSet;

/// Time that a move that was told to stop may go on before it is cleared up.
const STOP_SHOWS: Span = Span::seconds(10);

/// The other server of a move.
pub(super) fn other(order: &Order) -> Option<ServerName> {
    match &order.action {
        Action::Migrate { to, .. } => Some(to.clone()),
        Action::StopMigration { from, to, .. } => Some(if *from == order.server { to } else { from }.clone()),
        Action::Start { .. } | Action::Stop { .. } | Action::Fence | Action::FenceNode { .. } | Action::Hook { .. } => {
            None
        }
    }
}

/// Whether this state, together with an active one on the other server, says that the LPAR has left: an LPAR that is
/// no longer listed here counts as gone.
fn is_gone(power: Power) -> bool {
    power.is_inactive() || power == Power::Missing
}

impl Execution {
    /// The state on the other server of a move, at its last reading.
    fn there(&self) -> Power {
        let reading = other(&self.order).and_then(|server| self.readings.get(&server));
        reading.map(|reading| self.power(reading)).unwrap_or_default()
    }

    /// Reads back; after a move, both servers.
    pub(super) fn probe_back(&mut self, asked: Span, forced: bool, doubt: Option<ForeignText>) -> Next {
        match other(&self.order) {
            Some(server) => {
                self.stage = Stage::BackThere { asked, forced, doubt };
                Next::Ask(Ask::Read(server))
            }
            None => {
                self.stage = Stage::Back { asked, forced, doubt };
                self.read_here()
            }
        }
    }

    /// Decides on a move; both servers were read.
    pub(super) fn before_move(&mut self, resource: ResourceName, to: ServerName, reading: &Reading) -> Next {
        let (here, there) = (self.power(reading), self.there());
        if here == Power::Moving || there == Power::Moving {
            return self.probe_back(Span(0), true, None);
        }
        if is_gone(here) && there.is_active() {
            return self.report(Ending::Done);
        }
        if !there.is_inactive() {
            return self.report(Ending::NotDone(format!("it reads {there} on {to}").into()));
        }
        if here != Power::Running {
            return self.report(Ending::NotDone(format!("it reads {here} on {}", self.order.server).into()));
        }
        // A command to a server that is down may take effect when it is back.
        let system = self.readings.get(&to).map(|reading| reading.system).unwrap_or_default();
        if system != SystemState::Operating {
            return self.report(Ending::NotDone(format!("{to} reads {system}").into()));
        }
        self.machine(resource, MachineOperation::Move(Move::Live { to }))
    }

    /// The ending of a move; `None` while it is under way.
    pub(super) fn moved(
        &self,
        here: Power,
        to: &ServerName,
        doubt: Option<ForeignText>,
        out_of_time: bool,
    ) -> Option<Ending> {
        let (there, from) = (self.there(), &self.order.server);
        let settled = |power: Power| power.is_active() && power != Power::Moving;
        if settled(there) && is_gone(here) {
            return Some(Ending::Done);
        }
        let back = settled(here) && is_gone(there);
        if back || out_of_time || (here.is_inactive() && there.is_inactive()) {
            let why = format!("it reads {here} on {from} and {there} on {to}");
            return Some(Ending::Unknown(doubt.unwrap_or(why.into())));
        }
        None
    }

    /// Decides how to end a move; both servers were read.
    pub(super) fn before_end(&mut self, resource: ResourceName, from: &ServerName, reading: &Reading) -> Next {
        if !reading.live {
            return self.report(Ending::NotDone(format!("{} reads {}", reading.server, reading.system).into()));
        }
        let moves = [self.power(reading), self.there()].contains(&Power::Moving);
        if !moves && !self.is_half_way() {
            return self.report(Ending::Done);
        }
        // Only the source can be told to stop, and only a move that is under way.
        let stop = moves && *from == self.order.server;
        self.machine(resource, MachineOperation::Move(if stop { Move::Stop } else { Move::Recover }))
    }

    /// Whether a server of the move can be read, and its reading does not say whether the LPAR runs there.
    fn is_half_way(&self) -> bool {
        self.readings.values().any(|reading| reading.live && self.power(reading) == Power::Unknown)
    }

    /// The next step after a move was told to end; `None` to read on.
    pub(super) fn ended(
        &mut self,
        here: Power,
        resource: ResourceName,
        elapsed: Span,
        asked: Span,
        forced: bool,
        doubt: Option<ForeignText>,
    ) -> Option<Next> {
        if here != Power::Moving && self.there() != Power::Moving && !self.is_half_way() {
            return Some(self.report(Ending::Done));
        }
        if !forced && elapsed >= asked.plus(STOP_SHOWS) {
            return Some(self.machine(resource, MachineOperation::Move(Move::Recover)));
        }
        if elapsed >= self.order.budget || (forced && elapsed >= asked.plus(START_SHOWS)) {
            return Some(
                self.report(Ending::Unknown(doubt.unwrap_or_else(|| format!("it still reads {here}").into()))),
            );
        }
        None
    }

    /// Brings the definition of an LPAR here: moved from a server that works, or made anew if that server is proven
    /// off and the witness sees it down.
    pub(super) fn bring(&mut self, resource: ResourceName, from: ServerName, vouched: &BTreeSet<ServerName>) -> Next {
        let Some(reading) = self.readings.get(&from) else {
            return self.report(Ending::NotDone(format!("{from} was not read").into()));
        };
        let (power, system) = (self.power(reading), reading.system);
        if matches!(power, Power::Absent | Power::Missing) {
            return self.report(Ending::NotDone(format!("it is not defined on {from} any more").into()));
        }
        if system == SystemState::Operating && power == Power::Off {
            return self.machine(resource, MachineOperation::Move(Move::Definition { from }));
        }
        if reading.live && !system.is_up() && vouched.contains(&from) {
            return self.machine(resource, MachineOperation::Move(Move::Anew { from }));
        }
        self.report(Ending::NotDone(format!("it is defined on {from}, which reads {system}").into()))
    }

    /// Looks for a definition that was to be brought here.
    pub(super) fn brought(
        &mut self,
        resource: ResourceName,
        reading: &Reading,
        elapsed: Span,
        asked: Span,
        doubt: Option<ForeignText>,
    ) -> Next {
        let power = self.power(reading);
        if power == Power::Off {
            return self.machine(resource, MachineOperation::Start);
        }
        if power.is_active() && power != Power::Moving {
            return self.report(Ending::Done);
        }
        if elapsed >= self.order.budget || elapsed >= asked.plus(START_SHOWS) {
            let why = format!("its definition was to be brought to {}, and reads {power}", self.order.server);
            let ending = Ending::Unknown(doubt.unwrap_or(why.into()));
            if self.mobile && power == Power::Unknown {
                self.hindered = Some(ending);
                return self.machine(resource, MachineOperation::Move(Move::Recover));
            }
            return self.report(ending);
        }
        self.rest()
    }

    /// Ends a start that was hindered, after a move that may be in its way was to be cleared up. The LPAR may be on
    /// any server after that, and must be read on all of them before it is started, so the start is left to another
    /// order.
    pub(super) fn cleared(&mut self, answer: Answer) -> Next {
        let ending = match (self.hindered.take(), answer) {
            (Some(Ending::Refused(_)), Answer::Accepted | Answer::Already) => {
                Ending::NotDone("a move of it that had failed half-way was cleared up first".into())
            }
            (Some(Ending::Refused(_)), Answer::NotSent(why)) => Ending::NotDone(why),
            (Some(Ending::Refused(_)), Answer::Unknown(why)) => Ending::Unknown(why),
            // There was no move to clear up, or the change that was asked for first may still take effect.
            (Some(ending), _) => ending,
            (None, _) => Ending::Unknown("a move of it was cleared up".into()),
        };
        self.report(ending)
    }
}
