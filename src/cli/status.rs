//! `tenure status`: once or again and again, with a leader or without one.

use super::{
    Context, Exit, Fault, Terminal,
    apart::Apart,
    args::{Filter, Status},
    names, render,
    verdict::{Verdict, is_amiss_hmc},
};
use crate::api::{Look, Read, wire::StatusView};
use render::Rows;
use serde::Serialize;
use std::time::Duration;

/// Interval of looks while watching.
const AGAIN: Duration = Duration::from_secs(2);

pub(super) async fn status(args: &Status, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    if !args.watch {
        return once(args, context, terminal).await;
    }
    loop {
        let shown = once(args, context, terminal).await;
        match shown {
            Ok(_) => {}
            // Nodes may come back, and that is what the watcher wants to see.
            Err(fault @ Fault::Client(_)) => drop(terminal.fault(&fault, context.json())),
            Err(fault) => return Err(fault),
        }
        tokio::time::sleep(AGAIN).await;
        terminal.clear()?;
    }
}

/// The status with its verdict, as one object.
#[derive(Serialize)]
struct Judged<'a> {
    #[serde(flatten)]
    view: &'a StatusView,
    verdict: &'a Verdict,
}

async fn once(args: &Status, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let view = match context.read() {
        Read::Stale => context.client.status(Read::Stale).await?,
        Read::Linearizable => match context.client.look().await? {
            Look::Whole(view) => *view,
            Look::Apart(heard) => {
                let Some(apart) = Apart::of(&heard) else {
                    return Err(Fault::usage("no node says who the members are", "look at `tenured` on the nodes"));
                };
                if context.json() {
                    terminal.json(&apart)?;
                } else {
                    terminal.print(&render::apart(&apart, terminal.style))?;
                }
                return Ok(Exit::Unreachable);
            }
        },
    };
    let verdict = Verdict::of(&view);
    let view = if args.check { view } else { heard(view, args.all, context).await };
    let shown = filtered(view.clone(), &args.filter)?;
    if context.json() {
        terminal.json(&Judged { view: &shown, verdict: &verdict })?;
    } else if args.filter.is_set() {
        terminal.print(&render::verdict(&view, &verdict, terminal.style))?;
        terminal.print(&render::tables(&shown, terminal.style))?;
    } else {
        let rows = match (args.check, args.all) {
            (true, _) => Rows::None,
            (false, true) => Rows::All,
            (false, false) => Rows::Amiss,
        };
        terminal.print(&render::status(&view, rows, terminal.style))?;
    }
    Ok(if args.check && !verdict.ok { Exit::Wrong } else { Exit::Done })
}

/// With what nodes last heard of HMCs, if a table of these is shown. It explains; the status stands without it.
async fn heard(mut view: StatusView, all: bool, context: &Context) -> StatusView {
    let shown = (all && !view.hmcs.is_empty()) || view.hmcs.iter().any(is_amiss_hmc);
    if shown && let Ok(live) = context.client.hmcs(Read::Stale).await {
        for hmc in &mut view.hmcs {
            let found = live.hmcs.iter().find(|one| one.name == hmc.name);
            hmc.heard = found.map(|one| one.heard.clone()).unwrap_or_default();
        }
    }
    view
}

/// What a filter lets through. A name that does not exist is an error: an empty list would pass for good news.
pub(super) fn filtered(mut view: StatusView, filter: &Filter) -> Result<StatusView, Fault> {
    if let Some(server) = &filter.on {
        names::known("server", server, &view)?;
        view.servers.retain(|one| &one.name == server);
        view.nodes.retain(|one| one.server.as_ref() == Some(server));
        view.groups.retain(|one| one.server.as_ref() == Some(server));
        view.resources.retain(|one| one.server.as_ref() == Some(server));
        view.lpars.retain(|one| one.server.as_ref() == Some(server));
        view.services.clear();
    }
    if let Some(group) = &filter.group {
        names::known("group", group, &view)?;
        let of = |name: &str| name == group || name.strip_prefix(group.as_str()).is_some_and(|at| at.starts_with('@'));
        view.groups.retain(|one| of(&one.name));
        view.resources.retain(|one| of(&one.group));
        view.lpars.retain(|one| of(&one.group));
        view.services.retain(|one| one.tiers.iter().flatten().any(|member| of(&member.group)));
        view.servers.clear();
        view.nodes.clear();
    }
    if let Some(state) = &filter.state {
        let is = |word: &str| word.eq_ignore_ascii_case(state);
        view.servers.retain(|one| is(one.state.as_str()));
        view.nodes.retain(|one| one.out.as_ref().is_some_and(|out| is(out.as_str())) || is(one.role.as_str()));
        view.services.retain(|one| is(one.state.as_str()));
        view.groups.retain(|one| is(one.state.as_str()) || one.flags.iter().any(|flag| is(flag)));
        view.resources.retain(|one| is(&one.state));
        view.lpars.retain(|one| is(&one.state));
    }
    if filter.problems {
        let amiss = render::amiss(&view);
        view.lpars.retain(|lpar| amiss.resources.iter().any(|one| one.name == lpar.name));
        view = StatusView { lpars: view.lpars, ..amiss };
    }
    Ok(view)
}
