//! Carrying out what the machine wants: messages, proposals, readings, commands. What comes of it is the next input.

use super::{
    Machine,
    codec::{self, Kind},
    ending::Ending,
    heart::Heart,
    peer::{self, ask},
    standing::id_of,
};
use crate::agent::{carry, moment};
use std::{sync::Arc, sync::atomic::Ordering::Release, time::Duration};
use tenure_core::{
    Command, Entry, Ledger, NodeName, Outcome, Refusal, Span, Time,
    carry::{Answer, Ask},
    command::Author,
    node::{self, Call, Effect, End, Fate, Proposal, Taken},
};
use tenure_raft::{Handle, ProposeError, Proposed};

/// Longest time that a proposal may take before it is looked at again.
const PROPOSAL: Duration = Duration::from_secs(5);
/// How long a process that stops tries to have it written down why.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Heart {
    /// Carries out effects in the order in which they were wanted.
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Follow(ledger) => self.follow(&ledger),
                Effect::Clock(clock) => self.clock.set(clock),
                Effect::Leased(lease) => self.lease.set(lease),
                Effect::Call { to, call, within } => self.call(to, call, within),
                Effect::Propose { of, commands, at } => self.propose(of, commands, at),
                Effect::CatchUp(term) => self.catch_up(term),
                Effect::Read(server) => {
                    let (reader, hands, own) = (self.reader.clone(), Arc::clone(&self.hands), self.own.clone());
                    self.tasks.spawn(async move {
                        let reading = reader.read(&server).await;
                        let blind = hands.reach().is_blind();
                        let _ = own.send(node::Input::Read { server, reading, blind }).await;
                    });
                }
                Effect::Look => self.hands.agents().probe(),
                Effect::AskInside => self.soon.push_back(node::Input::Inside(self.hands.agents().inside())),
                Effect::AskHeld => {
                    let (held, has_watchdog) = (self.hands.agents().held(), self.has_watchdog);
                    self.soon.push_back(node::Input::Held { held, has_watchdog });
                }
                Effect::Carry { order, ask } => {
                    let (hands, reader, own, id) =
                        (Arc::clone(&self.hands), self.reader.clone(), self.own.clone(), order.id);
                    let task = tokio::spawn(async move {
                        let answer = carry::carry(hands, reader, &order, &ask).await;
                        let _ = own.send(node::Input::Answered { order: order.id, answer }).await;
                    });
                    self.carried.insert(id, task.abort_handle());
                }
                Effect::Mark { order, server, resource } => {
                    let (hands, own) = (Arc::clone(&self.hands), self.own.clone());
                    let task = tokio::spawn(async move {
                        hands.mark(&server, &resource).await;
                        let _ = own.send(node::Input::Marked(order)).await;
                    });
                    self.carried.insert(order, task.abort_handle());
                }
                Effect::Drop(order) => {
                    if let Some(task) = self.carried.remove(&order) {
                        task.abort();
                    }
                }
                Effect::Concede { resource, ask, last } => {
                    let (hands, own) = (Arc::clone(&self.hands), self.own.clone());
                    self.tasks.spawn(async move {
                        let answer = concede(&hands, &ask, last).await;
                        let _ = own.send(node::Input::Conceded { resource, answer }).await;
                    });
                }
                Effect::Distrust(term) => {
                    match term {
                        0 => tracing::info!("the leader decides after all"),
                        _ => tracing::error!(
                            term,
                            "the leader's heartbeats come, but it decides nothing: this node does not believe that it leads"
                        ),
                    }
                    self.raft.distrust(term);
                }
                Effect::Stop { end, words } => self.stop_saying(end, words),
            }
        }
    }

    /// The ledger has moved: what is derived from it follows, and what it wrote down is told.
    fn follow(&mut self, ledger: &Ledger) {
        if self.configured != Some(ledger.configured) {
            self.configured = Some(ledger.configured);
            self.hands.configure(&ledger.config);
        }
        self.followed.store(ledger.index, Release);
        self.mind_logins(ledger);
        self.publish(ledger);
        self.hands.agents().follow(ledger);
    }

    fn call(&mut self, to: NodeName, call: Call, within: Span) {
        let beat = matches!(call, Call::Heartbeat { .. });
        let Some(id) = id_of(&self.raft.status(), &to) else {
            if beat {
                self.soon.push_back(node::Input::Beaten { to, asked: moment::now(), answer: None });
            }
            return;
        };
        let (raft, own, within) = (self.raft.clone(), self.own.clone(), Duration::from_millis(within.0));
        self.tasks.spawn(async move {
            let asked = moment::now();
            let answer = match ask(&raft, id, &peer::Call::Node(call), within).await {
                Ok(peer::Answer::Node(answer)) => Some(answer),
                Ok(_) => None,
                Err(why) => {
                    tracing::debug!(%to, %why, "not delivered; it will be said again");
                    None
                }
            };
            if beat {
                let _ = own.send(node::Input::Beaten { to, asked, answer }).await;
            }
        });
    }

    fn propose(&mut self, of: Proposal, commands: Vec<Command>, at: Time) {
        let author = match of {
            Proposal::Plan(_) | Proposal::Finding => Author::Planner(self.me.clone()),
            Proposal::Report(_) | Proposal::Enlist => Author::Agent(self.me.clone()),
        };
        let entry = Entry { at, wall: at, author, commands };
        let (raft, own) = (self.raft.clone(), self.own.clone());
        self.tasks.spawn(async move {
            let bytes = codec::encode(Kind::Entry, &entry);
            let input = match of {
                // What this leader decided is committed under this leader, or never.
                Proposal::Plan(term) => {
                    let ended = raft.propose_as_leader(term, bytes, PROPOSAL).await;
                    let fate = match &ended {
                        Ok(_) => Fate::Committed,
                        Err(ProposeError::Unknown { .. }) => Fate::Unknown,
                        Err(_) => Fate::Refused,
                    };
                    if let Err(why) = ended {
                        tracing::warn!(%why, "decisions not committed yet");
                    }
                    node::Input::Planned { term, fate }
                }
                Proposal::Report(order) => {
                    let taken = match raft.propose(bytes, PROPOSAL).await {
                        Ok(taken) if !is_unheard(&taken.reply) => Taken::Yes,
                        Ok(_) => {
                            tracing::debug!(%order, "this process is not entered yet");
                            Taken::No
                        }
                        Err(why) => {
                            tracing::warn!(%order, %why, "report not taken yet");
                            Taken::No
                        }
                    };
                    node::Input::Reported { order, taken }
                }
                Proposal::Enlist => {
                    let taken = propose_somehow(&raft, bytes, PROPOSAL).await;
                    if let Err(why) = &taken {
                        tracing::debug!(%why, "this process is not entered yet");
                    }
                    node::Input::Enlisted(taken.ok().map(|taken| taken.index))
                }
                Proposal::Finding => {
                    tracing::error!(?entry.commands, "ledgers differ");
                    if let Err(why) = raft.propose(bytes, PROPOSAL).await {
                        tracing::warn!(%why, "that ledgers differ is not written down");
                    }
                    return;
                }
            };
            let _ = own.send(input).await;
        });
    }

    /// Lets this leader plan once it has caught up with what leaders before it decided.
    fn catch_up(&self, term: u64) {
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
                    let _ = own.send(node::Input::CaughtUp(term)).await;
                    return;
                }
            }
        });
    }

    /// Ends this process, once it has been written down why, or that is not possible.
    fn stop_saying(&self, end: End, words: Option<Command>) {
        let ending = match end {
            End::Twice => Ending::Twice("it began later, and the cluster goes by that one now".to_owned()),
            End::Diverged(at) => Ending::Diverged { at },
        };
        let Some(command) = words else {
            self.ended.send_replace(Some(ending));
            return;
        };
        let at = self.clock.now();
        let entry = Entry { at, wall: at, author: Author::Agent(self.me.clone()), commands: vec![command] };
        let (raft, ended) = (self.raft.clone(), self.ended.clone());
        self.tasks.spawn(async move {
            if let Err(why) = propose_somehow(&raft, codec::encode(Kind::Entry, &entry), LAST_WORDS).await {
                tracing::warn!(%why, "why this node stops is not written down");
            }
            ended.send_replace(Some(ending));
        });
    }
}

/// An agent is asked because this node is alone.
async fn concede(hands: &crate::agent::Hands, ask: &Ask, last: bool) -> Answer {
    let agents = hands.agents();
    let Ask::Look(resource) = ask else {
        tracing::warn!(?ask, "no lease for too long: what must not run twice is stopped");
        return agents.act(&hands.cluster(), ask).await;
    };
    let seen = agents.look(resource).await;
    match (seen.power.is_inactive(), last) {
        (true, _) => tracing::info!(%resource, "stopped"),
        (false, true) => tracing::error!(%resource, power = %seen.power, "cannot be stopped"),
        (false, false) => tracing::warn!(%resource, power = %seen.power, "does not stop; it is stopped by force"),
    }
    Answer::Looked(seen)
}

/// By the way that there is. A second process of a node hears no leader, since the leader calls the first one; that there is
/// one it learns from the others, when it asks for their votes.
async fn propose_somehow(raft: &Handle<Machine>, command: Vec<u8>, within: Duration) -> Result<Proposed, ProposeError> {
    match (raft.status().leader, raft.rumoured_leader()) {
        (None, Some(leader)) => raft.propose_at(leader, command, within).await,
        (Some(_), _) | (None, None) => raft.propose(command, within).await,
    }
}

/// Whether what this process reported was refused because it is not, or not yet, the one that runs its node.
fn is_unheard(reply: &[u8]) -> bool {
    let outcome = codec::decode::<Outcome>(Kind::Outcome, reply);
    outcome.is_ok_and(|outcome| matches!(outcome.refusal(), Some(Refusal::OlderProcess { .. })))
}
