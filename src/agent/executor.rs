//! The executor: one task per order that this node owes, bounded, keyed by the order's identity.

use super::{
    Hands, Lease, Reader,
    hook::{self, Program},
    moment::span,
};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tenure_core::{
    Ledger, NodeName, OrderId, Report,
    carry::{Answer, Ask, Execution, Next},
    order::{Action, Order},
};
use tokio::{sync::mpsc, task::AbortHandle};

/// Orders that are carried out at the same time. More wait their turn; the HMC takes only a few at once anyway.
pub const AT_ONCE: usize = 128;
/// Programs of administrators' that run at the same time, beside the other orders: they may take long, and must not keep an
/// LPAR from being started.
pub const HOOKS_AT_ONCE: usize = 16;
/// How often a waiting order looks whether the lease is back.
const LEASE_LOOK: Duration = Duration::from_millis(50);

/// An order that was carried out, with its answer.
#[derive(Debug)]
pub struct Finished {
    /// The answer.
    pub report: Report,
}

/// Carries out the orders that a node owes.
pub struct Executor {
    me: NodeName,
    shared: Shared,
    known: BTreeMap<OrderId, Owed>,
    finished: mpsc::Sender<Finished>,
}

/// The ledger as this node has applied it.
pub type Applied = Arc<dyn Fn() -> Arc<Ledger> + Send + Sync>;

#[derive(Clone)]
struct Shared {
    hands: Arc<Hands>,
    reader: Reader,
    lease: Lease,
    ledger: Applied,
}

struct Owed {
    since: Instant,
    hook: bool,
    task: Option<AbortHandle>,
}

impl Executor {
    /// An executor that answers on this channel.
    pub fn new(
        me: NodeName,
        hands: Arc<Hands>,
        reader: Reader,
        lease: Lease,
        ledger: Applied,
        finished: mpsc::Sender<Finished>,
    ) -> Self {
        let shared = Shared { hands, reader, lease, ledger };
        Executor { me, shared, known: BTreeMap::new(), finished }
    }

    /// Takes up orders that are new in the ledger and drops those that are gone from it.
    pub fn follow(&mut self, ledger: &Ledger) {
        self.known.retain(|id, owed| {
            let open = ledger.orders.contains_key(id);
            if let Some(task) = owed.task.as_ref().filter(|_| !open) {
                task.abort();
            }
            open
        });
        let count = |hook: bool| self.known.values().filter(|owed| owed.task.is_some() && owed.hook == hook).count();
        let mut room = [AT_ONCE.saturating_sub(count(false)), HOOKS_AT_ONCE.saturating_sub(count(true))];
        for order in ledger.orders.values().filter(|order| order.node == self.me) {
            let hook = matches!(order.action, Action::Hook { .. });
            let owed = self.known.entry(order.id).or_insert_with(|| Owed { since: Instant::now(), hook, task: None });
            let room = &mut room[usize::from(hook)];
            if owed.task.is_some() || *room == 0 {
                continue;
            }
            *room -= 1;
            let (shared, since) = (self.shared.clone(), owed.since);
            let execution = Execution::of(ledger, order);
            let finished = self.finished.clone();
            let run = async move {
                let report = carry_out(shared, execution, since).await;
                // The receiver is gone only when the node stops.
                let _ = finished.send(Finished { report }).await;
            };
            owed.task = Some(tokio::spawn(run).abort_handle());
        }
    }

    /// How many orders are being carried out.
    pub fn running(&self) -> usize {
        self.known.values().filter(|owed| owed.task.is_some()).count()
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        for task in self.known.values().filter_map(|owed| owed.task.as_ref()) {
            task.abort();
        }
    }
}

/// Carries out an order, and says of it what a process can that may not be the first to have taken it up.
async fn carry_out(shared: Shared, execution: Execution, since: Instant) -> Report {
    let (lease, order) = (shared.lease.clone(), execution.order().clone());
    let report = step_by_step(shared, execution, since).await;
    Report { ending: lease.doubt(&order, report.ending), ..report }
}

async fn step_by_step(shared: Shared, mut execution: Execution, since: Instant) -> Report {
    let budget = Duration::from_millis(execution.order().budget.0);
    while !shared.lease.covers(shared.hands.applied()) {
        if since.elapsed() >= budget {
            return execution.give_up("no lease within the budget of the order");
        }
        tokio::time::sleep(LEASE_LOOK).await;
    }
    if let Some(report) = shared.lease.not_again(execution.order()) {
        return report;
    }
    let mut ask = execution.first();
    loop {
        let answer = shared.ask(execution.order(), &ask, since).await;
        let elapsed = span(since.elapsed());
        match execution.next(answer, elapsed) {
            Next::Ask(next) => ask = next,
            Next::Report(report) => return report,
        }
    }
}

impl Shared {
    async fn ask(&self, order: &Order, ask: &Ask, since: Instant) -> Answer {
        match ask {
            Ask::Read(server) => match self.reader.read(server).await {
                Some(reading) => Answer::Read(reading),
                None => Answer::NotSent("the node stops".to_owned()),
            },
            Ask::Pause(span) => {
                tokio::time::sleep(Duration::from_millis(span.0)).await;
                Answer::Paused
            }
            Ask::Run { program, arguments, within } => {
                if let Some(why) = self.held_back(order, since) {
                    return Answer::NotSent(why);
                }
                let within = Duration::from_millis(within.0);
                hook::run(&Program { path: program, arguments, variables: self.variables(order), within }).await
            }
            Ask::Look(resource) => Answer::Looked(self.hands.agents().look(resource).await),
            Ask::Start(_)
            | Ask::ShutDown(_)
            | Ask::PowerDown(_)
            | Ask::CutOff(_)
            | Ask::Clean { .. }
            | Ask::CutOffNode
            | Ask::PowerOff
            | Ask::Migrate { .. }
            | Ask::StopMigration(_)
            | Ask::RecoverMigration(_)
            | Ask::MoveDefinition { .. }
            | Ask::RemoteRestart { .. } => {
                // The last look at the order, and at the lease, stands directly before the command.
                if let Some(why) = self.held_back(order, since) {
                    return Answer::NotSent(why);
                }
                // Setting a mark takes a while, so the last look is taken again.
                if let Ask::Start(resource) = ask
                    && self.hands.mark(&order.server, resource).await
                    && let Some(why) = self.held_back(order, since)
                {
                    return Answer::NotSent(why);
                }
                self.hands.act(&order.server, ask).await
            }
        }
    }

    /// Why nothing of an order is sent now, if so: as far as this node has applied the log, it is to be sent no more; or the
    /// lease does not cover it.
    fn held_back(&self, order: &Order, since: Instant) -> Option<String> {
        let ledger = (self.ledger)();
        if let Err(why) = ledger.may_send(order, span(since.elapsed())) {
            return Some(why.to_string());
        }
        let known = ledger.index.min(self.hands.applied());
        (!self.lease.covers(known)).then(|| "the lease of this node has ended".to_owned())
    }

    /// What a program finds in its environment.
    fn variables(&self, order: &Order) -> BTreeMap<&'static str, String> {
        let Action::Hook { group, trigger, .. } = &order.action else { return BTreeMap::new() };
        BTreeMap::from([
            ("TENURE_CLUSTER", self.hands.cluster().name.clone()),
            ("TENURE_GROUP", group.to_string()),
            ("TENURE_SERVER", order.server.to_string()),
            ("TENURE_TRIGGER", trigger.word().to_owned()),
        ])
    }
}
