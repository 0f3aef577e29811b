//! `tenure fence`, `leader`, `node`.

use super::{
    Context, Exit, Fault, Terminal,
    args::{Fence, Leader, Node, StopPurpose, Sure},
    group,
    maintenance::{Doubt, find},
    names, render, upgrade,
};
use crate::api::{
    Only, Part, Read,
    wire::{LeaderView, MembersView},
};
use std::collections::BTreeSet;
use tenure_core::{NodeName, Verb};

pub(super) async fn fence(command: Fence, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let (server, sure) = match command {
        Fence::Confirm { server, sure } => (server, sure),
        Fence::ConfirmNode { name, sure } => return confirm_node(name, &sure, context, terminal).await,
    };
    let doubt = Doubt {
        name: server.as_str(),
        what: "off",
        warning: "If it runs after all, its groups will run twice and their disks be written by both.",
        question: "Type the name of the server if you have seen that it is off: ",
    };
    if sure.yes_i_checked.is_none() {
        // Nobody is asked to confirm what does not exist.
        find(server.as_str(), context).await?;
    }
    if !doubt.is_settled(&sure, context, terminal)? {
        let view = find(server.as_str(), context).await?;
        doubt.ask(&render::server_groups(&view), terminal)?;
    }
    group::request(context, terminal, Verb::ConfirmOff { server }, None).await
}

async fn confirm_node(node: NodeName, sure: &Sure, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let doubt = Doubt {
        name: node.as_str(),
        what: "off",
        warning: "If it runs after all, what lives inside it will run twice and file systems be written by both.",
        question: "Type the name of the node if you have seen that its LPAR is off: ",
    };
    if sure.yes_i_checked.is_none() {
        let status = context.client.status_of(&Part::list(Only::Nodes), context.read()).await?;
        names::known("node", node.as_str(), &status)?;
    }
    if !doubt.is_settled(sure, context, terminal)? {
        doubt.ask("", terminal)?;
    }
    group::request(context, terminal, Verb::ConfirmNodeOff { node }, None).await
}

pub(super) async fn leader(command: Leader, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let leader = match command {
        Leader::Show => {
            // Only a linearizable read tells the present leader.
            let status = context.client.status_of(&Part::head(), context.read()).await?;
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
        Node::Remove { name, yes } => {
            if !yes {
                sure_to_remove(&name, context, terminal).await?;
            }
            let members = client.node_remove(&name).await?;
            if !context.json() {
                terminal.line(format!(
                    "node {name} held the authority's key: if its disks may be in other hands, `tenure authority rotate`"
                ))?;
            }
            members
        }
        Node::Promote { name } => client.node_promote(&name).await?,
        Node::Stop { name, purpose: StopPurpose::Upgrade } => return upgrade::stop(&name, context, terminal).await,
        Node::Token { name } => {
            let known = list(context).await?;
            if known.members.iter().any(|member| member.name == name && member.voter) {
                let warning = format!("{name} votes; the token is of use only after `tenure node remove {name}`");
                terminal.warn(&[warning]);
            }
            let token = client.token(&name).await?;
            if context.json() {
                terminal.json(&token)?;
            } else {
                terminal.print(&render::token(
                    &token,
                    "`tenured --config FILE --join-file FILE`, the token in that file",
                ))?;
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

/// Says what the cluster can stand without a node, and asks.
async fn sure_to_remove(name: &str, context: &Context, terminal: &mut Terminal) -> Result<(), Fault> {
    let members = list(context).await?;
    let Some(member) = members.members.iter().find(|member| member.name == name) else {
        let status = context.client.status_of(&Part::list(Only::Nodes), context.read()).await?;
        names::known("node", name, &status)?;
        return Err(Fault::NoSuch {
            message: format!("node {name} is not a member"),
            suggestion: "see `tenure node list`".to_owned(),
        });
    };
    let consequence = match member.voter {
        true => {
            let nodes = context.client.status(context.read()).await?.nodes;
            let silent = nodes.into_iter().filter(|node| node.out.is_some()).map(|node| node.name).collect();
            without(name, &members, &silent)
        }
        false => "it does not vote: as many nodes may fail as before".to_owned(),
    };
    if !terminal.interactive || context.json() {
        let message = format!("nobody is here to confirm that {name} is to be removed; {consequence}");
        return Err(Fault::usage(message, format!("repeat it with --yes: `tenure node remove {name} --yes`")));
    }
    terminal.line(render::warning(&format!("Without {name}, {consequence}."), terminal.style))?;
    match terminal.ask(&format!("Remove {name}? [y/N] "))?.as_str() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Fault::Declined),
    }
}

/// What is left without a voter, some of the nodes being silent: `2 voters are left: none may fail`.
fn without(name: &str, members: &MembersView, silent: &BTreeSet<String>) -> String {
    let left: Vec<&str> =
        members.members.iter().filter(|one| one.voter && one.name != name).map(|one| one.name.as_str()).collect();
    let silent: Vec<&str> = left.iter().copied().filter(|one| silent.contains(*one)).collect();
    let count = format!("{} voter{} left", left.len(), if left.len() == 1 { " is" } else { "s are" });
    let does = if silent.len() == 1 { "does" } else { "do" };
    match (left.len() - silent.len()).checked_sub(left.len() / 2 + 1) {
        None => format!("{count}, and {} {does} not answer: nobody could decide anything", silent.join(" and ")),
        Some(0) => format!("{count}: none may fail"),
        Some(spare) => format!("{count}: {spare} may fail"),
    }
}

/// The members, with everything acknowledged before, unless a stale answer will do.
pub(super) async fn list(context: &Context) -> Result<MembersView, Fault> {
    if context.read() == Read::Linearizable {
        context.client.config(Read::Linearizable).await?;
    }
    Ok(context.client.members_asked().await?)
}
