//! `tenure log`: what the log of a node tells.

use super::{
    Context, Exit, Fault, Terminal,
    args::{Log, Output},
};
use crate::{
    api::{Client, wire::LogLevelBody},
    local::identity,
};

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
        Log::Show { name, lines } => {
            let view = match &name {
                Some(name) => client_of(name, context).await?.log(lines).await?,
                None => context.client.log(lines).await?,
            };
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

/// A client that asks this node alone.
async fn client_of(name: &str, context: &Context) -> Result<Client, Fault> {
    let members = context.client.members().await?.members;
    let none = |message: String, suggestion: &str| Fault::NoSuch { message, suggestion: suggestion.to_owned() };
    let Some(member) = members.into_iter().find(|member| member.name == name) else {
        return Err(none(format!("node {name} is not a member"), "see `tenure node list`"));
    };
    let Some(address) = member.api_address else {
        let message = format!("node {name}: the address of its admin API is not known");
        return Err(none(message, "name it with --node, and leave the name of the node out"));
    };
    let identity = identity::load(&context.global.identity_dir(), identity::USER).map_err(Fault::Identity)?;
    Client::new(&identity, vec![address], context.global.timeout).map_err(Fault::Client)
}
