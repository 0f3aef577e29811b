//! The rules that a cluster may break, each with a message, and most with advice.

use super::text::{NAME_LIMIT, PARTITION_LIMIT, PATH_LIMIT, TEXT_LIMIT, VALUE_LIMIT, VALUES_LIMIT, excerpt};
use crate::{GroupName, HmcName, NodeName, ResourceName, RuleName, ServerName, ServiceName, Span};
use std::fmt;

/// Maximum length of a message in characters: it may hold a value of any length.
const MESSAGE: usize = 400;
/// Maximum length of an advice in characters: it may hold a list of names.
const ADVICE: usize = 1000;

macro_rules! rules {
    ($($kind:ident { $($field:ident: $type:ty),* } => $text:literal $(, $advice:literal)?;)*) => {
        /// Rules that a cluster may break.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs)] // each says itself in `Display`
        pub enum Rule {
            $($kind { $($field: $type),* },)*
        }

        impl Rule {
            /// Names of all kinds of mistake.
            pub const KINDS: &'static [&'static str] = &[$(stringify!($kind)),*];

            /// Name of the kind of this mistake.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Rule::$kind { .. } => stringify!($kind),)*
                }
            }
        }

        impl Rule {
            /// Description of the mistake.
            #[allow(unused_variables)] // what to write may say the rest
            pub fn message(&self) -> String {
                let message = match self {
                    $(Rule::$kind { $($field),* } => format!($text),)*
                };
                excerpt(&message, MESSAGE).into_owned()
            }

            /// Advice on what to write instead, if there is any.
            #[allow(unused_variables)] // the other way round
            pub fn advice(&self) -> Option<String> {
                let advice = match self {
                    $(Rule::$kind { $($field),* } => None$(.or(Some(format!($advice))))?,)*
                };
                advice.map(|advice: String| excerpt(&advice, ADVICE).into_owned())
            }
        }
    };
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())?;
        self.advice().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

rules! {
    // Names.
    Name { name: String } => "{name:?} is not a usable name", "write 1 to {NAME_LIMIT} of A-Z a-z 0-9 - _ . that begin with neither - nor . and have no .. among them";
    Text { what: &'static str } => "{what} is empty, or longer than {TEXT_LIMIT} bytes, or holds a control character", "write it as it is called there";
    UnknownManager { manager: String, known: String } => "there is no manager {manager}", "declared: {known}";
    UnknownServer { server: String, known: String } => "there is no server {server}", "declared: {known}";
    UnknownGroup { group: String, known: String } => "there is no group {group}", "declared: {known}";
    UnknownResource { resource: String, known: String } => "there is no resource {resource}", "its group has: {known}";

    // Managers, servers, nodes.
    NoManager { server: ServerName, lpar: ResourceName, group: GroupName } => "{server} has no manager, and {lpar} is an LPAR", "write managers = [\"…\"], or remove {server} from servers of {group}";
    NoAddress { server: ServerName } => "{server} has no address", "write address = {{ system = \"…\", mtms = \"…\" }}";
    LparWithoutManager { node: NodeName, server: ServerName } => "{node} has an LPAR and {server} no manager", "write managers = [\"…\"] for {server}, or remove this line";
    ManagerTwice { manager: String } => "{manager} stands twice", "name each manager once, the preferred one first";
    Mtms { mtms: String } => "{mtms:?} is not a type, model and serial number", "write it as 9009-42A*1234567";
    SystemTwice { mtms: String, other: ServerName } => "{mtms} is already server {other}", "declare each physical server once";
    HostKey { host_key: String } => "{host_key:?} is not a host key fingerprint", "write the SHA256:… that `ssh-keyscan HMC | ssh-keygen -lf -` prints";
    Address { address: String } => "{address:?} is not an address", "write host:port, such as hmc1:22";
    AddressTwice { address: String, other: HmcName } => "{address} is already manager {other}", "declare each manager once";
    User { user: String } => "{user:?} is not a user", "write it without blanks, as the manager knows it";
    NodesOnOneServer { server: ServerName, other: NodeName } => "{server} already has node {other}", "at most one node lives on a server";
    LparWithoutServer { node: NodeName } => "{node} is an arbiter and has no LPAR", "name its server too, or remove this line";

    // Groups.
    ServerTwice { server: ServerName } => "{server} stands twice", "name each server once";
    EmptySystemList { group: GroupName } => "{group} may run nowhere", "write servers = [\"…\"]";
    Unmanaged { server: ServerName } => "nobody can manage {server}: it has no node", "add one, or write surrogate = true for the server";
    AutostartOutsideList { server: ServerName } => "{server} is not in the system list", "add it to servers, or remove it here";
    EmptyGroup { group: GroupName } => "{group} has no LPAR and no other resource", "write group = \"{group}\" in one";
    NothingEnabled { group: GroupName } => "nothing in {group} is enabled", "enable a resource, or write managed = false for the group";
    NeverFits { group: GroupName, server: ServerName, what: &'static str, need: String, has: String } => "{group} needs {need} of {what} and {server} has {has}", "remove {server} or make it fit";
    NoLimitsMeet { group: GroupName, name: String, need: u64, most: u64 } => "{group} takes {need} of {name}, and no server of its list has more than {most}", "take less, or raise limits of a server";
    ZeroAmount { name: String } => "none of {name} is taken", "write a number, or remove it";
    Meaningless { what: &'static str, without: &'static str } => "{what} means nothing without {without}", "write that too, or remove this";
    EmptyWindow { at: String } => "the window from {at} to {at} is empty", "write a later end, or \"at once\"";
    WindowStart { from: u16 } => "a window cannot begin {from} minutes after midnight", "write a time from 00:00 to 23:59";
    HookNotAbsolute { program: String } => "{program:?} is not an absolute path", "write it from the root, such as /usr/local/bin/…, in at most {PATH_LIMIT} bytes";
    ParallelLpar { group: GroupName, lpar: ResourceName } => "{lpar} is an LPAR in parallel group {group}", "an LPAR runs on one server, so move it to a failover group";
    ParallelMoves { group: GroupName, what: &'static str } => "{group} is parallel and never moves, so {what} means nothing", "remove it";

    // Links between groups.
    LinkToSelf { group: GroupName } => "{group} depends on itself", "remove this link";
    LinkTwice { group: GroupName } => "{group} is linked twice", "two groups have one link";
    LinkCycle { path: String } => "these groups wait for each other: {path}", "remove one of the links or tiers";
    LinkTooDeep { path: String, most: usize } => "links are more than {most} levels deep: {path}", "link fewer groups one after another";
    HardNotLocal { child: GroupName } => "a hard link to {child} that is not online local", "write online = \"local\", or rigidity = \"firm\"";
    HardParallel { group: GroupName } => "a hard link, and {group} is parallel", "write rigidity = \"firm\"";
    TwoHardParents { child: GroupName, other: GroupName } => "{child} has a hard link from {other} already", "write rigidity = \"firm\" for one of them";
    OfflineRigid { child: GroupName } => "a link to {child} that asks it to be offline is always firm", "remove rigidity";
    ParallelBoth { child: GroupName } => "both groups are parallel, so {child} can only be needed on the same server", "write online = \"local\" or offline = \"local\"";
    ParallelNeedsOne { group: GroupName, child: GroupName } => "{group} is parallel and {child} is online on one server only", "write online = \"global\" or \"remote\"";
    LinkNowhere { group: GroupName, child: GroupName } => "{group} and {child} share no server, so {group} could never be online", "give their lists a server in common, or write online = \"global\"";
    RemoteNowhere { group: GroupName, child: GroupName, server: ServerName } => "{group} and {child} both run on {server} only, so {group} could never be online", "give one of them another server";

    // Resources.
    PartitionTwice { partition: String, other: ResourceName } => "partition {partition} is already LPAR {other}", "an LPAR belongs to exactly one group";
    ManagedNode { partition: String, node: NodeName } => "partition {partition} is node {node} itself", "a node cannot be a managed LPAR";
    Partition { partition: String } => "{partition:?} is not a partition's name", "write it as its manager has it: 1 to {PARTITION_LIMIT} characters that do not begin with -";
    OutsideList { server: ServerName, group: GroupName } => "{server} is not in the system list of {group}", "add it there, or remove it here";
    MobileProfiles { lpar: ResourceName } => "{lpar} is mobile and takes its profile along", "write profile in place of profiles, or remove mobile";
    MobileNowhere { lpar: ResourceName, group: GroupName } => "{lpar} is mobile and {group} has one server", "add a server, or remove mobile";
    VioTwice { vio: String } => "{vio} stands twice", "name each VIO server once";
    VioIsLpar { vio: String, lpar: ResourceName } => "{vio} is LPAR {lpar}", "a managed LPAR cannot serve others";
    AgentType { name: String } => "{name:?} is not a type", "write 1 to {NAME_LIMIT} of A-Z a-z 0-9 - _ . :";
    ValueNul { attribute: String } => "attribute {attribute} holds a NUL character", "remove it: no program can be given one";
    ValueLong { attribute: String, bytes: usize } => "attribute {attribute} has {bytes} bytes", "write at most {VALUE_LIMIT}, or the name of a file that holds the rest";
    ValuesLarge { resource: ResourceName, bytes: usize } => "the attributes of {resource} have {bytes} bytes", "write at most {VALUES_LIMIT}: a program must be able to take them all";
    SecretName { attribute: String } => "attribute {attribute} refers to a secret without a usable name", "write secret:// and 1 to {NAME_LIMIT} of A-Z a-z 0-9 - _ .";
    LparAsResource { name: ResourceName } => "{name} is an LPAR", "declare it as [lpars.{name}]";
    NoNodeForAgent { resource: ResourceName, server: ServerName, group: GroupName } => "{resource} lives inside nodes and {server} has none", "remove {server} from servers of {group}, or add a node";
    OnlyWatchedDisabled { resource: ResourceName } => "{resource} is disabled, so it is not even watched", "remove monitor_only, or write enabled = true";
    OnlyWatchedPersistent { resource: ResourceName } => "{resource} is never started or stopped anyway", "remove monitor_only";
    RequiresItself { resource: ResourceName } => "{resource} requires itself", "remove it here";
    RequiresElsewhere { resource: ResourceName, group: GroupName } => "{resource} belongs to group {group}", "link the groups, or move it";
    RequiresTwice { resource: ResourceName } => "{resource} stands twice", "name it once";
    RequiresCycle { path: String } => "these resources wait for each other: {path}", "remove one of the requirements";
    EmptyRequirement { resource: ResourceName } => "{resource} requires one of nothing", "write of = [\"…\"]";
    AtLeastZero { resource: ResourceName } => "{resource} requires none of these", "write at_least = 1 or more, or remove it";
    AtLeastTooMany { at_least: u32, of: usize } => "{at_least} of {of} cannot be online", "write at most {of}";
    PersistentRequires { resource: ResourceName } => "{resource} is persistent: it is never started, so it can wait for nothing", "remove requires";
    RequiresDisabled { resource: ResourceName, disabled: ResourceName } => "{resource} would wait for {disabled}, which is disabled, for ever", "enable it, or remove it here";

    // Services.
    EmptyService { service: ServiceName } => "{service} has no tier", "write tiers = [{{ groups = [\"…\"] }}]";
    EmptyTier { service: ServiceName } => "a tier of {service} without a group", "write groups = [\"…\"]";
    GroupTwice { group: GroupName, service: ServiceName } => "{group} stands twice in {service}", "name it in one tier";
    FirstTierLink { service: ServiceName } => "the first tier of {service} has no tier below it", "remove link";
    TierOrder { service: ServiceName, group: GroupName, child: GroupName } => "{service} starts {group} before {child}, and {group} requires {child} to be online", "put {child} into an earlier tier";
    ServiceOrder { service: ServiceName, other: ServiceName, first: GroupName, second: GroupName } => "{service} starts {first} before {second}, and {other} starts them the other way round", "use one order";

    // Placement rules.
    TooFewGroups { rule: RuleName } => "{rule} needs two groups at least", "add one, or remove the rule";
    NoGroups { rule: RuleName } => "{rule} is about no group", "write groups = [\"…\"]";
    NoServers { rule: RuleName } => "{rule} names no server", "write one, or remove the rule";
    ParallelRule { rule: RuleName, group: GroupName } => "{group} is parallel and runs on all of its servers", "remove it from {rule}";
    RuleTwice { rule: RuleName, other: RuleName } => "{rule} asks the same as {other}", "remove one of them";
    ApartTooMany { rule: RuleName, groups: usize, servers: usize } => "{rule} keeps {groups} groups apart, and their lists have no more than {servers} of the servers", "add some, or remove strict";
    TogetherNowhere { rule: RuleName } => "the groups of {rule} share no server", "give their lists one in common, or remove strict";
    NowhereLeft { rule: RuleName, group: GroupName } => "{rule} leaves no server of the list of {group}", "change one of the two, or remove strict";
    RulesContradict { rule: RuleName, other: RuleName, groups: String } => "{rule} and {other} cannot both be kept for {groups}", "change one, or remove strict from it";
    RuleAgainstLink { rule: RuleName, group: GroupName, child: GroupName } => "{rule} cannot be kept with the link of {group} to {child}", "change one of the two, or remove strict";

    // The whole cluster.
    ToleranceTooLarge { servers: u32, all: usize } => "{servers} servers cannot be lost out of {all} and leave one", "write fewer";
    ZeroBrake { what: &'static str } => "{what} is zero, so nothing would ever be done", "write 1 at least";
    StormTooLarge { servers: u32, all: usize } => "a storm of {servers} servers cannot come: there are {all}", "write fewer, or 0 for never";
    Zero { what: &'static str } => "{what} is zero", "write a time such as 10m";
    WatchdogShort { node: NodeName, group: GroupName, needs: Span, has: Span } => "the watchdog of node {node} resets it {has} after its last lease, and group {group} may take {needs} to be stopped by then (timings.stand_down, and the stop timeouts along its longest chain)", "write a longer watchdog, or shorter times";
    TooShort { what: &'static str, value: Span, than: &'static str, least: Span } => "{what} of {value} is shorter than {than}", "write at least {least}";
}
