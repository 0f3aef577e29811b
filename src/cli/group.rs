//! `tenure group`, and the sending of every request.

use super::{
    Context, Exit, Fault, Terminal,
    args::Group,
    render,
    wait::{self, Goal},
};
use crate::api::{Client, wire::OutcomeView};
use std::time::Duration;
use tenure_core::{RequestId, Verb};

pub(super) async fn group(command: Group, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let (ask, goal, wait) = match command {
        Group::List => return list_groups(context, terminal).await,
        Group::Online { group, server, propagate, wait } => {
            let goal = Goal::Online { group: group.clone(), server: server.clone() };
            (Verb::Online { group, server, propagate }, Some(goal), wait.wait)
        }
        Group::Offline { group, propagate, wait } => {
            (Verb::Offline { group: group.clone(), propagate }, Some(Goal::Offline { group }), wait.wait)
        }
        Group::Switch { group, server, wait } => {
            let goal = Goal::Online { group: group.clone(), server: Some(server.clone()) };
            (Verb::Switch { group, server }, Some(goal), wait.wait)
        }
        Group::Migrate { group, server, wait } => {
            let goal = Goal::Online { group: group.clone(), server: Some(server.clone()) };
            (Verb::Migrate { group, server }, Some(goal), wait.wait)
        }
        Group::Abort { group } => (Verb::AbortMigration { group }, None, None),
        Group::Flush { group } => (Verb::Flush { group }, None, None),
        Group::Enable { group } => (Verb::Enable { group }, None, None),
        Group::ClearAdminWait { group, fault } => (Verb::ClearAdminWait { group, fault }, None, None),
        Group::Freeze { group } => (Verb::Freeze { group }, None, None),
        Group::Unfreeze { group } => (Verb::Unfreeze { group }, None, None),
        Group::Clear { group, server } => (Verb::Clear { group, server }, None, None),
    };
    request(context, terminal, ask, goal.zip(wait)).await
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

/// Sends a request and prints its outcome; waits for the goal if one is given.
pub(super) async fn request(
    context: &Context,
    terminal: &mut Terminal,
    ask: Verb,
    goal: Option<(Goal, Duration)>,
) -> Result<Exit, Fault> {
    let id = context.global.request_id.map_or_else(Client::request_id, RequestId);
    let outcome = context.client.request(id, ask).await?;
    if !context.json() {
        say(&outcome, terminal)?;
    }
    let kind = goal.as_ref().map_or("group", |(goal, _)| goal.kind());
    let reached = match goal {
        Some((goal, patience)) => Some(wait::wait(context, terminal, &goal, outcome.index, patience).await?),
        None => None,
    };
    if context.json() {
        terminal.json(&serde_json::json!({ "outcome": outcome, kind: reached }))?;
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
