//! A node's part in what is known of HMCs: it tells the cluster of its troubles with them, asks those that it asks
//! nothing else, tells other nodes what it last heard of each, and tries those that are to be declared.

use super::{
    Machine,
    event_loop::EventLoop,
    peer::{Answer, Call, ask, incarnation},
    permit,
};
use crate::{
    api::{Failure, HmcHeard, wire::HmcHeardView},
    hypervisor::{Registry, Unfit},
    performer::{Performer, moment},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use tenure_core::{
    ForeignText, HmcName, Ledger, NodeName, Rejection,
    config::{Cluster, Manager},
    contacts::{Contacts, Seen},
};
use tenure_raft::Handle;

/// An HMC that was asked nothing for so long is asked a trifle: the second of two is only used when the first fails.
const IDLE: Duration = Duration::from_secs(30);
/// The same for one that did not answer.
const FAILED: Duration = Duration::from_secs(5);
/// Time that another node may take to tell what it last heard.
const TELL: Duration = Duration::from_secs(1);
/// The same if it asks an HMC first.
const ASK: Duration = Duration::from_secs(10);
/// Time that another node may take to log in to HMCs.
const TRY: Duration = Duration::from_secs(9);

/// What a node last heard of an HMC. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The HMC.
    pub hmc: HmcName,
    /// Time since it was last asked something.
    pub asked: u64,
    /// Time since its last answer.
    pub answered: Option<u64>,
    /// Time that this answer took.
    pub took: Option<u64>,
    /// The reason why the last question was not answered.
    pub failure: Option<ForeignText>,
}

/// The outcome of a node's trial of HMCs that are to be declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tried {
    /// What is wrong with some of them; nothing, if nothing is.
    Found(Option<Rejection>),
    /// This node has no key for HMCs.
    NoKey,
    /// It was not permitted.
    NotPermitted(ForeignText),
}

/// The state of a node's contacts with HMCs.
#[derive(Default)]
pub struct Managers {
    contacts: Contacts,
    /// When idle ones were last looked for.
    looked: Option<Instant>,
}

impl EventLoop {
    /// Tells the cluster of troubles with HMCs, and asks those that were asked nothing for a while.
    pub(super) fn mind_managers(&mut self, ledger: &Ledger) {
        let contacts = self.performer.registry().contacts();
        let seen: Seen = contacts
            .iter()
            .filter_map(|contact| Some((HmcName::from(contact.name.as_str()), contact.trouble()?)))
            .collect();
        for command in self.managers.contacts.follow(&self.me, ledger, &seen, moment::now()) {
            self.say(command);
        }
        if self.managers.looked.is_some_and(|at| at.elapsed() < FAILED) {
            return;
        }
        self.managers.looked = Some(Instant::now());
        let is_idle = |hmc: &HmcName| {
            let contact = contacts.iter().find(|contact| contact.name == hmc.as_str());
            contact.is_none_or(|contact| {
                let after = if contact.failure.is_some() { FAILED } else { IDLE };
                contact.asked.elapsed() >= after
            })
        };
        let idle: Vec<HmcName> = minded(&self.me, ledger).into_iter().filter(is_idle).collect();
        if !idle.is_empty() {
            let performer = Arc::clone(&self.performer);
            self.tasks.spawn(async move { performer.registry().knock(&idle).await });
        }
    }
}

/// The HMCs that a node minds: those of its own server, of the servers that it watches, and those with which it has
/// said to have trouble.
fn minded(me: &NodeName, ledger: &Ledger) -> BTreeSet<HmcName> {
    let own = ledger.config.nodes.get(me).and_then(|node| node.server.as_ref());
    let watched = ledger.servers.iter().filter(|(_, state)| state.watcher.as_ref() == Some(me)).map(|(name, _)| name);
    let servers = watched.chain(own).filter_map(|server| ledger.config.servers.get(server));
    let troubled = ledger.contacts.iter().filter(|(_, nodes)| nodes.contains_key(me)).map(|(hmc, _)| hmc);
    let all = servers.flat_map(|server| &server.managers).chain(troubled);
    all.filter(|hmc| ledger.config.managers.contains_key(*hmc)).cloned().collect()
}

/// What this node last heard of each HMC; of one, if it is named, after asking it.
pub async fn heard_here(registry: &Registry, knock: Option<&HmcName>) -> Vec<Heard> {
    if let Some(hmc) = knock {
        registry.knock(std::slice::from_ref(hmc)).await;
    }
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let contacts = registry.contacts().into_iter();
    let heard = contacts.map(|contact| Heard {
        hmc: contact.name.as_str().into(),
        asked: ms(contact.asked.elapsed()),
        answered: contact.answered.map(|at| ms(at.elapsed())),
        took: contact.took.map(ms),
        failure: contact.failure.map(|failure| failure.to_string().into()),
    });
    heard.filter(|heard| knock.is_none_or(|hmc| *hmc == heard.hmc)).collect()
}

/// What each member last heard of the HMCs, or `None` if it does not answer. If an HMC is named, each node that minds
/// it asks it first.
pub async fn heard_everywhere(
    raft: &Handle<Machine>,
    registry: &Registry,
    me: &NodeName,
    knock: Option<&HmcName>,
) -> Vec<HmcHeard> {
    let (status, ledger) = (raft.status(), raft.state(Machine::ledger));
    let members = status.members.all().map(|(id, peer)| (id, NodeName::from(&*peer.name)));
    let asked = members.map(async |(id, node)| {
        let knock = knock.filter(|hmc| minded(&node, &ledger).contains(*hmc));
        if node == *me {
            let heard = heard_here(registry, knock).await;
            return told(node, Some(heard));
        }
        let within = if knock.is_some() { ASK } else { TELL };
        match ask(raft, incarnation(), id, &Call::Managers { knock: knock.cloned() }, within).await {
            Ok(Answer::Managers(heard)) => told(node, Some(heard)),
            Ok(_) | Err(_) => told(node, None),
        }
    });
    futures::future::join_all(asked).await
}

/// Its bytes never change within a version, and the API's type may grow: this is where one becomes the other.
fn told(node: NodeName, heard: Option<Vec<Heard>>) -> HmcHeard {
    let view = |Heard { hmc, asked, answered, took, failure }: Heard| {
        let failure = failure.map(String::from);
        (hmc, HmcHeardView { node: node.to_string(), asked_ago: asked, answered_ago: answered, took, failure })
    };
    let heard = heard.map(|heard| heard.into_iter().map(view).collect());
    HmcHeard { node, heard }
}

/// Tries HMCs that are to be declared, from this node: as this permission in the log says.
pub async fn try_permitted(
    raft: &Handle<Machine>,
    performer: &Performer,
    me: &NodeName,
    (permit, cluster, hmcs): (u64, &Cluster, &[HmcName]),
) -> Tried {
    match permit::check(raft, permit, cluster).await {
        Ok(()) => try_here(performer, me, cluster, hmcs).await,
        Err(why) => Tried::NotPermitted(why.into()),
    }
}

/// Logs in once to each of these HMCs of a configuration, from this node. One that is declared like that already is
/// asked through the connection that is in use.
async fn try_here(performer: &Performer, me: &NodeName, cluster: &Cluster, hmcs: &[HmcName]) -> Tried {
    let present = performer.cluster();
    let tried = hmcs.iter().filter_map(|hmc| Some((hmc, cluster.managers.get(hmc)?))).map(async |(hmc, manager)| {
        let registry = performer.registry();
        if present.managers.get(hmc) != Some(manager) {
            return (hmc, manager, registry.attempt(hmc, manager).await);
        }
        registry.knock(std::slice::from_ref(hmc)).await;
        let contact = registry.contacts().into_iter().find(|contact| contact.name == hmc.as_str());
        let outcome = match contact {
            None => Err(Unfit::NoKey),
            Some(contact) => contact.failure.as_ref().map_or(Ok(()), |failure| Err(failure.into())),
        };
        (hmc, manager, outcome)
    });
    let mut found = None;
    for (hmc, manager, outcome) in futures::future::join_all(tried).await {
        match outcome {
            Ok(()) => {}
            Err(Unfit::NoKey) => return Tried::NoKey,
            Err(unfit) => {
                let (what, remedy) = words(me, hmc, manager, &unfit);
                found = Some(match found {
                    None => Rejection::new("hmc_check", what).advise(remedy),
                    Some(Rejection { message, advice, .. }) => {
                        let all = Rejection::new("hmc_check", format!("{message}; {what}"));
                        advice.into_iter().fold(all, |all, advice| all.advise(advice.as_str()))
                    }
                });
            }
        }
    }
    Tried::Found(found)
}

/// What is wrong with an HMC that is to be declared, and the remedy.
fn words(me: &NodeName, hmc: &HmcName, Manager::Hmc(declared): &Manager, unfit: &Unfit) -> (String, String) {
    let (address, user) = (&declared.address, &declared.user);
    match unfit {
        Unfit::Silent(why) => (
            format!("HMC {hmc} at {address} does not answer node {me}: {why}"),
            format!("mend the address or bring {hmc} up; to apply it unseen: `tenure apply --no-check FILE`"),
        ),
        Unfit::HostKey { shown } => (
            format!(
                "HMC {hmc} at {address} shows node {me} the host key {shown}, and the file says {}",
                declared.host_key
            ),
            format!(
                "look at the key on the console of {hmc}: if it is that one, write it into `host_key` of [managers.{hmc}]; if not, \
                 somebody pretends to be {hmc}"
            ),
        ),
        Unfit::Refused(why) => (
            format!("HMC {hmc} refuses user {user} with the key of node {me}: {why}"),
            format!(
                "mend `user` of [managers.{hmc}], or give that user the nodes' key on {hmc}; it was tried once, and a third \
                 refusal within five minutes locks the account"
            ),
        ),
        Unfit::TooOften => (
            format!(
                "HMC {hmc} refused user {user} twice within a few minutes, and a third time would lock the account"
            ),
            "wait for five minutes, then try again".to_owned(),
        ),
        Unfit::OwnKey(why) => (
            format!("node {me} cannot use its key for HMC {hmc}: {why}"),
            format!("mend the file that `hmc_key` in tenured.toml of {me} names"),
        ),
        Unfit::NoKey => {
            (format!("node {me} has no key for HMC {hmc}"), format!("set `hmc_key` in tenured.toml of {me}"))
        }
    }
}

/// Has one node that has a key try HMCs that are to be declared: this one, or else another.
pub async fn try_somewhere(
    raft: &Handle<Machine>,
    performer: &Performer,
    me: &NodeName,
    (permit, cluster, hmcs): (u64, &Cluster, &[HmcName]),
) -> Result<(), Failure> {
    let status = raft.status();
    let members = status.members.all().map(|(id, peer)| (id, NodeName::from(&*peer.name)));
    let (own, others): (Vec<_>, Vec<_>) = members.partition(|(_, node)| node == me);
    for (id, node) in own.into_iter().chain(others) {
        let tried = if node == *me {
            try_here(performer, me, cluster, hmcs).await
        } else {
            let call = Call::Try { permit, cluster: Arc::new(cluster.clone()), hmcs: hmcs.to_vec() };
            match ask(raft, incarnation(), id, &call, TRY).await {
                Ok(Answer::Tried(tried)) => tried,
                // It may have logged in; another try is not worth a lock.
                Ok(_) | Err(_) => return Err(Failure::Unreachable(format!("node {node} does not say what it found"))),
            }
        };
        match tried {
            Tried::Found(None) => return Ok(()),
            Tried::Found(Some(why)) => return Err(why.into()),
            Tried::NotPermitted(why) => return Err(Failure::Unreachable(format!("node {node}: {why}"))),
            Tried::NoKey => {}
        }
    }
    let why = Rejection::new("hmc_check", "no node has a key with which it could log in to HMCs");
    Err(why
        .advise("set `hmc_key` in tenured.toml of the nodes; to apply it unseen: `tenure apply --no-check FILE`")
        .into())
}
