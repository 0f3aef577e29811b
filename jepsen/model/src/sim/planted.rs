//! Bugs that are put in on purpose, about what lives inside nodes. None of them lives in the product: each changes what the
//! simulation does as a node, or rewrites the ledger after an entry as if a check in it were missing.

use tenure_core::{Command, Entry, Ledger, NodeName, Span, Time, command::Request};

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A node whose lease has ended counts as off.
    SilenceAsProof,
    /// The time that a watchdog needs is counted from when its node was last heard, and not from the end of its last lease.
    WatchdogFromSilence,
    /// A node's LPAR counts as its own though the node has read it off itself.
    OtherLparAsOwn,
    /// What a node has read of one LPAR is believed of another one that is declared later.
    OwnForEver,
    /// What a node said of its watchdog counts under every configuration.
    WatchdogForEver,
    /// A node's LPAR is reported cut off because the command was sent.
    FenceNotReadBack,
    /// A node feeds its watchdog without a lease, whatever runs inside it.
    FedWithoutLease,
    /// A process that is started anew feeds the watchdog first.
    FedByNewProcess,
}

impl Bug {
    /// Each, with the scenario that finds it.
    pub const ALL: [(Bug, &'static str); 8] = [
        (Bug::SilenceAsProof, "inside/slow_stop.txt"),
        (Bug::WatchdogFromSilence, "inside/watchdog_slow_stop.txt"),
        (Bug::OtherLparAsOwn, "inside/wrong_lpar.txt"),
        (Bug::OwnForEver, "inside/other_lpar_declared.txt"),
        (Bug::WatchdogForEver, "inside/watchdog_longer.txt"),
        (Bug::FenceNotReadBack, "inside/fence_lost.txt"),
        (Bug::FedWithoutLease, "inside/watchdog_slow_stop.txt"),
        (Bug::FedByNewProcess, "inside/watchdog_new_process.txt"),
    ];

    /// Rewrites the ledger after an entry.
    pub(super) fn tamper(self, before: &Ledger, after: &mut Ledger, entry: &Entry) {
        let configured =
            entry.commands.iter().any(|command| matches!(command, Command::Request(Request::Configure { .. })));
        let names: Vec<NodeName> = after.nodes.keys().cloned().collect();
        let now = after.now;
        for name in names {
            let Some(was) = before.nodes.get(&name).cloned() else { continue };
            let Some(node) = after.nodes.get_mut(&name) else { continue };
            let lapses = was.lapsed.is_none() && node.lapsed.is_some();
            match self {
                Bug::SilenceAsProof if lapses => {
                    // A proof of whatever kind: nobody looks at it again.
                    node.watchdog = Some(Span(0));
                    node.lapsed = Some(Time(0));
                }
                Bug::WatchdogFromSilence if lapses => {
                    let timings = &after.config.timings;
                    let silent = timings.lease.plus(timings.suspect);
                    let margins = timings.lease.plus(Span::seconds(3));
                    node.lapsed = Some(Time(now.0.saturating_sub(silent.plus(margins).0)));
                }
                Bug::OtherLparAsOwn => node.known |= node.met,
                Bug::OwnForEver if configured => node.known = was.known,
                Bug::WatchdogForEver if configured => node.watchdog = was.watchdog,
                Bug::SilenceAsProof
                | Bug::WatchdogFromSilence
                | Bug::OwnForEver
                | Bug::WatchdogForEver
                | Bug::FenceNotReadBack
                | Bug::FedWithoutLease
                | Bug::FedByNewProcess => {}
            }
        }
    }
}
