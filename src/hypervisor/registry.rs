//! The drivers by server: orders and rounds name servers, and know no driver.
//!
//! Promises: a server without a manager has no driver, so it is never read or commanded from outside.
//!
//! Refuses to know: other ways to carry out an operation; these calls are for a hypervisor.

use super::{
    Accounts, Change, CommandError, Hypervisor, Login, ManagerContact, ManagerHealth, Neighbours, ReadError,
    ServerAddress, ServerReading, Told, Turns, Unfit, Urgency, Which, hmc::HmcDriver,
};
use async_trait::async_trait;
use futures::future::join_all;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tenure_core::{
    ForeignText, HmcName, ResourceName, ServerName,
    config::{Address, Cluster, Lpar, Manager},
    execution::{self, Answer, MachineOperation, Move, ServerOperation, Stop},
    listing::Mark,
    words,
};

/// Time that one reading may take.
pub const READ_DEADLINE: Duration = Duration::from_secs(15);
/// Time until one command must be answered.
pub const COMMAND_DEADLINE: Duration = Duration::from_secs(60);
/// Time that a manager has to answer a trifle.
pub const KNOCK_DEADLINE: Duration = Duration::from_secs(8);
/// Time that setting an owner mark may take: an LPAR's start waits for it.
pub const MARK_DEADLINE: Duration = Duration::from_secs(5);

/// A kind of manager, and so of driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Hardware management consoles.
    Hmc,
}

impl Kind {
    fn of(manager: &Manager) -> Kind {
        match manager {
            Manager::Hmc(_) => Kind::Hmc,
        }
    }
}

/// The drivers of a node.
pub struct Registry {
    drivers: BTreeMap<Kind, Arc<dyn Hypervisor>>,
}

impl Registry {
    /// All drivers. They log in with this key; without one they have no managers.
    pub fn new(key: Option<PathBuf>) -> Self {
        Registry::of([(Kind::Hmc, Arc::new(HmcDriver::with_key(key)) as Arc<dyn Hypervisor>)])
    }

    /// A registry of these drivers.
    pub fn of(drivers: impl IntoIterator<Item = (Kind, Arc<dyn Hypervisor>)>) -> Self {
        Registry { drivers: drivers.into_iter().collect() }
    }

    /// Takes over a new configuration.
    pub fn configure(&self, cluster: &Cluster) {
        self.drivers.values().for_each(|driver| driver.configure(cluster));
    }

    /// Whether each manager answers, as far as this node has asked it anything.
    pub fn health(&self) -> Vec<ManagerHealth> {
        self.drivers.values().flat_map(|driver| driver.health()).collect()
    }

    /// The last contact with each manager that this node has asked anything.
    pub fn contacts(&self) -> Vec<ManagerContact> {
        self.drivers.values().flat_map(|driver| driver.contacts()).collect()
    }

    /// Asks managers a trifle, side by side, so that [`contacts`](Self::contacts) tells whether they answer now.
    pub async fn knock(&self, managers: &[HmcName]) {
        let all = managers.iter().flat_map(|name| self.drivers.values().map(move |driver| (driver, name)));
        join_all(all.map(|(driver, name)| driver.knock(name.as_str(), KNOCK_DEADLINE))).await;
    }

    /// Logs in once to a manager that is to be declared.
    pub async fn attempt(&self, name: &HmcName, manager: &Manager) -> Result<(), Unfit> {
        match self.drivers.get(&Kind::of(manager)) {
            Some(driver) => driver.attempt(name.as_str(), manager).await,
            None => Err(Unfit::NoKey),
        }
    }

    /// Has all drivers share what their managers say with other nodes.
    pub fn share_with(&self, neighbours: &Arc<dyn Neighbours>) {
        let sharing = self.drivers.values().filter_map(|driver| driver.sharing());
        sharing.for_each(|sharing| sharing.share_with(Arc::clone(neighbours)));
    }

    /// Asks a manager for all its systems, on behalf of another node.
    pub async fn tell(&self, which: &Which) -> Result<Told, ForeignText> {
        match self.drivers.get(&Kind::Hmc).and_then(|driver| driver.sharing()) {
            Some(sharing) => sharing.tell(which).await,
            None => Err("this node asks no HMC".into()),
        }
    }

    /// Reads a server; `None` if it has no driver.
    pub async fn read(
        &self,
        cluster: &Cluster,
        server: &ServerName,
        urgency: Urgency,
    ) -> Option<Result<ServerReading, ReadError>> {
        let (driver, address) = self.serving(cluster, server)?;
        Some(driver.read(&address, urgency, READ_DEADLINE).await)
    }

    /// Carries out a change of an order on a server, or on an LPAR there.
    pub async fn change(&self, cluster: &Cluster, server: &ServerName, change: &execution::Change) -> Answer {
        match self.told(cluster, server, change).await {
            Ok(told) => words::answer(change, CommandError::told(told)),
            Err(why) => Answer::NotSent(why.into()),
        }
    }

    /// Marks an LPAR as the cluster's; `None` if it is not declared, or its server has no driver.
    pub async fn mark(
        &self,
        cluster: &Cluster,
        server: &ServerName,
        lpar: &ResourceName,
    ) -> Option<Result<(), CommandError>> {
        let lpar = cluster.lpar(lpar)?;
        let (driver, server) = self.serving(cluster, server)?;
        let mark = Mark::text(&cluster.name);
        let change = Change::Mark { server: &server, lpar: &lpar.partition, mark: &mark };
        Some(driver.change(&change, MARK_DEADLINE).await)
    }

    /// The error is the reason why no command was sent.
    async fn told(
        &self,
        cluster: &Cluster,
        server: &ServerName,
        change: &execution::Change,
    ) -> Result<Result<(), CommandError>, String> {
        let (driver, here) = self.found(cluster, server)?;
        match change {
            execution::Change::Machine(name, operation) => {
                let lpar = cluster.lpar(name).ok_or_else(|| format!("LPAR {name} is not declared"))?;
                self.machine(cluster, driver, (server, &here), lpar, operation).await
            }
            execution::Change::Server(ServerOperation::PowerOff) => {
                Ok(driver.change(&Change::PowerOff { server: &here }, COMMAND_DEADLINE).await)
            }
            execution::Change::Server(ServerOperation::CutOffNode) => {
                let node = cluster.node_on(server).and_then(|node| cluster.nodes.get(node));
                let lpar = node.and_then(|node| node.lpar.as_deref());
                let lpar = lpar.ok_or_else(|| format!("no LPAR is declared for the node on {server}"))?;
                let change = Change::Stop { server: &here, lpar, how: Stop::Immediate };
                Ok(driver.change(&change, COMMAND_DEADLINE).await)
            }
        }
    }

    /// Carries out a change of an LPAR. A move is answered when it is over, so it gets the time for a move.
    async fn machine(
        &self,
        cluster: &Cluster,
        driver: &dyn Hypervisor,
        (server, here): (&ServerName, &ServerAddress),
        declared: &Lpar,
        operation: &MachineOperation,
    ) -> Result<Result<(), CommandError>, String> {
        let lpar = declared.partition.as_str();
        let step = match operation {
            MachineOperation::Start => {
                let profile = declared.profile_on(server).map(String::as_str);
                return Ok(driver.change(&Change::Start { server: here, lpar, profile }, COMMAND_DEADLINE).await);
            }
            MachineOperation::Stop(how) => {
                let change = Change::Stop { server: here, lpar, how: *how };
                return Ok(driver.change(&change, COMMAND_DEADLINE).await);
            }
            MachineOperation::Move(step) => step,
        };
        let within = Duration::from_millis(declared.migrate_timeout.0);
        let there = match step {
            Move::Live { to: other } | Move::Definition { from: other } | Move::Anew { from: other } => {
                self.found(cluster, other)?.1
            }
            Move::Stop | Move::Recover => here.clone(),
        };
        let (change, within) = match step {
            Move::Live { .. } => (Change::Migrate { from: here, to: &there, lpar }, within),
            Move::Definition { .. } => (Change::Migrate { from: &there, to: here, lpar }, within),
            Move::Anew { .. } => (Change::RestartElsewhere { from: &there, to: here, lpar }, within),
            Move::Stop => (Change::StopMigration { from: here, lpar }, COMMAND_DEADLINE),
            Move::Recover => (Change::RecoverMigration { server: here, lpar }, within),
        };
        Ok(driver.change(&change, within).await)
    }

    /// The driver of a server, and the server's address for it.
    fn serving(&self, cluster: &Cluster, server: &ServerName) -> Option<(&dyn Hypervisor, ServerAddress)> {
        let declared = cluster.servers.get(server)?;
        let kind = Kind::of(cluster.managers.get(declared.managers.first()?)?);
        let Address::Hmc { system, mtms } = declared.address.as_ref()?;
        let address = ServerAddress {
            name: system.clone(),
            mtms: mtms.clone(),
            hmcs: declared.managers.iter().map(ToString::to_string).collect(),
        };
        Some((self.drivers.get(&kind)?.as_ref(), address))
    }

    fn found(&self, cluster: &Cluster, server: &ServerName) -> Result<(&dyn Hypervisor, ServerAddress), String> {
        self.serving(cluster, server).ok_or_else(|| match cluster.servers.contains_key(server) {
            true => format!("server {server} has no manager"),
            false => format!("server {server} is not declared"),
        })
    }
}

#[async_trait]
impl Accounts for Registry {
    fn logins(&self) -> Vec<(String, Option<Login>)> {
        self.accounts().flat_map(Accounts::logins).collect()
    }

    fn take_turns(&self, turns: Option<Turns>) {
        self.accounts().for_each(|accounts| accounts.take_turns(turns));
    }

    fn hold(&self, manager: &str, why: Option<ForeignText>) {
        self.accounts().for_each(|accounts| accounts.hold(manager, why.clone()));
    }

    fn forget_login(&self, manager: &str) {
        self.accounts().for_each(|accounts| accounts.forget_login(manager));
    }

    async fn keep_up(&self) {
        for accounts in self.accounts() {
            accounts.keep_up().await;
        }
    }

    async fn try_login(&self, manager: &str) {
        for accounts in self.accounts() {
            accounts.try_login(manager).await;
        }
    }
}

impl Registry {
    fn accounts(&self) -> impl Iterator<Item = &dyn Accounts> {
        self.drivers.values().filter_map(|driver| driver.accounts())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tenure_core::config::{Group, Hmc, Resource, Server};

    /// A driver of no particular kind: it accepts everything, and logs the calls.
    #[derive(Default)]
    struct Fake {
        told: Mutex<Vec<String>>,
    }

    impl Fake {
        fn says(&self, what: String) {
            self.told.lock().unwrap().push(what);
        }
    }

    #[async_trait]
    impl Hypervisor for Fake {
        fn configure(&self, cluster: &Cluster) {
            self.says(format!("serves {}", cluster.name));
        }
        async fn read(&self, server: &ServerAddress, _: Urgency, _: Duration) -> Result<ServerReading, ReadError> {
            self.says(format!("read {}", server.name));
            Err(ReadError::NoConsole { server: server.name.clone() })
        }
        async fn change(&self, change: &Change<'_>, _: Duration) -> Result<(), CommandError> {
            self.says(match change {
                Change::Start { server, lpar, profile } => format!("start {lpar} on {} as {profile:?}", server.name),
                Change::Migrate { from, to, lpar } => format!("migrate {lpar} from {} to {}", from.name, to.name),
                other => format!("{other:?}"),
            });
            Ok(())
        }
        fn health(&self) -> Vec<ManagerHealth> {
            vec![ManagerHealth { name: "m1".to_owned(), answers: true }]
        }
    }

    fn cluster() -> Cluster {
        let mut cluster = Cluster { name: "east".to_owned(), ..Cluster::default() };
        for (server, managers) in [("p1", vec!["m1".into()]), ("p2", vec!["m1".into()]), ("p3", Vec::new())] {
            cluster.servers.insert(server.into(), Server::new(&format!("system-{server}"), server, managers));
        }
        let hmc = Hmc { address: "m1:22".to_owned(), user: "tenure".to_owned(), host_key: String::new() };
        cluster.managers.insert("m1".into(), hmc.into());
        cluster.groups.insert("web".into(), Group::new(vec!["p1".into(), "p2".into()]));
        cluster.resources.insert("web1".into(), Resource::lpar("web".into(), "web1-lpar"));
        cluster
    }

    #[tokio::test]
    async fn a_server_is_served_by_the_driver_of_its_managers_and_by_nobody_without() {
        let (fake, cluster) = (Arc::new(Fake::default()), cluster());
        let registry = Registry::of([(Kind::Hmc, Arc::clone(&fake) as Arc<dyn Hypervisor>)]);
        registry.configure(&cluster);
        let machine = |operation| execution::Change::Machine("web1".into(), operation);
        let change = async |server: &str, change| registry.change(&cluster, &server.into(), &change).await;
        let live = |to: &str| machine(MachineOperation::Move(Move::Live { to: to.into() }));

        assert!(registry.read(&cluster, &"p1".into(), Urgency::Order).await.is_some());
        assert_eq!(change("p1", machine(MachineOperation::Start)).await, Answer::Accepted);
        assert_eq!(change("p1", live("p2")).await, Answer::Accepted);
        let none = |server: &str| Answer::NotSent(format!("server {server} has no manager").into());
        assert!(registry.read(&cluster, &"p3".into(), Urgency::Order).await.is_none());
        for operation in [ServerOperation::PowerOff, ServerOperation::CutOffNode] {
            assert_eq!(change("p3", execution::Change::Server(operation)).await, none("p3"));
        }
        assert_eq!(change("p3", machine(MachineOperation::Stop(Stop::Immediate))).await, none("p3"));
        assert_eq!(change("p1", live("p3")).await, none("p3"), "nothing is sent to one of two");
        let undeclared = Answer::NotSent("server p9 is not declared".into());
        assert_eq!(change("p9", machine(MachineOperation::Start)).await, undeclared);
        assert_eq!(registry.health().len(), 1);
        let told = [
            "serves east",
            "read system-p1",
            "start web1-lpar on system-p1 as None",
            "migrate web1-lpar from system-p1 to system-p2",
        ];
        assert_eq!(*fake.told.lock().unwrap(), told);
    }
}
