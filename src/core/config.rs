//! The cluster as its administrators declared it, and the rules that hold whoever wrote it.
//!
//! The text of the cluster file is read elsewhere; what it must mean is decided here, so that nothing invalid can be
//! applied by any road.

mod check;
mod group;
mod instances;
mod resource;
mod rules;
mod ties;

pub use check::{Mistake, Rule, hundredths};
pub use group::{
    AutoRestart, AutostartPolicy, Failback, Failover, Group, GroupKind, Hook, Link, Load, Need, Policy, Rigidity,
    ServerDown, Shutdown, Trigger,
};
pub use resource::{Agent, Kind, Lpar, OperatingSystem, Operations, Patience, Requirement, Resource, Watch};
pub use rules::{Asks, Brakes, PlacementRule, Service, Tier, TierLink, Tolerance};

use crate::{GroupName, HmcName, NodeName, ResourceName, RuleName, ServerName, ServiceName, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that the cluster file declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Name of the cluster.
    pub name: String,
    /// Whether an LPAR bears the mark of the cluster that manages it: see [`crate::listing::Mark`].
    pub owner_mark: bool,
    /// What manages servers from outside.
    pub managers: BTreeMap<HmcName, Manager>,
    /// Physical servers.
    pub servers: BTreeMap<ServerName, Server>,
    /// Nodes that run `tenured`.
    pub nodes: BTreeMap<NodeName, Node>,
    /// Service groups.
    pub groups: BTreeMap<GroupName, Group>,
    /// Resources of the groups: managed LPARs, and what lives inside nodes.
    pub resources: BTreeMap<ResourceName, Resource>,
    /// Named services of groups in tiers.
    pub services: BTreeMap<ServiceName, Service>,
    /// Placement rules.
    pub rules: BTreeMap<RuleName, PlacementRule>,
    /// How many failures must be survived.
    pub tolerance: Tolerance,
    /// What keeps the cluster from doing too much at once.
    pub brakes: Brakes,
    /// Times that rule detection and patience.
    pub timings: Timings,
}

/// What a server is read and commanded through from outside, by its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manager {
    /// A hardware management console.
    Hmc(Hmc),
}

impl Manager {
    /// Its address.
    pub fn address(&self) -> &str {
        match self {
            Manager::Hmc(hmc) => &hmc.address,
        }
    }
}

impl From<Hmc> for Manager {
    fn from(hmc: Hmc) -> Self {
        Manager::Hmc(hmc)
    }
}

/// How managers of a kind are told which server is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Address {
    /// To an HMC.
    Hmc {
        /// Its name there, for people.
        system: String,
        /// Machine type, model and serial number, `9009-42A*1234567`: how commands address it.
        mtms: String,
    },
}

/// A hardware management console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hmc {
    /// Host name or address, with the SSH port.
    pub address: String,
    /// HMC user for the cluster.
    pub user: String,
    /// Pinned SSH host key, `SHA256:…` as `ssh-keygen -l` prints it.
    pub host_key: String,
}

/// A physical server ("managed system").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Who manages it, in the order of use; nobody if nothing on it is an LPAR.
    pub managers: Vec<HmcName>,
    /// What it is to them; nothing without them.
    pub address: Option<Address>,
    /// Whether nodes elsewhere may manage it when it has no node of its own.
    pub surrogate: bool,
    /// Memory for managed LPARs in MiB; unlimited if absent.
    pub memory: Option<u64>,
    /// Processing units for managed LPARs in hundredths; unlimited if absent.
    pub processors: Option<u64>,
    /// Abstract units of load; unlimited if absent.
    pub units: Option<u64>,
    /// Named amounts that groups' prerequisites take. A name that is absent is none.
    pub limits: BTreeMap<String, u64>,
    /// The zone that it lies in; servers without one lie together.
    pub zone: Option<String>,
}

/// A management LPAR that runs `tenured`. Without a server it is an arbiter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The server that it lives on.
    pub server: Option<ServerName>,
    /// What its own LPAR is called where its server is managed; never a managed LPAR.
    pub lpar: Option<String>,
    /// It has a watchdog device that resets it when nobody has fed it for so long.
    pub watchdog: Option<Span>,
}

/// Times that rule detection and patience.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// How often a node is heard.
    pub heartbeat: Span,
    /// Silence after which a node is suspect and its server is read through the witness.
    pub suspect: Span,
    /// How long a node may act without hearing the leader.
    pub lease: Span,
    /// How often each server is read.
    pub monitor: Span,
    /// How long a node that has lost its lease keeps what lives inside it before it stops what must not run twice.
    pub concede: Span,
    /// How long a start whose outcome is unknown may still take effect after the lease of its node ended; and how long a
    /// server that came up may go on starting LPARs by itself.
    pub settle: Span,
    /// How long one fence (power off and read back) may take.
    pub fence: Span,
}

impl Default for Timings {
    fn default() -> Self {
        Timings {
            heartbeat: Span(250),
            suspect: Span(1500),
            lease: Span::seconds(3),
            monitor: Span::seconds(5),
            concede: Span::seconds(10),
            settle: Span::seconds(30),
            fence: Span::seconds(120),
        }
    }
}

impl Server {
    /// What a server that HMCs manage is unless its author says otherwise. Without a serial number it has no address.
    pub fn new(system: &str, mtms: &str, managers: Vec<HmcName>) -> Self {
        let address = Address::Hmc { system: system.to_owned(), mtms: mtms.to_owned() };
        Server {
            managers,
            address: Some(address).filter(|_| !mtms.is_empty()),
            surrogate: false,
            memory: None,
            processors: None,
            units: None,
            limits: BTreeMap::new(),
            zone: None,
        }
    }

    /// Machine type, model and serial number, if HMCs manage it: which machine stands behind its name.
    pub fn mtms(&self) -> Option<&str> {
        self.address.as_ref().map(|Address::Hmc { mtms, .. }| mtms.as_str())
    }

    /// What people call it where it is managed.
    pub fn system(&self) -> Option<&str> {
        self.address.as_ref().map(|Address::Hmc { system, .. }| system.as_str())
    }
}

impl Cluster {
    /// The resources of a group, in the order of their names.
    pub fn resources_of<'a>(&'a self, group: &'a GroupName) -> impl Iterator<Item = (&'a ResourceName, &'a Resource)> {
        self.resources.iter().filter(move |(_, resource)| &resource.group == group)
    }

    /// A managed LPAR.
    pub fn lpar(&self, name: &ResourceName) -> Option<&Lpar> {
        self.resources.get(name).and_then(Resource::as_lpar)
    }

    /// Whether a resource lives inside nodes and must not be active in two at once: what a node stops when it has been
    /// without a lease for too long, and for the sake of which its watchdog resets it. Instances of parallel groups have one
    /// place each, and what is merely watched, or never stopped, is nobody's to stop.
    pub fn lives_once(&self, name: &ResourceName) -> bool {
        self.resources.get(name).is_some_and(|resource| {
            let stops = resource.operations() == Operations::OnOff && resource.enabled && !resource.monitor_only;
            let managed = self.groups.get(&resource.group).is_some_and(|group| group.managed);
            resource.as_agent().is_some() && stops && managed && name.instance().is_none()
        })
    }

    /// Everything that a node on the server may have to stop, as it is declared.
    pub fn living_on<'a>(
        &'a self,
        server: &'a ServerName,
    ) -> impl Iterator<Item = (&'a ResourceName, &'a Resource)> + 'a {
        let here =
            |resource: &Resource| self.groups.get(&resource.group).is_some_and(|group| group.servers.contains(server));
        self.resources.iter().filter(move |(name, resource)| self.lives_once(name) && here(resource))
    }

    /// Whether anything is read of a server, or done to it, from outside. Where nothing is an LPAR nothing needs to be: then only
    /// its own node says what is there.
    pub fn has_manager(&self, server: &ServerName) -> bool {
        self.servers.get(server).is_some_and(|declared| !declared.managers.is_empty())
    }

    /// The node that lives on a server.
    pub fn node_on(&self, server: &ServerName) -> Option<&NodeName> {
        self.nodes.iter().find(|(_, node)| node.server.as_ref() == Some(server)).map(|(name, _)| name)
    }
}
