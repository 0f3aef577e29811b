//! `tenure resource` and `tenure service`.

use super::{
    Context, Exit, Fault, Terminal, agent,
    args::{Filter, Resource, Service},
    group::request,
    names, render,
    wait::Goal,
};
use crate::api::{
    Only,
    wire::{ActionBody, ResourceDetailView},
};
use tenure_core::Verb;

pub(super) async fn resource(command: Resource, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let (ask, goal, wait) = match command {
        Resource::List(filter) => return list_resources(&filter, context, terminal).await,
        Resource::Show { resource } => return show_resource(resource.as_str(), context, terminal).await,
        Resource::Info { resource, on } => {
            return agent::info(resource.as_str(), on.as_deref(), context, terminal).await;
        }
        Resource::Action { resource, token, arguments, on } => {
            return agent::action(resource.as_str(), &ActionBody { token, arguments, on }, context, terminal).await;
        }
        Resource::Restart { resource } => {
            return request(context, terminal, Verb::Restart { resource }, None).await;
        }
        Resource::Online { resource, wait } => {
            let goal = Goal::Resource { resource: resource.clone(), runs: true };
            (Verb::ResourceOnline { resource }, goal, wait.wait)
        }
        Resource::Offline { resource, propagate, wait } => {
            let goal = Goal::Resource { resource: resource.clone(), runs: false };
            (Verb::ResourceOffline { resource, propagate }, goal, wait.wait)
        }
    };
    request(context, terminal, ask, wait.map(|wait| (goal, wait))).await
}

async fn list_resources(filter: &Filter, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let part = filter.part(Some(Only::Resources));
    let status = context.client.status_of(&part, context.read()).await?;
    if context.json() {
        terminal.json(&status.resources)?;
    } else {
        terminal.print(&render::resources(&status, terminal.style))?;
    }
    Ok(Exit::Done)
}

async fn show_resource(name: &str, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let view = context.client.resource(name, context.read()).await?;
    if context.json() {
        terminal.json(&merged(&view)?)?;
    } else {
        terminal.print(&render::resource(&view, terminal.style))?;
    }
    Ok(Exit::Done)
}

/// All details of a resource as one JSON object.
fn merged(view: &ResourceDetailView) -> Result<serde_json::Value, Fault> {
    let value = |value: Result<_, serde_json::Error>| value.map_err(std::io::Error::other);
    let mut all = value(serde_json::to_value(&view.resource))?;
    let places = serde_json::json!({ "places": &view.places });
    for more in [value(serde_json::to_value(&view.lpar))?, value(serde_json::to_value(&view.settings))?, places] {
        if let (Some(all), serde_json::Value::Object(more)) = (all.as_object_mut(), more) {
            all.extend(more);
        }
    }
    Ok(all)
}

pub(super) async fn service(command: Service, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let name = match command {
        Service::List => None,
        Service::Show { service } => Some(service),
        Service::Online { service, wait } => {
            let goal = Goal::Service { service: service.clone(), online: true };
            let goal = wait.wait.map(|wait| (goal, wait));
            return request(context, terminal, Verb::ServiceOnline { service }, goal).await;
        }
        Service::Offline { service, wait } => {
            let goal = Goal::Service { service: service.clone(), online: false };
            let goal = wait.wait.map(|wait| (goal, wait));
            return request(context, terminal, Verb::ServiceOffline { service }, goal).await;
        }
    };
    let status = context.client.status(context.read()).await?;
    let Some(name) = name else {
        if context.json() {
            terminal.json(&status.services)?;
        } else if status.services.is_empty() {
            terminal.line("no services are declared")?;
        } else {
            terminal.print(&render::services(&status, terminal.style))?;
        }
        return Ok(Exit::Done);
    };
    let Some(service) = status.services.iter().find(|service| service.name == name.as_str()) else {
        names::known("service", name.as_str(), &status)?;
        return Err(Fault::usage(format!("there is no service {name}"), "see `tenure service list`"));
    };
    if context.json() {
        terminal.json(service)?;
    } else {
        terminal.print(&render::service(service, terminal.style))?;
    }
    Ok(Exit::Done)
}
