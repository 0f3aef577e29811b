//! The specification of a resource on this server. Decides nothing.

use super::Settings;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};
use tenure_core::{
    GroupName, ResourceName, ServerName, Span,
    config::{Agent, Cluster, Operations, Resource},
};

/// Default interval of looks at a resource that should not be online here.
pub const OFFLINE_INTERVAL: Duration = Duration::from_secs(60);
/// Default time that a look may take; the resource or the metadata of its agent may give another.
pub const LOOK_TIMEOUT: Duration = Duration::from_secs(60);
/// Shortest interval of looks; shorter ones in the configuration are raised to it.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// The specification of a resource on this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    pub resource: ResourceName,
    pub group: GroupName,
    pub agent: String,
    /// The resource's attributes, with the values of this server over them.
    pub attributes: BTreeMap<String, String>,
    pub operations: Operations,
    pub intentional_offline: bool,
    pub interval: Duration,
    pub offline_interval: Duration,
    pub timeout: Option<Duration>,
    pub depths: BTreeMap<String, Duration>,
}

impl Spec {
    pub(crate) fn new(name: &ResourceName, resource: &Resource, agent: &Agent, here: &ServerName, usual: Span) -> Self {
        let mut attributes = agent.attributes.clone();
        attributes.extend(agent.on.get(here).cloned().unwrap_or_default());
        let watch = &agent.watch;
        let pace = |span: Span| duration(span).max(SHORTEST_INTERVAL);
        Spec {
            resource: name.clone(),
            group: resource.group.clone(),
            agent: agent.agent.clone(),
            attributes,
            operations: agent.operations,
            intentional_offline: agent.intentional_offline,
            interval: pace(watch.interval.unwrap_or(usual)),
            offline_interval: watch.offline_interval.map_or(OFFLINE_INTERVAL, pace),
            timeout: watch.timeout.map(duration),
            depths: watch.depths.iter().map(|(depth, every)| (depth.clone(), pace(*every))).collect(),
        }
    }

    /// The trimmed value of an attribute; `None` if it is empty.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The file for the output of an entry point.
    pub(crate) fn file(&self, settings: &Settings, entry: &str) -> PathBuf {
        said_in(&settings.run_dir, &self.resource, entry)
    }
}

/// The file for the output of an entry point of a resource; characters unsafe in a file name are escaped.
fn said_in(run_dir: &Path, resource: &ResourceName, entry: &str) -> PathBuf {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@');
    let mut name = String::new();
    for c in resource.as_str().chars() {
        if plain(c) || (c == '.' && !name.is_empty()) {
            name.push(c);
        } else {
            name.push_str(&format!("%{:x}", u32::from(c)));
        }
    }
    run_dir.join("said").join(name).join(entry)
}

/// The enabled resources of this server that have an agent.
pub(crate) fn here(cluster: &Cluster, server: &ServerName) -> BTreeMap<ResourceName, Spec> {
    let listed =
        |resource: &Resource| cluster.groups.get(&resource.group).is_some_and(|group| group.servers.contains(server));
    let found = cluster.resources.iter().filter(|(_, resource)| resource.enabled && listed(resource));
    found
        .filter_map(|(name, resource)| {
            let agent = resource.as_agent()?;
            Some((name.clone(), Spec::new(name, resource, agent, server, cluster.timings.monitor)))
        })
        .collect()
}

/// Converts a span of the configuration.
pub(crate) fn duration(span: Span) -> Duration {
    Duration::from_millis(span.0)
}
