//! Certificate authorities and certificates.

use super::time;
use crate::api::wire::{AlarmView, AuthoritiesView, AuthorityState, AuthorityView, CertificateView};
use tenure_core::{
    Ledger, Time,
    authority::{Certificate, EXPIRY_WARNING},
    ledger::{Trust, short_fingerprint},
};

/// All of them; `wall` is the time of now.
pub fn authorities(ledger: &Ledger, wall: Time) -> AuthoritiesView {
    let trust = &ledger.trust;
    let authorities = (0..).zip(&trust.authorities).map(|(place, authority)| {
        let print = &authority.fingerprint;
        AuthorityView {
            fingerprint: print.to_string(),
            state: match place.cmp(&trust.signs) {
                std::cmp::Ordering::Less => AuthorityState::Retiring,
                std::cmp::Ordering::Equal => AuthorityState::Signs,
                std::cmp::Ordering::Greater => AuthorityState::Next,
            },
            expires: time(authority.expires),
            holders: trust.holders(print).iter().map(ToString::to_string).collect(),
            waits_for: trust.distrusting(print).iter().map(ToString::to_string).collect(),
            nodes: trust.nodes_of(print).iter().map(ToString::to_string).collect(),
            users: trust.users_of(print, wall).iter().map(ToString::to_string).collect(),
        }
    });
    let certificate = |name: String, certificate: Certificate| CertificateView {
        name,
        authority: certificate.authority.to_string(),
        expires: time(certificate.expires),
        ends_soon: ends_soon(certificate.expires, wall),
    };
    AuthoritiesView {
        authorities: authorities.collect(),
        nodes: trust.nodes.iter().map(|(name, node)| certificate(name.to_string(), node.certificate)).collect(),
        users: trust
            .users
            .iter()
            .filter_map(|(name, user)| {
                let (authority, expires) = user.certificates.iter().max_by_key(|(_, expires)| **expires)?;
                Some(certificate(name.to_string(), Certificate { authority: *authority, expires: *expires }))
            })
            .collect(),
    }
}

fn ends_soon(expires: Time, wall: Time) -> bool {
    wall.after(EXPIRY_WARNING) >= expires
}

/// What ends soon although it should have been renewed, and what stands in the way of a renewal.
pub fn alarms(trust: &Trust, wall: Time) -> Vec<AlarmView> {
    let mut texts = Vec::new();
    let ends = |expires: Time| if expires <= wall { "has expired on" } else { "expires on" };
    let day = |at: Time| time(at).chars().take(10).collect::<String>();
    for (name, node) in &trust.nodes {
        let until = node.certificate.expires;
        if ends_soon(until, wall) {
            let (ends, day) = (ends(until), day(until));
            texts.push(format!("the certificate of node {name} {ends} {day} and was not renewed: see its log"));
        }
    }
    let whole = trust.users.values().filter(|user| user.rights.is_whole());
    let longest = whole.filter_map(|user| user.certificates.values().max()).max();
    if let Some(until) = longest.filter(|until| ends_soon(**until, wall)) {
        let (ends, day) = (ends(*until), day(*until));
        texts.push(format!(
            "the last certificate of an administrator {ends} {day}: any use of `tenure` renews it, and so does `tenure user \
             recover` on a node"
        ));
    }
    if let Some(signing) = trust.signing() {
        if ends_soon(signing.expires, wall) {
            let (ends, day) = (ends(signing.expires), day(signing.expires));
            texts.push(format!("the authority {ends} {day}: `tenure authority rotate`"));
        }
        if !trust.nodes.is_empty() && trust.holders(&signing.fingerprint).is_empty() {
            let print = short_fingerprint(&signing.fingerprint);
            texts.push(format!("no node holds the key of authority {print}: `tenure authority rotate`"));
        }
    }
    texts.into_iter().map(|text| AlarmView { text, group: None, server: None }).collect()
}
