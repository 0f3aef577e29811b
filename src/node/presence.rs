//! Whether this process is the one that runs its node, and whether the leader leads: what a heartbeat brings beside a lease.

use super::{
    Machine,
    codec::{self, Kind},
    ending::Ending,
    heart::{Heart, Input, PROPOSAL, Role, name_of},
    machine::Digest,
    peer::{Answer, incarnation},
};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use tenure_core::{Command, Entry, NodeName, Outcome, Refusal, command::Author, ledger::Incarnation};
use tenure_raft::{Handle, ProposeError, Proposed, Status};

/// How long a process that stops tries to have it written down why.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Heart {
    /// Lets this leader plan once it has caught up with what leaders before it decided.
    pub(super) fn catch_up(&self, term: u64) {
        let (raft, own, stop) = (self.raft.clone(), self.own.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            // Entries of earlier terms are applied once an entry of this one is: nothing is planned on old knowledge. A
            // consensus that has died goes on saying that it leads.
            while raft.status().is_leader && raft.status().term == term && raft.status().failed.is_none() {
                let passed = tokio::select! {
                    () = stop.cancelled() => return,
                    passed = raft.barrier(PROPOSAL) => passed,
                };
                if passed.is_ok() {
                    let _ = own.send(Input::Ready(term)).await;
                    return;
                }
            }
        });
    }

    /// Has this process entered for its node, until it is.
    pub(super) fn enlist(&mut self, status: &Status) {
        let way = Way::now(&self.raft, status);
        if self.enlisted.is_some() || self.enlisting || way == Way::None {
            return;
        }
        self.enlisting = true;
        let (raft, own) = (self.raft.clone(), self.own.clone());
        let entry = self.says(vec![Command::Enlist { node: self.me.clone(), incarnation: incarnation() }]);
        self.tasks.spawn(async move {
            let taken = way.propose(&raft, &entry, PROPOSAL).await;
            if let Err(why) = &taken {
                tracing::debug!(%why, "this process is not entered yet");
            }
            let _ = own.send(Input::Enlisted(taken.ok().map(|taken| taken.index))).await;
        });
    }

    /// The leader may have stopped deciding anything while its consensus goes on beating.
    pub(super) fn look_at_leader(&mut self, status: &Status) {
        let leader = status.leader.or(status.distrusted).filter(|_| !status.is_leader);
        let timings = self.hands.cluster().timings.clone();
        let patience = Duration::from_millis(timings.suspect.0.saturating_add(timings.lease.0));
        let lost = self.faith.lost(leader.map(|leader| (leader, status.term)), patience, Instant::now());
        if lost && status.distrusted.is_none() {
            let leader = leader.and_then(|id| name_of(status, id)).map(|node| node.to_string()).unwrap_or_default();
            tracing::error!(
                leader,
                term = status.term,
                "the leader's heartbeats come, but it decides nothing: this node does not believe that it leads"
            );
            self.raft.distrust(status.term);
        }
    }

    /// The leader has answered a heartbeat.
    pub(super) fn answered(&mut self, leader: u64, answer: &Answer) {
        match answer {
            Answer::Lease { .. } | Answer::NoLease { .. } => {}
            Answer::OtherProcess { at } => self.superseded(*at),
            Answer::Diverged { at } => self.end(Ending::Diverged { at: *at }),
            // It decides nothing now, or this is no answer to a heartbeat.
            Answer::NotYet
            | Answer::NotLeader
            | Answer::Taken
            | Answer::Checked { .. }
            | Answer::Said(_)
            | Answer::Agents(_)
            | Answer::Agent(_)
            | Answer::Member(_)
            | Answer::MemberRefused(_)
            | Answer::MemberUnknown(_) => return,
        }
        self.faith.decides(leader, Instant::now());
        if self.raft.status().distrusted == Some(leader) {
            tracing::info!("the leader decides after all");
            self.raft.distrust(0);
        }
    }

    /// Another process than this one is entered for this node, by a ledger that has applied the log up to `at`. If that is
    /// since this one was, there are two.
    pub(super) fn superseded(&mut self, at: u64) {
        if self.enlisted.is_none_or(|since| at < since) {
            return;
        }
        self.lease.drop_it();
        self.end_saying(
            Command::Twice { node: self.me.clone(), older: incarnation() },
            Ending::Twice("it began later, and the cluster goes by that one now".to_owned()),
        );
    }

    /// On the leader: up to where the log was applied when another process of this node was already entered.
    pub(super) fn other_process(&self, from: u64, by: Incarnation) -> Option<u64> {
        let ledger = self.raft.state(Machine::ledger);
        let node = name_of(&self.raft.status(), from)?;
        (!ledger.is_present(&node, by)).then_some(ledger.index)
    }

    /// Compares a node's ledger with the others'.
    pub(super) fn compare(&mut self, node: &NodeName, digest: Option<Digest>, status: &Status) {
        let (Some(digest), Role::Leader { digests, .. }) = (digest, &mut self.role) else { return };
        let voters: BTreeSet<NodeName> =
            status.voters.values().map(|peer| NodeName::from(peer.name.as_str())).collect();
        let Some(finding) = digests.tell(node, digest, &voters) else { return };
        tracing::error!(?finding, "ledgers differ");
        let (at, stop) = (finding.at, finding.stop);
        let mine = stop && finding.nodes.contains(&self.me);
        let command = Command::Diverged { nodes: finding.nodes, at, stop };
        if mine {
            self.end_saying(command, Ending::Diverged { at });
            return;
        }
        let (raft, entry) = (self.raft.clone(), Entry::planned(self.clock.now(), self.me.clone(), vec![command]));
        self.tasks.spawn(async move {
            if let Err(why) = raft.propose(codec::encode(Kind::Entry, &entry), PROPOSAL).await {
                tracing::warn!(%why, "that ledgers differ is not written down");
            }
        });
    }

    /// Ends this node, once it has been written down why, or that is not possible.
    fn end_saying(&mut self, command: Command, ending: Ending) {
        if self.ending {
            return;
        }
        self.ending = true;
        let (raft, ended, entry) = (self.raft.clone(), self.ended.clone(), self.says(vec![command]));
        let way = Way::now(&raft, &raft.status());
        self.tasks.spawn(async move {
            if let Err(why) = way.propose(&raft, &entry, LAST_WORDS).await {
                tracing::warn!(%why, "why this node stops is not written down");
            }
            ended.send_replace(Some(ending));
        });
    }

    fn end(&mut self, ending: Ending) {
        self.ending = true;
        self.ended.send_replace(Some(ending));
    }

    fn says(&self, commands: Vec<Command>) -> Entry {
        Entry { at: self.clock.now(), wall: self.clock.now(), author: Author::Agent(self.me.clone()), commands }
    }
}

/// How this process reaches the log. A second process of a node hears no leader, since the leader calls the first one; that
/// there is one it learns from the others, when it asks for their votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    None,
    Leader,
    Rumour(u64),
}

impl Way {
    fn now(raft: &Handle<Machine>, status: &Status) -> Way {
        match (status.leader, raft.rumoured_leader()) {
            (Some(_), _) => Way::Leader,
            (None, Some(leader)) => Way::Rumour(leader),
            (None, None) => Way::None,
        }
    }

    async fn propose(self, raft: &Handle<Machine>, entry: &Entry, within: Duration) -> Result<Proposed, ProposeError> {
        let command = codec::encode(Kind::Entry, entry);
        match self {
            Way::Rumour(leader) => raft.propose_at(leader, command, within).await,
            Way::Leader | Way::None => raft.propose(command, within).await,
        }
    }
}

/// Whether what this process reported was refused because it is not, or not yet, the one that runs its node.
pub(super) fn is_unheard(reply: &[u8]) -> bool {
    let outcome = codec::decode::<Outcome>(Kind::Outcome, reply);
    outcome.is_ok_and(|outcome| matches!(outcome.refusal(), Some(Refusal::OlderProcess { .. })))
}
