//! Execution of orders: each request of an order is put to the world, and the answer is fed to the node that asked.

use super::{
    act::Stepper,
    model::{Copy, Flight, Job, Mail, Power, SERVERS, What},
    mutant::Mutant,
    witness::read,
};
use std::{collections::BTreeMap, sync::Arc};
use tenure_core::{
    Command, Order, OrderId, Report, Seen, ServerName, Span,
    execution::{Answer, Ask, Change, LocalOperation, MachineOperation, Move, Operation, ServerOperation},
    node::Input,
    order::{Action, Ending},
};

/// Longer than any pause of a node, and than any timeout that is to expire within one pause.
const PAUSE: Span = Span(2100);

/// The part of a question that is answered now, and the rest of it. The order's own server is read last: then the most
/// can happen between the reading of another one and the activation.
fn one_of(ask: Ask, own: &ServerName) -> (Ask, Option<Ask>) {
    let Ask::ReadAll(mut servers) = ask else { return (ask, None) };
    let first = servers.iter().find(|server| *server != own).unwrap_or(own).clone();
    servers.remove(&first);
    let left = (!servers.is_empty()).then_some(Ask::ReadAll(servers));
    (Ask::Read(first), left)
}

impl Stepper<'_> {
    /// An order makes a request. A change of the world is done at once, because the last look was just taken. Other
    /// requests wait for their turn, unless they follow an answer; so does a stop by an agent, which takes time.
    pub fn carry(&mut self, node: usize, order: Order, ask: Ask) {
        let id = order.id;
        let agent = matches!(ask, Ask::Do(Operation::Local(_, LocalOperation::Stop | LocalOperation::Clean(_))));
        let at_once = (matches!(ask, Ask::Do(_)) && !agent) || self.working == Some((node, id));
        if self.state.nodes[node].job(id).is_none() {
            let job = self.take_up(order);
            self.state.nodes[node].jobs.push(Arc::new(job));
        }
        if let Some(job) = self.state.nodes[node].job_mut(id) {
            (job.ask, job.sent) = (Some(ask), false);
        }
        if at_once {
            self.answer(node, id);
        }
    }

    fn take_up(&self, order: Order) -> Job {
        let mut elsewhere = [false; SERVERS];
        if let Action::Start { resource, .. } = &order.action {
            let (place, here) = (self.site.lpar(resource), self.site.server(&order.server));
            for (server, known) in self.state.servers.iter().enumerate().filter(|(server, _)| *server != here) {
                // The ledger vouches for a resource that the witness cannot see.
                let seen = known.link && known.power == Power::On && !self.site.scope.inside;
                elsewhere[server] = known.copies[place].is_active() && seen;
            }
        }
        Job { order: Arc::new(order), ask: None, sent: false, elsewhere }
    }

    /// The world answers the request of a node's order: a start takes three steps (the other server is read; its own
    /// is read and the activation sent; the outcome), anything else one. Whatever happens while servers are read side by
    /// side happens between the first two. `lost`: the command has no effect, and
    /// nobody knows.
    pub fn work(&mut self, node: usize, job: usize, lost: bool) -> bool {
        if lost {
            self.spend(|left| &mut left.losses);
        }
        let id = self.state.nodes[node].jobs[job].order.id;
        (self.working, self.lost, self.met) = (Some((node, id)), lost, false);
        self.answer(node, id);
        self.run_on(node, id);
        self.lost = false;
        self.met || !lost
    }

    /// Lets a node continue an order until it rests or ends. One pause is slept out; an order that pauses again waits
    /// for time to pass.
    fn run_on(&mut self, node: usize, id: OrderId) {
        self.run();
        let body = &self.state.nodes[node];
        if body.job(id).is_some_and(|job| body.jobs[job].ask.is_none()) {
            self.state.moment = self.state.moment.after(PAUSE);
            self.feed(node, Input::Woken);
            self.run();
        }
        self.working = None;
    }

    /// Answers the request of an order, unless the answer is pending.
    fn answer(&mut self, node: usize, id: OrderId) {
        let body = &self.state.nodes[node];
        let Some(job) = body.job(id).map(|job| Arc::clone(&body.jobs[job])) else { return };
        let Some(ask) = job.ask.clone() else { return };
        let (ask, left) = one_of(ask, &job.order.server);
        let elsewhere = matches!(&ask, Ask::Read(server) if *server != job.order.server);
        if elsewhere {
            self.working = None;
        }
        self.met |= matches!(ask, Ask::Do(_));
        let answer = self.reply(node, &job, &ask);
        if self.site.has(Mutant::FenceNotReadBack)
            && ask == Ask::server(ServerOperation::PowerOff)
            && answer == Some(Answer::Accepted)
        {
            return self.believe(node, id);
        }
        if let Some(job) = self.state.nodes[node].job_mut(id) {
            job.sent = answer.is_none();
            job.ask = job.ask.take().filter(|_| job.sent).or(left);
        }
        if let Some(answer) = answer {
            self.feed(node, Input::Answered { order: id, answer });
        }
    }

    /// The world's reply; `None` if it is pending.
    fn reply(&mut self, node: usize, job: &Job, ask: &Ask) -> Option<Answer> {
        let order = &job.order;
        let server = self.site.server(&order.server);
        match ask {
            Ask::Read(which) => {
                let at = self.site.server(which);
                let mut reading = read(self.site, &mut self.state, node, at);
                if at != server && self.site.has(Mutant::NoReadElsewhere) {
                    reading.copies.values_mut().for_each(|power| *power = tenure_core::Power::Off);
                }
                Some(Answer::Read(reading))
            }
            // Each of them is read by itself.
            Ask::ReadAll(_) => None,
            Ask::Pause(_) => Some(Answer::Paused),
            Ask::Probe(_) => Some(Answer::Probed(self.look_at(node, server, order))),
            Ask::Do(Operation::Program(_)) => Some(Answer::NotSent("there are no programs here".into())),
            Ask::Do(Operation::Local(_, LocalOperation::Start)) => {
                self.send(node, job, What::Agent);
                None
            }
            Ask::Do(Operation::Local(_, LocalOperation::Stop | LocalOperation::Clean(_))) => {
                Some(self.agent_stops(order))
            }
            Ask::Do(Operation::Hypervisor(Change::Server(ServerOperation::CutOffNode))) => {
                Some(self.cut_off_node(server))
            }
            Ask::Do(Operation::Hypervisor(Change::Server(ServerOperation::PowerOff))) => Some(self.power_off(server)),
            Ask::Do(Operation::Hypervisor(Change::Machine(resource, operation))) => {
                let place = self.site.lpar(resource);
                self.reply_of_lpar(node, job, place, operation)
            }
        }
    }

    fn power_off(&mut self, server: usize) -> Answer {
        let known = &self.state.servers[server];
        if !known.link {
            return Answer::NotSent("no connection".into());
        }
        if known.power == Power::Off {
            return Answer::Already;
        }
        if !self.lost {
            self.goes_dark(server);
        }
        Answer::Accepted
    }

    /// The world's reply to a command to an LPAR; `None` if it is pending.
    fn reply_of_lpar(&mut self, node: usize, job: &Job, place: usize, operation: &MachineOperation) -> Option<Answer> {
        let server = self.site.server(&job.order.server);
        let known = &self.state.servers[server];
        if !known.link {
            return Some(Answer::NotSent("no connection".into()));
        }
        if known.power != Power::On {
            return Some(Answer::NotSent("the server is not operating".into()));
        }
        match operation {
            MachineOperation::Start => self.send(node, job, What::Start),
            MachineOperation::Move(Move::Anew { .. }) => self.send(node, job, What::Anew),
            MachineOperation::Move(Move::Live { to }) => {
                let to = self.site.server(to);
                if self.state.servers[to].power != Power::On || !self.state.servers[to].link {
                    return Some(Answer::Refused("the target is not operating".into()));
                }
                self.send(node, job, What::Move(to));
            }
            MachineOperation::Stop(_)
            | MachineOperation::Move(Move::Definition { .. } | Move::Stop | Move::Recover)
                if self.lost =>
            {
                return Some(Answer::Unknown("no answer".into()));
            }
            MachineOperation::Move(Move::Definition { from }) => {
                return Some(self.bring(self.site.server(from), server, place));
            }
            MachineOperation::Move(Move::Stop) => return Some(self.end_by_force(false)),
            MachineOperation::Move(Move::Recover) => return Some(self.end_by_force(true)),
            // An LPAR in transit cannot be stopped.
            MachineOperation::Stop(_) if self.state.transit.is_some() => {
                return Some(Answer::Refused("not in a state for this".into()));
            }
            MachineOperation::Stop(_) => {
                self.state.goes_off(server, place);
                return Some(Answer::Accepted);
            }
        }
        None
    }

    /// Puts a command in flight.
    fn send(&mut self, node: usize, job: &Job, what: What) {
        let (Action::Start { epoch, resource, .. } | Action::Migrate { epoch, resource, .. }) = &job.order.action
        else {
            return;
        };
        let (server, group) = (self.site.server(&job.order.server), self.site.lpar(resource));
        let (process, order, epoch, elsewhere) = (self.state.nodes[node].process, job.order.id, *epoch, job.elsewhere);
        let flight = Flight { what, node, process, order, epoch, server, group, elsewhere, until: None };
        self.state.flights.push(flight);
    }

    /// An agent stops something inside its node.
    fn agent_stops(&mut self, order: &Order) -> Answer {
        let place = order.action.resource().map(|resource| self.site.lpar(resource)).unwrap_or_default();
        if self.lost {
            return Answer::Unknown("it did not end in time".into());
        }
        self.state.goes_off(self.site.server(&order.server), place);
        Answer::Accepted
    }

    fn look_at(&mut self, node: usize, server: usize, order: &Order) -> Seen {
        let place = order.action.resource().map(|resource| self.site.lpar(resource)).unwrap_or_default();
        let seen = self.see(node, server, place);
        if let (Some(resource), Some(inside)) = (order.action.resource(), &mut self.state.nodes[node].inside) {
            Arc::make_mut(inside).seen.insert(resource.clone(), seen.clone());
        }
        seen
    }

    /// Powers off the LPAR of the node on a server.
    fn cut_off_node(&mut self, server: usize) -> Answer {
        let known = &self.state.servers[server];
        if !known.link || known.power != Power::On {
            return Answer::NotSent("the server is not operating".into());
        }
        if !known.guest {
            return Answer::Already;
        }
        if self.lost {
            return Answer::Unknown("no answer".into());
        }
        self.guest_goes(server);
        Answer::Accepted
    }

    /// Brings the definition of an LPAR that is off from one server to another.
    fn bring(&mut self, from: usize, to: usize, group: usize) -> Answer {
        let known = &self.state.servers[from];
        let possible = known.power == Power::On && known.link && known.copies[group] == Copy::Off;
        if !possible || self.state.servers[to].copies[group] != Copy::Absent {
            return Answer::Refused("not in a state for this".into());
        }
        self.state.servers[from].copies[group] = Copy::Absent;
        self.state.servers[to].copies[group] = Copy::Off;
        Answer::Accepted
    }
    /// A node reports on its order: the report is sent.
    pub fn post(&mut self, node: usize, id: OrderId, commands: Vec<Command>) {
        let body = &mut self.state.nodes[node];
        let order = body.job(id).map(|job| body.jobs.remove(job).order.clone());
        let order = order.or_else(|| body.ledger.orders.get(&id).cloned().map(Arc::new));
        let report = commands.iter().find_map(|command| match command {
            Command::Report(report) => Some(Arc::new(report.clone())),
            _ => None,
        });
        let Some((order, report)) = order.zip(report) else { return };
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{} reports of order {}: {}", order.node, order.id, report.ending));
        }
        let (process, sent) = (body.process, body.life == super::model::Life::Up);
        let commands = Arc::new(commands);
        self.state.mail.push(Mail { node, process, sent, again: false, order, report, commands });
    }

    /// Reports an order done because its command was sent: a planted bug.
    fn believe(&mut self, node: usize, id: OrderId) {
        let report = Report { order: id, ending: Ending::Done, readings: Vec::new(), seen: BTreeMap::new() };
        self.post(node, id, vec![Command::Report(report)]);
    }

    /// An order is gone from the log. Nobody waits for its commands any more, and what an agent does for it is ended.
    pub fn drop_job(&mut self, node: usize, id: OrderId) {
        let body = &mut self.state.nodes[node];
        let process = body.process;
        let ends = |flight: &Flight| flight.what == What::Agent && flight.order == id && flight.process == process;
        self.state.flights.retain(|flight| !(flight.node == node && ends(flight)));
        if let Some(job) = body.job(id).filter(|_| !self.site.has(Mutant::VoidOrderCarriedOut)) {
            body.jobs.remove(job);
        }
    }

    /// An activation takes effect; the process that sent it gets the answer, if it still waits.
    pub fn effect(&mut self, place: usize) -> bool {
        if let What::Move(to) = self.state.flights[place].what {
            return self.begin_transit(place, to);
        }
        let server = &self.state.servers[self.state.flights[place].server];
        let agent = self.state.flights[place].what == What::Agent;
        if !agent && (server.power != Power::On || !server.link) {
            return false;
        }
        let flight = self.state.flights.remove(place);
        self.check_effect(&flight);
        let copy = &mut self.state.servers[flight.server].copies[flight.group];
        let defined = if flight.what == What::Anew { Copy::Absent } else { Copy::Off };
        if *copy == defined {
            *copy = Copy::Ours;
        }
        self.resume(flight.node, flight.process, flight.order, Answer::Accepted);
        true
    }

    /// An activation is refused: it certainly has no effect.
    pub fn refuse(&mut self, place: usize) -> bool {
        let flight = self.state.flights[place].clone();
        if !self.waits(flight.node, flight.process, flight.order) {
            return false;
        }
        self.spend(|left| &mut left.refusals);
        self.state.flights.remove(place);
        self.resume(flight.node, flight.process, flight.order, Answer::Refused("not enough memory".into()));
        true
    }

    /// An activation gets no answer. It may take effect until its time is over.
    pub fn doubt(&mut self, node: usize, job: usize) -> bool {
        let id = self.state.nodes[node].jobs[job].order.id;
        if self.state.is_pending(node, id) {
            self.spend(|left| &mut left.doubts);
        }
        let (process, settle) = (self.state.nodes[node].process, self.site.cluster.timings.settle);
        let until = self.state.moment.after(settle);
        let mine = |flight: &&mut Flight| flight.node == node && flight.process == process && flight.order == id;
        for flight in self.state.flights.iter_mut().filter(mine) {
            flight.until = Some(until);
        }
        // Work of an agent ends with its timeout.
        self.state.flights.retain(|flight| flight.what != What::Agent || flight.until.is_none());
        self.resume(node, process, id, Answer::Unknown("no answer".into()));
        true
    }

    fn waits(&self, node: usize, process: u8, order: OrderId) -> bool {
        let body = &self.state.nodes[node];
        body.process == process && body.job(order).is_some_and(|job| body.jobs[job].sent)
    }

    /// Gives the answer to the command of an order to the process that sent it, if it still waits.
    pub fn resume(&mut self, node: usize, process: u8, order: OrderId, answer: Answer) {
        if !self.waits(node, process, order) {
            return;
        }
        if let Some(job) = self.state.nodes[node].job_mut(order) {
            (job.sent, job.ask) = (false, None);
        }
        self.working = Some((node, order));
        self.feed(node, Input::Answered { order, answer });
        self.run_on(node, order);
    }

    /// The node that waits for the answer to the command of an order, if any.
    pub fn awaited(&self, order: OrderId, process: u8) -> Option<usize> {
        (0..self.state.nodes.len()).find(|node| self.waits(*node, process, order))
    }
}
