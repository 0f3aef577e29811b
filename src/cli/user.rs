//! `tenure user` and `tenure whoami`.

use super::{
    Context, Exit, Fault, Terminal,
    args::{Global, Output, Rights, User},
    render,
};
use crate::{
    api::{
        Client,
        wire::{TokenBody, TokenView, UserBody},
    },
    local::{
        LocalConfig,
        identity::{self, IdentityError},
        nodes::Nodes,
        private,
    },
    node::{
        certificates,
        founding::{self, FoundingError},
    },
};
use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::PoisonError,
    time::{Duration, SystemTime},
};
use tenure_core::{
    UserName,
    authority::{EXPIRY_WARNING, USER_CERTIFICATE_LASTS},
    trust::Hash,
};
use tenure_raft::tls::{Identity, Signed, TlsError};

/// Life of the certificate with which a user who was locked out asks for a usual one.
const RECOVERED_FOR: Duration = Duration::from_secs(3600);
/// Time that a command waits for a certificate that is renewed in passing: there is another command tomorrow.
const IN_PASSING: Duration = Duration::from_secs(2);
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
    if let User::Recover { name, config } = command {
        return recover(&name, &config, global, terminal).await;
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
        User::Enrol { .. } | User::Recover { .. } => {}
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

async fn renew(context: &Context, terminal: &mut Terminal) -> Result<(), Fault> {
    let directory = context.global.identity_dir();
    let name = certify(&context.client, &directory).await?;
    terminal.line(format!("user {name}: a new key and certificate are in {}", directory.display()))
}

/// A new key under the same name. The old certificate stays good until it expires, so an answer that is lost locks nobody out.
async fn certify(client: &Client, directory: &Path) -> Result<String, Fault> {
    let held = identity::load(directory, identity::USER).map_err(Fault::Identity)?;
    let name = held.name().map_err(|why| tls(&why))?.name;
    let request = Identity::request(&name).map_err(|why| tls(&why))?;
    let reply = client.certify(&request.csr_pem).await?;
    let signed = Signed { cert_pem: reply.cert_pem, ca_pem: reply.ca_pem };
    let mine = request.complete(signed).map_err(|why| tls(&why))?;
    identity::save(directory, identity::USER, &mine).map_err(Fault::Identity)?;
    Ok(name)
}

/// Has the user's certificate renewed, in passing, if less than a third of it is left or if another authority signs now. What
/// stands in the way is said only when the end is near.
pub(super) async fn keep_certified(global: &Global, terminal: &mut Terminal) {
    let signing = global.signing.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(signing) = signing else { return };
    let Ok(held) = identity::load(&global.identity_dir(), identity::USER) else { return };
    let (Ok(details), Ok(authority)) = (held.details(), held.authority()) else { return };
    let left = details.valid.until.duration_since(SystemTime::now()).unwrap_or_default();
    let late = left < Duration::from_millis(USER_CERTIFICATE_LASTS.0) / 3;
    if !late && authority.map(|print| Hash(print).to_string()) == Some(signing) {
        return;
    }
    let client = global
        .nodes()
        .and_then(|nodes| Client::new(&held, nodes, global.timeout.min(IN_PASSING)).map_err(Fault::Client));
    let renewed = match client {
        Ok(client) => certify(&client, &global.identity_dir()).await,
        Err(why) => Err(why),
    };
    if let Err(why) = renewed
        && left < Duration::from_millis(EXPIRY_WARNING.0)
    {
        let ends = match left.as_secs() / (24 * 3600) {
            0 => "has ended, or ends within a day".to_owned(),
            days => format!("ends in {days} days"),
        };
        let text = format!("your certificate {ends} and could not be renewed: {}", chain(&why));
        terminal.warn(&[text]);
    }
}

/// On a node: a short certificate, signed with the node's own copy of the authority's key, and with it a usual one.
async fn recover(name: &str, config: &Path, global: Global, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let directory = global.founds_in();
    if directory.join(format!("{}.key", identity::USER)).exists() {
        let message = format!("{} holds an identity already", directory.display());
        return Err(Fault::usage(message, "name another directory with --identity"));
    }
    private::set_umask();
    let local = LocalConfig::load(config).map_err(Fault::Invalid)?;
    let short = certificates::recover(&local, &UserName::from(name), RECOVERED_FOR).map_err(refused)?;
    identity::save(&directory, identity::USER, &short).map_err(Fault::Identity)?;
    keep_found(&directory, [local.api_advertise])?;
    let context = Context::new(Global { identity: Some(directory.clone()), ..global })?;
    let place = directory.display();
    let renewed = certify(&context.client, &directory).await.map_err(|why| chain(&why));
    if context.json() {
        let why = renewed.err();
        terminal.json(
            &serde_json::json!({ "user": name, "identity": directory, "good_for_an_hour": why.is_some(), "why": why }),
        )?;
        return Ok(Exit::Done);
    }
    match renewed {
        Ok(_) => terminal.line(format!("user {name}: key and certificate are in {place}; next: `tenure whoami`"))?,
        Err(why) => {
            terminal.line(format!(
                "user {name}: key and certificate are in {place}, good for an hour, for the cluster gave no other: {why}\n\
                 next: `tenure user renew --identity {place}` when it answers"
            ))?;
        }
    }
    Ok(Exit::Done)
}

async fn enrol(file: &Path, global: &Global, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let token = founding::read_token(file).map_err(|why| {
        Fault::usage(
            format!("read the token from {}: {why}", file.display()),
            "have one made: `tenure user token NAME`",
        )
    })?;
    let directory: &PathBuf = &global.enrols_in();
    let (user, nodes) = founding::enrol(&token, directory).await.map_err(refused)?;
    keep_found(directory, nodes)?;
    if global.output == Output::Json {
        terminal.json(&serde_json::json!({ "user": user, "identity": directory }))?;
    } else {
        terminal
            .line(format!("user {user}: key and certificate are in {}; next: `tenure whoami`", directory.display()))?;
    }
    Ok(Exit::Done)
}

/// Keeps the first addresses at which a user finds the cluster.
pub(super) fn keep_found(directory: &Path, nodes: impl IntoIterator<Item = String>) -> Result<(), Fault> {
    Nodes::at(nodes)
        .save(directory)
        .map_err(|source| Fault::Identity(IdentityError::Write { file: Nodes::file(directory), source }))
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
