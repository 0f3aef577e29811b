//! The performer: carries out the steps of orders through the hypervisor of a server or the agents of this node, with
//! the present configuration.

use super::{Agents, hook, marks::Marks, unread::Unread};
use crate::hypervisor::{ReadError, Registry, Urgency};
use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use tenure_core::{
    HmcName, NodeName, Power, Reading, ResourceName, ServerName,
    config::Cluster,
    execution::{Answer, Operation},
    listing::{KnownOn, Listed},
    order::{Action, Order},
    reach::Reach,
    words,
};

/// The file in which Linux on Power shows the firmware's name of this LPAR.
const PARTITION: &str = "/proc/device-tree/ibm,partition-name";
/// Longest name of an LPAR that is read, in bytes.
const LONGEST_NAME: u64 = 256;

/// The firmware's name of this LPAR: text that ends with a zero byte.
fn partition_name(file: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(file).ok()?.take(LONGEST_NAME).read_to_end(&mut bytes).ok()?;
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = std::str::from_utf8(name).ok()?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Returns what the ledger knows of the LPARs on a server.
type Knows = dyn Fn(&ServerName) -> KnownOn + Send + Sync;

/// Access to the hypervisors and the agents, with the present configuration.
pub struct Performer {
    me: NodeName,
    registry: Registry,
    agents: Arc<Agents>,
    /// The firmware's name of this node's LPAR, where it is available.
    partition: Option<String>,
    cluster: RwLock<Arc<Cluster>>,
    applied: Box<dyn Fn() -> u64 + Send + Sync>,
    known: Box<Knows>,
    serial: AtomicU64,
    marks: Marks,
    unread: Unread,
}

impl Performer {
    /// The performer of a node, with the drivers of its hypervisors. `applied` returns the index of the last entry
    /// that the node's ledger has applied, `known` what it knows of the LPARs on a server.
    pub fn new(
        me: NodeName,
        registry: Registry,
        agents: Arc<Agents>,
        applied: impl Fn() -> u64 + Send + Sync + 'static,
        known: impl Fn(&ServerName) -> KnownOn + Send + Sync + 'static,
    ) -> Self {
        // Counts on from the clock, so that a restarted node goes on counting upwards.
        let start = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_micros()).unwrap_or_default();
        let serial = AtomicU64::new(u64::try_from(start).unwrap_or_default());
        let partition = partition_name(Path::new(PARTITION));
        let (applied, known) = (Box::new(applied), Box::new(known));
        let (cluster, marks) = (RwLock::default(), Marks::default());
        let unread = Unread::default();
        Performer { me, registry, agents, partition, cluster, applied, known, serial, marks, unread }
    }

    /// Takes over a new configuration.
    pub fn configure(&self, cluster: &Arc<Cluster>) {
        self.agents.configure(cluster);
        *self.cluster.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(cluster);
        self.registry.configure(cluster);
    }

    /// The agents of the resources inside this node.
    pub fn agents(&self) -> &Arc<Agents> {
        &self.agents
    }

    /// The present configuration.
    pub fn cluster(&self) -> Arc<Cluster> {
        Arc::clone(&self.cluster.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The log index that this node has applied.
    pub fn applied(&self) -> u64 {
        (self.applied)()
    }

    /// Reads a server now. `None` if its managers were busy with other commands for too long: whether they answer is
    /// not known, so there is nothing to say of them.
    pub async fn read(&self, server: &ServerName, urgency: Urgency) -> Option<Reading> {
        let cluster = self.cluster();
        let asked =
            words::Asked { server, by: &self.me, since: self.applied(), serial: self.serial.fetch_add(1, Relaxed) };
        match self.registry.read(&cluster, server, urgency).await {
            // The server has no driver.
            None => Some(words::no_reading(&asked)),
            Some(Ok(seen)) => {
                self.unread.read(server);
                self.marks.see(&cluster, server, &seen);
                Some(self.own_name(&cluster, words::reading(&cluster, &(self.known)(server), &asked, &seen)))
            }
            Some(Err(error)) => {
                let busy = matches!(error, ReadError::NoTurn { .. });
                self.unread.failed(server, busy, &error);
                (!busy).then(|| words::no_reading(&asked))
            }
        }
    }

    /// If the firmware's name of this node's LPAR differs from the declared one, a reading of the declared LPAR
    /// proves nothing: that LPAR is not this node's.
    fn own_name(&self, cluster: &Cluster, reading: Reading) -> Reading {
        let declared = cluster.nodes.get(&self.me).filter(|node| node.server.as_ref() == Some(&reading.server));
        let Some((declared, own)) = declared.and_then(|node| node.lpar.as_deref()).zip(self.partition.as_deref())
        else {
            return reading;
        };
        if declared == own {
            return reading;
        }
        tracing::error!(declared, own, "the LPAR of this node is called otherwise than the cluster file says");
        Reading { node: Power::Absent, node_listed: Listed::default(), ..reading }
    }

    /// The drivers of the hypervisors.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The managers that answered this node's last call.
    pub fn reach(&self) -> Reach {
        let mut reach = Reach::default();
        for manager in self.registry.health() {
            reach.asked(HmcName::from(manager.name.as_str()), manager.answers);
        }
        reach
    }

    /// Marks an LPAR as this cluster's before it is started, if the last list of its server showed it without a mark.
    /// Returns whether a command was sent. A failure is a warning, and does not prevent the start.
    pub async fn mark(&self, server: &ServerName, name: &ResourceName) -> bool {
        let cluster = self.cluster();
        if !cluster.owner_mark || !self.marks.is_due(server, name) {
            return false;
        }
        let Some(told) = self.registry.mark(&cluster, server, name).await else { return false };
        self.marks.told(server, name, &told);
        true
    }

    /// Carries out a change, by the hypervisor, an agent or a program, as its type says.
    pub async fn act(&self, order: &Order, operation: &Operation) -> Answer {
        let cluster = self.cluster();
        match operation {
            Operation::Hypervisor(change) => self.registry.change(&cluster, &order.server, change).await,
            Operation::Local(resource, operation) => self.agents.act(&cluster, resource, *operation).await,
            Operation::Program(program) => hook::run(&self.agents, program, variables(&cluster, order)).await,
        }
    }
}

/// The environment variables of a hook.
fn variables(cluster: &Cluster, order: &Order) -> BTreeMap<&'static str, String> {
    let Action::Hook { group, trigger, .. } = &order.action else { return BTreeMap::new() };
    BTreeMap::from([
        ("TENURE_CLUSTER", cluster.name.clone()),
        ("TENURE_GROUP", group.to_string()),
        ("TENURE_SERVER", order.server.to_string()),
        ("TENURE_TRIGGER", trigger.word().to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_partition_is_read_where_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("name");
        assert_eq!(partition_name(&file), None);
        for (bytes, name) in
            [(&b"mgmt1\0"[..], Some("mgmt1")), (b"mgmt1\0junk", Some("mgmt1")), (b"\0", None), (b"\xff\0", None)]
        {
            std::fs::write(&file, bytes).unwrap();
            assert_eq!(partition_name(&file).as_deref(), name);
        }
    }
}
