//! Operators: they make requests at any node, read the ledger, and remember the answers.

use crate::{
    cluster::Site,
    judge::{Judged, Operation},
    runtime::{Runtime, spawn_in},
    seat::Seat,
};
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::{SimInstant, SimRuntime};
use rand::RngExt;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tenure_core::{
    Entry, GroupName, Level, Time, Verb, codec,
    command::{Author, Command, Request, RequestId},
    placement::tolerance::admit,
};
use tenure_raft::ProposeError;

/// Time that an operator waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The answers to operators. Clones share them.
#[derive(Clone, Default)]
pub struct Operators(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    requests: u128,
    operations: Vec<Operation>,
    refused: Vec<RequestId>,
    unknown: u64,
}

/// Result of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answered {
    /// It is in the log.
    Taken,
    /// It is not in the log, and never will be.
    Not,
    /// Its outcome is unknown.
    Unknown,
}

fn now() -> u128 {
    <SimInstant as openraft::Instant>::now().elapsed_since_start().as_nanos()
}

impl Operators {
    fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.0.lock().expect("nobody panics with it"))
    }

    /// Makes a request at a node.
    pub async fn request(&self, site: &Site, seat: &Seat, request: impl Into<Request>) -> Answered {
        let request = request.into();
        let Some((process, raft)) = seat.running() else { return Answered::Not };
        let id = self.with(|state| {
            state.requests += 1;
            RequestId(state.requests)
        });
        let ledger = raft.state(Judged::ledger);
        if admit(&ledger, &request).is_err() {
            return Answered::Not;
        }
        site.trace.tell(format!("an operator asks at {}: {}", seat.name, word(&request)));
        let author = Author::Operator { name: "alice".into(), request: id };
        let entry = Entry { at: Time(0), wall: Time(0), author, commands: vec![Command::Request(request)] };
        let began = now();
        let asking = async move { raft.propose(codec::encode(&entry, Level::FIRST), PATIENCE).await };
        let ended = <Runtime as AsyncRuntime>::timeout(PATIENCE * 3, spawn_in(process, asking)).await;
        match ended {
            Ok(Ok(Ok(taken))) => {
                site.judge.acknowledged(taken.index, &taken.reply);
                let done = Operation { began, ended: now(), index: taken.index, writes: true };
                self.with(|state| state.operations.push(done));
                Answered::Taken
            }
            Ok(Ok(Err(ProposeError::NoLeader { .. } | ProposeError::Refused(_) | ProposeError::NotLeader { .. }))) => {
                self.with(|state| state.refused.push(id));
                Answered::Not
            }
            Ok(Ok(Err(ProposeError::Unknown { .. }))) | Ok(Err(_)) | Err(_) => {
                self.with(|state| state.unknown += 1);
                Answered::Unknown
            }
        }
    }

    /// Reads at a node, including everything that was acknowledged before.
    pub async fn read(&self, site: &Site, seat: &Seat) -> bool {
        let Some((process, raft)) = seat.running() else { return false };
        let began = now();
        let reading = async move {
            raft.barrier(PATIENCE).await.ok()?;
            Some(raft.state(|judged| judged.ledger().index))
        };
        let ended = <Runtime as AsyncRuntime>::timeout(PATIENCE * 3, spawn_in(process, reading)).await;
        if let Ok(Ok(Some(index))) = ended {
            self.with(|state| state.operations.push(Operation { began, ended: now(), index, writes: false }));
            site.counts.count("operator: read");
            return true;
        }
        false
    }

    /// Makes reads and harmless requests continuously, at any node.
    pub async fn go_on_asking(self, site: Arc<Site>, over: Arc<Mutex<bool>>) {
        while !*over.lock().expect("nobody panics with it") {
            let (pause, seat, what) = {
                let mut rng = SimRuntime::thread_rng();
                (rng.random_range(200..6_000), rng.random_range(0..site.seats.len()), rng.random_range(0..4))
            };
            <Runtime as AsyncRuntime>::sleep(Duration::from_millis(pause)).await;
            let seat = Arc::clone(&site.seats[seat]);
            if what > 0 {
                self.read(&site, &seat).await;
            } else {
                let answered = self.request(&site, &seat, Verb::Clear { group: GroupName::from("db"), server: None });
                match answered.await {
                    Answered::Taken => site.counts.count("operator: request taken"),
                    Answered::Not => site.counts.count("operator: request not taken"),
                    Answered::Unknown => site.counts.count("operator: request of unknown fate"),
                }
            }
        }
    }

    /// Checks the answers to operators against the log. Returns the number of operations checked.
    pub fn check(&self, site: &Site) -> usize {
        let (operations, refused) = self.with(|state| (state.operations.clone(), state.refused.clone()));
        for request in refused.into_iter().filter(|request| site.judge.holds(*request)) {
            site.judge.accuse(format!("request {} was refused, and is in the log", request.0));
        }
        site.judge.linearizable(&operations)
    }
}

fn word(request: &Request) -> String {
    let text = format!("{request:?}");
    text.chars().take(90).collect()
}
