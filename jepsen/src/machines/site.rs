//! A site of machines: physical servers of the emulated world, each with a management LPAR that is a machine, an
//! emulated HMC that they reach over their network, and a node on each.

use super::{
    Machine, MachineError, Web, Yard,
    power::{Power, lpar_of},
    web::AGENTS,
};
use crate::{
    hmc::{HmcOptions, HmcServer, HmcServerError, generate_key},
    world::{
        Cause, Change, Command, DemoOptions, Fault, LiveWorld, LparId, ServerId, SpecError, Ticker, World, WorldSpec,
    },
};
use russh::keys::ssh_key::LineEnding;
use std::{
    fmt::Write,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tenure::node::voters;
use tenure::{
    api::{Client, ClientError, wire::Verb},
    local::{
        identity::{self, USER},
        private,
    },
    node::founding,
};

/// Timeout of one request to a node.
const REQUEST: Duration = Duration::from_secs(10);
/// Timeout of each step of the cluster's formation.
const FORMS: Duration = Duration::from_secs(60);
/// Pause between two checks.
const LOOK: Duration = Duration::from_millis(20);
/// Ports of a node, for peers and for the API.
const PORTS: (u16, u16) = (7100, 7101);

/// Options of a site.
#[derive(Clone, Debug)]
pub struct SiteOptions {
    /// Physical servers `p1`, `p2`, …, each with a machine of that name.
    pub servers: u8,
    /// A program that runs [`init`](super::init) when its only argument is `init`.
    pub init: PathBuf,
    /// The program of a node, with the arguments before `--config`.
    pub tenured: Vec<String>,
    /// Lines for `[raft]` in every `tenured.toml`.
    pub raft: String,
}

/// The start of a site, or an operation on it, failed.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// An operation on a machine failed.
    #[error("machines")]
    Machine(#[from] MachineError),
    /// The world cannot be built.
    #[error("make the world")]
    World(#[source] SpecError),
    /// The emulated HMC cannot be started.
    #[error("start the HMC")]
    Hmc(#[source] HmcServerError),
    /// A key cannot be made.
    #[error("make a key: {0}")]
    Key(String),
    /// The cluster's authority cannot be founded.
    #[error("found the cluster")]
    Found(#[source] founding::FoundingError),
    /// An identity cannot be stored.
    #[error("keep an identity")]
    Identity(#[source] identity::IdentityError),
    /// A request to a node failed.
    #[error("{what}")]
    Api {
        /// The request.
        what: &'static str,
        /// The client's error.
        #[source]
        source: Box<ClientError>,
    },
    /// The state of the world does not allow it, or there is no such machine.
    #[error("{0}")]
    Pointless(String),
}

/// A running site. Dropping it ends everything.
///
/// The HMC's state of a management LPAR and the state of its machine always agree: the LPAR reads `Not Activated`
/// only after the last process of the machine has ended, whatever the cause, and the machine boots when its LPAR
/// reaches `Running`. A machine whose processes were killed still reads `Running`.
pub struct Site {
    /// The emulated world.
    pub world: LiveWorld,
    /// A client of the nodes that knows all of them.
    pub client: Client,
    // Fields are dropped in this order: machines before their network.
    power: Arc<Power>,
    hmc: HmcServer,
    _ticker: Ticker,
    /// The network. Further machines may be added to it.
    pub yard: Yard,
}

impl Site {
    /// Starts the world and its HMC and boots the machines. No node runs yet. Must be called within a runtime, which
    /// serves the HMC.
    pub async fn prepare(options: &SiteOptions) -> Result<Site, SiteError> {
        let yard = Yard::new(&options.init)?;
        let machines: Vec<Machine> = (1..=options.servers).map(|n| yard.machine(&format!("p{n}"), n, &[])).collect();
        let web = Web::new(&yard)?;
        let directory = yard.directory().to_owned();
        let (power, woken) = Power::new(machines, web, options.tenured.clone(), directory.clone());
        let power = Arc::new(power);
        let size = DemoOptions { servers: usize::from(options.servers), lpars: 0, hmcs: 1 };
        let world = World::new(WorldSpec::demo(size), 1).map_err(SiteError::World)?;
        // For LPARs that run when the world begins: later calls are for changes only.
        power.follow(&world);
        let follower = Arc::downgrade(&power);
        let (world, ticker) = LiveWorld::start_followed(world, move |world, _| {
            if let Some(power) = follower.upgrade() {
                power.follow(world);
            }
        });
        let server = Arc::downgrade(&power);
        std::thread::spawn(move || {
            // Woken for the last time when the power is dropped.
            while woken.recv().is_ok() {
                let Some(power) = server.upgrade() else { return };
                power.boot_all();
            }
        });
        let key = generate_key();
        let text = key.to_openssh(LineEnding::LF).map_err(|why| SiteError::Key(why.to_string()))?;
        identity::write_secret(&directory.join("hmc_key"), &text).map_err(SiteError::Identity)?;
        let listen = SocketAddr::from((yard.outside(), 0));
        let hmc = HmcOptions { listen, ..HmcOptions::new("hmc1", key.public_key().clone()) };
        let hmc = HmcServer::start(world.clone(), hmc).await.map_err(SiteError::Hmc)?;
        let client = found(&directory, power.machines(), &options.raft)?;
        let site = Site { world, client, power, hmc, _ticker: ticker, yard };
        until("every machine is on", async || site.machines().iter().all(Machine::is_on)).await?;
        Ok(site)
    }

    /// Starts the nodes: the first founds the cluster, the others join with a token, and some get a vote.
    pub async fn form(&self) -> Result<(), SiteError> {
        for (number, machine) in self.machines().iter().enumerate() {
            let token = match number {
                0 => None,
                _ => Some(self.client.token(machine.name()).await.map_err(api("make a token"))?.token),
            };
            self.power.start_node(machine, token.as_deref())?;
            let one = client(&self.yard.directory().join("admin"), [machine])?;
            let answers =
                until("its node answers", async || one.members().await.is_ok_and(|members| members.leader.is_some()));
            if answers.await.is_err() {
                let said = self.log(machine.name());
                return Err(MachineError::Late(format!("node {} does not answer:\n{said}", machine.name())).into());
            }
        }
        let wanted = voters::target(self.machines().len());
        let vote = until("as many nodes vote as should", async || {
            let members = self.client.members().await;
            members.is_ok_and(|members| members.members.iter().filter(|one| one.voter).count() >= wanted)
        });
        Ok(vote.await?)
    }

    /// The first part of a cluster file: the HMC, the servers, the nodes.
    pub fn cluster_file(&self) -> String {
        let (address, key) = (self.hmc.address(), self.hmc.fingerprint());
        let mut text = format!(
            "name = \"machines\"\n\n[managers.hmc1]\nkind = \"hmc\"\naddress = \"{address}\"\nuser = \"tenure\"\nhost_key = \"{key}\"\n"
        );
        for machine in self.machines() {
            let name = machine.name();
            let mtms = self.world.with(|world| world.server(name).map(|server| world.server_spec(server).mtms()));
            let (mtms, lpar) = (mtms.unwrap_or_default(), lpar_of(name));
            let _ = write!(
                text,
                "\n[servers.{name}]\nmanagers = [\"hmc1\"]\naddress = {{ system = \"{name}\", mtms = \"{mtms}\" }}\n\n\
                 [nodes.{name}]\nserver = \"{name}\"\nlpar = \"{lpar}\"\n"
            );
        }
        text
    }

    /// Applies a cluster file.
    pub async fn declare(&self, text: String) -> Result<(), SiteError> {
        let configured = self.client.configure(Client::request_id(), text, false, None).await;
        configured.map(drop).map_err(api("apply a cluster file"))
    }

    /// Makes a request to the cluster, as an operator.
    pub async fn ask(&self, ask: Verb) -> Result<(), SiteError> {
        self.client.request(Client::request_id(), ask).await.map(drop).map_err(api("ask the cluster"))
    }

    /// The machines, by number.
    pub fn machines(&self) -> &[Machine] {
        self.power.machines()
    }

    /// A machine by name.
    pub fn machine(&self, name: &str) -> Result<&Machine, SiteError> {
        let found = self.machines().iter().find(|machine| machine.name() == name);
        found.ok_or_else(|| SiteError::Pointless(format!("there is no machine {name}")))
    }

    /// The service: its disk and the requirements of its agents are present on every machine. A cluster file may
    /// declare it.
    pub fn web(&self) -> &Web {
        self.power.web()
    }

    /// Cuts a machine's power: its LPAR crashes and reads Not Activated.
    pub fn power_off(&self, name: &str) -> Result<(), SiteError> {
        let (server, lpar) = self.place(name)?;
        self.inject(Fault::Crash(server, lpar))
    }

    /// Cuts the power of a whole physical server.
    pub fn trip(&self, name: &str) -> Result<(), SiteError> {
        let (server, _) = self.place(name)?;
        self.inject(Fault::TripPower(server))
    }

    /// Hangs a machine: its processes stop, its LPAR reads Running.
    pub fn hang(&self, name: &str) -> Result<(), SiteError> {
        let (server, lpar) = self.place(name)?;
        self.inject(Fault::Hang(server, lpar))
    }

    /// Continues a machine that hangs.
    pub fn resume(&self, name: &str) -> Result<(), SiteError> {
        let (server, lpar) = self.place(name)?;
        self.inject(Fault::Resume(server, lpar))
    }

    /// Kills everything on a machine with `kill -9`. Its addresses and mounts stay, and its LPAR reads Running.
    pub fn kill_processes(&self, name: &str) -> Result<(), SiteError> {
        Ok(self.machine(name)?.kill_processes()?)
    }

    /// Activates a machine's LPAR as an administrator does at the HMC, or its server, if that is off. The machine
    /// boots later.
    pub fn boot(&self, name: &str) -> Result<(), SiteError> {
        let (server, lpar) = self.place(name)?;
        let refused = |why| SiteError::Pointless(format!("boot {name}: {why}"));
        self.world.with(|world| {
            let hmc = world.hmcs().next().ok_or_else(|| SiteError::Pointless("there is no HMC".to_owned()))?;
            let start = match world.power(server) {
                crate::world::Power::Operating => Command::start(server, lpar),
                _ => Command::PowerOn { server },
            };
            world.execute(hmc, &start).map(drop).map_err(refused)
        })
    }

    /// Number of commands to the HMC to stop this machine's LPAR, or its server, since the world began.
    pub fn fenced(&self, name: &str) -> Result<usize, SiteError> {
        let (server, lpar) = self.place(name)?;
        let entries = self.world.history_since(0);
        let stops = entries.iter().filter(|entry| match entry.change {
            Change::Lpar { server: on, lpar: of, state, cause: Cause::Command(_) } => {
                (on, of) == (server, lpar) && state == crate::world::LparState::ShuttingDown
            }
            Change::Power { server: of, state, cause: Cause::Command(_) } => {
                of == server && state == crate::world::SystemState::PowerOffInProgress
            }
            _ => false,
        });
        Ok(stops.count())
    }

    /// The log of a node so far.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.power.log_of(name)).unwrap_or_default()
    }

    /// Failures of the harness itself. A test that ends with any has shown nothing.
    pub fn trouble(&self) -> Vec<String> {
        self.power.trouble()
    }

    fn inject(&self, fault: Fault) -> Result<(), SiteError> {
        self.world.with(|world| world.inject(fault)).map_err(|why| SiteError::Pointless(why.to_string()))
    }

    fn place(&self, name: &str) -> Result<(ServerId, LparId), SiteError> {
        let found = self.world.with(|world| world.server(name).zip(world.lpar(&lpar_of(name))));
        found.ok_or_else(|| SiteError::Pointless(format!("there is no machine {name}")))
    }
}

/// Creates the authority, an administrator, and `tenured.toml` for each node.
fn found(directory: &std::path::Path, machines: &[Machine], raft: &str) -> Result<Client, SiteError> {
    for machine in machines {
        let (name, address) = (machine.name(), machine.address());
        let data = directory.join(name);
        private::make_directory(&data).map_err(MachineError::file("make", &data))?;
        let file = directory.join(format!("{name}.toml"));
        let (peers, admin) = (SocketAddr::from((address, PORTS.0)), SocketAddr::from((address, PORTS.1)));
        let raft = if raft.is_empty() { String::new() } else { format!("\n[raft]\n{raft}") };
        let text = format!(
            "node = \"{name}\"\ndata_dir = \"{name}\"\nlisten = \"{peers}\"\napi_listen = \"{admin}\"\n\
             hmc_key = \"hmc_key\"\n\n[agents]\nocf_root = \"{}\"\n{raft}",
            directory.join(AGENTS).display()
        );
        std::fs::write(&file, text).map_err(MachineError::file("write", &file))?;
    }
    let founder = machines.first().map(Machine::name).unwrap_or_default();
    let admin = directory.join("admin");
    let seal = directory.join(format!("{founder}.seal"));
    founding::found("machines", founder, &directory.join(founder), &seal, &admin).map_err(SiteError::Found)?;
    client(&admin, machines)
}

fn client<'a>(admin: &std::path::Path, machines: impl IntoIterator<Item = &'a Machine>) -> Result<Client, SiteError> {
    let identity = identity::load(admin, USER).map_err(SiteError::Identity)?;
    let address = |machine: &Machine| SocketAddr::from((machine.address(), PORTS.1)).to_string();
    Client::new(&identity, machines.into_iter().map(address).collect(), REQUEST).map_err(api("make a client"))
}

async fn until(what: &str, is_so: impl AsyncFnMut() -> bool) -> Result<(), MachineError> {
    until_within(what, FORMS, is_so).await
}

/// Waits until a condition is true, for at most `longest`.
pub(crate) async fn until_within(
    what: &str,
    longest: Duration,
    mut is_so: impl AsyncFnMut() -> bool,
) -> Result<(), MachineError> {
    let began = Instant::now();
    while !is_so().await {
        if began.elapsed() > longest {
            return Err(MachineError::Late(format!("{what}: not within {longest:?}")));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

fn api(what: &'static str) -> impl FnOnce(ClientError) -> SiteError {
    move |source| SiteError::Api { what, source: Box::new(source) }
}
