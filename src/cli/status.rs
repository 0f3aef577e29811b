//! `tenure status`: once or again and again, with a leader or without one.

use super::{
    Context, Exit, Fault, Terminal,
    apart::Apart,
    args::{Filter, Status},
    render,
};
use crate::api::{Look, Only, Part, Read, is_amiss_hmc, wire::StatusView};
use render::Rows;
use std::time::Duration;

/// Interval of looks while watching.
const AGAIN: Duration = Duration::from_secs(2);
/// Most rows of groups and resources on a screen that nobody asked for in full: the causes stand on top of it.
const ROWS: usize = 200;

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

/// What of the status is asked for.
fn part(args: &Status, json: bool) -> Part {
    match (args.check, args.all || args.filter.is_set() || json) {
        // Programs are shown everything.
        (_, true) => args.filter.part(None),
        (true, false) => Part::head(),
        (false, false) => Part { problems: true, limit: Some(ROWS), ..Part::default() },
    }
}

async fn once(args: &Status, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let part = part(args, context.json());
    let read = context.read();
    let view = match read {
        Read::Stale => context.client.status_page(&part, read).await?,
        Read::Linearizable => match context.client.look(&part).await? {
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
    let view = context.client.status_rest(view, &part, read).await?;
    let ok = view.verdict.as_ref().is_some_and(|verdict| verdict.ok);
    let view = if args.check { view } else { heard(view, args.all, context).await };
    if context.json() {
        terminal.json(&view)?;
    } else if args.filter.is_set() {
        terminal.print(&render::verdict(&view, terminal.style))?;
        terminal.print(&render::tables(&view, terminal.style))?;
    } else {
        let rows = match (args.check, args.all) {
            (true, _) => Rows::None,
            (false, true) => Rows::All,
            (false, false) => Rows::Amiss,
        };
        terminal.print(&render::status(&view, rows, terminal.style))?;
    }
    Ok(if args.check && !ok { Exit::Wrong } else { Exit::Done })
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

impl Filter {
    /// What it lets through, of one list or of all.
    pub(super) fn part(&self, only: Option<Only>) -> Part {
        Part {
            on: self.on.clone(),
            state: self.state.clone(),
            group: self.group.clone(),
            problems: self.problems,
            only,
            ..Part::default()
        }
    }
}
