//! `tenure plan`, `capacity`, `why-not`: questions that change nothing.

use super::{
    Context, Exit, Fault, Terminal,
    args::{Plan, WhatIfs},
    names, render,
};
use crate::api::wire::{EndingView, ServerStatus, WhatIf, WhatIfBody, WhatIfView};
use tenure_core::Verb;

pub(super) async fn plan(plan: Plan, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    if plan.what.lose_each {
        return lose_each(context, terminal).await;
    }
    let status = context.client.status(context.read()).await?;
    // A file may bring what there is not yet.
    if plan.what.apply.is_none() {
        named(&plan.what).try_for_each(|(kind, name)| names::known(kind, name, &status))?;
    }
    let (what_if, title) = what_ifs(plan.what)?;
    let foreseen = context.client.what_if(&WhatIfBody { what_if, brief: false }, context.read()).await?;
    if context.json() {
        terminal.json(&foreseen)?;
    } else {
        terminal.print(&render::foreseen(&title, &foreseen, terminal.style))?;
    }
    Ok(if is_good(&foreseen) { Exit::Done } else { Exit::WouldNotRun })
}

/// The groups and servers that it is about.
fn named(what: &WhatIfs) -> impl Iterator<Item = (&'static str, &str)> {
    let pairs = what.switch.iter().chain(&what.migrate);
    let groups = what.online.iter().chain(&what.offline).chain(pairs.clone().map(|(group, _)| group));
    let servers = what.drain.iter().chain(pairs.map(|(_, server)| server)).map(|server| server.as_str());
    let servers = servers.chain(what.lose.iter().map(String::as_str));
    groups.map(|group| ("group", group.as_str())).chain(servers.map(|server| ("server", server)))
}

fn is_good(foreseen: &WhatIfView) -> bool {
    let served = foreseen.groups.iter().all(|group| !group.unserved);
    served && foreseen.refused.is_empty() && foreseen.ending == EndingView::Rest
}

/// The hypothetical events in their order, and a title for them.
fn what_ifs(what: WhatIfs) -> Result<(Vec<WhatIf>, String), Fault> {
    let mut all = Vec::new();
    let mut titles = Vec::new();
    if let Some(file) = what.apply {
        let cluster = super::configure::load(&file)?;
        titles.push(format!("applying {}", file.display()));
        all.push(WhatIf::Configure { text: tenure_config::export(&cluster) });
    }
    for group in what.online {
        titles.push(format!("bringing {group} online"));
        all.push(WhatIf::Ask(Verb::Online { group, server: None, propagate: false }));
    }
    for group in what.offline {
        titles.push(format!("taking {group} offline"));
        all.push(WhatIf::Ask(Verb::Offline { group, propagate: false }));
    }
    for (group, server) in what.switch {
        titles.push(format!("switching {group} to {server}"));
        all.push(WhatIf::Ask(Verb::Switch { group, server }));
    }
    for (group, server) in what.migrate {
        titles.push(format!("migrating {group} to {server}"));
        all.push(WhatIf::Ask(Verb::Migrate { group, server }));
    }
    for server in what.drain {
        titles.push(format!("draining {server}"));
        all.push(WhatIf::Ask(Verb::Drain { server, terms: Default::default() }));
    }
    if !what.lose.is_empty() {
        titles.push(format!("losing {}", what.lose.join(" and ")));
        all.push(WhatIf::Lose { servers: what.lose });
    }
    let title = titles.join(", then ");
    let first = title.chars().next().map(|first| first.to_ascii_uppercase().to_string()).unwrap_or_default();
    Ok((all, first + title.get(1..).unwrap_or_default()))
}

/// One question per server, so that each is bounded in time and progress can be shown.
async fn lose_each(context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let status = context.client.status(context.read()).await?;
    let servers: Vec<String> = status
        .servers
        .into_iter()
        .filter(|server| server.state != ServerStatus::Off)
        .map(|server| server.name)
        .collect();
    let mut rows = Vec::with_capacity(servers.len());
    for (done, server) in servers.iter().enumerate() {
        terminal.progress(&format!("losing {server}, {} of {}", done + 1, servers.len()));
        let what_if = vec![WhatIf::Lose { servers: vec![server.clone()] }];
        let foreseen = context.client.what_if(&WhatIfBody { what_if, brief: true }, context.read()).await;
        if foreseen.is_err() {
            terminal.progress("");
        }
        rows.push((server.clone(), foreseen?));
    }
    terminal.progress("");
    if context.json() {
        let row = |(server, loss): &(String, WhatIfView)| serde_json::json!({ "lose": server, "foreseen": loss });
        let rows: Vec<_> = rows.iter().map(row).collect();
        terminal.json(&rows)?;
    } else {
        terminal.print(&render::losses(&rows, terminal.style))?;
    }
    Ok(if rows.iter().all(|(_, foreseen)| is_good(foreseen)) { Exit::Done } else { Exit::WouldNotRun })
}

pub(super) async fn capacity(context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    terminal.progress("losing each server in turn");
    let capacity = context.client.capacity(context.read()).await;
    terminal.progress("");
    let capacity = capacity?;
    if context.json() {
        terminal.json(&capacity)?;
    } else {
        terminal.print(&render::capacity(&capacity, terminal.style))?;
    }
    Ok(Exit::Done)
}

pub(super) async fn why_not(
    group: &str,
    server: &str,
    context: &Context,
    terminal: &mut Terminal,
) -> Result<Exit, Fault> {
    let why = context.client.why_not(group, server, context.read()).await?;
    if context.json() {
        terminal.json(&why)?;
    } else {
        terminal.print(&render::why_not(&why, terminal.style))?;
    }
    Ok(Exit::Done)
}
