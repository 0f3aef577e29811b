//! Resources: LPARs, and what agents keep inside nodes.

use super::Load;
use crate::{GroupName, ResourceName, ServerName, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A part of a group, defined on every server of the group's system list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// The group that it belongs to.
    pub group: GroupName,
    /// Its kind, with the settings of that kind.
    pub kind: Kind,
    /// Resources that must be online before it starts, and that go offline after it.
    pub requires: Vec<Requirement>,
    /// Whether its fault, or that of something it requires, faults the group.
    pub critical: bool,
    /// Whether it is started, stopped and watched at all.
    pub enabled: bool,
    /// Whether it is only watched: neither started nor stopped.
    pub monitor_only: bool,
    /// Whether it is started with its group, and counts for the group being online.
    pub autostart: bool,
    /// Time limit from the start order to Running.
    pub start_timeout: Span,
    /// Time limit of an orderly stop; after that it is cut off.
    pub stop_timeout: Span,
    /// Failures that are borne before it counts as failed.
    pub patience: Patience,
}

/// Kind of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A managed LPAR, commanded through the HMC.
    Lpar(Lpar),
    /// A resource inside a node, commanded through an agent of that node.
    Agent(Agent),
}

/// A managed LPAR.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lpar {
    /// Name of the partition on the HMC.
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
    /// Whether it is defined on one server at a time, so that it can move while it runs; otherwise on each of the list.
    pub mobile: bool,
    /// Time limit of a move.
    pub migrate_timeout: Span,
    /// The operating system in it.
    pub os: OperatingSystem,
}

/// The operating system of an LPAR, as far as it matters for stopping it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatingSystem {
    /// AIX or Linux.
    #[default]
    AixLinux,
    /// IBM i: slow to stop, and after being cut off it takes hours to come up again.
    IbmI,
}

/// A resource that an agent keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The resource type: selects the agent, and gives the attributes their meaning.
    pub agent: String,
    /// The operations that it has.
    pub operations: Operations,
    /// Attributes for its agent, on all servers.
    pub attributes: BTreeMap<String, String>,
    /// Attributes that differ by server.
    pub on: BTreeMap<ServerName, BTreeMap<String, String>>,
    /// Whether its agent can tell that an administrator stopped it on purpose.
    pub intentional_offline: bool,
    /// Intervals and time limits of its looks.
    pub watch: Watch,
}

/// Intervals and time limits of an agent's looks at a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Interval of looks where it should be up; the cluster's `monitor` if absent.
    pub interval: Option<Span>,
    /// Interval of looks where it should not be up; one minute if absent.
    pub offline_interval: Option<Span>,
    /// Time limit of one look; if absent, the one that the agent advises, or one minute.
    pub timeout: Option<Span>,
    /// Intervals of deeper looks at a resource that is up, by depth (`OCF_CHECK_LEVEL`).
    pub depths: BTreeMap<String, Span>,
}

/// The operations that a resource has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operations {
    /// It is started and stopped.
    #[default]
    OnOff,
    /// It is started, and never stopped.
    OnOnly,
    /// Persistent: present or not, neither started nor stopped.
    None,
}

/// A requirement: some of these resources must be online.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Requirement {
    pub of: Vec<ResourceName>,
    /// Number of them that must be online at least.
    pub at_least: u32,
}

/// Failures that are borne before a resource counts as failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patience {
    /// Restarts in place within the window; the group's if absent.
    pub restart_limit: Option<u32>,
    /// Uninterrupted time online after which restarts are forgotten, and the window in which they count; the group's if
    /// absent.
    pub restart_window: Option<Span>,
    /// Monitor intervals for which an Off reading is borne before it counts as a crash.
    pub tolerance: u32,
    /// Tries to start it again, after cleaning, when it did not come online at first.
    pub online_retries: u32,
    /// Monitor intervals after the start timeout before the start of a resource inside a node counts as failed.
    pub online_wait: u32,
    /// Monitor intervals without a known state, or in Error, before it counts as failed; zero: never (Error: one).
    pub monitor_timeouts: u32,
    /// Failed cleanings that are borne before it waits for an administrator; zero: tried for ever.
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
    /// Attributes for its agent on a server; those of the server override the common ones.
    pub fn attributes_on(&self, server: &ServerName) -> BTreeMap<&String, &String> {
        let here = self.on.get(server).into_iter().flatten();
        self.attributes.iter().chain(here).collect()
    }
}

impl Resource {
    /// An LPAR with default settings.
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

    /// A resource inside a node with default settings.
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

    /// The settings of an LPAR, if it is one.
    pub fn as_lpar(&self) -> Option<&Lpar> {
        match &self.kind {
            Kind::Lpar(lpar) => Some(lpar),
            Kind::Agent(_) => None,
        }
    }

    /// The settings of a resource that an agent keeps, if it is one.
    pub fn as_agent(&self) -> Option<&Agent> {
        match &self.kind {
            Kind::Lpar(_) => None,
            Kind::Agent(agent) => Some(agent),
        }
    }

    /// Name of the cluster file's table that declares it.
    pub fn table(&self) -> &'static str {
        match &self.kind {
            Kind::Lpar(_) => "lpars",
            Kind::Agent(_) => "resources",
        }
    }

    /// Whether both declare the same real object on a server. With another address, device or unit it is another one.
    pub fn same_thing(&self, other: &Resource, server: &ServerName) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Lpar(one), Kind::Lpar(two)) => one.partition == two.partition,
            (Kind::Agent(one), Kind::Agent(two)) => {
                one.agent == two.agent && one.attributes_on(server) == two.attributes_on(server)
            }
            (Kind::Lpar(_), Kind::Agent(_)) | (Kind::Agent(_), Kind::Lpar(_)) => false,
        }
    }

    /// Its load on its server; only LPARs have one.
    pub fn load(&self) -> Load {
        self.as_lpar()
            .map(|lpar| Load { memory: lpar.memory, processors: lpar.processors, units: 0 })
            .unwrap_or_default()
    }

    /// The operations that it has; an LPAR is started and stopped.
    pub fn operations(&self) -> Operations {
        self.as_agent().map(|agent| agent.operations).unwrap_or_default()
    }
}
