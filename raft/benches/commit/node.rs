//! One node's process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use tenure_raft::tls::{Credentials, Identity};
use tenure_raft::{
    AppHandler, Handle, Options, Peer, ProposeError, Raft, RestoreError, Snapshots, StateMachine, Timings,
};

use crate::latencies::Latencies;

const COMMAND: usize = 256;
const DEADLINE: Duration = Duration::from_secs(10);

pub fn name(id: u64) -> String {
    format!("p{id}")
}

pub fn write_identity(dir: &Path, id: u64, identity: &Identity) {
    let parts = [("cert", &identity.cert_pem), ("key", &identity.key_pem), ("ca", &identity.ca_pem)];
    for (part, text) in parts {
        std::fs::write(dir.join(format!("{id}.{part}")), text).expect("room on the disk");
    }
}

fn read_identity(dir: &Path, id: u64) -> Identity {
    let part = |part| std::fs::read_to_string(dir.join(format!("{id}.{part}"))).expect("a written identity");
    Identity { cert_pem: part("cert"), key_pem: part("key"), ca_pem: part("ca") }
}

/// Counts commands: the bench is about consensus, not about a state machine.
#[derive(Default)]
struct Counter(u64);

impl StateMachine for Counter {
    type Image = u64;

    fn apply(&mut self, _index: u64, _command: &[u8]) -> Vec<u8> {
        self.0 += 1;
        self.0.to_le_bytes().to_vec()
    }

    fn image(&self) -> u64 {
        self.0
    }

    fn encode(image: u64) -> Vec<u8> {
        image.to_le_bytes().to_vec()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let bytes = bytes.try_into().map_err(|_| RestoreError { reason: "not a count".to_owned() })?;
        self.0 = u64::from_le_bytes(bytes);
        Ok(())
    }
}

struct NoCalls;

impl AppHandler for NoCalls {
    fn call(&self, _from: u64, _body: Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, String>> {
        async { Err("no calls here".to_owned()) }.boxed()
    }
}

/// Obeys the lines on standard input; answers each with one line.
pub fn serve(id: u64, dir: &Path) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let node = runtime.block_on(start(id, dir));
    println!("{}", node.peer().expect("a node that listens").address);
    for line in std::io::stdin().lines() {
        let line = line.expect("lines of text");
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["found", members @ ..] => println!("{}", runtime.block_on(found(&node, members))),
            ["run", clients, seconds] => {
                let clients = clients.parse().expect("a number of clients");
                let seconds = Duration::from_secs(seconds.parse().expect("a number of seconds"));
                println!("{}", runtime.block_on(run(&node, clients, seconds)).write());
            }
            other => panic!("what is {other:?}?"),
        }
    }
}

async fn start(id: u64, dir: &Path) -> Handle<Counter> {
    let options = Options {
        id,
        name: name(id),
        cluster: crate::CLUSTER.to_owned(),
        data_dir: Some(dir.join(name(id))),
        witness: None,
        introduced: (1..=9).map(|id| (id, Peer { name: name(id), address: String::new() })).collect(),
        listen: "127.0.0.1:0".parse().expect("an address"),
        advertise: String::new(),
        credentials: Credentials::new(read_identity(dir, id)).expect("an identity"),
        timings: Timings::default(),
        snapshots: Snapshots::default(),
        feature_level_max: 1,
    };
    Raft::start(options, Counter::default(), Arc::new(NoCalls)).await.expect("a node that starts")
}

async fn found(node: &Handle<Counter>, members: &[&str]) -> u64 {
    let member = |member: &&str| {
        let (id, address) = member.split_once('=').expect("id=address");
        let id = id.parse().expect("an id");
        (id, Peer { name: name(id), address: address.to_owned() })
    };
    let members: BTreeMap<u64, Peer> = members.iter().map(member).collect();
    node.initialize(members).await.expect("a new cluster");
    node.propose(vec![0; COMMAND], DEADLINE).await.expect("a cluster that works");
    node.status().leader.expect("a leader, since it took a proposal")
}

async fn run(node: &Handle<Counter>, clients: u64, time: Duration) -> Latencies {
    let end = Instant::now() + time;
    let clients: Vec<_> = (0..clients).map(|_| tokio::spawn(client(node.clone(), end))).collect();
    let mut all = Latencies::default();
    for client in clients {
        all.merge(&client.await.expect("a client"));
    }
    all
}

async fn client(node: Handle<Counter>, end: Instant) -> Latencies {
    let mut latencies = Latencies::default();
    while Instant::now() < end {
        let start = Instant::now();
        match node.propose(vec![7; COMMAND], DEADLINE).await {
            Ok(_) => latencies.add(start.elapsed()),
            Err(
                ProposeError::NoLeader { .. }
                | ProposeError::NotLeader { .. }
                | ProposeError::Refused(_)
                | ProposeError::Unknown { .. },
            ) => {
                // Not counted, and rare enough not to matter: it would show as a hole in the rate.
            }
        }
    }
    latencies
}
