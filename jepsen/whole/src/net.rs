//! The network between nodes: delays, loss, duplicates, reordering, and lines that are cut in one direction.
//!
//! It carries the bytes given to [`tenure_raft::wire::Wire`] unchanged, and delivers them to the service that
//! currently listens under a Raft id. Lines connect places, which keep their lines under any Raft id.

use crate::{
    coverage::Counts,
    runtime::{Process, Runtime, WORLD, spawn_in},
    trace::Trace,
};
use futures::{FutureExt, future::BoxFuture};
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::{SimInstant, SimRuntime};
use rand::RngExt;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tenure_raft::{
    Peer,
    wire::{Lane, Sender, Service, Wire, WireError},
};

/// A place on the network, for one node.
pub type Place = usize;

/// The state of a line from one place to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Nothing arrives.
    pub cut: bool,
    /// Number of messages lost, of a thousand.
    pub loss: u32,
    /// Maximum additional delay of each message, in microseconds.
    pub slow: u64,
    /// Number of messages that arrive twice, of a thousand.
    pub twice: u32,
    /// Number of messages that may be overtaken, of a thousand.
    pub late: u32,
}

/// The maximum number of messages in flight from one node to another on a lane: the queue length of the product's
/// wire.
pub const UNDER_WAY: usize = 4_096;

/// The network of a run. Clones share it.
#[derive(Clone)]
pub struct Net {
    state: Arc<Mutex<State>>,
    counts: Counts,
    trace: Trace,
}

#[derive(Default)]
struct State {
    listening: BTreeMap<u64, Listening>,
    lines: BTreeMap<(Place, Place), Line>,
    /// Arrival time of the last message on each connection: the next one does not overtake it.
    last: BTreeMap<(u64, u64, Lane), SimInstant>,
    under_way: BTreeMap<(u64, u64, Lane), usize>,
    most_under_way: usize,
}

#[derive(Clone)]
struct Listening {
    place: Place,
    process: Process,
    service: Arc<dyn Service>,
}

impl Net {
    /// A network without faults.
    pub fn new(counts: Counts, trace: Trace) -> Self {
        Net { state: Arc::default(), counts, trace }
    }

    fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.state.lock().expect("nobody panics with it"))
    }

    /// From now on messages to this id are delivered to this process.
    pub fn listen(&self, id: u64, place: Place, process: Process, service: Arc<dyn Service>) {
        let old = self.with(|state| state.listening.insert(id, Listening { place, process, service }));
        drop(old);
    }

    /// Nobody listens under this id any more, unless another process already does.
    pub fn leave(&self, id: u64, process: Process) {
        let old = self.with(|state| match state.listening.get(&id) {
            Some(there) if there.process == process => state.listening.remove(&id),
            Some(_) | None => None,
        });
        drop(old);
    }

    /// Changes the line from one place to another.
    pub fn change(&self, from: Place, to: Place, change: impl FnOnce(&mut Line)) {
        self.with(|state| change(state.lines.entry((from, to)).or_default()));
    }

    /// Removes loss, delays and duplicates from all lines; cut lines stay cut.
    pub fn calm(&self) {
        self.with(|state| state.lines.values_mut().for_each(|line| *line = Line { cut: line.cut, ..Line::default() }));
    }

    /// Repairs every line.
    pub fn heal(&self) {
        self.with(|state| state.lines.clear());
    }

    /// Whether messages from one place reach the other.
    pub fn reaches(&self, from: Place, to: Place) -> bool {
        !self.line(from, to).cut
    }

    /// The maximum number of messages in flight at once.
    pub fn most_under_way(&self) -> usize {
        self.with(|state| state.most_under_way)
    }

    /// The outgoing half of a node's network.
    pub fn wire(&self, id: u64, name: &str, place: Place) -> SimWire {
        let sender = Sender { id, name: name.to_owned() };
        SimWire { net: self.clone(), sender, place, process: Process::current() }
    }

    fn line(&self, from: Place, to: Place) -> Line {
        self.with(|state| state.lines.get(&(from, to)).copied().unwrap_or_default())
    }

    /// Arrival time of a message that is sent now, or `None` if it is lost; and whether it arrives twice.
    fn fate(&self, from: (u64, Place), to: (u64, Place), lane: Lane) -> (Option<SimInstant>, bool) {
        let line = self.line(from.1, to.1);
        let mut rng = SimRuntime::thread_rng();
        let mut delay = match rng.random_range(0..200) {
            0 => rng.random_range(2_000..30_000),
            _ => rng.random_range(100..900),
        };
        if line.slow > 0 {
            delay += rng.random_range(0..line.slow);
            self.counts.count("net: message delayed");
        }
        if line.cut {
            self.counts.count("net: message cut off");
            return (None, false);
        }
        if rng.random_range(0..1_000) < line.loss {
            self.counts.count("net: message lost");
            return (None, false);
        }
        let overtaken = rng.random_range(0..1_000) < line.late;
        let twice = rng.random_range(0..1_000) < line.twice;
        let at = <SimInstant as openraft::Instant>::now() + Duration::from_micros(delay);
        if overtaken {
            self.counts.count("net: message overtaken");
            return (Some(at + Duration::from_micros(rng.random_range(1_000..80_000))), twice);
        }
        let at = self.with(|state| {
            let last = state.last.entry((from.0, to.0, lane)).or_insert(at);
            *last = at.max(*last + Duration::from_nanos(1));
            *last
        });
        (Some(at), twice)
    }

    /// Adds a message in flight; `false` if there is no room for another.
    fn begin(&self, on: (u64, u64, Lane)) -> bool {
        self.with(|state| {
            let under_way = state.under_way.entry(on).or_default();
            if *under_way >= UNDER_WAY {
                return false;
            }
            *under_way += 1;
            state.most_under_way = state.most_under_way.max(*under_way);
            true
        })
    }

    fn end(&self, on: (u64, u64, Lane)) {
        self.with(|state| {
            if let Some(under_way) = state.under_way.get_mut(&on) {
                *under_way = under_way.saturating_sub(1);
            }
        });
    }

    fn listener(&self, id: u64) -> Option<Listening> {
        self.with(|state| state.listening.get(&id).cloned()).filter(|there| there.process.lives())
    }

    /// Carries a message to the service that listens under an id, and carries the answer back.
    async fn carry(self, message: Message, answer: Option<Answer>) {
        let Message { from, place, to, lane, body, ttl } = message;
        let there = self.with(|state| state.listening.get(&to).map(|there| there.place)).unwrap_or(place);
        let (arrives, twice) = self.fate((from.id, place), (to, there), lane);
        let again = Message { from: from.clone(), place, to, lane, body: body.clone(), ttl };
        if twice {
            self.counts.count("net: message twice");
            let net = self.clone();
            drop(spawn_in(WORLD, async move {
                SimRuntime::sleep(Duration::from_micros(SimRuntime::thread_rng().random_range(100..50_000))).await;
                net.deliver(again, None).await;
            }));
        }
        let Some(arrives) = arrives else { return SimRuntime::sleep(ttl).await };
        SimRuntime::sleep_until(arrives).await;
        self.deliver(Message { from, place, to, lane, body, ttl }, answer).await;
    }

    async fn deliver(&self, message: Message, answer: Option<Answer>) {
        let Message { from, place, to, lane, body, ttl } = message;
        self.trace.note(|| format!("net {} > {to} {lane:?} {}", from.id, crc32fast::hash(&body)));
        let Some(there) = self.listener(to) else {
            if let Some(answer) = answer {
                let _ = answer.send(Err(WireError::Unreachable("nobody listens".to_owned())));
            }
            return;
        };
        let (service, sender) = (Arc::clone(&there.service), from.clone());
        let served = spawn_in(there.process, async move {
            match service.admit(&sender).map(|()| service.serve(&sender, &body, ttl)) {
                Ok(Ok(serving)) => Some(serving.await),
                Ok(Err(_)) | Err(_) => None,
            }
        });
        let Ok(Some(reply)) = served.await else { return };
        let Some(answer) = answer else { return };
        let (arrives, _) = self.fate((to, there.place), (from.id, place), lane);
        let Some(arrives) = arrives else { return SimRuntime::sleep(ttl).await };
        SimRuntime::sleep_until(arrives).await;
        let _ = answer.send(Ok(reply));
    }
}

type Answer = tokio::sync::oneshot::Sender<Result<Vec<u8>, WireError>>;

struct Message {
    from: Sender,
    place: Place,
    to: u64,
    lane: Lane,
    body: Vec<u8>,
    ttl: Duration,
}

/// The outgoing half of one node's network: it ends with its process.
pub struct SimWire {
    net: Net,
    sender: Sender,
    place: Place,
    process: Process,
}

impl Wire for SimWire {
    fn send(
        &self,
        to: u64,
        _peer: &Peer,
        lane: Lane,
        body: Vec<u8>,
        ttl: Duration,
    ) -> BoxFuture<'static, Result<Vec<u8>, WireError>> {
        if !self.process.lives() {
            return futures::future::pending().boxed();
        }
        let (answer, answered) = tokio::sync::oneshot::channel();
        let net = self.net.clone();
        let on = (self.sender.id, to, lane);
        if !net.begin(on) {
            return futures::future::ready(Err(WireError::Busy)).boxed();
        }
        let message = Message { from: self.sender.clone(), place: self.place, to, lane, body, ttl };
        drop(spawn_in(WORLD, async move {
            net.clone().carry(message, Some(answer)).await;
            net.end(on);
        }));
        let waiting = <Runtime as AsyncRuntime>::timeout(ttl, answered);
        async move {
            match waiting.await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(WireError::Lost("the message got lost".to_owned())),
                Err(_) => Err(WireError::TimedOut { sent: true }),
            }
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
}
