//! The nodes of a site as processes: started, killed, paused, and synchronized with their management LPARs.

use super::{Site, SiteError, layout::inside};
use crate::{lab::process::NodeProcess, world::Guest};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Maximum time for nodes to stop before they are killed.
const STOPS: Duration = Duration::from_secs(3);
/// Pause between two checks of stopping nodes.
const LOOK: Duration = Duration::from_millis(20);

/// State of a node's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeRuns {
    /// It is running.
    Runs,
    /// It is paused.
    Paused,
    /// There is no process.
    Dead,
}

/// The processes, and the set of those that do not follow their LPAR.
pub(super) struct Nodes {
    processes: BTreeMap<String, NodeProcess>,
    /// Nodes that were killed or paused on purpose, or not started yet.
    held: BTreeSet<String>,
    /// The site's directory, if resources inside nodes are lost with the power of their machine.
    home: Option<PathBuf>,
}

impl Nodes {
    pub(super) fn new(processes: BTreeMap<String, NodeProcess>, home: Option<PathBuf>) -> Self {
        // A node that has not joined yet must not be started as a member.
        Nodes { held: processes.keys().cloned().collect(), processes, home }
    }

    fn node(&mut self, name: &str) -> Result<&mut NodeProcess, SiteError> {
        self.processes.get_mut(name).ok_or_else(|| SiteError::NoNode(name.to_owned()))
    }

    fn follow(&mut self, name: &str, guest: Guest) -> Result<(), SiteError> {
        let held = self.held.contains(name);
        let Some(node) = self.processes.get_mut(name) else { return Ok(()) };
        let result = match guest {
            Guest::Off => {
                let killed = node.kill();
                self.home.as_ref().map_or(Ok(()), |home| forget(&inside(home, name)))?;
                killed
            }
            Guest::Frozen if node.is_running() && !node.is_paused() => node.pause(),
            Guest::Running if node.is_paused() && !held => node.resume(),
            Guest::Running if !held => node.start(None),
            Guest::Frozen | Guest::Running => Ok(()),
        };
        result.map_err(SiteError::Process)
    }
}

/// Removes all files in a directory.
fn forget(directory: &Path) -> Result<(), SiteError> {
    let set = |source| SiteError::Set { what: directory.display().to_string(), source };
    for entry in std::fs::read_dir(directory).map_err(set)? {
        std::fs::remove_file(entry.map_err(set)?.path()).map_err(set)?;
    }
    Ok(())
}

impl Site {
    pub(super) fn launch(&self, name: &str, token: Option<&str>) -> Result<(), SiteError> {
        let mut nodes = self.nodes();
        nodes.held.remove(name);
        nodes.node(name)?.start(token).map_err(SiteError::Process)
    }

    /// Kills a node's process until it is started again, whatever the state of its LPAR.
    pub fn kill_node(&self, name: &str) -> Result<(), SiteError> {
        let mut nodes = self.nodes();
        nodes.node(name)?.kill().map_err(SiteError::Process)?;
        nodes.held.insert(name.to_owned());
        Ok(())
    }

    /// Pauses a node's process.
    pub fn pause_node(&self, name: &str) -> Result<(), SiteError> {
        let mut nodes = self.nodes();
        nodes.node(name)?.pause().map_err(SiteError::Process)?;
        nodes.held.insert(name.to_owned());
        Ok(())
    }

    /// Starts a node's process again, or continues a paused one, if its LPAR runs.
    pub fn start_node(&self, name: &str) -> Result<(), SiteError> {
        let mut nodes = self.nodes();
        nodes.held.remove(name);
        let node = nodes.node(name)?;
        let result = if node.is_paused() { node.resume() } else { node.start(None) };
        result.map_err(SiteError::Process)?;
        drop(nodes);
        self.follow_world()
    }

    /// Asks a node's process to stop, until it is started again.
    pub fn stop_node(&self, name: &str) -> Result<(), SiteError> {
        let mut nodes = self.nodes();
        nodes.node(name)?.ask_to_stop().map_err(SiteError::Process)?;
        nodes.held.insert(name.to_owned());
        Ok(())
    }

    /// Starts a node that joins with a token, in place of one whose disk is lost.
    pub fn join_node(&self, name: &str, token: &str) -> Result<(), SiteError> {
        self.launch(name, Some(token))
    }

    /// Starts every node that was killed or paused on purpose. Returns their names.
    pub fn start_held_nodes(&self) -> Result<Vec<String>, SiteError> {
        let held: Vec<String> = self.nodes().held.iter().cloned().collect();
        for name in &held {
            self.start_node(name)?;
        }
        Ok(held)
    }

    /// State of a node's process.
    pub fn node_runs(&self, name: &str) -> Result<NodeRuns, SiteError> {
        let mut nodes = self.nodes();
        let node = nodes.node(name)?;
        Ok(match (node.is_running(), node.is_paused()) {
            (true, false) => NodeRuns::Runs,
            (true, true) => NodeRuns::Paused,
            (false, _) => NodeRuns::Dead,
        })
    }

    /// Process ids of the nodes that run.
    pub fn pids(&self) -> BTreeMap<String, u32> {
        let mut nodes = self.nodes();
        let alive = nodes.processes.iter_mut().filter_map(|(name, node)| {
            let pid = node.pid().filter(|_| node.is_running())?;
            Some((name.clone(), pid))
        });
        alive.collect()
    }

    /// Synchronizes every node's process with its management LPAR: no process without power, none running in one that
    /// hangs. Nodes without a management LPAR are left alone. Call it whenever the world's history has grown, on a
    /// thread that lives as long as the lab.
    pub fn follow_world(&self) -> Result<(), SiteError> {
        let guests: Vec<(String, Guest)> = self.world.with(|world| {
            let management = world.management();
            // A node has the name of its server.
            let guest = |(server, lpar)| (world.server_name(server).to_owned(), world.guest(server, lpar));
            management.into_iter().map(guest).collect()
        });
        let mut nodes = self.nodes();
        guests.into_iter().try_for_each(|(name, guest)| nodes.follow(&name, guest))
    }

    /// Follows the world until that fails.
    pub async fn keep_following(&self) -> SiteError {
        let mut grown = self.world.history_length();
        loop {
            if let Err(error) = self.follow_world() {
                return error;
            }
            if grown.changed().await.is_err() {
                return SiteError::Late("the world has ended".to_owned());
            }
        }
    }

    pub(super) async fn stop_nodes(&self) {
        for node in self.nodes().processes.values_mut() {
            // A process that cannot be asked is killed when it is dropped.
            let _ = node.ask_to_stop();
        }
        let until = Instant::now() + STOPS;
        while !self.pids().is_empty() && Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
