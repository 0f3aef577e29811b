//! `lab flood`: what strangers cost a site. Half-open connections to all ports of all nodes, and requests to join that never
//! get on, beside the same without them.

use super::{
    Site, SiteError, SiteOptions,
    demo::{chain, resident},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use tenure::api::{Client, Read};
use tenure_raft::tls::{Trust, client_config_anonymous};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::watch,
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

/// Time that a change of leader may take before it counts as lost.
const CHANGE: Duration = Duration::from_secs(60);
/// Time that a flood may take to be there whole. Nothing is measured before.
const RISES: Duration = Duration::from_secs(60);
/// Number of questions whose time is measured.
const QUESTIONS: usize = 20;
/// A request to join that never comes to its end announces so many bytes, and sends some every so often.
const JOIN: (usize, usize, Duration) = (16 << 10, 64, Duration::from_millis(200));
/// Time for which memory is watched: most of what a request to join may take.
const LASTS: Duration = Duration::from_secs(20);
/// Descriptors needed beside those of the flood.
const SPARE: u64 = 500;

/// `lab flood`.
#[derive(Clone, Debug, clap::Args)]
pub struct FloodArgs {
    /// Half-open connections to each port of each node.
    #[arg(long, default_value_t = 3000)]
    half_open: usize,
    /// Requests to join that never get on, to one node.
    #[arg(long, default_value_t = 200)]
    joins: usize,
    /// Changes of leader with and without a flood.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Milliseconds after which a connection that was closed is opened again.
    #[arg(long, default_value_t = 100)]
    reopen: u64,
}

/// Where a flood comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    /// 250 addresses at which nobody else is.
    Elsewhere,
    /// The address from which administrators and the relays between the nodes come.
    TheirOwn,
}

/// A flood, until it is dropped. It has a thread of its own.
struct Flood {
    stop: CancellationToken,
    began: Instant,
    /// Number of connections that make it whole.
    whole: usize,
    /// Number of connections that were opened.
    opened: Opened,
}

/// Counts the connections that were opened.
type Opened = Arc<watch::Sender<usize>>;

fn count(opened: &Opened) {
    opened.send_modify(|count| *count += 1);
}

impl Flood {
    fn start<W: Future<Output = ()>>(whole: usize, work: impl FnOnce(Opened) -> W + Send + 'static) -> Flood {
        let (stop, opened) = (CancellationToken::new(), Arc::new(watch::Sender::new(0)));
        let (stopped, counted) = (stop.clone(), Arc::clone(&opened));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(stopped.run_until_cancelled(work(counted)));
        });
        Flood { stop, began: Instant::now(), whole, opened }
    }

    /// Holds so many half-open connections to each target; each that is closed is opened again after a pause.
    fn half_open(targets: Vec<SocketAddr>, count: usize, from: From, pause: Duration) -> Flood {
        Flood::start(targets.len() * count, move |opened| async move {
            let mut held = tokio::task::JoinSet::new();
            for target in targets {
                for number in 0..count {
                    held.spawn(hold(target, source(from, number), pause, Arc::clone(&opened)));
                }
            }
            while held.join_next().await.is_some() {}
        })
    }

    /// Holds so many requests to join.
    fn joins(target: SocketAddr, count: usize, trust: Trust) -> Flood {
        Flood::start(count, move |opened| async move {
            let mut held = tokio::task::JoinSet::new();
            for _ in 0..count {
                held.spawn(join(target, trust.clone(), Arc::clone(&opened)));
            }
            while held.join_next().await.is_some() {}
        })
    }

    /// What it has been, for people.
    fn words(&self) -> String {
        let a_second = *self.opened.borrow() as f64 / self.began.elapsed().as_secs_f64();
        format!("; {a_second:.0} connections a second")
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// An address to bind to. Without one the system takes that of the administrators, and finds more ports.
fn source(from: From, number: usize) -> Option<IpAddr> {
    match from {
        From::Elsewhere => {
            let number = u8::try_from(number % 250).ok()?;
            Some(Ipv4Addr::new(127, 66, 0, number + 1).into())
        }
        From::TheirOwn => None,
    }
}

async fn hold(target: SocketAddr, source: Option<IpAddr>, pause: Duration, opened: Opened) {
    loop {
        if let Ok(mut stream) = connect(target, source).await {
            count(&opened);
            // Until the other side closes it, in whatever way.
            let _ = stream.read(&mut [0; 1]).await;
        }
        tokio::time::sleep(pause).await;
    }
}

async fn connect(target: SocketAddr, source: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.connect(target).await
}

async fn join(target: SocketAddr, trust: Trust, opened: Opened) {
    let Ok(config) = client_config_anonymous(&trust) else { return };
    let (length, part, pause) = JOIN;
    loop {
        let sends = async {
            let stream = TcpStream::connect(target).await?;
            let name = "node".try_into().map_err(std::io::Error::other)?;
            let mut stream = TlsConnector::from(config.clone()).connect(name, stream).await?;
            let head = format!(
                "POST /v1/join HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await?;
            count(&opened);
            loop {
                stream.write_all(&vec![b' '; part]).await?;
                stream.flush().await?;
                tokio::time::sleep(pause).await;
            }
        };
        // Whatever ends it, it begins anew.
        let _: std::io::Result<()> = sends.await;
        tokio::time::sleep(pause).await;
    }
}

/// Measures, and says whether the goals are met. Call it on the main thread: it starts processes.
pub async fn run(args: &FloodArgs) -> ExitCode {
    match measure(args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("lab: {}", chain(&why));
            ExitCode::FAILURE
        }
    }
}

async fn measure(args: &FloodArgs) -> Result<bool, SiteError> {
    let set = |source| SiteError::Set { what: "a temporary directory".to_owned(), source };
    let directory = tempfile::tempdir().map_err(set)?;
    let needed = args.half_open as u64 * 6 + SPARE;
    if let Some(may) = raise_descriptors(needed) {
        println!(
            "{needed} descriptors are needed, and this process may have {may}: the flood is smaller than asked for"
        );
    }
    let build = if cfg!(debug_assertions) { "debug build" } else { "release build" };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{cores} processors, {build}, load before: {}", load.split(' ').next().unwrap_or_default());
    let options = SiteOptions {
        servers: 3,
        arbiter: false,
        hmcs: 0,
        directory: directory.path().to_owned(),
        cluster_file: None,
        world: None,
        program: None,
    };
    let site = Site::start(options, &mut |_| {}).await?;
    let measured = tokio::select! {
        measured = all(&site, args) => measured,
        why = site.keep_following() => Err(why),
    };
    site.stop().await;
    measured
}

/// Raises the limit of descriptors; the limit that remains, if that is lower than needed.
fn raise_descriptors(needed: u64) -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let may = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    if limit.current.is_some_and(|current| current < may) {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(may), maximum: limit.maximum });
        if raised.is_err() {
            return limit.current;
        }
    }
    (may < needed).then_some(may)
}

async fn all(site: &Site, args: &FloodArgs) -> Result<bool, SiteError> {
    let names = site.names().to_vec();
    let peers: Vec<SocketAddr> = site.peer_addresses().map(|(_, address)| address).collect();
    let apis: Vec<SocketAddr> = site.api_addresses().map(|(_, address)| address).collect();
    let pause = Duration::from_millis(args.reopen);
    let mut good = true;

    let floods =
        [("no strangers", None), ("elsewhere", Some(From::Elsewhere)), ("the same address", Some(From::TheirOwn))];
    let mut quiet = None;
    for (what, from) in floods {
        let flood = from.map(|from| Flood::half_open(peers.clone(), args.half_open, from, pause));
        rise(flood.as_ref()).await?;
        let mut took = Vec::new();
        for _ in 0..args.rounds {
            took.push(change_of_leader(site).await?);
        }
        let words = flood.map(|flood| flood.words()).unwrap_or_default();
        took.sort();
        let median = took[took.len() / 2];
        let ratio = median.as_secs_f64() / quiet.unwrap_or(median).as_secs_f64();
        quiet.get_or_insert(median);
        println!("change of leader, {what}: {} (x {ratio:.2}, goal 1.2{words})", spread(&took));
        good &= ratio <= 1.2;
    }
    for (what, from) in floods {
        let flood = from.map(|from| Flood::half_open(apis.clone(), args.half_open, from, pause));
        rise(flood.as_ref()).await?;
        let mut took = Vec::new();
        for number in 0..QUESTIONS {
            let client = site.client_of(&names[number % names.len()])?;
            took.push(status(&client).await);
        }
        let words = flood.map(|flood| flood.words()).unwrap_or_default();
        took.sort();
        println!("status, {what}: {} (goal below 1 s{words})", spread(&took));
        good &= took.last().is_some_and(|slowest| *slowest < Duration::from_secs(1));
    }
    let (name, pid) = site.pids().into_iter().next().ok_or_else(|| SiteError::Late("no node runs".to_owned()))?;
    let api = site.api_addresses().find(|(node, _)| *node == name).map(|(_, address)| address);
    let api = api.ok_or_else(|| SiteError::NoNode(name.clone()))?;
    let ca = site.admin_dir().join("ca.pem");
    let ca =
        std::fs::read_to_string(&ca).map_err(|source| SiteError::Set { what: ca.display().to_string(), source })?;
    let idle = resident(pid).unwrap_or_default();
    // Half of them find a place each, and come far with what they send; of all of them each is displaced before that.
    for joins in [args.joins / 2, args.joins] {
        let flood = Flood::joins(api, joins, Trust::Authority(ca.clone()));
        rise(Some(&flood)).await?;
        let (mut most, began) = (idle, Instant::now());
        while began.elapsed() < LASTS {
            let client = site.client_of(&name)?;
            let _ = status(&client).await;
            most = most.max(resident(pid).unwrap_or_default());
            tokio::time::sleep(pause).await;
        }
        let words = flood.words();
        drop(flood);
        let ratio = most as f64 / idle as f64;
        let (idle, most) = (idle >> 20, most >> 20);
        println!(
            "memory of {name}: {idle} MiB, with {joins} slow requests to join {most} MiB (x {ratio:.2}, goal 1.2{words})"
        );
        good &= ratio <= 1.2;
    }
    Ok(good)
}

/// Waits until the flood is there: until so many connections were opened as it is to hold.
async fn rise(flood: Option<&Flood>) -> Result<(), SiteError> {
    let Some(flood) = flood else { return Ok(()) };
    let mut opened = flood.opened.subscribe();
    let there = tokio::time::timeout(RISES, opened.wait_for(|count| *count >= flood.whole)).await;
    there.map(drop).map_err(|_| SiteError::Late(format!("a flood of {} connections within {RISES:?}", flood.whole)))
}

/// Kills the leader; the time until a quorum has confirmed another one. Then the old one is started again.
async fn change_of_leader(site: &Site) -> Result<Duration, SiteError> {
    site.until("there is a leader", CHANGE, async || site.leader().await.is_some()).await?;
    let old = site.leader().await.ok_or_else(|| SiteError::Late("the leader is gone".to_owned()))?;
    let began = Instant::now();
    site.kill_node(&old)?;
    site.until("there is another leader", CHANGE, async || site.leader().await.is_some_and(|new| new != old)).await?;
    let took = began.elapsed();
    site.start_node(&old)?;
    let client = site.client_of(&old)?;
    let back = async || client.members().await.is_ok_and(|members| members.leader.is_some());
    site.until("the old leader is back", CHANGE, back).await?;
    Ok(took)
}

/// The time of one question on a connection of its own; a whole minute if there is no answer.
async fn status(client: &Client) -> Duration {
    let began = Instant::now();
    match client.status(Read::Stale).await {
        Ok(_) => began.elapsed(),
        Err(_) => CHANGE,
    }
}

/// The median of sorted times, and both ends.
fn spread(sorted: &[Duration]) -> String {
    let seconds = |at: usize| sorted.get(at).map_or(0.0, Duration::as_secs_f64);
    format!("{:.3} s ({:.3} – {:.3})", seconds(sorted.len() / 2), seconds(0), seconds(sorted.len().saturating_sub(1)))
}
