//! `tenure group` and `tenure lpar`.

use super::{
    Context, Exit, Fault, Terminal,
    args::{Group, Lpar},
    render,
    wait::{self, Goal},
};
use crate::api::{
    Client,
    wire::{Ask, OutcomeView},
};
use std::time::Duration;
use tenure_core::RequestId;

pub(super) async fn group(command: Group, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let (ask, goal, wait) = match command {
        Group::List => return list_groups(context, terminal).await,
        Group::Online { group, server, wait } => {
            let goal = Goal::Online { group: group.clone(), server: server.clone() };
            (Ask::Online { group, server }, Some(goal), wait.wait)
        }
        Group::Offline { group, wait } => {
            (Ask::Offline { group: group.clone() }, Some(Goal::Offline { group }), wait.wait)
        }
        Group::Switch { group, server, wait } => {
            let goal = Goal::Online { group: group.clone(), server: Some(server.clone()) };
            (Ask::Switch { group, server }, Some(goal), wait.wait)
        }
        Group::Freeze { group } => (Ask::Freeze { group }, None, None),
        Group::Unfreeze { group } => (Ask::Unfreeze { group }, None, None),
        Group::Clear { group, server } => (Ask::Clear { group, server }, None, None),
    };
    request(context, terminal, ask, goal.zip(wait)).await
}

pub(super) async fn lpar(command: Lpar, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let name = match command {
        Lpar::Restart { lpar } => return request(context, terminal, Ask::Restart { lpar }, None).await,
        Lpar::List => None,
        Lpar::Show { lpar } => Some(lpar),
    };
    let status = context.client.status(context.read()).await?;
    let style = terminal.style;
    let Some(name) = name else {
        if context.json() {
            terminal.json(&status.lpars)?;
        } else {
            terminal.print(&render::lpars(&status, style))?;
        }
        return Ok(Exit::Done);
    };
    let Some(lpar) = status.lpars.iter().find(|lpar| lpar.name == name) else {
        return Err(Fault::usage(format!("there is no LPAR {name}"), "see `tenure lpar list`"));
    };
    if context.json() {
        terminal.json(lpar)?;
    } else {
        terminal.print(&render::lpar(lpar, style))?;
    }
    Ok(Exit::Done)
}

async fn list_groups(context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let status = context.client.status(context.read()).await?;
    if context.json() {
        terminal.json(&status.groups)?;
    } else {
        terminal.print(&render::groups(&status, terminal.style))?;
    }
    Ok(Exit::Done)
}

/// Sends a request and says what it led to; waits for the goal if there is one.
pub(super) async fn request(
    context: &Context,
    terminal: &mut Terminal,
    ask: Ask,
    goal: Option<(Goal, Duration)>,
) -> Result<Exit, Fault> {
    let id = context.global.request_id.map_or_else(Client::request_id, RequestId);
    let outcome = context.client.request(id, ask).await?;
    if !context.json() {
        say(&outcome, terminal)?;
    }
    let reached = match goal {
        Some((goal, patience)) => Some(wait::wait(context, terminal, &goal, outcome.index, patience).await?),
        None => None,
    };
    if context.json() {
        terminal.json(&serde_json::json!({ "outcome": outcome, "group": reached }))?;
    }
    Ok(Exit::Done)
}

fn say(outcome: &OutcomeView, terminal: &mut Terminal) -> Result<(), Fault> {
    for record in &outcome.records {
        terminal.line(render::record(record, terminal.style))?;
    }
    if outcome.records.is_empty() {
        terminal.line(format!("done at log index {}", outcome.index))?;
    }
    Ok(())
}
