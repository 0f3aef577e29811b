//! Users and their rights.

use super::{
    Style, moment,
    table::{plain, table},
};
use crate::api::wire::{UserView, UsersView};

/// All users.
pub fn users(view: &UsersView, style: Style) -> String {
    let rows = view.users.iter().map(|user| {
        vec![
            plain(&user.name),
            plain(user.role),
            plain(groups(user)),
            plain(if user.programs { "yes" } else { "no" }),
            plain(since(user)),
            plain(&user.by),
        ]
    });
    table(&["USER", "ROLE", "GROUPS", "PROGRAMS", "SINCE", "BY"], rows.collect(), style)
}

/// One user.
pub fn user(user: &UserView) -> String {
    format!(
        "user      {} ({})\nrole      {}\ngroups    {}\nprograms  {}\nsince     {}, by {}\n",
        user.name,
        user.id,
        user.role,
        groups(user),
        if user.programs { "may choose what nodes run" } else { "may not choose what nodes run" },
        since(user),
        user.by,
    )
}

fn groups(user: &UserView) -> String {
    user.groups.as_ref().map_or("all".to_owned(), |groups| groups.join(", "))
}

/// The first user is there from the beginning, and was let in by nobody else.
fn since(user: &UserView) -> String {
    if user.id == 0 { "the founding".to_owned() } else { format!("{} UTC", moment(&user.since)) }
}
