//! Changes of the declared cluster, as text.

use super::{
    attributes::set_attribute,
    patch::{patched, unmarked},
    sim::Sim,
    site::pairs,
};
use std::sync::Arc;
use tenure_core::{
    GroupName, NodeName, ResourceName, ServerName,
    command::Request,
    config::{Address, Cluster, Group, Kind},
};

impl Sim {
    /// The request for the declared cluster with one edit, such as `drop group web` or `restart_limit web 0`. With
    /// `--strand` at the end, it may strand running resources. `toml` overlays a piece of a cluster file.
    pub(super) fn configuration(&self, edit: &[&str], piece: &str) -> Result<Request, String> {
        let strand = edit.last() == Some(&"--strand");
        let edit = if strand { &edit[..edit.len() - 1] } else { edit };
        let mut cluster = (**self.ledger.declared()).clone();
        match edit {
            ["again"] => {}
            // The initial configuration.
            ["whole"] => cluster = self.declared.clone(),
            ["toml"] => {
                let lines: Vec<&str> = piece.lines().filter_map(unmarked).collect();
                cluster = patched(&cluster, &lines.join("\n"), &self.parts)?;
            }
            ["drop", "group", name] => {
                cluster.groups.remove(&GroupName::from(*name));
                cluster.resources.retain(|_, lpar| lpar.group.as_str() != *name);
            }
            ["drop", "lpar", name] => drop(cluster.resources.remove(&ResourceName::from(*name))),
            ["drop", "node", name] => {
                let name = self.parts.get(*name).cloned().unwrap_or_else(|| NodeName::from(*name));
                cluster.nodes.remove(&name);
            }
            ["replace", old, new, lpar] => {
                let at = |name: &str| self.parts.get(name).cloned().unwrap_or_else(|| NodeName::from(name));
                let gone = cluster.nodes.remove(&at(old)).ok_or("there is no such node")?;
                let node = tenure_core::config::Node { lpar: Some((*lpar).to_owned()), watchdog: None, ..gone };
                cluster.nodes.insert(at(new), node);
            }
            ["mtms", server, mtms] => {
                let server = cluster.servers.get_mut(*server).ok_or("there is no such server")?;
                let system = server.system().unwrap_or_default().to_owned();
                server.address = Some(Address::Hmc { system, mtms: (*mtms).to_owned() });
            }
            ["add", "group", name] => self.join(&mut cluster, name)?,
            ["servers", name, list] => {
                group(&mut cluster, name)?.servers = list.split(',').map(ServerName::from).collect();
            }
            ["group", name, attributes @ ..] => {
                let group = group(&mut cluster, name)?;
                for (key, value) in pairs(attributes).map_err(|why| why.to_string())? {
                    set_attribute(group, key, value).map_err(|why| why.to_string())?;
                }
            }
            ["restart_limit", name, limit] => {
                group(&mut cluster, name)?.restart_limit = limit.parse().map_err(|_| "is not a limit")?;
            }
            ["priority", name, priority] => {
                group(&mut cluster, name)?.priority = priority.parse().map_err(|_| "is not a priority")?;
            }
            ["memory", server, mib] => {
                let server = cluster.servers.get_mut(*server).ok_or("there is no such server")?;
                server.memory = Some(mib.parse().map_err(|_| "is not a size")?);
            }
            ["partition", lpar, partition] => {
                let lpar = cluster.resources.get_mut(*lpar).ok_or("there is no such LPAR")?;
                if let Kind::Lpar(lpar) = &mut lpar.kind {
                    lpar.partition = (*partition).to_owned();
                }
            }
            _ => return Err("is not a change that is known".to_owned()),
        }
        Ok(Request::Configure { cluster: Arc::new(cluster), strand })
    }

    /// Adds a group that was declared `later`.
    fn join(&self, cluster: &mut Cluster, name: &str) -> Result<(), String> {
        let name = GroupName::from(name);
        let group = self.declared.groups.get(&name).ok_or("there is no such group")?;
        cluster.resources.extend(self.declared.resources_of(&name).map(|(name, lpar)| (name.clone(), lpar.clone())));
        cluster.groups.insert(name, group.clone());
        Ok(())
    }
}

fn group<'a>(cluster: &'a mut Cluster, name: &str) -> Result<&'a mut Group, String> {
    cluster.groups.get_mut(name).ok_or_else(|| "there is no such group".to_owned())
}
