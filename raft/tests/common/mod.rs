//! A cluster of real nodes in one process: TLS over loopback.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rustls_pki_types::ServerName;
use tenure_raft::tls::{ClusterAuthority, Credentials, Identity, Role, client_config};
use tenure_raft::{AppHandler, Handle, Options, Peer, Raft, RestoreError, Snapshots, StateMachine, Status, Timings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub const CLUSTER: &str = "test";
/// Generous: the machine may be busy. Nothing waits for it that does not fail.
pub const SOON: Duration = Duration::from_secs(20);

/// Remembers every command since the last that replaces all.
#[derive(Default, Clone)]
pub struct Journal {
    pub commands: Vec<Vec<u8>>,
}

impl Journal {
    /// First byte of a command of more than 1,000 bytes that replaces all before it.
    pub const REPLACE: u8 = 0xee;
}

impl StateMachine for Journal {
    type Image = Vec<Vec<u8>>;

    fn apply(&mut self, _index: u64, command: &[u8]) -> Vec<u8> {
        if command.len() > 1000 && command[0] == Self::REPLACE {
            self.commands.clear();
        }
        self.commands.push(command.to_vec());
        (self.commands.len() as u64).to_le_bytes().to_vec()
    }

    fn image(&self) -> Self::Image {
        self.commands.clone()
    }

    fn encode(image: Self::Image) -> Vec<u8> {
        let mut bytes = Vec::new();
        for command in image {
            bytes.extend((command.len() as u32).to_le_bytes());
            bytes.extend(command);
        }
        bytes
    }

    fn restore(&mut self, mut bytes: &[u8]) -> Result<(), RestoreError> {
        self.commands.clear();
        let cut = || RestoreError { reason: "cut".to_owned() };
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
            let (command, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)?;
            self.commands.push(command.to_vec());
            bytes = rest;
        }
        Ok(())
    }
}

/// Answers a call with its sender and its body; the bodies `refuse` and `hang` have their own answers.
pub struct Echo;

impl AppHandler for Echo {
    fn call(&self, from: u64, body: Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, String>> {
        async move {
            match body.as_slice() {
                b"refuse" => Err("as you wish".to_owned()),
                b"hang" => std::future::pending().await,
                _ => Ok(format!("{from}: {}", String::from_utf8_lossy(&body)).into_bytes()),
            }
        }
        .boxed()
    }
}

pub type Node = Handle<Journal>;

pub fn fast() -> Timings {
    Timings {
        heartbeat: Duration::from_millis(60),
        election_min: Duration::from_millis(300),
        election_max: Duration::from_millis(600),
    }
}

pub struct Cluster {
    pub authority: ClusterAuthority,
    pub nodes: BTreeMap<u64, Node>,
    pub snapshots: Snapshots,
}

pub fn name(id: u64) -> String {
    format!("p{id}")
}

pub fn identity(authority: &ClusterAuthority, id: u64) -> Identity {
    authority.issue(&name(id), Role::Node { id }).unwrap()
}

pub fn options(authority: &ClusterAuthority, id: u64) -> Options {
    Options {
        id,
        name: name(id),
        cluster: CLUSTER.to_owned(),
        data_dir: None,
        witness: None,
        // Every node was let in by all that the tests start at the beginning.
        introduced: (1..=9).map(|id| (id, Peer { name: name(id), address: String::new() })).collect(),
        listen: "127.0.0.1:0".parse().unwrap(),
        advertise: String::new(),
        credentials: Credentials::new(identity(authority, id)).unwrap(),
        timings: fast(),
        snapshots: Snapshots::default(),
        feature_level_max: 1,
    }
}

pub fn trace() {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "off".to_owned());
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
}

impl Cluster {
    pub fn empty() -> Self {
        Self {
            authority: ClusterAuthority::create(CLUSTER).unwrap(),
            nodes: BTreeMap::new(),
            snapshots: Snapshots::default(),
        }
    }

    /// A cluster of voters 1 to `size`, with a leader.
    pub async fn of(size: u64) -> Self {
        let mut cluster = Self::empty();
        for id in 1..=size {
            cluster.start(id).await;
        }
        let members = cluster.nodes.iter().map(|(id, node)| (*id, node.peer().unwrap())).collect();
        cluster.nodes[&1].initialize(members).await.unwrap();
        cluster.leader().await;
        cluster
    }

    pub async fn start(&mut self, id: u64) -> Node {
        let options = Options { snapshots: self.snapshots, ..options(&self.authority, id) };
        self.start_with(options).await
    }

    pub async fn start_in(&mut self, id: u64, data_dir: PathBuf, listen: std::net::SocketAddr) -> Node {
        let options = options(&self.authority, id);
        self.start_with(Options { data_dir: Some(data_dir), listen, snapshots: self.snapshots, ..options }).await
    }

    pub async fn start_with(&mut self, options: Options) -> Node {
        let id = options.id;
        let node = Raft::start(options, Journal::default(), Arc::new(Echo)).await.unwrap();
        self.nodes.insert(id, node.clone());
        node
    }

    pub async fn stop(&mut self, id: u64) {
        self.nodes.remove(&id).unwrap().shutdown().await;
    }

    /// The node that leads with a fresh confirmation of a quorum, as soon as there is one.
    pub async fn leader(&self) -> Node {
        let waits = self
            .nodes
            .values()
            .map(|node| until(node, move |status| status.is_leader && status.quorum_ack_age.is_some()).boxed());
        futures::future::select_all(waits).await.0
    }

    pub async fn follower(&self) -> Node {
        let leader = self.leader().await.id();
        let follower = self.nodes.values().find(|node| node.id() != leader).unwrap().clone();
        until(&follower, move |status| status.leader == Some(leader)).await
    }

    pub async fn shutdown(self) {
        for node in self.nodes.into_values() {
            node.shutdown().await;
        }
    }
}

/// Waits until a node's status is as wanted, and gives the node.
pub async fn until(node: &Node, wanted: impl Fn(&Status) -> bool) -> Node {
    let mut changes = node.changed();
    let waiting = async {
        while !wanted(&node.status()) {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    if tokio::time::timeout(SOON, waiting).await.is_err() {
        panic!("node {} did not get there: {:#?}", node.id(), node.status());
    }
    node.clone()
}

pub fn peer(id: u64, address: &str) -> Peer {
    Peer { name: name(id), address: address.to_owned() }
}

/// A hello as a correct node would send it.
pub fn hello(cluster: &str, id: u8, name: &str) -> Vec<u8> {
    let mut frame = vec![1, 1, 0, cluster.len() as u8];
    frame.extend(cluster.as_bytes());
    frame.push(id);
    frame.push(name.len() as u8);
    frame.extend(name.as_bytes());
    frame.push(0);
    frame
}

pub fn framed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes().to_vec();
    bytes.extend(payload);
    bytes
}

pub async fn connect(to: SocketAddr, identity: &Identity) -> std::io::Result<TlsStream<TcpStream>> {
    let connector = TlsConnector::from(client_config(identity).unwrap());
    let tcp = TcpStream::connect(to).await?;
    connector.connect(ServerName::try_from("node").unwrap(), tcp).await
}

/// Connects as this node, and exchanges greetings.
pub async fn greet(to: SocketAddr, identity: &Identity, id: u8) -> TlsStream<TcpStream> {
    let mut stream = connect(to, identity).await.unwrap();
    stream.write_all(&framed(&hello(CLUSTER, id, &name(id.into())))).await.unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).await.unwrap();
    stream.read_exact(&mut vec![0; u32::from_be_bytes(length) as usize]).await.unwrap();
    stream
}
