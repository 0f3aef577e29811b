//! What the cluster file declares, key by key: from these tables it is read, written and documented.

mod group;
mod resource;
mod rules;
mod site;

pub(crate) use group::{blank_link, group, hook, link, load};
pub(crate) use resource::{agent, lpar, requirement, resource};
pub(crate) use rules::{RULE, SERVICE, brakes, rule, service, tier, timings, tolerance};
pub(crate) use site::{
    Draft as ManagerDraft, address, blank_address, blank_manager, blank_server, manager, node, server, whole,
};

use crate::form::Name;

/// A server's name.
const SERVER: Name = Name("server");
/// A group's name.
const GROUP: Name = Name("group");
