//! Names that do not exist, and what was meant by them.

use super::{Context, Fault, args::Global};
use crate::api::{
    ClientError, Read,
    wire::{ErrorView, StatusView},
};

/// Checks that something of this kind has this name.
pub(super) fn known(kind: &str, name: &str, view: &StatusView) -> Result<(), Fault> {
    if all(kind, view).contains(&name) || (kind == "group" && instances(name, view)) {
        return Ok(());
    }
    let see = format!("see `tenure {kind} list`");
    let next = meant(kind, name, view).unwrap_or(see);
    let thing = if kind == "hmc" { "HMC" } else { kind };
    Err(Fault::NoSuch { message: format!("there is no {thing} {name}"), suggestion: next })
}

/// The same error with what was meant, if it is about a name that does not exist.
pub(super) async fn explained(fault: Fault, global: Global) -> Fault {
    let Fault::Client(ClientError::Answered(error)) = &fault else { return fault };
    let code = error.code.as_deref().unwrap_or_default();
    let Some((kind, name)) = code.strip_prefix("no_").zip(error.subject.as_ref().map(|subject| subject.name.clone()))
    else {
        return fault;
    };
    // It explains; the error stands without it.
    let Ok(context) = Context::new(global) else { return fault };
    let Ok(view) = context.client.status(Read::Stale).await else { return fault };
    let suggestion = meant(kind, &name, &view);
    match suggestion {
        Some(suggestion) => {
            Fault::Client(ClientError::Answered(ErrorView { suggestion: Some(suggestion), ..error.clone() }))
        }
        None => fault,
    }
}

/// What may have been meant: a thing of another kind by that name, or one of this kind by a similar one.
fn meant(kind: &str, name: &str, view: &StatusView) -> Option<String> {
    if kind == "group" {
        if let Some(resource) = view.resources.iter().find(|one| one.name == name) {
            return Some(format!("{name} is a resource of group {}; did you mean {}?", resource.group, resource.group));
        }
        if view.services.iter().any(|one| one.name == name) {
            return Some(format!("{name} is a service: `tenure service show {name}`"));
        }
    }
    if kind == "resource" && view.groups.iter().any(|one| one.name == name) {
        return Some(format!("{name} is a group: `tenure why {name}`"));
    }
    if kind != "server" && view.servers.iter().any(|one| one.name == name) {
        return Some(format!("{name} is a server: `tenure server show {name}`"));
    }
    let lower = name.to_lowercase();
    let near = tenure_config::nearest(&lower, all(kind, view).into_iter())?;
    Some(format!("did you mean {near}?"))
}

fn all<'a>(kind: &str, view: &'a StatusView) -> Vec<&'a str> {
    match kind {
        "group" => view.groups.iter().map(|one| one.name.as_str()).collect(),
        "server" => view.servers.iter().map(|one| one.name.as_str()).collect(),
        "node" => view.nodes.iter().map(|one| one.name.as_str()).collect(),
        "resource" => view.resources.iter().map(|one| one.name.as_str()).collect(),
        "hmc" => view.hmcs.iter().map(|one| one.name.as_str()).collect(),
        "service" => view.services.iter().map(|one| one.name.as_str()).collect(),
        _ => Vec::new(),
    }
}

fn instances(name: &str, view: &StatusView) -> bool {
    view.groups.iter().any(|one| one.instance_of.as_deref() == Some(name))
}
