//! Refusals: why a command was not applied. Bad input is never an error or a panic here.

use crate::tolerance::Weakness;
use crate::{
    GroupName, HmcName, NodeName, OrderId, Power, ResourceName, ServerName, ServiceName, SystemState,
    config::Need,
    note::{CleanReason, NotHere, Wait},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use thiserror::Error;

/// Why a command was refused. The ledger is as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[allow(missing_docs)] // each says itself
pub enum Refusal {
    #[error("there is no group {0}; see `tenure status`")]
    NoGroup(GroupName),
    #[error("there is no server {0}; see `tenure status`")]
    NoServer(ServerName),
    #[error("there is no node {0}; see `tenure status`")]
    NoNode(NodeName),
    #[error("there is no resource {0}; see `tenure resource list`")]
    NoResource(ResourceName),
    #[error("there is no order {0}; it was answered, or given up")]
    NoOrder(OrderId),
    #[error("the configuration is not valid: {0}")]
    Invalid(String),
    #[error("this would strand running things: {0}; stop them first, or repeat with --strand")]
    Strands(String),
    #[error("this would lose sight of what runs: {0}; stop or switch it first")]
    LosesSight(String),
    #[error("node {node} may hold a lease that was granted while a longer one was declared")]
    LeaseIsGood { node: NodeName },
    #[error("group {group} is frozen; `tenure group unfreeze {group}` first")]
    Frozen { group: GroupName },
    #[error("group {group} is not frozen")]
    NotFrozen { group: GroupName },
    #[error("group {group} is held: it is active where it has no tenure; stop the wrong copy at its manager")]
    Held { group: GroupName },
    #[error("group {group} is already online on {server}; to move it: `tenure group switch {group} --to SERVER`")]
    AlreadyOn { group: GroupName, server: ServerName },
    #[error("group {group} is already offline")]
    AlreadyOffline { group: GroupName },
    #[error("group {group} is not online; `tenure group online {group}`")]
    NotOnline { group: GroupName },
    #[error("group {group} is on its way from {server}; wait for it: `tenure why {group}`")]
    Moving { group: GroupName, server: ServerName },
    #[error("{server} is not in the system list of group {group}")]
    NotInList { group: GroupName, server: ServerName },
    #[error("group {group} cannot run on {server}: {why}")]
    NotThere { group: GroupName, server: ServerName, why: NotHere },
    #[error("group {group} has no fault to clear")]
    NoFault { group: GroupName },
    #[error("group {group} cannot move: {why}")]
    Waits { group: GroupName, why: Wait },
    #[error("group {group} has no tenure of that epoch")]
    WrongEpoch { group: GroupName },
    #[error("group {group} already has a tenure on {server}")]
    HasTenure { group: GroupName, server: ServerName },
    #[error("group {group} is to be offline")]
    NotWanted { group: GroupName },
    #[error("{resource} on {server} reads {power}, and nothing proves that it is off")]
    NotProvenOff { resource: ResourceName, server: ServerName, power: Power },
    #[error("{resource}: a start on {server} may still take effect")]
    StartInFlight { resource: ResourceName, server: ServerName },
    #[error("{resource}: no start on {server} has to settle, or not long enough")]
    NotSettled { resource: ResourceName, server: ServerName },
    #[error("{resource} on {server} is already active")]
    AlreadyActive { resource: ResourceName, server: ServerName },
    #[error("{resource} has used up its {limit} restarts in place")]
    RestartsUsedUp { resource: ResourceName, limit: u32 },
    #[error("{resource} already has an order on {server}")]
    HasOrder { resource: ResourceName, server: ServerName },
    #[error("server {server} already has a fence order")]
    BeingFenced { server: ServerName },
    #[error("server {server} is not watched by a node whose lease is good")]
    NoWatcher { server: ServerName },
    #[error("server {server} reads {system}; a server that may be fine is not asserted off")]
    LooksAlive { server: ServerName, system: SystemState },
    #[error("node {node} on server {server} is heard; a server whose node speaks is not off")]
    NodeSpeaks { node: NodeName, server: ServerName },
    #[error("server {server} is already proven off")]
    AlreadyOff { server: ServerName },
    #[error("server {server} is not proven off")]
    NotOff { server: ServerName },
    #[error("server {server} is not dirty, or not read clean")]
    NotClean { server: ServerName },
    #[error("server {server} is dirty")]
    Dirty { server: ServerName },
    #[error("this reading of {server} is older than the one before, or not by its watcher")]
    Stale { server: ServerName },
    #[error("node {node} has lapsed")]
    Lapsed { node: NodeName },
    #[error("this process of node {node} is entered already")]
    AlreadyEnlisted { node: NodeName },
    #[error("node {node} has a newer process; what an older one says does not count")]
    OlderProcess { node: NodeName },
    #[error("node {node} is granted no lease already")]
    AlreadyShut { node: NodeName },
    #[error("nothing proves that node {node} is off")]
    NodeNotOff { node: NodeName },
    #[error("node {node} is already proven off")]
    NodeAlreadyOff { node: NodeName },
    #[error("the LPAR of node {node} on {server} reads {power}; what may run is not asserted off")]
    NodeLooksAlive { node: NodeName, server: ServerName, power: Power },
    #[error("node {node} is heard; a node that speaks is not off")]
    NodeHeard { node: NodeName },
    #[error("node {node} has no LPAR that could be cut off")]
    NoLpar { node: NodeName },
    #[error("node {node} has not lapsed")]
    NotLapsed { node: NodeName },
    #[error("the cluster is disarmed; `tenure cluster arm` first")]
    Disarmed,
    #[error("the cluster is already disarmed")]
    AlreadyDisarmed,
    #[error("the cluster is not disarmed")]
    NotDisarmed,
    #[error("there is no HMC {0}")]
    NoHmc(HmcName),
    #[error("HMC {hmc} refuses no logins")]
    NotRefused { hmc: HmcName },
    #[error("no storm holds the cluster back")]
    NoStorm,
    #[error("server {server} is already drained, or being drained; to end that: `tenure server undrain {server}`")]
    AlreadyDrained { server: ServerName },
    #[error("server {server} is not drained")]
    NotDrained { server: ServerName },
    #[error("server {server} is already frozen")]
    ServerFrozen { server: ServerName },
    #[error("server {server} is not frozen")]
    ServerNotFrozen { server: ServerName },
    #[error("server {server} is not in quarantine, or not long enough")]
    NotQuarantined { server: ServerName },
    #[error(
        "group {group} waits for an administrator since its server {server} went down; `tenure group enable {group}` first"
    )]
    AutoDisabled { group: GroupName, server: ServerName },
    #[error("group {group} does not wait to be enabled")]
    NotDisabled { group: GroupName },
    #[error(
        "group {group} is declared frozen; remove `frozen = true` from its table in the cluster file and apply that"
    )]
    FrozenInFile { group: GroupName },
    #[error(
        "group {group} is only watched; remove `managed = false` from its table in the cluster file and apply that"
    )]
    NotManaged { group: GroupName },
    #[error(
        "group {group} needs group {child}, which is not online; `tenure group online {child}` first, or --propagate"
    )]
    ChildNotOnline { group: GroupName, child: GroupName },
    #[error(
        "group {group} is needed by {}; `tenure group offline {}` first",
        listed(parents), parents.first().map(GroupName::as_str).unwrap_or_default()
    )]
    ParentsOnline { group: GroupName, parents: BTreeSet<GroupName> },
    #[error("group {group} runs where group {child} runs; to move both: stop {group}, switch {child}, start {group}")]
    RunsWithChild { group: GroupName, child: GroupName },
    #[error(
        "group {group} is online and would need group {child} {need}; make it so, or stop {group}, and then link them"
    )]
    LinkUnmet { group: GroupName, child: GroupName, need: Need },
    #[error("there is no service {0}; see `tenure status`")]
    NoService(ServiceName),
    #[error("every group of service {service} is already {}", if *online { "online, or on its way" } else { "to be offline" })]
    ServiceAlready { service: ServiceName, online: bool },
    #[error(
        "group {group}: {resource} waits for an administrator ({reason}); then `tenure group clear-admin-wait {group}`"
    )]
    AdminWait { group: GroupName, resource: ResourceName, reason: CleanReason },
    #[error("no resource of group {group} waits for an administrator")]
    NoAdminWait { group: GroupName },
    #[error("{resource} is required by {by}, which runs; stop that first, or repeat with --propagate")]
    Required { resource: ResourceName, by: ResourceName },
    #[error("{resource} is not one that is started or stopped")]
    NotCommanded { resource: ResourceName },
    #[error("group {group} is being migrated to {to}; wait for it, or `tenure group abort {group}`")]
    Migrating { group: GroupName, to: ServerName },
    #[error("group {group} is not being migrated")]
    NotMigrating { group: GroupName },
    #[error("{resource} cannot be migrated: it is not declared mobile; `tenure group switch` stops and starts it")]
    NotMobile { resource: ResourceName },
    #[error("{resource} on {server} reads {power}; only what runs is migrated")]
    NotRunning { resource: ResourceName, server: ServerName, power: Power },
    #[error("the loss of {servers} would leave {groups} without a place; make room, lower tolerance.servers, or write tolerance.warn = true", servers = words(&weakness.servers, "nothing"), groups = words(&weakness.groups, "something, as far as could be proven,"))]
    Intolerable { weakness: Weakness },
    #[error("group {group} has a hook that must be run before anything of it is started")]
    HookFirst { group: GroupName },
    #[error("nothing changes")]
    NoChange,
    #[error("the command is not understood: {0}")]
    NotUnderstood(String),
}

fn listed(groups: &BTreeSet<GroupName>) -> String {
    groups.iter().map(GroupName::as_str).collect::<Vec<_>>().join(", ")
}

fn words<T: std::fmt::Display>(names: &std::collections::BTreeSet<T>, none: &str) -> String {
    if names.is_empty() {
        return none.to_owned();
    }
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
