//! The execution of one order as a state machine without I/O: it asks questions, takes answers, and reports at the
//! end.
//!
//! The daemon, the scenario runner and the explorer run this same machine. It holds the last bar against late orders:
//! it reads the LPAR on every server of the list, side by side, before it starts it, refuses if it is active elsewhere,
//! and refuses if it is unknown on a server that the ledger does not excuse from being read. A reading counts if it
//! began after the order was given ([`OrderId::precedes`](crate::OrderId::precedes)), so starts that were given
//! together can share one. Every mutation is read back. It knows nothing of leases: its driver answers
//! [`Answer::NotSent`] to a mutation that the lease does not cover.

mod inside;
mod moving;
mod operation;

pub use operation::{
    Answer, Ask, Change, LocalOperation, MachineOperation, Move, Operation, Program, ServerOperation, Stop,
};

use crate::{
    ForeignText, Inside, Ledger, Moment, Power, Reading, ResourceName, Seen, ServerName, Span, SystemState,
    config::OperatingSystem,
    node::Recall,
    order::{Action, Ending, Order, Report},
};
use std::collections::{BTreeMap, BTreeSet};

/// Time for which a server must read off before that counts without an answer of its service processor.
pub const OFF_SHOWS: Span = Span::seconds(3);
/// Time that an accepted start may go on reading Off before its outcome is called unknown.
pub const START_SHOWS: Span = Span::seconds(20);
const FIRST_PAUSE: Span = Span(100);
const LONGEST_PAUSE: Span = Span::seconds(2);

/// The next step of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask this.
    Ask(Ask),
    /// Wait for the other answers to the last question.
    Wait,
    /// The order has ended.
    Report(Report),
}

/// The execution of one order.
#[derive(Clone, Debug)]
pub struct Execution {
    order: Order,
    stage: Stage,
    pause: Span,
    readings: BTreeMap<ServerName, Reading>,
    seen: BTreeMap<ResourceName, Seen>,
    /// Whether the resource lives inside the node.
    inside: bool,
    /// Whether the LPAR moves between servers, and may be held by a move that failed half-way.
    mobile: bool,
    /// Whether the LPAR runs IBM i, which is never cut off while it runs.
    ibm_i: bool,
    /// The ending of a start that did not succeed, kept while a move that may be in its way is cleared up.
    hindered: Option<Ending>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Reading the LPAR on the servers of its list before it is started. These have not answered yet.
    Around(BTreeSet<ServerName>),
    /// Reading the other server of a move before acting.
    There,
    /// Reading before acting.
    Before,
    /// Waiting for the hypervisor's answer to this change.
    Sent(Change),
    /// Waiting for an agent's answer to this.
    Told(ResourceName, LocalOperation),
    /// Reading back after a mutation that was answered at `asked`; `doubt` says why its outcome is unknown.
    Back { asked: Span, forced: bool, doubt: Option<ForeignText> },
    /// The same for a move: reading the other server, then this one.
    BackThere { asked: Span, forced: bool, doubt: Option<ForeignText> },
    /// Reading back a definition that was to be brought here.
    Brought { resource: ResourceName, asked: Span, doubt: Option<ForeignText> },
}

impl Stage {
    fn recall(&self, since: Moment, to: &mut impl Recall) {
        let (word, back) = match self {
            Stage::Around(_) => (0, None),
            Stage::There => (6, None),
            Stage::Before => (1, None),
            Stage::Sent(_) | Stage::Told(..) => (2, None),
            Stage::Back { asked, forced, doubt } => (3, Some((asked, *forced, doubt))),
            Stage::BackThere { asked, forced, doubt } => (4, Some((asked, *forced, doubt))),
            Stage::Brought { resource: _, asked, doubt } => (5, Some((asked, false, doubt))),
        };
        to.word(word);
        match self {
            Stage::Around(left) => left.iter().for_each(|server| to.server(server)),
            Stage::Sent(change) => to.ask(&Ask::Do(Operation::Hypervisor(change.clone()))),
            Stage::Told(resource, operation) => to.ask(&Ask::local(resource.clone(), *operation)),
            Stage::There | Stage::Before | Stage::Back { .. } | Stage::BackThere { .. } | Stage::Brought { .. } => {}
        }
        if let Some((asked, forced, doubt)) = back {
            to.moment(since.after(*asked));
            to.word(u64::from(forced).wrapping_mul(2).wrapping_add(u64::from(doubt.is_some())));
        }
    }
}

impl Execution {
    /// Takes up an order. `list` is the system list of the LPAR's group.
    pub fn new(order: Order, list: &[ServerName]) -> Self {
        let stage = match &order.action {
            Action::Start { .. } => Stage::Around(list.iter().chain([&order.server]).cloned().collect()),
            Action::Stop { .. } | Action::Fence | Action::FenceNode { .. } | Action::Hook { .. } => Stage::Before,
            Action::Migrate { .. } | Action::StopMigration { .. } => Stage::There,
        };
        let (readings, seen) = (BTreeMap::new(), BTreeMap::new());
        Execution {
            order,
            stage,
            pause: FIRST_PAUSE,
            readings,
            seen,
            inside: false,
            mobile: false,
            ibm_i: false,
            hindered: None,
        }
    }

    /// Takes up an order of this ledger, with the LPAR's list, mobility and operating system as declared there.
    pub fn of(ledger: &Ledger, order: &Order) -> Self {
        let resource = order.action.resource();
        let group = resource.and_then(|resource| ledger.group_of(resource));
        let list = group.and_then(|group| ledger.config.groups.get(group)).map(|group| group.servers.as_slice());
        let lpar = resource.and_then(|resource| ledger.config.lpar(resource));
        let ibm_i = lpar.is_some_and(|lpar| lpar.os == OperatingSystem::IbmI);
        Execution::new(order.clone(), list.unwrap_or_default())
            .mobile(resource.is_some_and(|resource| ledger.is_mobile(resource)))
            .inside(resource.is_some_and(|resource| ledger.is_inside(resource)))
            .ibm_i(ibm_i)
    }

    /// Sets whether the LPAR runs IBM i: then it is asked to shut down, and never cut off while it runs.
    #[must_use]
    pub fn ibm_i(self, ibm_i: bool) -> Self {
        Execution { ibm_i, ..self }
    }

    /// Sets whether the LPAR moves between servers: only then is a move that failed half-way looked for.
    #[must_use]
    pub fn mobile(self, mobile: bool) -> Self {
        Execution { mobile, ..self }
    }

    /// Gives its state to `to`, field by field. The order was taken up at `since`.
    pub(crate) fn recall(&self, since: Moment, to: &mut impl Recall) {
        // The caller gives the order itself; the next pause only decides how soon the next look comes.
        let Execution { order: _, stage, pause: _, readings, seen, inside, mobile, ibm_i, hindered } = self;
        stage.recall(since, to);
        readings.values().for_each(|reading| to.reading(reading));
        for (resource, seen) in seen {
            to.resource(resource);
            let inside = Inside { seen: BTreeMap::from([(resource.clone(), seen.clone())]), watchdog: None };
            to.inside(&self.order.node, &inside);
        }
        let marks = [*inside, *mobile, *ibm_i, hindered.is_some()];
        to.word(marks.iter().fold(0, |word: u64, mark| word.wrapping_mul(2).wrapping_add(u64::from(*mark))));
        if let Some(ending) = hindered {
            to.ending(ending);
        }
    }

    /// The order.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// The first question.
    pub fn first(&self) -> Ask {
        if let Action::Hook { program, arguments, .. } = &self.order.action {
            let (path, arguments, within) = (program.clone(), arguments.clone(), self.order.budget);
            return Ask::Do(Operation::Program(Program { path, arguments, within }));
        }
        if let Some((resource, operation)) = self.first_inside().filter(|_| self.inside) {
            return Ask::local(resource, operation);
        }
        match &self.stage {
            Stage::Around(left) => Ask::ReadAll(left.clone()),
            Stage::There => Ask::Read(moving::other(&self.order).unwrap_or_else(|| self.order.server.clone())),
            Stage::Before
            | Stage::Sent(_)
            | Stage::Told(..)
            | Stage::Back { .. }
            | Stage::BackThere { .. }
            | Stage::Brought { .. } => Ask::Read(self.order.server.clone()),
        }
    }

    /// The next step after an answer that came `elapsed` after the order was taken up.
    pub fn next(&mut self, answer: Answer, elapsed: Span) -> Next {
        if let Answer::Read(reading) = &answer {
            self.readings.insert(reading.server.clone(), reading.clone());
        }
        if let Action::Hook { .. } = self.order.action {
            return self.report(ran(answer));
        }
        if self.inside {
            return self.next_inside(answer, elapsed);
        }
        let stage = self.stage.clone();
        match (stage, answer) {
            (Stage::Around(_) | Stage::There | Stage::Before, Answer::Read(reading)) if !self.counts(&reading) => {
                let why = format!("the reading of {} began before the order was given", reading.server);
                self.report(Ending::NotDone(why.into()))
            }
            (Stage::Around(left), Answer::Read(reading)) => self.around(left, &reading),
            (Stage::Around(left), Answer::Unread(server)) => self.unread(left, &server),
            (Stage::There | Stage::Before, Answer::Unread(server)) => self.report(Ending::NotDone(unread(&server))),
            (
                Stage::Back { asked, forced, doubt } | Stage::BackThere { asked, forced, doubt },
                Answer::Unread(server),
            ) => {
                self.stage = Stage::Back { asked, forced, doubt: doubt.clone() };
                self.unread_back(&server, elapsed, doubt)
            }
            (Stage::Brought { doubt, .. }, Answer::Unread(server)) => self.unread_back(&server, elapsed, doubt),
            (Stage::There, Answer::Read(_)) => {
                self.stage = Stage::Before;
                self.read_here()
            }
            (Stage::Before, Answer::Read(reading)) => self.before(&reading),
            (Stage::Back { asked, forced, doubt }, Answer::Read(reading)) => {
                self.back(&reading, elapsed, asked, forced, doubt)
            }
            (Stage::BackThere { asked, forced, doubt }, Answer::Read(_)) => {
                self.stage = Stage::Back { asked, forced, doubt };
                self.read_here()
            }
            (Stage::Brought { resource, asked, doubt }, Answer::Read(reading)) => {
                self.brought(resource, &reading, elapsed, asked, doubt)
            }
            (Stage::Back { asked, forced, doubt }, Answer::Paused) => self.probe_back(asked, forced, doubt),
            (Stage::Brought { .. }, Answer::Paused) => self.read_here(),
            (Stage::Sent(change), answer) => self.sent(change, answer, elapsed),
            (_, answer) => self.report(Ending::NotDone(format!("{answer:?} answers no question").into())),
        }
    }

    /// Gives up at once, for this reason: `Unknown` if a change may have been sent, `NotDone` if none was.
    pub fn give_up(&self, why: &str) -> Report {
        let sent = match self.stage {
            Stage::Sent(_) | Stage::Told(..) | Stage::Back { .. } | Stage::BackThere { .. } | Stage::Brought { .. } => {
                true
            }
            Stage::Around(_) | Stage::There | Stage::Before => false,
        };
        let ending = if sent { Ending::Unknown(why.into()) } else { Ending::NotDone(why.into()) };
        self.answer(ending)
    }

    /// Whether a reading counts before something is done: what was so before the order was given proves nothing of now.
    fn counts(&self, reading: &Reading) -> bool {
        self.order.id.precedes(reading.since)
    }

    /// Takes the reading of one server before a start. One that forbids it does so at once, whoever is still to answer;
    /// the LPAR is started only when all have.
    fn around(&mut self, mut left: BTreeSet<ServerName>, reading: &Reading) -> Next {
        if !left.remove(&reading.server) {
            let why = format!("the reading of {} answers no question", reading.server);
            return self.report(Ending::NotDone(why.into()));
        }
        if reading.server != self.order.server
            && let Some(why) = self.forbids(reading)
        {
            return self.report(Ending::NotDone(why.into()));
        }
        self.answered(left)
    }

    /// A server was not read before a start. If that was no surprise to the ledger, it counts as one that shows nothing.
    fn unread(&mut self, mut left: BTreeSet<ServerName>, server: &ServerName) -> Next {
        let excused = matches!(&self.order.action, Action::Start { vouched, .. } if vouched.contains(server));
        if !left.remove(server) || !excused || *server == self.order.server {
            return self.report(Ending::NotDone(unread(server)));
        }
        self.answered(left)
    }

    /// Goes on with a start when all servers have answered.
    fn answered(&mut self, left: BTreeSet<ServerName>) -> Next {
        if !left.is_empty() {
            self.stage = Stage::Around(left);
            return Next::Wait;
        }
        self.stage = Stage::Before;
        match self.readings.get(&self.order.server).cloned() {
            Some(here) => self.before(&here),
            None => self.read_here(),
        }
    }

    /// Reads back again, if there is time.
    fn unread_back(&mut self, server: &ServerName, elapsed: Span, doubt: Option<ForeignText>) -> Next {
        if elapsed >= self.order.budget {
            return self.report(Ending::Unknown(doubt.unwrap_or_else(|| unread(server))));
        }
        self.rest()
    }

    /// The reason for which the reading of another server forbids a start, if there is one.
    fn forbids(&self, reading: &Reading) -> Option<String> {
        let Action::Start { vouched, .. } = &self.order.action else { return None };
        let power = self.power(reading);
        // A reading of a server that is up is newer than anything the ledger knew.
        let told = reading.tells_lpars() && reading.system.is_up();
        if power.is_active() || (told && !power.is_inactive()) {
            return Some(self.reads(power, reading));
        }
        if !power.is_inactive() && !vouched.contains(&reading.server) {
            return Some(format!("it cannot be read on {} ({}), and no proof is held", reading.server, reading.system));
        }
        None
    }

    fn before(&mut self, reading: &Reading) -> Next {
        let power = self.power(reading);
        match (self.order.action.clone(), power) {
            (Action::Fence, _) => self.before_fence(reading),
            (Action::FenceNode { .. }, _) => self.before_node_fence(reading),
            (Action::Migrate { resource, to, .. }, _) => self.before_move(resource, to, reading),
            (Action::StopMigration { resource, from, .. }, _) => self.before_end(resource, &from, reading),
            (Action::Hook { .. }, _) => self.report(Ending::NotDone("a hook reads nothing".into())),
            (_, Power::Unknown) if !reading.live => {
                self.report(Ending::NotDone(format!("{} reads {}", reading.server, reading.system).into()))
            }
            // An LPAR of that name that is not the declared one, or is not as declared, is left alone.
            _ if self.alarm(reading).is_some() => self.report(Ending::NotDone(self.reads(power, reading).into())),
            (Action::Start { .. }, Power::Starting | Power::Running) => self.report(Ending::Done),
            (
                Action::Start { .. },
                Power::Stopping | Power::Unknown | Power::Moving | Power::Missing | Power::Error,
            )
            | (Action::Stop { .. }, Power::Moving | Power::Missing) => {
                self.report(Ending::NotDone(format!("it reads {power}").into()))
            }
            (Action::Start { resource, vouched, home: Some(from), .. }, Power::Absent) => {
                self.bring(resource, from, &vouched)
            }
            (Action::Start { .. }, Power::Absent) => {
                self.report(Ending::Refused(format!("it is not defined on {}", reading.server).into()))
            }
            (Action::Start { resource, .. }, Power::Off | Power::OffOnPurpose) => {
                self.machine(resource, MachineOperation::Start)
            }
            (Action::Stop { .. }, Power::Off | Power::Absent | Power::OffOnPurpose) => self.report(Ending::Done),
            // An LPAR that has panicked cannot shut itself down.
            (Action::Stop { resource, .. }, Power::Error) => self.stop(resource, Stop::Immediate),
            (Action::Stop { resource, grace }, Power::Starting | Power::Running | Power::Stopping | Power::Unknown) => {
                if grace == Span(0) && !self.ibm_i {
                    self.stop(resource, Stop::Immediate)
                } else {
                    self.stop(resource, Stop::OsShutdown)
                }
            }
        }
    }

    /// A server that the witness sees up is never powered off. One that reads off is powered off all the same, so
    /// that the reading that counts follows an answer of its service processor. Without such an answer, because the
    /// command is not sent or is refused for a server that is off already, it takes more readings.
    fn before_fence(&mut self, reading: &Reading) -> Next {
        let down = matches!(reading.system, SystemState::PowerOff | SystemState::PoweringOff | SystemState::Error);
        if reading.live && down {
            return self.send(Change::Server(ServerOperation::PowerOff));
        }
        self.report(Ending::NotDone(format!("{} reads {}", reading.server, reading.system).into()))
    }

    /// Cuts off a node's LPAR in any state but Off, if its server can be read and it is the declared LPAR.
    fn before_node_fence(&mut self, reading: &Reading) -> Next {
        match reading.node_power() {
            _ if !reading.tells_lpars() => {
                self.report(Ending::NotDone(format!("{} reads {}", reading.server, reading.system).into()))
            }
            _ if let Some(remark) = reading.node_alarm() => self.report(Ending::NotDone(remark.to_string().into())),
            Power::Off => self.report(Ending::Done),
            Power::Absent | Power::Missing => self.report(Ending::NotDone("its LPAR is not defined there".into())),
            Power::Starting
            | Power::Running
            | Power::Stopping
            | Power::OffOnPurpose
            | Power::Unknown
            | Power::Moving
            | Power::Error => self.send(Change::Server(ServerOperation::CutOffNode)),
        }
    }

    fn send(&mut self, change: Change) -> Next {
        self.stage = Stage::Sent(change.clone());
        Next::Ask(Ask::Do(Operation::Hypervisor(change)))
    }

    fn machine(&mut self, resource: ResourceName, operation: MachineOperation) -> Next {
        self.send(Change::Machine(resource, operation))
    }

    fn stop(&mut self, resource: ResourceName, how: Stop) -> Next {
        self.machine(resource, MachineOperation::Stop(how))
    }

    fn sent(&mut self, change: Change, answer: Answer, elapsed: Span) -> Next {
        if self.order.action.is_start() && matches!(change, Change::Machine(_, MachineOperation::Move(Move::Recover))) {
            return self.cleared(answer);
        }
        let doubt = match answer {
            Answer::Accepted | Answer::Already => None,
            Answer::Unknown(why) => Some(why),
            // A server that is off already needs no command.
            Answer::NotSent(why) if change == Change::Server(ServerOperation::PowerOff) && self.read_off() => Some(why),
            Answer::NotSent(why) => return self.report(Ending::NotDone(why)),
            Answer::Refused(why) => match self.refused(&change, &why) {
                Some(next) => return next,
                // The change may be in effect all the same: that is read, not believed.
                None => Some(why),
            },
            Answer::Read(_) | Answer::Unread(_) | Answer::Probed(_) | Answer::Paused => {
                Some("the mutation was not answered".into())
            }
        };
        match change {
            Change::Machine(resource, MachineOperation::Move(Move::Definition { .. })) => {
                self.stage = Stage::Brought { resource, asked: elapsed, doubt };
                self.read_here()
            }
            Change::Machine(
                _,
                MachineOperation::Stop(Stop::OsShutdown | Stop::Shutdown) | MachineOperation::Move(Move::Stop),
            ) => self.probe_back(elapsed, false, doubt),
            Change::Machine(
                _,
                MachineOperation::Start
                | MachineOperation::Stop(Stop::Immediate)
                | MachineOperation::Move(Move::Live { .. } | Move::Anew { .. } | Move::Recover),
            )
            | Change::Server(ServerOperation::PowerOff | ServerOperation::CutOffNode) => {
                self.probe_back(elapsed, true, doubt)
            }
        }
    }

    /// The next step after a refusal; `None` if the state is read back all the same.
    fn refused(&mut self, change: &Change, why: &str) -> Option<Next> {
        let Change::Machine(resource, operation) = change else { return None };
        let (resource, why) = (resource.clone(), why.to_owned());
        match operation {
            MachineOperation::Start if self.mobile => {
                self.hindered = Some(Ending::Refused(why.into()));
                Some(self.machine(resource, MachineOperation::Move(Move::Recover)))
            }
            MachineOperation::Stop(Stop::Immediate) if self.mobile => {
                Some(self.machine(resource, MachineOperation::Move(Move::Recover)))
            }
            MachineOperation::Start
            | MachineOperation::Move(Move::Live { .. } | Move::Definition { .. } | Move::Anew { .. }) => {
                Some(self.report(Ending::Refused(why.into())))
            }
            MachineOperation::Stop(Stop::OsShutdown) if self.ibm_i => None,
            // If the operating system cannot be reached, the hypervisor shuts it down, and then cuts it off.
            MachineOperation::Stop(Stop::OsShutdown) => Some(self.stop(resource, Stop::Shutdown)),
            MachineOperation::Stop(Stop::Shutdown) => Some(self.stop(resource, Stop::Immediate)),
            // A move that is too far on to be stopped, or has broken off, is cleared up.
            MachineOperation::Move(Move::Stop) => Some(self.machine(resource, MachineOperation::Move(Move::Recover))),
            MachineOperation::Stop(Stop::Immediate) | MachineOperation::Move(Move::Recover) => None,
        }
    }

    fn back(
        &mut self,
        reading: &Reading,
        elapsed: Span,
        asked: Span,
        forced: bool,
        doubt: Option<ForeignText>,
    ) -> Next {
        let power = self.power(reading);
        let out_of_time = elapsed >= self.order.budget;
        match self.order.action.clone() {
            Action::Start { .. } => {
                if power.is_active() {
                    return self.report(Ending::Done);
                }
                if let Some(why) = doubt {
                    return self.report(Ending::Unknown(why));
                }
                if out_of_time || elapsed.0 >= asked.plus(START_SHOWS).0 {
                    return self.report(Ending::Unknown(format!("it was accepted, and reads {power}").into()));
                }
            }
            Action::Stop { resource, grace } => {
                if power.is_inactive() {
                    return self.report(Ending::Done);
                }
                if out_of_time || (forced && doubt.is_some() && elapsed.0 >= asked.plus(LONGEST_PAUSE).0) {
                    return self
                        .report(Ending::Unknown(doubt.unwrap_or_else(|| format!("it still reads {power}").into())));
                }
                if !forced && elapsed >= grace && !self.ibm_i {
                    return self.stop(resource, Stop::Immediate);
                }
            }
            Action::Fence => {
                let off = reading.live && reading.system == SystemState::PowerOff;
                // Without an answer of its service processor, one reading may only show what the witness knew last.
                let shown = asked.plus(OFF_SHOWS);
                if off && (doubt.is_none() || elapsed >= shown) {
                    return self.report(Ending::Done);
                }
                // Read again when that reading would count, not much later.
                if off {
                    self.pause = self.pause.min(Span(shown.0.saturating_sub(elapsed.0)));
                }
                if out_of_time {
                    let why = format!("it still reads {}", reading.system);
                    return self.report(Ending::Unknown(doubt.unwrap_or(why.into())));
                }
            }
            Action::FenceNode { .. } => {
                if reading.node_power() == Power::Off {
                    return self.report(Ending::Done);
                }
                if out_of_time {
                    let why = format!("its LPAR still reads {}", reading.node_power());
                    return self.report(Ending::Unknown(doubt.unwrap_or(why.into())));
                }
            }
            Action::Hook { .. } => {}
            Action::Migrate { to, .. } => {
                if let Some(ending) = self.moved(power, &to, doubt, out_of_time) {
                    return self.report(ending);
                }
            }
            Action::StopMigration { resource, .. } => {
                if let Some(next) = self.ended(power, resource, elapsed, asked, forced, doubt) {
                    return next;
                }
            }
        }
        self.rest()
    }

    fn rest(&mut self) -> Next {
        let pause = self.pause;
        self.pause = Span(pause.times(2).0.min(LONGEST_PAUSE.0));
        Next::Ask(Ask::Pause(pause))
    }

    fn read_here(&self) -> Next {
        Next::Ask(Ask::Read(self.order.server.clone()))
    }

    fn power(&self, reading: &Reading) -> Power {
        self.order.action.resource().map(|resource| reading.power(resource)).unwrap_or_default()
    }

    /// The reason to leave alone an LPAR that bears this name, if there is one.
    fn alarm(&self, reading: &Reading) -> Option<String> {
        self.order.action.resource().and_then(|resource| reading.alarm(resource))
    }

    fn reads(&self, power: Power, reading: &Reading) -> String {
        let said = self.alarm(reading).map(|why| format!(": {why}")).unwrap_or_default();
        format!("it reads {power} on {}{said}", reading.server)
    }

    /// Whether the server of the order read off before it was told to power off.
    fn read_off(&self) -> bool {
        let reading = self.readings.get(&self.order.server);
        reading.is_some_and(|reading| reading.live && reading.system == SystemState::PowerOff)
    }

    fn report(&self, ending: Ending) -> Next {
        Next::Report(self.answer(ending))
    }

    fn answer(&self, ending: Ending) -> Report {
        let readings = self.readings.values().cloned().collect();
        Report { order: self.order.id, ending, readings, seen: self.seen.clone() }
    }
}

/// The words for a server that was not read.
fn unread(server: &ServerName) -> ForeignText {
    format!("{server} was not read in time, its managers are busy with other commands").into()
}

/// The ending of a program, by the answer.
fn ran(answer: Answer) -> Ending {
    match answer {
        Answer::Accepted | Answer::Already => Ending::Done,
        Answer::Refused(why) => Ending::Refused(why),
        Answer::NotSent(why) => Ending::NotDone(why),
        Answer::Unknown(why) => Ending::Unknown(why),
        Answer::Read(_) | Answer::Unread(_) | Answer::Probed(_) | Answer::Paused => {
            Ending::Unknown("the program was not answered for".into())
        }
    }
}
