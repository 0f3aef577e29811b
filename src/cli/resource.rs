//! `tenure resource` and `tenure service`.

use super::{
    Context, Exit, Fault, Terminal,
    args::{Resource, Service},
    group::request,
    render,
};
use crate::api::wire::Ask;

pub(super) async fn resource(command: Resource, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let ask = match command {
        Resource::List => return list_resources(context, terminal).await,
        Resource::Show { resource } => return show_resource(&resource, context, terminal).await,
        Resource::Online { resource } => Ask::ResourceOnline { resource },
        Resource::Offline { resource, propagate } => Ask::ResourceOffline { resource, propagate },
        Resource::Restart { resource } => Ask::Restart { lpar: resource },
    };
    request(context, terminal, ask, None).await
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
        Service::Online { service } => {
            return request(context, terminal, Ask::ServiceOnline { service }, None).await;
        }
        Service::Offline { service } => {
            return request(context, terminal, Ask::ServiceOffline { service }, None).await;
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
