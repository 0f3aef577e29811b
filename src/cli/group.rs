//! `tenure group`, and the sending of every request.

use super::{
    Context, Exit, Fault, Terminal,
    args::{Filter, Group},
    names, render,
    wait::{self, Goal},
};
use crate::api::{
    Client, ClientError, Only, Read,
    wire::{DrainPurpose, ErrorView, GroupView, OutcomeView, ServerView},
};
use std::time::Duration;
use tenure_core::{RequestId, Verb};

pub(super) async fn group(command: Group, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let (ask, goal, wait) = match command {
        Group::List(filter) => return list_groups(&filter, context, terminal).await,
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
        Group::Freeze { group, said } => (Verb::Freeze { group, terms: said.into() }, None, None),
        Group::Unfreeze { group } => (Verb::Unfreeze { group }, None, None),
        Group::Acknowledge { group } => (Verb::Acknowledge { group }, None, None),
        Group::Clear { group, server } => (Verb::Clear { group, server }, None, None),
    };
    request(context, terminal, ask, goal.zip(wait)).await
}

async fn list_groups(filter: &Filter, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let part = filter.part(Some(Only::Groups));
    let status = context.client.status_of(&part, context.read()).await?;
    if context.json() {
        terminal.json(&status.groups)?;
    } else {
        terminal.print(&render::groups(&status, terminal.style))?;
    }
    Ok(Exit::Done)
}

/// Sends a request and prints its outcome; waits for the goal if one is given. To ask for what is so is no error.
pub(super) async fn request(
    context: &Context,
    terminal: &mut Terminal,
    ask: Verb,
    goal: Option<(Goal, Duration)>,
) -> Result<Exit, Fault> {
    let id = context.global.request_id.map_or_else(Client::request_id, RequestId);
    let outcome = match context.client.request(id, ask.clone()).await {
        Ok(outcome) => outcome,
        Err(error) => so_already(context, &ask, id, error).await?,
    };
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

/// The outcome of a request that was refused because what it asks for is so; otherwise the error.
async fn so_already(context: &Context, ask: &Verb, id: RequestId, error: ClientError) -> Result<OutcomeView, Fault> {
    let ClientError::Answered(ErrorView { code: Some(code), message, .. }) = &error else { return Err(error.into()) };
    let is_so = match (ask, code.as_str()) {
        (Verb::Online { server: Some(_), .. }, "already_on") => true,
        (ask, code) => says_so(ask, code),
    };
    if !is_so {
        return Err(error.into());
    }
    let status = context.client.status(Read::Linearizable).await?;
    if let Verb::Shutdown { server, .. } = ask {
        // To be empty is less than to be emptied for a shutdown.
        let purpose = |one: &ServerView| one.drain.as_ref().map(|drain| drain.purpose.clone());
        let so = status.servers.iter().find(|one| one.name == server.as_str()).and_then(purpose);
        if so != Some(DrainPurpose::Shutdown) {
            return Err(error.into());
        }
    }
    if let Verb::Online { group, server: Some(server), .. } = ask {
        names::known("server", server.as_str(), &status)?;
        let there = |one: &GroupView| {
            (one.name == group.as_str() || one.instance_of.as_deref() == Some(group.as_str()))
                && one.server.as_deref() == Some(server.as_str())
        };
        if !status.groups.iter().any(there) {
            return Err(error.into());
        }
    }
    let already = match ask {
        Verb::Flush { group } => format!("nothing is under way for {group}"),
        _ => message.clone(),
    };
    let (index, request_id) = (status.index, format!("{:032x}", id.0));
    Ok(OutcomeView { index, request_id, records: Vec::new(), warnings: Vec::new(), already: Some(already) })
}

/// Whether a refusal says that what was asked for is so.
fn says_so(ask: &Verb, code: &str) -> bool {
    let codes: &[&str] = match ask {
        Verb::Online { server: None, .. } | Verb::Switch { .. } | Verb::Migrate { .. } => &["already_on"],
        Verb::Offline { .. } => &["already_offline"],
        Verb::Freeze { .. } => &["frozen"],
        Verb::Unfreeze { .. } => &["not_frozen"],
        Verb::Acknowledge { .. } => &["no_overlap"],
        Verb::Clear { .. } => &["no_fault"],
        Verb::AbortMigration { .. } => &["not_migrating"],
        Verb::Flush { .. } => &["no_change"],
        Verb::Enable { .. } => &["not_disabled"],
        Verb::ClearAdminWait { .. } => &["no_admin_wait"],
        Verb::ConfirmOff { .. } => &["already_off"],
        Verb::ConfirmNodeOff { .. } => &["node_already_off"],
        Verb::Drain { .. } | Verb::Shutdown { .. } => &["already_drained"],
        Verb::Undrain { .. } => &["not_drained"],
        Verb::FreezeServer { .. } => &["server_frozen"],
        Verb::UnfreezeServer { .. } => &["server_not_frozen"],
        Verb::ReleaseServer { .. } => &["not_quarantined"],
        Verb::Resume => &["no_storm"],
        Verb::Disarm { .. } => &["already_disarmed"],
        Verb::Arm => &["not_disarmed"],
        Verb::RetryHmc { .. } => &["not_refused"],
        Verb::ServiceOnline { .. } | Verb::ServiceOffline { .. } => &["service_already"],
        Verb::ResourceOnline { .. } | Verb::ResourceOffline { .. } => &["no_change"],
        Verb::Online { server: Some(_), .. } | Verb::Restart { .. } => &[],
    };
    codes.contains(&code)
}

fn say(outcome: &OutcomeView, terminal: &mut Terminal) -> Result<(), Fault> {
    for record in &outcome.records {
        terminal.line(render::record(record, terminal.style))?;
    }
    match &outcome.already {
        Some(already) => terminal.line(format!("nothing to do: {already}"))?,
        None if outcome.records.is_empty() => terminal.line(format!("done at log index {}", outcome.index))?,
        None => {}
    }
    Ok(())
}
