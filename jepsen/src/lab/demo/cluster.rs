//! Queries and requests to the cluster, sent to any node that answers.

use super::{
    story::{PATIENCE, Story, Told},
    timeline::Line,
};
use crate::world::{Change, LparKind, LparState};
use std::{collections::BTreeMap, future::Future, sync::PoisonError, time::Duration};
use tenure::api::{
    Client, ClientError, Read,
    wire::{ErrorKind, GroupStatus, GroupView, NodeRole, OutcomeView, ServerStatus, StatusView, Verb},
};
use tokio::time::{sleep, timeout};

/// Time limit for one node's status before the next one is asked.
const ANSWER: Duration = Duration::from_secs(2);
/// Pause between two queries.
const PAUSE: Duration = Duration::from_millis(120);
/// Pause between two attempts of a request.
const RETRY: Duration = Duration::from_millis(10);

/// Server and epoch of each group's tenure.
pub type Tenures = BTreeMap<String, (String, u64)>;

impl Story {
    /// The current status, confirmed by a quorum, from the first node that can give it.
    pub async fn status(&self) -> StatusView {
        loop {
            for (node, client) in self.in_order() {
                if let Ok(Ok(status)) = timeout(ANSWER, client.status(Read::Linearizable)).await {
                    *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = node.clone();
                    return status;
                }
            }
            sleep(PAUSE).await;
        }
    }

    /// Waits until `look` finds something in the status.
    pub async fn state<T>(&self, look: impl Fn(&StatusView) -> Option<T>) -> T {
        loop {
            if let Some(found) = look(&self.status().await) {
                return found;
            }
            sleep(PAUSE).await;
        }
    }

    /// The current tenures.
    pub async fn tenures(&self) -> Tenures {
        tenures(&self.status().await)
    }

    /// Makes a request until it is granted or refused. Retries have the same identity, so that it is applied once.
    pub async fn ask(&self, ask: Verb) -> Result<OutcomeView, ClientError> {
        self.ask_all(self.in_order().map(|(_, client)| client).collect(), ask).await
    }

    /// All nodes, the one that answered last first.
    fn in_order(&self) -> impl Iterator<Item = (&String, &Client)> {
        let last = self.answered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (before, from): (Vec<_>, Vec<_>) = self.clients.iter().partition(|(node, _)| **node < last);
        from.into_iter().chain(before)
    }

    /// The same, sent to some nodes only.
    pub async fn ask_all(&self, clients: Vec<&Client>, ask: Verb) -> Result<OutcomeView, ClientError> {
        let id = Client::request_id();
        loop {
            for client in &clients {
                match client.request(id, ask.clone()).await {
                    Ok(outcome) => return Ok(outcome),
                    Err(error) if matches!(error.kind(), ErrorKind::Refused | ErrorKind::Usage) => return Err(error),
                    Err(_) => sleep(RETRY).await,
                }
            }
        }
    }

    /// An operator's request that must be granted.
    pub async fn operator(&self, ask: Verb) -> Told<OutcomeView> {
        let words = format!("tenure {}", ask.typed());
        self.did(format!("operator: {words}"));
        match timeout(PATIENCE, self.ask(ask)).await {
            Ok(result) => self.must(&words, result),
            Err(_) => self.expect(words, Duration::ZERO, std::future::pending()).await,
        }
    }

    /// Makes a node the leader.
    pub async fn lead(&self, node: &str) -> Told {
        if self.status().await.leader.as_deref() == Some(node) {
            return self.check(format!("{node} leads"), Ok(()));
        }
        self.did(format!("operator: tenure leader transfer {node}"));
        for (_, client) in self.in_order() {
            // Whether the request was accepted shows below.
            if client.transfer_leader(Some(node)).await.is_ok() {
                break;
            }
        }
        let leads = self.state(|status| (status.leader.as_deref() == Some(node)).then_some(()));
        self.expect(format!("{node} leads"), PATIENCE, leads).await
    }

    /// Switches every group to the first server of its list.
    pub async fn go_home(&self) -> Told {
        let status = self.status().await;
        for group in &status.groups {
            let Some(home) = group.system_list.first().filter(|home| Some(*home) != group.server.as_ref()) else {
                continue;
            };
            self.operator(Verb::Switch { group: group.name.as_str().into(), server: home.as_str().into() }).await?;
        }
        let home = self.state(|status| {
            let home = |group: &GroupView| {
                group.state == GroupStatus::Online && group.server.as_ref() == group.system_list.first()
            };
            status.groups.iter().all(home).then_some(())
        });
        self.expect("every group is online on the first server of its list", PATIENCE, home).await
    }

    /// Lets a server out of quarantine, if the demo has lost it so often that it is in one.
    pub async fn release(&self, server: &str) -> Told {
        let status = self.status().await;
        if status.servers.iter().any(|one| one.name == server && one.quarantine.is_some()) {
            self.operator(Verb::ReleaseServer { server: server.into() }).await?;
        }
        Ok(())
    }

    /// Waits until a node has applied all committed entries.
    pub async fn caught_up(&self, node: &str) {
        let Some(client) = self.clients.get(node) else { return };
        loop {
            let all = self.status().await.index;
            if client.status(Read::Stale).await.is_ok_and(|own| own.index >= all) {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    /// Waits until groups run elsewhere than on `server`: each online, every LPAR Running. Returns their new servers.
    pub fn online_elsewhere<'a>(&'a self, groups: &'a [String], server: &'a str) -> impl Future<Output = Tenures> + 'a {
        self.state(move |status| {
            let now = tenures(status);
            let moved = |name: &&String| {
                let group = status.groups.iter().find(|group| group.name == **name);
                group.is_some_and(|group| group.state == GroupStatus::Online && group.server.as_deref() != Some(server))
            };
            (groups.iter().filter(moved).count() == groups.len()).then_some(now)
        })
    }

    /// Fails if anything has moved since a cursor: no tenure may have begun or ended, and no LPAR may have been
    /// started except those in `but`, on their servers.
    pub fn nothing_moved(&self, cursor: usize, but: &[(&str, &str)]) -> Result<(), String> {
        let moved: Vec<String> = self.timeline.since(cursor).iter().filter_map(|line| self.moves(line, but)).collect();
        if moved.is_empty() { Ok(()) } else { Err(moved.join("; ")) }
    }

    fn moves(&self, line: &Line, but: &[(&str, &str)]) -> Option<String> {
        if let Some(record) = line.note() {
            let moving =
                matches!(record.kind.as_str(), "granted" | "adopted" | "vacated" | "leaving" | "faulted" | "held");
            return moving.then(|| record.text.clone());
        }
        let Change::Lpar { server, lpar, state: LparState::Starting, .. } = *line.change()? else { return None };
        self.world(|world| {
            let (server, spec) = (world.server_name(server), world.lpar_spec(lpar));
            let meant = spec.kind != LparKind::Client || but.contains(&(spec.name.as_str(), server));
            (!meant).then(|| format!("{} was started on {server}", spec.name))
        })
    }
}

/// The tenures in a status.
pub fn tenures(status: &StatusView) -> Tenures {
    let tenure = |group: &GroupView| Some((group.name.clone(), (group.server.clone()?, group.epoch?)));
    status.groups.iter().filter_map(tenure).collect()
}

/// Groups with a tenure on a server, the most important first.
pub fn groups_on(status: &StatusView, server: &str) -> Vec<String> {
    let here = status.groups.iter().filter(|group| group.server.as_deref() == Some(server));
    here.map(|group| group.name.clone()).collect()
}

/// The reason why a cluster is not at rest; `None` if it is.
pub fn unrest(status: &StatusView) -> Option<String> {
    if status.leader.is_none() {
        return Some("nobody leads".to_owned());
    }
    if let Some(node) = status.nodes.iter().find(|node| node.lapsed.is_some() || node.role == NodeRole::Absent) {
        return Some(format!("node {} is silent", node.name));
    }
    if let Some(server) = status.servers.iter().find(|server| server.state != ServerStatus::Ready || server.surrogate) {
        return Some(format!("server {} is {}", server.name, server.state));
    }
    if let Some(wait) = status.waits.first() {
        return Some(format!("{} {} waits: {}", wait.what, wait.name, wait.text));
    }
    if let Some(group) =
        status.groups.iter().find(|group| group.state != GroupStatus::Online || !group.faults.is_empty())
    {
        return Some(format!("group {} is {}", group.name, group.state));
    }
    status.orders.first().map(|order| format!("{} on {} is under way", order.what, order.server))
}
