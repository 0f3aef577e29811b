//! `tenure user` and `tenure whoami`.

use super::{
    Context, Exit, Fault, Terminal,
    args::{Global, Output, Rights, User},
    render,
};
use crate::{
    api::wire::{TokenBody, TokenView, UserBody},
    local::identity,
    node::founding::{self, FoundingError},
};
use std::{
    error::Error,
    path::{Path, PathBuf},
};
use tenure_raft::tls::{Identity, Signed, TlsError};

/// What is done with a token where the user is.
const THERE: &str = "`tenure user enrol --identity DIR`, the token on standard input";

pub(super) async fn whoami(context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let me = context.client.whoami().await?;
    if context.json() {
        terminal.json(&me)?;
    } else {
        terminal.print(&render::user(&me))?;
    }
    Ok(Exit::Done)
}

pub(super) async fn user(command: User, global: Global, terminal: &mut Terminal) -> Result<Exit, Fault> {
    if let User::Enrol { token_file } = command {
        return enrol(&token_file, &global, terminal).await;
    }
    let context = Context::new(global)?;
    let client = &context.client;
    match command {
        User::List => {
            let users = client.users(context.read()).await?;
            if context.json() {
                terminal.json(&users)?;
            } else {
                terminal.print(&render::users(&users, terminal.style))?;
            }
        }
        User::Show { name } => {
            let user = client.user(&name, context.read()).await?;
            if context.json() {
                terminal.json(&user)?;
            } else {
                terminal.print(&render::user(&user))?;
            }
        }
        User::Add { name, rights } => {
            client.user_add(&body(&name, rights)).await?;
            give(&context, &name, terminal).await?;
        }
        User::Set { name, rights } => {
            client.user_set(&body(&name, rights)).await?;
            let user = client.user(&name, context.read()).await?;
            if context.json() {
                terminal.json(&user)?;
            } else {
                terminal.print(&render::user(&user))?;
            }
        }
        User::Remove { name } => {
            let outcome = client.user_remove(&name).await?;
            if context.json() {
                terminal.json(&outcome)?;
            } else {
                terminal.line(format!("user {name} is let in no more"))?;
            }
        }
        User::Renew { name: Some(name) } => {
            client.user_renew(&name).await?;
            give(&context, &name, terminal).await?;
        }
        User::Renew { name: None } => renew(&context, terminal).await?,
        User::Token { name } => give(&context, &name, terminal).await?,
        User::Session => {
            let token = client.token_for(&TokenBody::Session {}).await?;
            if context.json() {
                terminal.json(&token)?;
            } else {
                terminal.print(&render::session(&token))?;
            }
        }
        User::Enrol { .. } => {}
    }
    Ok(Exit::Done)
}

fn body(name: &str, rights: Rights) -> UserBody {
    let groups = (!rights.groups.is_empty()).then_some(rights.groups);
    UserBody { name: name.to_owned(), role: rights.role.into(), groups, programs: rights.programs }
}

/// Makes a token for a user, and shows it.
async fn give(context: &Context, name: &str, terminal: &mut Terminal) -> Result<(), Fault> {
    let token = context.client.token_for(&TokenBody::User(name.to_owned())).await?;
    show(context, &token, THERE, terminal)
}

fn show(context: &Context, token: &TokenView, there: &str, terminal: &mut Terminal) -> Result<(), Fault> {
    if context.json() { terminal.json(token) } else { terminal.print(&render::token(token, there)) }
}

/// A new key under the same name. The old certificate stays good until it expires, so an answer that is lost locks nobody out.
async fn renew(context: &Context, terminal: &mut Terminal) -> Result<(), Fault> {
    let directory = &context.global.identity;
    let held = identity::load(directory, identity::USER).map_err(Fault::Identity)?;
    let name = held.name().map_err(|why| tls(&why))?.name;
    let request = Identity::request(&name).map_err(|why| tls(&why))?;
    let reply = context.client.certify(&request.csr_pem).await?;
    let signed = Signed { cert_pem: reply.cert_pem, ca_pem: reply.ca_pem };
    let mine = request.complete(signed).map_err(|why| tls(&why))?;
    identity::save(directory, identity::USER, &mine).map_err(Fault::Identity)?;
    terminal.line(format!("user {name}: a new key and certificate are in {}", directory.display()))
}

async fn enrol(file: &Path, global: &Global, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let token = founding::read_token(file).map_err(|why| {
        Fault::usage(
            format!("read the token from {}: {why}", file.display()),
            "have one made: `tenure user token NAME`",
        )
    })?;
    let directory: &PathBuf = &global.identity;
    let user = founding::enrol(&token, directory).await.map_err(refused)?;
    if global.output == Output::Json {
        terminal.json(&serde_json::json!({ "user": user, "identity": directory }))?;
    } else {
        terminal
            .line(format!("user {user}: key and certificate are in {}; next: `tenure whoami`", directory.display()))?;
    }
    Ok(Exit::Done)
}

fn tls(why: &TlsError) -> Fault {
    Fault::usage(chain(why), "see --identity")
}

fn refused(why: FoundingError) -> Fault {
    if let FoundingError::Refused(error) = why {
        return Fault::Client(error);
    }
    Fault::usage(chain(&why), why.advice().unwrap_or_else(|| "see --identity".to_owned()))
}

fn chain(why: &dyn Error) -> String {
    let mut message = why.to_string();
    let mut next = why.source();
    while let Some(cause) = next {
        message = format!("{message}: {cause}");
        next = cause.source();
    }
    message
}
