//! Hands: one question of an order, asked of the real hypervisor.

use super::{Agents, marks::Marks};
use crate::hypervisor::{
    CommandError, Hypervisor, ServerAddress, Stop,
    hmc::{HmcAddress, HmcDriver, HmcKey},
};
use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tenure_core::{
    HmcName, NodeName, Power, Reading, ResourceName, ServerName,
    carry::{Answer, Change, MachineDeed, Move, ServerDeed},
    config::{Cluster, Lpar},
    listing::{KnownOn, Listed, Mark},
    reach::Reach,
    words,
};

/// How long one reading may take.
pub const READ_DEADLINE: Duration = Duration::from_secs(15);
/// How long one command may take until it is answered.
pub const COMMAND_DEADLINE: Duration = Duration::from_secs(60);

/// How long the mark of an owner may take: an LPAR waits for it before it is started.
pub const MARK_DEADLINE: Duration = Duration::from_secs(5);

/// Where Linux on Power shows what the firmware calls this LPAR.
const PARTITION: &str = "/proc/device-tree/ibm,partition-name";
/// The longest name of an LPAR that is believed.
const LONGEST_NAME: u64 = 256;

/// What the firmware calls this LPAR: text that ends with a zero byte.
fn partition_name(file: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(file).ok()?.take(LONGEST_NAME).read_to_end(&mut bytes).ok()?;
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = std::str::from_utf8(name).ok()?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// What the ledger knows of the LPARs on a server.
type Knows = dyn Fn(&ServerName) -> KnownOn + Send + Sync;

/// The way to the hypervisors, with the cluster as it is declared now.
pub struct Hands {
    me: NodeName,
    driver: HmcDriver,
    key: Option<PathBuf>,
    agents: Arc<Agents>,
    /// What the firmware calls the LPAR of this node, where it says so.
    partition: Option<String>,
    cluster: RwLock<Arc<Cluster>>,
    applied: Box<dyn Fn() -> u64 + Send + Sync>,
    known: Box<Knows>,
    serial: AtomicU64,
    marks: Marks,
}

impl Hands {
    /// Hands of a node. `applied` tells the index of the last entry that the node's ledger has applied, `known` what it knows
    /// of the LPARs on a server.
    pub fn new(
        me: NodeName,
        key: Option<PathBuf>,
        agents: Arc<Agents>,
        applied: impl Fn() -> u64 + Send + Sync + 'static,
        known: impl Fn(&ServerName) -> KnownOn + Send + Sync + 'static,
    ) -> Self {
        let driver = HmcDriver::new(Vec::new());
        // Counts on from the clock, so that a node that was restarted goes on counting upwards.
        let start = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_micros()).unwrap_or_default();
        let serial = AtomicU64::new(u64::try_from(start).unwrap_or_default());
        let partition = partition_name(Path::new(PARTITION));
        let (applied, known) = (Box::new(applied), Box::new(known));
        let (cluster, marks) = (RwLock::default(), Marks::default());
        Hands { me, driver, key, agents, partition, cluster, applied, known, serial, marks }
    }

    /// Takes over a new configuration. Connections to HMCs that did not change are kept.
    pub fn configure(&self, cluster: &Arc<Cluster>) {
        self.agents.configure(cluster);
        self.driver.ask_descriptions(cluster.owner_mark);
        let before =
            std::mem::replace(&mut *self.cluster.write().unwrap_or_else(PoisonError::into_inner), Arc::clone(cluster));
        let Some(key) = self.key.as_ref().filter(|_| before.hmcs != cluster.hmcs) else { return };
        let hmcs = cluster.hmcs.iter().map(|(name, hmc)| HmcAddress {
            name: name.to_string(),
            address: hmc.address.clone(),
            user: hmc.user.clone(),
            key: HmcKey::File(key.clone()),
            host_key_fingerprint: hmc.host_key.clone(),
        });
        self.driver.replace(hmcs.collect());
    }

    /// The agents of what lives inside this node.
    pub fn agents(&self) -> &Arc<Agents> {
        &self.agents
    }

    /// The cluster as it is declared now.
    pub fn cluster(&self) -> Arc<Cluster> {
        Arc::clone(&self.cluster.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The log index that this node has applied.
    pub fn applied(&self) -> u64 {
        (self.applied)()
    }

    /// Reads a server now.
    pub async fn read(&self, server: &ServerName) -> Reading {
        let cluster = self.cluster();
        let asked =
            words::Asked { server, by: &self.me, since: self.applied(), serial: self.serial.fetch_add(1, Relaxed) };
        let Some(address) = address(&cluster, server) else {
            return words::no_reading(&asked);
        };
        match self.driver.read_server(&address, READ_DEADLINE).await {
            Ok(seen) => {
                self.marks.see(&cluster, server, &seen);
                self.own_name(&cluster, words::reading(&cluster, &(self.known)(server), &asked, &seen))
            }
            Err(error) => {
                tracing::warn!(%server, %error, "server not read");
                words::no_reading(&asked)
            }
        }
    }

    /// Where the firmware says what this node's own LPAR is called, another name proves nothing: that LPAR is not this node's,
    /// however it reads.
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

    /// The driver of the HMCs.
    pub fn driver(&self) -> &HmcDriver {
        &self.driver
    }

    /// Which HMCs answered this node the last time that it asked them.
    pub fn reach(&self) -> Reach {
        let mut reach = Reach::default();
        for (hmc, answered) in self.driver.answers() {
            reach.asked(HmcName::from(hmc.as_str()), answered);
        }
        reach
    }

    /// Marks an LPAR as this cluster's before it is started, if the last list of its server showed it without a mark. Answers
    /// whether anything was sent. A mark that is not set is a warning, and keeps nothing from being started.
    pub async fn mark(&self, server: &ServerName, name: &ResourceName) -> bool {
        let cluster = self.cluster();
        let Some((lpar, address)) = cluster.lpar(name).zip(address(&cluster, server)) else { return false };
        if !cluster.owner_mark || !self.marks.is_due(server, name) {
            return false;
        }
        let mark = Mark::text(&cluster.name);
        let told = self.driver.mark_lpar(&address, &lpar.partition, &mark, MARK_DEADLINE).await;
        self.marks.told(server, name, &told);
        true
    }

    /// Has the hypervisor of a server change something.
    pub async fn change(&self, server: &ServerName, change: &Change) -> Answer {
        let cluster = self.cluster();
        let Some(address) = address(&cluster, server) else {
            return Answer::NotSent(format!("server {server} is not declared"));
        };
        let told = match change {
            Change::Machine(name, deed) => match cluster.lpar(name) {
                Some(lpar) => self.machine(&cluster, (server, &address), lpar, deed).await,
                None => Err(format!("LPAR {name} is not declared")),
            },
            Change::Server(ServerDeed::PowerOff) => Ok(self.driver.power_off_server(&address, COMMAND_DEADLINE).await),
            Change::Server(ServerDeed::CutOffNode) => {
                let node = cluster.node_on(server).and_then(|node| cluster.nodes.get(node));
                match node.and_then(|node| node.lpar.as_deref()) {
                    Some(lpar) => Ok(self.driver.stop_lpar(&address, lpar, Stop::Immediate, COMMAND_DEADLINE).await),
                    None => Err(format!("no LPAR is declared for the node on {server}")),
                }
            }
        };
        match told {
            Ok(told) => words::answer(change, CommandError::told(told)),
            Err(why) => Answer::NotSent(why),
        }
    }

    /// The same of an LPAR. A move is answered when it is over, so it gets its time.
    async fn machine(
        &self,
        cluster: &Cluster,
        (server, here): (&ServerName, &ServerAddress),
        lpar: &Lpar,
        deed: &MachineDeed,
    ) -> Result<Result<(), CommandError>, String> {
        let (partition, within) = (lpar.partition.as_str(), Duration::from_millis(lpar.migrate_timeout.0));
        let other =
            |server: &ServerName| address(cluster, server).ok_or_else(|| format!("server {server} is not declared"));
        let driver = &self.driver;
        Ok(match deed {
            MachineDeed::Start => {
                let profile = lpar.profile_on(server).map(String::as_str);
                driver.start_lpar(here, partition, profile, COMMAND_DEADLINE).await
            }
            MachineDeed::Stop(how) => driver.stop_lpar(here, partition, *how, COMMAND_DEADLINE).await,
            MachineDeed::Move(Move::Live { to }) => driver.migrate_lpar(here, &other(to)?, partition, within).await,
            MachineDeed::Move(Move::Definition { from }) => {
                driver.migrate_lpar(&other(from)?, here, partition, within).await
            }
            MachineDeed::Move(Move::Anew { from }) => {
                driver.restart_elsewhere(&other(from)?, here, partition, within).await
            }
            MachineDeed::Move(Move::Stop) => driver.stop_migration(here, partition, COMMAND_DEADLINE).await,
            MachineDeed::Move(Move::Recover) => driver.recover_migration(here, partition, within).await,
        })
    }
}

fn address(cluster: &Cluster, server: &ServerName) -> Option<ServerAddress> {
    let declared = cluster.servers.get(server)?;
    Some(ServerAddress {
        name: declared.system.clone(),
        mtms: declared.mtms.clone(),
        hmcs: declared.hmcs.iter().map(ToString::to_string).collect(),
    })
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
