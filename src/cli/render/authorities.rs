//! Certificate authorities and certificates.

use super::{
    Style, Tone,
    table::{Field, names, plain, table, toned},
};
use crate::api::wire::{AuthoritiesView, AuthorityState, AuthorityView, CertificateView};

/// The authorities, then the certificates.
pub fn authorities(view: &AuthoritiesView, style: Style) -> String {
    let rows = view.authorities.iter().map(|one| {
        vec![
            plain(short(&one.fingerprint)),
            plain(state(one)),
            plain(day(&one.expires)),
            names(&one.holders),
            names(&one.nodes),
            names(&one.users),
        ]
    });
    let authorities = table(&["AUTHORITY", "STATE", "ENDS", "KEY AT", "NODES", "USERS"], rows.collect(), style);
    let nodes = view.nodes.iter().map(|one| certificate("node", one));
    let users = view.users.iter().map(|one| certificate("user", one));
    let certificates = table(&["", "NAME", "ENDS", "AUTHORITY"], nodes.chain(users).collect(), style);
    format!("{authorities}\n{certificates}")
}

fn certificate(kind: &'static str, one: &CertificateView) -> Vec<Field> {
    vec![plain(kind), plain(&one.name), ends(one), plain(short(&one.authority))]
}

fn state(one: &AuthorityView) -> String {
    match one.state {
        AuthorityState::Signs => "signs".to_owned(),
        AuthorityState::Next if one.waits_for.is_empty() => "next".to_owned(),
        AuthorityState::Next => format!("next, when trusted by {}", one.waits_for.join(", ")),
        AuthorityState::Retiring => "trusted, while in use".to_owned(),
    }
}

fn ends(one: &CertificateView) -> Field {
    toned(day(&one.expires), if one.ends_soon { Tone::Bad } else { Tone::Plain })
}

fn day(rfc3339: &str) -> &str {
    rfc3339.get(..10).unwrap_or(rfc3339)
}

fn short(fingerprint: &str) -> &str {
    fingerprint.get(..16).unwrap_or(fingerprint)
}
