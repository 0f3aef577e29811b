//! Nodes, clients and the course of events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use openraft::Instant;
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::{SimInstant, SimRuntime};
use rand::RngExt;
use tenure_raft::{
    AppHandler, Handle, Offload, Parts, Peer, ProposeError, Raft, RestoreError, Snapshots, StateMachine, Timings,
};
use tenure_storage::{Command, Entry, LeaderId, Payload, Reply, Vote};

use crate::disk::Disk;
use crate::net::Net;

openraft::declare_raft_types!(
    pub SimTypes:
        D = Command,
        R = Reply,
        NodeId = u64,
        Node = Peer,
        LeaderId = LeaderId,
        Vote = Vote,
        Payload = Payload,
        Entry = Entry,
        AsyncRuntime = SimRuntime,
);

const CLIENTS: u64 = 4;
const NODES: u64 = 3;

#[derive(Default)]
pub struct Numbers(Vec<u64>);

impl StateMachine for Numbers {
    type Image = Vec<u64>;

    fn apply(&mut self, _index: u64, command: &[u8]) -> Vec<u8> {
        self.0.push(u64::from_le_bytes(command.try_into().unwrap()));
        Vec::new()
    }

    fn image(&self) -> Vec<u64> {
        self.0.clone()
    }

    fn encode(image: Vec<u64>) -> Vec<u8> {
        image.into_iter().flat_map(u64::to_le_bytes).collect()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let (numbers, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(RestoreError { reason: "cut".to_owned() });
        }
        self.0 = numbers.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        Ok(())
    }
}

struct NoCalls;

impl AppHandler for NoCalls {
    fn call(&self, _from: u64, _body: Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, String>> {
        async { Err("no calls here".to_owned()) }.boxed()
    }
}

pub type Node = Handle<Numbers, SimTypes>;

/// The events and results of one run.
#[derive(Default)]
pub struct Story {
    pub events: Vec<String>,
    pub acknowledged: Vec<u64>,
    pub refused: Vec<u64>,
    pub states: BTreeMap<u64, Vec<u64>>,
    pub trace: Vec<String>,
}

pub struct World {
    pub net: Net,
    timings: Timings,
    disks: BTreeMap<u64, Disk>,
    pub nodes: Mutex<BTreeMap<u64, Node>>,
    story: Mutex<Story>,
    over: Mutex<bool>,
}

pub fn peer(id: u64) -> Peer {
    Peer { name: format!("p{id}"), address: format!("p{id}:1") }
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The clockwork of all nodes, unless another is chosen.
pub fn timings() -> Timings {
    Timings {
        heartbeat: Duration::from_millis(100),
        election_min: Duration::from_millis(500),
        election_max: Duration::from_millis(1000),
    }
}

impl World {
    /// A world in which this many nodes can be booted.
    pub fn of(nodes: u64) -> World {
        World::with(nodes, timings())
    }

    /// The same with another clockwork.
    pub fn with(nodes: u64, timings: Timings) -> World {
        World {
            net: Net::default(),
            timings,
            disks: (1..=nodes).map(|id| (id, Disk::new())).collect(),
            nodes: Mutex::default(),
            story: Mutex::default(),
            over: Mutex::new(false),
        }
    }

    fn say(&self, what: impl std::fmt::Display) {
        let at = SimInstant::now().elapsed_since_start();
        self.story.lock().unwrap().events.push(format!("{:>9.3} {what}", at.as_secs_f64()));
    }

    pub async fn boot(&self, id: u64) {
        self.say(format_args!("boot {id}"));
        let disk = &self.disks[&id];
        let parts = Parts::<SimTypes> {
            id,
            cluster: "sim".to_owned(),
            log: disk.boot(),
            snapshots: disk.snapshots.clone(),
            introduced: (1..=9).map(|id| (id, peer(id))).collect(),
            wire: Arc::new(self.net.wire(id)),
            timings: self.timings,
            snapshot_policy: Snapshots { every: 150, keep: 20, ..Snapshots::default() },
            feature_level_max: 1,
            offload: Offload::Inline,
        };
        let assembled = Raft::assemble(parts, Numbers::default(), Arc::new(NoCalls)).await;
        let (node, service) = assembled.unwrap();
        self.net.plug(id, service);
        self.nodes.lock().unwrap().insert(id, node);
    }

    /// Cuts the power: unsynced writes are lost, and nothing the node still does has an effect.
    fn crash(&self, id: u64) {
        self.net.unplug(id);
        let lost = self.disks[&id].crash();
        self.say(format_args!("crash {id}, {lost} unsynced operations lost"));
        let node = self.nodes.lock().unwrap().remove(&id);
        if let Some(node) = node {
            drop(SimRuntime::spawn(async move { node.shutdown().await }));
        }
    }

    fn leader(&self) -> u64 {
        let nodes = self.nodes.lock().unwrap();
        nodes.values().find_map(|node| node.status().leader).unwrap_or(1)
    }

    fn any_node(&self) -> Option<Node> {
        let nodes = self.nodes.lock().unwrap();
        let at = SimRuntime::thread_rng().random_range(0..NODES);
        nodes.values().nth(at as usize).cloned()
    }
}

pub fn run(seed: u64, traced: bool) -> Story {
    let mut runtime = SimRuntime::with_seed(seed);
    runtime.record_trace(traced);
    let mut story = runtime.block_on(unfold());
    story.trace = runtime.take_trace();
    story
}

async fn unfold() -> Story {
    let world = Arc::new(World::of(NODES));
    for id in 1..=NODES {
        world.boot(id).await;
    }
    let first = world.nodes.lock().unwrap()[&1].clone();
    first.initialize((1..=NODES).map(|id| (id, peer(id))).collect()).await.unwrap();
    drop(first);
    let clients: Vec<_> = (0..CLIENTS).map(|client| SimRuntime::spawn(propose(Arc::clone(&world), client))).collect();

    SimRuntime::sleep(seconds(5)).await;
    let cut = world.leader();
    world.say(format_args!("cut off {cut}"));
    world.net.cut(&[cut]);
    SimRuntime::sleep(seconds(5)).await;
    world.say("heal");
    world.net.cut(&[]);
    SimRuntime::sleep(seconds(3)).await;

    let crashed = world.leader();
    world.crash(crashed);
    SimRuntime::sleep(seconds(4)).await;
    world.boot(crashed).await;
    SimRuntime::sleep(seconds(3)).await;
    for id in 1..=NODES {
        world.crash(id);
    }
    SimRuntime::sleep(seconds(1)).await;
    for id in 1..=NODES {
        world.boot(id).await;
    }
    SimRuntime::sleep(seconds(5)).await;

    *world.over.lock().unwrap() = true;
    for client in clients {
        client.await.unwrap();
    }
    finish(&world).await
}

async fn propose(world: Arc<World>, client: u64) {
    let mut serial = 0;
    while !*world.over.lock().unwrap() {
        serial += 1;
        let number = client * 1_000_000 + serial;
        let pause = Duration::from_millis(SimRuntime::thread_rng().random_range(5..60));
        SimRuntime::sleep(pause).await;
        let Some(node) = world.any_node() else {
            continue;
        };
        let outcome = node.propose(number.to_le_bytes().to_vec(), seconds(1)).await;
        let at = node.id();
        match outcome {
            Ok(proposed) => {
                world.say(format_args!("{number} at {at} is entry {}", proposed.index));
                world.story.lock().unwrap().acknowledged.push(number);
            }
            Err(
                error @ (ProposeError::NoLeader { .. } | ProposeError::NotLeader { .. } | ProposeError::Refused(_)),
            ) => {
                world.say(format_args!("{number} at {at}: {error}"));
                world.story.lock().unwrap().refused.push(number);
            }
            Err(error @ ProposeError::Unknown { .. }) => world.say(format_args!("{number} at {at}: {error}")),
        }
    }
}

/// Everything is healed: all nodes must come to the same state.
async fn finish(world: &World) -> Story {
    let nodes: Vec<Node> = world.nodes.lock().unwrap().values().cloned().collect();
    let mut last = 0;
    for node in &nodes {
        last = last.max(node.barrier(seconds(20)).await.unwrap());
    }
    let mut states = BTreeMap::new();
    for node in &nodes {
        node.barrier(seconds(20)).await.unwrap();
        states.insert(node.id(), node.state(|numbers| numbers.0.clone()));
        world.say(format_args!("node {} has {} commands", node.id(), states[&node.id()].len()));
    }
    for node in nodes {
        node.shutdown().await;
    }
    let mut story = std::mem::take(&mut *world.story.lock().unwrap());
    story.states = states;
    story
}
