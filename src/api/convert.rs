//! What is asked on the wire → what may be proposed.

use super::{
    backend::{Failure, Members},
    view,
    wire::{Ask, MemberView, MembersView},
};
use crate::config;
use std::sync::Arc;
use tenure_core::{Ledger, Request, RequestId};

/// How a cluster file that came by the wire is called in messages.
pub(super) const SENT_FILE: &str = "cluster file";

/// The request of the core.
pub(super) fn request(ask: Ask) -> Result<Request, Failure> {
    Ok(match ask {
        Ask::Online { group, server, propagate } => {
            Request::Online { group: group.into(), server: server.map(Into::into), propagate }
        }
        Ask::Offline { group, propagate } => Request::Offline { group: group.into(), propagate },
        Ask::Switch { group, server } => Request::Switch { group: group.into(), server: server.into() },
        Ask::Migrate { group, server } => Request::Migrate { group: group.into(), server: server.into() },
        Ask::Abort { group } => Request::AbortMigration(group.into()),
        Ask::Flush { group } => Request::Flush(group.into()),
        Ask::Enable { group } => Request::Enable(group.into()),
        Ask::ClearAdminWait { group, fault } => Request::ClearAdminWait { group: group.into(), fault },
        Ask::ResourceOnline { resource } => Request::ResourceOnline(resource.into()),
        Ask::ResourceOffline { resource, propagate } => {
            Request::ResourceOffline { resource: resource.into(), propagate }
        }
        Ask::ServiceOnline { service } => Request::ServiceOnline(service.into()),
        Ask::ServiceOffline { service } => Request::ServiceOffline(service.into()),
        Ask::Undrain { server, bring_back } => Request::Undrain { server: server.into(), bring_back },
        Ask::Shutdown { server } => Request::Shutdown(server.into()),
        Ask::FreezeServer { server } => Request::FreezeServer(server.into()),
        Ask::UnfreezeServer { server } => Request::UnfreezeServer(server.into()),
        Ask::ReleaseServer { server } => Request::ReleaseServer(server.into()),
        Ask::Resume => Request::Resume,
        Ask::Disarm => Request::Disarm,
        Ask::Arm => Request::Arm,
        Ask::RetryHmc { hmc } => Request::RetryHmc(hmc.into()),
        Ask::Drain { server } => Request::Drain(server.into()),
        Ask::Freeze { group } => Request::Freeze(group.into()),
        Ask::Unfreeze { group } => Request::Unfreeze(group.into()),
        Ask::Clear { group, server } => Request::Clear { group: group.into(), server: server.map(Into::into) },
        Ask::Restart { lpar } => Request::Restart(lpar.into()),
        Ask::ConfirmOff { server } => Request::ConfirmOff(server.into()),
        Ask::ConfirmNodeOff { node } => Request::ConfirmNodeOff(node.into()),
        Ask::Configure { text, strand, expect: _ } => {
            let cluster = config::cluster::parse(SENT_FILE, &text).map_err(Failure::Invalid)?;
            Request::Configure { cluster: Arc::new(cluster), strand }
        }
    })
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
