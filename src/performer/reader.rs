//! Readings shared by all concurrent requests: of each server one at a time for orders, and beside it one for the
//! rounds, however many wait.
//!
//! Promises: no request gets a reading from before what it has to follow ([`After`]). Requests of an order do not wait
//! for a reading of the rounds that stands in the queue of an HMC.

use super::Performer;
use crate::hypervisor::Urgency;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tenure_core::{OrderId, Reading, ServerName};
use tokio::sync::oneshot;

/// What a reading has to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The request.
    Request,
    /// This order: a reading that is under way will do, if it began after the order was given.
    Order(OrderId),
}

/// Reads servers.
#[derive(Clone)]
pub struct Reader {
    performer: Arc<Performer>,
    lanes: Arc<Mutex<BTreeMap<Key, Lane>>>,
}

type Key = (ServerName, Urgency);
type Asker = oneshot::Sender<Option<Reading>>;

/// The readings of one server for one kind of request. It stands for the task that reads.
#[derive(Default)]
struct Lane {
    /// The log index that the node had applied before the reading under way began.
    since: Option<u64>,
    /// Those who get the reading under way.
    present: Vec<Asker>,
    /// Those who get the next one.
    next: Vec<Asker>,
}

impl Lane {
    fn add(&mut self, asker: Asker, after: After) {
        let shares = |since| match after {
            After::Request => false,
            After::Order(order) => order.precedes(since),
        };
        if self.since.is_some_and(shares) { self.present.push(asker) } else { self.next.push(asker) }
    }
}

impl Reader {
    /// A reader through this performer.
    pub fn new(performer: Arc<Performer>) -> Self {
        Reader { performer, lanes: Arc::default() }
    }

    /// A reading of the server. `None` if its managers were busy for too long, or the runtime shuts down.
    pub async fn read(&self, server: &ServerName, after: After, urgency: Urgency) -> Option<Reading> {
        let (asker, reading) = oneshot::channel();
        let key = (server.clone(), urgency);
        if self.enqueue(&key, asker, after) {
            tokio::spawn(self.clone().serve(key));
        }
        reading.await.ok().flatten()
    }

    /// Reads until nobody waits.
    async fn serve(self, key: Key) {
        while self.begin(&key) {
            let reading = self.performer.read(&key.0, key.1).await;
            for asker in self.end(&key) {
                // A requester may have stopped waiting.
                let _ = asker.send(reading.clone());
            }
        }
    }

    /// Begins a reading for those who wait. If there are none, the next one starts a task of its own.
    fn begin(&self, key: &Key) -> bool {
        let mut lanes = self.lock();
        let Some(lane) = lanes.get_mut(key) else { return false };
        lane.present = std::mem::take(&mut lane.next);
        lane.since = Some(self.performer.applied());
        if lane.present.is_empty() {
            lanes.remove(key);
            return false;
        }
        true
    }

    /// Those who get the reading that has ended.
    fn end(&self, key: &Key) -> Vec<Asker> {
        let mut lanes = self.lock();
        let Some(lane) = lanes.get_mut(key) else { return Vec::new() };
        lane.since = None;
        std::mem::take(&mut lane.present)
    }

    /// Adds a request; returns whether no task reads for it yet.
    fn enqueue(&self, key: &Key, asker: Asker, after: After) -> bool {
        let mut lanes = self.lock();
        let first = !lanes.contains_key(key);
        lanes.entry(key.clone()).or_default().add(asker, after);
        first
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        hypervisor::{
            Change, CommandError, Hypervisor, Kind, ManagerHealth, ReadError, Registry, ServerAddress, ServerReading,
        },
        performer::{AgentPaths, Agents},
    };
    use async_trait::async_trait;
    use std::{
        sync::atomic::{AtomicU64, Ordering::SeqCst},
        time::Duration,
    };
    use tenure_core::config::{Cluster, Hmc, Server};
    use tokio::sync::{Semaphore, watch};

    /// A manager that is asked and never answers before it is told to.
    struct Slow {
        asked: watch::Sender<usize>,
        answers: Semaphore,
    }

    #[async_trait]
    impl Hypervisor for Slow {
        fn configure(&self, _: &Cluster) {}
        async fn read(&self, server: &ServerAddress, _: Urgency, _: Duration) -> Result<ServerReading, ReadError> {
            self.asked.send_modify(|asked| *asked += 1);
            self.answers.acquire().await.unwrap().forget();
            Err(ReadError::NoConsole { server: server.name.clone() })
        }
        async fn change(&self, _: &Change<'_>, _: Duration) -> Result<(), CommandError> {
            Ok(())
        }
        fn health(&self) -> Vec<ManagerHealth> {
            Vec::new()
        }
    }

    struct Bench {
        manager: Arc<Slow>,
        reader: Reader,
        applied: Arc<AtomicU64>,
        _folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let mut cluster = Cluster::default();
            cluster.servers.insert("p1".into(), Server::new("p1", "p1", vec!["m1".into()]));
            let hmc = Hmc { address: "m1:22".to_owned(), user: "tenure".to_owned(), host_key: String::new() };
            cluster.managers.insert("m1".into(), hmc.into());
            let manager = Arc::new(Slow { asked: watch::channel(0).0, answers: Semaphore::new(0) });
            let registry = Registry::of([(Kind::Hmc, Arc::clone(&manager) as Arc<dyn Hypervisor>)]);
            let folder = tempfile::tempdir().unwrap();
            let places = AgentPaths { run_dir: folder.path().to_owned(), ..AgentPaths::default() };
            let agents = Agents::new("n1".into(), places, Default::default(), Arc::new(|| 0), Arc::new(|| None));
            let applied = Arc::new(AtomicU64::new(5));
            let index = Arc::clone(&applied);
            let known = |_: &ServerName| Default::default();
            let performer = Performer::new("n1".into(), registry, Arc::new(agents), move || index.load(SeqCst), known);
            performer.configure(&Arc::new(cluster));
            Bench { manager, reader: Reader::new(Arc::new(performer)), applied, _folder: folder }
        }

        /// Asks for a reading; it is asked for when this returns.
        fn ask(&self, after: After, urgency: Urgency) -> oneshot::Receiver<Option<Reading>> {
            let (asker, reading) = oneshot::channel();
            let key = ("p1".into(), urgency);
            if self.reader.enqueue(&key, asker, after) {
                tokio::spawn(self.reader.clone().serve(key));
            }
            reading
        }

        /// Waits until the manager was asked so many times.
        async fn asked(&self, times: usize) {
            self.manager.asked.subscribe().wait_for(|asked| *asked == times).await.unwrap();
        }

        fn answer(&self) {
            self.manager.answers.add_permits(1);
        }
    }

    fn given(index: u64) -> After {
        After::Order(OrderId { index, ordinal: 0 })
    }

    #[tokio::test]
    async fn orders_share_a_reading_that_began_after_all_of_them_were_given() {
        let bench = Bench::new();
        let first = bench.ask(given(5), Urgency::Order);
        bench.asked(1).await;
        let others: Vec<_> = (0..30).map(|_| bench.ask(given(5), Urgency::Order)).collect();
        bench.answer();
        let first = first.await.unwrap().unwrap();
        for other in others {
            assert_eq!(other.await.unwrap().unwrap().serial, first.serial);
        }
        assert_eq!(*bench.manager.asked.borrow(), 1);
    }

    #[tokio::test]
    async fn a_reading_that_began_before_an_order_was_given_is_not_for_it() {
        let bench = Bench::new();
        let first = bench.ask(given(5), Urgency::Order);
        bench.asked(1).await;
        bench.applied.store(6, SeqCst);
        let (later, now) = (bench.ask(given(6), Urgency::Order), bench.ask(After::Request, Urgency::Order));
        bench.answer();
        assert_eq!(first.await.unwrap().unwrap().since, 5);
        bench.asked(2).await;
        bench.answer();
        let (later, now) = (later.await.unwrap().unwrap(), now.await.unwrap().unwrap());
        assert_eq!((later.since, later.serial), (6, now.serial), "the next one is for both");
    }

    #[tokio::test]
    async fn an_order_does_not_wait_for_a_reading_of_the_rounds() {
        let bench = Bench::new();
        let _round = bench.ask(After::Request, Urgency::Round);
        bench.asked(1).await;
        let _order = bench.ask(given(5), Urgency::Order);
        bench.asked(2).await;
    }
}
