//! What a resource is: an LPAR, or something that an agent keeps inside a node.

use super::Load;
use crate::{GroupName, ResourceName, ServerName, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Something that a group contains, defined on every server of the group's system list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// The group that it belongs to.
    pub group: GroupName,
    /// What kind of thing it is.
    pub kind: Kind,
    /// What must be online before it, and offline after it.
    pub requires: Vec<Requirement>,
    /// Whether its fault, or that of something it requires, faults the group.
    pub critical: bool,
    /// Whether it is started, stopped and watched at all.
    pub enabled: bool,
    /// Only watched.
    pub monitor_only: bool,
    /// Whether it is started with its group, and counts for the group being online.
    pub autostart: bool,
    /// How long from the start order to Running.
    pub start_timeout: Span,
    /// How long it may take to stop before it is cut off.
    pub stop_timeout: Span,
    /// How much is borne before it counts as failed.
    pub patience: Patience,
}

/// What kind of thing a resource is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A managed LPAR, commanded through the HMC.
    Lpar(Lpar),
    /// Something inside a node, commanded through that node's agent.
    Agent(Agent),
}

/// A managed LPAR.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lpar {
    /// Its name on the HMC.
    pub partition: String,
    /// Profile to activate; the current configuration if absent.
    pub profile: Option<String>,
    /// Profiles that differ by server.
    pub profiles: BTreeMap<ServerName, String>,
    /// VIO servers that serve it, of all servers together: it counts as failed on a server that has some of them when all
    /// of those are down.
    pub vios: Vec<String>,
    /// Memory in MiB.
    pub memory: u64,
    /// Processing units in hundredths.
    pub processors: u64,
    /// Defined on one server at a time, so that it can be moved while it runs; otherwise defined on each of the list.
    pub mobile: bool,
    /// How long a move may take.
    pub migrate_timeout: Span,
    /// What runs in it.
    pub os: OperatingSystem,
}

/// What runs in an LPAR, as far as it matters to who stops it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatingSystem {
    /// AIX or Linux.
    #[default]
    AixLinux,
    /// IBM i: it takes long to stop, and what is cut off takes hours to come up again.
    IbmI,
}

/// Something that an agent keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The type: which agent, and what its attributes mean.
    pub agent: String,
    /// What may be done with it.
    pub operations: Operations,
    /// For its agent.
    pub attributes: BTreeMap<String, String>,
    /// Attributes that differ by server.
    pub on: BTreeMap<ServerName, BTreeMap<String, String>>,
    /// Whether its agent can tell that an administrator stopped it on purpose.
    pub intentional_offline: bool,
    /// How it is watched.
    pub watch: Watch,
}

/// How an agent watches a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// How often it is looked at where it should be up; the cluster's `monitor` if absent.
    pub interval: Option<Span>,
    /// How often it is looked at where it should not be up; one minute if absent.
    pub offline_interval: Option<Span>,
    /// How long one look may take; what the agent advises, or one minute, if absent.
    pub timeout: Option<Span>,
    /// Deeper looks at what is up: how often, by depth (`OCF_CHECK_LEVEL`).
    pub depths: BTreeMap<String, Span>,
}

/// What may be done with a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operations {
    /// It is started and stopped.
    #[default]
    OnOff,
    /// It is started, and never stopped.
    OnOnly,
    /// Persistent: it is there or it is not.
    None,
}

/// Some of these must be online.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Requirement {
    pub of: Vec<ResourceName>,
    /// How many of them.
    pub at_least: u32,
}

/// How much is borne before a resource counts as failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patience {
    /// Restarts in place within the window; the group's if absent.
    pub restart_limit: Option<u32>,
    /// Uninterrupted time online after which restarts are forgotten, and the window in which they count; the group's if
    /// absent.
    pub restart_window: Option<Span>,
    /// Readings of Off that are borne before one counts.
    pub tolerance: u32,
    /// Tries to start it again, after cleaning, when it did not come online at first.
    pub online_retries: u32,
    /// Readings after a start was done before it counts as ineffective.
    pub online_wait: u32,
    /// Readings that time out, in a row, before it counts as failed; zero: never.
    pub monitor_timeouts: u32,
    /// Cleanings that may fail before it waits for an administrator; zero: tried for ever.
    pub clean_retries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            restart_limit: None,
            restart_window: None,
            tolerance: 0,
            online_retries: 0,
            online_wait: 2,
            monitor_timeouts: 4,
            clean_retries: 0,
        }
    }
}

impl Lpar {
    /// The profile to activate on a server.
    pub fn profile_on(&self, server: &ServerName) -> Option<&String> {
        self.profiles.get(server).or(self.profile.as_ref())
    }
}

impl Agent {
    /// What its agent is told on a server.
    pub fn attributes_on(&self, server: &ServerName) -> BTreeMap<&String, &String> {
        let here = self.on.get(server).into_iter().flatten();
        self.attributes.iter().chain(here).collect()
    }
}

impl Resource {
    /// What an LPAR is unless its author says otherwise.
    pub fn lpar(group: GroupName, partition: &str) -> Self {
        Resource::new(
            group,
            Kind::Lpar(Lpar {
                partition: partition.to_owned(),
                profile: None,
                profiles: BTreeMap::new(),
                vios: Vec::new(),
                memory: 0,
                processors: 0,
                mobile: false,
                migrate_timeout: Span::seconds(600),
                os: OperatingSystem::default(),
            }),
        )
    }

    /// What something inside a node is unless its author says otherwise.
    pub fn agent(group: GroupName, agent: &str) -> Self {
        Resource::new(
            group,
            Kind::Agent(Agent {
                agent: agent.to_owned(),
                operations: Operations::OnOff,
                attributes: BTreeMap::new(),
                on: BTreeMap::new(),
                intentional_offline: false,
                watch: Watch::default(),
            }),
        )
    }

    fn new(group: GroupName, kind: Kind) -> Self {
        Resource {
            group,
            kind,
            requires: Vec::new(),
            critical: true,
            enabled: true,
            monitor_only: false,
            autostart: true,
            start_timeout: Span::seconds(300),
            stop_timeout: Span::seconds(120),
            patience: Patience::default(),
        }
    }

    /// The LPAR, if it is one.
    pub fn as_lpar(&self) -> Option<&Lpar> {
        match &self.kind {
            Kind::Lpar(lpar) => Some(lpar),
            Kind::Agent(_) => None,
        }
    }

    /// What the agent keeps, if it is such.
    pub fn as_agent(&self) -> Option<&Agent> {
        match &self.kind {
            Kind::Lpar(_) => None,
            Kind::Agent(agent) => Some(agent),
        }
    }

    /// The table of the cluster file that it is declared in.
    pub fn table(&self) -> &'static str {
        match &self.kind {
            Kind::Lpar(_) => "lpars",
            Kind::Agent(_) => "resources",
        }
    }

    /// Whether both declare the same thing in the world on a server. Another address, device or unit is another thing.
    pub fn same_thing(&self, other: &Resource, server: &ServerName) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Lpar(one), Kind::Lpar(two)) => one.partition == two.partition,
            (Kind::Agent(one), Kind::Agent(two)) => {
                one.agent == two.agent && one.attributes_on(server) == two.attributes_on(server)
            }
            (Kind::Lpar(_), Kind::Agent(_)) | (Kind::Agent(_), Kind::Lpar(_)) => false,
        }
    }

    /// What it takes of its server.
    pub fn load(&self) -> Load {
        self.as_lpar()
            .map(|lpar| Load { memory: lpar.memory, processors: lpar.processors, units: 0 })
            .unwrap_or_default()
    }

    /// What may be done with it.
    pub fn operations(&self) -> Operations {
        self.as_agent().map(|agent| agent.operations).unwrap_or_default()
    }
}
