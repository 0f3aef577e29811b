//! How the client finds its cluster: the directory of the user's certificate, and the addresses of the nodes.
//!
//! What is named on the command line or in the environment wins. Otherwise the certificate is that of the user who has enrolled
//! on this machine, or else the administrator's in `/etc/tenure`; and the addresses are in the file `nodes` beside it. The client
//! keeps that file up to date with what nodes say in passing.

use super::{Fault, args::Global};
use crate::local::{
    LocalConfig, identity,
    nodes::{Nodes, NodesError, is_address},
};
use std::{
    error::Error as _,
    path::{Path, PathBuf},
    sync::PoisonError,
};

/// Configuration of this machine.
const SYSTEM: &str = "/etc/tenure";
/// The address of a node on this machine with the usual port.
const HERE: &str = "localhost:7101";

impl Global {
    /// The directory of the user's certificate.
    pub(super) fn identity_dir(&self) -> PathBuf {
        let enrolled = || own().filter(|own| own.join(format!("{}.key", identity::USER)).exists());
        self.named_dir().or_else(enrolled).unwrap_or_else(administrator)
    }

    /// The directory for the certificate of a user who enrols.
    pub(super) fn enrols_in(&self) -> PathBuf {
        self.named_dir().or_else(own).unwrap_or_else(administrator)
    }

    /// The directory for the certificate of the first administrator.
    pub(super) fn founds_in(&self) -> PathBuf {
        self.named_dir().unwrap_or_else(administrator)
    }

    fn named_dir(&self) -> Option<PathBuf> {
        self.identity.clone().or_else(|| variable("TENURE_IDENTITY").map(PathBuf::from))
    }

    /// The addresses to ask.
    pub(super) fn nodes(&self) -> Result<Vec<String>, Fault> {
        let named = self.named_nodes()?;
        if !named.is_empty() {
            return Ok(named);
        }
        let known = Nodes::load(&self.identity_dir()).map_err(|why| damaged(&why))?;
        Ok(found(known, Path::new(SYSTEM)))
    }

    /// Those of the command line, or of the environment.
    fn named_nodes(&self) -> Result<Vec<String>, Fault> {
        if !self.node.is_empty() {
            return Ok(self.node.clone());
        }
        let Some(named) = variable("TENURE_NODES") else { return Ok(Vec::new()) };
        let named = named.to_string_lossy();
        let all: Vec<String> = named.split(',').map(str::to_owned).collect();
        match all.iter().find(|one| !is_address(one)) {
            None => Ok(all),
            Some(wrong) => {
                Err(Fault::usage(format!("TENURE_NODES: {wrong:?} is not HOST:PORT"), "write HOST:PORT,HOST:PORT"))
            }
        }
    }
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn administrator() -> PathBuf {
    Path::new(SYSTEM).join("admin")
}

/// The directory of this user.
fn own() -> Option<PathBuf> {
    let named = |name: &str| variable(name).map(PathBuf::from);
    let config = named("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    config.or_else(|| Some(named("HOME")?.join(".config"))).map(|config| config.join("tenure"))
}

/// Those of the file; without one the node of this machine.
fn found(known: Option<Nodes>, system: &Path) -> Vec<String> {
    let known = known.map(|known| known.addresses()).filter(|known| !known.is_empty());
    let here = || LocalConfig::load(&system.join("tenured.toml")).ok().map(|local| vec![local.api_advertise]);
    known.or_else(here).unwrap_or_else(|| vec![HERE.to_owned()])
}

fn damaged(why: &NodesError) -> Fault {
    let cause = why.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Fault::usage(
        format!("{why}{cause}"),
        "name a node with --node HOST:PORT: when it answers, the file is written anew",
    )
}

/// Writes the addresses that a node has named in passing beside the user's certificate. It is for the next command: that it
/// cannot be written is no fault of this one.
pub(super) fn keep_nodes(global: &Global) {
    let told = std::mem::take(&mut *global.members.lock().unwrap_or_else(PoisonError::into_inner));
    let directory = global.identity_dir();
    // A key of somebody else is refused when it is read, so the directory is ours.
    if told.is_empty() || !directory.join(format!("{}.key", identity::USER)).exists() {
        return;
    }
    // A damaged file was not used: another address was named.
    let known = Nodes::load(&directory).ok().flatten();
    // It was found without one, and may not be where the others are: behind a tunnel, for example.
    if known.is_none() && !global.named_nodes().is_ok_and(|named| !named.is_empty()) {
        return;
    }
    let now = known.clone().unwrap_or_default().updated(&told);
    if known.as_ref() != Some(&now) && !now.addresses().is_empty() {
        let _ = now.save(&directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_file_it_is_the_node_of_this_machine() {
        let system = tempfile::tempdir().unwrap();
        let known = Some(Nodes::at(["10.0.0.2:7101".to_owned()]));
        assert_eq!(found(known, system.path()), ["10.0.0.2:7101"]);
        assert_eq!(found(None, system.path()), [HERE]);
        assert_eq!(found(Some(Nodes::default()), system.path()), [HERE]);
        let text = "node = \"p1\"\ndata_dir = \"d\"\nlisten = \"10.0.0.11:7100\"\napi_listen = \"10.0.0.11:7101\"\n";
        std::fs::write(system.path().join("tenured.toml"), text).unwrap();
        assert_eq!(found(None, system.path()), ["10.0.0.11:7101"]);
    }
}
