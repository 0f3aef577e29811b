//! The runtime of consensus and of the nodes in a run: `openraft-rt-sim`, extended by processes and machines.
//!
//! Every task belongs to a process, and every process to a machine; a spawned task inherits the process. A process
//! can be killed, which drops its tasks at their current point, or held, which pauses them there. A machine has its
//! own clocks, which its processes read and sleep by. Tasks outside any node belong to the world: it always runs, by
//! true time.

mod gate;
mod machines;
mod sleep;

pub use gate::{Ended, JoinHandle};
pub use machines::{Machine, Process, WORLD, take_panics};
pub use sleep::{Elapsed, LocalInstant, Sleep, Timeout};

use gate::Gate;
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use std::{future::Future, io, time::Duration};

/// The runtime. See the [module](self).
#[derive(Debug)]
pub struct Runtime;

type Inner = SimRuntime;

/// Runs a future in a fresh world from one seed; returns also the scheduler's trace, if requested.
pub fn run<F: Future>(seed: u64, traced: bool, future: F) -> (F::Output, Vec<String>) {
    machines::reset();
    let mut runtime = SimRuntime::with_seed(seed);
    runtime.record_trace(traced);
    let output = runtime.block_on(future);
    let trace = runtime.take_trace();
    drop(runtime);
    machines::reset();
    (output, trace)
}

/// Spawns a task into a process.
pub fn spawn_in<F>(process: Process, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (tell, told) = tokio::sync::oneshot::channel();
    let gate = Gate::new(process, future);
    drop(Inner::spawn(async move {
        // The spawner may not wait for it.
        let _ = tell.send(gate.await);
    }));
    JoinHandle::new(told)
}

impl AsyncRuntime for Runtime {
    type JoinError = Ended;
    type JoinHandle<T: Send + 'static> = JoinHandle<T>;
    type Sleep = Sleep;
    type Instant = LocalInstant;
    type TimeoutError = Elapsed;
    type Timeout<R, T: Future<Output = R> + Send> = Timeout<T>;
    type ThreadLocalRng = <Inner as AsyncRuntime>::ThreadLocalRng;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + Send + 'static,
        T::Output: Send + 'static,
    {
        spawn_in(Process::current(), future)
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        Sleep::until(LocalInstant::now() + duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        Sleep::until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + Send>(duration: Duration, future: F) -> Self::Timeout<R, F> {
        Timeout::new(future, Self::sleep(duration))
    }

    fn timeout_at<R, F: Future<Output = R> + Send>(deadline: Self::Instant, future: F) -> Self::Timeout<R, F> {
        Timeout::new(future, Self::sleep_until(deadline))
    }

    fn is_panic(error: &Self::JoinError) -> bool {
        matches!(error, Ended::Panicked(_))
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        Inner::thread_rng()
    }

    type Mpsc = <Inner as AsyncRuntime>::Mpsc;
    type Watch = <Inner as AsyncRuntime>::Watch;
    type Oneshot = <Inner as AsyncRuntime>::Oneshot;
    type Mutex<T: Send + 'static> = <Inner as AsyncRuntime>::Mutex<T>;

    fn new(threads: usize) -> Self {
        drop(<Inner as AsyncRuntime>::new(threads));
        Runtime
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        run(0, false, future).0
    }

    fn spawn_blocking<F, T>(f: F) -> impl Future<Output = Result<T, io::Error>> + Send
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Inner::spawn_blocking(f)
    }
}

openraft::declare_raft_types!(
    /// The product's configuration of consensus, on this runtime.
    pub SimTypes:
        D = tenure_storage::Command,
        R = tenure_storage::Reply,
        NodeId = u64,
        Node = tenure_storage::Peer,
        LeaderId = tenure_storage::LeaderId,
        Vote = tenure_storage::Vote,
        Payload = tenure_storage::Payload,
        Entry = tenure_storage::Entry,
        AsyncRuntime = Runtime,
);
