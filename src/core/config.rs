//! The cluster as its administrators declared it, and the rules that hold whoever wrote it.
//!
//! The text of the cluster file is read elsewhere; what it must mean is decided here, so that nothing invalid can be
//! applied by any road.

mod check;

pub use check::{Mistake, Rule, hundredths};

use crate::{GroupName, HmcName, LparName, NodeName, ServerName, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that the cluster file declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Name of the cluster.
    pub name: String,
    /// Management consoles.
    pub hmcs: BTreeMap<HmcName, Hmc>,
    /// Physical servers.
    pub servers: BTreeMap<ServerName, Server>,
    /// Nodes that run `tenured`.
    pub nodes: BTreeMap<NodeName, Node>,
    /// Service groups.
    pub groups: BTreeMap<GroupName, Group>,
    /// Managed LPARs.
    pub lpars: BTreeMap<LparName, Lpar>,
    /// Times that rule detection and patience.
    pub timings: Timings,
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
    /// Its name on the HMC.
    pub system: String,
    /// Machine type, model and serial number, `9009-42A*1234567`: how commands address it.
    pub mtms: String,
    /// HMCs that manage it, in the order of use.
    pub hmcs: Vec<HmcName>,
    /// Whether nodes elsewhere may manage it when it has no node of its own.
    pub surrogate: bool,
    /// Memory for managed LPARs in MiB; unlimited if absent.
    pub memory: Option<u64>,
    /// Processing units for managed LPARs in hundredths; unlimited if absent.
    pub processors: Option<u64>,
}

/// A management LPAR that runs `tenured`. Without a server it is an arbiter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The server that it lives on.
    pub server: Option<ServerName>,
    /// Its own LPAR's name on the HMC; never a managed LPAR.
    pub lpar: Option<String>,
}

/// A failover group of LPARs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Smaller is more important: it is placed first.
    pub priority: u32,
    /// The system list: servers on which the group may run, best first.
    pub servers: Vec<ServerName>,
    /// Whether the group is started when the cluster starts.
    pub autostart: bool,
    /// Servers preferred for the first start; the system list if empty.
    pub autostart_servers: Vec<ServerName>,
    /// How many restarts in place are tried within the window before the group moves.
    pub restart_limit: u32,
    /// The window in which restarts are counted.
    pub restart_window: Span,
}

/// A managed LPAR, defined on every server of its group's system list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lpar {
    /// The group that it belongs to.
    pub group: GroupName,
    /// Its name on the HMC.
    pub partition: String,
    /// Profile to activate; the current configuration if absent.
    pub profile: Option<String>,
    /// VIO servers that serve it, of all servers together: it counts as failed on a server that has some of them when all
    /// of those are down.
    pub vios: Vec<String>,
    /// Memory in MiB.
    pub memory: u64,
    /// Processing units in hundredths.
    pub processors: u64,
    /// How long from the start order to Running.
    pub start_timeout: Span,
    /// How long its operating system may take to shut down before it is cut off.
    pub stop_timeout: Span,
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
            settle: Span::seconds(30),
            fence: Span::seconds(120),
        }
    }
}

impl Group {
    /// What a group is unless its author says otherwise.
    pub fn new(servers: Vec<ServerName>) -> Self {
        Group {
            priority: 100,
            servers,
            autostart: true,
            autostart_servers: Vec::new(),
            restart_limit: 2,
            restart_window: Span::seconds(600),
        }
    }
}

impl Lpar {
    /// What an LPAR is unless its author says otherwise.
    pub fn new(group: GroupName, partition: &str) -> Self {
        Lpar {
            group,
            partition: partition.to_owned(),
            profile: None,
            vios: Vec::new(),
            memory: 0,
            processors: 0,
            start_timeout: Span::seconds(300),
            stop_timeout: Span::seconds(120),
        }
    }
}

impl Cluster {
    /// The LPARs of a group, in the order of their names.
    pub fn lpars_of<'a>(&'a self, group: &'a GroupName) -> impl Iterator<Item = (&'a LparName, &'a Lpar)> {
        self.lpars.iter().filter(move |(_, lpar)| &lpar.group == group)
    }

    /// The node that lives on a server.
    pub fn node_on(&self, server: &ServerName) -> Option<&NodeName> {
        self.nodes.iter().find(|(_, node)| node.server.as_ref() == Some(server)).map(|(name, _)| name)
    }
}
