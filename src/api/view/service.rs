//! Views of services.

use super::group::group_status;
use crate::api::wire::{ServiceMemberView, ServiceStatus, ServiceView};
use tenure_core::{
    Ledger, ServiceName,
    ledger::{GroupState, Member, ServiceState},
};

pub(super) fn view(ledger: &Ledger, name: &ServiceName) -> Option<ServiceView> {
    let service = ledger.service(name)?;
    let member = |member: Member| {
        let unknown = GroupState::default();
        let state = ledger.groups.get(&member.group).map_or(&unknown, |state| &**state);
        ServiceMemberView {
            group: member.group.to_string(),
            state: group_status(state),
            server: member.place.map(|(server, _)| server.to_string()),
            wait: member.wait.map(|wait| wait.to_string()),
        }
    };
    let tiers = service.tiers.into_iter().map(|tier| tier.into_iter().map(member).collect());
    Some(ServiceView { name: name.to_string(), state: status(service.state), tiers: tiers.collect() })
}

fn status(state: ServiceState) -> ServiceStatus {
    match state {
        ServiceState::Online => ServiceStatus::Online,
        ServiceState::Partial => ServiceStatus::Partial,
        ServiceState::Starting => ServiceStatus::Starting,
        ServiceState::Stopping => ServiceStatus::Stopping,
        ServiceState::Offline => ServiceStatus::Offline,
        ServiceState::Faulted => ServiceStatus::Faulted,
    }
}
