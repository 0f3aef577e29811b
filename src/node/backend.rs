//! The node, as the backend of the admin API.

use super::{
    Machine,
    clock::ClusterClock,
    founding, known, member,
    peer::{Answer, ExtraCall, MemberCall},
    propose::level,
    suitability,
};
use crate::{
    api::{
        Backend, Failure, Member, Members, Read,
        wire::{AgentDetailView, AgentsView, JoinReply, JoinRequest, MemberView, TokenView},
    },
    local::LocalConfig,
    performer::Agents,
};
use async_trait::async_trait;
use futures::{StreamExt, stream, stream::BoxStream};
use std::{sync::Arc, time::Duration};
use tenure_core::{
    Command, Entry, Event, ForeignLines, Ledger, NodeName, Rejection, Reply, Request, RequestId, ResourceName,
    Sentence, codec, command::Author, config::Cluster,
};
use tenure_raft::{
    Handle, ProposeError, Refusal,
    tls::{ClusterAuthority, Identity},
};
use tokio::sync::broadcast;

/// Time after which the outcome of a request is reported as unknown.
const DEADLINE: Duration = Duration::from_secs(10);

/// Time that a read waits for a leader: longer than an election, and no longer than a person likes to wait.
const READ: Duration = Duration::from_secs(5);

/// The parts of a node that the API needs.
pub(super) struct NodeBackend {
    pub config: LocalConfig,
    pub identity: Identity,
    pub authority: Option<ClusterAuthority>,
    pub raft: Handle<Machine>,
    pub events: broadcast::Sender<Event>,
    pub clock: ClusterClock,
    pub agents: Arc<Agents>,
}

impl NodeBackend {
    fn ledger_now(&self) -> Arc<Ledger> {
        self.raft.state(Machine::ledger)
    }

    async fn change(&self, by: &str, call: MemberCall) -> Result<u64, Failure> {
        tracing::info!(by, ?call, "change of members asked");
        match member::request(&self.raft, call).await {
            Ok(Answer::Member(id)) => Ok(id),
            Ok(Answer::MemberRefused(why)) => Err(Failure::Rejected(why)),
            Ok(Answer::NotLeader) => Err(Failure::NoLeader("the leader has just changed".to_owned())),
            Ok(Answer::MemberUnknown(why)) | Err(why) => Err(Failure::Unknown(why.into())),
            Ok(Answer::Node(_) | Answer::Checked { .. } | Answer::Said(_) | Answer::Agents(_) | Answer::Agent(_)) => {
                Err(Failure::Unknown("the leader answered something else".to_owned()))
            }
        }
    }

    fn authority(&self) -> Result<&ClusterAuthority, Failure> {
        self.authority.as_ref().ok_or_else(|| {
            let why = Rejection::new("no_authority", "this node does not hold the authority's key");
            why.advise("ask the node that founded the cluster").into()
        })
    }
}

#[async_trait]
impl Backend for NodeBackend {
    async fn ledger(&self, read: Read) -> Result<Arc<Ledger>, Failure> {
        if read == Read::Linearizable {
            self.raft.barrier(READ).await.map_err(|why| Failure::NoLeader(why.to_string()))?;
        }
        Ok(self.ledger_now())
    }

    async fn request(&self, by: &str, id: RequestId, request: Request) -> Result<Reply, Failure> {
        let author = Author::Operator { name: by.into(), request: id };
        let entry =
            Entry { at: self.clock.now(), wall: self.clock.now(), author, commands: vec![Command::Request(request)] };
        match self.raft.propose(codec::encode(&entry, level(&self.raft)), DEADLINE).await {
            Ok(proposed) => codec::decode(&proposed.reply).map_err(|why| Failure::Unknown(why.to_string())),
            Err(why @ (ProposeError::NoLeader { .. } | ProposeError::NotLeader { .. })) => {
                Err(Failure::NoLeader(why.to_string()))
            }
            Err(why @ ProposeError::Refused(Refusal::TooLong(_))) => {
                Err(Rejection::new("too_long", why.to_string()).into())
            }
            // Nothing happened, and another node may succeed.
            Err(why @ ProposeError::Refused(Refusal::Overloaded | Refusal::Stopped(_))) => {
                Err(Failure::Unreachable(why.to_string()))
            }
            Err(why @ ProposeError::Unknown { .. }) => Err(Failure::Unknown(why.to_string())),
        }
    }

    async fn members(&self) -> Result<Members, Failure> {
        let status = self.raft.status();
        let member = |(id, peer): (&u64, &tenure_raft::Peer), voter| Member {
            id: *id,
            name: NodeName::from(peer.name.as_str()),
            address: peer.address.clone(),
            api_address: (*id == status.id).then(|| self.config.api_advertise.clone()),
            voter,
        };
        let voters = status.voters.iter().map(|one| member(one, true));
        let members: Vec<Member> = voters.chain(status.learners.iter().map(|one| member(one, false))).collect();
        let leader = status.leader.and_then(|id| members.iter().find(|one| one.id == id)).map(|one| one.name.clone());
        let index = self.ledger_now().index;
        Ok(Members { me: self.config.node.clone(), leader, term: status.term, index, members })
    }

    fn events(&self, after: u64) -> BoxStream<'static, Event> {
        // Listens first and looks back second, so that nothing falls between; what comes twice is dropped by its index.
        let live = self.events.subscribe();
        let past: Vec<Event> = self.ledger_now().journal.iter().filter(|event| event.index > after).cloned().collect();
        let seen = past.last().map_or(after, |event| event.index);
        // A listener that is too slow is sent away; it comes back with the last index that it saw, and misses nothing.
        let live = stream::unfold(live, |mut live| async move { live.recv().await.ok().map(|event| (event, live)) });
        let news = live.filter(move |event| futures::future::ready(event.index > seen));
        stream::iter(past).chain(news).boxed()
    }

    async fn node_add(&self, by: &str, node: &NodeName, address: &str) -> Result<(), Failure> {
        let call = MemberCall::Add { node: node.clone(), address: address.to_owned() };
        self.change(by, call).await.map(drop)
    }

    async fn node_promote(&self, by: &str, node: &NodeName) -> Result<(), Failure> {
        self.change(by, MemberCall::Promote(node.clone())).await.map(drop)
    }

    async fn node_remove(&self, by: &str, node: &NodeName) -> Result<(), Failure> {
        self.change(by, MemberCall::Remove(node.clone())).await.map(drop)
    }

    async fn transfer_leader(&self, by: &str, to: Option<&NodeName>) -> Result<Option<NodeName>, Failure> {
        let id = self.change(by, MemberCall::Transfer(to.cloned())).await?;
        let status = self.raft.status();
        Ok(status.voters.get(&id).map(|peer| NodeName::from(peer.name.as_str())))
    }

    async fn token(&self, by: &str, node: &NodeName) -> Result<TokenView, Failure> {
        tracing::info!(by, %node, "token made");
        let api = vec![self.config.api_advertise.clone()];
        founding::token(self.authority()?, node.as_str(), api).map_err(|why| why.rejection().into())
    }

    async fn join(&self, request: JoinRequest) -> Result<JoinReply, Failure> {
        let authority = self.authority()?;
        let rejected = |why: founding::FoundingError| Failure::from(why.rejection());
        founding::check_token(authority, &request.token, &request.node).map_err(rejected)?;
        let node = NodeName::from(request.node.as_str());
        let add = MemberCall::Admit { node: node.clone(), address: request.address.clone() };
        let id = self.change(&format!("token of {node}"), add).await?;
        let signed = founding::sign(authority, &request.csr_pem, node.as_str(), id).map_err(rejected)?;
        let members = self.members().await?.members.into_iter().map(|member| MemberView {
            id: member.id,
            name: member.name.to_string(),
            address: member.address,
            api_address: member.api_address,
            voter: member.voter,
        });
        Ok(JoinReply {
            cluster: authority.cluster().to_owned(),
            id,
            cert_pem: signed.cert_pem,
            ca_pem: signed.ca_pem,
            members: members.collect(),
        })
    }

    async fn check_agents(&self, cluster: &Cluster) -> Result<Vec<String>, Failure> {
        let lines = |all: Vec<Sentence>| all.into_iter().map(String::from).collect();
        let found = suitability::check_everywhere(&self.raft, &self.agents, &self.config.node, cluster).await;
        if found.errors.is_empty() {
            Ok(lines(found.warnings))
        } else {
            Err(Failure::Unsuitable { errors: lines(found.errors), warnings: lines(found.warnings) })
        }
    }

    async fn extra(
        &self,
        by: &str,
        node: &NodeName,
        resource: &ResourceName,
        action: Option<(String, Vec<String>)>,
    ) -> Result<ForeignLines, Failure> {
        if let Some((token, _)) = &action {
            tracing::info!(by, %node, %resource, token, "action asked of an agent");
        }
        let call = ExtraCall { resource: resource.clone(), action };
        suitability::extra_at(&self.raft, &self.agents, &self.config.node, node, call).await
    }

    async fn agents(&self, node: Option<&NodeName>) -> Result<AgentsView, Failure> {
        known::list(&self.raft, &self.agents, &self.config.node, node).await.map(AgentsView::from)
    }

    async fn agent(&self, node: Option<&NodeName>, agent: &str) -> Result<AgentDetailView, Failure> {
        known::one(&self.raft, &self.agents, &self.config.node, node, agent).await.map(AgentDetailView::from)
    }

    fn ca_pem(&self) -> String {
        self.identity.ca_pem.clone()
    }
}
