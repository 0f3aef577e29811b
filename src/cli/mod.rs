//! The admin client: arguments → request → rendering.
//!
//! Promises: every command answers in text or JSON; its exit code tells its result ([`Exit`]); every error names the
//! next command. Rendering is pure. Refuses to know how nodes are reached: that is the API client's.

pub mod args;
pub mod diff;
pub mod render;
pub mod replay;

mod agent;
pub mod apart;
mod audit;
mod authority;
mod backup;
mod bundle;
mod configure;
mod exit;
mod found;
mod generated;
mod group;
mod hmc;
mod log;
mod maintenance;
mod members;
mod names;
mod resource;
mod show;
mod status;
mod terminal;
pub mod upgrade;
mod user;
mod wait;
mod what_if;
mod whereabouts;

pub use args::Args;
pub use exit::{Exit, Fault};
pub use terminal::Terminal;

use crate::{
    api::{Client, Read, Which},
    local::identity,
};
use args::{Cluster, Command, Global, Output};

/// Runs one command line.
pub async fn run(args: Args, terminal: &mut Terminal) -> Exit {
    let global = args.global.clone();
    let exit = match dispatch(args, terminal).await {
        Ok(exit) => exit,
        Err(fault) => {
            let fault = names::explained(fault, global.clone()).await;
            terminal.fault(&fault, global.output == Output::Json)
        }
    };
    user::keep_certified(&global, terminal).await;
    whereabouts::keep_nodes(&global);
    exit
}

async fn dispatch(args: Args, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let Args { global, command } = args;
    match command {
        Command::Validate(validate) if validate.agents || validate.managers => {
            configure::check(validate, &Context::new(global)?, terminal).await
        }
        Command::Validate(validate) => configure::validate(&validate.file, &global, terminal),
        Command::Apply(apply) => configure::apply(apply, &Context::new(global)?, terminal).await,
        Command::Export => configure::export(&Context::new(global)?, terminal).await,
        Command::Status(args) => status::status(&args, &Context::new(global)?, terminal).await,
        Command::Why { group, limit } => show::why(&group, limit, &Context::new(global)?, terminal).await,
        Command::WhyNot { group, server } => what_if::why_not(&group, &server, &Context::new(global)?, terminal).await,
        Command::Plan(plan) => what_if::plan(plan, &Context::new(global)?, terminal).await,
        Command::Capacity => what_if::capacity(&Context::new(global)?, terminal).await,
        Command::Replay(args) => replay::replay(&args, &global, terminal),
        Command::Events { follow, since, group, on } => {
            show::events(follow, since, &Which { group, on }, &Context::new(global)?, terminal).await
        }
        Command::Group(command) => group::group(command, &Context::new(global)?, terminal).await,
        Command::Resource(command) => resource::resource(command, &Context::new(global)?, terminal).await,
        Command::Agent(command) => agent::agent(command, &Context::new(global)?, terminal).await,
        Command::Service(command) => resource::service(command, &Context::new(global)?, terminal).await,
        Command::Hmc(command) => hmc::hmc(command, &Context::new(global)?, terminal).await,
        Command::Server(command) => maintenance::server(command, &Context::new(global)?, terminal).await,
        Command::Fence(command) => members::fence(command, &Context::new(global)?, terminal).await,
        Command::Leader(command) => members::leader(command, &Context::new(global)?, terminal).await,
        Command::Node(command) => members::node(command, &Context::new(global)?, terminal).await,
        Command::User(command) => user::user(command, global, terminal).await,
        Command::Log(command) => log::log(command, &Context::new(global)?, terminal).await,
        Command::Debug(command) => bundle::debug(command, &Context::new(global)?, terminal).await,
        Command::Audit { since } => audit::audit(since, &Context::new(global)?, terminal).await,
        Command::Authority(command) => authority::run(command, &Context::new(global)?, terminal).await,
        Command::Backup(command) => backup::run(command, global, terminal).await,
        Command::Whoami => user::whoami(&Context::new(global)?, terminal).await,
        Command::Cluster(Cluster::Init(init)) => found::run(init, &global, terminal),
        Command::Completions { shell } => generated::completions(shell, terminal),
        Command::Manual { directory } => generated::manual(&directory),
        Command::Cluster(command) => maintenance::cluster(command, &Context::new(global)?, terminal).await,
    }
}

/// The state shared by all commands that talk to a cluster.
struct Context {
    client: Client,
    global: Global,
}

impl Context {
    fn new(global: Global) -> Result<Self, Fault> {
        let identity = identity::load(&global.identity_dir(), identity::USER).map_err(Fault::Identity)?;
        let client = Client::new(&identity, global.nodes()?, global.timeout).map_err(Fault::Client)?;
        let client = client.telling(global.signing.clone(), global.members.clone());
        Ok(Context { client, global })
    }

    fn read(&self) -> Read {
        if self.global.stale { Read::Stale } else { Read::Linearizable }
    }

    fn json(&self) -> bool {
        self.global.output == Output::Json
    }
}
