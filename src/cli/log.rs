//! `tenure log`: what the log of a node tells.

use super::{
    Context, Exit, Fault, Terminal,
    args::{Log, Output},
};
use crate::api::wire::LogLevelBody;

pub(super) async fn log(command: Log, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let json = context.global.output == Output::Json;
    match command {
        Log::Level { name, level, lasts } => {
            let lasts_ms = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
            let view = context.client.log_level(&name, &LogLevelBody { level: level.into(), lasts_ms }).await?;
            match json {
                true => terminal.json(&view)?,
                false => terminal.line(format!("node {}: {}", view.node, view.said))?,
            }
        }
        Log::Show { lines } => {
            let view = context.client.log(lines).await?;
            if json {
                terminal.json(&view)?;
                return Ok(Exit::Done);
            }
            for line in &view.lines {
                terminal.line(line)?;
            }
            let left = view.left.map(|left| format!(" for {left} s more")).unwrap_or_default();
            terminal.line(format!("node {} ({}): its log tells {}{left}", view.node, view.version, view.filter))?;
        }
    }
    Ok(Exit::Done)
}
