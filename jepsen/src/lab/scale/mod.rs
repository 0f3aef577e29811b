//! `lab scale`: a site of any size, and what it costs: at rest, when the leader is killed, when a server is lost.

mod size;
mod usage;

use self::{
    size::{cluster_file, world},
    usage::{Usage, used},
};
use super::{
    Site, SiteError, SiteOptions,
    demo::{chain, table},
};
use crate::world::{Change, Fault, LparState, Time};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};
use tenure::api::{Client, Read};

/// Limit of every wait.
const PATIENCE: Duration = Duration::from_secs(900);
/// The site is at rest when no entry was added to the log for so long.
const STILL: Duration = Duration::from_secs(5);
/// Pause between two looks at the whole state, which costs the node that answers.
const LOOK: Duration = Duration::from_millis(500);

/// `lab scale`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  lab scale --servers 16 --lpars 1250 --hmcs 2 --json scale.json")]
pub struct ScaleArgs {
    /// Physical servers, each with a node.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(2..=250))]
    servers: u8,
    /// LPARs, each a group of its own, spread over the servers.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    lpars: u32,
    /// Management consoles, each of which manages a part of the servers.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    hmcs: u8,
    /// Servers in the list of each group.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(2..))]
    list: u8,
    /// Seconds for which the site is watched at rest.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    rest: u16,
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A `tenured` to run the nodes with; by default this program.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// What was measured: one site, one run.
#[derive(Clone, Debug, Default, Serialize)]
struct Figures {
    servers: u8,
    lpars: u32,
    hmcs: u8,
    list: u8,
    release: bool,
    processors: usize,
    /// Load of the machine before.
    load: String,
    /// Until all nodes are members and as many vote as should.
    form_s: f64,
    /// The longest entry: until the cluster file was accepted.
    apply_s: f64,
    /// From there until every group is online: all LPARs ran already.
    adopted_s: f64,
    rest_s: f64,
    /// Processor time at rest, in percent of one processor.
    leader_cpu: f64,
    /// The same for all other nodes together, by their number.
    other_cpu: f64,
    leader_mib: u64,
    largest_mib: u64,
    /// Commands a second, of each HMC.
    commands: f64,
    /// Log entries at rest.
    entries: u64,
    /// Terms that began at rest.
    terms: u64,
    /// A question for the whole status.
    status_s: f64,
    /// The leader killed, until another one is confirmed by a quorum.
    leader_s: f64,
    /// LPARs on the server that was lost.
    lost: usize,
    /// The server lost, until the first of them is activated elsewhere.
    first_s: f64,
    /// Until the last of them is.
    last_s: f64,
    /// Until the last of them runs.
    running_s: f64,
}

/// Measures. Call it on the main thread: it starts processes.
pub async fn run(args: &ScaleArgs, directory: Option<PathBuf>) -> ExitCode {
    let done = measure(args, directory).await;
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("lab: {}", chain(&why));
            ExitCode::FAILURE
        }
    }
}

async fn measure(args: &ScaleArgs, directory: Option<PathBuf>) -> Result<(), SiteError> {
    let set = |source| SiteError::Set { what: "a temporary directory".to_owned(), source };
    let scratch = tempfile::tempdir().map_err(set)?;
    let spec = world(args);
    let options = SiteOptions {
        servers: usize::from(args.servers),
        arbiter: false,
        hmcs: usize::from(args.hmcs),
        directory: directory.unwrap_or_else(|| scratch.path().join("lab")),
        cluster_file: Some(cluster_file(args, &spec)),
        world: Some(spec),
        program: args.program.clone(),
    };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut figures = Figures {
        servers: args.servers,
        lpars: args.lpars,
        hmcs: args.hmcs,
        list: args.list,
        release: !cfg!(debug_assertions),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        load: load.split(' ').next().unwrap_or_default().to_owned(),
        ..Figures::default()
    };
    say(&format!("{} servers, {} LPARs, {} HMCs", args.servers, args.lpars, args.hmcs));
    let site = Site::prepare(options).await?;
    let measured = tokio::select! {
        measured = all(&site, args, &mut figures) => measured,
        why = site.keep_following() => Err(why),
    };
    site.stop().await;
    measured?;
    println!("{}", table(&["WHAT", "MEASURED>"], rows(&figures)));
    if let Some(file) = &args.json {
        let text = serde_json::to_string_pretty(&figures).map_err(|why| SiteError::Late(why.to_string()))?;
        let set = |source| SiteError::Set { what: file.display().to_string(), source };
        std::fs::write(file, text + "\n").map_err(set)?;
    }
    Ok(())
}

fn say(words: &str) {
    println!("·  {words}");
}

async fn all(site: &Site, args: &ScaleArgs, figures: &mut Figures) -> Result<(), SiteError> {
    let began = Instant::now();
    site.form(&mut |_| {}).await?;
    figures.form_s = began.elapsed().as_secs_f64();
    say(&format!("formed after {:.1} s", figures.form_s));

    let began = Instant::now();
    site.declare().await?;
    figures.apply_s = began.elapsed().as_secs_f64();
    let began = Instant::now();
    until_online(site).await?;
    figures.adopted_s = began.elapsed().as_secs_f64();
    say(&format!("declared after {:.1} s, all groups online {:.1} s later", figures.apply_s, figures.adopted_s));

    rest(site, args, figures).await?;
    leader_killed(site, figures).await?;
    server_lost(site, figures).await
}

async fn until_online(site: &Site) -> Result<Duration, SiteError> {
    let mut looked = Instant::now();
    site.until("every group is online", PATIENCE, async || {
        if looked.elapsed() < LOOK {
            return false;
        }
        let status = site.client.status(Read::Linearizable).await;
        looked = Instant::now();
        status.is_ok_and(|status| {
            let online = status.groups.iter().filter(|group| group.live && group.state.as_str() == "online").count();
            !status.groups.is_empty() && online == status.groups.len()
        })
    })
    .await
}

/// Waits until nothing is added to the log any more.
async fn until_still(site: &Site) -> Result<(), SiteError> {
    let (mut index, mut since) = (0, Instant::now());
    site.until("the log is at rest", PATIENCE, async || {
        let Ok(members) = site.members().await else { return false };
        if members.index != index {
            (index, since) = (members.index, Instant::now());
        }
        since.elapsed() > STILL
    })
    .await
    .map(drop)
}

async fn leader(site: &Site) -> Result<String, SiteError> {
    site.until("somebody leads", PATIENCE, async || site.members().await.is_ok_and(|members| members.leader.is_some()))
        .await?;
    site.members().await?.leader.ok_or_else(|| SiteError::Late("somebody leads".to_owned()))
}

async fn rest(site: &Site, args: &ScaleArgs, figures: &mut Figures) -> Result<(), SiteError> {
    until_still(site).await?;
    let leads = leader(site).await?;
    let (pids, before, asked, began) = (site.pids(), site.members().await?, site.asked(), Instant::now());
    let used_before: BTreeMap<&String, Usage> = pids.iter().map(|(name, pid)| (name, used(*pid))).collect();
    tokio::time::sleep(Duration::from_secs(args.rest.into())).await;
    let took = began.elapsed().as_secs_f64();
    let commands = site.asked() - asked;
    let used_after: BTreeMap<&String, Usage> = pids.iter().map(|(name, pid)| (name, used(*pid))).collect();
    let after = site.members().await?;
    let percent = |name: &String| (used_after[name].seconds - used_before[name].seconds) / took * 100.0;
    figures.rest_s = took;
    figures.leader_cpu = percent(&leads);
    let others: Vec<&String> = pids.keys().filter(|name| **name != leads).collect();
    figures.other_cpu = others.iter().map(|name| percent(name)).sum::<f64>() / others.len().max(1) as f64;
    figures.leader_mib = used_after[&leads].resident >> 20;
    figures.largest_mib = used_after.values().map(|used| used.resident).max().unwrap_or_default() >> 20;
    figures.commands = commands as f64 / took / f64::from(args.hmcs);
    figures.entries = after.index - before.index;
    figures.terms = after.term - before.term;
    let client = site.client_of(&leads)?;
    let began = Instant::now();
    client.status(Read::Linearizable).await.map_err(|why| SiteError::Late(why.to_string()))?;
    figures.status_s = began.elapsed().as_secs_f64();
    say(&format!("at rest for {took:.0} s"));
    Ok(())
}

async fn leader_killed(site: &Site, figures: &mut Figures) -> Result<(), SiteError> {
    let old = leader(site).await?;
    // A question about the members alone, confirmed by a quorum: the whole state would be measured as well.
    let lead_elsewhere = async |client: &Client| {
        let confirmed = client.config(Read::Linearizable).await.is_ok();
        confirmed && client.members().await.is_ok_and(|members| members.leader.is_some_and(|leads| leads != old))
    };
    let began = Instant::now();
    site.kill_node(&old)?;
    site.until("there is another leader", PATIENCE, async || lead_elsewhere(&site.client).await).await?;
    figures.leader_s = began.elapsed().as_secs_f64();
    say(&format!("{old} led and was killed; another one leads after {:.2} s", figures.leader_s));
    site.start_node(&old)?;
    until_online(site).await?;
    until_still(site).await
}

async fn server_lost(site: &Site, figures: &mut Figures) -> Result<(), SiteError> {
    let leads = leader(site).await?;
    let name = site.names().iter().rfind(|name| **name != leads).cloned().unwrap_or_default();
    let none = || SiteError::NoNode(name.clone());
    let (server, active, cursor) = site.world.with(|world| {
        let server = world.server(&name);
        let here = |lpar: &crate::world::LparId| {
            let active = server.and_then(|server| world.activity(server, *lpar)).is_some_and(|state| state.is_active());
            active && world.lpar_name(*lpar).starts_with(size::LPAR)
        };
        let active: BTreeSet<_> = world.lpars().filter(here).collect();
        (server, active, world.history().len())
    });
    let server = server.ok_or_else(none)?;
    figures.lost = active.len();
    let lost = site.world.with(|world| world.inject(Fault::TripPower(server)).map(|()| world.now()));
    let lost = lost.map_err(|why| SiteError::Late(why.to_string()))?;
    // First time at which each of them is active elsewhere, and at which it runs.
    let (mut started, mut running) = (BTreeMap::new(), BTreeMap::new());
    let mut seen = cursor;
    site.until("every LPAR of the lost server runs elsewhere", PATIENCE, async || {
        let entries = site.world.history_since(seen);
        seen += entries.len();
        for entry in entries {
            let Change::Lpar { server: on, lpar, state, .. } = entry.change else { continue };
            if on != server && active.contains(&lpar) && state.is_active() {
                started.entry(lpar).or_insert(entry.at);
                if state == LparState::Running {
                    running.entry(lpar).or_insert(entry.at);
                }
            }
        }
        running.len() >= active.len()
    })
    .await?;
    let since = |at: Option<&Time>| at.map_or(0.0, |at| Duration::from(at.since(lost)).as_secs_f64());
    figures.first_s = since(started.values().min());
    figures.last_s = since(started.values().max());
    figures.running_s = since(running.values().max());
    say(&format!("{name} was lost, with {} LPARs; all run elsewhere after {:.1} s", active.len(), figures.running_s));
    Ok(())
}

fn rows(figures: &Figures) -> Vec<Vec<String>> {
    let seconds = |value: f64| format!("{value:.2} s");
    let rows: [(&str, String); 16] = [
        ("nodes are members", seconds(figures.form_s)),
        ("cluster file applied", seconds(figures.apply_s)),
        ("all running LPARs adopted", seconds(figures.adopted_s)),
        ("leader at rest, of one processor", format!("{:.1} %", figures.leader_cpu)),
        ("other nodes at rest, each", format!("{:.1} %", figures.other_cpu)),
        ("memory of the leader", format!("{} MiB", figures.leader_mib)),
        ("memory of the largest node", format!("{} MiB", figures.largest_mib)),
        ("commands to each HMC at rest", format!("{:.1} /s", figures.commands)),
        ("log entries at rest", figures.entries.to_string()),
        ("terms begun at rest", figures.terms.to_string()),
        ("whole status", seconds(figures.status_s)),
        ("leader killed → another leads", seconds(figures.leader_s)),
        ("LPARs on the lost server", figures.lost.to_string()),
        ("server lost → first activated elsewhere", seconds(figures.first_s)),
        ("server lost → last activated elsewhere", seconds(figures.last_s)),
        ("server lost → all Running elsewhere", seconds(figures.running_s)),
    ];
    rows.into_iter().map(|(what, value)| vec![what.to_owned(), value]).collect()
}
