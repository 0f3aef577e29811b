//! The status, whoever answers: with a leader it is the cluster's, without one it is what each node knows.

use super::{Attempt, Client, ClientError, escape, harmless};
use crate::api::{
    backend::Read,
    part::{PAGE, Part, add, put_in_order},
    wire::{ErrorKind, MembersView, StatusView},
};
use futures::future::join_all;
use serde::de::DeserializeOwned;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{sleep, timeout};

/// Time after which every node is asked, if the status is not there yet.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time that one node has to say what it knows.
const EACH: Duration = Duration::from_secs(2);

/// The status, as far as it can be had.
#[derive(Clone, Debug)]
pub enum Look {
    /// That of the cluster, with everything acknowledged before.
    Whole(Box<StatusView>),
    /// No leader was found: what each address answers.
    Apart(Vec<Heard>),
}

/// The answer of one address.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The address.
    pub address: String,
    /// What it knows, or the reason why it says nothing.
    pub answer: Result<Answers, String>,
}

/// What one node knows.
#[derive(Clone, Debug)]
pub struct Answers {
    /// The consensus group.
    pub members: MembersView,
    /// The cluster: all of it at the node that knows the newest state, without any list at the others.
    pub status: StatusView,
}

impl Heard {
    /// Whether this node is in touch with a leader.
    fn follows(&self) -> bool {
        self.answer.as_ref().is_ok_and(|answers| answers.members.heard.is_none() && answers.members.leader.is_some())
    }
}

impl Client {
    /// The first page of a part of the status of the cluster; if that does not come soon, what every known member says for
    /// itself. An error if none says anything.
    pub async fn look(&self, part: &Part) -> Result<Look, ClientError> {
        let whole = self.status_page(part, Read::Linearizable);
        tokio::pin!(whole);
        let first = tokio::select! {
            whole = &mut whole => Some(whole),
            () = sleep(PATIENCE) => None,
        };
        let pending = first.is_none();
        let error = match first {
            Some(Ok(view)) => return Ok(Look::Whole(Box::new(view))),
            Some(Err(error)) if !leaderless(&error) => return Err(error),
            Some(Err(error)) => Some(error),
            None => None,
        };
        let mut heard = tokio::select! {
            whole = &mut whole, if pending => match whole {
                Ok(view) => return Ok(Look::Whole(Box::new(view))),
                Err(error) if !leaderless(&error) => return Err(error),
                Err(_) => self.everyone().await,
            },
            heard = self.everyone() => {
                // Some node follows a leader: the answer is on its way.
                if pending && heard.iter().any(Heard::follows) {
                    match whole.await {
                        Ok(view) => return Ok(Look::Whole(Box::new(view))),
                        Err(error) if !leaderless(&error) => return Err(error),
                        Err(_) => self.everyone().await,
                    }
                } else {
                    heard
                }
            }
        };
        // Nodes that were not named, and are in touch with a leader: those that were named are cut off.
        let led: Vec<String> = heard.iter().filter(|one| one.follows()).map(|one| one.address.clone()).collect();
        if led.iter().any(|address| !self.nodes.contains(address)) {
            let there = Client { nodes: led, ..self.clone() };
            if let Ok(view) = there.status_of(part, Read::Linearizable).await {
                return Ok(Look::Whole(Box::new(view)));
            }
        }
        if heard.iter().all(|one| one.answer.is_err()) {
            let silent = heard.drain(..).filter_map(|one| Some(format!("{} ({})", one.address, one.answer.err()?)));
            return Err(error.unwrap_or_else(|| ClientError::Unreachable(silent.collect::<Vec<_>>().join(", "))));
        }
        self.fill(&mut heard).await;
        Ok(Look::Apart(heard))
    }

    /// Asks the node that knows the newest state for all of it; what cannot be had in time is left out.
    async fn fill(&self, heard: &mut [Heard]) {
        let answers = heard.iter_mut().filter_map(|one| Some((&one.address, one.answer.as_mut().ok()?)));
        let Some((address, newest)) = answers.max_by_key(|(_, answers)| answers.members.index) else { return };
        let mut part = Part { limit: Some(PAGE), ..Part::default() };
        let all = async {
            let mut whole: Option<StatusView> = None;
            loop {
                let path = format!("/v1/status?stale=true{}", part.query(escape));
                let page = self.read_at::<StatusView>(address, &path).await?;
                part.after = page.next.clone();
                match &mut whole {
                    Some(whole) => add(whole, page),
                    None => whole = Some(page),
                }
                if part.after.is_none() {
                    return Ok::<_, String>(whole);
                }
            }
        };
        if let Ok(Ok(Some(mut whole))) = timeout(self.timeout, all).await {
            put_in_order(&mut whole);
            newest.status = whole;
        }
    }

    /// What every known member says: all addresses at once, then those that their answers name.
    async fn everyone(&self) -> Vec<Heard> {
        let mut all = join_all(self.nodes.iter().map(|node| self.one(node.clone()))).await;
        let known: BTreeSet<&String> = all.iter().map(|one| &one.address).collect();
        let answered = |name: &str| {
            all.iter().filter_map(|one| one.answer.as_ref().ok()).any(|one| one.members.answered_by == name)
        };
        let named = all.iter().filter_map(|one| one.answer.as_ref().ok()).flat_map(|one| &one.members.members);
        let named = named.filter(|member| !answered(&member.name)).filter_map(|member| member.api_address.clone());
        let more: BTreeSet<String> = named.filter(|address| !known.contains(address)).collect();
        let more = join_all(more.into_iter().map(|address| self.one(address))).await;
        all.extend(more);
        all
    }

    async fn one(&self, address: String) -> Heard {
        let asked = async {
            let (members, status) = tokio::try_join!(
                self.read_at(&address, "/v1/members"),
                self.read_at(&address, "/v1/status?stale=true&limit=0"),
            )?;
            Ok(Answers { members, status })
        };
        let answer = timeout(EACH, asked).await.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        Heard { address, answer }
    }

    async fn read_at<T: DeserializeOwned>(&self, address: &str, path: &str) -> Result<T, String> {
        match self.ask_at(address, &|url| self.http.get(url), path).await {
            Ok(body) => harmless(&body).map_err(|why| why.to_string()),
            Err(Attempt::NotSent(why) | Attempt::Lost(why)) => Err(why),
            Err(Attempt::Answered(error)) => Err(error.message),
        }
    }
}

fn leaderless(error: &ClientError) -> bool {
    matches!(error.kind(), ErrorKind::NotLeader | ErrorKind::Unreachable)
}
