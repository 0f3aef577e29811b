//! Waiting until a goal is reached, with the events in between.

use super::{Context, Fault, Terminal, render};
use crate::api::{
    ClientError, Only, Part, Read,
    wire::{
        DrainStatus, ErrorKind, GroupStatus, GroupView, RecordView, ResourceView, ServerView, ServiceStatus,
        ServiceView, StatusView,
    },
};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use tenure_core::{GroupName, ResourceName, ServerName, ServiceName};
use tokio::time::{Instant, timeout};

/// Longest interval between two looks at the state, without new records.
const LOOK: Duration = Duration::from_secs(1);

/// The goal of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// A group is online, on this server if one is given.
    Online { group: GroupName, server: Option<ServerName> },
    /// A group is without a tenure.
    Offline { group: GroupName },
    /// A resource runs, or is off.
    Resource { resource: ResourceName, runs: bool },
    /// All groups of a service are online, or none.
    Service { service: ServiceName, online: bool },
    /// A server is drained.
    Drained { server: ServerName },
}

/// The state of a goal's object.
struct Looked {
    reached: bool,
    /// For people.
    is: String,
    /// For programs.
    view: Value,
}

impl Goal {
    /// The kind of its object: `group`, ….
    pub fn kind(&self) -> &'static str {
        match self {
            Goal::Online { .. } | Goal::Offline { .. } => "group",
            Goal::Resource { .. } => "resource",
            Goal::Service { .. } => "service",
            Goal::Drained { .. } => "server",
        }
    }

    fn name(&self) -> &str {
        match self {
            Goal::Online { group, .. } | Goal::Offline { group } => group.as_str(),
            Goal::Resource { resource, .. } => resource.as_str(),
            Goal::Service { service, .. } => service.as_str(),
            Goal::Drained { server } => server.as_str(),
        }
    }

    /// The command to see why it is not reached.
    fn see(&self) -> String {
        match self {
            Goal::Online { group, .. } | Goal::Offline { group } => format!("tenure why {group}"),
            Goal::Resource { resource, .. } => format!("tenure resource show {resource}"),
            Goal::Service { service, .. } => format!("tenure service show {service}"),
            Goal::Drained { .. } => "tenure status".to_owned(),
        }
    }

    /// What of the status says how far it is.
    fn part(&self) -> Part {
        match self {
            Goal::Online { group, .. } | Goal::Offline { group } => {
                Part { group: Some(group.to_string()), ..Part::list(Only::Groups) }
            }
            Goal::Resource { .. } => Part::list(Only::Resources),
            Goal::Service { .. } => Part::list(Only::Services),
            Goal::Drained { server } => Part { on: Some(server.to_string()), ..Part::list(Only::Servers) },
        }
    }

    /// Whether a record concerns it.
    fn is_told_of(&self, record: &RecordView, status: Option<&StatusView>) -> bool {
        let group = record.group.as_deref();
        let name = self.name();
        match self {
            Goal::Online { .. } | Goal::Offline { .. } => {
                group.is_some_and(|group| group == name || GroupName::from(group).declared() == name)
            }
            Goal::Resource { .. } => {
                let mut resources = status.into_iter().flat_map(|status| &status.resources);
                let of = resources.find(|one| one.name == name).map(|one| one.group.as_str());
                group.is_some() && group == of
            }
            Goal::Service { .. } => {
                let mut services = status.into_iter().flat_map(|status| &status.services);
                let service = services.find(|one| one.name == name);
                let mut members = service.into_iter().flat_map(|one| one.tiers.iter().flatten());
                members.any(|member| Some(member.group.as_str()) == group)
            }
            Goal::Drained { .. } => record.server.as_deref() == Some(name),
        }
    }

    /// Its object's state; `None` if that is not declared.
    fn look(&self, status: &StatusView) -> Option<Looked> {
        let name = self.name();
        match self {
            Goal::Online { server, .. } => {
                let server = server.as_ref().map(ServerName::as_str);
                let there =
                    |one: &GroupView| server.is_none_or(|server| one.system_list.iter().any(|one| one == server));
                let reached = |one: &GroupView| {
                    one.state == GroupStatus::Online && (server.is_none() || one.server.as_deref() == server)
                };
                one_of(status, |one| one.name == name || (is_instance(one, name) && there(one)), reached)
            }
            Goal::Offline { .. } => one_of(
                status,
                |one| one.name == name || is_instance(one, name),
                |one| one.state == GroupStatus::Offline,
            ),
            Goal::Resource { runs, .. } => {
                let one: &ResourceView = status.resources.iter().find(|one| one.name == name)?;
                Some(Looked { reached: one.runs == Some(*runs), is: one.state.clone(), view: json(one) })
            }
            Goal::Service { online, .. } => {
                let one: &ServiceView = status.services.iter().find(|one| one.name == name)?;
                let reached = one.state == if *online { ServiceStatus::Online } else { ServiceStatus::Offline };
                Some(Looked { reached, is: one.state.to_string(), view: json(one) })
            }
            Goal::Drained { .. } => {
                let one: &ServerView = status.servers.iter().find(|one| one.name == name)?;
                let drain = one.drain.as_ref();
                let is = drain.map_or_else(|| "not drained".to_owned(), |drain| drain.progress.clone());
                Some(Looked {
                    reached: drain.is_some_and(|drain| drain.state == DrainStatus::Drained),
                    is,
                    view: json(one),
                })
            }
        }
    }
}

fn is_instance(group: &GroupView, of: &str) -> bool {
    group.instance_of.as_deref() == Some(of)
}

/// The state of a group. For a parallel one, that of the first instance for which the goal is not reached.
fn one_of(
    status: &StatusView,
    means: impl Fn(&GroupView) -> bool,
    reached: impl Fn(&GroupView) -> bool,
) -> Option<Looked> {
    let group = status.groups.iter().filter(|one| means(one)).min_by_key(|one| reached(one))?;
    let is = match (&group.server, &group.wait) {
        (_, Some(wait)) => format!("{}, and waits: {}", group.state, wait.text),
        (Some(server), None) => format!("{} on {server}", group.state),
        (None, None) => group.state.to_string(),
    };
    Some(Looked { reached: reached(group), is, view: json(group) })
}

fn json(view: &impl Serialize) -> Value {
    // These types hold nothing that JSON cannot represent.
    serde_json::to_value(view).unwrap_or_default()
}

/// Follows the records from the log index of the request on. Returns the state of the goal's object when it is
/// reached.
pub(super) async fn wait(
    context: &Context,
    terminal: &mut Terminal,
    goal: &Goal,
    since: u64,
    patience: Duration,
) -> Result<Value, Fault> {
    let until = Instant::now() + patience;
    let mut records = context.client.follow(since);
    loop {
        // The state after everything acknowledged.
        let status = match context.client.status_of(&goal.part(), Read::Linearizable).await.map_err(Fault::from) {
            Ok(status) => {
                let looked = goal.look(&status).ok_or_else(|| gone(goal))?;
                if looked.reached {
                    return Ok(looked.view);
                }
                if Instant::now() >= until {
                    return Err(not_yet(goal, &looked.is, patience));
                }
                Some(status)
            }
            Err(Fault::Client(ClientError::Answered(error)))
                if matches!(error.code.as_deref(), Some("no_group" | "no_server")) =>
            {
                return Err(gone(goal));
            }
            Err(fault) if passes(&fault) && Instant::now() < until => None,
            Err(fault) => return Err(fault),
        };
        let left = until - Instant::now();
        match timeout(LOOK.min(left), records.next()).await {
            Ok(Ok(record)) if goal.is_told_of(&record, status.as_ref()) && !context.json() => {
                terminal.line(render::record(&record, terminal.style))?;
            }
            // Nodes may come back meanwhile; the follower goes on where it was.
            Ok(Ok(_) | Err(_)) | Err(_) => {}
        }
    }
}

/// Whether a fault may be temporary: elections end, nodes are restarted.
fn passes(fault: &Fault) -> bool {
    matches!(fault, Fault::Client(error) if matches!(error.kind(), ErrorKind::NotLeader | ErrorKind::Unreachable))
}

fn gone(goal: &Goal) -> Fault {
    Fault::NotYet {
        message: format!("{} {} is no longer declared", goal.kind(), goal.name()),
        suggestion: "see `tenure events`".to_owned(),
    }
}

fn not_yet(goal: &Goal, is: &str, patience: Duration) -> Fault {
    Fault::NotYet {
        message: format!("after {patience:?} {} {} is still {is}", goal.kind(), goal.name()),
        suggestion: format!("the request stands; see `{}`", goal.see()),
    }
}
