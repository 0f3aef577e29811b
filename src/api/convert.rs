//! Wire types → core types.

use super::{
    backend::{Failure, Members, Read},
    view,
    wire::{MemberView, MembersView},
};
use std::sync::Arc;
use tenure_core::{Ledger, RequestId, config::Cluster};

/// The name for the cluster file from a request, in messages.
const SENT_FILE: &str = "cluster file";

/// Parses a cluster file.
pub(super) fn cluster(text: &str) -> Result<Arc<Cluster>, Failure> {
    tenure_config::cluster::parse(SENT_FILE, text).map(Arc::new).map_err(Failure::Invalid)
}

/// Parses 32 hexadecimal digits.
pub(super) fn request_id(text: &str) -> Option<RequestId> {
    // `from_str_radix` accepts a sign: two texts for one request.
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(RequestId)
}

pub(super) fn members(members: Members, ledger: &Ledger) -> MembersView {
    let sight = view::Sight::new(ledger, &members, Read::Stale);
    let members = sight.believes(&members);
    MembersView {
        now: sight.shown(sight.now),
        heard: sight.heard.map(|at| sight.shown(at)),
        unreached: members.unreached.iter().map(|(node, why)| (node.to_string(), why.clone())).collect(),
        nodes: view::nodes(ledger, &members),
        at: view::shown(ledger, ledger.now),
        answered_by: members.me.to_string(),
        leader: members.leader.map(|leader| leader.to_string()),
        term: members.term,
        index: members.index,
        level: ledger.level.0,
        members: members
            .members
            .into_iter()
            .map(|member| MemberView {
                id: member.id,
                name: member.name.to_string(),
                address: member.address,
                api_address: member.api_address,
                voter: member.voter,
                version: member.version,
                level: member.level,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::request_id;
    use tenure_core::RequestId;

    #[test]
    fn one_text_is_one_request() {
        assert_eq!(request_id("0000000000000000000000000000001f"), Some(RequestId(31)));
        assert_eq!(request_id("+0000000000000000000000000000001"), None);
        assert_eq!(request_id("000000000000000000000000000001"), None);
    }
}
