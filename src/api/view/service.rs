//! Services.

use super::group::group_word;
use crate::api::wire::{ServiceMemberView, ServiceView};
use tenure_core::{
    Ledger, ServiceName,
    ledger::{GroupState, Member},
};

pub(super) fn view(ledger: &Ledger, name: &ServiceName) -> Option<ServiceView> {
    let service = ledger.service(name)?;
    let member = |member: Member| {
        let unknown = GroupState::default();
        let state = ledger.groups.get(&member.group).map_or(&unknown, |state| &**state);
        ServiceMemberView {
            group: member.group.to_string(),
            state: group_word(state).to_owned(),
            server: member.place.map(|(server, _)| server.to_string()),
            wait: member.wait.map(|wait| wait.to_string()),
        }
    };
    let tiers = service.tiers.into_iter().map(|tier| tier.into_iter().map(member).collect());
    Some(ServiceView { name: name.to_string(), state: service.state.to_string(), tiers: tiers.collect() })
}
