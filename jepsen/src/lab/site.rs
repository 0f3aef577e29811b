//! A site: the world, its HMCs, the nodes, the network, and how the cluster is founded, joined and declared.

pub(super) mod layout;
mod nodes;

pub use nodes::NodeRuns;

use self::{
    layout::{Place, log_of, make, node_names, place, prepare, start_hmcs, write},
    nodes::Nodes,
};
use super::{
    cluster_file::{ready_made, with_hmcs},
    network::Network,
    process::ProcessError,
};
use crate::{
    hmc::{HmcServer, HmcServerError},
    world::{DemoOptions, LiveWorld, SpecError, Ticker, World, WorldSpec},
};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, Instant},
};
use tenure::node::voters;
use tenure::{
    api::{Client, ClientError, Read, wire::MembersView},
    local::identity::{self, USER},
    node::founding,
};

/// Timeout of one request to a node.
const REQUEST: Duration = Duration::from_secs(10);
/// Timeout of each node's start while the cluster forms.
const FORMS: Duration = Duration::from_secs(60);
/// Pause between two checks of a starting node.
const LOOK: Duration = Duration::from_millis(50);

/// Options of a site.
#[derive(Clone, Debug)]
pub struct SiteOptions {
    /// Number of physical servers, each with a node.
    pub servers: usize,
    /// Whether there is one more node, without a server.
    pub arbiter: bool,
    /// Number of management consoles. Without any there are no LPARs: agents keep all resources inside the nodes.
    pub hmcs: usize,
    /// Directory of the files.
    pub directory: PathBuf,
    /// The cluster file; a ready-made one for the ready-made world if absent.
    pub cluster_file: Option<String>,
    /// The world; the ready-made one if absent.
    pub world: Option<WorldSpec>,
    /// A `tenured` that runs the nodes; this program if absent.
    pub program: Option<PathBuf>,
}

/// The start of a site failed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum SiteError {
    /// A file or an address cannot be set up.
    #[error("set up {what}")]
    Set {
        what: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The world cannot be built.
    #[error("make the world")]
    World(#[source] SpecError),
    /// An HMC cannot be started.
    #[error("start an HMC")]
    Hmc(#[source] HmcServerError),
    /// A key cannot be made.
    #[error("make a key: {0}")]
    Key(String),
    /// The cluster's authority cannot be founded.
    #[error("found the cluster")]
    Found(#[source] founding::FoundingError),
    /// An administrator's identity cannot be loaded.
    #[error("take up the administrator's identity")]
    Identity(#[source] identity::IdentityError),
    /// A node's process cannot be controlled.
    #[error("run a node")]
    Process(#[source] ProcessError),
    /// A request to a node failed.
    #[error("{what}")]
    Api {
        /// The request.
        what: String,
        /// The client's error.
        #[source]
        source: Box<ClientError>,
    },
    /// Something did not happen in time.
    #[error("{0}")]
    Late(String),
    /// No node of that name.
    #[error("there is no node {0}")]
    NoNode(String),
}

/// A running site. Dropping it ends everything.
pub struct Site {
    /// The simulated world.
    pub world: LiveWorld,
    /// The network between nodes.
    pub network: Network,
    /// A client that knows all nodes.
    pub client: Client,
    /// The cluster file applied.
    pub cluster_file: String,
    nodes: Mutex<Nodes>,
    names: Vec<String>,
    places: BTreeMap<String, Place>,
    hmcs: Vec<HmcServer>,
    directory: PathBuf,
    _ticker: Ticker,
}

impl Site {
    /// Starts everything and waits until the cluster is formed and declared. `progress` receives each step.
    pub async fn start(options: SiteOptions, progress: &mut dyn FnMut(&str)) -> Result<Site, SiteError> {
        progress(if options.hmcs > 0 { "emulated HMC and physical servers" } else { "machines" });
        let site = Site::prepare(options).await?;
        site.form(progress).await?;
        progress("cluster file");
        site.declare().await?;
        Ok(site)
    }

    /// Starts the world and its HMCs and writes the files of the nodes. No node runs yet.
    pub async fn prepare(options: SiteOptions) -> Result<Site, SiteError> {
        let directory = options.directory.clone();
        make(&directory)?;
        let lpars = if options.hmcs > 0 { DemoOptions::default().lpars } else { 0 };
        // A console is always needed to switch machines on, even if the cluster has none.
        let size = DemoOptions { servers: options.servers, hmcs: options.hmcs.max(1), lpars };
        let spec = options.world.clone().unwrap_or_else(|| WorldSpec::demo(size));
        let world = World::new(spec, 1).map_err(SiteError::World)?;
        let (world, ticker) = LiveWorld::start(world);
        let hmcs = start_hmcs(&world, options.hmcs, &directory).await?;
        let cluster_file = options.cluster_file.clone().unwrap_or_else(|| ready_made(&options));
        let cluster_file = with_hmcs(&cluster_file, &hmcs);
        write(&directory.join("cluster.toml"), &cluster_file)?;
        let mut network = Network::default();
        let names = node_names(&options);
        let mut places = BTreeMap::new();
        let mut processes = BTreeMap::new();
        for (number, name) in (1_u8..).zip(&names) {
            let place = place(&mut network, number).await?;
            let node = prepare(&options, name, &place)?;
            let node = match &options.program {
                Some(program) => node.with_program(program),
                None => node,
            };
            places.insert(name.clone(), place);
            processes.insert(name.clone(), node);
        }
        let admin = directory.join("admin");
        let seal = directory.join(format!("{}.seal", names[0]));
        founding::found("lab", &names[0], &directory.join(&names[0]), &seal, &admin).map_err(SiteError::Found)?;
        let identity = identity::load(&admin, USER).map_err(SiteError::Identity)?;
        let addresses = places.values().map(|place| place.api.to_string()).collect();
        let client = Client::new(&identity, addresses, REQUEST).map_err(api("make a client"))?;
        let home = (options.hmcs == 0).then(|| directory.clone());
        let nodes = Mutex::new(Nodes::new(processes, home));
        Ok(Site { world, network, client, cluster_file, nodes, names, places, hmcs, directory, _ticker: ticker })
    }

    /// Forms the cluster: the first node founds it; the others join with a token, and some get a vote. `progress`
    /// receives each step.
    pub async fn form(&self, progress: &mut dyn FnMut(&str)) -> Result<(), SiteError> {
        let Some(founder) = self.names.first() else { return Ok(()) };
        for name in &self.names {
            let token = if name == founder { None } else { Some(self.token(founder, name).await?) };
            let what = if name == founder { "founds the cluster" } else { "joins with a token" };
            progress(&format!("node {name} {what}"));
            self.launch(name, token.as_deref())?;
            self.answers(name).await?;
        }
        let wanted = voters::target(self.names.len());
        self.until("as many nodes vote as should", FORMS, async || {
            let members = self.client.members().await;
            members.is_ok_and(|members| members.members.iter().filter(|one| one.voter).count() >= wanted)
        })
        .await
        .map(drop)
    }

    /// Waits until a node that was started answers, or has ended.
    async fn answers(&self, name: &str) -> Result<(), SiteError> {
        let one = self.client_of(name)?;
        let mut ended = false;
        self.until(&format!("node {name} answers"), FORMS, async || {
            ended = self.node_runs(name).is_ok_and(|runs| runs == NodeRuns::Dead);
            ended || one.members().await.is_ok_and(|members| members.leader.is_some())
        })
        .await?;
        if ended { Err(SiteError::Late(format!("node {name} has ended: {}", self.last_words(name)))) } else { Ok(()) }
    }

    /// The last line of a node's log.
    fn last_words(&self, name: &str) -> String {
        let log = std::fs::read_to_string(log_of(&self.directory, name)).unwrap_or_default();
        let said = log.lines().rfind(|line| !line.trim().is_empty() && !line.starts_with("next:"));
        said.unwrap_or("it has said nothing").to_owned()
    }

    /// Applies the cluster file.
    pub async fn declare(&self) -> Result<(), SiteError> {
        let configured = self.client.configure(Client::request_id(), self.cluster_file.clone(), false, None).await;
        configured.map(drop).map_err(api("apply the cluster file"))
    }

    /// Founds another cluster in place of the one whose nodes are all lost, and starts its first node. Clients that were made
    /// before are of no use any more.
    pub fn found_anew(&self) -> Result<(), SiteError> {
        let Some(founder) = self.names.first() else { return Ok(()) };
        let (admin, data) = (self.admin_dir(), self.directory.join(founder));
        let aside = self.directory.join("admin.before");
        std::fs::rename(&admin, &aside)
            .map_err(|source| SiteError::Set { what: aside.display().to_string(), source })?;
        let seal = self.directory.join(format!("{founder}.seal"));
        founding::found("anew", founder, &data, &seal, &admin).map_err(SiteError::Found)?;
        self.launch(founder, None)
    }

    async fn token(&self, founder: &str, node: &str) -> Result<String, SiteError> {
        let token = self.client_of(founder)?.token(node).await.map_err(api("make a token"))?;
        Ok(token.token)
    }

    /// A client that knows only one node.
    pub fn client_of(&self, node: &str) -> Result<Client, SiteError> {
        let place = self.place(node)?;
        let identity = identity::load(&self.admin_dir(), USER).map_err(SiteError::Identity)?;
        Client::new(&identity, vec![place.api.to_string()], REQUEST).map_err(api("make a client"))
    }

    /// Names of the nodes, the founder first.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Directory of the administrator's identity.
    pub fn admin_dir(&self) -> PathBuf {
        self.directory.join("admin")
    }

    /// Whether there is no HMC, so that all resources are inside nodes.
    pub fn is_inside(&self) -> bool {
        self.hmcs.is_empty()
    }

    /// The site's files.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Addresses of the admin API by node.
    pub fn api_addresses(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.places.iter().map(|(name, place)| (name.as_str(), place.api))
    }

    /// Addresses of the nodes for each other, without the relays.
    pub fn peer_addresses(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.places.iter().map(|(name, place)| (name.as_str(), place.listen))
    }

    /// Waits until a condition is true.
    pub async fn until(
        &self,
        what: &str,
        within: Duration,
        mut is_so: impl AsyncFnMut() -> bool,
    ) -> Result<Duration, SiteError> {
        let began = Instant::now();
        while !is_so().await {
            if began.elapsed() > within {
                return Err(SiteError::Late(format!("{what}: not within {within:?}")));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(began.elapsed())
    }

    /// The current leader, confirmed by a quorum.
    pub async fn leader(&self) -> Option<String> {
        self.client.status(Read::Linearizable).await.ok()?.leader
    }

    /// The members, as known by the first node that answers.
    pub async fn members(&self) -> Result<MembersView, SiteError> {
        self.client.members().await.map_err(api("ask for the members"))
    }

    /// Number of commands that the HMCs were asked to run, ever.
    pub fn asked(&self) -> u64 {
        self.hmcs.iter().map(HmcServer::asked).sum()
    }

    /// Number of logins that the HMCs refused, ever.
    pub fn refused_logins(&self) -> u64 {
        self.hmcs.iter().map(HmcServer::refused).sum()
    }

    /// The emulated HMCs.
    pub fn hmcs(&self) -> &[HmcServer] {
        &self.hmcs
    }

    /// Cuts a node off from the other nodes.
    pub fn cut(&self, node: &str) -> Result<(), SiteError> {
        self.network.cut(self.place(node)?.listen.ip());
        Ok(())
    }

    /// Nodes that are cut off from the others.
    pub fn cut_off(&self) -> Vec<&str> {
        let cuts = self.network.cuts();
        let is_cut = |name: &&str| self.places.get(*name).is_some_and(|place| cuts.contains(&place.listen.ip()));
        self.names.iter().map(String::as_str).filter(is_cut).collect()
    }

    /// Ends everything: nodes are asked to stop first.
    pub async fn stop(mut self) {
        self.stop_nodes().await;
        for hmc in &mut self.hmcs {
            hmc.stop().await;
        }
    }

    fn place(&self, node: &str) -> Result<&Place, SiteError> {
        self.places.get(node).ok_or_else(|| SiteError::NoNode(node.to_owned()))
    }
}

fn api(what: &str) -> impl FnOnce(ClientError) -> SiteError {
    let what = what.to_owned();
    move |source| SiteError::Api { what, source: Box::new(source) }
}
