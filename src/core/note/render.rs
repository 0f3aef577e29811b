//! The words of each note. One line, the object first, no codes.

use super::{
    Brake, CleanReason, ClusterWait, Conflict, Deed, FaultReason, LeaveReason, NodeOffHow, NotHere, Note, OffHow,
    Proof, ServerWait, Stay, Wait,
};
use crate::{
    GroupName, Power, SystemState,
    config::{Mistake, Need},
};
use std::fmt::{self, Display, Formatter, Result};

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Note::Configured { by, groups, resources, servers } => {
                let (groups, resources) = (count(*groups, "group"), count(*resources, "resource"));
                write!(f, "configuration applied by {by}: {groups}, {resources}, {}", count(*servers, "server"))
            }
            Note::Requested { by, what, group: None } => write!(f, "{what}, asked by {by}"),
            Note::Requested { by, what, group: Some(group) } => write!(f, "group {group}: {what}, asked by {by}"),
            Note::SystemChanged { server, to: SystemState::NoWitness, by, .. } => {
                write!(f, "server {server}: no manager answers (asked by {by})")
            }
            Note::SystemChanged { server, from: SystemState::Unknown | SystemState::NoWitness, to, by } => {
                write!(f, "server {server} reads {to} (read by {by})")
            }
            Note::SystemChanged { server, from, to, by } => {
                write!(f, "server {server} reads {to}, was {from} (read by {by})")
            }
            Note::ViosChanged { server, down } if down.is_empty() => write!(f, "server {server}: all VIO servers run"),
            Note::ViosChanged { server, down } if down.len() == 1 => {
                write!(f, "server {server}: VIO server {} is down", join(down))
            }
            Note::ViosChanged { server, down } => write!(f, "server {server}: VIO servers {} are down", join(down)),
            Note::CopyChanged { resource, server, from, to, said, inside, .. } => {
                write!(f, "{resource} on {server} reads {to}")?;
                if *from != Power::Unknown {
                    write!(f, ", was {from}")?;
                }
                match (said.is_empty(), inside) {
                    (true, _) => Ok(()),
                    (false, true) => write!(f, "; its agent says: {said}"),
                    (false, false) => write!(f, "; {said}"),
                }
            }
            Note::NotItself { resource, server, said, .. } => {
                write!(f, "{resource} on {server} is left alone, and vouches for nothing: {said}")
            }
            Note::LoginRefused { hmc, by, why, again } => write!(
                f,
                "HMC {hmc} refuses our login ({by}: {why}); no node logs in there now, and one tries again in {again}; at once \
                 with `tenure hmc retry {hmc}`"
            ),
            Note::LoginAccepted { hmc, by } => write!(f, "HMC {hmc} lets node {by} in again"),
            Note::NodeLapsed { node } => {
                write!(f, "node {node}: silent, its lease has ended; it acts no more until it is heard again")
            }
            Note::NodeReturned { node } => write!(f, "node {node}: heard again"),
            Note::NodeProvenOff { node, how } => write!(f, "node {node} is proven off: {how}"),
            Note::WrongLpar { node, server, power } => write!(
                f,
                "node {node} lives, and the LPAR on {server} that is declared as its own reads {power}: correct `lpar` in \
                 [nodes.{node}]; until then nothing but {server} itself being off proves the node off"
            ),
            Note::NotItsLpar { node, server, said } => {
                write!(
                    f,
                    "the LPAR of node {node} on {server}: {said}; it is not cut off, and its state proves nothing"
                )
            }
            Note::RunsTwice { node, older, newer } => write!(
                f,
                "node {node} runs twice: process {newer} has begun under its identity while process {older} still runs; \
                 find the copy of its data and key, and end it"
            ),
            Note::OlderStops { node, older } => {
                write!(f, "node {node}: the older of its two processes, {older}, stops")
            }
            Note::Diverged { nodes, at, stop: true } => write!(
                f,
                "the ledger of {} differs from that of most at log entry {at}: it stops; remove it, and join it anew",
                join(nodes)
            ),
            Note::Diverged { nodes, at, stop: false } => write!(
                f,
                "the ledgers of {} differ at log entry {at}, and no majority tells which is right: trust neither",
                join(nodes)
            ),
            Note::WatcherChanged { server, to, surrogate: true, .. } => {
                write!(f, "server {server} is watched by {to} as surrogate")
            }
            Note::WatcherChanged { server, to, .. } => write!(f, "server {server} is watched by {to}"),
            Note::Adopted { group, server, epoch } => {
                write!(f, "group {group} adopted on {server}, where it was found running (tenure {epoch})")
            }
            Note::Granted { group, server, epoch, passed_over } => {
                write!(f, "group {group} granted to {server} (tenure {epoch})")?;
                if passed_over.is_empty() { Ok(()) } else { write!(f, "; not {}", whys(passed_over)) }
            }
            Note::Ordered { order, what, node, server, .. } => {
                write!(f, "{what} on {server}: ordered from {node} (order {order})")
            }
            Note::Restarting { group, resource, server, count, limit, ran } => {
                let what = if *ran { "went down" } else { "did not come up" };
                write!(f, "group {group}: {resource} {what} on {server}; restart {count} of {limit} in place")
            }
            Note::Ended { order, what, server, ending, .. } => {
                write!(f, "{what} on {server}: {ending} (order {order})")
            }
            Note::OnlineNow { group, server, epoch } => write!(f, "group {group} online on {server} (tenure {epoch})"),
            Note::Faulted { group, server, reason } => {
                write!(f, "group {group} faulted on {server} and leaves it: {reason}")
            }
            Note::ResourceFaulted { group, resource, server, reason } => {
                write!(f, "group {group}: {resource} faulted on {server}, the group goes on without it: {reason}")
            }
            Note::ResourceBack { group, resource, server } => {
                write!(f, "group {group}: {resource} is back on {server}, its fault is over")
            }
            Note::Recycling { group, resource, server, reason, count, limit } => write!(
                f,
                "group {group}: {resource} is cleaned and started again on {server} (try {count} of {limit}): {reason}"
            ),
            Note::Retrying { group, server, reason, count, limit } => write!(
                f,
                "group {group} faulted on {server} and is started again there (try {count} of {limit}): {reason}"
            ),
            Note::NeedsAdmin { group, resource, server, reason } => write!(
                f,
                "group {group}: {resource} on {server} waits for an administrator: {reason}; then `tenure group \
                 clear-admin-wait {group}`"
            ),
            Note::SomebodyElse { group, resource, server, times, within } => write!(
                f,
                "group {group} is FROZEN: {resource} was started {times} times within {within} by no order of this cluster, \
                 last on {server}; somebody else manages it, too. When that is settled: `tenure group unfreeze {group}`"
            ),
            Note::StoppedOnPurpose { group, resource, server } => {
                write!(f, "group {group}: {resource} was stopped on purpose on {server}, which is no fault")
            }
            Note::Leaving { group, server, reason } => write!(f, "group {group} leaves {server}: {reason}"),
            Note::Vacated { group, server, epoch, proof } => {
                write!(f, "group {group} has left {server} (tenure {epoch} ended); proof: {proof}")
            }
            Note::Loose { resource, server, .. } => {
                write!(f, "{resource}: a start on {server} may still take effect; waiting for it to settle")
            }
            Note::Settled { resource, server, .. } => {
                write!(f, "{resource}: no start on {server} can take effect any more")
            }
            Note::Held { group, tenure, conflict } => {
                write!(f, "group {group} HELD: {conflict} active")?;
                if let Some(server) = tenure {
                    write!(f, ", its tenure on {server}")?;
                }
                f.write_str(if tenure.as_ref().is_some_and(|server| conflict.is_whole(server)) {
                    "; nothing of it is started, and what runs without right is stopped once both are read so again"
                } else {
                    "; nothing of it is touched until the wrong one is stopped at its manager"
                })
            }
            Note::Released { group } => write!(f, "group {group}: active nowhere without right, no longer held"),
            Note::ProvenOff { server, how } => write!(f, "server {server} is proven off: {how}"),
            Note::Reappeared { server } => {
                write!(f, "server {server} is up again, and dirty until what runs there was checked")
            }
            Note::Cleaned { server } => write!(f, "server {server} is clean and takes work again"),
            Note::Waiting { group, wait } => write!(f, "group {group} waits: {wait}"),
            Note::WaitOver { group } => write!(f, "group {group} waits no longer"),
            Note::ServerWaiting { server, wait } => write!(f, "server {server}: {wait}"),
            Note::Storm { servers } => write!(
                f,
                "STORM: {} lost at about the same time; nothing is started elsewhere until `tenure cluster resume`",
                join(servers)
            ),
            Note::Quarantined { server, returns, within, length } => write!(
                f,
                "server {server} came back {} within {within} and takes no new work for {length}; if it is mended: `tenure server release {server}`",
                count(*returns, "time")
            ),
            Note::QuarantineOver { server } => write!(f, "server {server} is out of quarantine and takes work again"),
            Note::NotBroughtBack { group, server, why } => {
                write!(f, "group {group} is not brought back to {server}: {why}")
            }
            Note::Fragile { weakness } => write!(
                f,
                "tolerance: the loss of {} would leave {} without a place",
                join(&weakness.servers),
                groups(&weakness.groups)
            ),
            Note::Removed { group } => write!(f, "group {group} is no longer managed; what runs is left alone"),
            Note::Migrating { group, from, to, reason } => {
                write!(f, "group {group} is migrated from {from} to {to}: {reason}")
            }
            Note::Migrated { group, from, to, epoch, proof } => {
                write!(f, "group {group} has migrated from {from} to {to} (tenure {epoch}); proof for {from}: {proof}")
            }
            Note::MoveSettled { resource, server, .. } => {
                write!(f, "{resource}: no move to {server} can begin any more")
            }
            Note::WrongCopy { group, resource, server, tenure } => write!(
                f,
                "group {group}: {resource} on {server} has no right to run while {resource} on {tenure} does; the wrong copy is \
                 stopped"
            ),
            Note::HookNotRun { group, trigger, server } => write!(
                f,
                "group {group}: its {} hook, for {server}, was not run: no node whose lease is good",
                trigger.word()
            ),
            Note::Stayed { group, server, to, why } => {
                write!(f, "group {group} stays on {server}, not migrated to {to}: {why}")
            }
            Note::FaultsCleared { group, child } => {
                write!(f, "group {group}: faults cleared, because group {child} is online")
            }
        }
    }
}

impl Display for FaultReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            FaultReason::Crashed { resource, restarts: 0 } => write!(f, "{resource} went down"),
            FaultReason::Crashed { resource, restarts } => {
                write!(f, "{resource} went down again after {} in place", count(*restarts, "restart"))
            }
            FaultReason::StartFailed { resource, why } => write!(f, "{resource} did not start: {why}"),
            FaultReason::StartTimeout { resource, after } => write!(f, "{resource} was not Running after {after}"),
            FaultReason::Panicked { resource, after } => write!(f, "{resource} read Error for {after}"),
            FaultReason::MonitorTimeout { resource, after } => {
                write!(f, "nobody could tell for {after} whether {resource} runs")
            }
            FaultReason::PreOnline { why } => write!(f, "its preonline hook did not agree: {why}"),
            FaultReason::PersistentDown { resource } => write!(f, "{resource} is down"),
            FaultReason::ViosDown { resource, vios } => {
                write!(f, "{resource} has lost all its VIO servers ({})", vios.join(", "))
            }
        }
    }
}

impl Display for CleanReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            CleanReason::OfflineHung => "taking it offline did not end in time",
            CleanReason::OfflineIneffective => "it was taken offline and still runs",
            CleanReason::OnlineHung => "bringing it online did not end in time",
            CleanReason::OnlineIneffective => "it was brought online and does not run",
            CleanReason::UnexpectedOffline => "it went down by itself",
            CleanReason::MonitorHung => "its monitor does not end",
        })
    }
}

impl Display for LeaveReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            LeaveReason::Fault => f.write_str("it failed there"),
            LeaveReason::Offline => f.write_str("it is to be offline"),
            LeaveReason::Drain(to) => write!(f, "it is drained; to {to}"),
            LeaveReason::Park => f.write_str("it is shut down; until it is back"),
            LeaveReason::Return(to) => write!(f, "it goes back to {to}, which is no longer drained"),
            LeaveReason::Failback(to) => write!(f, "it goes back to {to}, which it prefers"),
            LeaveReason::Evicted(by) => write!(f, "group {by} is more important and needs its room"),
            LeaveReason::OnPurpose => f.write_str("all that it has was stopped on purpose"),
            LeaveReason::NodeOff(node) => write!(f, "a part of it lived inside node {node}, which is off"),
            LeaveReason::Switch(to) => write!(f, "it is to run on {to}"),
            LeaveReason::Service(service) => write!(f, "service {service} is to be offline"),
            LeaveReason::Unmet { child, need: Need::OnlineLocal } => write!(f, "group {child} is not online there"),
            LeaveReason::Unmet { child, need: Need::OnlineGlobal } => write!(f, "group {child} is not online"),
            LeaveReason::Unmet { child, need: Need::OnlineRemote } => {
                write!(f, "group {child} is not online on another server")
            }
            LeaveReason::Unmet { child, need: Need::OfflineLocal } => write!(f, "group {child} takes the server"),
            LeaveReason::Follow { child, to } => write!(f, "it follows group {child} to {to}"),
            LeaveReason::ParentFaulted { parent, to } => {
                write!(f, "group {parent} failed there, and both can run on {to}")
            }
            LeaveReason::TierReturned { service } => {
                write!(f, "it is restarted: the tier below it in service {service} is online again")
            }
        }
    }
}

impl Display for Proof {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Proof::ReadOff { since, undefined } if undefined.is_empty() => {
                write!(f, "every resource read Off after log index {since}")
            }
            Proof::ReadOff { since, undefined } => {
                write!(f, "every resource read Off after log index {since}, but {} not defined there", join(undefined))
            }
            Proof::ServerOff(how) => write!(f, "the server is off, {how}"),
            Proof::NodeOff { node, how } => write!(f, "node {node} is off, {how}"),
        }
    }
}

impl Display for NodeOffHow {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            NodeOffHow::ReadOff { since } => write!(f, "its LPAR read Off after log index {since}"),
            NodeOffHow::Fenced { order, by } => write!(f, "its LPAR cut off and read back by {by} (order {order})"),
            NodeOffHow::Watchdog { after } => {
                write!(f, "its watchdog resets it {after} after its last lease, and that has passed")
            }
            NodeOffHow::Server => f.write_str("its server was off, and it has not been heard since"),
            NodeOffHow::Operator { name } => write!(f, "asserted by operator {name}"),
        }
    }
}

impl Display for OffHow {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            OffHow::Fenced { order, by } => write!(f, "powered off and read back by {by} (order {order})"),
            OffHow::Operator { name } => write!(f, "asserted by operator {name}"),
        }
    }
}

impl Display for Conflict {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let places: Vec<String> =
            self.active.iter().map(|(server, resources)| format!("{} on {server}", join(resources))).collect();
        f.write_str(&places.join(" and "))
    }
}

impl Display for NotHere {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            NotHere::Faulted => f.write_str("faulted there"),
            NotHere::ProvenOff => f.write_str("proven off"),
            NotHere::Dirty => f.write_str("dirty"),
            NotHere::NotReady(SystemState::NoWitness) => f.write_str("no manager answers"),
            NotHere::NotReady(state) => write!(f, "reads {state}"),
            NotHere::Unread => f.write_str("not read yet"),
            NotHere::NobodyWatches => f.write_str("no node watches it"),
            NotHere::NodeDown { node } => write!(f, "its node {node} is not there"),
            NotHere::NotDefined { resource } => write!(f, "{resource} is not defined there"),
            NotHere::NotReadOff { resource, power } => write!(f, "{resource} reads {power} there"),
            NotHere::ViosDown { resource } => write!(f, "all VIO servers of {resource} are down"),
            NotHere::PersistentDown { resource } => write!(f, "{resource} is down there"),
            NotHere::FailoverOff { from } => write!(f, "it failed on {from} and is not to fail over"),
            NotHere::OtherZone { from } => write!(f, "in another zone than {from}"),
            NotHere::NoMemory { need, free } => write!(f, "needs {need} MiB, {free} MiB free"),
            NotHere::NoProcessors { need, free } => write!(
                f,
                "needs {} processing units, {} free",
                crate::config::hundredths(*need),
                crate::config::hundredths(*free)
            ),
            NotHere::Draining => f.write_str("drained"),
            NotHere::ServerFrozen => f.write_str("frozen"),
            NotHere::Quarantined { .. } => f.write_str("in quarantine"),
            NotHere::Rule { rule, with: Some(with) } => write!(f, "rule {rule}, because of group {with}"),
            NotHere::Rule { rule, with: None } => write!(f, "rule {rule}"),
            NotHere::Limit { limit, need, free } => write!(f, "needs {need} of {limit}, {free} left"),
            NotHere::NotBrought { resource, from, system } => {
                write!(f, "{resource} is defined on {from}, which reads {system}, and cannot be brought from there")
            }
            NotHere::StillDefined { resource } => write!(f, "{resource} is defined there already"),
            NotHere::NotListed => f.write_str("not in its system list"),
            NotHere::Link { child, need: Need::OnlineLocal } => write!(f, "group {child} is not online there"),
            NotHere::Link { child, need: Need::OnlineGlobal } => write!(f, "group {child} is not online"),
            NotHere::Link { child, need: Need::OnlineRemote } => {
                write!(f, "group {child} is not online on another server")
            }
            NotHere::Link { child, need: Need::OfflineLocal } => write!(f, "group {child} is there"),
        }
    }
}

impl Display for Wait {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Wait::Probe { servers } => write!(f, "{} must be checked before anything is started", join(servers)),
            Wait::NoTarget { why } => write!(f, "no server can take it: {}", whys(why)),
            Wait::NoProof { server, system } => write!(
                f,
                "nothing proves that {server} is off ({}); see the server, then `tenure fence confirm {server}`",
                says(*system)
            ),
            Wait::Fencing { server } => write!(f, "{server} is being powered off for certain"),
            Wait::NodeSilent { resource, server, node, lpar: Power::Unknown } => write!(
                f,
                "{resource} lives inside node {node} on {server}, which is silent, and nothing proves it off; see the node, \
                 then `tenure fence confirm-node {node}`"
            ),
            Wait::NodeSilent { resource, server, node, lpar } => {
                write!(f, "{resource} lives inside node {node} on {server}, which is silent; its LPAR reads {lpar}")
            }
            Wait::NodeFencing { node, server } => write!(f, "the LPAR of node {node} on {server} is being cut off"),
            Wait::Watchdog { node, server, .. } => {
                write!(f, "node {node} on {server} is silent, and its watchdog may not have reset it yet")
            }
            Wait::Unwatched { server, system } => write!(f, "{server} cannot be watched now ({})", says(*system)),
            Wait::Settling { resource, server, .. } => {
                write!(f, "a start of {resource} on {server} may still take effect")
            }
            Wait::Orders { resources, server } => write!(f, "orders for {} on {server} are under way", join(resources)),
            Wait::Reading { resource, server } => write!(f, "{resource} on {server} must be read off once more"),
            Wait::Booting { resources, server, .. } => write!(f, "{} on {server} not Running yet", join(resources)),
            Wait::Stuck { resource, server, power } => {
                write!(f, "{resource} on {server} was ordered to stop and reads {power}; stopping it again")
            }
            Wait::Attention { resource, server } => {
                write!(
                    f,
                    "nobody can tell whether {resource} on {server} runs; look at it (an LPAR: its reference code)"
                )
            }
            Wait::Frozen { fault: None } => f.write_str("it is frozen"),
            Wait::Frozen { fault: Some(fault) } => write!(f, "it is frozen, though {fault}"),
            Wait::Queue { brake } => write!(f, "{brake}"),
            Wait::Storm => f.write_str("too many servers were lost at once; `tenure cluster resume`"),
            Wait::Disarmed { deed } => write!(f, "it should be {deed}, and the cluster is disarmed"),
            Wait::AutoDisabled { server } => {
                write!(f, "its server {server} went down and its policy is to wait; `tenure group enable`")
            }
            Wait::Parked { server } => {
                write!(f, "it was stopped for the shutdown of {server}, and starts when that is back")
            }
            Wait::Stays { server, why } => write!(f, "it stays on {server}, which is drained: {why}"),
            Wait::NotManaged => f.write_str("nothing; it is only watched (managed = false)"),
            Wait::Requires { resource, of, server } => {
                write!(f, "{resource} on {server} requires {}, not Running yet", join(of))
            }
            Wait::AdminWait { resource, server, reason } => {
                write!(f, "an administrator has to look at {resource} on {server}: {reason}")
            }
            Wait::Eviction { groups: less } => write!(f, "{} make room for it", groups(less)),
            Wait::Tolerance { servers, groups: left } => write!(
                f,
                "if it ran, the loss of {} would leave {} without a place (tolerance)",
                join(servers),
                groups(left)
            ),
            Wait::Flushed => f.write_str("it was flushed: nothing is ordered until the next request"),
            Wait::Hook { server } => {
                write!(f, "its preonline hook must say first whether it may be started on {server}")
            }
            Wait::Held => f.write_str("active where it has no tenure; stop the wrong copy at its manager"),
            Wait::Migrating { resource, from, to } => write!(f, "{resource} is on its way from {from} to {to}"),
            Wait::MoveSettling { resource, to, .. } => write!(f, "a move of {resource} to {to} may still begin"),
            Wait::Locating { servers } => write!(f, "{} must be read to tell where it is", join(servers)),
            Wait::MigrationStuck { resource, from, to } => write!(
                f,
                "{resource} should have moved from {from} to {to} by now; give it up with `tenure group abort GROUP`, or \
                 recover it at its manager"
            ),
            Wait::HalfMoved { resources, from, to } => write!(
                f,
                "{} on {to} could not be moved back to {from}; `tenure group migrate GROUP --to {to}` tries again to move \
                 the others, `tenure group abort GROUP` to move these back",
                join(resources)
            ),
            Wait::Child { child, unwanted: false } => write!(f, "group {child}, on which it depends, is not online"),
            Wait::Child { child, unwanted: true } => {
                write!(f, "group {child}, on which it depends, is to be offline; `tenure group online {child}`")
            }
            Wait::Parents { parents } => write!(f, "{} must have left first", groups(parents)),
            Wait::Below { service, groups: below } => {
                write!(f, "service {service} starts {} first", groups(below))
            }
            Wait::Above { groups: above } => write!(f, "the tiers above it stop first: {}", groups(above)),
            Wait::Apart { child, server, why } => {
                write!(f, "it cannot follow group {child} to {server} ({why})")
            }
        }
    }
}

impl Display for Need {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Need::OnlineLocal => "online on its own server",
            Need::OnlineGlobal => "online",
            Need::OnlineRemote => "online on another server",
            Need::OfflineLocal => "off its own server",
        })
    }
}

impl Display for Brake {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Brake::Starts { server, limit } => write!(f, "its turn to start on {server} ({limit} at once)"),
            Brake::Stops { server, limit } => write!(f, "its turn to stop on {server} ({limit} at once)"),
            Brake::Migrations { server, limit } => write!(f, "its turn to be moved at {server} ({limit} at once)"),
            Brake::Manager { manager, limit } => write!(f, "its turn at {manager} ({limit} orders at once)"),
            Brake::Moves { server } => write!(f, "its turn to leave {server}"),
        }
    }
}

impl Display for Stay {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Stay::Declared => f.write_str("evacuate = false"),
            Stay::Instance => f.write_str("it is the one that belongs there"),
            Stay::NotMoved => f.write_str("its move failed; move or switch it by hand"),
            Stay::Frozen => f.write_str("it is frozen"),
            Stay::Nowhere(why) => write!(f, "no server can take it: {}", whys(why)),
        }
    }
}

impl Display for Deed {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Deed::Place | Deed::Start => "started",
            Deed::Stop => "stopped",
            Deed::Leave => "moved",
            Deed::Fence => "moved once its server is powered off for certain",
        })
    }
}

impl Display for ClusterWait {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            ClusterWait::Disarmed => {
                f.write_str("DISARMED: nothing is started, stopped, moved or fenced; `tenure cluster arm`")
            }
            ClusterWait::Lockout { hmc, by, alone, why } => write!(
                f,
                "HMC {hmc} refuses {} ({by}: {why}); it is tried again now and then, at once with `tenure hmc retry {hmc}`",
                if *alone { "the login of one node" } else { "our login" }
            ),
            ClusterWait::Storm { servers } => write!(
                f,
                "STORM: {} lost at about the same time; nothing is started elsewhere; `tenure cluster resume`",
                join(servers)
            ),
        }
    }
}

impl Display for ServerWait {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            ServerWait::NoProof { node: Some(node), system } => {
                write!(f, "node {node} is silent and {}: no proof that the server is off", says(*system))
            }
            ServerWait::NoProof { node: None, system } => {
                write!(f, "{}: no proof that the server is off", says(*system))
            }
            ServerWait::Fencing => f.write_str("is being powered off and read back"),
            ServerWait::Disarmed { system } => {
                write!(f, "{}; it is not powered off for certain, as the cluster is disarmed", says(*system))
            }
            ServerWait::Draining { left: 0 } => {
                f.write_str("being drained; no group left, but something is active there")
            }
            ServerWait::Draining { left } => write!(f, "being drained; {} left", count(*left, "group")),
            ServerWait::DrainStuck { left, shutdown } => {
                let more = if *shutdown { "; do not power it off" } else { "" };
                write!(f, "not drained: {} cannot leave{more}", count(*left, "group"))
            }
            ServerWait::Drained { shutdown: true, .. } => f.write_str("drained; it may be powered off"),
            ServerWait::Drained { staying: 0, .. } => f.write_str("drained"),
            ServerWait::Drained { staying, .. } => {
                write!(f, "drained, but for {} meant to stay", count(*staying, "group"))
            }
            ServerWait::Cleaning { resources } if resources.is_empty() => {
                f.write_str("dirty: watching what starts there by itself")
            }
            ServerWait::Cleaning { resources } => {
                write!(f, "dirty: {} active there without a tenure; stopping what has none", join(resources))
            }
        }
    }
}

/// A mistake of the configuration as it is refused.
pub fn mistakes(found: &[Mistake]) -> String {
    found.iter().map(Mistake::to_string).collect::<Vec<_>>().join("; ")
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

fn whys<K: fmt::Display>(why: &std::collections::BTreeMap<K, NotHere>) -> String {
    why.iter().map(|(server, why)| format!("{server} ({why})")).collect::<Vec<_>>().join(", ")
}

fn count<N: Display + PartialEq + From<u8>>(number: N, what: &str) -> String {
    if number == N::from(1) { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn join<T: Display>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}

fn groups(names: &std::collections::BTreeSet<GroupName>) -> String {
    if names.len() == 1 { format!("group {}", join(names)) } else { format!("groups {}", join(names)) }
}
