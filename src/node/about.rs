//! What each node says of itself: where its admin API is, its version, and the newest feature level that it understands.
//!
//! Nodes ask each other, and remember the last answer of each: an address may change at any restart, so nothing of this is
//! replicated. Nothing that the cluster decides hangs on it.

use super::{
    Machine,
    peer::{Answer, Call, ask, incarnation},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tenure_core::{ForeignText, Level};
use tenure_raft::{Handle, Status};
use tokio_util::sync::CancellationToken;

/// Time that another node has to answer.
const REACH: Duration = Duration::from_millis(500);
/// Time between two rounds.
const EVERY: Duration = Duration::from_secs(10);

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The address of its admin API: `host:port`.
    pub api: ForeignText,
    /// Its version.
    pub version: ForeignText,
    /// The newest feature level that it understands.
    pub level: Level,
}

impl About {
    /// What this node says.
    pub fn me(api: &str) -> Self {
        About { api: api.into(), version: crate::VERSION.into(), level: Level::NEWEST }
    }
}

/// What the members say of themselves, as far as this node has heard.
pub struct Abouts {
    me: About,
    heard: Mutex<BTreeMap<u64, About>>,
}

impl Abouts {
    /// Begins with what this node says.
    pub fn new(me: About) -> Self {
        Abouts { me, heard: Mutex::default() }
    }

    /// What this node says.
    pub fn me(&self) -> &About {
        &self.me
    }

    /// What a member said last.
    pub fn of(&self, id: u64, status: &Status) -> Option<About> {
        if id == status.id {
            return Some(self.me.clone());
        }
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Asks all other members at once; returns those that do not answer, and why. What they said before is remembered.
    pub async fn ask(&self, raft: &Handle<Machine>) -> BTreeMap<u64, String> {
        let status = raft.status();
        let others: Vec<u64> = status.members.all().map(|(id, _)| id).filter(|id| *id != status.id).collect();
        let look = async |id: u64| (id, ask(raft, incarnation(), id, &Call::About, REACH).await);
        let answers = futures::future::join_all(others.iter().map(|id| look(*id))).await;
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.retain(|id, _| others.contains(id));
        let mut silent = BTreeMap::new();
        for (id, answer) in answers {
            match answer {
                Ok(Answer::About(about)) => drop(heard.insert(id, about)),
                // It lives.
                Ok(_) => {}
                Err(why) => drop(silent.insert(id, why.to_string())),
            }
        }
        silent
    }

    /// Asks again and again, and at once when there are other members.
    pub async fn run(&self, raft: Handle<Machine>, stop: CancellationToken) {
        let mut changes = raft.changed();
        let members = |status: &Status| -> Vec<u64> { status.members.all().map(|(id, _)| id).collect() };
        loop {
            let asked = members(&raft.status());
            self.ask(&raft).await;
            let others = async {
                while members(&raft.status()) == asked {
                    if changes.changed().await.is_err() {
                        // Consensus has ended; so will this.
                        std::future::pending::<()>().await;
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
                () = others => {}
            }
        }
    }
}
