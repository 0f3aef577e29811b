//! The audit: who did what, and what was refused. Every record is chained to the one before by its hash, so that a record
//! that was taken out, put in or changed shows.
//!
//! The ledger holds the end of the chain only; the records are in files, one copy on each node. They are apart from the
//! events of the machine, so that noise pushes none of them out.

use crate::{
    Author, Command, NodeName, Refusal, Request, Time,
    config::Cluster,
    trust::{Hash, Origin},
};
use serde::{Deserialize, Serialize};

/// The end of the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Number of records so far.
    pub count: u64,
    /// Hash of the last one.
    pub hash: Option<Hash>,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// A user, with the number of the certificate.
    User(String, u64),
    /// A node.
    Node(NodeName),
}

/// One thing that somebody did, or was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Counted from 1.
    pub number: u64,
    /// Log index of the entry.
    pub index: u64,
    /// Wall clock of the leader at that entry.
    pub at: Time,
    /// Who.
    pub who: Who,
    /// From where.
    pub from: Origin,
    /// What, as it is typed.
    pub what: String,
    /// Code of the refusal; `None` if it was done.
    pub refused: Option<String>,
    /// Hash over the hash of the record before and all of this.
    pub hash: Hash,
}

impl AuditRecord {
    /// The hash that this record must have after `before`. Every field goes in with its length.
    pub fn expected(&self, before: Option<Hash>) -> Hash {
        let (number, index, at) = (self.number.to_le_bytes(), self.index.to_le_bytes(), self.at.0.to_le_bytes());
        let (kind, name, id) = match &self.who {
            Who::User(name, id) => ("user", name.as_str(), id.to_le_bytes()),
            Who::Node(name) => ("node", name.as_str(), [0; 8]),
        };
        let from = self.from.to_string();
        let before = before.map_or_else(Vec::new, |hash| hash.0.to_vec());
        let refused = self.refused.as_deref().unwrap_or_default();
        let text = [kind.as_bytes(), name.as_bytes(), &id, from.as_bytes(), self.what.as_bytes(), refused.as_bytes()];
        Hash::of_all([&before[..], &number, &index, &at].into_iter().chain(text))
    }
}

impl Chain {
    /// Appends a record.
    pub(crate) fn append(&mut self, mut record: AuditRecord) -> AuditRecord {
        self.count = self.count.saturating_add(1);
        record.number = self.count;
        record.hash = record.expected(self.hash);
        self.hash = Some(record.hash);
        record
    }
}

/// The digest of a configuration.
pub fn digest(cluster: &Cluster) -> Hash {
    let mut bytes = Vec::new();
    crate::codec::write_body(cluster, &mut bytes);
    Hash::of(&bytes)
}

/// What is written down of a command, and who and where its author was; `None` for the machine's own business.
pub(crate) fn told(author: &Author, command: &Command, before: &Cluster) -> Option<(Who, Origin, String)> {
    let what = if let Command::Request(request) = command {
        asked(request, before)
    } else if let Command::Spend { token, .. } = command {
        format!("token {token} was shown")
    } else if let Command::Ended { act, failed } = command {
        match failed {
            None => format!("what was permitted at {act} is done"),
            Some(why) => format!("what was permitted at {act} failed: {why}"),
        }
    } else if let Command::Denied { caller, what, code, times } = command {
        let who = Who::User(caller.user.to_string(), caller.id);
        let from = Origin { address: caller.address, node: node_of(author) };
        return Some((who, from, format!("{what}: refused {} ({code})", often(*times))));
    } else if let Command::Enlist { .. } = command {
        "its program starts".to_owned()
    } else if let Command::FoundAuthority { authority, .. } = command {
        format!("authority {} is the first", authority.fingerprint)
    } else if let Command::Certified { credential, .. } = command {
        format!("shows a certificate of authority {}", credential.certificate.authority)
    } else if let Command::Entrust { authority, node, .. } = command {
        format!("gives node {node} the key of authority {authority}")
    } else if let Command::GiveUpMajority { by, survivor } = command {
        format!("recover majority: {survivor} goes on alone, by {by}")
    } else {
        return None;
    };
    Some(match author {
        Author::User { user, id, from, .. } => (Who::User(user.to_string(), *id), from.clone(), what),
        Author::Planner(node) | Author::Agent(node) => (Who::Node(node.clone()), Origin::default(), what),
    })
}

/// `once`, or `40 times`.
pub fn often(times: u32) -> String {
    if times == 1 { "once".to_owned() } else { format!("{times} times") }
}

/// A request, as it is typed; a configuration by its digest and that of the one before.
fn asked(request: &Request, before: &Cluster) -> String {
    match request {
        Request::Configure { cluster, strand } => {
            let strand = if *strand { " --strand" } else { "" };
            format!("apply{strand} {} after {}", digest(cluster), digest(before))
        }
        Request::Do(verb) => verb.typed(),
        Request::Trust(change) => change.to_string(),
        Request::Act(act) => act.to_string(),
        Request::Restore { image, .. } => format!("backup restore {image}"),
    }
}

fn node_of(author: &Author) -> Option<NodeName> {
    match author {
        Author::Planner(node) | Author::Agent(node) => Some(node.clone()),
        Author::User { from, .. } => from.node.clone(),
    }
}

/// The record of a command, without its place in the chain.
pub(crate) fn record(
    (who, from, what): (Who, Origin, String),
    index: u64,
    at: Time,
    refused: Option<&Refusal>,
) -> AuditRecord {
    let refused = refused.map(|why| why.code().to_owned());
    AuditRecord { number: 0, index, at, who, from, what, refused, hash: Hash([0; 32]) }
}
