//! `tenure cluster init`: the authority, the first node's identity and an administrator's, made offline.

use super::{
    Exit, Fault, Terminal,
    args::{Cluster, Global, Init, Output},
};
use crate::{
    config::LocalConfig,
    node::founding::{Founding, FoundingError, found_as},
};
use std::path::Path;

pub(super) fn run(command: Cluster, global: &Global, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let Cluster::Init(init) = command;
    let founding = plan(init, &global.identity)?;
    let authority = found_as(&founding).map_err(|error| refused(&error))?;
    let fingerprint = authority.fingerprint().map_err(|error| refused(&FoundingError::Tls(error)))?;
    let (data, admin) = (founding.data_dir.display(), founding.identity_dir.display());
    if global.output == Output::Json {
        terminal.json(&serde_json::json!({
            "cluster": founding.cluster, "id": authority.cluster(), "node": founding.node, "fingerprint": fingerprint,
            "data_dir": founding.data_dir, "identity": founding.identity_dir,
        }))?;
    } else {
        terminal.print(&format!(
            "cluster {} is founded with node {}\n  authority   {data}/cluster (keep ca.key safe; fingerprint {fingerprint})\n  \
             identity    {admin} (of {})\nnext: start `tenured` on this machine, then `tenure status`\n",
            founding.cluster, founding.node, founding.admin,
        ))?;
    }
    Ok(Exit::Done)
}

fn plan(init: Init, identity_dir: &Path) -> Result<Founding, Fault> {
    let (node, data_dir) = match (init.config, init.node_name, init.data_dir) {
        (Some(file), _, _) => {
            let local = LocalConfig::load(&file).map_err(Fault::Invalid)?;
            (local.node.to_string(), local.data_dir)
        }
        (None, Some(node), Some(data_dir)) => (node, data_dir),
        (None, _, _) => {
            return Err(Fault::usage("no node is named", "name its tenured.toml with --config FILE"));
        }
    };
    Ok(Founding { cluster: init.name, node, data_dir, admin: init.admin, identity_dir: identity_dir.to_owned() })
}

fn refused(error: &FoundingError) -> Fault {
    let mut message = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        message = format!("{message}: {cause}");
        next = cause.source();
    }
    let suggestion = match error {
        FoundingError::Exists(_) => "start `tenured`, or choose another data directory",
        FoundingError::Tls(_) => "use letters, digits, '.', '_' and '-' in names",
        FoundingError::Files(_) => "check that the directories can be written; see --identity",
        FoundingError::Token(_) | FoundingError::Refused(_) => "see `tenure cluster init --help`",
    };
    Fault::usage(message, suggestion)
}
