//! A network with delays, losses and cuts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use openraft::Instant;
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::{SimInstant, SimRuntime};
use rand::RngExt;
use tenure_raft::Peer;
use tenure_raft::wire::{Lane, Sender, Service, Wire, WireError};

/// One message in so many is lost.
const LOSS: u32 = 200;

#[derive(Clone, Default)]
pub struct Net(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    services: BTreeMap<u64, Arc<dyn Service>>,
    cut: BTreeSet<u64>,
    /// Whether messages take up to 100 ms, and one packet in a hundred is lost and sent again, as TCP does.
    rough: bool,
    /// Arrival time of the last message on each connection: the next one does not overtake it.
    last: BTreeMap<(u64, u64, Lane), SimInstant>,
}

impl Net {
    pub fn plug(&self, id: u64, service: Arc<dyn Service>) {
        self.0.lock().unwrap().services.insert(id, service);
    }

    pub fn unplug(&self, id: u64) {
        let service = self.0.lock().unwrap().services.remove(&id);
        drop(service);
    }

    /// Cuts these nodes off from the others; among themselves they still talk.
    pub fn cut(&self, ids: &[u64]) {
        self.0.lock().unwrap().cut = ids.iter().copied().collect();
    }

    /// A bad network from here on: late messages, and none that never comes.
    pub fn roughen(&self) {
        self.0.lock().unwrap().rough = true;
    }

    pub fn wire(&self, id: u64) -> SimWire {
        SimWire { net: self.clone(), id }
    }

    fn loses(&self) -> bool {
        !self.0.lock().unwrap().rough && SimRuntime::thread_rng().random_range(0..LOSS) == 0
    }

    fn reaches(&self, from: u64, to: u64) -> bool {
        let state = self.0.lock().unwrap();
        state.cut.contains(&from) == state.cut.contains(&to)
    }

    fn arrival(&self, from: u64, to: u64, lane: Lane) -> SimInstant {
        let mut rng = SimRuntime::thread_rng();
        let mut state = self.0.lock().unwrap();
        let delay = match rng.random_range(0..100) {
            _ if state.rough => rough(&mut rng),
            0 => rng.random_range(5_000..60_000),
            _ => rng.random_range(100..1_500),
        };
        let at = SimInstant::now() + Duration::from_micros(delay);
        let last = state.last.entry((from, to, lane)).or_insert(at);
        *last = at.max(*last + Duration::from_nanos(1));
        *last
    }
}

pub struct SimWire {
    net: Net,
    id: u64,
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
        let (net, from) = (self.net.clone(), self.id);
        let (answer, answered) = tokio::sync::oneshot::channel();
        let there = net.arrival(from, to, lane);
        drop(SimRuntime::spawn(async move {
            SimRuntime::sleep_until(there).await;
            if net.loses() || !net.reaches(from, to) {
                return SimRuntime::sleep(ttl).await;
            }
            let Some(service) = net.0.lock().unwrap().services.get(&to).cloned() else {
                let _ = answer.send(Err(WireError::Unreachable("nobody listens".to_owned())));
                return;
            };
            let sender = Sender { id: from, name: format!("p{from}") };
            let Ok(serving) = service.serve(&sender, &body, ttl) else {
                return;
            };
            drop(service);
            let reply = serving.await;
            SimRuntime::sleep_until(net.arrival(to, from, lane)).await;
            if net.loses() || !net.reaches(to, from) {
                return SimRuntime::sleep(ttl).await;
            }
            let _ = answer.send(Ok(reply));
        }));
        async move {
            match SimRuntime::timeout(ttl, answered).await {
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

/// Time in microseconds, with that of packets that are lost: each is sent again after 200 ms, then after twice that, and so on.
fn rough(rng: &mut impl RngExt) -> u64 {
    let mut delay = rng.random_range(0..100_000);
    let mut again = 200_000;
    while rng.random_range(0..100) == 0 {
        delay += again;
        again *= 2;
    }
    delay
}
