//! What is said on the wire → what may be proposed.

use super::{
    backend::{Failure, Members},
    view,
    wire::{MemberView, MembersView},
};
use crate::config;
use std::sync::Arc;
use tenure_core::{Ledger, RequestId, config::Cluster};

/// How a cluster file that came by the wire is called in messages.
const SENT_FILE: &str = "cluster file";

/// The cluster that a text declares.
pub(super) fn cluster(text: &str) -> Result<Arc<Cluster>, Failure> {
    config::cluster::parse(SENT_FILE, text).map(Arc::new).map_err(Failure::Invalid)
}

/// Reads 32 hexadecimal digits.
pub(super) fn request_id(text: &str) -> Option<RequestId> {
    // A sign would be taken for a digit: two texts for one request.
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(RequestId)
}

pub(super) fn members(members: Members, ledger: &Ledger) -> MembersView {
    MembersView {
        nodes: view::nodes(ledger, &members),
        at: view::shown(ledger, ledger.now),
        answered_by: members.me.to_string(),
        leader: members.leader.map(|leader| leader.to_string()),
        term: members.term,
        index: members.index,
        members: members
            .members
            .into_iter()
            .map(|member| MemberView {
                id: member.id,
                name: member.name.to_string(),
                address: member.address,
                api_address: member.api_address,
                voter: member.voter,
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
