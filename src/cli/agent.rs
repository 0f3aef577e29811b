//! `tenure agent`, and calls of agents for resources.

use super::{Context, Exit, Fault, Terminal, args::Agent, render};
use crate::api::wire::{ActionBody, SaidView};

pub(super) async fn agent(command: Agent, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    match command {
        Agent::List { at } => {
            let view = context.client.agents(at.as_deref()).await?;
            if context.json() {
                terminal.json(&view)?;
            } else {
                terminal.print(&render::agents(&view, terminal.style))?;
            }
        }
        Agent::Show { agent, at } => {
            let view = context.client.agent(&agent, at.as_deref()).await?;
            if context.json() {
                terminal.json(&view)?;
            } else {
                terminal.print(&render::agent(&view, terminal.style))?;
            }
        }
    }
    Ok(Exit::Done)
}

pub(super) async fn info(
    resource: &str,
    on: Option<&str>,
    context: &Context,
    terminal: &mut Terminal,
) -> Result<Exit, Fault> {
    said(&context.client.info(resource, on).await?, context, terminal)
}

pub(super) async fn action(
    resource: &str,
    body: &ActionBody,
    context: &Context,
    terminal: &mut Terminal,
) -> Result<Exit, Fault> {
    said(&context.client.action(resource, body).await?, context, terminal)
}

/// Prints the answer of an agent as it is.
fn said(view: &SaidView, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    if context.json() {
        terminal.json(view)?;
    } else if view.said.trim().is_empty() {
        terminal.line(format!("done on {}; the agent said nothing", view.server))?;
    } else {
        terminal.line(view.said.trim_end())?;
    }
    Ok(Exit::Done)
}
