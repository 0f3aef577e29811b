//! A cluster of real `tenured` processes on loopback addresses, founded and joined as an administrator would, without
//! HMCs. Processes are killed when it is dropped.

#![allow(dead_code)] // each test program uses a part of it

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tenure::{
    api::{
        Client, ClientError, Read,
        wire::{ConfigureBody, MembersView},
    },
    local::{LocalConfig, identity},
};
use tenure_core::{RequestId, Verb};
use tenure_raft::{
    Options, Snapshots, Timings,
    tls::{Credentials, Role},
};

/// Time after which a test gives up. Generous: it is only used up where something is broken.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Time that one request to a node may take.
const REQUEST: Duration = Duration::from_secs(8);
/// Time for a question that cannot be answered: longer than an election.
const SHORT: Duration = Duration::from_secs(3);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(25);

/// A wait in progress, with its beginning.
pub struct Waiting(Instant);

impl Waiting {
    pub fn begin() -> Waiting {
        Waiting(Instant::now())
    }

    /// Called while the condition does not hold: pauses before the next look, or gives up.
    pub async fn again(&self, what: &str) {
        assert!(self.0.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until a condition holds, and returns the time that it took.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let waiting = Waiting::begin();
    while !is_so().await {
        waiting.again(what).await;
    }
    waiting.0.elapsed()
}

/// The same for a condition that is not async.
pub fn wait(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(until(what, async || is_so())))
}

/// A cluster.
pub struct Cluster {
    pub nodes: BTreeMap<String, Node>,
    pub directory: TempDir,
    name: String,
    /// Lines for `[raft]` in every `tenured.toml`.
    raft: String,
    network: [u8; 2],
}

/// A node of a cluster.
pub struct Node {
    pub name: String,
    pub config: PathBuf,
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub api: SocketAddr,
    log: PathBuf,
    child: Option<Child>,
}

impl Cluster {
    /// A cluster without a node.
    pub fn empty(name: &str, raft: &str) -> Cluster {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // A network of its own for every cluster of every test process, so that they never meet.
        let process = std::process::id();
        let second = u8::try_from(16 + (process / 16) % 200).expect("below 216");
        let third = u8::try_from((process % 16) * 16 + NUMBER.fetch_add(1, Ordering::Relaxed) % 16).expect("below 256");
        let directory = tempfile::tempdir().expect("a directory");
        let (name, raft) = (name.to_owned(), raft.to_owned());
        Cluster { nodes: BTreeMap::new(), directory, name, raft, network: [second, third] }
    }

    /// The second and third number of its addresses.
    pub fn network(&self) -> [u8; 2] {
        self.network
    }

    /// Founds a cluster of one node, `p1`.
    pub async fn found(name: &str, raft: &str) -> Cluster {
        let mut cluster = Cluster::empty(name, raft);
        cluster.prepare("p1");
        let init = ["cluster", "init", "--name", &cluster.name, "--config", path(&cluster.nodes["p1"].config)];
        let output = cluster.tenure(&init);
        assert!(output.status.success(), "{}", said(&output));
        cluster.start("p1");
        cluster.leads().await;
        cluster
    }

    /// A cluster with this many voters.
    pub async fn of(size: usize, name: &str, raft: &str) -> Cluster {
        let mut cluster = Cluster::found(name, raft).await;
        for number in 2..=size {
            cluster.join(&format!("p{number}")).await;
        }
        cluster
    }

    /// Writes a node's `tenured.toml` and remembers it.
    pub fn prepare(&mut self, name: &str) {
        let number = u8::try_from(self.nodes.len() + 1).expect("few nodes");
        let ip = Ipv4Addr::new(127, self.network[0], self.network[1], number);
        let node = Node {
            name: name.to_owned(),
            config: self.directory.path().join(format!("{name}.toml")),
            data: self.directory.path().join(name),
            listen: (ip, 7100).into(),
            api: (ip, 7101).into(),
            log: self.directory.path().join(format!("{name}.log")),
            child: None,
        };
        fs::write(&node.config, node.toml(&self.raft)).expect("a file");
        self.nodes.insert(name.to_owned(), node);
    }

    /// Adds a new node with a token, and makes it a voter.
    pub async fn join(&mut self, name: &str) {
        self.join_as_learner(name).await;
        self.client().node_promote(name).await.expect("promoted");
    }

    /// Adds a new node with a token as a learner.
    pub async fn join_as_learner(&mut self, name: &str) {
        self.prepare(name);
        let token = self.client_of("p1").token(name).await.expect("a token").token;
        self.start_with_token(name, &token);
        self.answers(name).await;
    }

    /// Starts a node that joins with a token.
    pub fn start_with_token(&mut self, name: &str, token: &str) {
        let file = self.directory.path().join(format!("{name}.token"));
        fs::write(&file, token).expect("a file");
        self.node(name).start_with(&["--join-file", path(&file)]);
    }

    pub fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.get_mut(name).unwrap_or_else(|| panic!("no node {name}"))
    }

    pub fn start(&mut self, name: &str) {
        self.node(name).start_with(&[]);
    }

    pub fn kill(&mut self, name: &str) {
        self.node(name).kill();
    }

    /// The directory of the administrator's identity.
    pub fn admin(&self) -> PathBuf {
        self.directory.path().join("admin")
    }

    /// A client that knows all nodes.
    pub fn client(&self) -> Client {
        self.client_at(self.nodes.values().map(|node| node.api.to_string()).collect())
    }

    /// A client that knows one node.
    pub fn client_of(&self, name: &str) -> Client {
        self.client_at(vec![self.nodes[name].api.to_string()])
    }

    pub fn client_at(&self, addresses: Vec<String>) -> Client {
        let identity = identity::load(&self.admin(), identity::USER).expect("the administrator's identity");
        Client::new(&identity, addresses, REQUEST).expect("a client")
    }

    /// A client that knows one node and soon gives up: for questions that cannot be answered.
    pub fn impatient(&self, name: &str) -> Client {
        let identity = identity::load(&self.admin(), identity::USER).expect("the administrator's identity");
        Client::new(&identity, vec![self.nodes[name].api.to_string()], SHORT).expect("a client")
    }

    /// Runs `tenure` as the administrator, against all nodes.
    pub fn tenure(&self, args: &[&str]) -> Output {
        let nodes: Vec<String> = self.nodes.values().map(|node| node.api.to_string()).collect();
        self.tenure_at(&nodes.join(","), args)
    }

    /// Runs `tenure` as the administrator, against one node.
    pub fn tenure_of(&self, name: &str, args: &[&str]) -> Output {
        self.tenure_at(&self.nodes[name].api.to_string(), args)
    }

    fn tenure_at(&self, nodes: &str, args: &[&str]) -> Output {
        tenure(nodes, &self.admin(), args)
    }

    /// Waits until there is a leader, confirmed by a majority; returns its name.
    pub async fn leads(&self) -> String {
        let client = self.client();
        let mut leader = None;
        until("somebody leads", async || {
            leader = client.status(Read::Linearizable).await.ok().and_then(|status| status.leader);
            leader.is_some()
        })
        .await;
        leader.expect("just seen")
    }

    /// Waits until a node answers and knows a leader.
    pub async fn answers(&self, name: &str) -> Duration {
        let client = self.client_of(name);
        until(&format!("{name} answers and knows a leader"), async || {
            client.members().await.is_ok_and(|members| members.leader.is_some())
        })
        .await
    }

    /// Waits until a node can sign, as each member soon can.
    pub async fn holds_authority(&self, name: &str) {
        let client = self.client();
        until(&format!("{name} holds the authority's key"), async || {
            let known = client.authorities(Read::Linearizable).await;
            known.is_ok_and(|known| known.authorities.iter().all(|one| one.holders.iter().any(|holder| holder == name)))
        })
        .await;
    }

    /// Waits until a node answers, leader or not.
    pub async fn answers_at_all(&self, name: &str) -> Duration {
        let client = self.client_of(name);
        until(&format!("{name} answers"), async || client.members().await.is_ok()).await
    }

    /// Waits until a node has applied an index.
    pub async fn applied(&self, name: &str, index: u64) -> Duration {
        let client = self.client_of(name);
        until(&format!("{name} has applied {index}"), async || {
            client.members().await.is_ok_and(|members| members.index >= index)
        })
        .await
    }

    /// The members as one node knows them.
    pub async fn members_of(&self, name: &str) -> MembersView {
        self.client_of(name).members().await.expect("it answers")
    }

    /// Declares groups `g0`, `g1`, … on two servers, whose HMC is unreachable.
    pub async fn declare(&self, groups: usize) {
        let text = cluster_file(groups);
        let request_id = format!("{:032x}", Client::request_id().0);
        let body = ConfigureBody { request_id, text, strand: false, expect: None, no_check: true };
        self.client().configure_as(&body).await.expect("declared");
    }

    /// Commits a change, repeating it under its identity until it is acknowledged; panics if it is refused.
    pub async fn commit(&self, ask: Verb) -> u64 {
        commit(&self.client(), Client::request_id(), &ask).await.0
    }
}

/// Sends a change until it is acknowledged. Returns the index at which it was applied, and the number of times that
/// it was sent.
pub async fn commit(client: &Client, id: RequestId, ask: &Verb) -> (u64, u32) {
    let (waiting, mut sent) = (Waiting::begin(), 0);
    loop {
        sent += 1;
        match client.request(id, ask.clone()).await {
            Ok(outcome) => return (outcome.index, sent),
            Err(why) => assert!(may_repeat(&why), "{ask:?} was refused at attempt {sent}: {why:?}"),
        }
        waiting.again("a change is acknowledged").await;
    }
}

/// Whether an error means that nothing happened, or that the outcome is unknown.
pub fn may_repeat(why: &ClientError) -> bool {
    use tenure::api::wire::ErrorKind::{NotLeader, Refused, Unknown, Unreachable, Usage};
    match why.kind() {
        Unreachable | Unknown | NotLeader => true,
        Refused | Usage => false,
    }
}

/// A cluster file with this many groups on two servers, behind an unreachable HMC.
pub fn cluster_file(groups: usize) -> String {
    use std::fmt::Write;
    let key = "A".repeat(43);
    let mut text = format!(
        "name = \"site\"\n\n[managers.hmc1]\nkind = \"hmc\"\naddress = \"127.0.0.1:9\"\nuser = \"tenure\"\nhost_key = \"SHA256:{key}\"\n"
    );
    for server in ["s1", "s2"] {
        let serial = server.repeat(3).to_uppercase();
        write!(text, "\n[servers.{server}]\nmanagers = [\"hmc1\"]\naddress = {{ system = \"{server}\", mtms = \"9009-42A*{serial}\" }}\n")
            .expect("text");
    }
    for (node, server) in [("p1", "s1"), ("p2", "s2")] {
        write!(text, "\n[nodes.{node}]\nserver = \"{server}\"\nlpar = \"node-{node}\"\n").expect("text");
    }
    text.push_str("\n[nodes.p3]\n");
    for n in 0..groups {
        write!(
            text,
            "\n[groups.g{n}]\nservers = [\"s1\", \"s2\"]\n\n[lpars.l{n}]\ngroup = \"g{n}\"\npartition = \"l{n}\"\n\
             memory = \"1GiB\"\nprocessors = \"0.1\"\n"
        )
        .expect("text");
    }
    text
}

impl Node {
    /// Its `tenured.toml`.
    fn toml(&self, raft: &str) -> String {
        let raft = if raft.is_empty() { String::new() } else { format!("[raft]\n{raft}") };
        let (name, data) = (&self.name, self.data.display());
        // Clusters have separate agents.
        let home = self.data.parent().expect("the cluster's directory").display();
        let agents = format!("\n[agents]\nrun_dir = \"{home}/run\"\nscripts = \"{home}/agents\"\n");
        format!(
            "node = \"{name}\"\ndata_dir = \"{data}\"\nlisten = \"{}\"\napi_listen = \"{}\"\n{raft}{agents}",
            self.listen, self.api
        )
    }

    /// The options of its consensus, for a test that runs it in its own process.
    pub fn options(&self, snapshots: Snapshots) -> Options {
        let config = LocalConfig::load(&self.config).expect("its configuration");
        let identity = identity::load(&config.cluster_dir(), identity::NODE).expect("its identity");
        let name = identity.name().expect("its name");
        let Role::Node { id } = name.role else { panic!("{name}") };
        Options {
            id,
            name: self.name.clone(),
            cluster: name.cluster.clone(),
            data_dir: Some(config.data_dir.clone()),
            witness: Some(config.cluster_dir().join("acknowledged")),
            introduced: Default::default(),
            listen: config.listen,
            advertise: String::new(),
            credentials: Credentials::new(identity).expect("usable"),
            timings: Timings::default(),
            snapshots,
            feature_level_max: 1,
        }
    }

    /// Starts `tenured`. Its output goes to a file.
    pub fn start_with(&mut self, args: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenured"));
        command.arg("--config").arg(&self.config).args(args);
        self.spawn(command);
    }

    /// Starts a command that runs `tenured`, perhaps in a changed environment.
    pub fn spawn(&mut self, mut command: Command) {
        assert!(!self.runs(), "{} runs already", self.name);
        let log = File::options().create(true).append(true).open(&self.log).expect("a log file");
        let errors = log.try_clone().expect("a log file");
        self.child = Some(command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().expect("tenured starts"));
    }

    /// Whether the process is alive.
    pub fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it can be killed");
            child.wait().expect("it ends");
        }
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).expect("it lives");
    }

    /// The process id.
    pub fn pid(&self) -> rustix::process::Pid {
        let id = self.child.as_ref().expect("it was started").id();
        rustix::process::Pid::from_raw(i32::try_from(id).expect("a process id")).expect("a process id")
    }

    /// Waits for the end of the process.
    pub fn ended(&mut self) -> (ExitStatus, Duration) {
        let mut child = self.child.take().expect("it was started");
        let mut status = None;
        let took = wait(&format!("{} ends", self.name), || {
            status = child.try_wait().expect("it can be waited for");
            status.is_some()
        });
        (status.expect("just seen"), took)
    }

    /// Asks it to stop, and waits for its end.
    pub fn terminate(&mut self) -> (ExitStatus, Duration) {
        self.signal(rustix::process::Signal::TERM);
        self.ended()
    }

    /// Its output so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A process that cannot be killed has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let from = log.lines().count().saturating_sub(20);
            let tail: Vec<&str> = log.lines().skip(from).collect();
            eprintln!("--- the end of what {} wrote:\n{}", self.name, tail.join("\n"));
        }
    }
}

/// Runs `tenure` against these nodes, as the administrator whose identity is in this directory.
pub fn tenure(nodes: &str, identity: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
    let command = command.args(args).env("TENURE_NODES", nodes).env("TENURE_IDENTITY", identity);
    command.stdin(Stdio::null()).output().expect("tenure runs")
}

/// A path as an argument.
pub fn path(path: &Path) -> &str {
    path.to_str().expect("test paths are text")
}

/// The output of a command.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs `tenured` until it ends, which it must do by itself: `(exit code, output)`.
pub fn tenured(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenured"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("tenured starts");
    let began = Instant::now();
    wait("tenured ends by itself", || {
        let ended = !matches!(child.try_wait(), Ok(None));
        if !ended && began.elapsed() > PATIENCE / 2 {
            // It runs although it should not: ended here, so that its output can be shown.
            let _ = child.kill();
        }
        ended
    });
    let output = child.wait_with_output().expect("its output");
    (output.status.code(), said(&output))
}
