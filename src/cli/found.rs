//! `tenure cluster init`: the authority, the first node's identity and an administrator's, made offline.

use super::{
    Exit, Fault, Terminal,
    args::{Cluster, Global, Init, Output},
};
use crate::config::{
    LocalConfig,
    identity::{self, IdentityError},
};
use std::path::{Path, PathBuf};
use tenure_raft::tls::{ClusterAuthority, Role, TlsError};

/// Number of the founding node in consensus.
const FIRST_ID: u64 = 1;
/// File in `DATA_DIR/cluster` that tells `tenured` to found the consensus group with itself as its only voter, if its log
/// is empty. Holds the name of the cluster.
pub const FOUND_MARK: &str = "found";

/// A cluster to be founded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founding {
    /// Its name, which every certificate carries.
    pub cluster: String,
    /// Its first node.
    pub node: String,
    /// That node's data directory.
    pub data_dir: PathBuf,
    /// The administrator's name.
    pub admin: String,
    /// Where the administrator's identity goes.
    pub identity_dir: PathBuf,
}

/// A cluster could not be founded.
#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    /// There is one already.
    #[error("{0} holds a cluster already")]
    Exists(PathBuf),
    /// A name cannot be used, or a certificate not made.
    #[error("found the cluster")]
    Tls(#[source] TlsError),
    /// A file could not be written.
    #[error("found the cluster")]
    Files(#[source] IdentityError),
}

/// Makes everything that the first `tenured` and the first administrator need. Never overwrites an authority.
pub fn found(founding: &Founding) -> Result<ClusterAuthority, FoundError> {
    let directory = founding.data_dir.join("cluster");
    if directory.join("ca.pem").exists() {
        return Err(FoundError::Exists(directory));
    }
    let authority = ClusterAuthority::create(&founding.cluster).map_err(FoundError::Tls)?;
    let node = authority.issue(&founding.node, Role::Node { id: FIRST_ID }).map_err(FoundError::Tls)?;
    let admin = authority.issue(&founding.admin, Role::Admin).map_err(FoundError::Tls)?;
    identity::save(&directory, identity::NODE, &node).map_err(FoundError::Files)?;
    identity::write_secret(&directory.join("ca.key"), &authority.key_pem).map_err(FoundError::Files)?;
    identity::write_public(&directory.join(FOUND_MARK), &founding.cluster).map_err(FoundError::Files)?;
    identity::save(&founding.identity_dir, identity::ADMIN, &admin).map_err(FoundError::Files)?;
    Ok(authority)
}

pub(super) fn run(command: Cluster, global: &Global, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let Cluster::Init(init) = command;
    let founding = plan(init, &global.identity)?;
    let authority = found(&founding).map_err(|error| refused(&error))?;
    let fingerprint = authority.fingerprint().map_err(|error| refused(&FoundError::Tls(error)))?;
    let (data, admin) = (founding.data_dir.display(), founding.identity_dir.display());
    if global.output == Output::Json {
        terminal.json(&serde_json::json!({
            "cluster": founding.cluster, "node": founding.node, "fingerprint": fingerprint,
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

fn refused(error: &FoundError) -> Fault {
    let mut message = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        message = format!("{message}: {cause}");
        next = cause.source();
    }
    let suggestion = match error {
        FoundError::Exists(_) => "start `tenured`, or choose another data directory",
        FoundError::Tls(_) => "use letters, digits, '.', '_' and '-' in names",
        FoundError::Files(_) => "check that the directories can be written; see --identity",
    };
    Fault::usage(message, suggestion)
}
