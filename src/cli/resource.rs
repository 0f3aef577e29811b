//! `tenure resource` and `tenure service`.

use super::{
    Context, Exit, Fault, Terminal,
    args::{Resource, Service},
    group::request,
    render,
    wait::Goal,
};
use crate::api::wire::Ask;

pub(super) async fn resource(command: Resource, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let (ask, goal, wait) = match command {
        Resource::List => return list_resources(context, terminal).await,
        Resource::Show { resource } => return show_resource(&resource, context, terminal).await,
        Resource::Restart { resource } => {
            return request(context, terminal, Ask::Restart { lpar: resource }, None).await;
        }
        Resource::Online { resource, wait } => {
            let goal = Goal::Resource { resource: resource.clone(), runs: true };
            (Ask::ResourceOnline { resource }, goal, wait.wait)
        }
        Resource::Offline { resource, propagate, wait } => {
            let goal = Goal::Resource { resource: resource.clone(), runs: false };
            (Ask::ResourceOffline { resource, propagate }, goal, wait.wait)
        }
    };
    request(context, terminal, ask, wait.map(|wait| (goal, wait))).await
}

async fn list_resources(context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let status = context.client.status(context.read()).await?;
    if context.json() {
        terminal.json(&status.resources)?;
    } else {
        terminal.print(&render::resources(&status, terminal.style))?;
    }
    Ok(Exit::Done)
}

async fn show_resource(name: &str, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let status = context.client.status(context.read()).await?;
    let Some(resource) = status.resources.iter().find(|resource| resource.name == name) else {
        return Err(Fault::usage(format!("there is no resource {name}"), "see `tenure resource list`"));
    };
    let lpar = status.lpars.iter().find(|lpar| lpar.name == name);
    match lpar.filter(|_| context.json()) {
        Some(lpar) => terminal.json(&merged(resource, lpar)?)?,
        None if context.json() => terminal.json(resource)?,
        None => terminal.print(&render::resource(resource, lpar, terminal.style))?,
    }
    Ok(Exit::Done)
}

/// What is known of an LPAR as one object.
fn merged(one: &impl serde::Serialize, other: &impl serde::Serialize) -> Result<serde_json::Value, Fault> {
    let mut all = serde_json::to_value(one).map_err(std::io::Error::other)?;
    let more = serde_json::to_value(other).map_err(std::io::Error::other)?;
    if let (Some(all), serde_json::Value::Object(more)) = (all.as_object_mut(), more) {
        all.extend(more);
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
            return request(context, terminal, Ask::ServiceOnline { service }, goal).await;
        }
        Service::Offline { service, wait } => {
            let goal = Goal::Service { service: service.clone(), online: false };
            let goal = wait.wait.map(|wait| (goal, wait));
            return request(context, terminal, Ask::ServiceOffline { service }, goal).await;
        }
    };
    let status = context.client.status(context.read()).await?;
    let Some(name) = name else {
        if context.json() {
            terminal.json(&status.services)?;
        } else {
            terminal.print(&render::services(&status, terminal.style))?;
        }
        return Ok(Exit::Done);
    };
    let Some(service) = status.services.iter().find(|service| service.name == name) else {
        return Err(Fault::usage(format!("there is no service {name}"), "see `tenure service list`"));
    };
    if context.json() {
        terminal.json(service)?;
    } else {
        terminal.print(&render::service(service, terminal.style))?;
    }
    Ok(Exit::Done)
}
