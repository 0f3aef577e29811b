//! Live migration in the tiny world: it begins, switches over in one instant, and ends; or fails, or gets stuck
//! half-way.
//!
//! Before the switchover the LPAR belongs to the source, afterwards to the target: the owner keeps its definition,
//! the other server loses it, at once or on its return. Meanwhile both list it as migrating.

use super::{
    act::Stepper,
    model::{Copy, Power, State, Transit},
};
use tenure_core::execution::Answer;

impl State {
    /// A migration ends: the owner keeps the LPAR.
    pub fn end_transit(&mut self, transit: Transit) {
        self.transit = None;
        let other = if transit.switched { transit.from } else { transit.to };
        // If the hypervisor cannot be reached, the definition stays for now.
        let known = &mut self.servers[other];
        known.copies[0] = if known.power == Power::On { Copy::Absent } else { Copy::Off };
    }
}

impl Stepper<'_> {
    /// A move that was sent begins, if it is still possible.
    pub fn begin_transit(&mut self, place: usize, to: usize) -> bool {
        let flight = self.state.flights[place].clone();
        let works = |server: usize| self.state.servers[server].power == Power::On && self.state.servers[server].link;
        if !works(flight.server) || !works(to) {
            return false;
        }
        self.state.flights.remove(place);
        let from = flight.server;
        let copies = [from, to].map(|server| self.state.servers[server].copies[0]);
        let possible = copies[0].is_active() && copies[1] == Copy::Absent && self.state.transit.is_none();
        if possible {
            self.state.servers[to].copies[0] = Copy::Off;
            let (order, life) = (flight.order, flight.process);
            self.state.transit = Some(Transit { order, life, from, to, switched: false, stuck: false });
        } else {
            let why = "not in a state for this".to_owned();
            self.resume(flight.node, flight.process, flight.order, Answer::Refused(why.into()));
        }
        true
    }

    /// The LPAR switches over to the target.
    pub fn switch_over(&mut self) -> bool {
        let Some(transit) = self.state.transit.filter(|transit| !transit.switched && !transit.stuck) else {
            return false;
        };
        let source = self.state.servers[transit.from].copies[0];
        if !source.is_active() || self.state.servers[transit.to].power != Power::On {
            return false;
        }
        self.state.goes_off(transit.from, 0);
        self.state.servers[transit.to].copies[0] = Copy::Ours;
        self.state.transit = Some(Transit { switched: true, ..transit });
        true
    }

    /// The migration ends, and the HMC says so: it succeeded, or failed before the switchover.
    pub fn transit_ends(&mut self) -> bool {
        let Some(transit) = self.state.transit.filter(|transit| !transit.stuck) else { return false };
        let reached = [transit.from, transit.to].into_iter().all(|server| self.state.servers[server].link);
        let crashed = !self.state.servers[transit.from].copies[0].is_active();
        if !reached {
            return false;
        }
        if !transit.switched && !crashed {
            self.spend(|left| &mut left.moves);
        }
        self.state.end_transit(transit);
        let said = if transit.switched { Answer::Accepted } else { Answer::Unknown("it failed".into()) };
        self.tell(transit, said);
        true
    }

    /// The migration fails half-way, and stays stuck until it is cleared up.
    pub fn transit_sticks(&mut self) -> bool {
        let Some(transit) = self.state.transit.filter(|transit| !transit.stuck) else { return false };
        self.spend(|left| &mut left.moves);
        self.state.transit = Some(Transit { stuck: true, ..transit });
        self.tell(transit, Answer::Unknown("it failed half-way".into()));
        true
    }

    fn tell(&mut self, transit: Transit, said: Answer) {
        if let Some(node) = self.awaited(transit.order, transit.life) {
            self.resume(node, transit.life, transit.order, said);
        }
    }

    /// Result of a command to end a move.
    pub fn end_by_force(&mut self, recover: bool) -> Answer {
        match self.state.transit {
            Some(transit) if transit.stuck == recover && (recover || !transit.switched) => {
                self.state.end_transit(transit);
                self.tell(transit, Answer::Unknown("it was stopped".into()));
                Answer::Accepted
            }
            Some(_) | None => Answer::Refused("not in a state for this".into()),
        }
    }
}
