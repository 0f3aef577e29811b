//! Carrying out the effects of the node machine: messages, proposals, readings, commands. Their results are its next
//! inputs.

use super::{
    ending::Ending,
    event_loop::EventLoop,
    peer::{self, ask, incarnation},
    propose,
    standing::id_of,
    voters,
};
use crate::{
    hypervisor::Urgency,
    performer::{After, Performer, ask, moment},
};
use std::{sync::Arc, sync::atomic::Ordering::Release, time::Duration};
use tenure_core::{
    Command, Ledger, NodeName, ResourceName, Span, Time,
    execution::{Answer, LocalOperation},
    node::{self, Call, Effect, End, Proposal},
};

impl EventLoop {
    /// Carries out effects in their order.
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Follow(ledger) => self.follow(&ledger),
                Effect::Clock(clock) => self.clock.set(clock),
                Effect::Leased(lease) => self.lease.set(lease),
                Effect::Call { to, call, within } => self.call(to, call, within),
                Effect::Plan(job) => self.planning = Some(tokio::task::spawn_blocking(move || job.run())),
                Effect::Propose { of, commands, at } => self.propose(of, commands, at),
                Effect::CatchUp(term) => self.catch_up(term),
                Effect::Read(server) => {
                    let (reader, performer, own) = (self.reader.clone(), Arc::clone(&self.performer), self.own.clone());
                    let urgency = if self.is_at_rest(&server) { Urgency::Rest } else { Urgency::Round };
                    self.tasks.spawn(async move {
                        let reading = reader.read(&server, After::Request, urgency).await;
                        let blind = performer.reach().is_blind();
                        let _ = own.send(node::Input::Read { server, reading, blind }).await;
                    });
                }
                Effect::ProbeInside => self.performer.agents().request_probes(),
                Effect::AskInside => self.soon.push_back(node::Input::Inside(self.performer.agents().inside())),
                Effect::AskHeld => {
                    let (held, has_watchdog) = (self.performer.agents().held(), self.has_watchdog);
                    self.soon.push_back(node::Input::Held { held, has_watchdog });
                }
                Effect::Carry { order, ask } => {
                    let (performer, reader, own, id) =
                        (Arc::clone(&self.performer), self.reader.clone(), self.own.clone(), order.id);
                    let task = tokio::spawn(async move {
                        let tell = |answer| {
                            let own = own.clone();
                            async move { drop(own.send(node::Input::Answered { order: id, answer }).await) }
                        };
                        ask::ask(&performer, &reader, &order, &ask, tell).await;
                    });
                    self.carried.insert(id, task.abort_handle());
                }
                Effect::Mark { order, server, resource } => {
                    let (performer, own) = (Arc::clone(&self.performer), self.own.clone());
                    let task = tokio::spawn(async move {
                        performer.mark(&server, &resource).await;
                        let _ = own.send(node::Input::Marked(order)).await;
                    });
                    self.carried.insert(order, task.abort_handle());
                }
                Effect::Drop(order) => {
                    if let Some(task) = self.carried.remove(&order) {
                        task.abort();
                    }
                }
                Effect::StandDown { resource, operation, last } => {
                    let (performer, own) = (Arc::clone(&self.performer), self.own.clone());
                    self.tasks.spawn(async move {
                        let answer = stand_down(&performer, &resource, operation, last).await;
                        let _ = own.send(node::Input::StoodDown { resource, answer }).await;
                    });
                }
                Effect::Distrust(term) => {
                    match term {
                        0 => tracing::info!("the leader is believed again"),
                        _ => tracing::error!(
                            term,
                            "the leader's heartbeats come, but it decides nothing: this node does not believe that it leads"
                        ),
                    }
                    self.raft.distrust(term);
                }
                Effect::ChangeVoters { term, change } => {
                    let (raft, own) = (self.raft.clone(), self.own.clone());
                    self.tasks.spawn(async move {
                        let done = voters::change(&raft, &change).await;
                        let _ = own.send(node::Input::VotersChanged { term, done }).await;
                    });
                }
                Effect::Stop { end, words } => self.stop_saying(end, words),
            }
        }
    }

    /// Called when the ledger has changed: updates the state derived from it, and publishes its new records.
    fn follow(&mut self, ledger: &Ledger) {
        if self.configured != Some(ledger.configured) {
            self.configured = Some(ledger.configured);
            self.performer.configure(&ledger.config);
        }
        self.followed.store(ledger.index, Release);
        self.mind_logins(ledger);
        self.publish(ledger);
        self.performer.agents().follow(ledger);
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
            let answer = match ask(&raft, incarnation(), id, &peer::Call::Node(call), within).await {
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
        let (raft, own, me) = (self.raft.clone(), self.own.clone(), self.me.clone());
        self.tasks.spawn(async move {
            if let Some(input) = propose::put(&raft, me, of, commands, at).await {
                let _ = own.send(input).await;
            }
        });
    }

    /// Lets this leader plan once it has caught up.
    fn catch_up(&self, term: u64) {
        let (raft, own, stop) = (self.raft.clone(), self.own.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let caught_up = stop.run_until_cancelled(propose::caught_up(&raft, term)).await;
            if caught_up == Some(true) {
                let _ = own.send(node::Input::CaughtUp(term)).await;
            }
        });
    }

    /// Ends this process, after the reason was recorded in the log, or could not be.
    fn stop_saying(&self, end: End, words: Option<Command>) {
        let ending = match end {
            End::Twice => Ending::Twice("it began later, and the cluster goes by that one now".to_owned()),
            End::Diverged(at) => Ending::Diverged { at },
        };
        let Some(command) = words else {
            self.ended.send_replace(Some(ending));
            return;
        };
        let (at, me) = (self.clock.now(), self.me.clone());
        let (raft, ended) = (self.raft.clone(), self.ended.clone());
        self.tasks.spawn(async move {
            propose::last_words(&raft, me, command, at).await;
            ended.send_replace(Some(ending));
        });
    }
}

/// Carries out one step of standing down, through an agent.
async fn stand_down(
    performer: &Performer,
    resource: &ResourceName,
    operation: Option<LocalOperation>,
    last: bool,
) -> Answer {
    let agents = performer.agents();
    if let Some(operation) = operation {
        tracing::warn!(%resource, ?operation, "no lease for too long: what must not run twice is stopped");
        return agents.act(&performer.cluster(), resource, operation).await;
    }
    let seen = agents.probe(resource).await;
    match (seen.power.is_inactive(), last) {
        (true, _) => tracing::info!(%resource, "stopped"),
        (false, true) => tracing::error!(%resource, power = %seen.power, "cannot be stopped"),
        (false, false) => tracing::warn!(%resource, power = %seen.power, "does not stop; it is stopped by force"),
    }
    Answer::Probed(seen)
}
