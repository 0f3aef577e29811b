//! `tenure fence`, `leader`, `node`.

use super::{
    Context, Exit, Fault, Terminal,
    args::{Fence, Leader, Node},
    group, render,
};
use crate::api::{
    Read,
    wire::{Ask, LeaderView, MembersView},
};

pub(super) async fn fence(command: Fence, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let Fence::Confirm { server, yes_i_checked } = command;
    match yes_i_checked {
        Some(name) if name == server => {}
        Some(name) => {
            let message = format!("--yes-i-checked names {name:?}, not {server:?}");
            return Err(Fault::usage(message, format!("look at {server} again, then name it")));
        }
        None if !terminal.interactive || context.json() => {
            let suggestion = format!("look at the server, then repeat it with --yes-i-checked {server}");
            return Err(Fault::usage("nobody is here to confirm that the server is off", suggestion));
        }
        None => {
            let status = context.client.status(context.read()).await?;
            let Some(view) = status.servers.iter().find(|view| view.name == server) else {
                return Err(Fault::usage(format!("there is no server {server}"), "see `tenure status`"));
            };
            terminal.print(&render::fence_warning(view, terminal.style))?;
            if terminal.ask("Type the name of the server if you have seen that it is off: ")? != server {
                return Err(Fault::Declined);
            }
        }
    }
    group::request(context, terminal, Ask::ConfirmOff { server }, None).await
}

pub(super) async fn leader(command: Leader, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let leader = match command {
        Leader::Show => {
            // Only a reading that the leader confirms says who leads now.
            let status = context.client.status(context.read()).await?;
            LeaderView { leader: status.leader }
        }
        Leader::Transfer { to } => context.client.transfer_leader(to.as_deref()).await?,
    };
    if context.json() {
        terminal.json(&leader)?;
    } else {
        match &leader.leader {
            Some(leader) => terminal.line(format!("{leader} leads"))?,
            None => terminal.line("nobody leads at the moment")?,
        }
    }
    Ok(Exit::Done)
}

pub(super) async fn node(command: Node, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let client = &context.client;
    let members = match command {
        Node::List => list(context).await?,
        Node::Add { name, address } => client.node_add(&name, &address).await?,
        Node::Remove { name } => client.node_remove(&name).await?,
        Node::Promote { name } => client.node_promote(&name).await?,
        Node::Token { name } => {
            let token = client.token(&name).await?;
            if context.json() {
                terminal.json(&token)?;
            } else {
                terminal.print(&render::token(&token))?;
            }
            return Ok(Exit::Done);
        }
    };
    if context.json() {
        terminal.json(&members)?;
    } else {
        terminal.print(&render::members(&members, terminal.style))?;
    }
    Ok(Exit::Done)
}

/// The members after everything acknowledged, unless a stale answer will do.
async fn list(context: &Context) -> Result<MembersView, Fault> {
    if context.read() == Read::Linearizable {
        context.client.config(Read::Linearizable).await?;
    }
    Ok(context.client.members().await?)
}
