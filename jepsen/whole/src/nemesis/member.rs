//! Membership changes: leadership transfers, and nodes that are removed and join again with a blank disk.

use super::Nemesis;
use crate::{
    cluster::Site,
    runtime::{Runtime, spawn_in},
    seat::Seat,
};
use openraft::async_runtime::AsyncRuntime;
use rand::RngExt;
use std::{sync::Arc, time::Duration};

/// Time limit of a membership change.
const CHANGE: Duration = Duration::from_secs(20);

impl Nemesis {
    pub(super) async fn hit_members(&mut self) {
        match self.roll(4) {
            0 | 1 => {
                let to = self.rng.random_range(0..self.site.seats.len());
                let to = self.site.seats[to].now().id;
                let Some((_, process, raft)) = self.site.leader() else { return };
                let moved = spawn_in(process, async move { raft.transfer_leader(to, CHANGE).await.is_ok() });
                if moved.await == Ok(true) {
                    self.site.counts.count("member: leadership handed over");
                }
            }
            2 => {
                let refused = self.site.seats.iter().find(|seat| seat.now().refused.is_some());
                if let Some(seat) = refused.cloned() {
                    rejoin(&self.site, &seat, 3).await;
                }
            }
            _ => {
                let all_well = self.site.seats.iter().all(|seat| seat.now().refused.is_none() && !seat.now().spoiled);
                let seat = Arc::clone(&self.site.seats[self.rng.random_range(0..self.site.seats.len())]);
                if all_well && self.site.seats.len() > 2 {
                    rejoin(&self.site, &seat, 2).await;
                }
            }
        }
    }
}

/// Removes a node, and lets it join again with a blank disk. `false` if that is incomplete.
pub async fn rejoin(site: &Arc<Site>, seat: &Arc<Seat>, attempts: usize) -> bool {
    site.trace.tell(format!("{} is to join anew", seat.name));
    let old = seat.now().id;
    if !again(site, attempts, move |raft| async move {
        // A leader does not remove itself: it would keep leading a cluster of which it is not a member.
        raft.status().id != old && raft.remove(old, CHANGE).await.is_ok()
    })
    .await
    {
        return false;
    }
    let Some((_, process, raft)) = site.leader() else { return false };
    let status = process.act(|| raft.status());
    let highest = status.members.all().map(|(id, _)| id).chain(status.last_log).max();
    let id = highest.unwrap_or_default().max(site.judge.tip().0).max(old) + 1;
    site.renew(seat, id);
    let peer = Site::peer(seat);
    let joined = again(site, attempts, move |raft| {
        let peer = peer.clone();
        async move {
            if raft.status().members.voters.contains_key(&id) {
                return true;
            }
            raft.add_learner(id, peer, CHANGE).await.is_ok() && raft.promote(id, CHANGE).await.is_ok()
        }
    });
    let joined = joined.await;
    if joined {
        site.counts.count("member: removed and joined anew");
        site.trace.tell(format!("{} has joined anew as {id}", seat.name));
    }
    joined
}

/// Makes all nodes voters, and nobody else: completes interrupted membership changes.
pub async fn complete(site: &Arc<Site>) {
    let Some((_, process, raft)) = site.leader() else { return };
    let status = process.act(|| raft.status());
    let seats: Vec<(u64, tenure_raft::Peer)> =
        site.seats.iter().map(|seat| (seat.now().id, Site::peer(seat))).collect();
    let known: Vec<u64> = status.members.all().map(|(id, _)| id).collect();
    for stranger in known.into_iter().filter(|id| seats.iter().all(|(seat, _)| seat != id) && *id != status.id) {
        again(site, 1, move |raft| async move { raft.remove(stranger, CHANGE).await.is_ok() }).await;
    }
    for (id, peer) in
        seats.into_iter().filter(|(id, _)| !status.members.voters.contains_key(id) || status.members.joint)
    {
        let joined = again(site, 1, move |raft| {
            let peer = peer.clone();
            async move { raft.add_learner(id, peer, CHANGE).await.is_ok() && raft.promote(id, CHANGE).await.is_ok() }
        });
        if joined.await {
            site.counts.count("member: half a change finished");
        }
    }
}

/// Repeats a request to the current leader until it succeeds, at most `attempts` times.
async fn again<F, W>(site: &Arc<Site>, attempts: usize, what: F) -> bool
where
    F: Fn(crate::seat::Raft) -> W,
    W: Future<Output = bool> + Send + 'static,
{
    for _ in 0..attempts {
        if let Some((_, process, raft)) = site.leader() {
            let asking = <Runtime as AsyncRuntime>::timeout(CHANGE * 3, spawn_in(process, what(raft)));
            if asking.await == Ok(Ok(true)) {
                return true;
            }
        }
        <Runtime as AsyncRuntime>::sleep(Duration::from_secs(1)).await;
    }
    false
}
