//! Who may do what. A request is judged here when it is applied, by the rights that its author has at that place of the log;
//! what nodes do outside the ledger for a user is permitted and recorded here first.

use super::{Ledger, apply::Applying};
use crate::{
    GroupName, NodeName, Refusal, Request, Span, Time, UserName, Verb,
    audit::Chain,
    authority::{Authority, Credential},
    command::{Author, Command},
    config::{Cluster, Kind, Resource},
    trust::{Act, FIRST_USER, Hash, Need, Purpose, Rights, Scope, Token, TrustChange, User},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Number of users.
pub const USER_LIMIT: usize = 1024;
/// Number of tokens that may be good at a time.
pub const TOKEN_LIMIT: usize = 1024;
/// Number of sessions of one user; the oldest one gives way.
const SESSION_LIMIT: usize = 16;
/// Longest life of a token.
const TOKEN_LASTS: Span = Span::seconds(24 * 3600);
/// Number of permissions that nobody has reported as carried out; the oldest one gives way.
const ACT_LIMIT: usize = 256;
/// Length of a user's name.
const NAME_LIMIT: usize = 64;

/// Users, tokens and permissions, and the end of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// The users of the cluster.
    pub users: BTreeMap<UserName, User>,
    /// Tokens that were given out, by their hashes.
    pub tokens: BTreeMap<Hash, Token>,
    /// What nodes may do now, by the log index of the permission.
    pub acts: BTreeMap<u64, Act>,
    /// The certificate authorities, oldest first.
    pub authorities: Vec<Authority>,
    /// The place among them of the one that signs; those before it are still trusted, one after it will sign.
    pub signs: usize,
    /// What each node has to show, and whom it trusts.
    pub nodes: BTreeMap<NodeName, Credential>,
    /// The end of the audit.
    pub audit: Chain,
}

/// A new cluster has one user, with every right.
impl Default for Trust {
    fn default() -> Self {
        let first =
            User { id: 0, rights: Rights::ALL, since: Time(0), by: FIRST_USER.into(), certificates: BTreeMap::new() };
        Trust {
            users: BTreeMap::from([(FIRST_USER.into(), first)]),
            tokens: BTreeMap::new(),
            acts: BTreeMap::new(),
            authorities: Vec::new(),
            signs: 0,
            nodes: BTreeMap::new(),
            audit: Chain::default(),
        }
    }
}

impl Trust {
    /// The user with this name and number, if there still is one.
    pub fn user(&self, name: &UserName, id: u64) -> Option<&User> {
        self.users.get(name).filter(|user| user.id == id)
    }

    /// Whether somebody may do something; why not.
    pub fn judge(&self, name: &UserName, id: u64, need: &Need) -> Result<(), Refusal> {
        let user = self.user(name, id).ok_or_else(|| Refusal::NotAUser { user: name.clone() })?;
        match user.rights.allow(need) {
            true => Ok(()),
            false => Err(Refusal::NotAllowed { user: name.clone(), need: need.clone() }),
        }
    }

    /// The purpose of a token that is good now, and was spent with no other key; why not.
    pub fn purpose(&self, token: &Hash, key: Option<&Hash>, now: Time) -> Result<&Purpose, Refusal> {
        let bad = |why: &str| Refusal::BadToken { why: why.to_owned() };
        let known = self.tokens.get(token).ok_or_else(|| bad("this cluster did not make it, or it is over"))?;
        if known.expires <= now {
            return Err(bad("it has expired"));
        }
        match (&known.spent, key) {
            (Some(spent), key) if key != Some(spent) => Err(bad("it was used already, and is good only once")),
            (Some(_) | None, _) => Ok(&known.purpose),
        }
    }

    fn forget_expired(&mut self, now: Time) {
        self.tokens.retain(|_, token| token.expires > now);
    }

    /// Forgets what was given to users or nodes that are out.
    fn forget_tokens(&mut self, of: impl Fn(&Purpose) -> bool) {
        self.tokens.retain(|_, token| !of(&token.purpose));
    }
}

impl Ledger {
    /// What a request needs of its author, who is `by`.
    pub fn needs(&self, by: &UserName, request: &Request) -> Vec<Need> {
        let whole = || vec![Need::Administer(Scope::Cluster)];
        match request {
            Request::Configure { cluster, .. } => changes(self.declared(), cluster),
            Request::Do(verb) => vec![self.need(verb)],
            Request::Trust(TrustChange::AddUser { rights, .. } | TrustChange::SetRights { rights, .. }) => {
                let programs = rights.programs.then_some(Need::Programs);
                whole().into_iter().chain(programs).collect()
            }
            Request::Trust(TrustChange::RenewUser { user }) if user == by => vec![Need::Read],
            Request::Trust(TrustChange::AddToken { purpose: Purpose::Session(caller), .. }) if caller.user == *by => {
                vec![Need::Read]
            }
            Request::Trust(TrustChange::DropToken { token }) => match self.trust.tokens.get(token) {
                Some(Token { purpose: Purpose::Session(caller), .. }) if caller.user == *by => vec![Need::Read],
                Some(_) | None => whole(),
            },
            // Who lets somebody in anew could take their place, and who lets a node in decides what it runs.
            Request::Trust(
                TrustChange::RenewUser { user } | TrustChange::AddToken { purpose: Purpose::Enrol(user), .. },
            ) => {
                let has = self.trust.users.get(user).is_some_and(|user| user.rights.programs);
                whole().into_iter().chain(has.then_some(Need::Programs)).collect()
            }
            Request::Trust(TrustChange::AddToken { purpose: Purpose::Join(_), .. }) => {
                vec![Need::Administer(Scope::Cluster), Need::Programs]
            }
            // Who makes the authority can make anybody's certificate.
            Request::Trust(TrustChange::AddAuthority { .. } | TrustChange::RetireAuthority { .. }) => {
                vec![Need::Administer(Scope::Cluster), Need::Programs]
            }
            Request::Trust(
                TrustChange::RemoveUser { .. } | TrustChange::AddToken { purpose: Purpose::Session(_), .. },
            ) => whole(),
            Request::Act(act) => match act {
                Act::AddNode { .. } => vec![Need::Administer(Scope::Cluster), Need::Programs],
                Act::PromoteNode { .. } | Act::RemoveNode { .. } | Act::StopNode { .. } | Act::Raise { .. } => whole(),
                Act::Transfer { .. } | Act::LogLevel { .. } => vec![Need::Operate(Scope::Cluster)],
                Act::Action { resource, .. } => vec![Need::Operate(self.scope_of(resource)), Need::Programs],
                Act::Describe { resource, .. } => vec![Need::Operate(self.scope_of(resource))],
                Act::Check { programs: true, .. } => vec![Need::Programs],
                Act::Check { programs: false, .. } => vec![Need::Administer(Scope::Groups(BTreeSet::new()))],
                Act::Certify { .. } => vec![Need::Read],
                // It has every name and every right of the cluster in it, and the sealed keys.
                Act::SaveBackup => whole(),
            },
            // It lets users in, and decides what nodes run.
            Request::Restore { .. } => vec![Need::Administer(Scope::Cluster), Need::Programs],
        }
    }

    /// Whether a configuration chooses programs that nodes do not run by the present one.
    pub fn chooses_programs(&self, cluster: &Cluster) -> bool {
        chooses_programs(self.declared(), cluster)
    }

    fn scope_of(&self, resource: &crate::ResourceName) -> Scope {
        match self.group_of(resource) {
            Some(group) => Scope::Groups(BTreeSet::from([group.declared().into()])),
            None => Scope::Cluster,
        }
    }

    fn need(&self, verb: &Verb) -> Need {
        let groups = |groups: Vec<GroupName>| {
            Need::Operate(Scope::Groups(groups.iter().map(|group| group.declared().into()).collect()))
        };
        let one = |group: &GroupName| groups(vec![group.clone()]);
        let with =
            |group: &GroupName, others: Vec<GroupName>| groups(std::iter::once(group.clone()).chain(others).collect());
        match verb {
            Verb::Online { group, propagate, .. } => {
                with(group, if *propagate { self.reached(group, Ledger::to_start) } else { Vec::new() })
            }
            Verb::Offline { group, propagate } => {
                with(group, if *propagate { self.reached(group, Ledger::to_stop) } else { Vec::new() })
            }
            Verb::Switch { group, .. } | Verb::Migrate { group, .. } => {
                with(group, self.reached(group, Ledger::hard_children))
            }
            Verb::AbortMigration { group }
            | Verb::Flush { group }
            | Verb::Enable { group }
            | Verb::ClearAdminWait { group, .. }
            | Verb::Freeze { group, .. }
            | Verb::Unfreeze { group }
            | Verb::Acknowledge { group }
            | Verb::Clear { group, .. } => one(group),
            Verb::ResourceOnline { resource } | Verb::ResourceOffline { resource, .. } | Verb::Restart { resource } => {
                Need::Operate(self.scope_of(resource))
            }
            Verb::ServiceOnline { service } | Verb::ServiceOffline { service } => {
                let tiers = self.config.services.get(service).into_iter().flat_map(|service| &service.tiers);
                let named: Vec<GroupName> = tiers.flat_map(|tier| &tier.groups).cloned().collect();
                if named.is_empty() { Need::Operate(Scope::Cluster) } else { groups(named) }
            }
            Verb::Drain { .. }
            | Verb::Shutdown { .. }
            | Verb::Undrain { .. }
            | Verb::FreezeServer { .. }
            | Verb::UnfreezeServer { .. }
            | Verb::ReleaseServer { .. }
            | Verb::RetryHmc { .. }
            | Verb::Resume => Need::Operate(Scope::Cluster),
            // On the word that something is off its copies are started elsewhere, and a disarmed cluster helps nobody.
            Verb::ConfirmOff { .. } | Verb::ConfirmNodeOff { .. } | Verb::Disarm { .. } | Verb::Arm => {
                Need::Administer(Scope::Cluster)
            }
        }
    }

    /// The groups that a request about one acts on besides; those of each instance, if it is parallel.
    fn reached(&self, group: &GroupName, how: fn(&Ledger, &GroupName) -> Vec<GroupName>) -> Vec<GroupName> {
        self.meant(group).into_iter().flat_map(|(name, _)| how(self, name)).collect()
    }
}

/// What a new configuration needs: of which groups, or of the cluster; and whether it chooses programs.
fn changes(old: &Cluster, new: &Cluster) -> Vec<Need> {
    let programs = chooses_programs(old, new).then_some(Need::Programs);
    std::iter::once(Need::Administer(touched(old, new))).chain(programs).collect()
}

/// The groups that differ, alone or in their resources, if nothing else does.
fn touched(old: &Cluster, new: &Cluster) -> Scope {
    let alone = |cluster: &Cluster| Cluster { groups: BTreeMap::new(), resources: BTreeMap::new(), ..cluster.clone() };
    if alone(old) != alone(new) {
        return Scope::Cluster;
    }
    let mut groups: BTreeSet<GroupName> = BTreeSet::new();
    for name in old.groups.keys().chain(new.groups.keys()) {
        if old.groups.get(name) != new.groups.get(name) {
            groups.insert(name.clone());
        }
    }
    for name in old.resources.keys().chain(new.resources.keys()) {
        let (before, after) = (old.resources.get(name), new.resources.get(name));
        if before != after {
            groups.extend(before.into_iter().chain(after).map(|resource| resource.group.clone()));
        }
    }
    Scope::Groups(groups)
}

/// Whether something that a node would run is new or other than before: an agent, what it is told, or a hook.
fn chooses_programs(old: &Cluster, new: &Cluster) -> bool {
    let agent = |resource: &Resource| match &resource.kind {
        Kind::Agent(agent) => Some(agent.clone()),
        Kind::Lpar(_) => None,
    };
    let resources = new.resources.iter().any(|(name, resource)| {
        let told = agent(resource);
        told.is_some() && told != old.resources.get(name).and_then(agent)
    });
    let hooks = new.groups.iter().any(|(name, group)| {
        let before = old.groups.get(name).map(|group| &group.hooks);
        !group.hooks.is_empty() && before != Some(&group.hooks)
    });
    resources || hooks
}

impl Applying<'_> {
    /// Whether the author may make this command at all: a user makes requests and nothing else, a node everything else.
    pub(super) fn may(&self, command: &Command) -> Result<(), Refusal> {
        let (Author::User { user, id, .. }, Command::Request(request)) = (self.author, command) else {
            let is_user = matches!(self.author, Author::User { .. });
            let asks = matches!(command, Command::Request(_));
            return if is_user == asks { Ok(()) } else { Err(Refusal::NotItsBusiness { by: self.by().into() }) };
        };
        self.ledger.needs(user, request).iter().try_for_each(|need| self.ledger.trust.judge(user, *id, need))
    }

    pub(super) fn change_trust(&mut self, change: &TrustChange) -> Result<(), Refusal> {
        let (now, by) = (self.ledger.now, UserName::from(self.by().as_str()));
        self.ledger.trust.forget_expired(now);
        match change {
            TrustChange::AddUser { user, rights } => {
                if !is_name(user) {
                    return Err(Refusal::BadUserName { user: user.clone() });
                }
                if self.ledger.trust.users.contains_key(user) {
                    return Err(Refusal::UserExists { user: user.clone() });
                }
                has_room(self.ledger.trust.users.len(), USER_LIMIT, "users")?;
                let since = self.ledger.wall;
                let new =
                    User { id: self.ledger.index, rights: rights.clone(), since, by, certificates: BTreeMap::new() };
                self.ledger.trust.users.insert(user.clone(), new);
                Ok(())
            }
            TrustChange::SetRights { user, rights } => {
                let known = self.user(user)?;
                if known.rights == *rights {
                    return Err(Refusal::NoChange);
                }
                if !rights.is_whole() {
                    self.is_not_last(user)?;
                }
                self.user_mut(user)?.rights = rights.clone();
                Ok(())
            }
            TrustChange::RenewUser { user } => {
                let index = self.ledger.index;
                let known = self.user_mut(user)?;
                known.id = index;
                known.certificates.clear();
                self.forget_sessions(user);
                Ok(())
            }
            TrustChange::RemoveUser { user } => {
                self.user(user)?;
                self.is_not_last(user)?;
                self.ledger.trust.users.remove(user);
                self.ledger.trust.forget_tokens(|of| *of == Purpose::Enrol(user.clone()));
                self.forget_sessions(user);
                Ok(())
            }
            TrustChange::AddToken { token, purpose, lasts } => self.add_token(*token, purpose, *lasts, by),
            TrustChange::AddAuthority { authority } => self.add_authority(authority),
            TrustChange::RetireAuthority { authority, even_if_used } => self.retire_authority(authority, *even_if_used),
            TrustChange::DropToken { token } => {
                let gone = self.ledger.trust.tokens.remove(token);
                gone.map(drop).ok_or_else(|| Refusal::BadToken { why: "there is none such".to_owned() })
            }
        }
    }

    fn add_token(&mut self, token: Hash, purpose: &Purpose, lasts: Span, by: UserName) -> Result<(), Refusal> {
        match purpose {
            Purpose::Join(_) => {}
            Purpose::Enrol(user) => drop(self.user(user)?),
            Purpose::Session(caller) => {
                let user = &caller.user;
                self.ledger.trust.user(user, caller.id).ok_or_else(|| Refusal::NotAUser { user: user.clone() })?;
                let mine = |token: &&Token| matches!(&token.purpose, Purpose::Session(of) if of.user == *user);
                if self.ledger.trust.tokens.values().filter(mine).count() >= SESSION_LIMIT {
                    let of_mine = self.ledger.trust.tokens.iter().filter(|(_, token)| mine(token));
                    let oldest = of_mine.min_by_key(|(_, token)| token.expires).map(|(hash, _)| *hash);
                    oldest.map(|oldest| self.ledger.trust.tokens.remove(&oldest));
                }
            }
        }
        if self.ledger.trust.tokens.contains_key(&token) {
            return Err(Refusal::BadToken { why: "there is such a one already".to_owned() });
        }
        has_room(self.ledger.trust.tokens.len(), TOKEN_LIMIT, "tokens")?;
        let expires = self.ledger.now.after(lasts.min(TOKEN_LASTS));
        self.ledger.trust.tokens.insert(token, Token { purpose: purpose.clone(), by, expires, spent: None });
        Ok(())
    }

    /// Permits something to be done outside the ledger. That a node is to leave ends its tokens at once.
    pub(super) fn permit(&mut self, act: &Act) -> Result<(), Refusal> {
        if *act == Act::SaveBackup {
            // It is given out at once by the node that was asked; all that is left of it is the line of the audit.
            return Ok(());
        }
        if let Act::RemoveNode { node } = act {
            self.ledger.trust.forget_tokens(|of| *of == Purpose::Join(node.clone()));
            self.forget_credential(node);
        }
        if let (Act::Certify { .. }, Author::User { user, .. }) = (act, self.author) {
            self.certify_user(user);
        }
        let act = if let Act::StopNode { node, .. } = act { self.stop_node(node) } else { act.clone() };
        let index = self.ledger.index;
        let acts = &mut self.ledger.trust.acts;
        acts.insert(index, act);
        while acts.len() > ACT_LIMIT {
            acts.pop_first();
        }
        Ok(())
    }

    pub(super) fn ended(&mut self, act: u64) -> Result<(), Refusal> {
        let ended = self.ledger.trust.acts.remove(&act).ok_or(Refusal::NotPermitted { act })?;
        if let Act::StopNode { frozen, .. } = ended {
            self.thaw(&frozen);
        }
        Ok(())
    }

    /// Takes a token with the key that is to be certified for it. It is good for that key until it expires.
    pub(super) fn spend(&mut self, token: &Hash, key: &Hash) -> Result<(), Refusal> {
        let now = self.ledger.now;
        let purpose = self.ledger.trust.purpose(token, Some(key), now)?.clone();
        match &purpose {
            Purpose::Session(_) => return Err(Refusal::BadToken { why: "it is for a browser".to_owned() }),
            Purpose::Enrol(user) => self.certify_user(user),
            Purpose::Join(_) => {}
        }
        if let Some(known) = self.ledger.trust.tokens.get_mut(token) {
            known.spent = Some(*key);
        }
        Ok(())
    }

    fn forget_sessions(&mut self, user: &UserName) {
        self.ledger.trust.forget_tokens(|of| matches!(of, Purpose::Session(caller) if caller.user == *user));
    }

    fn user(&self, user: &UserName) -> Result<&User, Refusal> {
        self.ledger.trust.users.get(user).ok_or_else(|| Refusal::NoUser { user: user.clone() })
    }

    fn user_mut(&mut self, user: &UserName) -> Result<&mut User, Refusal> {
        self.ledger.trust.users.get_mut(user).ok_or_else(|| Refusal::NoUser { user: user.clone() })
    }

    /// Somebody must be left who can let others in.
    fn is_not_last(&self, user: &UserName) -> Result<(), Refusal> {
        let mut others = self.ledger.trust.users.iter().filter(|(name, _)| *name != user);
        match others.any(|(_, other)| other.rights.is_whole()) {
            true => Ok(()),
            false => Err(Refusal::LastAdministrator { user: user.clone() }),
        }
    }
}

pub(super) fn has_room(len: usize, limit: usize, what: &str) -> Result<(), Refusal> {
    if len < limit { Ok(()) } else { Err(Refusal::TooMany { what: what.to_owned(), limit }) }
}

/// A name that a certificate can bear.
pub(super) fn is_name(user: &UserName) -> bool {
    let text = user.as_str();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.len() <= NAME_LIMIT && text.bytes().all(plain) && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}
