//! Clients that freeze and unfreeze groups, remember acknowledged changes, and find them again.

use super::nodes::{Cluster, commit, until};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tenure::api::{Client, Read};
use tenure_core::{GroupName, RequestId, Verb};
use tokio::task::JoinHandle;

/// A change that a node acknowledged.
#[derive(Clone, Debug)]
pub struct Write {
    pub id: RequestId,
    pub ask: Verb,
    pub index: u64,
    /// Number of times that it was sent until it was acknowledged.
    pub sent: u32,
}

/// A load that runs until it is ended.
pub struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<Write>>>,
}

impl Load {
    /// Starts this many clients; client `n` is alone with group `gn`. Each begins at another node.
    pub fn start(cluster: &Cluster, clients: usize) -> Load {
        Load::resume(cluster, &vec![false; clients])
    }

    /// The same, with clients whose groups are frozen or not at the beginning.
    pub fn resume(cluster: &Cluster, frozen: &[bool]) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let mut running = Vec::new();
        let addresses: Vec<String> = cluster.nodes.values().map(|node| node.api.to_string()).collect();
        for (number, frozen) in frozen.iter().enumerate() {
            let mut addresses = addresses.clone();
            addresses.rotate_left(number % cluster.nodes.len());
            let client = cluster.client_at(addresses);
            let client = one(client, format!("g{number}"), *frozen, Arc::clone(&stop), Arc::clone(&acknowledged));
            running.push(tokio::spawn(client));
        }
        Load { stop, acknowledged, clients: running }
    }

    /// Waits until this many more changes were acknowledged.
    pub async fn acknowledges(&self, more: usize) {
        let from = self.acknowledged.load(Ordering::Relaxed);
        until("the load goes on", async || self.acknowledged.load(Ordering::Relaxed) >= from + more).await;
    }

    /// Lets every client finish its change; returns the acknowledged ones, by client and in order.
    pub async fn end(self) -> Vec<Vec<Write>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut writes = Vec::new();
        for client in self.clients {
            writes.push(client.await.expect("no client of the load fails"));
        }
        writes
    }
}

/// One client: a request with an unknown outcome is repeated under the same identity. If a repeated request were
/// applied twice, it would be refused, for a frozen group cannot be frozen.
async fn one(
    client: Client,
    group: String,
    frozen: bool,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
) -> Vec<Write> {
    let mut writes = Vec::new();
    let mut frozen = frozen;
    while !stop.load(Ordering::Relaxed) {
        let group = GroupName::from(group.as_str());
        let ask = if frozen { Verb::Unfreeze { group } } else { Verb::Freeze { group, terms: Default::default() } };
        let id = Client::request_id();
        let (index, sent) = commit(&client, id, &ask).await;
        writes.push(Write { id, ask, index, sent });
        acknowledged.fetch_add(1, Ordering::Relaxed);
        frozen = !frozen;
    }
    writes
}

/// Finds every acknowledged change again: in the journal, at its index and once; in the state, as its client left it;
/// and under its identity, with which a repetition is answered with the same index instead of being applied again.
/// Returns the number of repetitions.
pub async fn find_again(cluster: &Cluster, clients: &[Vec<Write>]) -> usize {
    let client = cluster.client();
    let journal = client.events(0, Read::Linearizable).await.expect("the journal");
    let mut requested: BTreeMap<u64, &str> = BTreeMap::new();
    for record in journal.iter().filter(|record| record.kind == "requested") {
        let other = requested.insert(record.index, &record.text);
        assert_eq!(other, None, "two requests at index {}", record.index);
    }
    let state = client.status(Read::Linearizable).await.expect("the state");
    for (number, writes) in clients.iter().enumerate() {
        let name = format!("g{number}");
        let own: Vec<u64> = requested
            .iter()
            .filter(|(_, text)| text.contains(&format!("group {name}:")))
            .map(|(index, _)| *index)
            .collect();
        let acknowledged: Vec<u64> = writes.iter().map(|write| write.index).collect();
        assert_eq!(own, acknowledged, "what was acknowledged to the client of {name}, and what the journal holds");
        let frozen = writes.last().is_some_and(|write| matches!(write.ask, Verb::Freeze { .. }));
        let group = state.groups.iter().find(|group| group.name == name).expect("it is declared");
        assert_eq!(group.frozen, frozen, "{name} is as its client left it");
    }
    // The ledger remembers the last 1024 requests.
    let mut all: Vec<&Write> = clients.iter().flatten().collect();
    all.sort_by_key(|write| std::cmp::Reverse(write.index));
    let repeated = all.into_iter().step_by(7).take(100);
    let mut count = 0;
    for write in repeated {
        let again = client.request(write.id, write.ask.clone()).await.expect("a repeated request is answered");
        assert_eq!(again.index, write.index, "{:?} repeated", write.ask);
        count += 1;
    }
    let after = client.events(0, Read::Linearizable).await.expect("the journal");
    let requests =
        |records: &[tenure::api::wire::RecordView]| records.iter().filter(|one| one.kind == "requested").count();
    assert_eq!(requests(&after), requests(&journal), "repeated requests leave no trace");
    count
}
