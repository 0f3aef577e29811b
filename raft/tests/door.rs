//! What strangers can do to the peers' port, over real sockets: hundreds of half-open connections, callers that do not
//! read, nodes that are not admitted any more.

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{CLUSTER, SOON, identity, name, peer};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all, ready};
use tenure_raft::tls::{ClusterAuthority, Credentials};
use tenure_raft::wire::door::{Limits, STALL};
use tenure_raft::wire::tls::TlsWire;
use tenure_raft::wire::{Lane, Malformed, Sender, Service, Wire, WireError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Where strangers come from; nodes are at 127.0.0.1.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 66, 0, 1);

/// Answers every request with so many bytes, as long as senders are admitted.
struct Answering {
    length: usize,
    admits: AtomicBool,
    served: AtomicUsize,
    members: Vec<String>,
}

impl Service for Answering {
    fn admit(&self, sender: &Sender) -> Result<(), String> {
        let admits = self.admits.load(Ordering::SeqCst);
        admits.then_some(()).ok_or_else(|| format!("{} is not a member any more", sender.name))
    }

    fn member_addresses(&self) -> Vec<String> {
        self.members.clone()
    }

    fn serve(&self, _: &Sender, _: &[u8], _: Duration) -> Result<BoxFuture<'static, Vec<u8>>, Malformed> {
        self.served.fetch_add(1, Ordering::SeqCst);
        Ok(ready(vec![7; self.length]).boxed())
    }
}

/// Node 1, which listens, and the certificates of others.
struct Scene {
    authority: ClusterAuthority,
    wire: TlsWire,
    service: Arc<Answering>,
    address: SocketAddr,
}

const LIMITS: Limits =
    Limits { strangers: 128, strangers_per_address: 32, per_identity: 6, guests: usize::MAX, stall: STALL };

impl Scene {
    async fn new(limits: Limits, length: usize) -> Self {
        let authority = ClusterAuthority::create(CLUSTER).unwrap();
        let wire = TlsWire::new(CLUSTER, 1, "p1", &Credentials::new(identity(&authority, 1)).unwrap(), None).unwrap();
        let listener = TlsWire::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let members = vec!["127.0.0.1:1".to_owned()];
        let (admits, served) = (AtomicBool::new(true), AtomicUsize::new(0));
        let service = Arc::new(Answering { length, admits, served, members });
        wire.listen_within(limits, listener, Arc::clone(&service) as Arc<dyn Service>);
        Self { authority, wire, service, address }
    }

    fn node(&self, id: u64) -> TlsWire {
        TlsWire::new(CLUSTER, id, &name(id), &Credentials::new(identity(&self.authority, id)).unwrap(), None).unwrap()
    }

    /// One request of a node, on a connection that it opens for it.
    async fn asks(&self, wire: &TlsWire) -> Result<Vec<u8>, WireError> {
        wire.send(1, &peer(1, &self.address.to_string()), Lane::Urgent, b"?".to_vec(), SOON).await
    }

    /// Connects from an address, and says nothing.
    async fn half_open(&self, from: impl Into<IpAddr>) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.into(), 0)).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    async fn close(self, nodes: impl IntoIterator<Item = TlsWire>) {
        for node in nodes {
            node.close().await;
        }
        self.wire.close().await;
    }
}

/// Waits until the other side has hung up.
async fn is_closed(mut stream: TcpStream) {
    let end = timeout(SOON, stream.read(&mut [0; 1])).await.expect("it stays open");
    assert_eq!(end.unwrap_or(0), 0);
}

/// Keeps so many connections half-open, each from an address of `from`: one that is closed is opened again at once.
/// Ends when it is dropped, or with a connection that could not be opened.
async fn flood(scene: &Scene, count: usize, from: &[Ipv4Addr]) {
    join_all((0..count).zip(from.iter().cycle()).map(async |(_, from)| {
        loop {
            let mut stream = scene.half_open(*from).await;
            // An error and an end are the same here.
            let _ = stream.read(&mut [0; 1]).await;
        }
    }))
    .await;
}

/// Addresses of many strangers.
fn many() -> Vec<Ipv4Addr> {
    (1..=200).map(|n| Ipv4Addr::new(127, 66, 1, n)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_connections_keep_no_member_out() {
    // From many addresses, and from the members' own.
    for from in [many(), vec![Ipv4Addr::LOCALHOST]] {
        let scene = Scene::new(LIMITS, 3).await;
        let held = join_all((0..400).zip(from.iter().cycle()).map(|(_, from)| scene.half_open(*from))).await;
        for id in 2..12 {
            let wire = scene.node(id);
            assert_eq!(scene.asks(&wire).await, Ok(vec![7; 3]), "node {id}, strangers at {}", from[0]);
            wire.close().await;
        }
        drop(held);
        scene.close([]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_elsewhere_never_displace_a_member_however_many_there_are() {
    let scene = Scene::new(Limits { strangers: 1, ..LIMITS }, 3).await;
    let many = many();
    let flood = flood(&scene, 100, &many);
    let members = async {
        for id in 2..6 {
            let wire = scene.node(id);
            assert_eq!(scene.asks(&wire).await, Ok(vec![7; 3]), "node {id}");
            wire.close().await;
        }
    };
    tokio::select! {
        biased;
        () = members => {}
        () = flood => unreachable!("it has no end"),
    }
    scene.close([]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_stranger_goes_first_and_an_address_has_few_places() {
    let limits = Limits { strangers: 4, strangers_per_address: 2, ..LIMITS };
    let scene = Scene::new(limits, 3).await;
    let first = scene.half_open(ELSEWHERE).await;
    let second = scene.half_open(ELSEWHERE).await;
    let mut third = scene.half_open(ELSEWHERE).await;
    is_closed(first).await;
    let mut others = Vec::new();
    for n in 2..=3 {
        others.push(scene.half_open(Ipv4Addr::new(127, 66, 0, n)).await);
    }
    // All four places are taken; the address that has two loses its older one.
    let fifth = scene.half_open(Ipv4Addr::new(127, 66, 0, 4)).await;
    is_closed(second).await;
    for stream in others.iter_mut().chain([&mut third]) {
        assert!(stream.read(&mut [0; 1]).now_or_never().is_none(), "this one has its place yet");
    }
    drop(fifth);
    scene.close([]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_connection_of_a_node_takes_the_place_of_its_oldest() {
    let scene = Scene::new(Limits { per_identity: 1, ..LIMITS }, 3).await;
    let (twin, other, elder) = (scene.node(2), scene.node(3), scene.node(2));
    scene.asks(&elder).await.unwrap();
    scene.asks(&other).await.unwrap();
    scene.asks(&twin).await.unwrap();
    let served = scene.service.served.load(Ordering::SeqCst);
    assert_eq!(served, 3);
    // Its connection is gone: what it sends is lost, until it has opened another one.
    let lost = async {
        while scene.asks(&elder).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, lost).await.expect("it keeps its place");
    assert!(scene.asks(&other).await.is_ok(), "no other node is concerned");
    scene.close([twin, other, elder]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_does_not_read_is_cut() {
    let scene = Scene::new(Limits { stall: Duration::from_millis(300), ..LIMITS }, 1 << 20).await;
    let mut stream = common::greet(scene.address, &identity(&scene.authority, 2), 2).await;
    // Answers of one MiB each: more than the sockets hold.
    let request = common::framed(&[&[2, 1, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0][..], b"?"].concat());
    let ping = common::framed(&[4]);
    stream.write_all(&request.repeat(64)).await.unwrap();
    // It does not fall silent, so it is its not reading for which it is cut.
    let cut = async {
        while stream.write_all(&ping).await.is_ok() && stream.flush().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, cut).await.expect("it is not cut");
    scene.close([]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_admitted_any_more_is_not_served_and_is_closed() {
    let scene = Scene::new(LIMITS, 3).await;
    let node = scene.node(2);
    scene.asks(&node).await.unwrap();
    // One that says nothing but pings, and one that asks.
    let mut idle = common::greet(scene.address, &identity(&scene.authority, 3), 3).await;
    scene.service.admits.store(false, Ordering::SeqCst);
    let served = scene.service.served.load(Ordering::SeqCst);
    assert!(scene.asks(&node).await.is_err());
    let ping = common::framed(&[4]);
    let mut pong = [0; 5];
    let closed = async {
        while idle.write_all(&ping).await.is_ok() && idle.flush().await.is_ok() {
            if idle.read_exact(&mut pong).await.is_err() {
                return;
            }
        }
    };
    timeout(SOON, closed).await.expect("it stays open");
    assert_eq!(scene.service.served.load(Ordering::SeqCst), served, "nothing more is served");
    scene.close([node]).await;
}
