//! `tenure authority`: the certificate authority of the cluster.

use super::{Context, Exit, Fault, Terminal, args::Authority, render};

pub(super) async fn run(command: Authority, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let client = &context.client;
    match command {
        Authority::Show => {
            let view = client.authorities(context.read()).await?;
            if context.json() {
                terminal.json(&view)?;
            } else {
                terminal.print(&render::authorities(&view, terminal.style))?;
            }
        }
        Authority::Rotate => {
            let outcome = client.authority_rotate().await?;
            if context.json() {
                terminal.json(&outcome)?;
            } else {
                terminal
                    .line("another authority signs as soon as every node trusts it; see `tenure authority show`")?;
            }
        }
        Authority::Retire { authority, force } => {
            let outcome = client.authority_retire(&authority, force).await?;
            if context.json() {
                terminal.json(&outcome)?;
            } else {
                terminal.line(format!("authority {authority} is trusted no more"))?;
            }
        }
    }
    Ok(Exit::Done)
}
