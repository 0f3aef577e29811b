//! Waiting until a group is where it was asked to be, saying what happens meanwhile.

use super::{Context, Fault, Terminal, render};
use crate::api::{
    Read,
    wire::{ErrorKind, GroupView},
};
use std::time::Duration;
use tenure_core::config::AT;
use tokio::time::{Instant, timeout};

/// The state is looked at this often even when nothing is said of the group.
const LOOK: Duration = Duration::from_secs(1);

/// Where a group is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Online, on this server if one is named.
    Online { group: String, server: Option<String> },
    /// Without a tenure.
    Offline { group: String },
}

impl Goal {
    fn group(&self) -> &str {
        match self {
            Goal::Online { group, .. } | Goal::Offline { group } => group,
        }
    }

    /// Whether it is this group, or an instance of it that is meant.
    fn means(&self, group: &GroupView) -> bool {
        let there = match self {
            Goal::Online { server: Some(server), .. } => group.system_list.contains(server),
            Goal::Online { server: None, .. } | Goal::Offline { .. } => true,
        };
        group.name == self.group() || (there && group.instance_of.as_deref() == Some(self.group()))
    }

    fn is_told_of(&self, group: Option<&str>) -> bool {
        group.is_some_and(|group| group.split_once(AT).map_or(group, |(whole, _)| whole) == self.group())
            || group == Some(self.group())
    }

    fn is_reached(&self, group: &GroupView) -> bool {
        match self {
            Goal::Online { server, .. } => group.state == "online" && (server.is_none() || &group.server == server),
            Goal::Offline { .. } => group.state == "offline",
        }
    }
}

/// Follows the group from the log index of the request on.
pub(super) async fn wait(
    context: &Context,
    terminal: &mut Terminal,
    goal: &Goal,
    since: u64,
    patience: Duration,
) -> Result<GroupView, Fault> {
    let until = Instant::now() + patience;
    let mut records = context.client.follow(since);
    loop {
        let looked = look(context, goal).await;
        match &looked {
            Ok(group) if goal.is_reached(group) => return looked,
            Err(fault) if !passes(fault) => return looked,
            Ok(_) | Err(_) => {}
        }
        if Instant::now() >= until {
            return Err(not_yet(goal, &looked?, patience));
        }
        let left = until - Instant::now();
        match timeout(LOOK.min(left), records.next()).await {
            Ok(Ok(record)) if goal.is_told_of(record.group.as_deref()) && !context.json() => {
                terminal.line(render::record(&record, terminal.style))?;
            }
            // Nodes come back while somebody waits; the follower goes on where it was.
            Ok(Ok(_) | Err(_)) | Err(_) => {}
        }
    }
}

/// What the cluster knows, after everything acknowledged.
async fn look(context: &Context, goal: &Goal) -> Result<GroupView, Fault> {
    let status = context.client.status(Read::Linearizable).await?;
    // Of a parallel group, the first instance that is not there yet speaks for all.
    let mut groups: Vec<GroupView> = status.groups.into_iter().filter(|group| goal.means(group)).collect();
    groups.sort_by_key(|group| goal.is_reached(group));
    groups.into_iter().next().ok_or_else(|| Fault::NotYet {
        message: format!("group {} is no longer declared", goal.group()),
        suggestion: "see `tenure events`".to_owned(),
    })
}

/// Whether a fault may be over soon: elections end, nodes are restarted.
fn passes(fault: &Fault) -> bool {
    matches!(fault, Fault::Client(error) if matches!(error.kind(), ErrorKind::NotLeader | ErrorKind::Unreachable))
}

fn not_yet(goal: &Goal, group: &GroupView, patience: Duration) -> Fault {
    let is = match (&group.server, &group.wait) {
        (_, Some(wait)) => format!("{}, and waits: {}", group.state, wait.text),
        (Some(server), None) => format!("{} on {server}", group.state),
        (None, None) => group.state.clone(),
    };
    Fault::NotYet {
        message: format!("after {patience:?} group {} is still {is}", goal.group()),
        suggestion: format!("the request stands; see `tenure why {}`", goal.group()),
    }
}
