//! Nodes at work: the real machine that carries out an order, asked step by step, under the rules that the node's loop keeps.
//!
//! The rules are: nothing is sent without a lease; a lease counts once the log that was committed when it was granted is
//! applied; an order that the ledger no longer holds is dropped; a node that restarts answers `Unknown` to orders that it
//! may have begun. Each is dropped by a mutant.

use super::{
    act::Stepper,
    model::{Copy, Flight, Job, Mail, Power, What},
    mutant::Mutant,
    witness::read,
};
use std::sync::Arc;
use tenure_core::{
    Order, Report, Span,
    carry::{Answer, Ask, Execution, Next},
    order::{Action, Ending},
};

/// Longer than any budget.
const FAR: Span = Span::seconds(100_000);

impl Stepper<'_> {
    /// The node's ledger is the committed one: void orders are dropped, new ones taken up.
    pub fn catch_up(&mut self, node: usize) {
        let ledger = Arc::clone(&self.state.ledger);
        let drops_void = !self.site.has(Mutant::VoidOrderCarriedOut);
        let known = &mut self.state.nodes[node];
        known.index = ledger.index;
        known.behind = false;
        if drops_void {
            known.jobs.retain(|job| ledger.orders.contains_key(&job.exec.order().id));
        }
        known.done.retain(|id| ledger.orders.contains_key(id));
        for order in ledger.orders.values().filter(|order| order.node == self.site.nodes[node]) {
            let known = &self.state.nodes[node];
            let taken = known.done.contains(&order.id) || known.jobs.iter().any(|job| job.exec.order().id == order.id);
            if !taken {
                let job = self.take_up(order);
                self.state.nodes[node].jobs.push(Arc::new(job));
            }
        }
    }

    fn take_up(&self, order: &Order) -> Job {
        let mut elsewhere = [false; super::model::SERVERS];
        if let Action::Start { resource: lpar, .. } = &order.action {
            let (place, here) = (self.site.lpar(lpar), self.site.server(&order.server));
            for (server, known) in self.state.servers.iter().enumerate().filter(|(server, _)| *server != here) {
                // What the witness cannot see, the ledger vouches for.
                elsewhere[server] = known.copies[place].is_active() && known.link && known.power == Power::On;
            }
        }
        let exec = if self.site.has(Mutant::NoReadElsewhere) {
            Execution::new(order.clone(), &[]).mobile(self.site.scope.mobile)
        } else {
            Execution::of(&self.state.ledger, order)
        };
        let ask = exec.first();
        Job { exec, ask, sent: false, elsewhere, seen: None, late: false }
    }

    /// A node goes on with an order: a start in three steps (the other server is read; its own is read and the activation
    /// sent; the outcome), anything else in one. `lost`: the command has no effect, and nobody knows.
    pub fn work(&mut self, node: usize, job: usize, lost: bool) -> bool {
        if lost {
            self.spend(|left| &mut left.losses);
        }
        let job = self.state.nodes[node].jobs.remove(job);
        let answer = self.answer(node, &job, lost);
        self.go_on(node, Arc::unwrap_or_clone(job), answer, lost)
    }

    /// Feeds answers to the machine until it rests or reports. Without an answer, an activation is on its way.
    fn go_on(&mut self, node: usize, mut job: Job, mut answer: Option<Answer>, lost: bool) -> bool {
        let mut met = false;
        loop {
            met |= job.ask.is_mutation();
            let Some(said) = answer.take() else {
                job.sent = true;
                self.state.nodes[node].jobs.push(Arc::new(job));
                return !lost;
            };
            job.late |= said == Answer::Paused;
            let elapsed = if job.late { FAR } else { Span(0) };
            let elsewhere = matches!(&job.ask, Ask::Read(server) if *server != job.exec.order().server);
            if let (true, Answer::Read(reading)) = (elsewhere, &said) {
                job.seen = Some(reading.clone());
            }
            let unread = self.site.has(Mutant::FenceNotReadBack) && job.ask == Ask::PowerOff;
            match job.exec.next(said, elapsed) {
                Next::Report(report) => self.post(node, job.exec.order(), report),
                Next::Ask(_) if unread => {
                    let report = Report {
                        order: job.exec.order().id,
                        ending: Ending::Done,
                        readings: Vec::new(),
                        seen: Default::default(),
                    };
                    self.post(node, job.exec.order(), report);
                }
                Next::Ask(ask) => {
                    job.ask = ask;
                    if elsewhere {
                        self.state.nodes[node].jobs.push(Arc::new(job));
                        return !lost;
                    }
                    answer = self.answer(node, &job, lost);
                    continue;
                }
            }
            return met || !lost;
        }
    }

    /// What the world answers; `None` if that is open.
    fn answer(&mut self, node: usize, job: &Job, lost: bool) -> Option<Answer> {
        let order = job.exec.order();
        let server = self.site.server(&order.server);
        match &job.ask {
            Ask::Read(which) => {
                return Some(Answer::Read(read(self.site, &mut self.state, node, self.site.server(which))));
            }
            Ask::Pause(_) => return Some(Answer::Paused),
            Ask::Run { .. } | Ask::Look(_) | Ask::Clean { .. } | Ask::CutOffNode => {
                return Some(Answer::NotSent("nothing lives inside nodes here".to_owned()));
            }
            Ask::Start(_)
            | Ask::ShutDown(_)
            | Ask::PowerDown(_)
            | Ask::CutOff(_)
            | Ask::PowerOff
            | Ask::Migrate { .. }
            | Ask::StopMigration(_)
            | Ask::RecoverMigration(_)
            | Ask::MoveDefinition { .. }
            | Ask::RemoteRestart { .. } => {}
        }
        let leased = self.state.nodes[node].lease || self.site.has(Mutant::LeaseIgnored);
        let known = &self.state.servers[server];
        if !leased || !known.link {
            return Some(Answer::NotSent("no lease, or no connection".to_owned()));
        }
        if job.ask == Ask::PowerOff {
            if known.power == Power::Off {
                return Some(Answer::Already);
            }
            if !lost {
                self.goes_dark(server);
            }
            return Some(Answer::Accepted);
        }
        if known.power != Power::On {
            return Some(Answer::NotSent("the server is not operating".to_owned()));
        }
        let place = order.action.resource().map(|lpar| self.site.lpar(lpar))?;
        let what = match &job.ask {
            Ask::Start(_) => Some(What::Start),
            Ask::RemoteRestart { .. } => Some(What::Anew),
            Ask::Migrate { to, .. } => Some(What::Move(self.site.server(to))),
            Ask::Read(_)
            | Ask::Pause(_)
            | Ask::ShutDown(_)
            | Ask::PowerDown(_)
            | Ask::CutOff(_)
            | Ask::PowerOff
            | Ask::Look(_)
            | Ask::Clean { .. }
            | Ask::CutOffNode
            | Ask::Run { .. }
            | Ask::StopMigration(_)
            | Ask::RecoverMigration(_)
            | Ask::MoveDefinition { .. } => None,
        };
        if let Some(What::Move(to)) = what
            && (self.state.servers[to].power != Power::On || !self.state.servers[to].link)
        {
            return Some(Answer::Refused("the target is not operating".to_owned()));
        }
        if let (Some(what), Action::Start { epoch, .. } | Action::Migrate { epoch, .. }) = (what, &order.action) {
            let (epoch, elsewhere) = (*epoch, job.elsewhere);
            let flight = Flight { what, node, order: order.id, epoch, server, group: place, elsewhere };
            self.state.flights.push(flight);
            return None;
        }
        if lost {
            return Some(Answer::Unknown("no answer".to_owned()));
        }
        match &job.ask {
            Ask::MoveDefinition { from, .. } => return Some(self.bring(self.site.server(from), server, place)),
            Ask::StopMigration(_) => return Some(self.end_by_force(false)),
            Ask::RecoverMigration(_) => return Some(self.end_by_force(true)),
            _ => {}
        }
        // What is on its way cannot be stopped.
        if self.state.transit.is_some() {
            return Some(Answer::Refused("not in a state for this".to_owned()));
        }
        self.state.goes_off(server, place);
        Some(Answer::Accepted)
    }

    /// The definition of what is off is brought from one server to another.
    fn bring(&mut self, from: usize, to: usize, group: usize) -> Answer {
        let known = &self.state.servers[from];
        let possible = known.power == Power::On && known.link && known.copies[group] == Copy::Off;
        if !possible || self.state.servers[to].copies[group] != Copy::Absent {
            return Answer::Refused("not in a state for this".to_owned());
        }
        self.state.servers[from].copies[group] = Copy::Absent;
        self.state.servers[to].copies[group] = Copy::Off;
        Answer::Accepted
    }

    /// A node answers its order.
    fn post(&mut self, node: usize, order: &Order, mut report: Report) {
        if (self.site.has(Mutant::UnknownAsNotDone) || self.site.has(Mutant::LostMoveAsFailed))
            && let Ending::Unknown(why) = &report.ending
        {
            report.ending = Ending::NotDone(why.clone());
        }
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{} reports of order {}: {}", order.node, order.id, report.ending));
        }
        let sent = self.state.nodes[node].life == super::model::Life::Up;
        let mail = Mail { node, sent, again: false, order: Arc::new(order.clone()), report: Arc::new(report) };
        self.state.mail.push(mail);
        self.state.nodes[node].done.push(order.id);
    }

    /// A node that restarts does not know how far it was.
    pub fn answer_unknown(&mut self, node: usize) {
        let ledger = Arc::clone(&self.state.ledger);
        for order in ledger.orders.values().filter(|order| order.node == self.site.nodes[node]) {
            let ending = Ending::Unknown("the node restarted".to_owned());
            self.post(node, order, Report { order: order.id, ending, readings: Vec::new(), seen: Default::default() });
        }
    }

    /// An activation takes effect, and whoever still waits for it hears so.
    pub fn effect(&mut self, place: usize) -> bool {
        if let What::Move(to) = self.state.flights[place].what {
            return self.begin_transit(place, to);
        }
        let server = &self.state.servers[self.state.flights[place].server];
        if server.power != Power::On || !server.link {
            return false;
        }
        let flight = self.state.flights.remove(place);
        self.check_effect(&flight);
        let copy = &mut self.state.servers[flight.server].copies[flight.group];
        let defined = if flight.what == What::Anew { Copy::Absent } else { Copy::Off };
        if *copy == defined {
            *copy = Copy::Ours;
        }
        if let Some(job) = self.waiting(&flight) {
            self.resume(flight.node, job, Answer::Accepted);
        }
        true
    }

    /// An activation is refused: it certainly has no effect.
    pub fn refuse(&mut self, place: usize) -> bool {
        let flight = self.state.flights[place].clone();
        let Some(job) = self.waiting(&flight) else { return false };
        self.spend(|left| &mut left.refusals);
        self.state.flights.remove(place);
        self.resume(flight.node, job, Answer::Refused("not enough memory".to_owned()));
        true
    }

    /// Nobody answers an activation. It may take effect until its time is over.
    pub fn doubt(&mut self, node: usize, job: usize) -> bool {
        let id = self.state.nodes[node].jobs[job].exec.order().id;
        if self.state.is_pending(id) {
            self.spend(|left| &mut left.doubts);
        }
        self.resume(node, job, Answer::Unknown("no answer".to_owned()));
        true
    }

    fn waiting(&self, flight: &Flight) -> Option<usize> {
        self.state.nodes[flight.node].jobs.iter().position(|job| job.sent && job.exec.order().id == flight.order)
    }

    /// The node and the job that wait for the answer to an order's command.
    pub fn awaited(&self, order: tenure_core::OrderId) -> Option<(usize, usize)> {
        self.state.nodes.iter().enumerate().find_map(|(node, known)| {
            Some((node, known.jobs.iter().position(|job| job.sent && job.exec.order().id == order)?))
        })
    }

    pub fn resume(&mut self, node: usize, job: usize, answer: Answer) {
        let mut job = Arc::unwrap_or_clone(self.state.nodes[node].jobs.remove(job));
        job.sent = false;
        self.go_on(node, job, Some(answer), false);
    }
}
