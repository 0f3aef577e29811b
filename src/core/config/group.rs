//! Service groups, and the policies that administrators declare for them.

use crate::{GroupName, ServerName, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A service group: resources that start, stop and move together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Online on one server at most, or on all of its list.
    pub kind: GroupKind,
    /// Smaller is more important: placed first, and may preempt others where that is configured.
    pub priority: u32,
    /// The system list: servers on which the group may run, best first.
    pub servers: Vec<ServerName>,
    /// Whether the group is started when the cluster starts.
    pub autostart: bool,
    /// Servers preferred for the first start; the system list if empty.
    pub autostart_servers: Vec<ServerName>,
    /// Choice of the server for the first start.
    pub autostart_policy: AutostartPolicy,
    /// Choice of the server after a fault.
    pub policy: Policy,
    /// Whether the group moves after a fault.
    pub failover: Failover,
    /// Whether it moves back to the first server of its list.
    pub failback: Failback,
    /// Action when its server is proven off.
    pub server_down: ServerDown,
    /// Action when its server is shut down on purpose.
    pub shutdown: Shutdown,
    /// Whether a drain moves it from a server; otherwise a drain leaves it alone.
    pub evacuate: bool,
    /// Action when the fault of a persistent resource is over.
    pub auto_restart: AutoRestart,
    /// Number of restarts in place of one resource within the window, unless the resource declares its own.
    pub restart_limit: u32,
    /// The window in which restarts are counted, unless the resource declares its own.
    pub restart_window: Span,
    /// Number of starts of the whole group on the same server after a fault, before it moves.
    pub online_retry_limit: u32,
    /// A sooner fault after such a start moves the group at once, a later one counts the starts anew; zero: neither.
    pub online_retry_interval: Span,
    /// Whether bringing this group online clears the faults of the groups that depend on it.
    pub clear_parents: bool,
    /// Whether a faulted resource is cleaned and acted upon, or left for an administrator.
    pub manage_faults: bool,
    /// Whether resources that require a faulted resource are taken offline.
    pub propagate_faults: bool,
    /// Whether it is declared frozen: nothing is done to it.
    pub frozen: bool,
    /// Whether it is managed at all: if not, it is watched and shown, and counts for capacity where it runs.
    pub managed: bool,
    /// Load of the group itself, added to that of its resources.
    pub load: Load,
    /// Named amounts that it takes of its server's limits. A hard bound.
    pub prerequisites: BTreeMap<String, u64>,
    /// Groups that it depends on.
    pub requires: Vec<Link>,
    /// Hooks: programs run on events.
    pub hooks: BTreeMap<Trigger, Hook>,
}

/// Number of servers on which a group may be online.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupKind {
    /// On one at most.
    #[default]
    Failover,
    /// On each server of its list, independently. Only for resources that live inside nodes.
    Parallel,
}

/// Choice of the server for a first start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AutostartPolicy {
    /// The first of the autostart list that can take it.
    #[default]
    Order,
    /// The one with the most units available.
    Load,
    /// The first of the system list that can take it.
    Priority,
}

/// Choice among the servers that can take a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Policy {
    /// The first of the system list.
    #[default]
    Priority,
    /// The one with the fewest groups online.
    RoundRobin,
    /// The one with the most units available.
    Load,
    /// The one with the largest share of memory and processors left.
    BiggestAvailable,
}

/// Whether a group moves after a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failover {
    /// Never by itself.
    Never,
    /// To any server of its list; those of the same zone first.
    #[default]
    Any,
    /// Within the zone only; otherwise it waits for an administrator.
    Zone,
}

/// Whether a group moves back to the first server of its list that can take it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failback {
    /// Never by itself.
    #[default]
    Never,
    /// As soon as that server can take it.
    AtOnce,
    /// Within a daily window, in minutes after midnight UTC; a window may pass midnight.
    Window {
        /// First minute.
        from: u16,
        /// First minute after it.
        to: u16,
    },
}

/// Action on a group whose server is proven off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerDown {
    /// It fails over.
    #[default]
    Failover,
    /// It waits for an administrator to enable it again.
    Hold,
}

/// Action on a group when its server is shut down on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shutdown {
    /// It is stopped and started elsewhere.
    #[default]
    Failover,
    /// It is moved while it runs, where it can be; otherwise like `Failover`.
    Migrate,
    /// It is stopped, and started when the server is back.
    Freeze,
}

/// Action when the fault of a persistent resource is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AutoRestart {
    /// Nothing.
    Never,
    /// The group is started again where only that fault kept it off.
    #[default]
    Yes,
    /// Also the faults of the other resources are cleared there.
    Clear,
}

/// Amounts that a group needs or a server has, by dimension.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Memory in MiB.
    pub memory: u64,
    /// Processing units in hundredths.
    pub processors: u64,
    /// Abstract units.
    pub units: u64,
}

/// The dependency of a group on another group, its child.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Link {
    pub child: GroupName,
    /// Required state of the child, and where.
    pub need: Need,
    /// Propagation of faults between the two.
    pub rigidity: Rigidity,
}

/// Required state of a child for its parent to be online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Need {
    /// Online on the same server.
    OnlineLocal,
    /// Online anywhere.
    OnlineGlobal,
    /// Online on another server.
    OnlineRemote,
    /// Not online on the same server.
    OfflineLocal,
}

/// Propagation of faults between parent and child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rigidity {
    /// The parent stays when the child faults.
    Soft,
    /// The parent is taken offline when the child faults.
    Firm,
    /// Like firm, and the child is taken offline when the parent faults.
    Hard,
}

/// An event on which a hook is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Trigger {
    /// Before the group is started; its failure keeps the group from that server.
    PreOnline,
    /// The group became online.
    PostOnline,
    /// The group became offline.
    PostOffline,
    /// A resource faulted.
    ResourceFault,
    /// A resource is restarted in place.
    ResourceRestart,
    /// A resource cannot be stopped.
    ResourceNotOff,
    /// A resource waits for an administrator.
    AdminWait,
    /// No server can take the group.
    NoFailover,
    /// More than one copy was found.
    Violation,
}

/// A hook: a program run on an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Absolute path of the program, the same on every node.
    pub program: String,
    /// Time limit of one run.
    pub timeout: Span,
}

impl Group {
    /// A group with default settings.
    pub fn new(servers: Vec<ServerName>) -> Self {
        Group {
            kind: GroupKind::default(),
            priority: 100,
            servers,
            autostart: true,
            autostart_servers: Vec::new(),
            autostart_policy: AutostartPolicy::default(),
            policy: Policy::default(),
            failover: Failover::default(),
            failback: Failback::default(),
            server_down: ServerDown::default(),
            shutdown: Shutdown::default(),
            evacuate: true,
            auto_restart: AutoRestart::default(),
            restart_limit: 2,
            restart_window: Span::seconds(600),
            online_retry_limit: 0,
            online_retry_interval: Span(0),
            clear_parents: false,
            manage_faults: true,
            propagate_faults: true,
            frozen: false,
            managed: true,
            load: Load::default(),
            prerequisites: BTreeMap::new(),
            requires: Vec::new(),
            hooks: BTreeMap::new(),
        }
    }
}

impl Trigger {
    /// Its word in the cluster file, and in `TENURE_TRIGGER` for the program.
    pub const fn word(self) -> &'static str {
        match self {
            Trigger::PreOnline => "preonline",
            Trigger::PostOnline => "postonline",
            Trigger::PostOffline => "postoffline",
            Trigger::ResourceFault => "resource_fault",
            Trigger::ResourceRestart => "resource_restart",
            Trigger::ResourceNotOff => "resource_not_off",
            Trigger::AdminWait => "admin_wait",
            Trigger::NoFailover => "no_failover",
            Trigger::Violation => "violation",
        }
    }
}

impl Load {
    /// The sum of both, by dimension.
    pub fn plus(self, other: Load) -> Load {
        Load {
            memory: self.memory.saturating_add(other.memory),
            processors: self.processors.saturating_add(other.processors),
            units: self.units.saturating_add(other.units),
        }
    }
    /// The difference of both, by dimension; at least zero.
    pub fn minus(self, other: Load) -> Load {
        Load {
            memory: self.memory.saturating_sub(other.memory),
            processors: self.processors.saturating_sub(other.processors),
            units: self.units.saturating_sub(other.units),
        }
    }
}
