//! Readings shared by all concurrent requests: one command to the HMC per server at a time, however many orders wait.
//! Every request gets a reading that began after it.

use super::Performer;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tenure_core::{Reading, ServerName};
use tokio::sync::oneshot;

/// Reads servers, one reading of each at a time.
#[derive(Clone)]
pub struct Reader {
    performer: Arc<Performer>,
    waiting: Arc<Mutex<BTreeMap<ServerName, Vec<oneshot::Sender<Reading>>>>>,
}

impl Reader {
    /// A reader through this performer.
    pub fn new(performer: Arc<Performer>) -> Self {
        Reader { performer, waiting: Arc::default() }
    }

    /// A reading of the server that begins after this call. `None` only while the runtime shuts down.
    pub async fn read(&self, server: &ServerName) -> Option<Reading> {
        let (answer, reading) = oneshot::channel();
        let first = self.enqueue(server, answer);
        if first {
            tokio::spawn(self.clone().serve(server.clone()));
        }
        reading.await.ok()
    }

    /// Reads until nobody waits. The entry in the map stands for this task; all requests in it when a reading begins
    /// share the reading.
    async fn serve(self, server: ServerName) {
        loop {
            let asked = self.take(&server);
            if asked.is_empty() {
                return;
            }
            let reading = self.performer.read(&server).await;
            for answer in asked {
                // A requester may have stopped waiting.
                let _ = answer.send(reading.clone());
            }
        }
    }

    /// The waiting requests. If there are none, the next one starts a task of its own.
    fn take(&self, server: &ServerName) -> Vec<oneshot::Sender<Reading>> {
        let mut waiting = self.lock();
        let asked = waiting.get_mut(server).map(std::mem::take).unwrap_or_default();
        if asked.is_empty() {
            waiting.remove(server);
        }
        asked
    }

    /// Adds a request; returns whether no task reads this server yet.
    fn enqueue(&self, server: &ServerName, answer: oneshot::Sender<Reading>) -> bool {
        let mut waiting = self.lock();
        let first = !waiting.contains_key(server);
        waiting.entry(server.clone()).or_default().push(answer);
        first
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ServerName, Vec<oneshot::Sender<Reading>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
