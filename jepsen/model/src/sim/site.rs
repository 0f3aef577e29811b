//! A site as declared by a scenario: servers, nodes, consoles and groups, in a short syntax.

use super::attributes::{set_attribute, set_brake};
use super::patch::{patched, unmarked};
use crate::world::{HmcSpec, LparSpec, ServerSpec, Span as WorldSpan, WorldSpec};
use std::collections::BTreeMap;
use tenure_core::{
    GroupName, HmcName, NodeName, ResourceName, ServerName, Span,
    config::{Brakes, Cluster, Group, Hmc, Kind, Node, Resource, Server, Timings},
};

/// A line that is no valid declaration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("declare site: {0}")]
pub struct SiteError(pub(super) String);

/// A group of a site.
#[derive(Clone, Debug)]
struct Declared {
    group: Group,
    lpars: BTreeMap<ResourceName, Resource>,
    /// Exists in the world, but joins the cluster only on request.
    later: bool,
}

/// A cluster and the world around it, as data.
#[derive(Clone, Debug)]
pub struct Site {
    servers: usize,
    arbiters: usize,
    hmcs: usize,
    /// Number of servers without a node, counted from the last.
    bare: usize,
    policy: &'static str,
    /// Names of the nodes in the order of their servers, arbiters last.
    names: Vec<String>,
    capacity: BTreeMap<String, (Option<u64>, Option<u64>)>,
    world_memory: BTreeMap<String, u64>,
    groups: BTreeMap<GroupName, Declared>,
    lpars: BTreeMap<ResourceName, LparSpec>,
    timings: Timings,
    brakes: Brakes,
    /// A piece of a cluster file, overlaid on all this.
    piece: String,
}

impl Default for Site {
    fn default() -> Self {
        Site {
            servers: 3,
            arbiters: 0,
            hmcs: 1,
            bare: 0,
            policy: "autostart",
            names: Vec::new(),
            capacity: BTreeMap::new(),
            world_memory: BTreeMap::new(),
            groups: BTreeMap::new(),
            lpars: BTreeMap::new(),
            timings: Timings::default(),
            brakes: Brakes::default(),
            piece: String::new(),
        }
    }
}

impl Site {
    /// Reads one line; `Ok(false)` if it is no declaration.
    ///
    /// # Errors
    /// When it begins as a declaration and is malformed.
    pub fn declare(&mut self, line: &str) -> Result<bool, SiteError> {
        if let Some(line) = unmarked(line) {
            self.piece.push_str(line);
            self.piece.push('\n');
            return Ok(true);
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some((kind, rest)) = words.split_first() else { return Ok(false) };
        match *kind {
            "site" => self.shape(rest)?,
            "group" => self.add_group(rest)?,
            "lpar" => self.edit_lpar(rest)?,
            "stray" => self.add_stray(rest)?,
            "server" => self.edit_server(rest)?,
            "timings" => self.edit_timings(rest)?,
            "brakes" => {
                for (key, value) in pairs(rest)? {
                    set_brake(&mut self.brakes, key, value)?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Renames the nodes, so that every choice by name has a different result.
    pub fn permute(&mut self) {
        self.names = self.node_names().into_iter().rev().collect();
    }

    /// The node for each part in a scenario: `n2` is the node of the second server.
    pub fn parts(&self) -> BTreeMap<String, NodeName> {
        (1..).map(|n| format!("n{n}")).zip(self.node_names().into_iter().map(NodeName::from)).collect()
    }

    /// The nodes and their servers.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeName, Option<&'static str>)> {
        let hosts = self.servers - self.bare;
        let names = self.node_names().into_iter().enumerate();
        let node = move |(n, name): (usize, String)| (NodeName::from(name), (n < hosts).then(|| SERVERS[n]));
        names.map(node)
    }

    /// The world, the initial cluster, and the cluster including all that may join later.
    ///
    /// # Errors
    /// When the piece of a cluster file is invalid.
    pub fn build(&self) -> Result<(WorldSpec, Cluster, Cluster), SiteError> {
        let mut everything = self.cluster();
        if !self.piece.is_empty() {
            everything = patched(&everything, &self.piece, &self.parts()).map_err(SiteError)?;
        }
        let mut first = everything.clone();
        first.groups.retain(|name, _| self.groups.get(name).is_none_or(|group| !group.later));
        let groups = &first.groups;
        first.resources.retain(|_, lpar| groups.contains_key(&lpar.group));
        Ok((self.world(), first, everything))
    }

    /// Whether the product would accept its cluster.
    ///
    /// # Errors
    /// The errors of the cluster, as the product reports them.
    pub(super) fn check(&self) -> Result<(), SiteError> {
        let cluster = self.build()?.2;
        patched(&cluster, "", &self.parts()).map(drop).map_err(SiteError)
    }

    fn node_names(&self) -> Vec<String> {
        if self.names.is_empty() {
            (1..=self.servers - self.bare + self.arbiters).map(|n| format!("n{n}")).collect()
        } else {
            self.names.clone()
        }
    }

    fn world(&self) -> WorldSpec {
        let mut servers: Vec<ServerSpec> = (0..self.servers).map(|n| ServerSpec::new(SERVERS[n], serial(n))).collect();
        for server in &mut servers {
            if let Some(memory) = self.world_memory.get(&server.name) {
                // Plus the memory of the VIO servers and the management LPAR.
                server.memory = memory + 3 * 4_096;
            }
            server.start_policy = match self.policy {
                "autorecovery" => crate::world::StartPolicy::Autorecovery,
                "userinit" => crate::world::StartPolicy::Userinit,
                _ => crate::world::StartPolicy::Autostart,
            };
        }
        let hosts = self.servers - self.bare;
        let nodes = (0..hosts).map(|n| LparSpec::management(format!("node-{}", SERVERS[n]), SERVERS[n]));
        WorldSpec {
            keep_history: true,
            hmcs: (1..=self.hmcs).map(|n| HmcSpec::new(format!("hmc{n}"))).collect(),
            lpars: nodes.chain(self.lpars.values().cloned()).collect(),
            servers,
            ..WorldSpec::default()
        }
    }

    fn cluster(&self) -> Cluster {
        let mut cluster = Cluster { name: "site".to_owned(), timings: self.timings.clone(), ..Cluster::default() };
        cluster.brakes = self.brakes.clone();
        for n in 1..=self.hmcs {
            let (address, user) = (format!("hmc{n}:22"), "tenure".to_owned());
            let hmc = Hmc { address, user, host_key: format!("SHA256:{}", "x".repeat(43)) };
            cluster.managers.insert(HmcName::from(format!("hmc{n}")), hmc.into());
        }
        for (n, name) in SERVERS.iter().take(self.servers).enumerate() {
            let (memory, processors) = self.capacity.get(*name).copied().unwrap_or_default();
            let hmcs = cluster.managers.keys().cloned().collect();
            // Without an HMC a server has no other name.
            let (system, mtms) = if self.hmcs > 0 {
                ((*name).to_owned(), format!("9105-22A*{}", serial(n)))
            } else {
                Default::default()
            };
            let mut server = Server::new(&system, &mtms, hmcs);
            server.surrogate = n >= self.servers - self.bare;
            (server.memory, server.processors) = (memory, processors);
            cluster.servers.insert(ServerName::from(*name), server);
        }
        for (name, server) in self.nodes() {
            let lpar = server.filter(|_| self.hmcs > 0).map(|server| format!("node-{server}"));
            cluster.nodes.insert(name, Node { server: server.map(ServerName::from), lpar, watchdog: None });
        }
        for (name, declared) in &self.groups {
            cluster.groups.insert(name.clone(), declared.group.clone());
            cluster.resources.extend(declared.lpars.clone());
        }
        cluster
    }

    fn shape(&mut self, words: &[&str]) -> Result<(), SiteError> {
        for (key, value) in pairs(words)? {
            match key {
                "servers" => self.servers = count(value)?,
                "arbiters" => self.arbiters = count(value)?,
                "hmcs" => self.hmcs = count(value)?,
                "bare" => self.bare = count(value)?,
                "policy" if value == "autorecovery" => self.policy = "autorecovery",
                "policy" if value == "userinit" => self.policy = "userinit",
                _ => return Err(unknown(key)),
            }
        }
        Ok(())
    }

    /// `group web on p1,p2 lpars=web1,web2 priority=3 later`
    fn add_group(&mut self, words: &[&str]) -> Result<(), SiteError> {
        let [name, "on", servers, rest @ ..] = words else {
            return Err(SiteError("write: group NAME on SERVER,… lpars=NAME,…".to_owned()));
        };
        let name = GroupName::from(*name);
        let servers: Vec<String> = servers.split(',').map(str::to_owned).collect();
        let mut group = Group::new(servers.iter().map(|server| ServerName::from(server.as_str())).collect());
        let later = rest.contains(&"later");
        let rest: Vec<&str> = rest.iter().copied().filter(|word| *word != "later").collect();
        let mut lpars = BTreeMap::new();
        for (key, value) in pairs(&rest)? {
            match key {
                "lpars" => {
                    for lpar in value.split(',') {
                        lpars.insert(ResourceName::from(lpar), Resource::lpar(name.clone(), lpar));
                        self.lpars.insert(ResourceName::from(lpar), LparSpec::new(lpar, &servers));
                    }
                }
                "apps" => {
                    for app in value.split(',') {
                        let (app, agent) = app.split_once(':').unwrap_or((app, "Application"));
                        lpars.insert(ResourceName::from(app), Resource::agent(name.clone(), agent));
                    }
                }
                "priority" => group.priority = number(value)?,
                "autostart" => group.autostart = value == "yes",
                "autostart_servers" => group.autostart_servers = value.split(',').map(ServerName::from).collect(),
                "restart_limit" => group.restart_limit = number(value)?,
                "restart_window" => group.restart_window = span(value)?,
                _ => set_attribute(&mut group, key, value)?,
            }
        }
        self.groups.insert(name, Declared { group, lpars, later });
        Ok(())
    }

    /// `stray old1 on p1`: an LPAR that runs there, and that is in no cluster file.
    fn add_stray(&mut self, words: &[&str]) -> Result<(), SiteError> {
        let [name, "on", server] = words else { return Err(SiteError("write: stray NAME on SERVER".to_owned())) };
        let stray = LparSpec { running_on: Some((*server).to_owned()), ..LparSpec::new(*name, [*server]) };
        self.lpars.insert(ResourceName::from(*name), stray);
        Ok(())
    }

    /// `lpar web1 boot=10s running=p2 memory=8192`
    fn edit_lpar(&mut self, words: &[&str]) -> Result<(), SiteError> {
        let [name, rest @ ..] = words else { return Err(SiteError("write: lpar NAME KEY=VALUE …".to_owned())) };
        let name = ResourceName::from(*name);
        let physical = self.lpars.get_mut(&name).ok_or_else(|| unknown(name.as_str()))?;
        let declared = self.groups.values_mut().find_map(|group| group.lpars.get_mut(&name));
        let declared = declared.ok_or_else(|| unknown(name.as_str()))?;
        let Kind::Lpar(lpar) = &mut declared.kind else { return Err(unknown(name.as_str())) };
        for (key, value) in pairs(rest)? {
            match key {
                "running" => physical.running_on = Some(value.to_owned()),
                "boot" => physical.boot = WorldSpan::millis(span(value)?.0),
                "shutdown" => physical.shutdown = WorldSpan::millis(span(value)?.0),
                "autostart" => physical.auto_start = value == "yes",
                "needs" => physical.memory = number(value)?,
                "absent" => physical.servers.retain(|server| server != value),
                "memory" => {
                    lpar.memory = number(value)?;
                    physical.memory = lpar.memory;
                }
                "processors" => lpar.processors = number(value)?,
                "vios" => lpar.vios = value.split(',').map(str::to_owned).collect(),
                "mobile" => (physical.mobile, lpar.mobile) = (value == "yes", value == "yes"),
                "ibmi" => physical.ibm_i = value == "yes",
                "os" if value == "ibmi" => lpar.os = tenure_core::config::OperatingSystem::IbmI,
                "migrate_timeout" => lpar.migrate_timeout = span(value)?,
                "start_timeout" => declared.start_timeout = span(value)?,
                "stop_timeout" => declared.stop_timeout = span(value)?,
                _ => return Err(unknown(key)),
            }
        }
        Ok(())
    }

    /// `server p1 memory=16384 processors=400`: capacity for the cluster; `has=8192`: physical capacity.
    fn edit_server(&mut self, words: &[&str]) -> Result<(), SiteError> {
        let [name, rest @ ..] = words else { return Err(SiteError("write: server NAME KEY=VALUE …".to_owned())) };
        let limits = self.capacity.entry((*name).to_owned()).or_default();
        for (key, value) in pairs(rest)? {
            match key {
                "memory" => limits.0 = Some(number(value)?),
                "processors" => limits.1 = Some(number(value)?),
                "has" => drop(self.world_memory.insert((*name).to_owned(), number(value)?)),
                _ => return Err(unknown(key)),
            }
        }
        Ok(())
    }

    fn edit_timings(&mut self, words: &[&str]) -> Result<(), SiteError> {
        for (key, value) in pairs(words)? {
            let value = span(value)?;
            match key {
                "heartbeat" => self.timings.heartbeat = value,
                "suspect" => self.timings.suspect = value,
                "lease" => self.timings.lease = value,
                "monitor" => self.timings.monitor = value,
                "settle" => self.timings.settle = value,
                "fence" => self.timings.fence = value,
                _ => return Err(unknown(key)),
            }
        }
        Ok(())
    }
}

const SERVERS: [&str; 8] = ["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"];

fn serial(n: usize) -> String {
    format!("7A{:05}", n + 1)
}

pub(super) fn pairs<'a>(words: &[&'a str]) -> Result<Vec<(&'a str, &'a str)>, SiteError> {
    let pair = |word: &&'a str| word.split_once('=').ok_or_else(|| SiteError(format!("{word:?} is not KEY=VALUE")));
    words.iter().map(pair).collect()
}

pub(super) fn unknown(key: &str) -> SiteError {
    SiteError(format!("{key:?} is not known here"))
}

pub(super) fn number<T: std::str::FromStr>(value: &str) -> Result<T, SiteError> {
    value.parse().map_err(|_| SiteError(format!("{value:?} is not a number that fits")))
}

fn count(value: &str) -> Result<usize, SiteError> {
    number(value).ok().filter(|n| *n <= SERVERS.len()).ok_or_else(|| SiteError(format!("{value:?} is too many")))
}

/// Parses a span such as `250ms`, `10s` or `5m`; `1.5s` is invalid.
pub(super) fn span(value: &str) -> Result<Span, SiteError> {
    let parsed: Result<WorldSpan, _> = value.parse();
    parsed.map(|span| Span(span.as_millis())).map_err(|why| SiteError(why.to_string()))
}
