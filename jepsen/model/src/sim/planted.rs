//! Planted bugs, about resources inside nodes and readings of LPARs. None of them is in the product: each changes
//! what the simulation does as a node, or rewrites the ledger after an entry as if a check in it were missing.

use std::sync::Arc;
use tenure_core::{
    Action, Command, Entry, Ledger, NodeName, Power, Span, Time,
    command::Request,
    ledger::{Leases, NodeState},
};

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A node whose lease has ended counts as off.
    SilenceAsProof,
    /// The timeout of a watchdog is counted from when its node was last heard, instead of from the end of its last
    /// lease.
    WatchdogFromSilence,
    /// The declared LPAR counts as the node's own though the running node has read it off.
    OtherLparAsOwn,
    /// A node's reading of its own LPAR counts for another LPAR that is declared later.
    OwnForEver,
    /// A node's statement about its watchdog stays valid under a new configuration.
    WatchdogForEver,
    /// A node's LPAR is reported cut off because the command was sent.
    FenceNotReadBack,
    /// A node feeds its watchdog without a lease, whatever runs inside it.
    FedWithoutLease,
    /// A restarted process feeds the watchdog first.
    FedByNewProcess,
    /// A service processor that has lost its partition data is believed.
    RecoveryAsOperating,
    /// An LPAR that is no longer listed counts as not defined.
    MissingAsAbsent,
    /// LPARs are identified by name only.
    UuidForgotten,
    /// The LPAR of a node is identified by name only.
    NodeByName,
    /// A node's readings of other servers for its order are not recorded.
    SeenForgotten,
    /// A start need not read any server that was read off at the time of its order (bar 3).
    EverythingExcused,
    /// A panicked LPAR counts as off.
    ErrorAsOff,
    /// The link to a server's hypervisor is ignored.
    VmiIgnored,
    /// Leases use a clock that stands still while a machine is suspended.
    ClockStandsStill,
    /// A plan is proposed as it was made, whatever has happened since it began.
    OldPlan,
}

impl Bug {
    /// All bugs, each with the scenario that finds it.
    pub const ALL: [(Bug, &'static str); 18] = [
        (Bug::SilenceAsProof, "inside/slow_stop.txt"),
        (Bug::WatchdogFromSilence, "inside/watchdog_slow_stop.txt"),
        (Bug::OtherLparAsOwn, "inside/wrong_lpar.txt"),
        (Bug::OwnForEver, "inside/other_lpar_declared.txt"),
        (Bug::WatchdogForEver, "inside/watchdog_longer.txt"),
        (Bug::FenceNotReadBack, "inside/fence_lost.txt"),
        (Bug::FedWithoutLease, "inside/watchdog_slow_stop.txt"),
        (Bug::FedByNewProcess, "inside/watchdog_new_process.txt"),
        (Bug::RecoveryAsOperating, "promise/recovery-old-list.txt"),
        (Bug::MissingAsAbsent, "promise/line-gone-standby.txt"),
        (Bug::UuidForgotten, "promise/renamed-and-replaced.txt"),
        (Bug::NodeByName, "inside/lpar_replaced.txt"),
        (Bug::SeenForgotten, "promise/last-bar-forgotten.txt"),
        (Bug::EverythingExcused, "promise/cannot-be-read.txt"),
        (Bug::ErrorAsOff, "promise/panic-and-fault.txt"),
        (Bug::VmiIgnored, "promise/vmi-lost.txt"),
        (Bug::ClockStandsStill, "late/suspended.txt"),
        (Bug::OldPlan, "late/slow_plan.txt"),
    ];

    /// Rewrites the ledger after an entry.
    pub(super) fn tamper(self, before: &Ledger, after: &mut Ledger, entry: &Entry) {
        self.tamper_copies(before, after, entry);
        let configured =
            entry.commands.iter().any(|command| matches!(command, Command::Request(Request::Configure { .. })));
        let names: Vec<NodeName> = after.nodes.keys().cloned().collect();
        let now = after.now;
        for name in names {
            let Some(was) = before.nodes.get(&name).cloned() else { continue };
            let Some(node) = after.nodes.get_mut(&name) else { continue };
            let lapses = was.lapsed().is_none() && node.lapsed().is_some();
            match self {
                Bug::SilenceAsProof if lapses => {
                    // Stands for any kind of proof: nothing examines it again.
                    node.watchdog = Some(Span(0));
                    set_lapsed(node, Time(0));
                }
                Bug::WatchdogFromSilence if lapses => {
                    let timings = &after.config.timings;
                    let silent = timings.lease.plus(timings.suspect);
                    let margins = timings.lease.plus(Span::seconds(3));
                    set_lapsed(node, Time(now.0.saturating_sub(silent.plus(margins).0)));
                }
                Bug::OtherLparAsOwn => node.known |= node.met,
                Bug::NodeByName => node.lpar = None,
                Bug::OwnForEver if configured => node.known = was.known,
                Bug::WatchdogForEver if configured => node.watchdog = was.watchdog,
                Bug::RecoveryAsOperating
                | Bug::MissingAsAbsent
                | Bug::UuidForgotten
                | Bug::SeenForgotten
                | Bug::EverythingExcused
                | Bug::ErrorAsOff
                | Bug::VmiIgnored
                | Bug::ClockStandsStill
                | Bug::OldPlan
                | Bug::SilenceAsProof
                | Bug::WatchdogFromSilence
                | Bug::OwnForEver
                | Bug::WatchdogForEver
                | Bug::FenceNotReadBack
                | Bug::FedWithoutLease
                | Bug::FedByNewProcess => {}
            }
        }
    }

    /// The same for bugs about readings of LPARs.
    fn tamper_copies(self, before: &Ledger, after: &mut Ledger, entry: &Entry) {
        if self == Bug::EverythingExcused {
            for order in after.orders.values_mut() {
                let Action::Start { group, vouched, .. } = &mut order.action else { continue };
                let listed = after.config.groups.get(group).map(|group| group.servers.clone()).unwrap_or_default();
                vouched.extend(listed.into_iter().filter(|server| *server != order.server));
            }
        }
        let of = entry.commands.iter().find_map(|command| {
            let Command::Report(report) = command else { return None };
            before.orders.get(&report.order).map(|order| order.server.clone())
        });
        for (name, group) in &mut after.groups {
            for (resource, copies) in &mut Arc::make_mut(group).copies {
                for (server, copy) in copies {
                    let was = before.groups.get(name).and_then(|group| group.copies.get(resource)?.get(server));
                    match (self, was) {
                        (Bug::MissingAsAbsent, _) => {
                            copy.power = if copy.power == Power::Missing { Power::Absent } else { copy.power };
                            copy.listed = None;
                        }
                        (Bug::UuidForgotten, _) => copy.uuid = None,
                        (Bug::SeenForgotten, Some(was)) if of.as_ref().is_some_and(|of| of != server) => {
                            *copy = was.clone();
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

/// Changes the time of the lapse.
fn set_lapsed(node: &mut NodeState, since: Time) {
    if let Leases::Lapsed { at, .. } | Leases::Off { at, .. } = &mut node.leases {
        *at = since;
    }
}
