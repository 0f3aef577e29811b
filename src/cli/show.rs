//! `tenure why`, `events`: commands that only read.

use super::{Context, Exit, Fault, Terminal, names, render};
use crate::api::Which;

pub(super) async fn why(group: &str, limit: usize, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let why = context.client.why(group, limit, context.read()).await?;
    if context.json() {
        terminal.json(&why)?;
    } else {
        terminal.print(&render::why(&why, terminal.style))?;
    }
    Ok(Exit::Done)
}

pub(super) async fn events(
    follow: bool,
    since: Option<u64>,
    which: &Which,
    context: &Context,
    terminal: &mut Terminal,
) -> Result<Exit, Fault> {
    if !follow {
        let records = context.client.events_of(since.unwrap_or(0), which, context.read()).await?;
        // Of what was removed there are events; a name of which there are none may be a slip, and would pass for good news.
        if records.is_empty() && (which.group.is_some() || which.on.is_some()) {
            let view = context.client.status(context.read()).await?;
            let asked = [("group", &which.group), ("server", &which.on)];
            let mut asked = asked.into_iter().filter_map(|(kind, name)| Some((kind, name.as_ref()?)));
            asked.try_for_each(|(kind, name)| names::known(kind, name, &view))?;
        }
        if context.json() {
            terminal.json(&records)?;
        } else {
            for record in &records {
                terminal.line(render::record(record, terminal.style))?;
            }
        }
        return Ok(Exit::Done);
    }
    // Without a log index to begin at, follow only new records.
    let since = match since {
        Some(since) => since,
        None => context.client.members().await?.index,
    };
    let mut records = context.client.follow_these(since, which);
    loop {
        let record = records.next().await?;
        if context.json() {
            terminal.json_line(&record)?;
        } else {
            terminal.line(render::record(&record, terminal.style))?;
        }
    }
}
