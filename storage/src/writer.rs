//! The one thread that writes: it takes ops in order and makes everything that is queued durable with one sync.
//!
//! What a purge leaves is removed a little at a time, after what somebody waits for.
//!
//! Promises: nothing is acknowledged before the sync that covers it; after the first error nothing is written any more and
//! every waiting op is told so.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use futures::future::{BoxFuture, FutureExt};
use thiserror::Error;
use tokio::sync::mpsc;

use crate::backend::LogBackend;
use crate::op::{Done, Op};
use crate::submit::Submit;

/// The most ops that wait for the thread. Past that, whoever submits waits.
const QUEUE_LIMIT: usize = 4096;
/// The most ops that share one sync, so that the first of a flood is not acknowledged only with its last.
const GROUP_LIMIT: usize = 1024;

/// The most records of a purge that are removed at a time while nothing is written. Whoever comes then waits for them.
const TIDY_RECORDS: usize = 128;
/// Records of a purge that are removed for each entry that is written, so that removing keeps up with any load.
const TIDY_PER_ENTRY: usize = 2;

/// A write failed. Shared, because all ops of the same group fail with it.
#[derive(Clone, Debug, Error)]
#[error("{action}")]
struct WriteFailed {
    action: &'static str,
    #[source]
    source: Arc<io::Error>,
}

impl WriteFailed {
    fn new(action: &'static str) -> impl Fn(io::Error) -> WriteFailed {
        move |source| WriteFailed { action, source: Arc::new(source) }
    }

    fn to_io(&self) -> io::Error {
        // `io::Error` prints only the outermost message, and this one ends up in the log of a dying node.
        io::Error::new(self.source.kind(), format!("{self}: {}", self.source))
    }
}

/// Hands ops to the thread. Dropping it lets the thread finish queued ops, and waits for that.
pub struct Writer {
    queue: Option<mpsc::Sender<(Op, Done)>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(backend: Box<dyn LogBackend>) -> io::Result<Self> {
        let (queue, ops) = mpsc::channel(QUEUE_LIMIT);
        let thread = thread::Builder::new().name("log-writer".to_owned()).spawn(move || run(backend, ops))?;
        Ok(Writer { queue: Some(queue), thread: Some(thread) })
    }
}

impl Submit for Writer {
    fn submit(&mut self, op: Op, done: Done) -> BoxFuture<'_, ()> {
        async move {
            if let Some(queue) = &self.queue {
                // If the thread is gone, the op comes back and its `Done` reports that when it is dropped.
                let _ = queue.send((op, done)).await;
            }
        }
        .boxed()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the log writer panicked");
        }
    }
}

fn run(mut backend: Box<dyn LogBackend>, mut ops: mpsc::Receiver<(Op, Done)>) {
    let (mut unsynced, mut untidy) = (false, false);
    while let Some(first) = if untidy { next(&mut ops) } else { ops.blocking_recv().map(Some) } {
        let mut records = TIDY_RECORDS;
        let mut written = Ok(());
        if let Some(first) = first {
            let group = Group::gather(first, &mut ops);
            written = group.write(backend.as_mut());
            unsynced = !group.wants_sync();
            records = records.max(TIDY_PER_ENTRY * group.entries());
            for done in group.dones {
                done.complete(written.as_ref().copied().map_err(WriteFailed::to_io));
            }
        }
        let tidied = written.and_then(|()| backend.tidy(records).map_err(WriteFailed::new("purge of the log")));
        match tidied {
            Ok(more) => untidy = more,
            Err(error) => {
                tracing::error!(error = %error.to_io(), "log writer stopped");
                return;
            }
        }
    }
    // Nobody waits for these, but a clean stop should not make the next start redo a purge.
    if unsynced && let Err(error) = backend.sync() {
        tracing::warn!(%error, "last sync of the log failed; nothing acknowledged is affected");
    }
}

/// The next op, if one waits. `None` once there will be none.
fn next(ops: &mut mpsc::Receiver<(Op, Done)>) -> Option<Option<(Op, Done)>> {
    match ops.try_recv() {
        Ok(op) => Some(Some(op)),
        Err(mpsc::error::TryRecvError::Empty) => Some(None),
        Err(mpsc::error::TryRecvError::Disconnected) => None,
    }
}

/// Ops that share one sync, and everyone who waits for it.
struct Group {
    ops: Vec<Op>,
    dones: Vec<Done>,
}

impl Group {
    /// Takes the queued ops. Successive appends become one: to the disk a batch costs about as much as an entry.
    fn gather(first: (Op, Done), queue: &mut mpsc::Receiver<(Op, Done)>) -> Self {
        let mut group = Group { ops: vec![first.0], dones: vec![first.1] };
        while group.dones.len() < GROUP_LIMIT
            && let Ok((op, done)) = queue.try_recv()
        {
            match (group.ops.last_mut(), op) {
                (Some(Op::Append(before)), Op::Append(entries)) => before.extend(entries),
                (_, op) => group.ops.push(op),
            }
            group.dones.push(done);
        }
        group
    }

    /// The number of entries that are appended.
    fn entries(&self) -> usize {
        let appended = self.ops.iter().map(|op| if let Op::Append(entries) = op { entries.len() } else { 0 });
        appended.sum()
    }

    fn wants_sync(&self) -> bool {
        self.dones.iter().any(Done::wants_sync)
    }

    fn write(&self, backend: &mut dyn LogBackend) -> Result<(), WriteFailed> {
        for op in &self.ops {
            backend.apply(op).map_err(WriteFailed::new("write to the log"))?;
        }
        if self.wants_sync() {
            backend.sync().map_err(WriteFailed::new("sync of the log"))?;
        }
        Ok(())
    }
}
