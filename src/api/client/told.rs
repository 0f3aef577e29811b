//! Where the members are, as a node says in passing.

use crate::api::wire::{MembersView, StatusView};
use std::sync::{Arc, Mutex};

/// A member, and the address of its admin API if the node that answered knows it.
pub type Told = (String, Option<String>);

/// The members that nodes name while a client is used: those of the last answer that names them. Clones are the same.
pub type Named = Arc<Mutex<Vec<Told>>>;

/// Those of the consensus group.
pub(super) fn of_members(view: &MembersView) -> Vec<Told> {
    view.members.iter().map(|member| (member.name.clone(), member.api_address.clone())).collect()
}

/// The same, as the status has them.
pub(super) fn of_status(view: &StatusView) -> Vec<Told> {
    if !view.members.is_empty() {
        return view.members.iter().map(|member| (member.name.clone(), member.api_address.clone())).collect();
    }
    // A node of an older build says it of all nodes.
    let members = view.nodes.iter().filter(|node| node.address.is_some());
    members.map(|node| (node.name.clone(), node.api_address.clone())).collect()
}
