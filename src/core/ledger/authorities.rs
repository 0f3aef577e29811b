//! Rotation of the certificate authority. The next one signs as soon as every node trusts it, and the one before it is
//! trusted no more when nothing that it has signed is in use. Nodes act on what stands here, each for itself.

use super::{Ledger, Trust, apply::Applying};
use crate::{
    NodeName, Note, Refusal, Time, UserName,
    authority::{Authority, Certificate, Credential, Sealed, USER_CERTIFICATE_LASTS},
    command::Author,
    trust::{FIRST_USER, Hash},
};
use std::collections::BTreeSet;

/// The most authorities at a time: one that signs, one that will, and earlier ones whose certificates are still in use.
pub const AUTHORITY_LIMIT: usize = 4;
/// Length of a certificate, in bytes.
const CERTIFICATE_LIMIT: usize = 8 << 10;
/// Length of a sealed key, in bytes.
const KEY_LIMIT: usize = 4 << 10;

impl Trust {
    /// The authority that signs.
    pub fn signing(&self) -> Option<&Authority> {
        self.authorities.get(self.signs)
    }

    /// The authority that will sign once every node trusts it.
    pub fn next_authority(&self) -> Option<&Authority> {
        self.authorities.get(self.signs.saturating_add(1))
    }

    /// The authority with this fingerprint.
    pub fn authority(&self, fingerprint: &Hash) -> Option<&Authority> {
        self.authorities.iter().find(|authority| authority.fingerprint == *fingerprint)
    }

    /// The nodes that do not trust an authority yet.
    pub fn distrusting(&self, fingerprint: &Hash) -> BTreeSet<&NodeName> {
        let not_yet = self.nodes.iter().filter(|(_, node)| !node.trusts.contains(fingerprint));
        not_yet.map(|(name, _)| name).collect()
    }

    /// The nodes that can sign with an authority.
    pub fn holders(&self, fingerprint: &Hash) -> BTreeSet<&NodeName> {
        self.nodes.iter().filter(|(_, node)| node.holds.contains(fingerprint)).map(|(name, _)| name).collect()
    }

    /// The nodes whose certificate an authority has signed.
    pub fn nodes_of(&self, fingerprint: &Hash) -> BTreeSet<&NodeName> {
        let its = self.nodes.iter().filter(|(_, node)| node.certificate.authority == *fingerprint);
        its.map(|(name, _)| name).collect()
    }

    /// The users who may have a certificate of an authority that is good now.
    pub fn users_of(&self, fingerprint: &Hash, wall: Time) -> BTreeSet<&UserName> {
        let good = |expires: &Time| *expires > wall;
        let its = self.users.iter().filter(|(_, user)| user.certificates.get(fingerprint).is_some_and(good));
        its.map(|(name, _)| name).collect()
    }
}

impl Applying<'_> {
    /// The founder tells with which authority the cluster began, and until when the first user's certificate is good.
    pub(super) fn found_authority(&mut self, authority: &Authority, first_user: Time) -> Result<(), Refusal> {
        if !self.ledger.trust.authorities.is_empty() {
            return Err(Refusal::NoChange);
        }
        is_whole(authority)?;
        self.ledger.trust.authorities.push(authority.clone());
        if let Some(first) = self.ledger.trust.users.get_mut(&UserName::from(FIRST_USER)).filter(|user| user.id == 0) {
            first.certificates.insert(authority.fingerprint, first_user);
        }
        Ok(())
    }

    pub(super) fn add_authority(&mut self, authority: &Authority) -> Result<(), Refusal> {
        is_whole(authority)?;
        if let Some(next) = self.ledger.trust.next_authority() {
            let waits = self.ledger.trust.distrusting(&next.fingerprint);
            let nodes = waits.into_iter().cloned().collect();
            return Err(Refusal::Rotating { authority: short(&next.fingerprint), nodes });
        }
        if self.ledger.trust.authority(&authority.fingerprint).is_some() {
            return Err(Refusal::NoChange);
        }
        super::trust::has_room(self.ledger.trust.authorities.len(), AUTHORITY_LIMIT, "authorities")?;
        self.ledger.trust.authorities.push(authority.clone());
        self.settle_authorities();
        Ok(())
    }

    pub(super) fn retire_authority(&mut self, fingerprint: &Hash, even_if_used: bool) -> Result<(), Refusal> {
        let trust = &self.ledger.trust;
        let of = || short(fingerprint);
        let Some(place) = trust.authorities.iter().position(|one| one.fingerprint == *fingerprint) else {
            return Err(Refusal::NoAuthority { authority: of() });
        };
        if place == trust.signs {
            return Err(Refusal::AuthoritySigns { authority: of() });
        }
        let nodes: Vec<String> = trust.nodes_of(fingerprint).into_iter().map(ToString::to_string).collect();
        if !nodes.is_empty() {
            return Err(Refusal::AuthorityInUse { authority: of(), by: format!("nodes {}", nodes.join(", ")) });
        }
        let users: Vec<String> =
            trust.users_of(fingerprint, self.ledger.wall).into_iter().map(ToString::to_string).collect();
        if !users.is_empty() && !even_if_used {
            return Err(Refusal::AuthorityInUse { authority: of(), by: format!("users {}", users.join(", ")) });
        }
        self.drop_authority(place);
        self.settle_authorities();
        Ok(())
    }

    /// A node says what it has to show and whom it trusts.
    pub(super) fn certified(&mut self, node: &NodeName, credential: &Credential) -> Result<(), Refusal> {
        if !matches!(self.author, Author::Agent(author) if author == node) {
            return Err(Refusal::NotItsBusiness { by: self.by().into() });
        }
        let trust = &mut self.ledger.trust;
        let known = trust.nodes.insert(node.clone(), credential.clone());
        let mut changed = known.as_ref() != Some(credential);
        for authority in &mut trust.authorities {
            // Who cannot open what was sealed is to have it sealed again.
            if !credential.holds.contains(&authority.fingerprint) {
                changed |= authority.keys.remove(node).is_some();
            }
        }
        self.settle_authorities();
        if changed { Ok(()) } else { Err(Refusal::NoChange) }
    }

    /// A node that holds the key of an authority has sealed it for another one.
    pub(super) fn entrust(&mut self, fingerprint: &Hash, node: &NodeName, key: &Sealed) -> Result<(), Refusal> {
        has_length("a sealed key", key.0.len(), KEY_LIMIT)?;
        if !self.ledger.trust.nodes.contains_key(node) {
            return Err(Refusal::NoNode(node.clone()));
        }
        let authority = self.ledger.trust.authorities.iter_mut().find(|one| one.fingerprint == *fingerprint);
        let Some(authority) = authority else {
            return Err(Refusal::NoAuthority { authority: fingerprint.to_string() });
        };
        if authority.keys.contains_key(node) {
            return Err(Refusal::NoChange);
        }
        authority.keys.insert(node.clone(), key.clone());
        Ok(())
    }

    /// A key of this user is certified now: how long that is good, and by whom.
    pub(super) fn certify_user(&mut self, user: &UserName) {
        let trust = &mut self.ledger.trust;
        let Some(signing) = trust.authorities.get(trust.signs) else { return };
        let until = self.ledger.wall.after(USER_CERTIFICATE_LASTS).min(signing.expires);
        let certificate = Certificate { authority: signing.fingerprint, expires: until };
        if let Some(user) = trust.users.get_mut(user) {
            user.certificates.insert(certificate.authority, certificate.expires);
        }
    }

    /// A node that is to leave is waited for no more, and nothing is sealed for it.
    pub(super) fn forget_credential(&mut self, node: &NodeName) {
        self.ledger.trust.nodes.remove(node);
        for authority in &mut self.ledger.trust.authorities {
            authority.keys.remove(node);
        }
        self.settle_authorities();
    }

    /// Takes the steps of a rotation that are due.
    fn settle_authorities(&mut self) {
        while let Some(next) = self.ledger.trust.next_authority() {
            let fingerprint = next.fingerprint;
            let trust = &self.ledger.trust;
            if !trust.distrusting(&fingerprint).is_empty() || trust.holders(&fingerprint).is_empty() {
                break;
            }
            self.ledger.trust.signs = self.ledger.trust.signs.saturating_add(1);
            self.note(Note::AuthoritySigns { authority: short(&fingerprint) });
        }
        while let Some(oldest) = self.ledger.trust.authorities.first().filter(|_| self.ledger.trust.signs > 0) {
            let fingerprint = oldest.fingerprint;
            let trust = &self.ledger.trust;
            if !trust.nodes_of(&fingerprint).is_empty() || !trust.users_of(&fingerprint, self.ledger.wall).is_empty() {
                break;
            }
            self.drop_authority(0);
        }
    }

    fn drop_authority(&mut self, place: usize) {
        let trust = &mut self.ledger.trust;
        let gone = trust.authorities.remove(place);
        if place < trust.signs {
            trust.signs = trust.signs.saturating_sub(1);
        }
        for user in trust.users.values_mut() {
            user.certificates.remove(&gone.fingerprint);
        }
        self.note(Note::AuthorityRetired { authority: short(&gone.fingerprint) });
    }
}

impl Ledger {
    /// Wall clock of a moment for which a node's certificate is good if it is signed now by the present authority.
    pub fn certified_until(&self, wall: Time, lasts: crate::Span) -> Option<Time> {
        self.trust.signing().map(|signing| wall.after(lasts).min(signing.expires))
    }
}

/// The first digits of a fingerprint: enough to tell a few authorities apart.
pub fn short(fingerprint: &Hash) -> String {
    fingerprint.to_string().chars().take(16).collect()
}

fn is_whole(authority: &Authority) -> Result<(), Refusal> {
    has_length("a certificate", authority.certificate.len(), CERTIFICATE_LIMIT)?;
    has_length("a certificate", authority.chain.as_ref().map_or(1, String::len), CERTIFICATE_LIMIT)?;
    if authority.keys.is_empty() {
        return Err(Refusal::NotUnderstood("an authority without a key".to_owned()));
    }
    authority.keys.values().try_for_each(|key| has_length("a sealed key", key.0.len(), KEY_LIMIT))
}

fn has_length(what: &str, length: usize, limit: usize) -> Result<(), Refusal> {
    if (1..=limit).contains(&length) {
        Ok(())
    } else {
        Err(Refusal::NotUnderstood(format!("{what} of {length} bytes; {limit} at most")))
    }
}
