//! What of a plan goes into one entry of the log.
//!
//! A plan may be of any length, an entry may not. The commands of a plan are in the order in which they were decided, each of
//! them stands on those before it, and every first part of a plan is a plan: so the first commands that fit are proposed, and
//! the rest is planned again on what became of them.

use crate::{
    Command, codec,
    command::{MAX_COMMANDS, PLAN_LIMIT},
};

/// The first commands of a plan, as many as fit into one entry, but at least one.
pub(super) fn first(mut commands: Vec<Command>) -> Vec<Command> {
    let (mut bytes, mut written) = (0_usize, Vec::new());
    let fits = commands.iter().take(MAX_COMMANDS).take_while(|command| {
        written.clear();
        codec::write_body(command, &mut written);
        bytes = bytes.saturating_add(written.len());
        bytes <= PLAN_LIMIT
    });
    let fits = fits.count().max(1);
    commands.truncate(fits);
    commands
}
