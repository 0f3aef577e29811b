//! The hardware around the nodes: the model's world in true time, resources inside nodes, and watchdogs.

use crate::{
    coverage::Counts,
    judge::Judge,
    runtime::{Runtime, WORLD, spawn_in},
    trace::Trace,
};
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::{SimInstant, SimRuntime};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};
use tenure_core::{
    Inside, Ledger, NodeName, Reading, ResourceName, ServerName, Span, Time,
    config::Cluster,
    execution::{Answer, Change, LocalOperation},
};
use tenure_model::{
    sim::{
        apps::Apps,
        witness::{self, Question},
    },
    world::{Fault, Guest, LparId, ServerId, Time as WorldTime, World},
};
use tokio::sync::Notify;

/// Duration of an agent's look.
pub const LOOK: Duration = Duration::from_millis(20);
/// Maximum time between two checks for the answer of an HMC.
const AGAIN: Duration = Duration::from_millis(200);

/// The hardware of a run. Clones share it.
#[derive(Clone)]
pub struct Hardware {
    state: Arc<Mutex<State>>,
    touched: Arc<Notify>,
    /// Notified whenever the LPAR of a node may have changed.
    pub moved: Arc<Notify>,
    counts: Counts,
    trace: Trace,
    judge: Judge,
}

struct State {
    world: World,
    apps: Apps,
    serial: u64,
    /// By server: the time at which the watchdog expires, and its timeout, in milliseconds.
    dogs: BTreeMap<ServerName, (u64, u64)>,
    judged: BTreeSet<(LparId, ServerId, WorldTime)>,
    judged_to: usize,
}

/// The node that asks, and its ledger.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Asker {
    pub node: NodeName,
    /// The ledger that it acts on.
    pub ledger: Arc<Ledger>,
    /// Whether it reaches no HMC.
    pub blind: bool,
}

/// True time in milliseconds.
pub fn now() -> u64 {
    let since = <SimInstant as openraft::Instant>::now().elapsed_since_start();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Hardware {
    /// Starts a world.
    pub fn start(world: World, counts: Counts, trace: Trace, judge: Judge) -> Self {
        let state = State {
            world,
            apps: Apps::default(),
            serial: 0,
            dogs: BTreeMap::new(),
            judged: BTreeSet::new(),
            judged_to: 0,
        };
        let hardware = Hardware {
            state: Arc::new(Mutex::new(state)),
            touched: Arc::default(),
            moved: Arc::default(),
            counts,
            trace,
            judge,
        };
        drop(spawn_in(WORLD, hardware.clone().tick()));
        hardware
    }

    async fn tick(self) {
        loop {
            let next = self.step(|state| {
                let dogs = state.dogs.values().map(|(until, _)| *until);
                state.world.next_event().map(|at| at.millis()).into_iter().chain(dogs).min()
            });
            self.bite();
            self.moved.notify_one();
            let wait = next.map_or(1_000, |at| at.saturating_sub(now()).max(1));
            let sleep = SimRuntime::sleep(Duration::from_millis(wait));
            tokio::select! {
                biased;
                () = self.touched.notified() => {}
                () = sleep => {}
            }
        }
    }

    fn step<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock().expect("nobody panics with it");
        state.world.advance_to(WorldTime::from_millis(now()));
        let done = act(&mut state);
        self.look_for_overlaps(&mut state);
        done
    }

    /// Calls a function with the world as it is now.
    pub fn with<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        let done = self.step(|state| act(&mut state.world));
        self.touched.notify_one();
        done
    }

    /// Calls a function with the resources inside nodes.
    pub fn inside<R>(&self, act: impl FnOnce(&mut Apps, Time) -> R) -> R {
        self.step(|state| act(&mut state.apps, Time(now())))
    }

    /// Starts all that must run only once inside nodes, by hand, each group on the last server of its list.
    pub fn run_by_hand(&self, cluster: &Cluster) {
        self.inside(|apps, now| {
            for (name, resource) in cluster.resources.iter().filter(|(name, _)| cluster.lives_once(name)) {
                if let Some(server) = cluster.groups.get(&resource.group).and_then(|group| group.servers.last()) {
                    apps.operation(&["handstart"], resource, name, server, now).expect("it is possible");
                }
            }
        });
    }

    /// Injects a fault, if it is possible.
    pub fn inject(&self, what: &'static str, fault: Fault) -> bool {
        let done = self.with(|world| world.inject(fault));
        if done.is_ok() {
            self.counts.count(what);
            self.trace.tell(format!("{what}: {fault:?}"));
        }
        done.is_ok()
    }

    /// State of the LPAR of a node; a node without a server is always running.
    pub fn guest(&self, server: Option<&ServerName>) -> Guest {
        let Some(server) = server else { return Guest::Running };
        self.step(|state| {
            let at = state.world.server(server.as_str()).zip(state.world.lpar(&format!("node-{server}")));
            at.map_or(Guest::Off, |(server, lpar)| state.world.guest(server, lpar))
        })
    }

    /// The resources inside the node on a server end with its LPAR.
    pub fn die(&self, server: &ServerName) {
        self.step(|state| {
            state.apps.die(server);
            state.dogs.remove(server);
        });
    }

    fn number(&self) -> u64 {
        self.step(|state| {
            state.serial += 1;
            state.serial
        })
    }

    /// Reads a server through its consoles. Returns the reading, and which consoles answered.
    pub async fn read(&self, asker: Asker, server: ServerName) -> (Reading, BTreeMap<tenure_core::HmcName, bool>) {
        let (since, serial) = (asker.ledger.index, self.number());
        let (out, back) = self.step(|state| witness::latency(&state.world, &asker.ledger.config, &server));
        <Runtime as AsyncRuntime>::sleep(Duration::from_millis(out)).await;
        let ask = Question { server: &server, by: &asker.node, since, serial };
        let (reading, answering) = self.step(|state| {
            let reading = witness::read(&state.world, &asker.ledger, &ask, asker.blind, None);
            let answering = witness::answering(&state.world, &asker.ledger.config, &server, asker.blind);
            (reading, answering)
        });
        <Runtime as AsyncRuntime>::sleep(Duration::from_millis(back)).await;
        self.trace.note(|| format!("read {} by {}: {:?}", reading.server, reading.by, reading.system));
        (reading, answering)
    }

    /// Makes a change through the consoles of a server.
    pub async fn change(&self, asker: Asker, server: ServerName, change: Change) -> Answer {
        if asker.blind {
            return Answer::NotSent("no manager answers".into());
        }
        let route = self.step(|state| witness::change(&state.world, &asker.ledger.config, &server, &change));
        let (hmc, command) = match route {
            Ok(route) => route,
            Err(answer) => return *answer,
        };
        self.trace.note(|| format!("{} has {hmc:?} do {command:?}", asker.node));
        self.counts.count("world: command sent");
        let sent = self.with(|world| world.submit(hmc, command));
        loop {
            let (answer, due) = self.step(|state| (state.world.take_answer(sent), state.world.answer_due(sent)));
            if let Some((_, answer)) = answer {
                return witness::answer(&change, answer);
            }
            let wait = due.map(|at| Duration::from_millis(at.millis().saturating_sub(now()).max(1)));
            <Runtime as AsyncRuntime>::sleep(wait.unwrap_or(AGAIN).min(AGAIN)).await;
        }
    }

    /// Executes a command of an agent on a server.
    pub fn agent(&self, config: &Cluster, server: &ServerName, operation: (&ResourceName, LocalOperation)) -> Answer {
        self.inside(|apps, now| apps.command(config, server, operation, now))
    }

    /// Looks of the agents of the node on a server.
    pub fn look(&self, ledger: &Ledger, server: &ServerName) -> Inside {
        let look = (ledger.index, self.number());
        self.inside(|apps, now| apps.see(&ledger.config, server, now, look))
    }

    /// Feeds the watchdog of a server, and thereby arms it.
    pub fn feed(&self, server: &ServerName, after: Span) {
        let until = now().saturating_add(after.0);
        self.step(|state| state.dogs.insert(server.clone(), (until, after.0)));
    }

    /// Resets the LPARs of nodes whose watchdog has expired.
    fn bite(&self) {
        let starved: Vec<ServerName> = self.step(|state| {
            let starved = state.dogs.iter().filter(|(_, (until, _))| *until <= now());
            starved.map(|(server, _)| server.clone()).collect()
        });
        for server in starved {
            let at = self.step(|state| {
                state.dogs.remove(&server);
                state.world.server(server.as_str()).zip(state.world.lpar(&format!("node-{server}")))
            });
            if let Some((server, lpar)) = at {
                // It may already be off.
                self.inject("watchdog: LPAR reset", Fault::Crash(server, lpar));
            }
        }
    }

    /// The promise: no second copy that we started. A copy that was started by hand does not count.
    fn look_for_overlaps(&self, state: &mut State) {
        let length = state.world.history().len();
        if std::mem::replace(&mut state.judged_to, length) == length {
            return;
        }
        for overlap in state.world.violations() {
            if !state.judged.insert((overlap.lpar, overlap.second, overlap.from)) {
                continue;
            }
            let lpar = state.world.lpar_name(overlap.lpar);
            let (first, second) = (state.world.server_name(overlap.first), state.world.server_name(overlap.second));
            let text = format!("{lpar} is active on {first} and {second}");
            self.trace.tell(format!("world: {text}"));
            if overlap.was_ordered(state.world.history().entries()) {
                self.judge.accuse(format!("at {} ms {text}", now()));
            } else {
                self.counts.count("world: second copy of somebody's hand");
            }
        }
    }

    /// The same promise for resources inside nodes.
    pub fn judge_inside(&self, ledger: &Ledger) {
        for (name, group) in &ledger.groups {
            for resource in group.copies.keys().filter(|resource| ledger.is_inside(resource)) {
                let ours = self.ours(resource, group.tenure.as_ref().map(|tenure| &tenure.server));
                if ours.len() > 1 && !group.passive.contains(resource) {
                    self.judge.accuse(format!("group {name}: {resource} runs inside {ours:?}"));
                }
            }
        }
    }

    /// The servers on which a resource inside nodes is active through us.
    pub fn ours(&self, resource: &ResourceName, tenure: Option<&ServerName>) -> BTreeSet<ServerName> {
        self.inside(|apps, _| {
            if let Some(server) = tenure {
                apps.take_over(resource, server);
            }
            apps.ours(resource)
        })
    }

    /// Length of the world's history.
    pub fn history(&self) -> usize {
        self.step(|state| state.world.history().len())
    }
}
