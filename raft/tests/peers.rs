//! Who is heard on the peers' port: every kind of request, from every kind of caller, on a real cluster.

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use common::{CLUSTER, Cluster, Journal, Node, SOON, framed, greet, hello, identity, name, options, until};
use futures::FutureExt;
use futures::future::BoxFuture;
use rustls_pki_types::ServerName;
use tenure_raft::tls::{ClusterAuthority, Identity, Role, Trust, Validity, client_config, client_config_anonymous};
use tenure_raft::{AppHandler, Options, Peer, Raft, Timings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The certificate is refused.
    Handshake,
    /// The certificate is of the cluster's authority, and its holder is refused before any request.
    Greeting,
    /// The holder is a member, and this request is none of its business.
    Refused,
    /// It is answered.
    Heard,
}

use Fate::{Greeting as G, Handshake as T, Heard as H, Refused as R};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Voter,
    Learner,
    Removed,
    /// A certificate of this cluster for a number that no member ever had, lower than those to come.
    NeverLower,
    /// The same with a higher one.
    NeverHigher,
    /// The number of a voter under another name.
    OtherName,
    /// The name of a voter under another number, lower and higher than that of the last change of members.
    OtherLower,
    OtherHigher,
    User,
    /// Signed with this cluster's key, for another cluster.
    OtherCluster,
    /// The same names, signed by another authority.
    OtherAuthority,
    NoCertificate,
    NotYet,
    Expired,
}

/// All kinds of requests, by their bytes.
const KINDS: [(u8, &str); 10] = [
    (1, "Append"),
    (2, "Vote"),
    (3, "PreVote"),
    (4, "TransferLeader"),
    (5, "SnapshotPiece"),
    (6, "Propose"),
    (7, "ReadIndex"),
    (8, "Call"),
    (9, "Ability"),
    (10, "Stranger"),
];

/// What becomes of each kind of request, in the order of [`KINDS`], and the reason that is given. The voter comes last: what it
/// sends has its effect.
const TABLE: [(Who, [Fate; KINDS.len()], &str); 14] = [
    (Who::Removed, [G; 10], "p5 (5) is not a member of this cluster any more"),
    (Who::NeverLower, [G; 10], "p6 (6) is not a member of this cluster any more"),
    (Who::NeverHigher, [G; 10], "p200 (200) is not a member of this cluster"),
    (Who::OtherName, [G; 10], "p9 comes as node 3, which is p3"),
    (Who::OtherLower, [G; 10], "p3 (7) is not a member of this cluster any more"),
    (Who::OtherHigher, [G; 10], "p3 (201) is not a member of this cluster"),
    (Who::User, [G; 10], "tenure://test/user/admin?id=0 is not a node"),
    (Who::OtherCluster, [G; 10], "it belongs to cluster other, this node to test"),
    (Who::OtherAuthority, [T; 10], "invalid peer certificate"),
    (Who::NoCertificate, [T; 10], "peer sent no certificates"),
    (Who::NotYet, [T; 10], "certificate not valid yet"),
    (Who::Expired, [T; 10], "certificate expired"),
    (Who::Learner, [R, R, R, R, R, H, H, H, H, H], "p4 (4) has no vote"),
    (Who::Voter, [H; 10], ""),
];

/// A caller: what it shows, and what it says of itself.
struct Caller {
    tls: TlsConnector,
    id: u8,
    greeting: Vec<u8>,
}

impl Caller {
    /// The server is checked as a node of this cluster checks it, whatever the caller shows.
    fn showing(cluster: &Cluster, shown: &Identity, id: u8, name: &str) -> Self {
        let mut config = (*client_config(&identity(&cluster.authority, 1)).unwrap()).clone();
        config.client_auth_cert_resolver = Arc::clone(&client_config(shown).unwrap().client_auth_cert_resolver);
        Self { tls: Arc::new(config).into(), id, greeting: framed(&hello(CLUSTER, id, name)) }
    }

    fn new(cluster: &Cluster, who: Who) -> Self {
        let ours = &cluster.authority;
        let year = Duration::from_secs(365 * 24 * 3600);
        let now = SystemTime::now();
        let named = |name: &str, id: u8| {
            Self::showing(cluster, &ours.issue(name, Role::Node { id: id.into() }).unwrap(), id, name)
        };
        let valid = |from, until| {
            let shown = ours.issue_for("p3", Role::Node { id: 3 }, Validity { from, until }).unwrap();
            Self::showing(cluster, &shown, 3, "p3")
        };
        match who {
            Who::Voter => named("p3", 3),
            Who::Learner => named("p4", 4),
            Who::Removed => named("p5", 5),
            Who::NeverLower => named("p6", 6),
            Who::NeverHigher => named("p200", 200),
            Who::OtherName => named("p9", 3),
            Who::OtherLower => named("p3", 7),
            Who::OtherHigher => named("p3", 201),
            Who::User => Self::showing(cluster, &ours.issue("admin", Role::User { id: 0 }).unwrap(), 3, "p3"),
            Who::OtherCluster => {
                let mut other = ClusterAuthority::create("other").unwrap();
                other.cert_pem.clone_from(&ours.cert_pem);
                other.key_pem.clone_from(&ours.key_pem);
                Self::showing(cluster, &identity(&other, 3), 3, "p3")
            }
            Who::OtherAuthority => {
                let theirs = ClusterAuthority::create(CLUSTER).unwrap();
                Self::showing(cluster, &identity(&theirs, 3), 3, "p3")
            }
            Who::NoCertificate => {
                let config = client_config_anonymous(&Trust::Authority(ours.cert_pem.clone())).unwrap();
                Self { tls: config.into(), id: 3, greeting: framed(&hello(CLUSTER, 3, "p3")) }
            }
            Who::NotYet => valid(now + year, now + 2 * year),
            Who::Expired => valid(now - 2 * year, now - year),
        }
    }

    /// Sends one request on a connection of its own: what became of it, and the reason if one came back.
    async fn ask(&self, to: SocketAddr, body: &[u8]) -> (Fate, String) {
        let tcp = TcpStream::connect(to).await.unwrap();
        let mut stream = match self.tls.connect(ServerName::try_from("node").unwrap(), tcp).await {
            Ok(stream) => stream,
            Err(why) => return (Fate::Handshake, why.to_string()),
        };
        // It may be cut off at any point.
        let _ = stream.write_all(&[self.greeting.clone(), request(body)].concat()).await;
        let _ = stream.flush().await;
        match next_frame(&mut stream).await {
            Ok(_greeting) => {}
            // An alert.
            Err(why) if why.kind() == std::io::ErrorKind::InvalidData => return (Fate::Handshake, why.to_string()),
            Err(why) => return (Fate::Greeting, why.to_string()),
        }
        let answer = next_frame(&mut stream).await.expect("it was greeted, and is answered");
        match answer[REPLY_HEAD..] {
            [0, ..] => (Fate::Heard, String::new()),
            [1, _, ref reason @ ..] => (Fate::Refused, String::from_utf8_lossy(reason).into_owned()),
            ref other => panic!("{other:?}"),
        }
    }
}

const REPLY_HEAD: usize = 9;

fn request(body: &[u8]) -> Vec<u8> {
    let ttl = 2_000_u32.to_le_bytes();
    framed(&[&[2, 1, 0, 0, 0, 0, 0, 0, 0][..], &ttl, body].concat())
}

/// The next frame from a node, or the error with which the connection ended.
async fn next_frame(stream: &mut TlsStream<TcpStream>) -> std::io::Result<Vec<u8>> {
    let reading = async {
        let mut length = [0; 4];
        stream.read_exact(&mut length).await?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut frame).await?;
        Ok(frame)
    };
    timeout(SOON, reading).await.expect("neither an answer nor an end")
}

/// Everything that is logged.
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
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// Remembers who called the application.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<u64>>>);

impl AppHandler for Calls {
    fn call(&self, from: u64, _: Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, String>> {
        self.0.lock().unwrap().push(from);
        async { Ok(b"done".to_vec()) }.boxed()
    }
}

/// What a node holds that a request could change.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    term: u64,
    leader: Option<u64>,
    last_log: Option<u64>,
    commands: Vec<Vec<u8>>,
    voters: BTreeMap<u64, Peer>,
    learners: BTreeMap<u64, Peer>,
}

struct Scene {
    cluster: Cluster,
    leader: Node,
    calls: Calls,
    _disks: tempfile::TempDir,
}

impl Scene {
    /// Voters 1 to 3, of which 1 leads, learner 4, and 5, which was removed.
    async fn new() -> Self {
        let disks = tempfile::tempdir().unwrap();
        let (mut cluster, calls) = (Cluster::empty(), Calls::default());
        for id in 1..=5 {
            let options = Options {
                data_dir: Some(disks.path().join(name(id))),
                // Nobody stands for election unless a request has it do so.
                timings: Timings {
                    heartbeat: Duration::from_millis(200),
                    election_min: Duration::from_secs(30),
                    election_max: Duration::from_secs(60),
                },
                ..options(&cluster.authority, id)
            };
            let node = Raft::start(options, Journal::default(), Arc::new(calls.clone())).await.unwrap();
            cluster.nodes.insert(id, node);
        }
        let peer = |id: u64| cluster.nodes[&id].peer().unwrap();
        cluster.nodes[&1].initialize((1..=3).map(|id| (id, peer(id))).collect()).await.unwrap();
        let elected = cluster.leader().await;
        if elected.id() != 1 {
            elected.transfer_leader(1, SOON).await.unwrap();
        }
        let leader = until(&cluster.nodes[&1], |status| status.is_leader && status.quorum_ack_age.is_some()).await;
        // The number of a new node is greater than that of the entries before it; with it comes everything up to 9.
        for command in 0..3 {
            leader.propose(vec![command], SOON).await.unwrap();
        }
        leader.add_learner(4, peer(4), SOON).await.unwrap();
        leader.add_learner(5, peer(5), SOON).await.unwrap();
        for command in 3..10 {
            leader.propose(vec![command], SOON).await.unwrap();
        }
        leader.remove(5, SOON).await.unwrap();
        cluster.stop(5).await;
        let scene = Self { cluster, leader, calls, _disks: disks };
        scene.settled().await;
        scene
    }

    /// Waits until all nodes have applied what the leader has.
    async fn settled(&self) {
        let last = self.leader.status().last_log;
        for node in self.cluster.nodes.values() {
            until(node, move |status| status.applied == last && status.leader.is_some()).await;
        }
    }

    fn held(&self) -> Vec<Held> {
        let held = |node: &Node| {
            let status = node.status();
            Held {
                term: status.term,
                leader: status.leader,
                last_log: status.last_log,
                commands: node.state(|journal| journal.commands.clone()),
                voters: status.members.voters.clone(),
                learners: status.members.learners.clone(),
            }
        };
        self.cluster.nodes.values().map(held).collect()
    }

    /// A request that is well-formed, of its sender's own, and has an effect if it is heard of one that may send it.
    fn body(&self, kind: u8, sender: u8, victim: &Node) -> Vec<u8> {
        let small = |number: u64| u8::try_from(number).ok().filter(|number| *number < 250).expect("one byte");
        let (status, leader) = (victim.status(), small(self.leader.id()));
        let (term, last) = (small(status.term), small(status.last_log.unwrap()));
        let (later, last_id) = (term + 9, [term, leader, last]);
        let fields = match kind {
            // One entry, which follows the last.
            1 => {
                let entry = [later, sender, last + 1, 1, 2, 0, b'!'];
                [&[later, sender, 1, 1][..], &last_id, &[0, 1], &entry].concat()
            }
            // Whether a leader is there or not.
            2 | 3 => [&[later, sender, 0, 1][..], &last_id, &[1]].concat(),
            4 => [&[later, sender, 1, small(victim.id()), 1][..], &last_id].concat(),
            5 => vec![later, sender, 1, 2, 0, 0, 1, 7],
            6 => vec![1, 1, b'!'],
            7 | 9 => Vec::new(),
            8 => b"who".to_vec(),
            10 => vec![2, 2, b'p', b'2', 0],
            other => panic!("there is no request of kind {other}"),
        };
        [&[kind, 1, 0][..], &fields].concat()
    }

    /// Asks until no member is being asked about the caller any more.
    async fn ask(&self, caller: &Caller, victim: &Node, kind: u8) -> (Fate, String) {
        let asking = async {
            loop {
                let body = self.body(kind, caller.id, victim);
                let (fate, why) = caller.ask(victim.listen_address().unwrap(), &body).await;
                if !why.contains("other members are asked") {
                    return (fate, why);
                }
            }
        };
        timeout(SOON, asking).await.expect("members are asked without end")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_caller_is_heard_as_far_as_it_may_be_and_no_further() {
    assert_eq!(tenure_raft::fuzz::kinds(), KINDS.map(|(byte, name)| (byte, name.to_owned())), "each has a column");
    let log = Log::default();
    let writer = log.clone();
    let filter = tracing_subscriber::fmt().with_ansi(false).with_env_filter("tenure_raft=warn");
    filter.with_writer(move || writer.clone()).init();
    let scene = Scene::new().await;
    for victim in [1, 2] {
        let victim = &scene.cluster.nodes[&victim];
        log.0.lock().unwrap().clear();
        for (who, fates, reason) in TABLE.iter().filter(|(who, ..)| *who != Who::Voter) {
            let caller = Caller::new(&scene.cluster, *who);
            // The reason why somebody is not greeted is in the log of the node alone.
            let told = async {
                while !log.text().contains(reason) && scene.ask(&caller, victim, 9).await.0 != Fate::Heard {
                    tokio::task::yield_now().await;
                }
            };
            timeout(SOON, told).await.unwrap_or_else(|_| panic!("{who:?}: {reason:?} is not in {}", log.text()));
            for ((kind, what), expected) in KINDS.into_iter().zip(fates) {
                scene.settled().await;
                let (before, calls) = (scene.held(), scene.calls.0.lock().unwrap().len());
                let (fate, why) = scene.ask(&caller, victim, kind).await;
                assert_eq!(fate, *expected, "{who:?}, {what}, at node {}: {why}", victim.id());
                if fate == Fate::Refused {
                    assert!(why.contains(reason), "{who:?}, {what}: {why}");
                }
                if fate != Fate::Heard {
                    assert_eq!(scene.held(), before, "{who:?}, {what}, at node {}", victim.id());
                    assert_eq!(scene.calls.0.lock().unwrap().len(), calls, "{who:?}, {what}");
                }
            }
        }
    }
    assert_eq!(*scene.calls.0.lock().unwrap(), [4, 4], "the learner alone, once at each");
    scene.settled().await;
    for held in scene.held() {
        let expected: Vec<Vec<u8>> = (0..10).map(|command| vec![command]).chain([vec![b'!']]).collect();
        assert_eq!(held.commands, expected, "what was proposed here, and by the learner to the leader");
    }
    voters_are_heard(&scene, &scene.cluster.nodes[&2]).await;
    scene.cluster.shutdown().await;
}

/// The same requests from a voter: each is heard, and they are not without effect.
async fn voters_are_heard(scene: &Scene, victim: &Node) {
    let (_, fates, _) = TABLE[TABLE.len() - 1];
    let caller = Caller::new(&scene.cluster, Who::Voter);
    let (term, calls) = (victim.status().term, scene.calls.0.lock().unwrap().len());
    for ((kind, what), expected) in KINDS.into_iter().zip(fates) {
        let (fate, why) = scene.ask(&caller, victim, kind).await;
        assert_eq!(fate, expected, "{what}: {why}");
    }
    until(victim, move |status| status.term >= term + 9).await;
    assert_eq!(scene.calls.0.lock().unwrap()[calls..], [3]);
}

/// Whether a request on an open connection is answered.
async fn answered(stream: &mut TlsStream<TcpStream>, body: &[u8]) -> bool {
    let _ = stream.write_all(&request(body)).await;
    let _ = stream.flush().await;
    next_frame(stream).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_removed_is_out_on_connections_that_are_open() {
    let scene = Scene::new().await;
    let (leader, other) = (&scene.leader, &scene.cluster.nodes[&2]);
    for removed in [3, 4] {
        let its = identity(&scene.cluster.authority, removed.into());
        let connect = async |node: &Node| greet(node.listen_address().unwrap(), &its, removed).await;
        let (mut asks, mut asks_other) = (connect(leader).await, connect(other).await);
        let (mut idle, mut idle_other) = (connect(leader).await, connect(other).await);
        let ability = [9, 1, 0];
        for stream in [&mut asks, &mut asks_other, &mut idle, &mut idle_other] {
            assert!(answered(stream, &ability).await, "node {removed} is a member");
        }
        leader.remove(removed.into(), SOON).await.unwrap();
        // With the entry that a node has: the next request is not answered any more.
        assert!(!answered(&mut asks, &ability).await, "node {removed}, at the leader");
        let gone = u64::from(removed);
        until(other, move |status| {
            !status.members.voters.contains_key(&gone) && !status.members.learners.contains_key(&gone)
        })
        .await;
        assert!(!answered(&mut asks_other, &ability).await, "node {removed}, at a follower");
        // And who only says that it lives is closed.
        for mut stream in [idle, idle_other] {
            let closed = async {
                let ping = framed(&[4]);
                while stream.write_all(&ping).await.is_ok() && stream.flush().await.is_ok() {
                    if next_frame(&mut stream).await.is_err() {
                        return;
                    }
                }
            };
            timeout(SOON, closed).await.unwrap_or_else(|_| panic!("the connection of node {removed} stays open"));
        }
    }
    scene.cluster.shutdown().await;
}
