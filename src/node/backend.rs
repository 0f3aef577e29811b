//! The node, as the backend of the admin API.

use super::{
    Machine,
    about::Abouts,
    audit::AuditLog,
    backups::Writer,
    certificates::{self, Certificates},
    clock::{self, ClusterClock, Contact},
    founding::{self, FoundingError},
    known, log, managers, member,
    peer::{Answer, Call, MemberCall, ask, incarnation},
    propose::level,
    refusals::Refusals,
    standing::id_of,
    suitability::{self, ExtraCall},
};
use crate::{
    api::{
        Backend, Client, Failure, HmcHeard, Member, Members, Read,
        wire::{
            AgentDetailView, AgentsView, AuditView, EnrolReply, EnrolRequest, JoinReply, JoinRequest, LogView,
            MemberView, TokenView,
        },
    },
    local::{LocalConfig, space},
    performer::{Agents, Performer},
};
use async_trait::async_trait;
use futures::{StreamExt, stream, stream::BoxStream};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tenure_core::{
    Caller, Command, Entry, Event, ForeignLines, GroupName, HmcName, Ledger, Level, NodeName, Rejection, Reply,
    Request, RequestId, ResourceName, Sentence, Span, UserName, audit,
    authority::Authority,
    codec,
    command::Author,
    config::Cluster,
    trust::{Act, Hash, LogLevel, Purpose, TrustChange},
};
use tenure_raft::{
    Handle, ProposeError, Refusal, Status,
    tls::{ClusterAuthority, Role, Validity, key_of_request},
};
use tokio::sync::broadcast;

/// Time after which the outcome of a request is reported as unknown.
const DEADLINE: Duration = Duration::from_secs(10);

/// Records of the audit in one answer.
const AUDIT_PAGE: usize = 1000;
/// Time that another node has to set its log.
const REACH: Duration = Duration::from_millis(500);
/// Time that a read waits for a leader: longer than an election, and no longer than a person likes to wait.
const READ: Duration = Duration::from_secs(5);

/// The parts of a node that the API needs.
pub(super) struct NodeBackend {
    pub config: LocalConfig,
    pub certificates: Arc<Certificates>,
    pub raft: Handle<Machine>,
    pub events: broadcast::Sender<Event>,
    pub clock: ClusterClock,
    pub contact: Contact,
    pub agents: Arc<Agents>,
    pub abouts: Arc<Abouts>,
    pub performer: Arc<Performer>,
    /// The id of the cluster.
    pub cluster: String,
    pub refusals: Refusals,
    pub audit: Arc<AuditLog>,
    /// The backups that this node writes by itself.
    pub backups: Option<Arc<Writer>>,
}

impl NodeBackend {
    fn ledger_now(&self) -> Arc<Ledger> {
        self.raft.state(Machine::ledger)
    }

    /// Has the log permit something, has it done, and has the log know how that ended.
    async fn permitted<T>(
        &self,
        by: &Caller,
        act: Act,
        done: impl AsyncFnOnce(u64) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let reply = self.request(by, Client::request_id(), Request::Act(act)).await?;
        if let Some((_, why)) = reply.refused.into_iter().next() {
            return Err(why.into());
        }
        let result = done(reply.index).await;
        self.say(Command::Ended { act: reply.index, failed: result.as_ref().err().map(ToString::to_string) });
        result
    }

    async fn change(&self, by: &Caller, act: Act) -> Result<u64, Failure> {
        self.permitted(by, act, async |permit| self.member(MemberCall::Permitted(permit)).await).await
    }

    async fn member(&self, call: MemberCall) -> Result<u64, Failure> {
        match member::request(&self.raft, call).await {
            Ok(Answer::Member(id)) => Ok(id),
            Ok(Answer::MemberRefused(why)) => Err(Failure::Rejected(why)),
            Ok(Answer::NotLeader) => Err(Failure::NoLeader("the leader has just changed".to_owned())),
            Ok(Answer::MemberUnknown(why)) | Err(why) => Err(Failure::Unknown(why.into())),
            Ok(
                Answer::Node(_)
                | Answer::Checked { .. }
                | Answer::Said(_)
                | Answer::Agents(_)
                | Answer::Agent(_)
                | Answer::About(_)
                | Answer::Stops
                | Answer::StaysUp(_)
                | Answer::Managers(_)
                | Answer::Overview(_)
                | Answer::Tried(_),
            ) => Err(Failure::Unknown("the leader answered something else".to_owned())),
        }
    }

    /// Has the log know something, in the background. It explains; nothing hangs on it.
    fn say(&self, command: Command) {
        let (raft, entry) = (self.raft.clone(), self.entry(command));
        tokio::spawn(async move {
            if let Err(why) = raft.propose(codec::encode(&entry, level(&raft)), DEADLINE).await {
                tracing::warn!(%why, what = ?entry.commands, "not written down");
            }
        });
    }

    /// The members that do not answer this node now, and why.
    async fn unreached(&self, status: &Status) -> BTreeMap<NodeName, String> {
        let silent = self.abouts.ask(&self.raft).await;
        let named = silent.into_iter().filter_map(|(id, why)| {
            let peer = status.members.get(id)?;
            // Which one it is, is said already.
            let why = why.replacen(&format!("call node {id}: "), "", 1);
            let why = why.replace("wait for the peer's answer: the deadline passed", "no answer");
            Some((NodeName::from(peer.name.as_str()), why.replace("reach the peer: ", "")))
        });
        named.collect()
    }

    /// Whether so many voters are left without this one that they decide; otherwise why not. That a cluster of one or two
    /// cannot do without any is not its fault.
    fn spares(&self, status: &Status, id: u64, silent: &BTreeMap<NodeName, String>) -> Result<(), Rejection> {
        let voters = status.members.voters.len();
        let out: Vec<&str> = status
            .members
            .voters
            .iter()
            .filter(|(other, peer)| **other != id && silent.contains_key(peer.name.as_str()))
            .map(|(_, peer)| peer.name.as_str())
            .collect();
        if !status.members.voters.contains_key(&id) || voters < 3 || voters - 1 - out.len() > voters / 2 {
            return Ok(());
        }
        let out = out.join(", ");
        let why = format!(
            "without it fewer voters would be left than decide: {out} {} not answer",
            if out.contains(',') { "do" } else { "does" }
        );
        Err(Rejection::new("no_majority", why).advise(format!("bring back {out} first")))
    }

    fn entry(&self, command: Command) -> Entry {
        let (at, author) = (self.clock.now(), Author::Agent(self.config.node.clone()));
        Entry { at, wall: at, author, commands: vec![command] }
    }

    async fn propose(&self, entry: &Entry) -> Result<Reply, Failure> {
        let bytes = codec::encode(entry, level(&self.raft));
        let too_long = |why: String| Failure::from(Rejection::new("too_long", why));
        entry.fits(bytes.len()).map_err(|why| too_long(format!("the request is too long for the log: {why}")))?;
        match self.raft.propose(bytes, DEADLINE).await {
            Ok(proposed) => codec::decode(&proposed.reply).map_err(|why| Failure::Unknown(why.to_string())),
            Err(why @ (ProposeError::NoLeader { .. } | ProposeError::NotLeader { .. })) => {
                Err(Failure::NoLeader(why.to_string()))
            }
            Err(why @ ProposeError::Refused(Refusal::TooLong(_))) => Err(too_long(why.to_string())),
            Err(why @ ProposeError::Refused(Refusal::NotTaken(_))) => {
                Err(Rejection::new("not_taken", why.to_string()).into())
            }
            // Nothing happened, and another node may succeed.
            Err(why @ ProposeError::Refused(Refusal::Overloaded | Refusal::Stopped(_))) => {
                Err(Failure::Unreachable(why.to_string()))
            }
            Err(why @ ProposeError::Unknown { .. }) => Err(Failure::Unknown(why.to_string())),
        }
    }

    /// Takes a token that somebody shows with a key: what it is good for.
    async fn spend(
        &self,
        token: &str,
        csr_pem: &str,
        fits: impl Fn(&Purpose) -> Result<(), String>,
    ) -> Result<(Hash, Hash, Purpose), Failure> {
        let token = founding::hash(token).map_err(|why| Failure::from(why.rejection()))?;
        let key = Hash(key_of_request(csr_pem).map_err(|why| Failure::Usage(why.to_string()))?);
        // What is not known here is not asked of the log, or strangers could fill it.
        let known = self.ledger_now();
        let purpose = known.trust.purpose(&token, Some(&key), known.now).map_err(|why| Failure::from(&why))?;
        // Nor is it spent by who cannot use it.
        fits(purpose).map_err(|why| Failure::from(FoundingError::Token(why).rejection()))?;
        let reply = self.propose(&self.entry(Command::Spend { token, key })).await?;
        if let Some((_, why)) = reply.refused.into_iter().next() {
            return Err(why.into());
        }
        let known = self.ledger(Read::Linearizable).await?;
        let purpose = known.trust.purpose(&token, Some(&key), known.now).map_err(|why| Failure::from(&why))?;
        Ok((token, key, purpose.clone()))
    }

    fn certified(&self, user: &UserName, id: u64, csr_pem: &str) -> Result<EnrolReply, Failure> {
        let authority = self.authority()?;
        let ledger = self.ledger_now();
        let print = ledger.trust.signing().map(|signing| signing.fingerprint);
        let known = ledger.trust.users.get(user).zip(print);
        // As the entry says that led to this.
        let until = known.and_then(|(user, print)| user.certificates.get(&print)).copied();
        let until =
            until.ok_or_else(|| Failure::Unknown("the entry for this certificate is not known here".to_owned()))?;
        let signed = authority.sign(csr_pem, user.as_str(), Role::User { id }, certificates::until(until));
        let signed = signed.map_err(|why| Failure::from(FoundingError::Tls(why).rejection()))?;
        Ok(EnrolReply { user: user.to_string(), cert_pem: signed.cert_pem, ca_pem: signed.ca_pem })
    }

    fn authority(&self) -> Result<ClusterAuthority, Failure> {
        let known = self.certificates.known(&self.ledger_now());
        known.and_then(|trust| self.certificates.signing(&trust)).map_err(|why| why.rejection().into())
    }

    /// The addresses of all admin APIs that are known, first this node's own.
    fn addresses(&self) -> Vec<String> {
        let status = self.raft.status();
        let ids = status.members.voters.keys().chain(status.members.learners.keys()).filter(|id| **id != status.id);
        let others = ids.filter_map(|id| self.abouts.of(*id, &status)).map(|about| about.api.into());
        std::iter::once(self.config.api_advertise.clone()).chain(others).collect()
    }

    /// A token that names the authorities of now.
    fn token_for(&self, whose: &str) -> Result<(TokenView, Hash, tenure_core::Span), FoundingError> {
        let api = self.addresses();
        let known = self.certificates.known(&self.ledger_now())?;
        let prints = known.authorities.iter().map(|one| one.fingerprint.to_string()).collect();
        founding::token(&self.cluster, prints, whose, api)
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

    async fn request(&self, by: &Caller, id: RequestId, request: Request) -> Result<Reply, Failure> {
        space::check(&self.config.data_dir, &request)?;
        let author = by.author(id, Some(self.config.node.clone()));
        let at = self.clock.now();
        self.propose(&Entry { at, wall: at, author, commands: vec![Command::Request(request)] }).await
    }

    async fn members(&self) -> Result<Members, Failure> {
        let status = self.raft.status();
        let member = |(id, peer): (&u64, &tenure_raft::Peer), voter| {
            let about = self.abouts.of(*id, &status);
            Member {
                id: *id,
                name: NodeName::from(peer.name.as_str()),
                address: peer.address.clone(),
                api_address: about.as_ref().map(|about| about.api.to_string()),
                level: about.as_ref().map(|about| about.level.0),
                version: about.map(|about| about.version.into()),
                voter,
            }
        };
        let voters = status.members.voters.iter().map(|one| member(one, true));
        let members: Vec<Member> = voters.chain(status.members.learners.iter().map(|one| member(one, false))).collect();
        let leader = status.leader.and_then(|id| members.iter().find(|one| one.id == id)).map(|one| one.name.clone());
        let index = self.ledger_now().index;
        let free = space::free(&self.config.data_dir).ok();
        let now = self.clock.now();
        // The only voter needs nobody to answer it.
        let alone = status.is_leader && status.members.voters.len() == 1;
        let led_at = if alone { Some(now) } else { self.contact.at(now) };
        let apart = led_at.is_none_or(|at| now.since(at) > self.ledger_now().config.timings.lease);
        let unreached = if apart { self.unreached(&status).await } else { BTreeMap::new() };
        let (me, term) = (self.config.node.clone(), status.term);
        let backups = self.backups.as_ref().map(|writer| writer.kept());
        let wall = clock::wall();
        Ok(Members { me, leader, term, index, members, free, backups, wall, now: Some(now), led_at, unreached })
    }

    async fn members_asked(&self) -> Result<Members, Failure> {
        self.abouts.ask(&self.raft).await;
        self.members().await
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

    async fn node_add(&self, by: &Caller, node: &NodeName, address: &str) -> Result<(), Failure> {
        self.change(by, Act::AddNode { node: node.clone(), address: address.to_owned() }).await.map(drop)
    }

    async fn node_promote(&self, by: &Caller, node: &NodeName) -> Result<(), Failure> {
        self.change(by, Act::PromoteNode { node: node.clone() }).await.map(drop)
    }

    async fn node_remove(&self, by: &Caller, node: &NodeName) -> Result<(), Failure> {
        self.change(by, Act::RemoveNode { node: node.clone() }).await.map(drop)
    }

    async fn node_stop(&self, by: &Caller, node: &NodeName) -> Result<Vec<GroupName>, Failure> {
        let status = self.raft.status();
        let none = || Rejection::new("no_node", format!("there is no node {node}")).advise("see `tenure node list`");
        let id = id_of(&status, node).ok_or_else(none)?;
        let silent = self.unreached(&status).await;
        if let Some(why) = silent.get(node) {
            return Err(Failure::Unreachable(format!("node {node} does not answer: {why}")));
        }
        self.spares(&status, id, &silent)?;
        let act = Act::StopNode { node: node.clone(), frozen: BTreeSet::new() };
        let reply = self.request(by, Client::request_id(), Request::Act(act)).await?;
        if let Some((_, why)) = reply.refused.into_iter().next() {
            return Err(why.into());
        }
        // It ends when the node is back, or now if it does not stop.
        let stays = |why: String| self.say(Command::Ended { act: reply.index, failed: Some(why) });
        let known = self.ledger(Read::Linearizable).await.inspect_err(|why| stays(why.to_string()))?;
        let frozen = match known.trust.acts.get(&reply.index) {
            Some(Act::StopNode { frozen, .. }) => frozen.iter().cloned().collect(),
            Some(_) | None => Vec::new(),
        };
        match ask(&self.raft, incarnation(), id, &Call::Stop(reply.index), member::CHANGE).await {
            Ok(Answer::Stops) => Ok(frozen),
            Ok(Answer::StaysUp(why)) => {
                stays(why.message.to_string());
                Err(why.into())
            }
            Ok(other) => Err(Failure::Unknown(format!("node {node} answered something else: {other:?}"))),
            Err(why) => Err(Failure::Unknown(format!("node {node}: {why}"))),
        }
    }

    async fn raise(&self, by: &Caller, level: Level) -> Result<(), Failure> {
        self.change(by, Act::Raise { level }).await.map(drop)
    }

    async fn transfer_leader(&self, by: &Caller, to: Option<&NodeName>) -> Result<Option<NodeName>, Failure> {
        let id = self.change(by, Act::Transfer { to: to.cloned() }).await?;
        let status = self.raft.status();
        Ok(status.members.voters.get(&id).map(|peer| NodeName::from(peer.name.as_str())))
    }

    async fn token(&self, by: &Caller, purpose: Purpose) -> Result<TokenView, Failure> {
        if !matches!(purpose, Purpose::Session(_)) {
            // Nobody could use it here.
            self.authority()?;
        }
        let (made, hash, lasts) = match &purpose {
            Purpose::Join(node) => self.token_for(node.as_str()),
            Purpose::Enrol(user) => self.token_for(user.as_str()),
            Purpose::Session(caller) => Ok(founding::session(caller.user.as_str())),
        }
        .map_err(|why| Failure::from(why.rejection()))?;
        let change = TrustChange::AddToken { token: hash, purpose, lasts };
        let reply = self.request(by, Client::request_id(), change.into()).await?;
        match reply.refused.into_iter().next() {
            Some((_, why)) => Err(why.into()),
            None => Ok(made),
        }
    }

    async fn join(&self, request: JoinRequest) -> Result<JoinReply, Failure> {
        self.authority()?;
        let node = NodeName::from(request.node.as_str());
        let fits = |purpose: &Purpose| match *purpose == Purpose::Join(node.clone()) {
            true => Ok(()),
            false => Err(format!("it is not for node {node}")),
        };
        let (token, key, _) = self.spend(&request.token, &request.csr_pem, fits).await?;
        let id = self.member(MemberCall::Admit { token, key, address: request.address.clone() }).await?;
        let (role, valid) = (Role::Node { id }, Validity::from_now(certificates::lasts()));
        let signed = self.authority()?.sign(&request.csr_pem, node.as_str(), role, valid);
        let signed = signed.map_err(|why| Failure::from(FoundingError::Tls(why).rejection()))?;
        let members = self.members().await?.members.into_iter().map(|member| MemberView {
            id: member.id,
            name: member.name.to_string(),
            address: member.address,
            api_address: member.api_address,
            voter: member.voter,
            version: member.version,
            level: member.level,
        });
        Ok(JoinReply {
            cluster: self.cluster.clone(),
            id,
            cert_pem: signed.cert_pem,
            ca_pem: signed.ca_pem,
            members: members.collect(),
        })
    }

    async fn enrol(&self, request: EnrolRequest) -> Result<EnrolReply, Failure> {
        self.authority()?;
        let fits = |purpose: &Purpose| match purpose {
            Purpose::Enrol(_) => Ok(()),
            Purpose::Join(_) | Purpose::Session(_) => Err("it is not for a user".to_owned()),
        };
        let (_, _, purpose) = self.spend(&request.token, &request.csr_pem, fits).await?;
        let Purpose::Enrol(user) = purpose else { return Err(Failure::Unknown("the token has changed".to_owned())) };
        let ledger = self.ledger_now();
        let known = ledger.trust.users.get(&user);
        let known = known.ok_or_else(|| Failure::from(&tenure_core::Refusal::NoUser { user: user.clone() }))?;
        self.certified(&user, known.id, &request.csr_pem)
    }

    async fn certify(&self, by: &Caller, csr_pem: &str) -> Result<EnrolReply, Failure> {
        let key = Hash(key_of_request(csr_pem).map_err(|why| Failure::Usage(why.to_string()))?);
        self.authority()?;
        self.permitted(by, Act::Certify { key }, async |_| self.certified(&by.user, by.id, csr_pem)).await
    }

    fn denied(&self, caller: &Caller, what: &str, code: &str) {
        if let Some(times) = self.refusals.count(caller, code) {
            let (what, code) = (what.chars().take(200).collect(), code.to_owned());
            self.say(Command::Denied { caller: caller.clone(), what, code, times });
        }
    }

    async fn audit(&self, after: u64) -> Result<Vec<AuditView>, Failure> {
        let log = Arc::clone(&self.audit);
        let read = tokio::task::spawn_blocking(move || log.read(after, AUDIT_PAGE)).await;
        let failed = |why: String| Failure::Unreachable(format!("the audit of this node cannot be read: {why}"));
        read.map_err(|why| failed(why.to_string()))?.map_err(|why| failed(why.to_string()))
    }

    fn still_admitted(&self, by: &Caller) -> bool {
        self.ledger_now().trust.user(&by.user, by.id).is_some()
    }

    fn cluster_id(&self) -> String {
        self.cluster.clone()
    }

    async fn check_agents(&self, by: &Caller, cluster: &Cluster) -> Result<Vec<String>, Failure> {
        let programs = self.ledger_now().chooses_programs(cluster);
        let act = Act::Check { config: audit::digest(cluster), programs };
        let look = async |permit| {
            let found =
                suitability::check_everywhere(&self.raft, &self.agents, &self.config.node, permit, cluster).await;
            let lines = |all: Vec<Sentence>| all.into_iter().map(String::from).collect();
            if found.errors.is_empty() {
                Ok(lines(found.warnings))
            } else {
                Err(Failure::Unsuitable { errors: lines(found.errors), warnings: lines(found.warnings) })
            }
        };
        self.permitted(by, act, look).await
    }

    async fn extra(
        &self,
        by: &Caller,
        node: &NodeName,
        resource: &ResourceName,
        action: Option<(String, Vec<String>)>,
    ) -> Result<ForeignLines, Failure> {
        let (node, resource) = (node.clone(), resource.clone());
        let act = match action.clone() {
            Some((action, arguments)) => {
                Act::Action { node: node.clone(), resource: resource.clone(), action, arguments }
            }
            None => Act::Describe { node: node.clone(), resource: resource.clone() },
        };
        let call = ExtraCall { resource, action };
        let done = async |permit| {
            suitability::extra_at(&self.raft, &self.agents, &self.config.node, &node, permit, call).await
        };
        self.permitted(by, act, done).await
    }

    async fn managers(&self, knock: Option<&HmcName>) -> Vec<HmcHeard> {
        managers::heard_everywhere(&self.raft, self.performer.registry(), &self.config.node, knock).await
    }

    async fn check_managers(&self, by: &Caller, cluster: &Cluster, hmcs: &[HmcName]) -> Result<(), Failure> {
        let programs = self.ledger_now().chooses_programs(cluster);
        let act = Act::Check { config: audit::digest(cluster), programs };
        let look = async |permit| {
            managers::try_somewhere(&self.raft, &self.performer, &self.config.node, (permit, cluster, hmcs)).await
        };
        self.permitted(by, act, look).await
    }

    async fn log_level(
        &self,
        by: &Caller,
        node: &NodeName,
        level: LogLevel,
        lasts: Span,
    ) -> Result<ForeignLines, Failure> {
        let act = Act::LogLevel { node: node.clone(), level, lasts };
        // Who is no member has no log that could be reached.
        let peer = if *node == self.config.node { None } else { Some(suitability::peer(&self.raft, node)?) };
        let done = async |permit| {
            let said = match peer {
                None => log::set_here(level, lasts),
                Some(peer) => match ask(&self.raft, incarnation(), peer, &Call::Extra(permit), REACH).await {
                    Ok(Answer::Said(said)) => said,
                    Ok(_) => return Err(Failure::Unknown(format!("node {node} answered something else"))),
                    Err(why) => return Err(Failure::Unknown(format!("node {node}: {why}"))),
                },
            };
            said.map_err(|why| Rejection::new("no_log", why).into())
        };
        self.permitted(by, act, done).await
    }

    async fn log(&self, lines: usize) -> Result<LogView, Failure> {
        let told = log::told(lines);
        let told = told.ok_or_else(|| Rejection::new("no_log", "this process keeps no log of its own"))?;
        Ok(LogView {
            node: self.config.node.to_string(),
            version: crate::VERSION.to_owned(),
            filter: told.filter,
            left: told.left.map(|left| left.as_secs()),
            lines: told.lines,
        })
    }

    async fn agents(&self, node: Option<&NodeName>) -> Result<AgentsView, Failure> {
        known::list(&self.raft, &self.agents, &self.config.node, node).await.map(AgentsView::from)
    }

    async fn agent(&self, node: Option<&NodeName>, agent: &str) -> Result<AgentDetailView, Failure> {
        known::one(&self.raft, &self.agents, &self.config.node, node, agent).await.map(AgentDetailView::from)
    }

    fn ca_pem(&self) -> String {
        self.certificates.credentials().identity().ca_pem
    }

    fn next_authority(&self, ledger: &Ledger) -> Result<Authority, Failure> {
        self.certificates.next(&ledger.trust).map_err(|why| why.rejection().into())
    }
}
