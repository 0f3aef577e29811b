//! Every wait must be explained: for a group that should be online and is not, the ledger has a reason, or an order
//! in progress.

use crate::{cluster::Site, hardware::now, judge::Judged};
use std::{collections::BTreeMap, time::Duration};
use tenure_core::{GroupName, Ledger, NodeName, ledger::Intent};

/// Time limit for a leader's explanation, in milliseconds of true time: readings come once in a few seconds.
const SILENCE: u64 = 60_000;
/// Maximum age of a quorum's answers for a leader to count.
const QUORUM: Duration = Duration::from_secs(2);

/// Time since which each group's wait is unexplained, under one leader.
#[derive(Default)]
pub struct Waits {
    leader: Option<(NodeName, u64)>,
    since: BTreeMap<GroupName, u64>,
}

impl Waits {
    /// Checks again, and accuses a leader that has not explained a wait in time.
    pub fn look(&mut self, site: &Site) {
        let decides = site.leader().and_then(|(seat, process, raft)| {
            let (status, ledger) = process.act(|| (raft.status(), raft.state(Judged::ledger)));
            let fresh = status.quorum_ack_age.is_some_and(|age| age < QUORUM);
            fresh.then(|| ((seat.name.clone(), status.term), ledger))
        });
        let (leader, ledger) = decides.map(|(leader, ledger)| (Some(leader), Some(ledger))).unwrap_or_default();
        if leader != self.leader {
            self.since.clear();
            self.leader = leader;
        }
        let silent = ledger.map(|ledger| unexplained(&ledger)).unwrap_or_default();
        self.since.retain(|group, _| silent.contains(group));
        for group in silent {
            let since = *self.since.entry(group.clone()).or_insert_with(now);
            if now() - since > SILENCE {
                site.judge.accuse(format!("group {group} is not online, and nothing says why"));
                self.since.remove(&group);
            }
        }
    }
}

/// Groups that should be online and are not, and for which the ledger, and so `tenure status`, gives no reason.
fn unexplained(ledger: &Ledger) -> Vec<GroupName> {
    if !ledger.standstills().is_empty() {
        return Vec::new();
    }
    let is_silent = |name: &GroupName| {
        let Some(group) = ledger.groups.get(name) else { return false };
        let phase = group.tenure.as_ref().map_or("vacant", |tenure| tenure.phase.word());
        let says = group.wait.is_some() || group.hold.is_some() || group.frozen;
        let busy =
            ledger.orders.values().any(|order| order.action.resource().is_some_and(|of| group.copies.contains_key(of)));
        group.intent == Intent::Online && phase != "online" && !says && !busy
    };
    ledger.groups.keys().filter(|name| is_silent(name)).cloned().collect()
}
