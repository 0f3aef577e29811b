//! Benchmark: commands committed per second by a cluster of three processes.
//!
//! Each node is a process of its own (this program, started again), with mutual TLS on loopback and its log on disk with
//! real flushes. Clients are tasks inside the nodes' processes; each proposes 256 bytes, waits for the answer, and proposes
//! again: first all of them at the leader, then spread over the three nodes, so that two thirds are forwarded. All three
//! logs are on one disk, whose own rate of synced writes stands beside, measured right before each run.
//!
//! `cargo bench -p tenure-raft` · `-- --seconds 3 --repeats 3 --dir DIR`

mod latencies;
mod node;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use latencies::Latencies;
use tenure_raft::tls::{ClusterAuthority, Role};

const NODES: u64 = 3;
const CLIENTS: [u64; 3] = [1, 16, 256];
const CLUSTER: &str = "bench";
/// Number of synced writes for measuring the disk before each run.
const SYNCS: u32 = 500;

struct Settings {
    seconds: u64,
    repeats: usize,
    dir: Option<PathBuf>,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut settings = Settings { seconds: 3, repeats: 3, dir: None };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "--node" => {
                return node::serve(value().parse().expect("a node id"), Path::new(&value()));
            }
            "--seconds" => settings.seconds = value().parse().expect("a number of seconds"),
            "--repeats" => settings.repeats = value().parse().expect("a number of repeats"),
            "--dir" => settings.dir = Some(value().into()),
            // Arguments that cargo itself passes.
            _ => {}
        }
    }
    measure(&settings);
}

/// One node's process, driven by lines on its standard input and output.
struct Process {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Process {
    fn start(id: u64, dir: &Path) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            .arg("--node")
            .arg(id.to_string())
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start a node");
        let to = child.stdin.take().expect("piped");
        let from = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, to, from }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.to, "{line}").and_then(|()| self.to.flush()).expect("a node listens");
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).expect("a node answers");
        assert!(!line.is_empty(), "a node has died");
        line.trim_end().to_owned()
    }

    fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.hear()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn measure(settings: &Settings) {
    let temporary = settings.dir.as_ref().map_or_else(tempfile::tempdir, tempfile::tempdir_in);
    let temporary = temporary.expect("a directory to work in");
    let dir = temporary.path();
    let authority = ClusterAuthority::create(CLUSTER).expect("an authority");
    let mut nodes: BTreeMap<u64, Process> = (1..=NODES)
        .map(|id| {
            let identity = authority.issue(&node::name(id), Role::Node { id }).expect("an identity");
            node::write_identity(dir, id, &identity);
            (id, Process::start(id, dir))
        })
        .collect();
    let addresses: Vec<String> = nodes.iter_mut().map(|(id, node)| format!("{id}={}", node.hear())).collect();
    let first = nodes.get_mut(&1).expect("node 1");
    let leader: u64 = first.ask(&format!("found {}", addresses.join(" "))).parse().expect("the leader's id");

    println!("3 processes, TLS, log on disk with fdatasync, 256-byte commands, {} s each", settings.seconds);
    println!(
        "{:<28} {:>12} {:>12} {:>10} {:>10} {:>14}",
        "clients", "commits/s", "spread", "p50 ms", "p99 ms", "fdatasync/s"
    );
    for (place, at) in [("at the leader", vec![leader]), ("at all nodes", (1..=NODES).collect())] {
        for clients in CLIENTS {
            row(settings, &mut nodes, dir, &at, clients, place);
        }
    }
}

fn row(settings: &Settings, nodes: &mut BTreeMap<u64, Process>, dir: &Path, at: &[u64], clients: u64, place: &str) {
    let mut rates = Vec::new();
    let mut all = Latencies::default();
    let mut syncs = Vec::new();
    for _ in 0..settings.repeats {
        let probe = tenure_storage::fdatasync_rate(dir, SYNCS).expect("a disk that syncs");
        syncs.push(probe.per_second);
        let run = run(nodes, at, clients, settings.seconds);
        rates.push(run.count() as f64 / settings.seconds as f64);
        all.merge(&run);
    }
    let (low, high) = (rates.iter().copied().fold(f64::MAX, f64::min), rates.iter().copied().fold(0.0, f64::max));
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    let disk = syncs.iter().sum::<f64>() / syncs.len() as f64;
    println!(
        "{:<28} {mean:>12.0} {:>12} {:>10.2} {:>10.2} {disk:>14.0}",
        format!("{clients} {place}"),
        format!("{low:.0}–{high:.0}"),
        all.quantile(0.5).as_secs_f64() * 1e3,
        all.quantile(0.99).as_secs_f64() * 1e3,
    );
}

fn run(nodes: &mut BTreeMap<u64, Process>, at: &[u64], clients: u64, seconds: u64) -> Latencies {
    let share = |position: usize| {
        let places = at.len() as u64;
        clients / places + u64::from((position as u64) < clients % places)
    };
    for (position, id) in at.iter().enumerate() {
        nodes.get_mut(id).expect("a node").tell(&format!("run {} {seconds}", share(position)));
    }
    let mut all = Latencies::default();
    for id in at {
        all.merge(&Latencies::read(&nodes.get_mut(id).expect("a node").hear()));
    }
    all
}
