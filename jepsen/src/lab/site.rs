//! A site: the world, its HMCs, the nodes, the network, and the way the cluster is founded, joined and declared.

use super::{
    network::Network,
    process::{NodeProcess, ProcessError},
};
use crate::{
    hmc::{HmcOptions, HmcServer, HmcServerError, generate_key},
    world::{DemoOptions, Guest, LiveWorld, SpecError, Ticker, World, WorldSpec},
};
use russh::keys::ssh_key::LineEnding;
use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tenure::{
    api::{Client, ClientError, Read, wire::{Ask, MembersView}},
    config::identity::{self, ADMIN},
    node::founding,
};

/// How long one request to a node may take.
const REQUEST: Duration = Duration::from_secs(10);
/// How long the cluster may take to form.
const FORMS: Duration = Duration::from_secs(60);
/// Pause between two looks at a node that starts.
const LOOK: Duration = Duration::from_millis(50);

/// Size and pace of a site.
#[derive(Clone, Debug)]
pub struct SiteOptions {
    /// Physical servers, each with a node.
    pub servers: usize,
    /// One more node, without a server.
    pub arbiter: bool,
    /// Management consoles.
    pub hmcs: usize,
    /// Where files are kept.
    pub directory: PathBuf,
    /// The cluster file; a ready-made one for the ready-made world if absent.
    pub cluster_file: Option<String>,
    /// A `tenured` that runs the nodes; this very program if absent.
    pub program: Option<PathBuf>,
}

/// A site did not come up.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// A file or an address.
    #[error("set up {what}")]
    Set {
        /// What.
        what: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The world.
    #[error("make the world")]
    World(#[source] SpecError),
    /// An HMC.
    #[error("start an HMC")]
    Hmc(#[source] HmcServerError),
    /// A key.
    #[error("make a key: {0}")]
    Key(String),
    /// The cluster's authority.
    #[error("found the cluster")]
    Found(#[source] founding::FoundingError),
    /// An administrator's identity.
    #[error("take up the administrator's identity")]
    Identity(#[source] identity::IdentityError),
    /// A process.
    #[error("run a node")]
    Process(#[source] ProcessError),
    /// A node does not answer as it should.
    #[error("{what}")]
    Api {
        /// What was asked.
        what: String,
        /// The answer.
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
    /// The nodes by name.
    pub nodes: BTreeMap<String, NodeProcess>,
    /// A client that knows all nodes.
    pub client: Client,
    /// The cluster file that was applied.
    pub cluster_file: String,
    hmcs: Vec<HmcServer>,
    places: BTreeMap<String, Place>,
    /// Nodes that an operator took down on purpose: they do not follow their LPAR.
    held: BTreeMap<String, ()>,
    directory: PathBuf,
    _ticker: Ticker,
}

#[derive(Clone, Debug)]
struct Place {
    listen: SocketAddr,
    api: SocketAddr,
    advertise: SocketAddr,
}

impl Site {
    /// Starts everything and waits until the cluster is formed and declared. `progress` is told each step.
    pub async fn start(options: SiteOptions, progress: &mut dyn FnMut(&str)) -> Result<Site, SiteError> {
        let directory = options.directory.clone();
        make(&directory)?;
        let size = DemoOptions { servers: options.servers, hmcs: options.hmcs, ..DemoOptions::default() };
        let world = World::new(WorldSpec::demo(size), 1).map_err(SiteError::World)?;
        let (world, ticker) = LiveWorld::start(world);
        progress("emulated HMC and physical servers");
        let hmcs = start_hmcs(&world, options.hmcs, &directory).await?;
        let cluster_file = options.cluster_file.clone().unwrap_or_else(|| ready_made(&options, &hmcs));
        let cluster_file = with_hmcs(&cluster_file, &hmcs);
        write(&directory.join("cluster.toml"), &cluster_file)?;
        let mut network = Network::default();
        let names = node_names(&options);
        let mut places = BTreeMap::new();
        let mut nodes = BTreeMap::new();
        for (number, name) in (1_u8..).zip(&names) {
            let place = place(&mut network, number).await?;
            let node = prepare(&directory, name, &place)?;
            let node = match &options.program {
                Some(program) => node.with_program(program),
                None => node,
            };
            places.insert(name.clone(), place);
            nodes.insert(name.clone(), node);
        }
        let admin = directory.join("admin");
        founding::found("lab", &names[0], &directory.join(&names[0]), &admin).map_err(SiteError::Found)?;
        let identity = identity::load(&admin, ADMIN).map_err(SiteError::Identity)?;
        let addresses = places.values().map(|place| place.api.to_string()).collect();
        let client = Client::new(&identity, addresses, REQUEST).map_err(api("make a client"))?;
        let mut site = Site {
            world,
            network,
            nodes,
            client,
            cluster_file,
            hmcs,
            places,
            held: BTreeMap::new(),
            directory,
            _ticker: ticker,
        };
        site.form(&names, progress).await?;
        progress("cluster file");
        let ask = Ask::Configure { text: site.cluster_file.clone(), strand: false, expect: None };
        site.client.request(Client::request_id(), ask).await.map_err(api("apply the cluster file"))?;
        Ok(site)
    }

    /// The first node founds; the others join with a token and are given a vote.
    async fn form(&mut self, names: &[String], progress: &mut dyn FnMut(&str)) -> Result<(), SiteError> {
        for (number, name) in names.iter().enumerate() {
            progress(&format!("node {name}"));
            let token = if number == 0 { None } else { Some(self.token(&names[0], name).await?) };
            let node = self.nodes.get_mut(name).ok_or_else(|| SiteError::NoNode(name.clone()))?;
            node.start(token.as_deref()).map_err(SiteError::Process)?;
            let one = self.client_of(name)?;
            self.until(&format!("node {name} answers"), FORMS, async || {
                one.members().await.is_ok_and(|members| members.leader.is_some())
            })
            .await?;
            if number > 0 {
                self.client.node_promote(name).await.map_err(api("give a node its vote"))?;
            }
        }
        Ok(())
    }

    async fn token(&self, founder: &str, node: &str) -> Result<String, SiteError> {
        let token = self.client_of(founder)?.token(node).await.map_err(api("make a token"))?;
        Ok(token.token)
    }

    /// A client that knows one node only.
    pub fn client_of(&self, node: &str) -> Result<Client, SiteError> {
        let place = self.places.get(node).ok_or_else(|| SiteError::NoNode(node.to_owned()))?;
        let identity = identity::load(&self.admin_dir(), ADMIN).map_err(SiteError::Identity)?;
        Client::new(&identity, vec![place.api.to_string()], REQUEST).map_err(api("make a client"))
    }

    /// Where the administrator's identity is.
    pub fn admin_dir(&self) -> PathBuf {
        self.directory.join("admin")
    }

    /// The site's files.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Addresses of the admin API by node.
    pub fn api_addresses(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.places.iter().map(|(name, place)| (name.as_str(), place.api))
    }

    /// Waits until something is so.
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

    /// Who leads, as a quorum knows it.
    pub async fn leader(&self) -> Option<String> {
        self.client.status(Read::Linearizable).await.ok()?.leader
    }

    /// The members as the first node that answers knows them.
    pub async fn members(&self) -> Result<MembersView, SiteError> {
        self.client.members().await.map_err(api("ask for the members"))
    }

    /// Cuts a node off from the other nodes.
    pub fn cut(&self, node: &str) -> Result<(), SiteError> {
        let place = self.places.get(node).ok_or_else(|| SiteError::NoNode(node.to_owned()))?;
        self.network.cut(place.listen.ip());
        Ok(())
    }

    /// Kills a node's process, whatever its LPAR does, until it is started again.
    pub fn kill_node(&mut self, node: &str) -> Result<(), SiteError> {
        self.held.insert(node.to_owned(), ());
        self.node(node)?.kill().map_err(SiteError::Process)
    }

    /// Starts a node's process again.
    pub fn start_node(&mut self, node: &str) -> Result<(), SiteError> {
        self.held.remove(node);
        self.node(node)?.start(None).map_err(SiteError::Process)
    }

    /// Pauses a node's process.
    pub fn pause_node(&mut self, node: &str) -> Result<(), SiteError> {
        self.held.insert(node.to_owned(), ());
        self.node(node)?.pause().map_err(SiteError::Process)
    }

    /// Lets it go on.
    pub fn resume_node(&mut self, node: &str) -> Result<(), SiteError> {
        self.held.remove(node);
        self.node(node)?.resume().map_err(SiteError::Process)
    }

    fn node(&mut self, node: &str) -> Result<&mut NodeProcess, SiteError> {
        self.nodes.get_mut(node).ok_or_else(|| SiteError::NoNode(node.to_owned()))
    }

    /// Has every node's process do what its management LPAR does: none without power, none that runs where it hangs.
    /// To be called whenever the world's history has grown.
    pub fn follow_world(&mut self) -> Result<(), SiteError> {
        let guests: Vec<(String, Guest)> = self.world.with(|world| {
            let management = world.management();
            let guest = |(server, lpar)| (world.server_name(server).to_owned(), world.guest(server, lpar));
            management.into_iter().map(guest).collect()
        });
        for (server, guest) in guests {
            // A node is called as its server is.
            let held = self.held.contains_key(&server);
            let Some(node) = self.nodes.get_mut(&server) else { continue };
            let result = match guest {
                Guest::Off => node.kill(),
                Guest::Frozen if node.is_running() && !node.is_paused() => node.pause(),
                Guest::Running if node.is_paused() && !held => node.resume(),
                Guest::Running if !held => node.start(None),
                Guest::Frozen | Guest::Running => Ok(()),
            };
            result.map_err(SiteError::Process)?;
        }
        Ok(())
    }

    /// Ends everything: nodes are asked to stop first.
    pub async fn stop(mut self) {
        for node in self.nodes.values_mut() {
            if node.is_paused() {
                let _ = node.resume();
            }
            if node.is_running() {
                // One that does not stop is killed when the site is dropped.
                let _ = node.terminate();
            }
        }
        for hmc in &mut self.hmcs {
            hmc.stop().await;
        }
    }
}

fn api(what: &str) -> impl FnOnce(ClientError) -> SiteError {
    let what = what.to_owned();
    move |source| SiteError::Api { what, source: Box::new(source) }
}

fn set(what: &Path) -> impl FnOnce(io::Error) -> SiteError {
    let what = what.display().to_string();
    move |source| SiteError::Set { what, source }
}

fn make(directory: &Path) -> Result<(), SiteError> {
    std::fs::create_dir_all(directory).map_err(set(directory))
}

fn write(file: &Path, text: &str) -> Result<(), SiteError> {
    std::fs::write(file, text).map_err(set(file))
}

fn node_names(options: &SiteOptions) -> Vec<String> {
    let servers = (1..=options.servers).map(|n| format!("p{n}"));
    servers.chain(options.arbiter.then(|| "arbiter".to_owned())).collect()
}

async fn start_hmcs(world: &LiveWorld, count: usize, directory: &Path) -> Result<Vec<HmcServer>, SiteError> {
    let key = generate_key();
    let text = key.to_openssh(LineEnding::LF).map_err(|why| SiteError::Key(why.to_string()))?;
    identity::write_secret(&directory.join("hmc_key"), &text).map_err(SiteError::Identity)?;
    let mut hmcs = Vec::new();
    for number in 1..=count {
        let options = HmcOptions::new(format!("hmc{number}"), key.public_key().clone());
        hmcs.push(HmcServer::start(world.clone(), options).await.map_err(SiteError::Hmc)?);
    }
    Ok(hmcs)
}

/// Addresses of node `number`: its own, and the one of its relay.
async fn place(network: &mut Network, number: u8) -> Result<Place, SiteError> {
    let own = IpAddr::V4(Ipv4Addr::new(127, 0, 1, number));
    let front = IpAddr::V4(Ipv4Addr::new(127, 0, 2, number));
    let (listen, api) = free_ports(own).map_err(set(Path::new("a node's address")))?;
    let advertise = network.relay(front, listen).await.map_err(set(Path::new("a relay")))?;
    Ok(Place { listen, api, advertise })
}

/// Two free ports. Both are held while they are chosen, so that they differ.
fn free_ports(on: IpAddr) -> io::Result<(SocketAddr, SocketAddr)> {
    let (one, other) = (std::net::TcpListener::bind((on, 0))?, std::net::TcpListener::bind((on, 0))?);
    Ok((one.local_addr()?, other.local_addr()?))
}

fn prepare(directory: &Path, name: &str, place: &Place) -> Result<NodeProcess, SiteError> {
    let data = directory.join(name);
    make(&data)?;
    let config = directory.join(format!("{name}.toml"));
    let text = format!(
        "node = \"{name}\"\ndata_dir = \"{name}\"\nlisten = \"{}\"\nadvertise = \"{}\"\napi_listen = \"{}\"\n\
         hmc_key = \"hmc_key\"\n",
        place.listen, place.advertise, place.api
    );
    write(&config, &text)?;
    Ok(NodeProcess::new(name, config, directory.join(format!("{name}.log"))))
}

/// Fills in where the emulated HMCs really are: `@hmc1.address@` and `@hmc1.host_key@`.
fn with_hmcs(text: &str, hmcs: &[HmcServer]) -> String {
    (1..).zip(hmcs).fold(text.to_owned(), |text, (number, hmc)| {
        text.replace(&format!("@hmc{number}.address@"), &hmc.address().to_string())
            .replace(&format!("@hmc{number}.host_key@"), hmc.fingerprint())
    })
}

/// The cluster file for the ready-made world.
fn ready_made(options: &SiteOptions, hmcs: &[HmcServer]) -> String {
    use std::fmt::Write;
    let servers: Vec<String> = (1..=options.servers).map(|n| format!("p{n}")).collect();
    let mut text = String::from("name = \"lab\"\n");
    let consoles: Vec<String> = (1..=hmcs.len()).map(|n| format!("\"hmc{n}\"")).collect();
    for n in 1..=hmcs.len() {
        let _ = write!(
            text,
            "\n[hmcs.hmc{n}]\naddress = \"@hmc{n}.address@\"\nuser = \"tenure\"\nhost_key = \"@hmc{n}.host_key@\"\n"
        );
    }
    let spec = WorldSpec::demo(DemoOptions { servers: options.servers, hmcs: hmcs.len(), ..DemoOptions::default() });
    for (server, spec) in servers.iter().zip(&spec.servers) {
        let mtms = spec.mtms();
        let _ = write!(
            text,
            "\n[servers.{server}]\nsystem = \"{server}\"\nmtms = \"{mtms}\"\nhmcs = [{}]\nmemory = \"128GiB\"\n",
            consoles.join(", ")
        );
    }
    for server in &servers {
        let _ = write!(text, "\n[nodes.{server}]\nserver = \"{server}\"\nlpar = \"node-{server}\"\n");
    }
    if options.arbiter {
        text.push_str("\n[nodes.arbiter]\n");
    }
    // Group, its LPARs, its priority, the server that it prefers.
    let groups: [(&str, &[&str], u32, usize); 6] = [
        ("database", &["db"], 10, 0),
        ("shop", &["app", "web"], 20, 0),
        ("office", &["mail"], 30, 1),
        ("erp", &["erp"], 15, 1),
        ("night", &["batch"], 80, 2),
        ("trial", &["test"], 90, 2),
    ];
    for (group, lpars, priority, first) in groups {
        let list: Vec<String> =
            (0..servers.len()).map(|n| format!("\"{}\"", servers[(first + n) % servers.len()])).collect();
        let _ = write!(
            text,
            "\n[groups.{group}]\npriority = {priority}\nservers = [{}]\nrestart_limit = 1\n",
            list.join(", ")
        );
        for lpar in lpars {
            let _ = write!(
                text,
                "\n[lpars.{lpar}]\ngroup = \"{group}\"\npartition = \"{lpar}\"\nmemory = \"16GiB\"\nprocessors = \"1.0\"\nstop_timeout = \"10s\"\n"
            );
        }
    }
    text
}

