//! Commands in flight: they arrive at the HMC later than they were sent, wait for locks there, and their answers take
//! time too. The departure of the client changes nothing about this.

use super::command::{Command, Refusal};
use super::id::{CommandId, HmcId, LparId, ServerId};
use super::spec::BusyPolicy;
use super::time::Time;
use super::view::Link;
use super::world::World;

/// Maximum number of commands in flight in a world. One more is refused as busy.
pub const FLIGHT_LIMIT: usize = 4_096;

/// The result of a command for its client.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    /// The HMC answered. Acceptance is not the result.
    Answered(Result<(), Refusal>),
    /// The connection broke without an answer. The command may or may not have been carried out.
    Lost,
}

/// Stage of a command in flight.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Stage {
    /// On its way, or waiting for a lock.
    Arriving { at: Time, command: Command },
    /// A move is in progress; the command is answered at its end.
    Moving { lpar: LparId, unheard: bool },
    /// Done or refused; its answer is in flight.
    Answering { at: Time, answer: Answer },
}

impl Stage {
    fn at(&self) -> Option<Time> {
        match self {
            Stage::Arriving { at, .. } | Stage::Answering { at, .. } => Some(*at),
            Stage::Moving { .. } => None,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Flight {
    pub(super) id: CommandId,
    pub(super) hmc: HmcId,
    pub(super) stage: Stage,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Flights {
    next: u32,
    pub(super) under_way: Vec<Flight>,
    pub(super) answers: Vec<(CommandId, Time, Answer)>,
}

impl Flights {
    pub(super) fn due(&self) -> Option<Time> {
        self.under_way.iter().filter_map(|flight| flight.stage.at()).min()
    }

    fn deliver(&mut self, id: CommandId, at: Time, answer: Answer) {
        // A client that never asks for its answers must not make the world grow.
        if self.answers.len() >= FLIGHT_LIMIT {
            self.answers.remove(0);
        }
        self.answers.push((id, at, answer));
    }
}

impl World {
    /// Sends a command to an HMC. It is executed on arrival, even if nobody waits for its answer any more.
    pub fn submit(&mut self, hmc: HmcId, command: Command) -> CommandId {
        let id = CommandId(self.flights.next);
        self.flights.next = self.flights.next.wrapping_add(1);
        if !self.hmcs[hmc.index()].up {
            self.flights.deliver(id, self.now, Answer::Answered(Err(Refusal::HmcDown)));
        } else if self.flights.under_way.len() >= FLIGHT_LIMIT {
            self.flights.deliver(id, self.now, Answer::Answered(Err(Refusal::Busy)));
        } else {
            let at = self.now + self.latency(hmc).0;
            self.flights.under_way.push(Flight { id, hmc, stage: Stage::Arriving { at, command } });
        }
        id
    }

    /// Takes the answer to a submitted command, if it has arrived, with the time of its arrival.
    pub fn take_answer(&mut self, id: CommandId) -> Option<(Time, Answer)> {
        let index = self.flights.answers.iter().position(|(of, ..)| *of == id)?;
        let (_, at, answer) = self.flights.answers.remove(index);
        Some((at, answer))
    }

    /// Time to look again for the answer to a command in flight; `None` if the answer has arrived or was taken.
    pub fn answer_due(&self, id: CommandId) -> Option<Time> {
        let flight = self.flights.under_way.iter().find(|flight| flight.id == id)?;
        match flight.stage {
            Stage::Moving { lpar, .. } => self.moving(lpar)?.until(),
            Stage::Arriving { at, .. } | Stage::Answering { at, .. } => Some(at),
        }
    }

    /// Number of commands in flight, or with answers in flight.
    pub fn under_way(&self) -> usize {
        self.flights.under_way.len()
    }

    pub(super) fn fire_flights(&mut self) {
        for flight in std::mem::take(&mut self.flights.under_way) {
            match flight.stage {
                Stage::Arriving { at, command } if at <= self.now => self.arrive(flight.id, flight.hmc, command),
                Stage::Answering { at, answer } if at <= self.now => self.flights.deliver(flight.id, at, answer),
                Stage::Arriving { .. } | Stage::Answering { .. } | Stage::Moving { .. } => {
                    self.flights.under_way.push(flight)
                }
            }
        }
    }

    fn arrive(&mut self, id: CommandId, hmc: HmcId, command: Command) {
        let changed = [Some(command.server()), command.target()];
        if let Some(at) = changed.into_iter().flatten().filter_map(|server| self.held_up(hmc, server)).max() {
            let stage = Stage::Arriving { at, command };
            self.flights.under_way.push(Flight { id, hmc, stage });
            return;
        }
        let console = &mut self.hmcs[hmc.index()];
        let dropped = console.lose_commands > 0;
        console.lose_commands = console.lose_commands.saturating_sub(1);
        let unheard = !dropped && console.lose_answers > 0;
        if unheard {
            console.lose_answers -= 1;
        }
        let mut at = self.now + self.latency(hmc).1;
        let mut answer = Answer::Lost;
        if !dropped {
            let outcome = self.carry_out(hmc, &command);
            if let (Ok(_), Command::Migrate { lpar, .. } | Command::RemoteRestart { lpar, .. }) = (&outcome, &command) {
                self.await_move(id, *lpar);
                self.flights.under_way.push(Flight { id, hmc, stage: Stage::Moving { lpar: *lpar, unheard } });
                return;
            }
            at = at + outcome.unwrap_or_default();
            if !unheard {
                answer = Answer::Answered(outcome.map(|_| ()));
            }
        }
        self.flights.under_way.push(Flight { id, hmc, stage: Stage::Answering { at, answer } });
    }

    fn await_move(&mut self, id: CommandId, lpar: LparId) {
        if let Some(current) = self.mobility_mut(lpar).and_then(|mobility| mobility.current.as_mut()) {
            current.flight = Some(id);
        }
    }

    /// Sends the answer to the command that started a move.
    pub(super) fn answer_move(&mut self, id: Option<CommandId>, outcome: Result<(), Refusal>) {
        let Some(index) = self.flights.under_way.iter().position(|flight| Some(flight.id) == id) else { return };
        let at = self.now + self.latency(self.flights.under_way[index].hmc).1;
        let flight = &mut self.flights.under_way[index];
        if let Stage::Moving { unheard, .. } = flight.stage {
            let answer = if unheard { Answer::Lost } else { Answer::Answered(outcome) };
            flight.stage = Stage::Answering { at, answer };
        }
    }

    /// End of the wait of a command that has arrived: for a lock, or for a service processor that has stopped
    /// answering without the HMC having noticed. If that answers again in time, the command is executed after all.
    fn held_up(&self, hmc: HmcId, server: ServerId) -> Option<Time> {
        let queues = self.spec.hmcs[hmc.index()].busy == BusyPolicy::Queue;
        let lock = self.servers.get(server.index())?.locked_until;
        let silence = match self.hmcs[hmc.index()].views[server.index()].link {
            Link::Unnoticed { until } => Some(until),
            Link::Up | Link::Lost | Link::Reconnecting { .. } => None,
        };
        let lock = queues.then_some(lock);
        lock.into_iter().chain(silence).filter(|&at| at > self.now).max()
    }

    /// Commands that are in flight when an HMC goes down are never executed, and get no answer.
    pub(super) fn drop_flights(&mut self, hmc: HmcId) {
        let (gone, left) =
            std::mem::take(&mut self.flights.under_way).into_iter().partition(|flight| flight.hmc == hmc);
        self.flights.under_way = left;
        let gone: Vec<Flight> = gone;
        for flight in gone {
            self.flights.deliver(flight.id, self.now, Answer::Lost);
        }
    }
}
