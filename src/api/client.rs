//! The admin client: it asks the given nodes until one answers.
//!
//! Promises: a question goes to the next node, too, as soon as one is slow. A change goes to one node at a time, first to one
//! that is in touch with a leader, and to another one only while it is certain that nothing happened yet. If it may have happened, the result is [`ClientError::Unknown`], with the identity of the
//! request for a safe repetition.

mod agent;
mod backup;
mod error;
mod follow;
mod hmc;
mod log;
mod look;
mod pages;
mod told;
mod trust;

pub use error::ClientError;
pub use follow::Follow;
pub use look::{Answers, Heard, Look};
pub use pages::Which;
pub use told::{Named, Told};

use super::{
    backend::Read,
    router::SIGNING,
    wire::{
        ConfigView, ConfigureBody, ErrorView, JoinReply, JoinRequest, LeaderView, LevelBody, MembersView, NodeAddBody,
        OutcomeView, RequestBody, RollingView, SiteCapacityView, StoppedView, TokenBody, TokenView, TransferBody,
        WhatIfBody, WhatIfView, WhyNotView, WhyView,
    },
};
use error::{Tried, bottom, chain};
use futures::{StreamExt, stream::FuturesUnordered};
use rand::RngExt;
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tenure_core::{RequestId, Verb, foreign};
use tenure_raft::tls::{Identity, Trust, client_config, client_config_anonymous};
use tokio::time::{sleep, timeout};

/// Longest answer accepted, in bytes: the status of a large site, with room to spare.
const ANSWER_LIMIT: usize = 64 << 20;
/// Shorter than the server keeps an idle connection, so that no request is sent into a connection being closed.
const IDLE: Duration = Duration::from_secs(2);
/// Time that a node has to answer before the next one is asked, too.
const HEAD_START: Duration = Duration::from_millis(250);
/// Time that connecting to one node may take at most; half the client's timeout if that is less.
const CONNECT: Duration = Duration::from_secs(3);

/// A client of the admin API.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    nodes: Vec<String>,
    timeout: Duration,
    signing: Signing,
    named: Named,
}

/// What nodes say while a client is used: the fingerprint of the authority that signs. Clones are the same.
pub type Signing = Arc<Mutex<Option<String>>>;
/// Makes a request to a URL.
type Build<'a> = dyn Fn(Url) -> RequestBuilder + Sync + 'a;

/// Whether a request may be repeated at another node without harm.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Question,
    Change,
}

impl Client {
    /// A client that authenticates with `identity` to these nodes (`host:port` of their admin API).
    pub fn new(identity: &Identity, nodes: Vec<String>, timeout: Duration) -> Result<Self, ClientError> {
        let tls = client_config(identity).map_err(ClientError::Identity)?;
        Client::with_tls((*tls).clone(), nodes, timeout)
    }

    /// A client without a certificate, for [`Client::join`].
    pub fn anonymous(trust: &Trust, nodes: Vec<String>, timeout: Duration) -> Result<Self, ClientError> {
        let tls = client_config_anonymous(trust).map_err(ClientError::Identity)?;
        Client::with_tls((*tls).clone(), nodes, timeout)
    }

    fn with_tls(tls: rustls::ClientConfig, nodes: Vec<String>, timeout: Duration) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .connect_timeout(CONNECT.min(timeout / 2))
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|why| ClientError::Setup(chain(&why)))?;
        if nodes.is_empty() {
            return Err(ClientError::Setup("no node was named".to_owned()));
        }
        Ok(Client { http, nodes, timeout, signing: Arc::default(), named: Arc::default() })
    }

    /// The same, telling in `signing` and `named` what the nodes say: the fingerprint of the authority that signs, and where
    /// the members are.
    pub fn telling(self, signing: Signing, named: Named) -> Self {
        Client { signing, named, ..self }
    }

    fn names(&self, told: Vec<Told>) {
        *self.named.lock().unwrap_or_else(PoisonError::into_inner) = told;
    }

    fn named(&self, view: MembersView) -> MembersView {
        self.names(told::of_members(&view));
        view
    }

    /// A fresh identity for a request.
    pub fn request_id() -> RequestId {
        RequestId(rand::rng().random())
    }

    /// The state of a group, with its history.
    pub async fn why(&self, group: &str, limit: usize, read: Read) -> Result<WhyView, ClientError> {
        self.question(&format!("/v1/groups/{}/why?limit={limit}&{}", escape(group), freshness(read))).await
    }

    /// The reasons why a group does not run on a server.
    pub async fn why_not(&self, group: &str, server: &str, read: Read) -> Result<WhyNotView, ClientError> {
        let path = format!("/v1/groups/{}/why-not?on={}&{}", escape(group), escape(server), freshness(read));
        self.question(&path).await
    }

    /// The effects of hypothetical events.
    pub async fn what_if(&self, body: &WhatIfBody, read: Read) -> Result<WhatIfView, ClientError> {
        let path = format!("/v1/what-if?{}", freshness(read));
        decode(&self.ask(Kind::Question, &|url| self.http.post(url).json(body), &path).await?)
    }

    /// The free capacity of each server, and the losses that would be survived.
    pub async fn capacity(&self, read: Read) -> Result<SiteCapacityView, ClientError> {
        self.hard_question(&format!("/v1/capacity?{}", freshness(read))).await
    }

    /// The server order for a rolling maintenance, or the reason why there is none.
    pub async fn rolling(&self, read: Read) -> Result<RollingView, ClientError> {
        self.hard_question(&format!("/v1/rolling?{}", freshness(read))).await
    }

    /// The declared cluster, as a cluster file.
    pub async fn config(&self, read: Read) -> Result<ConfigView, ClientError> {
        self.question(&format!("/v1/config?{}", freshness(read))).await
    }

    /// The consensus group, in the view of the first node that answers.
    pub async fn members(&self) -> Result<MembersView, ClientError> {
        self.question("/v1/members").await.map(|view| self.named(view))
    }

    /// The same, after that node has asked the others what they say of themselves.
    pub async fn members_asked(&self) -> Result<MembersView, ClientError> {
        self.question("/v1/members?ask=true").await.map(|view| self.named(view))
    }

    /// Replaces the configuration, provided that the present one was declared at the log index `expect`, if given.
    /// The same `id` is applied once.
    pub async fn configure(
        &self,
        id: RequestId,
        text: String,
        strand: bool,
        expect: Option<u64>,
    ) -> Result<OutcomeView, ClientError> {
        let request_id = format!("{:032x}", id.0);
        self.configure_as(&ConfigureBody { request_id, text, strand, expect, no_check: false }).await
    }

    /// The same, as this body says.
    pub async fn configure_as(&self, body: &ConfigureBody) -> Result<OutcomeView, ClientError> {
        let sent = self.change(Method::POST, "/v1/config", body).await;
        sent.map_err(|error| error.with_request(&body.request_id))
    }

    /// Sends a request. The same `id` is applied once.
    pub async fn request(&self, id: RequestId, ask: Verb) -> Result<OutcomeView, ClientError> {
        let body = RequestBody { request_id: format!("{:032x}", id.0), ask };
        let sent = self.change(Method::POST, "/v1/requests", &body).await;
        sent.map_err(|error| error.with_request(&body.request_id))
    }

    /// Adds a learner.
    pub async fn node_add(&self, name: &str, address: &str) -> Result<MembersView, ClientError> {
        let body = NodeAddBody { name: name.to_owned(), address: address.to_owned() };
        self.change(Method::POST, "/v1/nodes", &body).await.map(|view| self.named(view))
    }

    /// Makes a learner a voter.
    pub async fn node_promote(&self, name: &str) -> Result<MembersView, ClientError> {
        let path = format!("/v1/nodes/{}/promote", escape(name));
        self.change(Method::POST, &path, &()).await.map(|view| self.named(view))
    }

    /// Stops a node for a while.
    pub async fn node_stop(&self, name: &str) -> Result<StoppedView, ClientError> {
        self.change(Method::POST, &format!("/v1/nodes/{}/stop", escape(name)), &()).await
    }

    /// Raises the feature level.
    pub async fn raise(&self, level: u32) -> Result<MembersView, ClientError> {
        self.change(Method::POST, "/v1/level", &LevelBody { level }).await
    }

    /// Removes a member.
    pub async fn node_remove(&self, name: &str) -> Result<MembersView, ClientError> {
        let path = format!("/v1/nodes/{}", escape(name));
        self.change(Method::DELETE, &path, &()).await.map(|view| self.named(view))
    }

    /// Transfers leadership to another voter.
    pub async fn transfer_leader(&self, to: Option<&str>) -> Result<LeaderView, ClientError> {
        self.change(Method::POST, "/v1/leader", &TransferBody { to: to.map(str::to_owned) }).await
    }

    /// A token with which a node may join.
    pub async fn token(&self, node: &str) -> Result<TokenView, ClientError> {
        self.token_for(&TokenBody::Node(node.to_owned())).await
    }

    /// Asks for admission to the cluster.
    pub async fn join(&self, request: &JoinRequest) -> Result<JoinReply, ClientError> {
        self.change(Method::POST, "/v1/join", request).await
    }

    /// Records after a log index, and new ones as they come.
    pub fn follow(&self, since: u64) -> Follow {
        self.follow_these(since, &Which::default())
    }

    /// The same of some of them.
    pub fn follow_these(&self, since: u64, which: &Which) -> Follow {
        Follow::new(self.clone(), since, which.query())
    }

    /// The same for a question that costs a lot: it is put to one node at a time.
    async fn hard_question<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        decode(&self.ask(Kind::Question, &|url| self.http.get(url), path).await?)
    }

    async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &(impl serde::Serialize + Sync),
    ) -> Result<T, ClientError> {
        let build = |url| self.http.request(method.clone(), url).json(body);
        decode(&self.ask(Kind::Change, &build, path).await?)
    }

    /// Asks a question that costs little: the next node is asked, too, whenever the ones before are slow. The first good
    /// answer counts.
    async fn question<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        decode(&self.race(&|url| self.http.get(url), path).await?)
    }

    async fn race(&self, build: &Build<'_>, path: &str) -> Result<Vec<u8>, ClientError> {
        let mut tried = Tried::default();
        let mut next = self.nodes.iter();
        let mut asked = FuturesUnordered::new();
        loop {
            match next.next() {
                Some(node) => asked.push(async move { (node, self.ask_at(node, build, path).await) }),
                None if asked.is_empty() => return Err(tried.into_error()),
                None => {}
            }
            let more = next.len() > 0;
            let answered = tokio::select! {
                answered = asked.next() => answered,
                () = sleep(HEAD_START), if more => None,
            };
            match answered {
                Some((_, Ok(body))) => return Ok(body),
                Some((node, Err(attempt))) => tried.take(node, attempt, Kind::Question)?,
                None => {}
            }
        }
    }

    /// Sends one request to one node after the other as long as that is safe, first to one that is in touch with a leader;
    /// returns the body of the successful answer.
    async fn ask(&self, kind: Kind, build: &Build<'_>, path: &str) -> Result<Vec<u8>, ClientError> {
        let mut tried = Tried::default();
        for node in self.best_first().await {
            match self.ask_at(node, build, path).await {
                Ok(body) => return Ok(body),
                Err(attempt) => tried.take(node, attempt, kind)?,
            }
        }
        Err(tried.into_error())
    }

    /// The nodes, first one that is in touch with a leader, or at least answers. So a dead one costs a request, which
    /// must not be sent to two of them at once, next to nothing.
    async fn best_first(&self) -> Vec<&String> {
        let mut nodes: Vec<&String> = self.nodes.iter().collect();
        if nodes.len() < 2 {
            return nodes;
        }
        let look = async |place: usize, node: &String| {
            // Nodes give themselves a moment each, so that the first of the list is taken while all is well.
            sleep(HEAD_START * u32::try_from(place).unwrap_or(u32::MAX)).await;
            let answer = self.ask_at(node, &|url| self.http.get(url), "/v1/members").await;
            match answer.map(|body| harmless::<MembersView>(&body)) {
                Ok(Ok(members)) if members.heard.is_none() && members.leader.is_some() => Some((place, true)),
                // It lives, and may not say more to one without a certificate.
                Ok(_) | Err(Attempt::Answered(_)) => Some((place, false)),
                Err(Attempt::NotSent(_) | Attempt::Lost(_)) => None,
            }
        };
        let mut looks: FuturesUnordered<_> = nodes.iter().enumerate().map(|(place, node)| look(place, node)).collect();
        let mut best = None;
        let first = async {
            while let Some(found) = looks.next().await {
                match found {
                    Some((place, true)) => return best = Some(place),
                    Some((place, false)) => best = best.or(Some(place)),
                    None => {}
                }
            }
        };
        // Whoever has said nothing until now is no better than the first of the list.
        let _ = timeout(CONNECT.min(self.timeout), first).await;
        drop(looks);
        if let Some(place) = best {
            let node = nodes.remove(place);
            nodes.insert(0, node);
        }
        nodes
    }

    async fn ask_at(&self, node: &str, build: &Build<'_>, path: &str) -> Result<Vec<u8>, Attempt> {
        let url = Url::parse(&format!("https://{node}{path}"));
        let url = url.map_err(|why| Attempt::NotSent(format!("not an address, write HOST:PORT: {why}")))?;
        self.ask_one(build(url)).await
    }

    async fn ask_one(&self, request: RequestBuilder) -> Result<Vec<u8>, Attempt> {
        let response = request.timeout(self.timeout).send().await.map_err(Attempt::of)?;
        if let Some(signing) = response.headers().get(SIGNING).and_then(|value| value.to_str().ok()) {
            self.signing.lock().unwrap_or_else(PoisonError::into_inner).replace(signing.to_owned());
        }
        let good = response.status().is_success();
        let body = read_body(response).await?;
        if good {
            return Ok(body);
        }
        match harmless::<ErrorView>(&body) {
            Ok(error) => Err(Attempt::Answered(error)),
            Err(_) => Err(Attempt::Lost("the answer is not of this API".to_owned())),
        }
    }
}

/// The failure of one attempt at one node.
enum Attempt {
    /// Nothing was sent.
    NotSent(String),
    /// It was sent, and no valid answer came.
    Lost(String),
    /// The node answered with an error.
    Answered(ErrorView),
}

impl Attempt {
    fn of(why: reqwest::Error) -> Self {
        let text = if why.is_timeout() { "no answer in time".to_owned() } else { bottom(&why) };
        if why.is_connect() || why.is_builder() { Attempt::NotSent(text) } else { Attempt::Lost(text) }
    }
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, Attempt> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Attempt::of)? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(Attempt::Lost("the answer is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads an answer. The node may be anyone's: its text is made harmless before anything is done with it.
fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, ClientError> {
    harmless(body).map_err(|why| ClientError::Garbled(foreign::escape(&why.to_string()).into_owned()))
}

fn harmless<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    let mut value: serde_json::Value = serde_json::from_slice(body)?;
    escape_in(&mut value);
    T::deserialize(value)
}

/// Escapes all texts in a value, but for line ends and tabs; names of fields as well.
fn escape_in(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => {
            if let Cow::Owned(escaped) = foreign::escape_lines(text) {
                *text = escaped;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(escape_in),
        Value::Object(fields) => {
            let all = std::mem::take(fields).into_iter().map(|(name, mut value)| {
                escape_in(&mut value);
                (foreign::escape(&name).into_owned(), value)
            });
            *fields = all.collect();
        }
    }
}

fn freshness(read: Read) -> &'static str {
    match read {
        Read::Linearizable => "stale=false",
        Read::Stale => "stale=true",
    }
}

/// Escapes a name as one segment of a path.
fn escape(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let part = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(part).collect()
}
