//! Local files of a machine: identities, and `tenured.toml` with the settings that a node needs before it can talk to
//! the others. Small on purpose; all other configuration is replicated.

mod backups;
pub mod identity;
pub mod nodes;
pub mod private;
pub mod space;

pub use backups::Backups;

use crate::performer::AgentPaths;
use identity::IdentityError;
use private::Exposed;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tenure_agents::{Limits, PROGRAMS};
use tenure_config::{
    Problems,
    fields::{Fields, Log, document},
    instead,
};
use tenure_core::{NodeName, Span, config::is_name};
use tenure_raft::{Snapshots, Timings, tls::Identity};

/// Least number of entries between snapshots: a more frequent snapshot costs more than the log that it replaces.
const SNAPSHOT_EVERY_LEAST: u64 = 50;

/// Least size of the audit, in bytes.
const AUDIT_LEAST: u64 = 16 << 20;
/// Default of `voter_gone`, and the least.
const VOTER_GONE: Span = Span::seconds(300);
const VOTER_GONE_LEAST: Span = Span::seconds(2);
/// Least number of processes that a program may have: a shell and what it calls.
const LEAST_PIDS: u32 = 64;

/// The local configuration of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalConfig {
    /// Name of the node, as in the cluster file and in its certificate.
    pub node: NodeName,
    /// Directory of the log, the snapshots and `cluster/` with the certificates.
    pub data_dir: PathBuf,
    /// The address to listen on for other nodes.
    pub listen: SocketAddr,
    /// The address for other nodes: `host:port`.
    pub advertise: String,
    /// The address to serve the admin API on.
    pub api_listen: SocketAddr,
    /// The address for administrators: `host:port`.
    pub api_advertise: String,
    /// Private SSH key for the HMCs. An arbiter needs none.
    pub hmc_key: Option<PathBuf>,
    /// The key with which this node opens what is sealed for it alone. It is not in the data directory, so that a copy of
    /// that gives nothing away.
    pub seal_key: PathBuf,
    /// Format of log lines.
    pub log_format: LogFormat,
    /// The paths of agents and their files.
    pub agents: AgentPaths,
    /// The watchdog that resets this machine, if one is used.
    pub watchdog: Option<WatchdogDevice>,
    /// Timings of consensus.
    pub raft: Timings,
    /// Time of silence after which a leader gives the vote of another node to a third.
    pub voter_gone: Span,
    /// The schedule of snapshots.
    pub snapshots: Snapshots,
    /// How much of the audit this node keeps.
    pub audit: AuditLimits,
    /// The backups that this node writes by itself.
    pub backups: Option<Backups>,
}

/// How much of the audit a node keeps: the oldest records go when either limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditLimits {
    /// Size, in bytes.
    pub size: u64,
    /// Age.
    pub keep: Duration,
}

impl Default for AuditLimits {
    fn default() -> Self {
        AuditLimits { size: 256 << 20, keep: Duration::from_secs(400 * 24 * 3600) }
    }
}

/// A watchdog device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchdogDevice {
    /// Its path, `/dev/watchdog0`.
    pub device: PathBuf,
    /// The file with the time in seconds after which it resets; the kernel's own if absent.
    pub timeout: Option<PathBuf>,
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Readable text.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl LocalConfig {
    /// Reads `tenured.toml`. Relative paths in it are relative to its directory.
    pub fn load(file: &Path) -> Result<LocalConfig, Problems> {
        let mut config = LocalConfig::parse(&file.display().to_string(), &Problems::read(file)?)?;
        if let Some(directory) = file.parent() {
            config.data_dir = directory.join(&config.data_dir);
            config.seal_key = directory.join(&config.seal_key);
            config.backups.iter_mut().for_each(|backups| backups.directory = directory.join(&backups.directory));
            config.hmc_key = config.hmc_key.map(|key| directory.join(key));
            config.agents.secrets = directory.join(&config.agents.secrets);
        }
        if config.agents.run_dir == AgentPaths::default().run_dir {
            config.agents.run_dir.push(name_of(&config.data_dir));
        }
        Ok(config)
    }

    /// Reads the text of `tenured.toml`. `file` is its name in messages.
    pub fn parse(file: &str, text: &str) -> Result<LocalConfig, Problems> {
        document(file, text, read)
    }

    /// Directory of the certificates: `ca.pem`, `node.pem`, `node.key`, and `authorities.json`.
    pub fn cluster_dir(&self) -> PathBuf {
        self.data_dir.join("cluster")
    }

    /// Checks that nobody else can reach the data directory and the keys in use.
    pub fn check_private(&self) -> Result<(), Exposed> {
        private::check_directory(&self.data_dir)?;
        private::check_directory(&self.cluster_dir())?;
        private::check_directory(&self.agents.secrets)?;
        let own = ["node.key", "authorities.json"].map(|key| self.cluster_dir().join(key));
        own.iter().chain([&self.seal_key]).chain(&self.hmc_key).try_for_each(|key| private::check_file(key))
    }

    /// The node's own identity.
    pub fn identity(&self) -> Result<Identity, IdentityError> {
        identity::load(&self.cluster_dir(), identity::NODE)
    }
}

/// The name of the run directory for a data directory, the same after each start: two nodes on one machine have
/// different ones, whatever they are called.
fn name_of(data_dir: &Path) -> String {
    let path = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
    // FNV-1a: short, and the same in every version.
    let fold = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let sum = path.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fold);
    format!("{sum:016x}")
}

fn read(log: &mut Log, mut root: Fields<'_>) -> Option<LocalConfig> {
    let node = root.required(log, "node", "p1");
    if !node.is_empty() && !is_name(&node) {
        let help =
            "write the node's name as the cluster file has it: A-Z a-z 0-9 - _ . and neither - nor . at its front";
        root.refuse(log, "node", format!("{node:?} is not a usable name"), help.to_owned());
    }
    let data_dir = root.required(log, "data_dir", "/var/lib/tenure");
    let listen = listen(log, &mut root, "listen", "0.0.0.0:7100");
    let advertise = advertise(log, &mut root, "advertise", listen, "p1.site:7100");
    let api_listen = self::listen(log, &mut root, "api_listen", "0.0.0.0:7101");
    let api_advertise = self::advertise(log, &mut root, "api_advertise", api_listen, "p1.site:7101");
    let hmc_key = root.text(log, "hmc_key").map(PathBuf::from);
    let seal_key = root.text(log, "seal_key").unwrap_or_else(|| format!("{node}.seal"));
    let log_format = match root.text(log, "log_format").as_deref() {
        None | Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(other) => {
            let help = instead(other, &["text", "json"]);
            root.refuse(log, "log_format", format!("{other:?} is not a log format"), help);
            LogFormat::Text
        }
    };
    let table = root.table(log, "agents");
    let agents = places(log, table);
    let timeout = root.text(log, "watchdog_timeout").map(PathBuf::from);
    let device = root.text(log, "watchdog").map(PathBuf::from);
    let watchdog = device.map(|device| WatchdogDevice { device, timeout });
    let (raft, snapshots, gone) =
        root.table(log, "raft").map_or_else(Default::default, |fields| consensus(log, fields));
    let voter_gone = gone.unwrap_or(VOTER_GONE);
    let backups = root.table(log, "backup").map(|fields| backups::read(log, fields));
    let audit = root.table(log, "audit").map_or_else(AuditLimits::default, |fields| audit_limits(log, fields));
    if let (Some(one), Some(other)) = (listen, api_listen)
        && one == other
        && one.port() != 0
    {
        let what = format!("{one} is the address of listen already");
        root.refuse(log, "api_listen", what, "choose another port".to_owned());
    }
    root.close(log);
    Some(LocalConfig {
        node: NodeName::from(node),
        data_dir: PathBuf::from(data_dir),
        listen: listen?,
        advertise: advertise?,
        api_listen: api_listen?,
        api_advertise: api_advertise?,
        hmc_key,
        seal_key: PathBuf::from(seal_key),
        log_format,
        agents,
        watchdog,
        raft,
        voter_gone,
        snapshots,
        audit,
        backups,
    })
}

fn listen(log: &mut Log, root: &mut Fields<'_>, field: &'static str, example: &str) -> Option<SocketAddr> {
    let text = root.required(log, field, example);
    if text.is_empty() {
        return None;
    }
    let parsed = text.parse().ok();
    if parsed.is_none() {
        let help = format!("write a numeric address and a port, such as {field} = \"{example}\"");
        root.refuse(log, field, format!("{text:?} is not an address to listen on"), help);
    }
    parsed
}

/// The address under which others reach a listening one; that address itself, unless it is "every address".
fn advertise(
    log: &mut Log,
    root: &mut Fields<'_>,
    field: &'static str,
    listen: Option<SocketAddr>,
    example: &str,
) -> Option<String> {
    let help = format!("write {field} = \"{example}\"");
    let Some(text) = root.text(log, field) else {
        let listen = listen?;
        if listen.ip().is_unspecified() {
            root.missing(log, field, &format!("others cannot reach {listen}; {help}"));
        }
        return Some(listen.to_string());
    };
    let port =
        text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none() {
        root.refuse(log, field, format!("{text:?} is not host:port"), help);
    }
    Some(text)
}

/// The table `[agents]`.
fn places(log: &mut Log, fields: Option<Fields<'_>>) -> AgentPaths {
    let mut places = AgentPaths { secrets: PathBuf::from("secrets"), ..AgentPaths::default() };
    let Some(mut fields) = fields else { return places };
    let mut take = |field: &'static str| fields.text(log, field).map(PathBuf::from);
    places.ocf_root = take("ocf_root").unwrap_or(places.ocf_root);
    places.systemctl = take("systemctl").unwrap_or(places.systemctl);
    places.run_dir = take("run_dir").unwrap_or(places.run_dir);
    places.cgroup = take("cgroup");
    places.secrets = take("secrets").unwrap_or(places.secrets);
    if let Some(scripts) = take("scripts") {
        places.scripts = std::env::split_paths(&scripts).collect();
    }
    if let Some(types) = fields.texts(log, "types") {
        places.rights.types = types;
    }
    if let Some(programs) = fields.texts(log, "programs") {
        places.rights.programs = programs.into_iter().map(PathBuf::from).collect();
    }
    for place in places.rights.programs.iter().filter(|place| !place.is_absolute()) {
        let what = format!("{} is not an absolute path", place.display());
        fields.refuse(log, "programs", what, format!("write programs = [\"{PROGRAMS}\"]"));
    }
    let percent = fields.number(log, "memory_percent").unwrap_or(places.limits.memory_percent);
    if !(1..=100).contains(&percent) {
        let what = format!("memory_percent of {percent} is no part of the memory");
        fields.refuse(log, "memory_percent", what, "write a number from 1 to 100".to_owned());
    }
    let pids = fields.number(log, "pids_max").unwrap_or(places.limits.pids);
    if pids < LEAST_PIDS {
        let what = format!("pids_max of {pids} is too few for any program");
        fields.refuse(log, "pids_max", what, format!("write at least {LEAST_PIDS}"));
    }
    places.limits = Limits { memory_percent: percent, pids };
    fields.close(log);
    places
}

/// The table `[audit]`: `size` in MiB, `keep` in days.
fn audit_limits(log: &mut Log, mut fields: Fields<'_>) -> AuditLimits {
    let default = AuditLimits::default();
    let size = fields.number(log, "size").map_or(default.size, |size| u64::from(size) << 20);
    let keep = fields.number(log, "keep").map_or(default.keep, |days| Duration::from_secs(u64::from(days) * 24 * 3600));
    if size < AUDIT_LEAST {
        fields.refuse(
            log,
            "size",
            "the audit is too small to be of use".to_owned(),
            "write 16 or more: MiB".to_owned(),
        );
    }
    if keep.is_zero() {
        fields.refuse(log, "keep", "nothing would be kept".to_owned(), "write 1 or more: days".to_owned());
    }
    fields.close(log);
    AuditLimits { size, keep }
}

/// The table `[raft]`.
fn consensus(log: &mut Log, mut fields: Fields<'_>) -> (Timings, Snapshots, Option<Span>) {
    let (timings, snapshots, gone) =
        (raft_timings(log, &mut fields), snapshots(log, &mut fields), fields.span(log, "voter_gone"));
    if gone.is_some_and(|gone| gone < VOTER_GONE_LEAST) {
        let what = "a voter would be replaced while it restarts".to_owned();
        fields.refuse(log, "voter_gone", what, format!("write at least {VOTER_GONE_LEAST}"));
    }
    let read = (timings, snapshots, gone);
    fields.close(log);
    read
}

/// A snapshot is taken after `snapshot_every` entries, or `snapshot_size` of them; `snapshot_keep` entries before it are kept, for followers a
/// little behind.
fn snapshots(log: &mut Log, fields: &mut Fields<'_>) -> Snapshots {
    let default = Snapshots::default();
    let every = fields.number(log, "snapshot_every").map_or(default.every, u64::from);
    // If only the first is given, and is small, the second is half of it.
    let keep = fields.number(log, "snapshot_keep").map_or((every / 2).min(default.keep), u64::from);
    let size = fields.memory(log, "snapshot_size").map_or(default.size, |mebibytes| mebibytes.saturating_mul(1 << 20));
    if size == 0 {
        let what = "a snapshot for each entry is too often".to_owned();
        fields.refuse(log, "snapshot_size", what, "write at least 1MiB".to_owned());
    }
    if every < SNAPSHOT_EVERY_LEAST {
        let what = format!("a snapshot every {every} entries is too often");
        fields.refuse(log, "snapshot_every", what, format!("write at least {SNAPSHOT_EVERY_LEAST}"));
    } else if keep > every {
        let what = format!("snapshot_keep of {keep} is more than snapshot_every");
        fields.refuse(log, "snapshot_keep", what, format!("write at most {every}"));
    }
    Snapshots { every, keep, size }
}

fn raft_timings(log: &mut Log, fields: &mut Fields<'_>) -> Timings {
    let mut timings = Timings::default();
    let mut take = |field: &'static str, into: &mut Duration| {
        if let Some(Span(ms)) = fields.span(log, field) {
            *into = Duration::from_millis(ms);
        }
    };
    take("heartbeat", &mut timings.heartbeat);
    take("election_min", &mut timings.election_min);
    take("election_max", &mut timings.election_max);
    let Timings { heartbeat, election_min, election_max } = timings;
    let say = |time: Duration| Span(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).to_string();
    if heartbeat < Duration::from_millis(10) {
        let what = format!("heartbeat of {} is shorter than 10ms", say(heartbeat));
        fields.refuse(log, "heartbeat", what, "write at least 10ms".to_owned());
    }
    if election_min < heartbeat * 3 {
        let what = format!("election_min of {} is shorter than three heartbeats", say(election_min));
        let help = format!("write at least {}, or a shorter heartbeat", say(heartbeat * 3));
        fields.refuse(log, "election_min", what, help);
    }
    if election_max * 2 < election_min * 3 {
        let what = format!("election_max of {} is less than one and a half election_min", say(election_max));
        let help = format!("write at least {}, so that candidates do not collide", say(election_min * 3 / 2));
        fields.refuse(log, "election_max", what, help);
    }
    timings
}
