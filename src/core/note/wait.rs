//! Waits: the reasons why something is not done yet, one row for each.

use super::{
    CleanReason, FaultReason, Level,
    Level::{Alarm, Info, Warning},
    NotHere, count, groups, join,
    reason::whys,
    says,
};
use crate::{
    ForeignText, GroupName, HmcName, NodeName, Power, ResourceName, ServerName, ServiceName, SystemState, Time,
    row::Names,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
};

/// The normal course of things, or covered by another note: shown, but not noted as news.
const COURSE: bool = true;
/// Noted as news.
const NEWS: bool = false;

/// A row: the kind by which programs know the wait, its level, whether it is news, the variant with its fields, and its
/// words. A time among the fields is that of the latest end.
macro_rules! waits {
    ($(#[$about:meta])* $name:ident
        $($(#[$doc:meta])*
        $kind:literal, $level:expr, $course:expr, $wait:ident $({ $($field:ident: $type:ty),+ $(,)? })? => ($($words:tt)+);
    )+) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[allow(missing_docs)] // fields are named after what they hold, and the words say what it is
        pub enum $name {
            $($(#[$doc])* $wait $({ $($field: $type),+ })?,)+
        }

        impl $name {
            /// All kinds.
            pub const KINDS: &'static [&'static str] = &[$($kind),+];

            /// Its kind, by which programs know it.
            pub fn kind(&self) -> &'static str {
                match self {
                    $($name::$wait { .. } => $kind,)+
                }
            }

            /// Its severity.
            #[allow(unused_variables)] // few levels depend on what the wait holds
            pub fn level(&self) -> Level {
                match self {
                    $($name::$wait $({ $($field),+ })? => $level,)+
                }
            }

            /// Whether it is the normal course of things, or covered by another note.
            #[allow(unused_variables)]
            pub fn is_course(&self) -> bool {
                match self {
                    $($name::$wait $({ $($field),+ })? => $course,)+
                }
            }

            /// Time of its latest end, if known.
            pub fn until(&self) -> Option<Time> {
                match self {
                    $($name::$wait $({ $($field),+ })? => None$($(.or($field.instant()))+)?,)+
                }
            }
        }

        impl Display for $name {
            #[allow(unused_variables)] // some of what it holds is for programs
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($name::$wait $({ $($field),+ })? => write!(f, $($words)+),)+
                }
            }
        }
    };
}

waits! {
    /// The reason why a group waits.
    Wait

    /// Not every server of the list has been read.
    "probe", Info, NEWS, Probe { servers: BTreeSet<ServerName> }
        => ("{} must be checked before anything is started", join(servers));

    /// No server can take it. If only links are in the way, the waits of the other groups show the cause.
    "no_target", if why.values().all(|why| matches!(why, NotHere::Link { .. })) { Warning } else { Alarm }, NEWS,
        NoTarget { why: BTreeMap<ServerName, NotHere> }
        => ("no server can take it: {}", whys(why));

    /// Nothing proves that its server is off, and nobody can act there.
    "no_proof", Alarm, NEWS, NoProof { server: ServerName, system: SystemState } => (
        "nothing proves that {server} is off ({}); see the server, then `tenure fence confirm {server}`", says(*system)
    );

    /// Its server is being fenced.
    "fencing", Info, COURSE, Fencing { server: ServerName } => ("{server} is being powered off for certain");

    /// Nobody can watch or command its server, which otherwise seems fine.
    "unwatched", Warning, NEWS, Unwatched { server: ServerName, system: SystemState }
        => ("{server} cannot be watched now ({})", says(*system));

    /// A resource inside a node can be neither looked at nor commanded, because that node is silent. If the node's LPAR
    /// reads Unknown, nothing will prove it off without an operator.
    "node_silent", if *lpar == Power::Unknown { Alarm } else { Warning }, NEWS,
        NodeSilent { resource: ResourceName, server: ServerName, node: NodeName, lpar: Power }
        => ("{resource} lives inside node {node} on {server}, which is silent{}", unproven(node, *lpar));

    /// The LPAR of the node inside which it lives is being cut off.
    "node_fencing", Warning, COURSE, NodeFencing { node: NodeName, server: ServerName }
        => ("the LPAR of node {node} on {server} is being cut off");

    /// The watchdog of the node inside which it lives may not have reset that node yet.
    "watchdog", Warning, NEWS, Watchdog { node: NodeName, server: ServerName, until: Time }
        => ("node {node} on {server} is silent, and its watchdog may not have reset it yet");

    /// A start may still take effect.
    "settling", Warning, COURSE, Settling { resource: ResourceName, server: ServerName, until: Time }
        => ("a start of {resource} on {server} may still take effect");

    /// Orders are under way.
    "orders", Info, COURSE, Orders { resources: BTreeSet<ResourceName>, server: ServerName }
        => ("orders for {} on {server} are under way", join(resources));

    /// An LPAR reads off, but the reading is too old to prove it.
    "reading", Info, COURSE, Reading { resource: ResourceName, server: ServerName }
        => ("{resource} on {server} must be read off once more");

    /// Resources are not Running yet. At `until` the last of them counts as failed, if it is being started or stopped.
    "booting", Info, COURSE, Booting { resources: BTreeSet<ResourceName>, server: ServerName, until: Option<Time> }
        => ("{} on {server} not Running yet", join(resources));

    /// A resource does not stop.
    "stuck", Alarm, NEWS, Stuck { resource: ResourceName, server: ServerName, power: Power }
        => ("{resource} on {server} was ordered to stop and reads {power}; stopping it again");

    /// Nobody can tell whether a resource runs; somebody has to look at it.
    "attention", Alarm, NEWS, Attention { resource: ResourceName, server: ServerName }
        => ("nobody can tell whether {resource} on {server} runs; look at it (an LPAR: its reference code)");

    /// Something should be done, but the group is frozen.
    "frozen", Warning, NEWS, Frozen { fault: Option<FaultReason> }
        => ("it is frozen{}", fault.as_ref().map(|fault| format!(", though {fault}")).unwrap_or_default());

    /// The resources that a resource requires are not online yet.
    "requires", Info, COURSE, Requires { resource: ResourceName, of: BTreeSet<ResourceName>, server: ServerName }
        => ("{resource} on {server} requires {}, not Running yet", join(of));

    /// An administrator has to look at a resource.
    "admin_wait", Alarm, COURSE, AdminWait { resource: ResourceName, server: ServerName, reason: CleanReason }
        => ("an administrator has to look at {resource} on {server}: {reason}");

    /// An operator flushed it: nothing is ordered until the next request.
    "flushed", Warning, NEWS, Flushed => ("it was flushed: nothing is ordered until the next request");

    /// Less important groups make room for it.
    "eviction", Info, COURSE, Eviction { groups: BTreeSet<GroupName> } => ("{} make room for it", self::groups(groups));

    /// If it ran, the loss of these servers could not be tolerated any more.
    "tolerance", Alarm, NEWS, Tolerance { servers: BTreeSet<ServerName>, groups: BTreeSet<GroupName> } => (
        "if it ran, the loss of {} would leave {} without a place (tolerance)", join(servers), self::groups(groups)
    );

    /// The preonline hook must say first whether it may be started.
    "hook", Info, COURSE, Hook { server: ServerName }
        => ("its preonline hook must say first whether it may be started on {server}");

    /// It is active where it has no tenure, or in more than one place.
    "held", Alarm, COURSE, Held => ("active where it has no tenure; stop the wrong copy at its manager");

    /// A resource is being moved to another server.
    "migrating", Info, COURSE, Migrating { resource: ResourceName, from: ServerName, to: ServerName }
        => ("{resource} is on its way from {from} to {to}");

    /// A move without an answer may still begin.
    "move_settling", Info, COURSE, MoveSettling { resource: ResourceName, to: ServerName, until: Time }
        => ("a move of {resource} to {to} may still begin");

    /// Readings must show where it is.
    "locating", Info, COURSE, Locating { servers: BTreeSet<ServerName> }
        => ("{} must be read to tell where it is", join(servers));

    /// A move has taken longer than it may.
    "migration_stuck", Alarm, NEWS, MigrationStuck { resource: ResourceName, from: ServerName, to: ServerName } => (
        "{resource} should have moved from {from} to {to} by now; give it up with `tenure group abort GROUP`, or recover it \
         at its manager"
    );

    /// Some of its LPARs have moved and the others have not, and the way back failed as well.
    "half_moved", Alarm, NEWS, HalfMoved { resources: BTreeSet<ResourceName>, from: ServerName, to: ServerName } => (
        "{} on {to} could not be moved back to {from}; `tenure group migrate GROUP --to {to}` tries again to move the others, \
         `tenure group abort GROUP` to move these back",
        join(resources)
    );

    /// A group that it depends on is not online; if `unwanted`, because that one is to be offline.
    "child", if *unwanted { Warning } else { Info }, NEWS, Child { child: GroupName, unwanted: bool }
        => ("group {child}, on which it depends, is {}", absent(child, *unwanted));

    /// Groups that depend on it must leave first.
    "parents", Info, NEWS, Parents { parents: BTreeSet<GroupName> } => ("{} must have left first", groups(parents));

    /// It is not its turn yet in the start of a service.
    "below", Info, COURSE, Below { service: ServiceName, groups: BTreeSet<GroupName> }
        => ("service {service} starts {} first", self::groups(groups));

    /// It is not its turn yet in the stop of its services.
    "above", Info, COURSE, Above { groups: BTreeSet<GroupName> }
        => ("the tiers above it stop first: {}", self::groups(groups));

    /// The group that it should be with runs on that server, and it cannot go there.
    "apart", Info, NEWS, Apart { child: GroupName, server: ServerName, why: NotHere }
        => ("it cannot follow group {child} to {server} ({why})");

    /// A brake holds it back: its turn has not come yet.
    "queue", Info, COURSE, Queue { brake: Brake } => ("{brake}");

    /// Too many servers were lost at once.
    "storm", Alarm, COURSE, Storm => ("too many servers were lost at once; `tenure cluster resume`");

    /// Something should be done, but the cluster is disarmed.
    "disarmed", Alarm, NEWS, Disarmed { decision: Decision } => ("it should be {decision}, and the cluster is disarmed");

    /// Its server was proven off and its policy is to wait for an administrator.
    "auto_disabled", Alarm, NEWS, AutoDisabled { server: ServerName }
        => ("its server {server} went down and its policy is to wait; `tenure group enable`");

    /// It was stopped for the shutdown of its server, and starts when that server is back.
    "parked", Info, COURSE, Parked { server: ServerName }
        => ("it was stopped for the shutdown of {server}, and starts when that is back");

    /// Its server is being emptied, and it stays there.
    "stays", why.level(), NEWS, Stays { server: ServerName, why: Stay }
        => ("it stays on {server}, which is drained: {why}");

    /// It is only watched.
    "not_managed", Info, COURSE, NotManaged => ("nothing; it is only watched (managed = false)");
}

waits! {
    /// The reason why a server's state is undecided, or the progress of its maintenance.
    ServerWait

    /// The node is silent and no witness can prove the server off.
    "no_proof", Alarm, NEWS, NoProof { node: Option<NodeName>, system: SystemState } => (
        "{}{}: no proof that the server is off",
        node.as_ref().map(|node| format!("node {node} is silent and ")).unwrap_or_default(), says(*system)
    );

    /// It is being fenced.
    "fencing", Warning, COURSE, Fencing => ("is being powered off and read back");

    /// It came back and is being cleaned.
    "cleaning", Alarm, resources.is_empty(), Cleaning { resources: BTreeSet<ResourceName> }
        => ("dirty: {}", cleaning(resources));

    /// It seems to be down, and is not fenced because the cluster is disarmed.
    "disarmed", Alarm, NEWS, Disarmed { system: SystemState }
        => ("{}; it is not powered off for certain, as the cluster is disarmed", says(*system));

    /// It is being emptied; `left` groups are still there.
    "draining", Info, COURSE, Draining { left: u32 } => ("being drained; {}", left_there(*left));

    /// `left` groups on it cannot leave.
    "drain_stuck", Alarm, NEWS, DrainStuck { left: u32, shutdown: bool } => (
        "not drained: {} cannot leave{}", count(*left, "group"), if *shutdown { "; do not power it off" } else { "" }
    );

    /// It is empty, but for `staying` groups that are meant to stay.
    "drained", Info, NEWS, Drained { staying: u32, shutdown: bool } => ("drained{}", staying_there(*staying, *shutdown));
}

waits! {
    /// The reason why the whole cluster holds back.
    ClusterWait

    /// An operator disarmed it.
    "disarmed", Alarm, NEWS, Disarmed
        => ("DISARMED: nothing is started, stopped, moved or fenced; `tenure cluster arm`");

    /// Too many servers were lost at once.
    "storm", Alarm, NEWS, Storm { servers: BTreeSet<ServerName> } => (
        "STORM: {} lost at about the same time; nothing is started elsewhere; `tenure cluster resume`", join(servers)
    );

    /// Nodes were given up that may run all the same.
    "given_up", Alarm, NEWS, GivenUp { nodes: BTreeSet<NodeName> } => (
        "nodes that were given up may still run: {}; have each join anew, or see that it is off and `tenure fence confirm-node \
         {}`", join(nodes), nodes.first().map(NodeName::as_str).unwrap_or_default()
    );

    /// An HMC refuses the login of the nodes.
    "lockout", Alarm, NEWS, Lockout { hmc: HmcName, by: NodeName, alone: bool, why: ForeignText } => (
        "HMC {hmc} refuses {} ({by}: {why}); it is tried again now and then, at once with `tenure hmc retry {hmc}`",
        if *alone { "the login of one node" } else { "our login" }
    );

    /// An HMC does not answer these nodes. `blind` servers have no other, `left` ones do.
    "hmc_silent", if blind.is_empty() { Warning } else { Alarm }, COURSE,
        HmcSilent {
            hmc: HmcName, nodes: BTreeSet<NodeName>, why: ForeignText,
            blind: BTreeSet<ServerName>, left: BTreeSet<ServerName>,
        }
        => ("HMC {hmc} does not answer {} ({why}){}; `tenure hmc check {hmc}`", join(nodes), unserved(blind, left));

    /// An HMC shows these nodes a host key that is not the declared one.
    "hmc_host_key", Alarm, COURSE, HmcHostKey { hmc: HmcName, nodes: BTreeSet<NodeName>, shown: ForeignText } => (
        "HMC {hmc} shows {} another host key than the declared one ({shown}): somebody may pretend to be it, so nothing \
         is sent. If its key was renewed: compare that with its console, write it into the cluster file, `tenure apply`",
        join(nodes)
    );

    /// These nodes cannot use their own keys.
    "hmc_own_key", Alarm, COURSE, HmcOwnKey { hmc: HmcName, nodes: BTreeSet<NodeName>, why: ForeignText } => (
        "{} cannot log in to HMC {hmc}: {why}; mend the file that `hmc_key` in tenured.toml names there", join(nodes)
    );
}

/// A bound on the work that is under way at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Brake {
    Starts {
        server: ServerName,
        limit: u32,
    },
    Stops {
        server: ServerName,
        limit: u32,
    },
    Manager {
        manager: HmcName,
        limit: u32,
    },
    Migrations {
        server: ServerName,
        limit: u32,
    },
    /// Groups that are leaving a server, or are on their way to the servers that could take this one.
    Moves {
        server: ServerName,
    },
    /// LPARs that boot, or are being started.
    Boots {
        server: ServerName,
        limit: u32,
    },
}

impl Display for Brake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Brake::Starts { server, limit } => write!(f, "its turn to start on {server} ({limit} at once)"),
            Brake::Boots { server, limit } => write!(f, "its turn to boot on {server} ({limit} at once)"),
            Brake::Stops { server, limit } => write!(f, "its turn to stop on {server} ({limit} at once)"),
            Brake::Migrations { server, limit } => write!(f, "its turn to be moved at {server} ({limit} at once)"),
            Brake::Manager { manager, limit } => write!(f, "its turn at {manager} ({limit} orders at once)"),
            Brake::Moves { server } => write!(f, "its turn to leave {server}"),
        }
    }
}

/// The action that is not done while the cluster is disarmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Decision {
    Place,
    Start,
    Stop,
    Leave,
    Fence,
}

impl Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Decision::Place | Decision::Start => "started",
            Decision::Stop => "stopped",
            Decision::Leave => "moved",
            Decision::Fence => "moved once its server is powered off for certain",
        })
    }
}

/// The reason why a group stays on a server that is being emptied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Stay {
    /// It is declared with `evacuate = false`: a drain leaves it alone.
    Declared,
    /// It is the instance of a parallel group on that very server.
    Instance,
    /// Its move to another server failed.
    NotMoved,
    Frozen,
    Nowhere(BTreeMap<ServerName, NotHere>),
}

impl Display for Stay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stay::Declared => f.write_str("evacuate = false"),
            Stay::Instance => f.write_str("it is the one that belongs there"),
            Stay::NotMoved => f.write_str("its move failed; move or switch it by hand"),
            Stay::Frozen => f.write_str("it is frozen"),
            Stay::Nowhere(why) => write!(f, "no server can take it: {}", whys(why)),
        }
    }
}

impl Stay {
    /// Its severity.
    fn level(&self) -> Level {
        match self {
            Stay::Nowhere(_) => Alarm,
            Stay::Frozen | Stay::NotMoved => Warning,
            Stay::Declared | Stay::Instance => Info,
        }
    }
}

fn unproven(node: &NodeName, lpar: Power) -> String {
    if lpar == Power::Unknown {
        format!(", and nothing proves it off; see the node, then `tenure fence confirm-node {node}`")
    } else {
        format!("; its LPAR reads {lpar}")
    }
}

fn absent(child: &GroupName, unwanted: bool) -> String {
    if unwanted { format!("to be offline; `tenure group online {child}`") } else { "not online".to_owned() }
}

fn cleaning(resources: &BTreeSet<ResourceName>) -> String {
    if resources.is_empty() {
        "watching what starts there by itself".to_owned()
    } else {
        format!("{} active there without a tenure; stopping what has none", join(resources))
    }
}

fn unserved(blind: &BTreeSet<ServerName>, left: &BTreeSet<ServerName>) -> String {
    let mut text = String::new();
    if !blind.is_empty() {
        text.push_str(&format!(": no HMC serves {}, where nothing is read, started or stopped now", join(blind)));
    }
    if !left.is_empty() {
        text.push_str(&format!("; if another one fails too, no HMC serves {}", join(left)));
    }
    text
}

fn left_there(left: u32) -> String {
    if left == 0 {
        "no group left, but something is active there".to_owned()
    } else {
        format!("{} left", count(left, "group"))
    }
}

fn staying_there(staying: u32, shutdown: bool) -> String {
    match (shutdown, staying) {
        (true, _) => "; it may be powered off".to_owned(),
        (false, 0) => String::new(),
        (false, staying) => format!(", but for {} meant to stay", count(staying, "group")),
    }
}
