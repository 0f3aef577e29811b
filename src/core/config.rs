//! The declared configuration of the cluster, and the rules that it must satisfy.
//!
//! The cluster file is parsed elsewhere. Its meaning is checked here, so that no invalid configuration can be
//! applied, whichever way it comes.

mod check;
mod group;
mod instances;
mod resource;
mod rules;
mod secret;
mod ties;

pub use check::{Mistake, Rule, excerpt, hundredths, is_name};
pub use group::{
    AutoRestart, AutostartPolicy, Failback, Failover, Group, GroupKind, Hook, Link, Load, Need, Policy, Rigidity,
    ServerDown, Shutdown, Trigger,
};
pub use resource::{Agent, Kind, Lpar, OperatingSystem, Operations, Patience, Requirement, Resource, Watch};
pub use rules::{Asks, Brakes, PlacementRule, Service, Tier, TierLink, Tolerance};
pub use secret::{looks_secret, secret_name};

use crate::{GroupName, HmcName, NodeName, ResourceName, RuleName, ServerName, ServiceName, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that the cluster file declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Name of the cluster.
    pub name: String,
    /// Whether managed LPARs are marked with the name of this cluster: see [`crate::listing::Mark`].
    pub owner_mark: bool,
    /// Managers, through which servers are read and commanded from outside.
    pub managers: BTreeMap<HmcName, Manager>,
    /// Physical servers.
    pub servers: BTreeMap<ServerName, Server>,
    /// Nodes that run `tenured`.
    pub nodes: BTreeMap<NodeName, Node>,
    /// Service groups.
    pub groups: BTreeMap<GroupName, Group>,
    /// Resources of the groups: managed LPARs, and resources that agents keep inside nodes.
    pub resources: BTreeMap<ResourceName, Resource>,
    /// Named services of groups in tiers.
    pub services: BTreeMap<ServiceName, Service>,
    /// Placement rules.
    pub rules: BTreeMap<RuleName, PlacementRule>,
    /// Server losses to be tolerated.
    pub tolerance: Tolerance,
    /// Limits on concurrent work, and the rules for storms, flapping servers and preemption.
    pub brakes: Brakes,
    /// Detection intervals and time limits.
    pub timings: Timings,
}

/// The means by which a server is read and commanded from outside, by kind of manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manager {
    /// A hardware management console.
    Hmc(Hmc),
}

impl Manager {
    /// Host name or address of the manager, with the port.
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

/// Identity of a server towards its managers, by kind of manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Address {
    /// For HMCs.
    Hmc {
        /// Name of the managed system on the HMC, for people.
        system: String,
        /// Machine type, model and serial number, `9009-42A*1234567`, by which commands address it.
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
    /// Its managers in order of preference; empty if nothing on it is an LPAR.
    pub managers: Vec<HmcName>,
    /// Its identity towards the managers; `None` without managers.
    pub address: Option<Address>,
    /// Whether nodes elsewhere may manage it when it has no node of its own.
    pub surrogate: bool,
    /// Memory for managed LPARs in MiB; unlimited if absent.
    pub memory: Option<u64>,
    /// Processing units for managed LPARs in hundredths; unlimited if absent.
    pub processors: Option<u64>,
    /// Abstract units of load; unlimited if absent.
    pub units: Option<u64>,
    /// Named amounts, of which the groups' prerequisites take their part. An absent name counts as zero.
    pub limits: BTreeMap<String, u64>,
    /// Its zone; all servers without one are in one zone.
    pub zone: Option<String>,
}

/// A management LPAR that runs `tenured`. Without a server it is an arbiter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The server that it lives on.
    pub server: Option<ServerName>,
    /// Name of the node's own LPAR on the manager of its server; never a managed LPAR.
    pub lpar: Option<String>,
    /// Timeout of the watchdog device that resets the node when it is not fed; `None` without a device.
    pub watchdog: Option<Span>,
}

/// Detection intervals and time limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Interval at which a node is heard.
    pub heartbeat: Span,
    /// Silence after which a node is suspect and its server is read through the witness.
    pub suspect: Span,
    /// Time for which a node may act without hearing the leader.
    pub lease: Span,
    /// Interval at which each server is read.
    pub monitor: Span,
    /// Time for which a node without a lease keeps its local resources before it stops those that must not run twice.
    pub stand_down: Span,
    /// Time for which a start with unknown outcome may still take effect after the lease of its node ended; and for
    /// which a server that came up may go on starting LPARs by itself.
    pub settle: Span,
    /// Time limit of one fence (power off and read back).
    pub fence: Span,
}

impl Default for Timings {
    fn default() -> Self {
        Timings {
            heartbeat: Span(250),
            suspect: Span(1500),
            lease: Span::seconds(3),
            monitor: Span::seconds(5),
            stand_down: Span::seconds(10),
            settle: Span::seconds(30),
            fence: Span::seconds(120),
        }
    }
}

impl Server {
    /// A server with default settings that HMCs manage. An empty `mtms` leaves it without an address.
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

    /// Machine type, model and serial number, if HMCs manage it: identifies the machine behind the name.
    pub fn mtms(&self) -> Option<&str> {
        self.address.as_ref().map(|Address::Hmc { mtms, .. }| mtms.as_str())
    }

    /// Name of the server on its manager, for people.
    pub fn system(&self) -> Option<&str> {
        self.address.as_ref().map(|Address::Hmc { system, .. }| system.as_str())
    }
}

impl Cluster {
    /// Its length in the log, in bytes; at most [`DECLARATION_LIMIT`](crate::command::DECLARATION_LIMIT) can be declared.
    pub fn length(&self) -> usize {
        let mut bytes = Vec::new();
        crate::codec::write_body(self, &mut bytes);
        bytes.len()
    }

    /// The resources of a group, in the order of their names.
    pub fn resources_of<'a>(&'a self, group: &'a GroupName) -> impl Iterator<Item = (&'a ResourceName, &'a Resource)> {
        self.resources.iter().filter(move |(_, resource)| &resource.group == group)
    }

    /// The managed LPAR of this name; `None` if there is no such resource, or it is not an LPAR.
    pub fn lpar(&self, name: &ResourceName) -> Option<&Lpar> {
        self.resources.get(name).and_then(Resource::as_lpar)
    }

    /// Whether a resource lives inside nodes and must not be active in two at once. A node that has been without a
    /// lease for too long stops such resources, and its watchdog resets it if it does not. Instances of parallel
    /// groups do not count, as each has one place only; nor do resources that are only watched, or never stopped.
    pub fn lives_once(&self, name: &ResourceName) -> bool {
        self.resources.get(name).is_some_and(|resource| {
            let stops = resource.operations() == Operations::OnOff && resource.enabled && !resource.monitor_only;
            let managed = self.groups.get(&resource.group).is_some_and(|group| group.managed);
            resource.as_agent().is_some() && stops && managed && name.instance().is_none()
        })
    }

    /// The declared resources for which [`Cluster::lives_once`] holds and that may run on this server.
    pub fn living_on<'a>(
        &'a self,
        server: &'a ServerName,
    ) -> impl Iterator<Item = (&'a ResourceName, &'a Resource)> + 'a {
        let here =
            |resource: &Resource| self.groups.get(&resource.group).is_some_and(|group| group.servers.contains(server));
        self.resources.iter().filter(move |(name, resource)| self.lives_once(name) && here(resource))
    }

    /// Whether a server is read and commanded from outside. Without a manager nothing on it is an LPAR, and its own
    /// node alone reports what is there.
    pub fn has_manager(&self, server: &ServerName) -> bool {
        self.servers.get(server).is_some_and(|declared| !declared.managers.is_empty())
    }

    /// The node that lives on a server.
    pub fn node_on(&self, server: &ServerName) -> Option<&NodeName> {
        self.nodes.iter().find(|(_, node)| node.server.as_ref() == Some(server)).map(|(name, _)| name)
    }
}
