//! The options of a node.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use openraft::{Config, SnapshotPolicy};
use tenure_storage::Peer;

use crate::tls::Credentials;

/// The clockwork of elections. `heartbeat` must be well below `election_min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// Interval of the leader's heartbeats.
    pub heartbeat: Duration,
    /// The least silence after which a follower asks for an election.
    pub election_min: Duration,
    /// The most; each election draws its own between the two.
    pub election_max: Duration,
}

impl Timings {
    /// Time after hearing the leader for which a node votes for no other: half of the longest silence. A leader that
    /// a quorum has answered within this time leads beyond doubt.
    pub fn leader_lease(&self) -> Duration {
        self.election_max / 2
    }

    /// The range from which openraft draws. It waits for the leader's lease *and then* for the time drawn, and takes
    /// the lease from the same upper bound: with the two times unchanged, it would wait for 3 to 4 seconds instead of
    /// 1 to 2.
    fn drawn(&self) -> (Duration, Duration) {
        let most = self.leader_lease();
        let least = self.election_min.saturating_sub(most).max(self.heartbeat + self.heartbeat / 4);
        (least.min(most - most / 8), most)
    }
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(700),
            election_max: Duration::from_millis(1400),
        }
    }
}

/// The conditions for replacing the log by a snapshot of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshots {
    /// A snapshot is made after this many entries since the last one.
    pub every: u64,
    /// This many entries before the snapshot stay in the log, so that a follower a little behind needs no snapshot.
    pub keep: u64,
    /// A snapshot is made after this many bytes of commands since the last one, too. Of the entries before it, then only
    /// the last ones stay: with all commands that they hold, at most half of this.
    pub size: u64,
}

/// Small: dropping entries from the log holds up its writer, about 7 ms for a thousand of them, and the log is kept in memory.
impl Default for Snapshots {
    fn default() -> Self {
        Self { every: 5_000, keep: 2_000, size: 16 << 20 }
    }
}

/// Everything a node needs to know before it starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// This node's Raft id, unique in the cluster for ever and never 0.
    pub id: u64,
    /// This node's name, as its certificate has it.
    pub name: String,
    /// The cluster's id, as the authority has it.
    pub cluster: String,
    /// The directory for log, vote and snapshots. `None` keeps them in memory: nothing survives the process, and a
    /// node that forgets its vote must not come back under the same id. For tests only.
    pub data_dir: Option<PathBuf>,
    /// A file beside the node's certificate with a lower bound of what the node has acknowledged; a data directory
    /// that holds less is refused. [`begin_witness`](crate::begin_witness) creates it for a new node. `None`: no
    /// witness.
    pub witness: Option<PathBuf>,
    /// The members that let this node in, by Raft id: nobody else is heard until it has stored a membership.
    pub introduced: BTreeMap<u64, Peer>,
    /// The address for accepting other nodes; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// `host:port` under which others reach this node. Empty: the address that is listened on.
    pub advertise: String,
    /// Key and certificate.
    pub credentials: Credentials,
    /// Heartbeats and elections.
    pub timings: Timings,
    /// The schedule of snapshots.
    pub snapshots: Snapshots,
    /// The highest feature level that this program understands.
    pub feature_level_max: u32,
}

/// The configuration is contradictory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("check the timings of elections: {0}")]
pub struct BadTimings(pub String);

const SNAPSHOT_TIME: Duration = Duration::from_secs(60);

/// openraft's configuration. Pre-vote keeps a node that was cut off from unseating a working leader when it returns; leader
/// restore is off because a leader that resumes after a restart may answer reads from before its last writes.
pub(crate) fn config(cluster: &str, timings: Timings, snapshots: Snapshots) -> Result<Arc<Config>, BadTimings> {
    let config = Config {
        cluster_name: cluster.to_owned(),
        heartbeat_interval: millis(timings.heartbeat),
        election_timeout_min: millis(timings.drawn().0),
        election_timeout_max: millis(timings.drawn().1),
        install_snapshot_timeout: millis(SNAPSHOT_TIME),
        enable_pre_vote: Some(true),
        enable_leader_restore: Some(false),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(snapshots.every),
        max_in_snapshot_log_to_keep: snapshots.keep,
        ..Config::default()
    };
    config.validate().map(Arc::new).map_err(|e| BadTimings(e.to_string()))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shortest and longest silence after which openraft stands for election.
    fn silences(timings: Timings) -> (u64, u64) {
        let config = config("lab", timings, Snapshots::default()).expect("the timings are good");
        (config.election_timeout_max + config.election_timeout_min, config.election_timeout_max * 2)
    }

    #[test]
    fn elections_begin_within_the_silence_that_was_asked_for() {
        assert_eq!(silences(Timings::default()), (825, 1_400));
        let brisk = Timings {
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(300),
            election_max: Duration::from_millis(600),
        };
        assert_eq!(silences(brisk), (425, 600));
        let late = Timings { election_min: Duration::from_millis(1_200), ..Timings::default() };
        assert_eq!(silences(late), (1_200, 1_400));
    }
}
