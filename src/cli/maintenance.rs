//! `tenure server` and `tenure cluster`: operations of maintenance, and confirmation of dangerous commands.

use super::{
    Context, Exit, Fault, Terminal,
    args::{Cluster, Filter, Server, Sure},
    group::request,
    render,
    wait::Goal,
};
use crate::{
    api::{Only, Part, is_amiss_hmc, wire::ServerView},
    local::identity,
};
use tenure_core::Verb;

pub(super) async fn server(command: Server, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let mut goal = None;
    let ask = match command {
        Server::List(filter) => return list(&filter, context, terminal).await,
        Server::Show { server } => return show(server.as_str(), context, terminal).await,
        Server::Rolling => return rolling(context, terminal).await,
        Server::Drain { server, said, wait } => {
            goal = wait.wait.map(|wait| (Goal::Drained { server: server.clone() }, wait));
            Verb::Drain { server, terms: said.into() }
        }
        Server::Undrain { server, bring_back } => Verb::Undrain { server, bring_back },
        Server::Freeze { server, said } => Verb::FreezeServer { server, terms: said.into() },
        Server::Unfreeze { server } => Verb::UnfreezeServer { server },
        Server::Release { server } => Verb::ReleaseServer { server },
        Server::Shutdown { server, said, sure, wait } => {
            let doubt = Doubt {
                name: server.as_str(),
                what: "shut down",
                warning: "Groups that cannot move are stopped until the server is back.",
                question: "Type the name of the server if it is to be emptied: ",
            };
            if sure.yes_i_checked.is_none() {
                find(server.as_str(), context).await?;
            }
            if !doubt.is_settled(&sure, context, terminal)? {
                let view = find(server.as_str(), context).await?;
                doubt.ask(&render::server_groups(&view), terminal)?;
            }
            goal = wait.wait.map(|wait| (Goal::Drained { server: server.clone() }, wait));
            Verb::Shutdown { server, terms: said.into() }
        }
    };
    request(context, terminal, ask, goal).await
}

pub(super) async fn cluster(command: Cluster, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let (ask, sure, what, warning) = match command {
        Cluster::Init(_) => return Err(Fault::usage("a cluster is founded without one", "see `tenure cluster init`")),
        Cluster::Upgrade(upgrade) => return super::upgrade::upgrade(&upgrade, context, terminal).await,
        Cluster::Arm => return request(context, terminal, Verb::Arm, None).await,
        Cluster::Disarm { said, sure } => {
            let warning = match said.until {
                None => "Nothing is failed over until `tenure cluster arm`, whatever happens.",
                Some(_) => "Nothing is failed over until then, or `tenure cluster arm`, whatever happens.",
            };
            (Verb::Disarm { terms: said.into() }, sure, "disarmed", warning)
        }
        Cluster::Resume { sure } => {
            (Verb::Resume, sure, "resumed", "Everything that stood on the lost servers is started elsewhere.")
        }
    };
    let status = context.client.status_of(&Part::head(), context.read()).await?;
    let question = "Type the name of the cluster if you mean it: ";
    let name = if status.cluster.is_empty() { founded(context)? } else { status.cluster.clone() };
    let doubt = Doubt { name: &name, what, warning, question };
    if !doubt.is_settled(&sure, context, terminal)? {
        let now: String = status.standstills.iter().map(|text| format!("{text}\n")).collect();
        doubt.ask(&format!("cluster {name}\n{now}"), terminal)?;
    }
    request(context, terminal, ask, None).await
}

/// The name that the cluster was founded with: until a cluster file is applied, there is no other.
fn founded(context: &Context) -> Result<String, Fault> {
    let identity = identity::load(&context.global.identity_dir(), identity::USER).map_err(Fault::Identity)?;
    let id = identity.name().map(|name| name.cluster).unwrap_or_default();
    // Some digits behind it tell clusters of the same name apart.
    Ok(id.rsplit_once('-').map_or(id.as_str(), |(name, _)| name).to_owned())
}

/// A dangerous command that has to be confirmed by typing a name.
pub(super) struct Doubt<'a> {
    /// The name of the server, node or cluster.
    pub name: &'a str,
    /// The state that follows: `off`, `shut down`, ….
    pub what: &'a str,
    /// The danger.
    pub warning: &'a str,
    /// The question to the operator.
    pub question: &'a str,
}

impl Doubt<'_> {
    /// Whether `--yes-i-checked` confirmed the name. Otherwise an operator must be at the terminal.
    pub fn is_settled(&self, sure: &Sure, context: &Context, terminal: &Terminal) -> Result<bool, Fault> {
        let name = self.name;
        match &sure.yes_i_checked {
            Some(given) if given == name => Ok(true),
            Some(given) => {
                let message = format!("--yes-i-checked names {given:?}, not {name:?}");
                Err(Fault::usage(message, format!("look at {name} again, then name it")))
            }
            None if !terminal.interactive || context.json() => {
                let message = format!("nobody is here to confirm that {name} is {}", self.doing());
                Err(Fault::usage(message, format!("look at it, then repeat it with --yes-i-checked {name}")))
            }
            None => Ok(false),
        }
    }

    fn doing(&self) -> String {
        if self.what == "off" { self.what.to_owned() } else { format!("to be {}", self.what) }
    }

    /// Shows the present state and the warning, and asks for the name.
    pub fn ask(&self, now: &str, terminal: &mut Terminal) -> Result<(), Fault> {
        terminal.print(now)?;
        terminal.line(render::warning(self.warning, terminal.style))?;
        let typed = terminal.ask(self.question)?;
        match typed.as_str() {
            "" => Err(Fault::Declined),
            name if name == self.name => Ok(()),
            _ => Err(Fault::Mistyped { typed, name: self.name.to_owned() }),
        }
    }
}

/// The present state of a server.
pub(super) async fn find(name: &str, context: &Context) -> Result<ServerView, Fault> {
    let part = Part { on: Some(name.to_owned()), ..Part::list(Only::Servers) };
    let status = context.client.status_of(&part, context.read()).await?;
    let found = status.servers.into_iter().find(|view| view.name == name);
    found.ok_or_else(|| Fault::usage(format!("there is no server {name}"), "see `tenure server list`"))
}

async fn show(name: &str, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    // Its groups are among what is said of the server itself.
    let part = Part { on: Some(name.to_owned()), limit: Some(1), ..Part::default() };
    let mut status = context.client.status_of(&part, context.read()).await?;
    let Some(server) = status.servers.iter().find(|view| view.name == name).cloned() else {
        return Err(Fault::usage(format!("there is no server {name}"), "see `tenure server list`"));
    };
    if context.json() {
        terminal.json(&server)?;
        return Ok(Exit::Done);
    }
    terminal.print(&render::server(&server, terminal.style))?;
    status.hmcs.retain(|hmc| is_amiss_hmc(hmc) && server.managers.contains(&hmc.name));
    if !status.hmcs.is_empty() {
        terminal.print(&format!("\n{}", render::hmcs(&status, terminal.style)))?;
    }
    Ok(Exit::Done)
}

async fn list(filter: &Filter, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let part = filter.part(Some(Only::Servers));
    let status = context.client.status_of(&part, context.read()).await?;
    if context.json() {
        terminal.json(&status.servers)?;
    } else {
        terminal.print(&render::servers(&status, terminal.style))?;
    }
    Ok(Exit::Done)
}

async fn rolling(context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let view = context.client.rolling(context.read()).await?;
    if context.json() {
        terminal.json(&view)?;
    } else {
        terminal.print(&render::rolling(&view, terminal.style))?;
    }
    Ok(if view.why_not.is_none() { Exit::Done } else { Exit::WouldNotRun })
}
