//! The agents of this machine, for an author of a cluster file. No program is run to find them.

use super::AgentPaths;
use std::path::Path;

/// Limit of listed agents, and of names read in one directory.
const MOST: usize = 4096;
/// The built-in agents.
const BUILT_IN: [&str; 4] = ["Application", "FileNone", "FileOnOff", "Process"];

/// An agent of this machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    /// The type to write in a cluster file.
    pub agent: String,
    /// `built in`, `script` or `OCF`.
    pub kind: &'static str,
    /// Its path; empty if it is built in.
    pub at: String,
}

/// All agents of this machine, by name. Units of systemd are not listed: `systemctl` does that.
pub async fn known(places: &AgentPaths) -> Vec<Known> {
    let mut all: Vec<Known> =
        BUILT_IN.map(|agent| Known { agent: agent.to_owned(), kind: "built in", at: String::new() }).into();
    for place in &places.scripts {
        for kind in names_in(place, false).await {
            let agent = format!("script:{kind}");
            // The first directory that has a type is used.
            if !all.iter().any(|known| known.agent == agent) {
                all.push(Known { agent, kind: "script", at: place.join(kind).display().to_string() });
            }
        }
    }
    let folder = places.ocf_root.join("resource.d");
    for provider in names_in(&folder, false).await {
        let place = folder.join(&provider);
        for kind in names_in(&place, true).await {
            let at = place.join(&kind).display().to_string();
            all.push(Known { agent: format!("ocf:{provider}:{kind}"), kind: "OCF", at });
        }
    }
    all.sort();
    all.truncate(MOST);
    all
}

/// The attributes passed to a script agent, and its entry points; `None` if it does not exist.
pub async fn script(places: &AgentPaths, kind: &str) -> Option<(Vec<String>, Vec<String>)> {
    if kind.contains('/') || kind.starts_with('.') || kind.is_empty() {
        return None;
    }
    for place in &places.scripts {
        let folder = place.join(kind);
        let Ok(entries) = tokio::fs::read_dir(&folder).await else { continue };
        drop(entries);
        let text = tokio::fs::read_to_string(folder.join("arglist")).await.unwrap_or_default();
        let names = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let names = names.map(|line| line.trim_end_matches("[]").trim_end().to_owned()).collect();
        let mut entries = names_in(&folder, true).await;
        entries.retain(|name| name != "arglist");
        return Some((names, entries));
    }
    None
}

/// The names of files, or else of directories, in a directory; hidden ones are left out.
async fn names_in(folder: &Path, files: bool) -> Vec<String> {
    let mut names = Vec::new();
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else { return names };
    while let Ok(Some(entry)) = entries.next_entry().await {
        // A link counts as its target.
        let Ok(about) = tokio::fs::metadata(entry.path()).await else { continue };
        let Ok(name) = entry.file_name().into_string() else { continue };
        if about.is_file() == files && (files || about.is_dir()) && !name.starts_with('.') && names.len() < MOST {
            names.push(name);
        }
    }
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[tokio::test]
    async fn what_a_machine_has_is_listed_by_name() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for folder in ["ocf/resource.d/heartbeat", "ocf/resource.d/.hidden", "one/Printer", "two/Printer", "two/Tape"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        std::fs::write(at("ocf/resource.d/heartbeat/IPaddr2"), "").unwrap();
        std::fs::write(at("one/Printer/arglist"), "# form: tuples\nQueue\nPorts[]\n").unwrap();
        std::fs::write(at("one/Printer/monitor"), "").unwrap();
        let scripts = vec![at("one"), at("two"), PathBuf::from("/nowhere/at/all")];
        let places = AgentPaths { ocf_root: at("ocf"), scripts, ..AgentPaths::default() };
        let found = known(&places).await;
        let names: Vec<&str> = found.iter().map(|known| known.agent.as_str()).collect();
        let built_in = ["Application", "FileNone", "FileOnOff", "Process"];
        assert_eq!(names, [&built_in[..], &["ocf:heartbeat:IPaddr2", "script:Printer", "script:Tape"]].concat());
        let printer = found.iter().find(|known| known.agent == "script:Printer").unwrap();
        assert_eq!(printer.at, at("one/Printer").display().to_string(), "the first directory has it");
        let (attributes, entries) = script(&places, "Printer").await.unwrap();
        assert_eq!((attributes, entries), (vec!["Queue".to_owned(), "Ports".to_owned()], vec!["monitor".to_owned()]));
        assert_eq!(script(&places, "../two/Tape").await, None);
    }

    /// The runtime knows all names in `BUILT_IN`.
    #[tokio::test]
    async fn what_is_built_in_is_known_to_the_agents() {
        use tenure_core::config::{Cluster, Group, Resource};
        let root = tempfile::tempdir().unwrap();
        let places = AgentPaths { run_dir: root.path().to_owned(), ..AgentPaths::default() };
        let applied = std::sync::Arc::new(|| 0);
        let (armed, own) = (super::super::watchdog::Armed::default(), std::sync::Arc::new(|| None));
        let agents = super::super::Agents::new("p1".into(), places, armed, applied, own);
        let mut cluster = Cluster::default();
        cluster.groups.insert("web".into(), Group::new(vec!["p1".into()]));
        for agent in BUILT_IN {
            cluster.resources.insert(agent.into(), Resource::agent("web".into(), agent));
        }
        for finding in tenure_agents::check(&agents.settings(&"p1".into()), &cluster).await {
            assert!(!finding.what.starts_with("there is no type"), "{}", finding.what);
        }
    }
}
