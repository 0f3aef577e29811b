//! Execution of a node's effects: each takes its own time, and its result is fed back.

use crate::{
    plant::Plant,
    runtime::Runtime,
    shell::{Exit, Shell},
};
use openraft::async_runtime::AsyncRuntime;
use rand::RngExt;
use std::{sync::Arc, time::Duration};
use tenure::node::{propose, voters};
use tenure_core::{
    Command, Ledger, NodeName, OrderId, ResourceName, Span, Time,
    execution::{Answer as Told, Ask, LocalOperation, Operation},
    node::{self, Answer, Call, Effect, Fate, Input, PlanJob, Proposal},
    order::{Ending, Order},
};
use tokio::sync::{Notify, mpsc};

/// Duration of writing a mark.
const MARK: Duration = Duration::from_millis(30);
/// Duration of an administrator's program.
const PROGRAM: Duration = Duration::from_millis(100);

impl Shell {
    pub(crate) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.effect(effect);
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Follow(ledger) => {
                let declared = |ledger: &Ledger| ledger.nodes.contains_key(&self.seat.name);
                if declared(&ledger) && !declared(&self.followed) {
                    self.alone_since = self.moment();
                }
                self.followed = ledger;
            }
            Effect::Clock(clock) => *self.clock.lock().expect("nobody panics with it") = clock,
            Effect::Leased(lease) => {
                let now = self.moment();
                match lease.left(now) {
                    Span(0) => self.alone_since = self.alone_since.min(now),
                    left => self.alone_since = now.after(left),
                }
            }
            Effect::Call { to, call, within } => self.call(to, call, within),
            Effect::Plan(job) => self.plan(*job),
            Effect::Propose { of, commands, at } => self.propose(of, commands, at),
            Effect::CatchUp(term) => self.catch_up(term),
            Effect::Read(server) => self.read(server),
            Effect::ProbeInside => self.look(),
            Effect::AskInside => self.next.push_back(Input::Inside(self.inside.clone())),
            Effect::AskHeld => {
                let Some(server) = self.seat.server.clone() else { return };
                let seen = self.site.hardware.look(&self.followed, &server);
                let held = node::held(&self.followed.config, &server, &seen);
                let declared = self.followed.config.nodes.get(&self.seat.name);
                let has_watchdog = declared.is_some_and(|node| node.watchdog.is_some());
                self.next.push_back(Input::Held { held, has_watchdog });
            }
            Effect::Carry { order, ask } => self.carry(order, ask),
            Effect::Mark { order, .. } => self.later(MARK, Input::Marked(order)),
            Effect::Drop(order) => {
                if let Some(drop) = self.dropped.remove(&order) {
                    drop.notify_one();
                }
            }
            Effect::StandDown { resource, operation, last: _ } => self.stand_down(resource, operation),
            Effect::Distrust(term) => {
                self.site.counts.count("node: distrusts the leader, or takes it back");
                self.raft.distrust(term);
            }
            Effect::ChangeVoters { term, change } => {
                self.site.counts.count("node: changes voters");
                let (raft, own) = (self.raft.clone(), self.own.clone());
                drop(Runtime::spawn(async move {
                    let done = voters::change(&raft, &change).await;
                    let _ = own.send(Input::VotersChanged { term, done }).await;
                }));
            }
            Effect::Stop { end, words } => self.stop(Exit::Stopped(end), words),
        }
    }

    /// The inputs of the node, changed by planted bugs.
    pub(crate) fn tampered(&mut self, input: Input) -> Input {
        if let Input::Inside(Some(inside)) = &input {
            self.inside = Some(inside.clone());
        }
        match input {
            Input::Beaten { to, asked, answer: Some(Answer::Lease { lasts, floor }) }
                if self.site.planted(Plant::LongLease) =>
            {
                Input::Beaten { to, asked, answer: Some(Answer::Lease { lasts: lasts * 10, floor }) }
            }
            Input::Read { server, reading: Some(mut reading), blind } if self.site.planted(Plant::OldReading) => {
                reading.since = u64::MAX;
                Input::Read { server, reading: Some(reading), blind }
            }
            Input::Planned { term, fate: Fate::Unknown } if self.site.planted(Plant::FateKnown) => {
                Input::Planned { term, fate: Fate::Refused }
            }
            other => other,
        }
    }

    fn later(&self, after: Duration, input: Input) {
        let own = self.own.clone();
        drop(Runtime::spawn(async move {
            <Runtime as AsyncRuntime>::sleep(after).await;
            let _ = own.send(input).await;
        }));
    }

    fn call(&self, to: NodeName, call: Call, within: Span) {
        let beats = matches!(call, Call::Heartbeat { .. });
        self.site.counts.count(match &call {
            Call::Heartbeat { .. } => "node: heartbeat",
            Call::Reading(_) => "node: tells a reading",
            Call::Inside(_) => "node: tells what lives inside",
            Call::Probe(_) => "node: asks for a reading",
        });
        let (asked, own) = (self.moment(), self.own.clone());
        let asking = self.ask(&to, call, within);
        drop(Runtime::spawn(async move {
            let answer = asking.await;
            if beats {
                let _ = own.send(Input::Beaten { to, asked, answer }).await;
            }
        }));
    }

    fn read(&self, server: tenure_core::ServerName) {
        let (hardware, asker, own) = (self.site.hardware.clone(), self.asker(), self.own.clone());
        let reach = Arc::clone(&self.reach);
        drop(Runtime::spawn(async move {
            let (reading, answering) = hardware.read(asker, server.clone()).await;
            let blind = {
                let mut reach = reach.lock().expect("nobody panics with it");
                answering.into_iter().for_each(|(hmc, answered)| reach.asked(hmc, answered));
                reach.is_blind()
            };
            let _ = own.send(Input::Read { server, reading: Some(reading), blind }).await;
        }));
    }

    /// Makes a plan. Now and then that takes so long that it is out of date.
    fn plan(&self, job: PlanJob) {
        let mut rng = Runtime::thread_rng();
        let took = match rng.random_range(0..100) {
            0 => rng.random_range(400_000..4_000_000),
            1..10 => rng.random_range(2_000..400_000),
            _ => rng.random_range(50..2_000),
        };
        self.site.counts.count(if took < 400_000 { "node: makes a plan" } else { "node: makes a plan slowly" });
        self.later(Duration::from_micros(took), Input::PlanMade(Box::new(job.run())));
    }

    fn propose(&self, of: Proposal, commands: Vec<Command>, at: Time) {
        self.site.counts.count(match of {
            Proposal::Plan(_) => "node: proposes a plan",
            Proposal::Report(_) => "node: proposes a report",
            Proposal::Enlist => "node: proposes itself",
            Proposal::Finding => "node: proposes a finding",
        });
        let commands = self.twisted(of, commands);
        let (raft, own, me) = (self.raft.clone(), self.own.clone(), self.seat.name.clone());
        drop(Runtime::spawn(async move {
            if let Some(input) = propose::put(&raft, me, of, commands, at).await {
                let _ = own.send(input).await;
            }
        }));
    }

    /// The proposals of the node, changed by planted bugs.
    fn twisted(&self, of: Proposal, mut commands: Vec<Command>) -> Vec<Command> {
        if !matches!(of, Proposal::Report(_)) {
            return commands;
        }
        for command in &mut commands {
            if let Command::Report(report) = command
                && let Ending::Unknown(why) = &report.ending
            {
                self.site.counts.count("node: reports that nobody knows");
                if self.site.planted(Plant::UnknownIsDone) {
                    report.ending = Ending::Done;
                } else if self.site.planted(Plant::UnknownIsNotDone) {
                    report.ending = Ending::NotDone(why.clone());
                }
            }
        }
        commands
    }

    fn catch_up(&mut self, term: u64) {
        self.site.counts.count("node: begins to lead");
        if self.site.planted(Plant::NotCaughtUp) {
            self.next.push_back(Input::CaughtUp(term));
            return;
        }
        let (raft, own) = (self.raft.clone(), self.own.clone());
        drop(Runtime::spawn(async move {
            if propose::caught_up(&raft, term).await {
                let _ = own.send(Input::CaughtUp(term)).await;
            }
        }));
    }

    /// Puts a request of an order to its executor.
    fn carry(&mut self, order: Order, ask: Ask) {
        if let Ask::ReadAll(servers) = ask {
            return servers.into_iter().for_each(|server| self.carry(order.clone(), Ask::Read(server)));
        }
        let id = order.id;
        let (hardware, asker, own) = (self.site.hardware.clone(), self.asker(), self.own.clone());
        let home = self.seat.server.clone().filter(|home| *home == order.server);
        let dropped = Arc::clone(self.dropped.entry(id).or_default());
        let answering = async move {
            match ask {
                // Each of them is asked by itself.
                Ask::ReadAll(_) => Told::Paused,
                Ask::Read(server) => Told::Read(hardware.read(asker, server).await.0),
                Ask::Probe(resource) => {
                    let seen = home.map(|home| hardware.look(&asker.ledger, &home));
                    <Runtime as AsyncRuntime>::sleep(crate::hardware::LOOK).await;
                    Told::Probed(seen.and_then(|mut seen| seen.seen.remove(&resource)).unwrap_or_default())
                }
                Ask::Pause(span) => {
                    <Runtime as AsyncRuntime>::sleep(Duration::from_millis(span.0)).await;
                    Told::Paused
                }
                Ask::Do(Operation::Program(_)) => {
                    <Runtime as AsyncRuntime>::sleep(PROGRAM).await;
                    Told::Accepted
                }
                Ask::Do(Operation::Local(resource, operation)) => match home {
                    Some(home) => hardware.agent(&asker.ledger.config, &home, (&resource, operation)),
                    None => Told::NotSent("it lives inside another node".into()),
                },
                Ask::Do(Operation::Hypervisor(change)) => hardware.change(asker, order.server, change).await,
            }
        };
        drop(Runtime::spawn(answered(id, answering, dropped, own)));
    }

    fn stand_down(&self, resource: ResourceName, operation: Option<LocalOperation>) {
        let Some(server) = self.seat.server.clone() else { return };
        self.site.counts.count("node: stands down");
        let (alone, due) = (self.moment().since(self.alone_since), self.followed.config.timings.stand_down);
        if alone < due {
            let name = &self.seat.name;
            self.site.judge.accuse(format!("node {name} stops {resource} after {alone} without a lease, not {due}"));
        }
        let (hardware, ledger, own) = (self.site.hardware.clone(), Arc::clone(&self.followed), self.own.clone());
        drop(Runtime::spawn(async move {
            let answer = match operation {
                Some(operation) => hardware.agent(&ledger.config, &server, (&resource, operation)),
                None => {
                    let mut seen = hardware.look(&ledger, &server);
                    Told::Probed(seen.seen.remove(&resource).unwrap_or_default())
                }
            };
            <Runtime as AsyncRuntime>::sleep(Duration::from_millis(500)).await;
            let _ = own.send(Input::StoodDown { resource, answer }).await;
        }));
    }

    fn stop(&mut self, exit: Exit, words: Option<Command>) {
        let Some(end) = self.exit.take() else { return };
        self.site.counts.count("node: stops by itself");
        let (raft, me) = (self.raft.clone(), self.seat.name.clone());
        let at = self.clock.lock().expect("nobody panics with it").now(self.moment());
        drop(Runtime::spawn(async move {
            if let Some(words) = words {
                propose::last_words(&raft, me, words, at).await;
            }
            let _ = end.send(exit);
        }));
    }
}

async fn answered(id: OrderId, answering: impl Future<Output = Told>, dropped: Arc<Notify>, own: mpsc::Sender<Input>) {
    tokio::select! {
        biased;
        answer = answering => drop(own.send(Input::Answered { order: id, answer }).await),
        () = dropped.notified() => {}
    }
}
