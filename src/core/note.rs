//! Notes: typed records of everything that an operator may want to know, one row for each.
//!
//! The log line, the line of the admin client and the line of a golden file are the same text. A new note takes a row
//! here, and nothing else; the scenarios that show it change (`UPDATE_SCENARIOS=1`).

mod proof;
mod reason;
mod wait;

pub use proof::{Conflict, NodeOffHow, OffHow, Proof};
pub use reason::{CleanReason, FaultReason, LeaveReason, NotHere};
pub use wait::{Brake, ClusterWait, Decision, ServerWait, Stay, Wait};

use crate::{
    ForeignText, GroupName, HmcName, NodeName, OrderId, Power, ResourceName, ServerName, Span, SystemState, Time, Verb,
    config::{Mistake, Trigger},
    ledger::Incarnation,
    name::Thing,
    order::Epoch,
    placement::tolerance::Weakness,
    row::Names,
    terms::{Keep, Kept},
};
use reason::whys;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
};

/// A note with the log index and the cluster time at which it became true. The journal keeps an [`Event`](crate::Event) of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Log index.
    pub index: u64,
    /// Cluster time.
    pub at: Time,
    /// The note itself.
    pub note: Note,
}

/// Severity of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// Normal operation.
    Info,
    /// Worth a look.
    Warning,
    /// Somebody has to act.
    Alarm,
}

use Level::{Alarm, Info, Warning};

/// A row: the kind by which programs know the note, its level, the variant with its fields, and its words. The note is
/// about the first group and the first server among its fields.
macro_rules! notes {
    ($(
        $(#[$doc:meta])*
        $kind:literal, $level:expr, $note:ident { $($field:ident: $type:ty),+ $(,)? } => ($($words:tt)+);
    )+) => {
        /// What happened, or was decided, or was not done and why.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs)] // fields are named after what they hold, and the words say what it is
        pub enum Note {
            $($(#[$doc])* $note { $($field: $type),+ },)+
        }

        impl Note {
            /// All kinds.
            pub const KINDS: &'static [&'static str] = &[$($kind),+];

            /// Its kind, by which programs know it.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Note::$note { .. } => $kind,)+
                }
            }

            /// Its severity.
            #[allow(unused_variables)] // few levels depend on what the note holds
            pub fn level(&self) -> Level {
                match self {
                    $(Note::$note { $($field),+ } => $level,)+
                }
            }

            /// The first match among the things that it names.
            fn first<'a, T>(&'a self, wanted: impl Fn(Thing<'a>) -> Option<T>) -> Option<T> {
                match self {
                    $(Note::$note { $($field),+ } => [$($field.thing()),+].into_iter().flatten().find_map(wanted),)+
                }
            }
        }

        impl Display for Note {
            #[allow(unused_variables)] // some of what it holds is for programs
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Note::$note { $($field),+ } => write!(f, $($words)+),)+
                }
            }
        }
    };
}

notes! {
    "configured", Info, Configured { by: ForeignText, groups: usize, resources: usize, servers: usize } => (
        "configuration applied by {by}: {}, {}, {}",
        count(*groups, "group"), count(*resources, "resource"), count(*servers, "server")
    );

    /// For a request about a resource, `group` is the group of that resource.
    "requested", if matches!(what, Verb::Disarm { .. }) { Warning } else { Info },
        Requested { by: ForeignText, what: Verb, group: Option<GroupName> }
        => ("{}{what}, asked by {by}", group.as_ref().map(|group| format!("group {group}: ")).unwrap_or_default());

    "system_changed", Info, SystemChanged { server: ServerName, from: SystemState, to: SystemState, by: NodeName }
        => ("server {server}{}", system(*from, *to, by));

    "vios_changed", if down.is_empty() { Info } else { Warning },
        ViosChanged { server: ServerName, down: BTreeSet<String> }
        => ("server {server}: {}", vios(down));

    "copy_changed", if matches!(to, Power::Missing | Power::Error) { Warning } else { Info },
        CopyChanged {
            group: GroupName, resource: ResourceName, server: ServerName,
            from: Power, to: Power, said: ForeignText, inside: bool,
        }
        => ("{resource} on {server} reads {to}{}{}", was(*from), saying(said, *inside));

    /// The LPAR under this name is another one, or not as declared.
    "not_itself", Alarm, NotItself { group: GroupName, resource: ResourceName, server: ServerName, said: ForeignText }
        => ("{resource} on {server} is left alone, and vouches for nothing: {said}");

    "login_refused", Alarm, LoginRefused { hmc: HmcName, by: NodeName, why: ForeignText, again: Span } => (
        "HMC {hmc} refuses our login ({by}: {why}); no node logs in there now, and one tries again in {again}; at once with \
         `tenure hmc retry {hmc}`"
    );

    "login_accepted", Info, LoginAccepted { hmc: HmcName, by: NodeName } => ("HMC {hmc} lets node {by} in again");

    "hmc_silent", if blind.is_empty() { Warning } else { Alarm },
        HmcSilent { hmc: HmcName, by: NodeName, why: ForeignText, blind: BTreeSet<ServerName> } => (
            "HMC {hmc} does not answer {by} ({why}){}",
            if blind.is_empty() { String::new() } else { format!("; no HMC serves {} now", join(blind)) }
        );

    "hmc_host_key", Alarm, HmcHostKey { hmc: HmcName, by: NodeName, shown: ForeignText } => (
        "HMC {hmc} shows {by} another host key than the declared one ({shown}): somebody may pretend to be it; nothing \
         was sent"
    );

    "hmc_own_key", Alarm, HmcOwnKey { hmc: HmcName, by: NodeName, why: ForeignText }
        => ("node {by} has no key with which it could log in to HMC {hmc}: {why}");

    "hmc_answers", Info, HmcAnswers { hmc: HmcName, by: NodeName } => ("HMC {hmc} answers {by} again");

    "node_lapsed", Warning, NodeLapsed { node: NodeName }
        => ("node {node}: silent, its lease has ended; it acts no more until it is heard again");

    "node_returned", Info, NodeReturned { node: NodeName } => ("node {node}: heard again");

    "node_proven_off", Warning, NodeProvenOff { node: NodeName, how: NodeOffHow }
        => ("node {node} is proven off: {how}");

    "wrong_lpar", Alarm, WrongLpar { node: NodeName, server: ServerName, power: Power } => (
        "node {node} lives, and the LPAR on {server} that is declared as its own reads {power}: correct `lpar` in \
         [nodes.{node}]; until then nothing but {server} itself being off proves the node off"
    );

    "not_its_lpar", Alarm, NotItsLpar { node: NodeName, server: ServerName, said: ForeignText }
        => ("the LPAR of node {node} on {server}: {said}; it is not cut off, and its state proves nothing");

    "runs_twice", Alarm, RunsTwice { node: NodeName, older: Incarnation, newer: Incarnation } => (
        "node {node} runs twice: process {newer} has begun under its identity while process {older} still runs; find the \
         copy of its data and key, and end it"
    );

    "older_stops", Alarm, OlderStops { node: NodeName, older: Incarnation }
        => ("node {node}: the older of its two processes, {older}, stops");

    "diverged", Alarm, Diverged { nodes: BTreeSet<NodeName>, at: u64, stop: bool }
        => ("{}", diverged(nodes, *at, *stop));

    "watcher_changed", Info,
        WatcherChanged { server: ServerName, from: Option<NodeName>, to: NodeName, surrogate: bool }
        => ("server {server} is watched by {to}{}", if *surrogate { " as surrogate" } else { "" });

    "adopted", Info, Adopted { group: GroupName, server: ServerName, epoch: Epoch }
        => ("group {group} adopted on {server}, where it was found running (tenure {epoch})");

    "granted", Info,
        Granted { group: GroupName, server: ServerName, epoch: Epoch, passed_over: BTreeMap<ServerName, NotHere> }
        => (
            "group {group} granted to {server} (tenure {epoch}){}{}",
            if passed_over.is_empty() { "" } else { "; not " }, whys(passed_over)
        );

    "ordered", Info,
        Ordered { order: OrderId, what: String, node: NodeName, server: ServerName, group: Option<GroupName> }
        => ("{what} on {server}: ordered from {node} (order {order})");

    "restarting", Warning,
        Restarting { group: GroupName, resource: ResourceName, server: ServerName, count: u32, limit: u32, ran: bool }
        => (
            "group {group}: {resource} {} on {server}; restart {count} of {limit} in place",
            if *ran { "went down" } else { "did not come up" }
        );

    "ended", if *bad { Warning } else { Info },
        Ended { order: OrderId, what: String, server: ServerName, ending: ForeignText, group: Option<GroupName>, bad: bool }
        => ("{what} on {server}: {ending} (order {order})");

    "online_now", Info, OnlineNow { group: GroupName, server: ServerName, epoch: Epoch }
        => ("group {group} online on {server} (tenure {epoch})");

    "faulted", Warning, Faulted { group: GroupName, server: ServerName, reason: FaultReason }
        => ("group {group} faulted on {server} and leaves it: {reason}");

    "leaving", Info, Leaving { group: GroupName, server: ServerName, reason: LeaveReason }
        => ("group {group} leaves {server}: {reason}");

    "resource_faulted", Warning,
        ResourceFaulted { group: GroupName, resource: ResourceName, server: ServerName, reason: FaultReason }
        => ("group {group}: {resource} faulted on {server}, the group goes on without it: {reason}");

    "resource_back", Info, ResourceBack { group: GroupName, resource: ResourceName, server: ServerName }
        => ("group {group}: {resource} is back on {server}, its fault is over");

    "recycling", Warning,
        Recycling {
            group: GroupName, resource: ResourceName, server: ServerName, reason: FaultReason, count: u32, limit: u32,
        }
        => ("group {group}: {resource} is cleaned and started again on {server} (try {count} of {limit}): {reason}");

    "retrying", Warning,
        Retrying { group: GroupName, server: ServerName, reason: FaultReason, count: u32, limit: u32 }
        => ("group {group} faulted on {server} and is started again there (try {count} of {limit}): {reason}");

    "needs_admin", Alarm,
        NeedsAdmin { group: GroupName, resource: ResourceName, server: ServerName, reason: CleanReason }
        => (
            "group {group}: {resource} on {server} waits for an administrator: {reason}; then `tenure group \
             clear-admin-wait {group}`"
        );

    "stopped_on_purpose", Warning, StoppedOnPurpose { group: GroupName, resource: ResourceName, server: ServerName }
        => ("group {group}: {resource} was stopped on purpose on {server}, which is no fault");

    /// A resource was started again and again by no order of ours, so its group was frozen.
    "somebody_else", Alarm,
        SomebodyElse { group: GroupName, resource: ResourceName, server: ServerName, times: usize, within: Span }
        => (
            "group {group} is FROZEN: {resource} was started {times} times within {within} by no order of this cluster, last \
             on {server}; somebody else manages it, too. When that is settled: `tenure group unfreeze {group}`"
        );

    "vacated", Info, Vacated { group: GroupName, server: ServerName, epoch: Epoch, proof: Proof }
        => ("group {group} has left {server} (tenure {epoch} ended); proof: {proof}");

    "loose", Warning, Loose { group: GroupName, resource: ResourceName, server: ServerName }
        => ("{resource}: a start on {server} may still take effect; waiting for it to settle");

    "settled", Info, Settled { group: GroupName, resource: ResourceName, server: ServerName }
        => ("{resource}: no start on {server} can take effect any more");

    "held", Alarm, Held { group: GroupName, tenure: Option<ServerName>, conflict: Conflict }
        => ("group {group} HELD: {conflict} active{}", held(tenure.as_ref(), conflict));

    /// Something was active on several servers at once, and is so no more.
    "overlap", Alarm, Overlap { group: GroupName, places: Conflict, lasted: Span, certain: bool } => (
        "group {group}: {places} {} at the same time (seen for {lasted}); check what that did to its file systems, then `tenure \
         group acknowledge {group}`",
        if *certain { "were active" } else { "may have been active" }
    );

    "released", Info, Released { group: GroupName }
        => ("group {group}: active nowhere without right, no longer held");

    "proven_off", Warning, ProvenOff { server: ServerName, how: OffHow } => ("server {server} is proven off: {how}");

    "reappeared", Warning, Reappeared { server: ServerName }
        => ("server {server} is up again, and dirty until what runs there was checked");

    "cleaned", Info, Cleaned { server: ServerName } => ("server {server} is clean and takes work again");

    "waiting", wait.level(), Waiting { group: GroupName, wait: Wait } => ("group {group} waits: {wait}");

    "wait_over", Info, WaitOver { group: GroupName } => ("group {group} waits no longer");

    "server_waiting", wait.level(), ServerWaiting { server: ServerName, wait: ServerWait } => ("server {server}: {wait}");

    "removed", Info, Removed { group: GroupName }
        => ("group {group} is no longer managed; what runs is left alone");

    "fragile", Warning, Fragile { weakness: Weakness } => (
        "tolerance: the loss of {} would leave {} without a place", join(&weakness.servers), groups(&weakness.groups)
    );

    "migrating", Info, Migrating { group: GroupName, from: ServerName, to: ServerName, reason: LeaveReason }
        => ("group {group} is migrated from {from} to {to}: {reason}");

    "migrated", Info,
        Migrated { group: GroupName, from: ServerName, to: ServerName, epoch: Epoch, proof: Proof }
        => ("group {group} has migrated from {from} to {to} (tenure {epoch}); proof for {from}: {proof}");

    "stayed", Warning, Stayed { group: GroupName, server: ServerName, to: ServerName, why: ForeignText }
        => ("group {group} stays on {server}, not migrated to {to}: {why}");

    "move_settled", Info, MoveSettled { group: GroupName, resource: ResourceName, server: ServerName }
        => ("{resource}: no move to {server} can begin any more");

    "wrong_copy", Alarm,
        WrongCopy { group: GroupName, resource: ResourceName, server: ServerName, tenure: ServerName }
        => (
            "group {group}: {resource} on {server} has no right to run while {resource} on {tenure} does; the wrong copy is \
             stopped"
        );

    "hook_not_run", Warning, HookNotRun { group: GroupName, trigger: Trigger, server: ServerName } => (
        "group {group}: its {} hook, for {server}, was not run: no node whose lease is good", trigger.word()
    );

    "faults_cleared", Info, FaultsCleared { group: GroupName, child: GroupName }
        => ("group {group}: faults cleared, because group {child} is online");

    "storm", Alarm, Storm { servers: BTreeSet<ServerName> } => (
        "STORM: {} lost at about the same time; nothing is started elsewhere until `tenure cluster resume`", join(servers)
    );

    "quarantined", Warning, Quarantined { server: ServerName, returns: usize, within: Span, length: Span } => (
        "server {server} came back {} within {within} and takes no new work for {length}; if it is mended: `tenure server \
         release {server}`",
        count(*returns, "time")
    );

    "quarantine_over", Info, QuarantineOver { server: ServerName }
        => ("server {server} is out of quarantine and takes work again");

    "time_over", if *what == Keep::Cluster { Warning } else { Info }, TimeOver { what: Keep, kept: Kept }
        => ("{what}: its time is over{kept}");

    "authority_signs", Info, AuthoritySigns { authority: String }
        => ("authority {authority} signs from now on: every node trusts it");

    "authority_retired", Info, AuthorityRetired { authority: String }
        => ("authority {authority} is trusted no more: nothing that it has signed is in use");

    /// Nothing of the present is believed any more, and the cluster is disarmed.
    "majority_given_up", Alarm, MajorityGivenUp { by: ForeignText, survivor: NodeName, nodes: BTreeSet<NodeName> } => (
        "{survivor} goes on alone, the majority was given up by {by}: DISARMED, everything is checked anew{}",
        if nodes.is_empty() { String::new() } else { format!("; given up: {}", join(nodes)) }
    );

    "restored", Alarm, Restored { by: ForeignText, image: String, groups: usize } => (
        "backup {image} restored by {by}: {}; DISARMED, everything is checked anew", count(*groups, "group")
    );

    "not_brought_back", Warning, NotBroughtBack { group: GroupName, server: ServerName, why: NotHere }
        => ("group {group} is not brought back to {server}: {why}");
}

impl Note {
    /// The group that it is about.
    pub fn group(&self) -> Option<&GroupName> {
        self.first(|thing| if let Thing::Group(group) = thing { Some(group) } else { None })
    }

    /// The server that it is about.
    pub fn server(&self) -> Option<&ServerName> {
        self.first(|thing| if let Thing::Server(server) = thing { Some(server) } else { None })
    }
}

/// Mistakes that are told one by one.
const MISTAKES: usize = 20;

/// Text of the mistakes for which a configuration is refused.
pub fn mistakes(found: &[Mistake]) -> String {
    let mut told: Vec<String> = found.iter().take(MISTAKES).map(Mistake::to_string).collect();
    if let Some(more) = found.len().checked_sub(MISTAKES).filter(|more| *more > 0) {
        told.push(format!("and {more} more"));
    }
    told.join("; ")
}

fn vios(down: &BTreeSet<String>) -> String {
    match down.len() {
        0 => "all VIO servers run".to_owned(),
        1 => format!("VIO server {} is down", join(down)),
        2.. => format!("VIO servers {} are down", join(down)),
    }
}

fn system(from: SystemState, to: SystemState, by: &NodeName) -> String {
    match (from, to) {
        (_, SystemState::NoWitness) => format!(": no manager answers (asked by {by})"),
        (SystemState::Unknown | SystemState::NoWitness, to) => format!(" reads {to} (read by {by})"),
        (from, to) => format!(" reads {to}, was {from} (read by {by})"),
    }
}

fn was(from: Power) -> String {
    if from == Power::Unknown { String::new() } else { format!(", was {from}") }
}

fn saying(said: &str, inside: bool) -> String {
    match (said.is_empty(), inside) {
        (true, _) => String::new(),
        (false, true) => format!("; its agent says: {said}"),
        (false, false) => format!("; {said}"),
    }
}

fn diverged(nodes: &BTreeSet<NodeName>, at: u64, stop: bool) -> String {
    let nodes = join(nodes);
    if stop {
        format!(
            "the ledger of {nodes} differs from that of most at log entry {at}: it stops; remove it, and join it anew"
        )
    } else {
        format!("the ledgers of {nodes} differ at log entry {at}, and no majority tells which is right: trust neither")
    }
}

fn held(tenure: Option<&ServerName>, conflict: &Conflict) -> String {
    match tenure {
        Some(server) if conflict.is_whole(server) => format!(
            ", its tenure on {server}; nothing of it is started, and what runs without right is stopped once both are read so again"
        ),
        Some(server) => {
            format!(", its tenure on {server}; nothing of it is touched until the wrong one is stopped at its manager")
        }
        None => "; nothing of it is touched until the wrong one is stopped at its manager".to_owned(),
    }
}

fn says(system: SystemState) -> String {
    match system {
        SystemState::NoWitness => "no manager answers".to_owned(),
        SystemState::NoConnection => "its manager has No Connection to it".to_owned(),
        SystemState::Operating
        | SystemState::Standby
        | SystemState::Initializing
        | SystemState::PowerOff
        | SystemState::PoweringOff
        | SystemState::Error
        | SystemState::Unknown => format!("its manager reads {system}"),
    }
}

fn count<N: Display + PartialEq + From<u8>>(number: N, what: &str) -> String {
    if number == N::from(1) { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn join<T: Display>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}

fn groups(names: &BTreeSet<GroupName>) -> String {
    if names.len() == 1 { format!("group {}", join(names)) } else { format!("groups {}", join(names)) }
}
