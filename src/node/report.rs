//! Answering orders: an order is reported until the ledger has taken the answer, or no longer asks for it.

use super::{
    Machine,
    codec::{self, Kind},
    heart::{Heart, PROPOSAL},
    peer::incarnation,
    presence,
};
use crate::agent::Finished;
use std::time::Duration;
use tenure_core::{Command, Entry, OrderId, command::Author};
use tenure_raft::Handle;

/// Longest wait between two reports of the same order.
const REPORT_AGAIN: Duration = Duration::from_secs(1);

impl Heart {
    /// Reports an order until the ledger has taken the answer, or no longer asks for it.
    pub(super) fn report(&mut self, finished: Finished) {
        let Finished { report } = finished;
        let (raft, me, clock, stop) = (self.raft.clone(), self.me.clone(), self.clock.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let id = report.order;
            while is_open(&raft, id) && !stop.is_cancelled() {
                let speaker = Command::SpokenBy { node: me.clone(), incarnation: incarnation() };
                let commands = vec![speaker, Command::Report(report.clone())];
                let entry = Entry { at: clock.now(), wall: clock.now(), author: Author::Agent(me.clone()), commands };
                match raft.propose(codec::encode(Kind::Entry, &entry), PROPOSAL).await {
                    Ok(taken) if !presence::is_unheard(&taken.reply) => return,
                    Ok(_) => tracing::debug!(order = %id, "this process is not entered yet"),
                    Err(why) => tracing::warn!(order = %id, %why, "report not taken yet"),
                }
                tokio::time::sleep(REPORT_AGAIN).await;
            }
        });
    }
}

fn is_open(raft: &Handle<Machine>, id: OrderId) -> bool {
    raft.state(|machine| machine.ledger().orders.contains_key(&id))
}
