//! Users.

use super::time;
use crate::api::wire::UserView;
use tenure_core::{UserName, trust::User};

/// A user, as the API shows them.
pub fn user(name: &UserName, user: &User) -> UserView {
    let groups = user.rights.groups.as_ref();
    UserView {
        name: name.to_string(),
        id: user.id,
        role: user.rights.role,
        groups: groups.map(|groups| groups.iter().map(ToString::to_string).collect()),
        programs: user.rights.programs,
        since: time(user.since),
        by: user.by.to_string(),
        certified_until: user.certificates.values().max().map(|until| time(*until)),
    }
}
