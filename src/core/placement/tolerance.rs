//! Tolerance: whether all that is online would still have a place after the loss of so many servers.
//!
//! It is proven when a configuration is applied and when a group is started that did not run before; a failover is
//! never held up by it. Groups with a single server, and those that do not fail over, are left out.

use crate::{
    GroupName, Ledger, Refusal, Request, ServerName,
    config::{Failover, ServerDown},
    ledger::{GroupState, Intent},
    placement::engine::{Door, Lost, place, survive},
    placement::{Frame, SEARCH_BUDGET, Wish},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Maximum number of steps of a proof.
const PROOF_BUDGET: u64 = 1_000_000;

/// A loss that would leave a group without a place, or that could not be proven not to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weakness {
    /// The servers that would be lost; none if a group has no place even without a loss.
    pub servers: BTreeSet<ServerName>,
    /// The groups that would have no place; none if the proof ran out of steps.
    pub groups: BTreeSet<GroupName>,
}

/// The first loss that the cluster should tolerate and does not, supposing that all groups run that are to be online.
/// `None` if there is none, or if no tolerance is configured.
pub fn weakness(ledger: &Ledger) -> Option<Weakness> {
    find(ledger, true)
}

/// The same, for groups that hold a tenure now.
pub(crate) fn weakness_now(ledger: &Ledger) -> Option<Weakness> {
    find(ledger, false)
}

fn find(ledger: &Ledger, waiting: bool) -> Option<Weakness> {
    let asked = &ledger.config.tolerance;
    if asked.servers == 0 {
        return None;
    }
    let mut frame = Frame::new(ledger, |_| Door::Open);
    for (name, group) in &ledger.groups {
        let Some(places) = places(ledger, name, group) else { continue };
        if group.tenure.is_some() {
            frame.add_running(name, group, &places, false);
        } else if waiting && group.intent == Intent::Online {
            let wish = Wish { candidates: places, ..Wish::default() };
            frame.add_waiting(name, group, &wish);
        }
    }
    frame.bind();
    let named = |frame: &Frame<'_>, items: &[usize]| -> BTreeSet<GroupName> {
        items.iter().filter_map(|item| frame.groups.get(*item).cloned()).collect()
    };
    let placement = place(&frame.problem, SEARCH_BUDGET);
    let left_out: Vec<usize> = placement.left_out().collect();
    if !left_out.is_empty() {
        return Some(Weakness { servers: BTreeSet::new(), groups: named(&frame, &left_out) });
    }
    for (item, server) in placement.placed().collect::<Vec<_>>() {
        if let Some(item) = frame.problem.items.get_mut(item) {
            item.at = vec![server];
        }
    }
    let servers = usize::try_from(asked.servers).unwrap_or(usize::MAX);
    let lost = Lost { servers, one_zone: asked.within_zone, most: 1 };
    let proof = survive(&frame.problem, lost, PROOF_BUDGET);
    let rooms =
        |rooms: &[usize]| rooms.iter().filter_map(|room| frame.servers.get(*room)).map(|s| (*s).clone()).collect();
    match (proof.losses.first(), &proof.undecided) {
        (Some(loss), _) => Some(Weakness { servers: rooms(&loss.servers), groups: named(&frame, &loss.left_out) }),
        (None, Some(undecided)) => Some(Weakness { servers: rooms(undecided), groups: BTreeSet::new() }),
        (None, None) => None,
    }
}

/// Whether tolerance lets a request be proposed. A configuration is refused if the proof fails under it, unless it
/// failed before and the tolerance stays the same.
///
/// # Errors
/// [`Refusal::Intolerable`], unless the configuration says to warn only.
pub fn admit(ledger: &Ledger, request: &Request) -> Result<(), Refusal> {
    let Request::Configure { cluster, .. } = request else { return Ok(()) };
    if cluster.tolerance.servers == 0 || cluster.tolerance.warn {
        return Ok(());
    }
    let mut trial = ledger.scratch();
    trial.try_request(request)?;
    let before = if ledger.config.tolerance == cluster.tolerance { weakness(ledger) } else { None };
    match weakness(&trial) {
        Some(weakness) if before.is_none() => Err(Refusal::Intolerable { weakness }),
        Some(_) | None => Ok(()),
    }
}

/// The servers on which a group could run as far as is known; `None` if the proof leaves it out.
fn places(ledger: &Ledger, name: &GroupName, group: &GroupState) -> Option<Vec<ServerName>> {
    let declared = ledger.config.groups.get(name)?;
    let moves = declared.failover != Failover::Never && declared.server_down != ServerDown::Hold;
    if !moves || declared.servers.len() < 2 || !declared.managed {
        return None;
    }
    let usable = |server: &&ServerName| {
        let open = ledger.servers.get(*server).is_none_or(|state| state.off.is_none() && state.closed().is_none());
        open && !group.faults.contains_key(*server)
    };
    Some(declared.servers.iter().filter(usable).cloned().collect())
}
