//! Repair of everything, and the definition of rest.

use crate::{
    cluster::Site,
    judge::Judged,
    nemesis::{Nemesis, complete, rejoin},
    operators::Operators,
    runtime::Runtime,
};
use openraft::async_runtime::AsyncRuntime;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tenure_core::{GroupName, Ledger, Verb, ledger::Intent, note::Wait};

/// Maximum time for everything to come to rest.
pub const PATIENCE: Duration = Duration::from_secs(1_200);
/// Interval of the operators' repairs, in milliseconds.
const ROUND: u64 = 60_000;

/// Repairs everything and waits for rest; returns the time that it took, or the remaining deviations.
pub async fn mend(site: &Arc<Site>, nemesis: &mut Nemesis, operators: &Operators) -> Result<Duration, Vec<String>> {
    let began = crate::hardware::now();
    site.trace.tell("everything is mended");
    let (mut last, mut restless) = (None, Vec::new());
    while crate::hardware::now() - began < u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX) {
        mend_nodes(site);
        if last.is_none_or(|last| crate::hardware::now() - last >= ROUND) {
            nemesis.clear_homes();
            nemesis.mend_world();
            for seat in site.seats.iter().filter(|seat| seat.now().refused.is_some()) {
                rejoin(site, seat, 2).await;
            }
            complete(site).await;
            if last.is_some() {
                put_right(site, operators).await;
            }
            last = Some(crate::hardware::now());
        }
        <Runtime as AsyncRuntime>::sleep(Duration::from_secs(5)).await;
        restless = moving(site);
        if restless.is_empty() || site.judge.is_wrong() {
            return Ok(Duration::from_millis(crate::hardware::now() - began));
        }
    }
    Err(restless)
}

fn mend_nodes(site: &Arc<Site>) {
    site.net.heal();
    for seat in &site.seats {
        let disk = seat.now().disk;
        disk.fill(false);
        disk.slow(Duration::ZERO);
        seat.with(|state| {
            (state.wanted, state.paused, state.suspended, state.blind) = (true, false, false, false);
            if state.refused.as_deref() == Some("it is there twice") {
                state.refused = None;
            }
        });
        site.hold(seat);
        seat.changed.notify_one();
    }
}

/// Makes the requests that are left to operators.
async fn put_right(site: &Arc<Site>, operators: &Operators) {
    let Some((seat, process, raft)) = site.leader() else { return };
    let ledger = process.act(|| raft.state(Judged::ledger));
    let mut requests = vec![Verb::Arm, Verb::Resume];
    for server in ledger.servers.keys() {
        requests.push(Verb::UnfreezeServer { server: server.clone() });
        requests.push(Verb::ReleaseServer { server: server.clone() });
        requests.push(Verb::Undrain { server: server.clone(), bring_back: false });
    }
    for (group, state) in &ledger.groups {
        requests.push(Verb::Unfreeze { group: group.clone() });
        // `tenure status` asks for this when a move is stuck.
        if matches!(state.wait, Some(Wait::MigrationStuck { .. })) {
            requests.push(Verb::AbortMigration { group: group.clone() });
        }
        requests.push(Verb::Clear { group: group.clone(), server: None });
        requests.push(Verb::ClearAdminWait { group: group.clone(), fault: false });
        if !is_online(&ledger, group) || state.intent != Intent::Online {
            requests.push(Verb::Online { group: group.clone(), server: None, propagate: true });
        }
    }
    for request in requests {
        operators.request(site, &seat, request).await;
    }
}

fn is_online(ledger: &Ledger, group: &GroupName) -> bool {
    let state = ledger.groups.get(group);
    state.and_then(|state| state.tenure.as_ref()).is_some_and(|tenure| tenure.phase.word() == "online")
}

/// Whether no group is anywhere, and nothing is under way, as the leader knows it.
pub fn is_all_down(site: &Arc<Site>) -> bool {
    let Some((_, process, raft)) = site.leader() else { return false };
    let ledger = process.act(|| raft.state(Judged::ledger));
    ledger.orders.is_empty() && ledger.groups.values().all(|group| group.tenure.is_none())
}

/// The deviations from rest.
pub fn moving(site: &Arc<Site>) -> Vec<String> {
    let mut found = Vec::new();
    let (mut ledgers, mut indexes) = (Vec::new(), BTreeSet::new());
    for seat in &site.seats {
        let Some((process, raft)) = seat.running() else {
            let state = seat.now();
            found.push(format!("node {} does not run: {:?}, {:?}", seat.name, state.guest, state.refused));
            continue;
        };
        let (status, ledger) = process.act(|| (raft.status(), raft.state(Judged::ledger)));
        if status.leader.is_none() {
            found.push(format!("node {} knows no leader", seat.name));
        }
        if !status.members.voters.contains_key(&status.id)
            || status.members.joint
            || status.members.voters.len() != site.seats.len()
        {
            found.push(format!("node {} does not vote among all", seat.name));
        }
        indexes.insert(ledger.index);
        ledgers.push(ledger);
    }
    if indexes.len() > 1 {
        found.push(format!("nodes have applied the log up to {indexes:?}"));
    }
    let Some(ledger) = ledgers.into_iter().max_by_key(|ledger| ledger.index) else { return found };
    if !ledger.orders.is_empty() {
        found.push(format!("{} orders are under way", ledger.orders.len()));
    }
    for (name, group) in &ledger.groups {
        if !is_online(&ledger, name) {
            let why = group.wait.as_ref().map(ToString::to_string);
            found.push(format!("group {name} is not online: {why:?}, hold {:?}", group.hold));
        } else if let Some(why) = &group.wait {
            found.push(format!("group {name} waits: {why}"));
        }
    }
    found.extend(misplaced(site, &ledger));
    found
}

/// Resources that are not active on the server of their tenure, or also elsewhere.
fn misplaced(site: &Arc<Site>, ledger: &Ledger) -> Vec<String> {
    let mut found = Vec::new();
    for (name, group) in &ledger.groups {
        let Some(tenure) = &group.tenure else { continue };
        for resource in group.copies.keys() {
            let places: Vec<String> = match ledger.config.lpar(resource) {
                Some(lpar) => site.hardware.with(|world| {
                    let id = world.lpar(&lpar.partition);
                    let active = id.map(|id| world.active_on(id)).unwrap_or_default();
                    active.into_iter().map(|server| world.server_name(server).to_owned()).collect()
                }),
                None => {
                    let places = site.hardware.ours(resource, Some(&tenure.server));
                    places.into_iter().map(|server| server.to_string()).collect()
                }
            };
            if places != [tenure.server.to_string()] {
                found.push(format!("group {name}: {resource} is active on {places:?} and not on {}", tenure.server));
            }
        }
    }
    found
}
