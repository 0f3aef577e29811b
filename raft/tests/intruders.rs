//! Misbehaving peers: dropped with one line in the log, and the cluster goes on.

mod common;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use common::{CLUSTER, Cluster, Node, SOON, connect, framed, hello, identity};
use tenure_raft::tls::{ClusterAuthority, Identity, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Everything that is logged, for all tests of this file: they run one after another.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn dropped(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().filter(|line| line.contains("connection dropped")).map(str::to_owned).collect()
    }
}

/// Sends bytes, and reads until the other side hangs up. Returns the bytes received.
async fn provoke(mut stream: TlsStream<TcpStream>, bytes: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    // Either may fail at any point: the other side is supposed to hang up.
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
    let hung_up = tokio::time::timeout(SOON, stream.read_to_end(&mut heard)).await;
    assert!(hung_up.is_ok(), "the connection stays open");
    heard
}

struct Scene {
    cluster: Cluster,
    leader: Node,
    term: u64,
    victim: SocketAddr,
    log: Log,
    lines: usize,
    proposed: usize,
}

impl Scene {
    async fn new() -> Self {
        let log = Log::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter("tenure_raft=warn")
            .with_writer(move || writer.clone())
            .init();
        let cluster = Cluster::of(3).await;
        let leader = cluster.leader().await;
        let (victim, term) = (leader.listen_address().unwrap(), leader.status().term);
        let lines = log.dropped().len();
        Self { cluster, leader, term, victim, log, lines, proposed: 0 }
    }

    /// A client connects with a certificate and greets; it receives nothing, and is dropped for this reason.
    async fn greeted(&mut self, identity: &Identity, hello: &[u8], reason: &str) {
        let stream = connect(self.victim, identity).await.unwrap();
        assert_eq!(provoke(stream, &framed(hello)).await, b"");
        self.unharmed_after(reason, reason).await;
    }

    /// The cluster works, has the same leader, and said one more line with the reason in it.
    async fn unharmed_after(&mut self, what: &str, reason: &str) {
        self.proposed += 1;
        let follower = self.cluster.follower().await;
        follower.propose(what.as_bytes().to_vec(), SOON).await.unwrap();
        let status = self.leader.status();
        assert!(status.is_leader && status.term == self.term, "{what}: {status:?}");
        // The line is written just after the connection is dropped, by another task.
        let written = async {
            while self.log.dropped().len() == self.lines {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, written).await.unwrap_or_else(|_| panic!("{what}: no line"));
        let lines = self.log.dropped();
        assert_eq!(lines.len(), self.lines + 1, "{what}: {lines:#?}");
        assert!(lines[self.lines].contains(reason), "{what}: {lines:#?}");
        self.lines += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn intruders_are_dropped_and_the_cluster_is_unharmed() {
    let mut scene = Scene::new().await;
    strangers(&mut scene).await;
    impostors(&mut scene).await;
    babblers(&mut scene).await;
    ventriloquists(&mut scene).await;

    let follower = scene.cluster.follower().await;
    follower.barrier(SOON).await.unwrap();
    let applied = follower.state(|journal| journal.commands.len());
    assert_eq!(applied, scene.proposed, "nothing but what we proposed");
    scene.cluster.shutdown().await;
}

/// No certificate of this cluster, or not that of a node.
async fn strangers(scene: &mut Scene) {
    let ours = scene.cluster.authority.clone();
    let victim = scene.victim;

    let mut tcp = TcpStream::connect(victim).await.unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let _ = tcp.read_to_end(&mut Vec::new()).await;
    scene.unharmed_after("no TLS at all", "corrupt").await;

    // Another authority that claims the same cluster.
    let theirs = ClusterAuthority::create(CLUSTER).unwrap();
    let forged = Identity { ca_pem: ours.cert_pem.clone(), ..identity(&theirs, 7) };
    if let Ok(stream) = connect(victim, &forged).await {
        let heard = provoke(stream, &framed(&hello(CLUSTER, 7, "p7"))).await;
        assert_eq!(heard, b"");
    }
    scene.unharmed_after("wrong authority", "invalid peer certificate").await;

    let admin = ours.issue("root", Role::User { id: 0 }).unwrap();
    scene.greeted(&admin, &hello(CLUSTER, 7, "p7"), "is not a node").await;
}

/// A certificate of this cluster, and a greeting that does not go with it.
async fn impostors(scene: &mut Scene) {
    let ours = scene.cluster.authority.clone();
    let correct = identity(&ours, 7);
    let wrong_cluster = hello("other", 7, "p7");
    scene.greeted(&correct, &wrong_cluster, "belongs to cluster other").await;
    let wrong_name = hello(CLUSTER, 7, "p2");
    scene.greeted(&correct, &wrong_name, "calls itself p2 (7)").await;
    let wrong_id = hello(CLUSTER, 2, "p7");
    scene.greeted(&correct, &wrong_id, "calls itself p7 (2)").await;

    // A certificate of ours, for an id that belongs to another name.
    let id = if scene.leader.id() == 2 { 3 } else { 2 };
    let role = Role::Node { id: id.into() };
    let twin = ours.issue("p7", role).unwrap();
    let taken = hello(CLUSTER, id, "p7");
    scene.greeted(&twin, &taken, "p7 comes as node").await;

    // A certificate of ours, for a node that no member knows.
    scene.greeted(&correct, &hello(CLUSTER, 7, "p7"), "is not known here as a member").await;

    let mut newer = hello(CLUSTER, 7, "p7");
    newer[1] = 9;
    scene.greeted(&correct, &newer, "speaks protocol 9").await;
    scene.greeted(&correct, &[0; 5_000], "frame size too big").await;
}

/// A correct greeting, followed by something that is no request.
async fn babblers(scene: &mut Scene) {
    let id = if scene.leader.id() == 2 { 3 } else { 2 };
    let correct = identity(&scene.cluster.authority, id.into());
    let greeting = framed(&hello(CLUSTER, id, &common::name(id.into())));
    let request = |body: &[u8]| {
        let head: &[u8] = &[2, 1, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0];
        framed(&[head, body].concat())
    };
    let babble = [
        (u32::MAX.to_be_bytes().to_vec(), "frame size too big"),
        (framed(&[99, 1, 2, 3]), "frame of kind 99"),
        (framed(&[]), "empty frame"),
        (framed(&[2, 1, 0]), "cut frame"),
        (request(&[77, 1, 0]), "request of kind 77"),
        (request(&[2, 9, 0]), "request in schema 9"),
        (request(&[2, 1, 0, 255, 255, 255]), "malformed request"),
    ];
    for (bytes, reason) in babble {
        let stream = connect(scene.victim, &correct).await.unwrap();
        provoke(stream, &[greeting.clone(), bytes].concat()).await;
        scene.unharmed_after(reason, reason).await;
    }
}

/// A member's certificate and well-formed messages of consensus, which are not its own to send, or could not be stored.
async fn ventriloquists(scene: &mut Scene) {
    let me = u8::try_from(scene.leader.id()).unwrap();
    let (sender, third) = match me {
        1 => (2, 3),
        2 => (1, 3),
        _ => (1, 2),
    };
    let its = identity(&scene.cluster.authority, sender.into());
    let greeting = framed(&hello(CLUSTER, sender, &common::name(sender.into())));
    let request = |kind: u8, body: &[u8]| {
        let head: &[u8] = &[2, 1, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, kind, 1, 0];
        framed(&[head, body].concat())
    };
    let (append, vote, pre_vote, transfer, piece) = (1, 2, 3, 4, 5);
    let entry = |payload: &[u8]| [&[9, sender, 1, 0, 0, 1, 1, sender, 0], payload].concat();
    let cases = [
        (append, vec![9, me, 0, 0, 0, 0], "this node's own vote of term 9"),
        (append, vec![9, me, 1, 0, 0, 0], "this node's own vote of term 9"),
        (append, vec![9, third, 1, 0, 0, 0], "speaks with the vote of node"),
        (vote, vec![9, me, 0, 0, 0], "this node's own vote of term 9"),
        (vote, vec![9, third, 0, 0, 0], "speaks with the vote of node"),
        (pre_vote, vec![9, third, 0, 0, 0], "speaks with the vote of node"),
        (transfer, vec![9, third, 1, me, 0], "speaks with the vote of node"),
        (piece, vec![9, third, 1, 1, 0, 0, 1, 7], "speaks with the vote of node"),
        (append, entry(&[1, 1, 9]), "a command of kind 9"),
        (append, entry(&[1, 0]), "an empty command"),
        (append, entry(&[1, 5, 1, 99, 0, 0, 0]), "feature level 99"),
        (append, entry(&[2, 0, 0]), "a membership without voters"),
        (append, entry(&[2, 1, 1, 7, 0]), "voter 7 has no address"),
        (append, vec![9, sender, 1, 0, 0, 1, 1, sender, 4, 0], "does not follow"),
    ];
    for (kind, body, reason) in cases {
        let stream = connect(scene.victim, &its).await.unwrap();
        let heard = provoke(stream, &[greeting.clone(), request(kind, &body)].concat()).await;
        assert!(!heard.is_empty(), "it was greeted");
        scene.unharmed_after(reason, reason).await;
    }
    // A proposal that no append could carry: the largest frame holds it, and the log must not.
    let long = vec![0; (9 << 20) + 1];
    let body = [&[1, 252][..], &u32::try_from(long.len()).unwrap().to_le_bytes(), &long].concat();
    let stream = connect(scene.victim, &its).await.unwrap();
    provoke(stream, &[greeting, request(6, &body)].concat()).await;
    scene.unharmed_after("a long proposal", "a proposal of 9437185 bytes").await;
}
