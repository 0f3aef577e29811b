//! The orders that a node carries out: the ones that it takes up, the last check before anything is sent, and the
//! report of the end.

use super::{Effect, Lease, Past, Proposal, Recall, Taken};
use crate::{
    Command, Ledger, NodeName, OrderId, Report, Span, Time,
    execution::{Answer, Ask, Change, Execution, MachineOperation, Next, Operation},
    ledger::Incarnation,
    order::{Action, Order},
    time::Moment,
};
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// Number of orders that are carried out at the same time. Others wait their turn; an HMC takes only a few at once
/// anyway.
const AT_ONCE: usize = 128;
/// Number of administrators' programs that run at the same time, beside the other orders: they may take long, and
/// must not keep an LPAR from being started.
const HOOKS_AT_ONCE: usize = 16;
/// Time until an order whose report did not count is reported again.
const REPORT_AGAIN: Span = Span::seconds(1);

/// The orders of a node, with the stage of each.
#[derive(Clone, Debug)]
pub struct Orders {
    me: NodeName,
    by: Incarnation,
    owed: BTreeMap<OrderId, Owed>,
    /// Those that are not begun.
    waiting: BTreeSet<OrderId>,
}

#[derive(Clone, Debug)]
struct Owed {
    order: Order,
    /// Time at which this process learnt of it.
    since: Moment,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Waiting for a lease, or for its turn.
    Waiting,
    /// Waiting for the answer to a question.
    Asked {
        execution: Box<Execution>,
    },
    /// Marking the LPAR before it is started.
    Marking {
        execution: Box<Execution>,
        ask: Ask,
    },
    Pausing {
        execution: Box<Execution>,
        until: Moment,
    },
    /// It has ended, and is reported until the log holds the report; `None` while a report is under way.
    Over {
        report: Box<Report>,
        again: Option<Moment>,
    },
}

/// The context in which orders are carried out.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Owing<'a> {
    /// Time on the node's own clock.
    pub moment: Moment,
    /// Cluster time.
    pub at: Time,
    /// The ledger that the node has applied.
    pub ledger: &'a Ledger,
    pub lease: &'a Lease,
    /// The orders that earlier processes may have begun.
    pub past: &'a Past,
}

impl Orders {
    /// No orders yet.
    pub fn new(me: NodeName, by: Incarnation) -> Self {
        Orders { me, by, owed: BTreeMap::new(), waiting: BTreeSet::new() }
    }

    /// Follows the ledger: takes up new orders, and drops those that are gone from it.
    pub fn follow(&mut self, owing: &Owing<'_>, effects: &mut Vec<Effect>) {
        let gone: Vec<OrderId> = self.owed.keys().filter(|id| !owing.ledger.orders.contains_key(id)).copied().collect();
        for id in gone {
            self.owed.remove(&id);
            self.waiting.remove(&id);
            effects.push(Effect::Drop(id));
        }
        for order in owing.ledger.orders.values().filter(|order| order.node == self.me) {
            if let Entry::Vacant(new) = self.owed.entry(order.id) {
                new.insert(Owed { order: order.clone(), since: owing.moment, stage: Stage::Waiting });
                self.waiting.insert(order.id);
            }
        }
    }

    /// Begins waiting orders that may begin, gives up those that have waited for too long, ends pauses, and repeats
    /// reports.
    pub fn go_on(&mut self, owing: &Owing<'_>, effects: &mut Vec<Effect>) {
        self.begin(owing, effects);
        let due: Vec<OrderId> = self
            .owed
            .iter()
            .filter(|(_, owed)| owed.due().is_some_and(|at| at <= owing.moment))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let Some(owed) = self.owed.get_mut(&id) else { continue };
            if let Stage::Over { report, again } = &mut owed.stage {
                *again = None;
                effects.push(tell(&self.me, self.by, report, owing.at));
            } else {
                self.answered(id, Answer::Paused, owing, effects);
            }
        }
    }

    fn begin(&mut self, owing: &Owing<'_>, effects: &mut Vec<Effect>) {
        if self.waiting.is_empty() {
            return;
        }
        let covered = owing.lease.covers(owing.ledger.index, owing.moment);
        let mut room = [AT_ONCE.saturating_sub(self.running(false)), HOOKS_AT_ONCE.saturating_sub(self.running(true))];
        let [others, hooks] = &mut room;
        for id in self.waiting.clone() {
            let Some(owed) = self.owed.get(&id) else { continue };
            let late = owing.moment.since(owed.since) >= owed.order.budget;
            let room = if owed.is_hook() { &mut *hooks } else { &mut *others };
            if !late && (!covered || *room == 0) {
                continue;
            }
            self.waiting.remove(&id);
            let execution = Execution::of(owing.ledger, &owed.order);
            if late {
                let why = if covered { "not begun" } else { "no lease" };
                let report = execution.give_up(&format!("{why} within the budget of the order"));
                self.over(id, report, owing, effects);
                continue;
            }
            if let Some(report) = owing.past.not_again(&owed.order) {
                self.over(id, report, owing, effects);
                continue;
            }
            *room = room.saturating_sub(1);
            let first = execution.first();
            self.ask(id, Box::new(execution), first, owing, effects);
        }
    }

    fn running(&self, hooks: bool) -> usize {
        let runs = |owed: &&Owed| match owed.stage {
            Stage::Waiting | Stage::Over { .. } => false,
            Stage::Asked { .. } | Stage::Marking { .. } | Stage::Pausing { .. } => owed.is_hook() == hooks,
        };
        self.owed.values().filter(runs).count()
    }

    /// Sends a question of an order. The last check of the order, and of the lease, stands directly before every
    /// change.
    fn ask(&mut self, id: OrderId, execution: Box<Execution>, ask: Ask, owing: &Owing<'_>, effects: &mut Vec<Effect>) {
        let Some(owed) = self.owed.get_mut(&id) else { return };
        if let Ask::Pause(span) = ask {
            owed.stage = Stage::Pausing { execution, until: owing.moment.after(span) };
            return;
        }
        if matches!(ask, Ask::Do(_))
            && let Some(why) = held_back(&owed.order, owed.since, owing)
        {
            owed.stage = Stage::Asked { execution };
            self.answered(id, Answer::NotSent(why.into()), owing, effects);
            return;
        }
        if let Ask::Do(Operation::Hypervisor(Change::Machine(resource, MachineOperation::Start))) = &ask
            && owing.ledger.config.owner_mark
        {
            let (server, resource) = (owed.order.server.clone(), resource.clone());
            effects.push(Effect::Mark { order: id, server, resource });
            owed.stage = Stage::Marking { execution, ask };
            return;
        }
        effects.push(Effect::Carry { order: owed.order.clone(), ask });
        owed.stage = Stage::Asked { execution };
    }

    /// Goes on with an order whose mark is set. That takes a while, so the last check is made again.
    pub fn marked(&mut self, id: OrderId, owing: &Owing<'_>, effects: &mut Vec<Effect>) {
        let Some(owed) = self.owed.get_mut(&id) else { return };
        match std::mem::replace(&mut owed.stage, Stage::Waiting) {
            Stage::Marking { execution, ask } => {
                let held = held_back(&owed.order, owed.since, owing);
                if held.is_none() {
                    effects.push(Effect::Carry { order: owed.order.clone(), ask });
                }
                owed.stage = Stage::Asked { execution };
                if let Some(why) = held {
                    self.answered(id, Answer::NotSent(why.into()), owing, effects);
                }
            }
            other @ (Stage::Waiting | Stage::Asked { .. } | Stage::Pausing { .. } | Stage::Over { .. }) => {
                owed.stage = other;
            }
        }
    }

    /// Takes the answer to a question of an order.
    pub fn answered(&mut self, id: OrderId, answer: Answer, owing: &Owing<'_>, effects: &mut Vec<Effect>) {
        let Some(owed) = self.owed.get_mut(&id) else { return };
        let elapsed = owing.moment.since(owed.since);
        match std::mem::replace(&mut owed.stage, Stage::Waiting) {
            Stage::Asked { mut execution } | Stage::Pausing { mut execution, .. } => {
                match execution.next(answer, elapsed) {
                    Next::Ask(ask) => self.ask(id, execution, ask, owing, effects),
                    Next::Wait => owed.stage = Stage::Asked { execution },
                    Next::Report(report) => self.over(id, report, owing, effects),
                }
            }
            other @ (Stage::Waiting | Stage::Marking { .. } | Stage::Over { .. }) => owed.stage = other,
        }
    }

    /// Ends an order. The ending is put in doubt if an earlier process may have taken the order up.
    fn over(&mut self, id: OrderId, report: Report, owing: &Owing<'_>, effects: &mut Vec<Effect>) {
        let Some(owed) = self.owed.get_mut(&id) else { return };
        let report = Report { ending: owing.past.doubt(&owed.order, report.ending), ..report };
        effects.push(tell(&self.me, self.by, &report, owing.at));
        owed.stage = Stage::Over { report: Box::new(report), again: None };
    }

    /// Takes the outcome of an order's report.
    pub fn reported(&mut self, id: OrderId, taken: Taken, moment: Moment) {
        let Some(Owed { stage: Stage::Over { again, .. }, .. }) = self.owed.get_mut(&id) else { return };
        *again = match taken {
            // The ledger drops the order as it takes the report.
            Taken::Yes => None,
            Taken::No => Some(moment.after(REPORT_AGAIN)),
        };
    }

    /// Gives its state to `to`, field by field.
    pub(super) fn recall(&self, to: &mut impl Recall) {
        // The node gives its own identity; a waiting order is known by its stage.
        let Orders { me: _, by: _, owed, waiting: _ } = self;
        for Owed { order, since, stage } in owed.values() {
            to.order(order);
            to.moment(*since);
            stage.recall(*since, to);
        }
        to.word(u64::MAX);
    }

    /// Time at which something is due even if nothing happens.
    pub fn wake(&self) -> Option<Moment> {
        self.owed.values().filter_map(Owed::due).min()
    }
}

impl Stage {
    fn recall(&self, since: Moment, to: &mut impl Recall) {
        match self {
            Stage::Waiting => to.word(0),
            Stage::Asked { execution } => {
                to.word(1);
                execution.recall(since, to);
            }
            Stage::Marking { execution, ask } => {
                to.word(2);
                to.ask(ask);
                execution.recall(since, to);
            }
            // The length of the pause only decides how soon the next look comes.
            Stage::Pausing { execution, until: _ } => {
                to.word(3);
                execution.recall(since, to);
            }
            Stage::Over { report, again } => {
                to.word(4u64.wrapping_add(u64::from(again.is_some())));
                to.report(report);
            }
        }
    }
}

impl Owed {
    fn is_hook(&self) -> bool {
        matches!(self.order.action, Action::Hook { .. })
    }

    fn due(&self) -> Option<Moment> {
        match &self.stage {
            Stage::Waiting => Some(self.since.after(self.order.budget)),
            Stage::Pausing { until, .. } => Some(*until),
            Stage::Over { again, .. } => *again,
            Stage::Asked { .. } | Stage::Marking { .. } => None,
        }
    }
}

/// The reason to send nothing of an order now, if there is one: by the ledger that this node has applied, it is not
/// to be sent any more; or the lease does not cover it.
fn held_back(order: &Order, since: Moment, owing: &Owing<'_>) -> Option<String> {
    if let Err(why) = owing.ledger.may_send(order, owing.moment.since(since)) {
        return Some(why.to_string());
    }
    (!owing.lease.covers(owing.ledger.index, owing.moment)).then(|| "the lease of this node has ended".to_owned())
}

fn tell(me: &NodeName, by: Incarnation, report: &Report, at: Time) -> Effect {
    let speaker = Command::SpokenBy { node: me.clone(), incarnation: by };
    let commands = vec![speaker, Command::Report(report.clone())];
    Effect::Propose { of: Proposal::Report(report.order), commands, at }
}
