//! Users, their rights, and what a request needs of them.
//!
//! A certificate only says who somebody is: a name, and the log index at which that name was let in. What they may do is
//! in the ledger, so a right that is taken away is gone with the next entry, and a name that is given to somebody else
//! does not bring an old certificate back to life.

use crate::{GroupName, Level, NodeName, ResourceName, Span, Time, UserName, authority::Authority, command::RequestId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

/// The name of the first user, who is in the ledger of a new cluster with every right.
pub const FIRST_USER: &str = "admin";

/// What somebody may do, in the order of what it includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees everything, and changes nothing.
    Reader,
    /// Starts, stops, moves, freezes and clears.
    Operator,
    /// Changes the configuration; for the whole cluster also members, users and assertions that something is off.
    Administrator,
}

impl Role {
    /// All roles, by their names.
    pub const ALL: [(&'static str, Role); 3] =
        [("reader", Role::Reader), ("operator", Role::Operator), ("administrator", Role::Administrator)];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Role::Reader => "reader",
            Role::Operator => "operator",
            Role::Administrator => "administrator",
        })
    }
}

/// The rights of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// The role.
    pub role: Role,
    /// The groups to which the role is limited; `None` for the whole cluster. Reading is not limited.
    pub groups: Option<BTreeSet<GroupName>>,
    /// Whether they decide which programs nodes run: agents and their attributes, hooks, actions, checks of agents.
    pub programs: bool,
}

impl Rights {
    /// Every right in the whole cluster.
    pub const ALL: Rights = Rights { role: Role::Administrator, groups: None, programs: true };

    /// Whether these rights are enough.
    pub fn allow(&self, need: &Need) -> bool {
        match need {
            Need::Read => true,
            Need::Operate(scope) => self.role >= Role::Operator && self.covers(scope),
            Need::Administer(scope) => self.role >= Role::Administrator && self.covers(scope),
            Need::Programs => self.role >= Role::Operator && self.programs,
        }
    }

    /// Whether they are those of an administrator of the whole cluster.
    pub fn is_whole(&self) -> bool {
        self.allow(&Need::Administer(Scope::Cluster))
    }

    fn covers(&self, scope: &Scope) -> bool {
        match (&self.groups, scope) {
            (None, _) => true,
            (Some(_), Scope::Cluster) => false,
            (Some(mine), Scope::Groups(groups)) => groups.iter().all(|group| mine.contains(group.declared())),
        }
    }
}

/// In words: "operator of groups db and web, may choose programs".
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.role)?;
        if let Some(groups) = &self.groups {
            write!(f, " of {}", Scope::Groups(groups.clone()))?;
        }
        if self.programs { f.write_str(", may choose programs") } else { Ok(()) }
    }
}

/// What a right is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Cluster,
    /// These groups, and nothing else.
    Groups(BTreeSet<GroupName>),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Cluster => f.write_str("the cluster"),
            Scope::Groups(groups) => {
                f.write_str(if groups.len() == 1 { "group " } else { "groups " })?;
                f.write_str(&groups.iter().map(GroupName::as_str).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// What a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// To see.
    Read,
    /// To start, stop, move, freeze, clear.
    Operate(Scope),
    /// To change what is declared, or who belongs to the cluster.
    Administer(Scope),
    /// To choose which programs nodes run.
    Programs,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Need::Read => f.write_str("see the cluster"),
            Need::Operate(scope) => write!(f, "operate {scope}"),
            Need::Administer(scope) => write!(f, "administer {scope}"),
            Need::Programs => f.write_str("choose the programs that nodes run"),
        }
    }
}

/// A user of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The number that their certificate must bear: the log index at which they were let in, or last renewed from above.
    pub id: u64,
    /// What they may do.
    pub rights: Rights,
    /// The wall clock at that entry.
    pub since: Time,
    /// Who let them in.
    pub by: UserName,
    /// Wall clock at the end of their longest certificate of each authority, by its fingerprint.
    pub certificates: BTreeMap<Hash, Time>,
}

/// Somebody, as a certificate or a session names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The name.
    pub user: UserName,
    /// The number in the certificate.
    pub id: u64,
    /// Where from, as the node saw it.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// The author of a request of theirs, made to a node.
    pub fn author(&self, request: RequestId, node: Option<NodeName>) -> crate::Author {
        let from = Origin { address: self.address, node };
        crate::Author::User { user: self.user.clone(), id: self.id, request, from }
    }
}

/// Where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Address of the client, as the node saw it.
    pub address: Option<IpAddr>,
    /// The node that was asked. If that is not the leader, the leader writes it down from its own connection.
    pub node: Option<NodeName>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.address, &self.node) {
            (Some(address), Some(node)) => write!(f, "{address} at {node}"),
            (Some(address), None) => write!(f, "{address}"),
            (None, Some(node)) => write!(f, "{node}"),
            (None, None) => Ok(()),
        }
    }
}

/// SHA-256 of a token, or of a public key. The token itself is in nobody's memory but its holder's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Hash(Sha256::digest(bytes).into())
    }

    /// The hash of several texts, each with its length, so that no two lists have the same.
    pub fn of_all<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Hash(hash.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// A node may join, once.
    Join(NodeName),
    /// A user may have a key certified, once.
    Enrol(UserName),
    /// A browser speaks for a user, with the number of the certificate that asked for it.
    Session(Caller),
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Purpose::Join(node) => write!(f, "node {node} to join"),
            Purpose::Enrol(user) => write!(f, "user {user} to enrol"),
            Purpose::Session(caller) => write!(f, "a session of {}", caller.user),
        }
    }
}

/// A token that was given out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What it is good for.
    pub purpose: Purpose,
    /// Who asked for it.
    pub by: UserName,
    /// Cluster time from which it is good for nothing.
    pub expires: Time,
    /// Hash of the public key with which it was used. Who lost the answer may use it again with the same key.
    pub spent: Option<Hash>,
}

/// A change of who may do what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // fields are named after what they hold
pub enum TrustChange {
    /// Let somebody in.
    AddUser { user: UserName, rights: Rights },
    /// Give them other rights.
    SetRights { user: UserName, rights: Rights },
    /// Void their certificates and sessions: the next ones bear a new number.
    RenewUser { user: UserName },
    /// Let them in no more.
    RemoveUser { user: UserName },
    /// Remember a token.
    AddToken {
        token: Hash,
        purpose: Purpose,
        /// Length of its life, of cluster time.
        lasts: Span,
    },
    /// Forget a token before its time.
    DropToken { token: Hash },
    /// Have another authority sign, once every node trusts it.
    AddAuthority { authority: Authority },
    /// Trust an authority no more.
    RetireAuthority {
        authority: Hash,
        /// Although users have certificates of it.
        even_if_used: bool,
    },
}

/// How much a log tells: each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // what a name says is not said again
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// All levels, by their names.
    pub const ALL: [(&'static str, LogLevel); 5] = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = LogLevel::ALL.iter().find(|(_, level)| level == self).map_or("", |(name, _)| *name);
        f.pad(name)
    }
}

/// Something that nodes do for a user outside the ledger, once the ledger has permitted and recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // fields are named after what they hold
pub enum Act {
    AddNode {
        node: NodeName,
        address: String,
    },
    PromoteNode {
        node: NodeName,
    },
    RemoveNode {
        node: NodeName,
    },
    /// Leadership goes to this voter, or to any other.
    Transfer {
        to: Option<NodeName>,
    },
    /// An agent of a node carries out an action.
    Action {
        node: NodeName,
        resource: ResourceName,
        action: String,
        arguments: Vec<String>,
    },
    /// An agent of a node describes a resource.
    Describe {
        node: NodeName,
        resource: ResourceName,
    },
    /// The agents of all nodes look at a configuration.
    Check {
        /// Its digest.
        config: Hash,
        /// Whether it chooses programs other than the present one.
        programs: bool,
    },
    /// A user's new key is certified under the present number.
    Certify {
        /// Hash of the public key.
        key: Hash,
    },
    /// A node stops for a while. It ends when the node is back.
    StopNode {
        node: NodeName,
        /// The groups that are frozen for it: the ledger finds them, whatever was asked.
        frozen: BTreeSet<GroupName>,
    },
    /// The feature level is raised.
    Raise {
        level: Level,
    },
    /// The image of the ledger is given out.
    SaveBackup,
    /// The log of a node tells more, or less, for a time.
    LogLevel {
        node: NodeName,
        level: LogLevel,
        /// Time after which it is as before.
        lasts: Span,
    },
}

impl fmt::Display for TrustChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrustChange::AddUser { user, rights } => write!(f, "user add {user}: {rights}"),
            TrustChange::SetRights { user, rights } => write!(f, "user set {user}: {rights}"),
            TrustChange::RenewUser { user } => write!(f, "user renew {user}"),
            TrustChange::RemoveUser { user } => write!(f, "user remove {user}"),
            TrustChange::AddToken { purpose, lasts, .. } => write!(f, "token for {purpose}, good for {lasts}"),
            TrustChange::DropToken { token } => write!(f, "token {token}: forget it"),
            TrustChange::AddAuthority { authority } => write!(f, "authority rotate: {} is next", authority.fingerprint),
            TrustChange::RetireAuthority { authority, even_if_used } => {
                write!(f, "authority retire {authority}{}", if *even_if_used { " --force" } else { "" })
            }
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::AddNode { node, address } => write!(f, "node add {node} {address:?}"),
            Act::PromoteNode { node } => write!(f, "node promote {node}"),
            Act::RemoveNode { node } => write!(f, "node remove {node}"),
            Act::Transfer { to: Some(node) } => write!(f, "leader transfer --to {node}"),
            Act::Transfer { to: None } => f.write_str("leader transfer"),
            Act::Action { node, resource, action, arguments } => {
                write!(f, "resource action {resource} {action:?} --on {node}")?;
                arguments.iter().try_for_each(|argument| write!(f, " {argument:?}"))
            }
            Act::Describe { node, resource } => write!(f, "resource info {resource} --on {node}"),
            Act::Check { config, .. } => write!(f, "validate --agents {config}"),
            Act::Certify { key } => write!(f, "certify key {key}"),
            Act::StopNode { node, .. } => write!(f, "node stop {node}"),
            Act::Raise { level } => write!(f, "cluster upgrade --raise to level {}", level.0),
            Act::SaveBackup => f.write_str("backup save"),
            Act::LogLevel { node, level, lasts } => write!(f, "log level {node} {level} --for {lasts}"),
        }
    }
}
