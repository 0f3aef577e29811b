//! Refusals: the reasons why commands are not applied. Bad input is never an error or a panic here.
//!
//! Each row gives the code, the fields, the message and the advice, if any. They stay separate fields in the API; in a
//! line of the log the message and the advice follow one another.

use crate::{
    GroupName, HmcName, NodeName, OrderId, Power, ResourceName, ServerName, ServiceName, SystemState, UserName,
    config::Need,
    name::Thing,
    note::{CleanReason, NotHere, Wait},
    placement::tolerance::Weakness,
    row::Names,
    trust::Need as Right,
};
use std::{collections::BTreeSet, fmt};

macro_rules! refusals {
    ($(
        $code:literal $kind:ident $(($one:ident: $one_type:ty))? $({ $($field:ident: $type:ty),+ })?
            => ($($message:tt)+) $(, ($($advice:tt)+))?;
    )+) => {
        /// Why a command was refused. The ledger is as it was.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs)] // each says itself
        pub enum Refusal {
            $($kind $(($one_type))? $({ $($field: $type),+ })?,)+
        }

        impl Refusal {
            /// All codes.
            pub const CODES: &'static [&'static str] = &[$($code),+];

            /// Its code, by which programs know it.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Refusal::$kind { .. } => $code,)+
                }
            }

            /// The message: the reason in words.
            pub fn message(&self) -> String {
                match self {
                    $(Refusal::$kind $(($one))? $({ $($field),+ })? => format!($($message)+),)+
                }
            }

            /// Advice on what to do about it, if there is any.
            #[allow(unused_variables)] // who knows what to do need not name all that is wrong
            pub fn advice(&self) -> Option<String> {
                match self {
                    $(Refusal::$kind $(($one))? $({ $($field),+ })? => None$(.or(Some(format!($($advice)+))))?,)+
                }
            }

            /// Its subject: the first thing that it names.
            pub fn subject(&self) -> Option<Thing<'_>> {
                let things: Vec<Option<Thing<'_>>> = match self {
                    $(Refusal::$kind $(($one))? $({ $($field),+ })? =>
                        vec![$($one.thing())? $($($field.thing()),+)?],)+
                };
                things.into_iter().flatten().next()
            }
        }
    };
}

refusals! {
    "no_group" NoGroup(group: GroupName)
        => ("there is no group {group}"),
        ("see `tenure status`");
    "no_server" NoServer(server: ServerName)
        => ("there is no server {server}"),
        ("see `tenure status`");
    "no_node" NoNode(node: NodeName)
        => ("there is no node {node}"),
        ("see `tenure status`");
    "no_resource" NoResource(resource: ResourceName)
        => ("there is no resource {resource}"),
        ("see `tenure resource list`");
    "no_order" NoOrder(order: OrderId)
        => ("there is no order {order}; it was answered, or given up");
    "invalid" Invalid(what: String)
        => ("the configuration is not valid: {what}");
    "strands" Strands(what: String)
        => ("this would strand running things: {what}"),
        ("stop them first, or repeat with --strand");
    "loses_sight" LosesSight(what: String)
        => ("this would lose sight of what runs: {what}"),
        ("stop or switch it first");
    "lease_is_good" LeaseIsGood { node: NodeName }
        => ("node {node} may hold a lease that was granted while a longer one was declared");
    "frozen" Frozen { group: GroupName }
        => ("group {group} is frozen"),
        ("`tenure group unfreeze {group}` first");
    "not_frozen" NotFrozen { group: GroupName }
        => ("group {group} is not frozen");
    "held" Held { group: GroupName }
        => ("group {group} is held: it is active where it has no tenure"),
        ("stop the wrong copy at its manager");
    "no_overlap" NoOverlap { group: GroupName }
        => ("nothing of group {group} was active on two servers at once since that was last acknowledged");
    "overlap_goes_on" OverlapGoesOn { group: GroupName }
        => ("something of group {group} is active on two servers now"),
        ("see `tenure why {group}`, and acknowledge it when that is over");
    "already_on" AlreadyOn { group: GroupName, server: ServerName }
        => ("group {group} is already online on {server}"),
        ("to move it: `tenure group switch {group} --to SERVER`");
    "already_offline" AlreadyOffline { group: GroupName }
        => ("group {group} is already offline");
    "not_online" NotOnline { group: GroupName }
        => ("group {group} is not online"),
        ("`tenure group online {group}`");
    "moving" Moving { group: GroupName, server: ServerName }
        => ("group {group} is on its way from {server}"),
        ("wait for it: `tenure why {group}`");
    "not_in_list" NotInList { group: GroupName, server: ServerName }
        => ("{server} is not in the system list of group {group}");
    "not_there" NotThere { group: GroupName, server: ServerName, why: NotHere }
        => ("group {group} cannot run on {server}: {why}");
    "no_fault" NoFault { group: GroupName }
        => ("group {group} has no fault to clear");
    "waits" Waits { group: GroupName, why: Wait }
        => ("group {group} cannot move: {why}");
    "wrong_epoch" WrongEpoch { group: GroupName }
        => ("group {group} has no tenure of that epoch");
    "has_tenure" HasTenure { group: GroupName, server: ServerName }
        => ("group {group} already has a tenure on {server}");
    "not_wanted" NotWanted { group: GroupName }
        => ("group {group} is to be offline");
    "not_proven_off" NotProvenOff { resource: ResourceName, server: ServerName, power: Power }
        => ("{resource} on {server} reads {power}, and nothing proves that it is off");
    "start_in_flight" StartInFlight { resource: ResourceName, server: ServerName }
        => ("{resource}: a start on {server} may still take effect");
    "not_settled" NotSettled { resource: ResourceName, server: ServerName }
        => ("{resource}: no start on {server} has to settle, or not long enough");
    "already_active" AlreadyActive { resource: ResourceName, server: ServerName }
        => ("{resource} on {server} is already active");
    "restarts_used_up" RestartsUsedUp { resource: ResourceName, limit: u32 }
        => ("{resource} has used up its {limit} restarts in place");
    "has_order" HasOrder { resource: ResourceName, server: ServerName }
        => ("{resource} already has an order on {server}");
    "being_fenced" BeingFenced { server: ServerName }
        => ("server {server} already has a fence order");
    "no_watcher" NoWatcher { server: ServerName }
        => ("server {server} is not watched by a node whose lease is good");
    "looks_alive" LooksAlive { server: ServerName, system: SystemState }
        => ("server {server} reads {system}; a server that may be fine is not asserted off"),
        ("nothing is to be confirmed; to empty it: `tenure server shutdown {server}`");
    "node_speaks" NodeSpeaks { node: NodeName, server: ServerName }
        => ("node {node} on server {server} is heard; a server whose node speaks is not off");
    "already_off" AlreadyOff { server: ServerName }
        => ("server {server} is already proven off");
    "not_off" NotOff { server: ServerName }
        => ("server {server} is not proven off");
    "not_clean" NotClean { server: ServerName }
        => ("server {server} is not dirty, or not read clean");
    "dirty" Dirty { server: ServerName }
        => ("server {server} is dirty");
    "stale" Stale { server: ServerName }
        => ("this reading of {server} is older than the one before, or not by its watcher");
    "lapsed" Lapsed { node: NodeName }
        => ("node {node} has lapsed");
    "already_enlisted" AlreadyEnlisted { node: NodeName }
        => ("this process of node {node} is entered already");
    "older_process" OlderProcess { node: NodeName }
        => ("node {node} has a newer process; what an older one says does not count");
    "already_suspended" AlreadySuspended { node: NodeName }
        => ("node {node} is granted no lease already");
    "node_not_off" NodeNotOff { node: NodeName }
        => ("nothing proves that node {node} is off");
    "node_already_off" NodeAlreadyOff { node: NodeName }
        => ("node {node} is already proven off");
    "node_looks_alive" NodeLooksAlive { node: NodeName, server: ServerName, power: Power }
        => ("the LPAR of node {node} on {server} reads {power}; what may run is not asserted off");
    "node_heard" NodeHeard { node: NodeName }
        => ("node {node} is heard; a node that speaks is not off");
    "no_lpar" NoLpar { node: NodeName }
        => ("node {node} has no LPAR that could be cut off");
    "not_lapsed" NotLapsed { node: NodeName }
        => ("node {node} has not lapsed");
    "disarmed" Disarmed
        => ("the cluster is disarmed"),
        ("`tenure cluster arm` first");
    "already_disarmed" AlreadyDisarmed
        => ("the cluster is already disarmed");
    "not_disarmed" NotDisarmed
        => ("the cluster is not disarmed");
    "no_hmc" NoHmc(hmc: HmcName)
        => ("there is no HMC {hmc}");
    "not_refused" NotRefused { hmc: HmcName }
        => ("HMC {hmc} refuses no logins");
    "no_storm" NoStorm
        => ("no storm holds the cluster back");
    "already_drained" AlreadyDrained { server: ServerName }
        => ("server {server} is already drained, or being drained"),
        ("to end that: `tenure server undrain {server}`");
    "not_drained" NotDrained { server: ServerName }
        => ("server {server} is not drained");
    "server_frozen" ServerFrozen { server: ServerName }
        => ("server {server} is already frozen");
    "server_not_frozen" ServerNotFrozen { server: ServerName }
        => ("server {server} is not frozen");
    "not_quarantined" NotQuarantined { server: ServerName }
        => ("server {server} is not in quarantine");
    "quarantine_lasts" QuarantineLasts { server: ServerName }
        => ("the quarantine of server {server} has not lasted its time");
    "auto_disabled" AutoDisabled { group: GroupName, server: ServerName }
        => ("group {group} waits for an administrator since its server {server} went down"),
        ("`tenure group enable {group}` first");
    "not_disabled" NotDisabled { group: GroupName }
        => ("group {group} does not wait to be enabled");
    "frozen_in_file" FrozenInFile { group: GroupName }
        => ("group {group} is declared frozen"),
        ("remove `frozen = true` from its table in the cluster file and apply that");
    "not_managed" NotManaged { group: GroupName }
        => ("group {group} is only watched"),
        ("remove `managed = false` from its table in the cluster file and apply that");
    "child_not_online" ChildNotOnline { group: GroupName, child: GroupName }
        => ("group {group} needs group {child}, which is not online"),
        ("`tenure group online {child}` first, or --propagate");
    "parents_online" ParentsOnline { group: GroupName, parents: BTreeSet<GroupName> }
        => ("group {group} is needed by {}", words(parents, "another group")),
        ("`tenure group offline {}` first", parents.first().map(GroupName::as_str).unwrap_or_default());
    "runs_with_child" RunsWithChild { group: GroupName, child: GroupName }
        => ("group {group} runs where group {child} runs"),
        ("to move both: stop {group}, switch {child}, start {group}");
    "link_unmet" LinkUnmet { group: GroupName, child: GroupName, need: Need }
        => ("group {group} is online and would need group {child} {need}"),
        ("make it so, or stop {group}, and then link them");
    "no_service" NoService(service: ServiceName)
        => ("there is no service {service}"),
        ("see `tenure status`");
    "service_already" ServiceAlready { service: ServiceName, online: bool }
        => ("every group of service {service} is already {}", if *online { "online, or on its way" } else { "to be offline" });
    "admin_wait" AdminWait { group: GroupName, resource: ResourceName, reason: CleanReason }
        => ("group {group}: {resource} waits for an administrator ({reason})"),
        ("then `tenure group clear-admin-wait {group}`");
    "no_admin_wait" NoAdminWait { group: GroupName }
        => ("no resource of group {group} waits for an administrator");
    "required" Required { resource: ResourceName, by: ResourceName }
        => ("{resource} is required by {by}, which runs"),
        ("stop that first, or repeat with --propagate");
    "not_commanded" NotCommanded { resource: ResourceName }
        => ("{resource} is not one that is started or stopped");
    "migrating" Migrating { group: GroupName, to: ServerName }
        => ("group {group} is being migrated to {to}"),
        ("wait for it, or `tenure group abort {group}`");
    "not_migrating" NotMigrating { group: GroupName }
        => ("group {group} is not being migrated");
    "not_mobile" NotMobile { resource: ResourceName }
        => ("{resource} cannot be migrated: it is not declared mobile"),
        ("`tenure group switch` stops and starts it");
    "not_running" NotRunning { resource: ResourceName, server: ServerName, power: Power }
        => ("{resource} on {server} reads {power}; only what runs is migrated");
    "intolerable" Intolerable { weakness: Weakness }
        => ("the loss of {servers} would leave {groups} without a place",
            servers = words(&weakness.servers, "nothing"),
            groups = words(&weakness.groups, "something, as far as could be proven,")
        ),
        ("make room, lower tolerance.servers, or write tolerance.warn = true");
    "hook_first" HookFirst { group: GroupName }
        => ("group {group} has a hook that must be run before anything of it is started");
    "not_a_user" NotAUser { user: UserName }
        => ("{user} is not a user of this cluster, or not with this certificate any more"),
        ("an administrator lets users in: `tenure user add {user}`, or `tenure user renew {user}`");
    "not_allowed" NotAllowed { user: UserName, need: Right }
        => ("{user} may not {need}"),
        ("see `tenure whoami`; an administrator gives rights: `tenure user set {user}`");
    "not_its_business" NotItsBusiness { by: String }
        => ("{by} has no such say");
    "user_exists" UserExists { user: UserName }
        => ("{user} is a user already"),
        ("see `tenure user show {user}`");
    "no_user" NoUser { user: UserName }
        => ("there is no user {user}"),
        ("see `tenure user list`");
    "bad_user_name" BadUserName { user: UserName }
        => ("{user:?} cannot be the name of a user"),
        ("use letters, digits, '.', '_' and '-', 64 at most, and begin with a letter or a digit");
    "last_administrator" LastAdministrator { user: UserName }
        => ("{user} is the last administrator of the whole cluster"),
        ("make another one first: `tenure user add NAME --role administrator`");
    "too_many" TooMany { what: String, limit: usize }
        => ("there are {limit} {what} already"),
        ("remove some first");
    "bad_token" BadToken { why: String }
        => ("the token is not usable: {why}"),
        ("have a new one made");
    "not_permitted" NotPermitted { act: u64 }
        => ("nothing that is still to be done was permitted at log index {act}");
    "rotating" Rotating { authority: String, nodes: BTreeSet<NodeName> }
        => ("authority {authority} is to sign next, and is not trusted yet by {nodes}", nodes = words(nodes, "a node that holds its key")),
        ("start these nodes, or remove them; see `tenure authority show`");
    "no_authority" NoAuthority { authority: String }
        => ("there is no authority {authority}"),
        ("see `tenure authority show`");
    "authority_signs" AuthoritySigns { authority: String }
        => ("authority {authority} signs, and is needed"),
        ("have another one take its place: `tenure authority rotate`");
    "authority_in_use" AuthorityInUse { authority: String, by: String }
        => ("authority {authority} has signed certificates that are in use: {by}"),
        ("wait until they are renewed (nodes do so themselves, a user's client at its next use), or shut these users out with --force");
    "unaccounted" Unaccounted { nodes: BTreeSet<NodeName> }
        => ("nodes that were given up may still run: {nodes}", nodes = words(nodes, "some")),
        ("have each join anew (`tenure node token {name}`), or see that it is off and `tenure fence confirm-node {name}`",
            name = nodes.first().map(NodeName::as_str).unwrap_or_default());
    "not_empty" NotEmpty
        => ("something is declared in this cluster already, or users were let in"),
        ("restore into a new one: `tenure cluster init`, and nothing else before");
    "no_change" NoChange
        => ("nothing changes");
    "not_understood" NotUnderstood(what: String)
        => ("the command is not understood: {what}");
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())?;
        self.advice().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

impl std::error::Error for Refusal {}

fn words<T: fmt::Display>(names: &BTreeSet<T>, none: &str) -> String {
    if names.is_empty() {
        return none.to_owned();
    }
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
