//! `tenure cluster init`: creates the authority, and the identities of the first node and of an administrator,
//! offline.

use super::{
    Exit, Fault, Terminal,
    args::{Global, Init, Output},
    user::keep_found,
};
use crate::{
    local::{LocalConfig, identity, private},
    node::founding::{self, FoundingError},
};
use std::error::Error;
use tenure_core::config::{excerpt, is_name};

pub(super) fn run(init: Init, global: &Global, terminal: &mut Terminal) -> Result<Exit, Fault> {
    // Before the first file: what is made here holds the keys of the whole cluster.
    private::set_umask();
    let name = init.name.clone();
    let local = LocalConfig::load(&init.config).map_err(Fault::Invalid)?;
    let (node, data_dir, seal, api) = (local.node.to_string(), local.data_dir, local.seal_key, local.api_advertise);
    if let Some(unusable) = [&name, &node].into_iter().find(|name| !is_name(name)) {
        let message = format!("{:?} is not a usable name", excerpt(unusable, 64));
        return Err(Fault::usage(message, "write 1 to 64 of A-Z a-z 0-9 - _ . that begin with neither - nor ."));
    }
    // An existing identity, perhaps of another cluster, must not be overwritten.
    let admin = &global.founds_in();
    if admin.join(format!("{}.key", identity::USER)).exists() {
        let message = format!("{} holds an administrator's identity already", admin.display());
        return Err(Fault::usage(message, "name another directory with --identity"));
    }
    let cluster = founding::found(&name, &node, &data_dir, &seal, admin).map_err(|error| refused(&error))?;
    keep_found(admin, [api])?;
    if global.output == Output::Json {
        terminal.json(&serde_json::json!({
            "cluster": cluster, "node": node, "data_dir": data_dir, "seal_key": seal, "identity": admin,
        }))?;
    } else {
        terminal.print(&format!(
            "cluster {cluster} is founded with node {node}\n  authority  {}/cluster, sealed; its key opens with {}\n  \
             identity   {}\nnext: start `tenured` on this machine, then `tenure status`\n",
            data_dir.display(),
            seal.display(),
            admin.display(),
        ))?;
    }
    Ok(Exit::Done)
}

fn refused(error: &FoundingError) -> Fault {
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        message = format!("{message}: {cause}");
        next = cause.source();
    }
    let suggestion = error.advice().unwrap_or_else(|| match error {
        FoundingError::Files(_) | FoundingError::Witness { .. } => {
            "check that both directories can be written; see --identity".to_owned()
        }
        _ => "use letters, digits, '.', '_' and '-' in names".to_owned(),
    });
    Fault::usage(message, suggestion)
}
