//! Moves of an LPAR from one server to another, over time: migration, live or inactive, and remote restart.
//!
//! A live migration copies memory and then, in one instant, continues on the target: the switchover. Before it the
//! LPAR belongs to the source, afterwards to the target; in every outcome, the owner's definition is the one that
//! stays. The copying is done by the hypervisors, the rest by the HMC that received the command: if that HMC goes
//! down, the move gets stuck.

use super::command::Refusal;
use super::history::{Cause, Change, MoveStep};
use super::id::{CommandId, HmcId, LparId, ServerId};
use super::partition::{Activity, Definition, Partition};
use super::server::Power;
use super::time::{Span, Time};
use super::world::World;

/// Kind of a move.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MoveKind {
    /// Live migration: the LPAR keeps running.
    Live,
    /// Migration of an LPAR that is off.
    Inactive,
    /// Remote restart: the source is down, and the LPAR starts anew on the target.
    Restart,
}

/// A move in progress.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Move {
    pub kind: MoveKind,
    /// The source.
    pub from: ServerId,
    /// The target.
    pub to: ServerId,
    /// Whether the LPAR already belongs to the target.
    pub switched: bool,
    /// Whether it failed half-way: nothing continues until it is recovered.
    pub stuck: bool,
    /// The HMC that received the command.
    pub(super) hmc: HmcId,
    /// Whether that HMC has been down since, and no longer knows of it.
    pub(super) orphaned: bool,
    pub(super) switch_at: Time,
    pub(super) until: Time,
    /// The command to answer at the end.
    pub(super) flight: Option<CommandId>,
}

impl Move {
    /// Time of its end, if nothing interferes.
    pub fn until(&self) -> Option<Time> {
        (!self.stuck).then_some(self.until)
    }

    fn due(&self) -> Option<Time> {
        match (self.stuck, self.switched) {
            (true, _) => None,
            (false, false) => Some(self.switch_at),
            (false, true) => Some(self.until),
        }
    }
}

/// The way in which a move will fail.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Doom {
    Fail,
    Break,
}

/// A mobile LPAR: its current move, and the faults of its next one.
#[derive(Clone, Debug)]
pub(super) struct Mobility {
    pub(super) lpar: LparId,
    pub(super) current: Option<Move>,
    pub(super) doom: Option<Doom>,
    pub(super) slow: Span,
}

impl World {
    /// The current move of an LPAR.
    pub fn moving(&self, lpar: LparId) -> Option<Move> {
        self.mobility.iter().find(|mobility| mobility.lpar == lpar)?.current
    }

    pub(super) fn mobility_mut(&mut self, lpar: LparId) -> Option<&mut Mobility> {
        self.mobility.iter_mut().find(|mobility| mobility.lpar == lpar)
    }

    fn current_mut(&mut self, lpar: LparId) -> Option<&mut Move> {
        self.mobility_mut(lpar)?.current.as_mut()
    }

    /// Time of the next step of a move.
    pub(super) fn moves_due(&self) -> Option<Time> {
        self.mobility.iter().filter_map(|mobility| mobility.current?.due()).min()
    }

    /// Begins a move that has passed its check.
    pub(super) fn begin_move(&mut self, hmc: HmcId, lpar: LparId, (from, to): (ServerId, ServerId), kind: MoveKind) {
        let timings = &self.spec.timings;
        let (span, tail) = match kind {
            MoveKind::Live => (timings.migration, timings.migration_tail),
            MoveKind::Inactive => (timings.inactive_migration, Span::ZERO),
            MoveKind::Restart => (timings.remote_restart, Span::ZERO),
        };
        let span = self.stretch(span);
        let Some(mobility) = self.mobility_mut(lpar) else { return };
        let span = span + std::mem::take(&mut mobility.slow);
        let copying = Span::millis(span.as_millis().saturating_sub(tail.as_millis()));
        let (switch_at, until) = (self.now + copying, self.now + span);
        let begun = Move {
            kind,
            from,
            to,
            switched: false,
            stuck: false,
            hmc,
            orphaned: false,
            switch_at,
            until,
            flight: None,
        };
        if let Some(mobility) = self.mobility_mut(lpar) {
            mobility.current = Some(begun);
        }
        self.record_move(lpar, &begun, MoveStep::Begins, Cause::Command(hmc));
        let description = self.description(from, lpar).to_owned();
        if let Some(place) = self.place_mut(to, lpar) {
            *place =
                Partition { moving: Some(kind), definition: Definition::Here, description, ..Partition::new(false) };
        }
        self.history.push(self.now, Change::Definition { server: to, lpar, defined: true, cause: Cause::Command(hmc) });
        // The hypervisor of a server that is down knows nothing of a remote restart.
        if let Some(place) = self.place_mut(from, lpar).filter(|_| kind != MoveKind::Restart) {
            place.moving = Some(kind);
        }
        self.settle(from);
        self.settle(to);
    }

    pub(super) fn fire_moves(&mut self) {
        for index in 0..self.mobility.len() {
            let Mobility { lpar, .. } = self.mobility[index];
            if let Some(current) = self.moving(lpar).filter(|m| !m.stuck && !m.switched && m.switch_at <= self.now) {
                self.switch_over(lpar, &current);
            }
            if let Some(current) = self.moving(lpar).filter(|m| !m.stuck && m.switched && m.until <= self.now) {
                self.end_move(lpar, &current);
            }
        }
    }

    fn switch_over(&mut self, lpar: LparId, current: &Move) {
        match self.mobility_mut(lpar).and_then(|mobility| mobility.doom.take()) {
            Some(Doom::Fail) => return self.fail_move(lpar),
            Some(Doom::Break) => return self.break_move(lpar),
            None => {}
        }
        let possible = match current.kind {
            // An LPAR that stopped or crashed meanwhile cannot be taken over.
            MoveKind::Live => {
                let source = self.place_mut(current.from, lpar).map(|place| place.activity);
                source == Some(Activity::Running) && self.power(current.to).runs_lpars()
            }
            MoveKind::Inactive => true,
            MoveKind::Restart if !self.is_conducted(current) => return self.break_move(lpar),
            MoveKind::Restart => self.power(current.to) == Power::Operating,
        };
        if !possible {
            return self.fail_move(lpar);
        }
        if let Some(current) = self.current_mut(lpar) {
            current.switched = true;
        }
        let auto_start = self.auto_start(current.from, lpar);
        if current.kind == MoveKind::Live {
            self.take_over(lpar, current);
        }
        // Half-made copies and copies that were migrated away do not start with their server. The remnant of a remote
        // restart does.
        if let Some(place) = self.place_mut(current.to, lpar) {
            place.auto_start = auto_start;
        }
        if let Some(place) = self.place_mut(current.from, lpar).filter(|_| current.kind != MoveKind::Restart) {
            (place.auto_start, place.was_on) = (false, false);
        }
    }

    /// The switchover: the LPAR continues on the target, in the state that it had.
    fn take_over(&mut self, lpar: LparId, current: &Move) {
        let (Some(source), Some(target)) =
            (self.servers[current.from.index()].slot_of(lpar), self.servers[current.to.index()].slot_of(lpar))
        else {
            return;
        };
        let place = &mut self.servers[current.from.index()].slots[source].partition;
        let (hung, talk) = (place.hung, place.talk);
        let description = place.description.clone();
        let left =
            Partition { moving: place.moving, definition: place.definition, description, ..Partition::new(false) };
        self.set_activity(current.from, source, Activity::NotActivated, Cause::Migration);
        self.servers[current.from.index()].slots[source].partition = left;
        let place = &mut self.servers[current.to.index()].slots[target].partition;
        (place.hung, place.talk) = (hung, talk);
        self.set_activity(current.to, target, Activity::Running, Cause::Migration);
        self.settle(current.from);
        self.settle(current.to);
    }

    fn end_move(&mut self, lpar: LparId, current: &Move) {
        if self.is_conducted(current) {
            self.conclude_move(lpar, current.hmc, MoveStep::Ends, Ok(()));
        } else {
            self.break_move(lpar);
        }
    }

    /// A move fails before the switchover, and the HMC undoes it by itself.
    pub(super) fn fail_move(&mut self, lpar: LparId) {
        if let Some(current) = self.moving(lpar) {
            self.conclude_move(lpar, current.hmc, MoveStep::Fails, Err(Refusal::MoveFailed));
        }
    }

    /// A move fails, and everything stays in its state until it is recovered.
    pub(super) fn break_move(&mut self, lpar: LparId) {
        let Some(current) = self.current_mut(lpar) else { return };
        current.stuck = true;
        let flight = current.flight.take();
        let broken = *current;
        self.record_move(lpar, &broken, MoveStep::Sticks, Cause::Progress);
        self.answer_move(flight, Err(Refusal::MoveFailed));
    }

    /// Ends a move in any way: the owner keeps its definition, the other server loses it, at once if an HMC can reach
    /// it, or else as soon as one can.
    pub(super) fn conclude_move(&mut self, lpar: LparId, hmc: HmcId, step: MoveStep, outcome: Result<(), Refusal>) {
        let Some(over) = self.mobility_mut(lpar).and_then(|mobility| mobility.current.take()) else { return };
        let (owner, other) = if over.switched { (over.to, over.from) } else { (over.from, over.to) };
        for server in [owner, other] {
            if let Some(place) = self.place_mut(server, lpar) {
                place.moving = None;
            }
        }
        // A dead source cannot be cleaned up, whatever the HMC reaches.
        let leaves_remnant = over.kind == MoveKind::Restart && over.switched;
        if !leaves_remnant && self.can_clean_up(hmc, other) {
            self.undefine(other, lpar);
        } else if let Some(place) = self.place_mut(other, lpar) {
            place.definition = Definition::Remnant;
        }
        self.record_move(lpar, &over, step, Cause::Progress);
        if over.kind == MoveKind::Restart && over.switched {
            // Cannot be refused: its resources are reserved.
            let _ = self.start_lpar(owner, lpar, Cause::Command(over.hmc));
        }
        self.answer_move(over.flight, outcome);
        self.settle(owner);
        self.settle(other);
    }

    /// Whether the HMC that received the command can still complete it.
    fn is_conducted(&self, current: &Move) -> bool {
        let reaches = |server: ServerId| self.can_reach(current.hmc, server);
        !current.orphaned && reaches(current.to) && (current.kind == MoveKind::Restart || reaches(current.from))
    }

    /// A server has gone down: the moves from or to it end with it.
    pub(super) fn lose_party(&mut self, server: ServerId) {
        for index in 0..self.mobility.len() {
            let lpar = self.mobility[index].lpar;
            let Some(current) = self.moving(lpar).filter(|m| !m.stuck) else { continue };
            let is_source = current.from == server && current.kind != MoveKind::Restart;
            if !is_source && current.to != server {
                continue;
            }
            if current.orphaned {
                self.break_move(lpar);
            } else {
                let step = if current.switched { MoveStep::Ends } else { MoveStep::Fails };
                self.conclude_move(lpar, current.hmc, step, Err(Refusal::MoveFailed));
            }
        }
    }

    /// An HMC went down. The hypervisors' part of its moves continues.
    pub(super) fn orphan_moves(&mut self, hmc: HmcId) {
        for current in self.mobility.iter_mut().filter_map(|mobility| mobility.current.as_mut()) {
            if current.hmc == hmc {
                (current.orphaned, current.flight) = (true, None);
            }
        }
    }

    fn record_move(&mut self, lpar: LparId, which: &Move, step: MoveStep, cause: Cause) {
        let Move { kind, from, to, .. } = *which;
        self.history.push(self.now, Change::Move { lpar, kind, from, to, step, cause });
    }

    pub(super) fn place_mut(&mut self, server: ServerId, lpar: LparId) -> Option<&mut Partition> {
        let slots = &mut self.servers[server.index()].slots;
        slots.iter_mut().find(|slot| slot.lpar == lpar).map(|slot| &mut slot.partition)
    }
}
