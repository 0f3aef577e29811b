//! The parts of a world, as data: read from a world file (TOML), or built in code.

use super::time::Span;
use super::timings::Timings;
use serde::{Deserialize, Serialize};

/// A whole world.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldSpec {
    /// Durations.
    #[serde(default)]
    pub timings: Timings,
    /// Whether the history is kept entry by entry. An explorer that copies worlds by the million turns it off and asks
    /// [`World::conflict`](super::World::conflict) after every step.
    #[serde(default = "yes")]
    pub keep_history: bool,
    /// Management consoles.
    #[serde(default, rename = "hmc")]
    pub hmcs: Vec<HmcSpec>,
    /// Physical servers.
    #[serde(default, rename = "server")]
    pub servers: Vec<ServerSpec>,
    /// LPARs, each defined on one or more servers. VIO servers are not listed here: a server brings its own.
    #[serde(default, rename = "lpar")]
    pub lpars: Vec<LparSpec>,
}

/// An HMC's answer about the LPARs of a system to which it has lost the connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostView {
    /// Every LPAR reads `Not Available`.
    #[default]
    NotAvailable,
    /// Every LPAR reads as last known: stale, and not marked as such.
    LastKnown,
    /// The listing is refused.
    Refuse,
}

/// An HMC's treatment of a change to a system that is locked by another change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BusyPolicy {
    /// Refuse it.
    Refuse,
    /// Queue it for the lock, as the HMC does for short locks.
    #[default]
    Queue,
}

/// A management console.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HmcSpec {
    /// Host name.
    pub name: String,
    /// Age of the states that it shows.
    #[serde(default)]
    pub view_delay: Span,
    /// Time from a command's arrival to its execution.
    #[serde(default = "HmcSpec::default_latency")]
    pub latency: Span,
    /// Time from its execution to the answer.
    #[serde(default = "HmcSpec::default_latency")]
    pub answer_latency: Span,
    /// Its answer about LPARs on a system to which it has lost the connection.
    #[serde(default)]
    pub lost_view: LostView,
    /// Its treatment of changes to a locked system.
    #[serde(default)]
    pub busy: BusyPolicy,
    /// Whether its users' locale is English. Otherwise sentences come in another language, unless a command line begins
    /// with `LANG=C`.
    #[serde(default = "yes")]
    pub english: bool,
}

impl HmcSpec {
    fn default_latency() -> Span {
        Span::millis(40)
    }

    /// A console with default behaviour.
    pub fn new(name: impl Into<String>) -> Self {
        HmcSpec {
            name: name.into(),
            view_delay: Span::ZERO,
            latency: Self::default_latency(),
            answer_latency: Self::default_latency(),
            lost_view: LostView::default(),
            busy: BusyPolicy::default(),
            english: true,
        }
    }
}

/// The LPARs that a server starts by itself when it comes up (`power_on_lpar_start_policy`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartPolicy {
    /// Those with `auto_start=1`.
    #[default]
    Autostart,
    /// Those that were on when power was lost.
    Autorecovery,
    /// None.
    Userinit,
}

impl StartPolicy {
    /// The word of the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Autostart => "autostart",
            Self::Autorecovery => "autorecovery",
            Self::Userinit => "userinit",
        }
    }
}

/// A physical server.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSpec {
    /// Name on the HMCs.
    pub name: String,
    /// Machine type and model, such as `9105-22A`.
    pub type_model: String,
    /// Serial number.
    pub serial: String,
    /// Memory for LPARs, in MiB.
    pub memory: u64,
    /// Processing units for LPARs, in hundredths.
    pub processors: u32,
    /// Number of VIO servers; they are named `<server>-vios1` and so on.
    #[serde(default = "ServerSpec::default_vios")]
    pub vios: u8,
    /// The LPARs that it starts by itself.
    #[serde(default)]
    pub start_policy: StartPolicy,
    /// Whether it powers itself on when input power returns.
    #[serde(default)]
    pub auto_power_restart: bool,
    /// Whether it starts again by itself after the dump that follows a checkstop.
    #[serde(default)]
    pub restart_after_checkstop: bool,
    /// Whether it is off when the world begins.
    #[serde(default)]
    pub off: bool,
}

impl ServerSpec {
    fn default_vios() -> u8 {
        2
    }

    /// A server with room for a demonstration.
    pub fn new(name: impl Into<String>, serial: impl Into<String>) -> Self {
        ServerSpec {
            name: name.into(),
            type_model: "9105-22A".into(),
            serial: serial.into(),
            memory: 262_144,
            processors: 1_600,
            vios: Self::default_vios(),
            start_policy: StartPolicy::default(),
            auto_power_restart: false,
            restart_after_checkstop: false,
            off: false,
        }
    }

    /// Whether its service processor is an eBMC, as on Power10 but for the E1080: then partition data come over a link of
    /// their own.
    pub fn is_ebmc(&self) -> bool {
        ["9105-", "9786-", "9043-"].iter().any(|model| self.type_model.starts_with(model))
    }

    /// Machine type, model and serial number in the form that `-m` takes: `9105-22A*7A00001`.
    pub fn mtms(&self) -> String {
        format!("{}*{}", self.type_model, self.serial)
    }
}

/// Purpose of an LPAR.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LparKind {
    /// An application.
    #[default]
    Client,
    /// Runs a node of the cluster. Nothing in the model depends on it; a lab does.
    Management,
    /// A VIO server: serves the disks and networks of the other LPARs of its server.
    Vios,
}

/// An LPAR, and the servers on which copies of it are or can be defined. All copies share its disks.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LparSpec {
    /// Name, the same on every server.
    pub name: String,
    /// Its purpose.
    #[serde(default)]
    pub kind: LparKind,
    /// Whether it runs IBM i; AIX or Linux otherwise.
    #[serde(default)]
    pub ibm_i: bool,
    /// Names of the servers that have a definition of it; for a mobile LPAR, those where it may be.
    pub servers: Vec<String>,
    /// Whether it is defined on one server at a time and can be moved to the others. It begins on `running_on`, or else on
    /// the first of its servers.
    #[serde(default)]
    pub mobile: bool,
    /// Memory, in MiB.
    #[serde(default = "LparSpec::default_memory")]
    pub memory: u64,
    /// Processing units, in hundredths.
    #[serde(default = "LparSpec::default_processors")]
    pub processors: u32,
    /// Time from activation to a running operating system.
    #[serde(default = "LparSpec::default_boot")]
    pub boot: Span,
    /// Time from a request to the operating system to the LPAR being off.
    #[serde(default = "LparSpec::default_shutdown")]
    pub shutdown: Span,
    /// Whether it starts with its server, if that server's policy says so.
    #[serde(default)]
    pub auto_start: bool,
    /// The VIO servers of its server that serve it, by position from 0: any one of them suffices. Absent: all. Empty:
    /// it has disks of its own and needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vios: Option<Vec<u8>>,
    /// Name of the server on which it runs when the world begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_on: Option<String>,
}

impl LparSpec {
    fn default_memory() -> u64 {
        8_192
    }

    fn default_processors() -> u32 {
        50
    }

    fn default_boot() -> Span {
        Span::millis(1_000)
    }

    fn default_shutdown() -> Span {
        Span::millis(600)
    }

    /// A client LPAR defined on these servers.
    pub fn new<S: Into<String>>(name: impl Into<String>, servers: impl IntoIterator<Item = S>) -> Self {
        LparSpec {
            name: name.into(),
            kind: LparKind::Client,
            ibm_i: false,
            servers: servers.into_iter().map(Into::into).collect(),
            mobile: false,
            memory: Self::default_memory(),
            processors: Self::default_processors(),
            boot: Self::default_boot(),
            shutdown: Self::default_shutdown(),
            auto_start: false,
            vios: None,
            running_on: None,
        }
    }

    /// A client LPAR that can be moved between these servers, and is defined on the first of them.
    pub fn mobile<S: Into<String>>(name: impl Into<String>, servers: impl IntoIterator<Item = S>) -> Self {
        LparSpec { mobile: true, ..Self::new(name, servers) }
    }

    /// Name of the server on which it is defined when the world begins; `None` when it is defined on all of its servers.
    pub fn home(&self) -> Option<&String> {
        self.running_on.as_ref().or(self.servers.first()).filter(|_| self.mobile)
    }

    /// The management LPAR of a server: started with it, and on disks of its own.
    pub fn management(name: impl Into<String>, server: impl Into<String>) -> Self {
        let server = server.into();
        LparSpec {
            kind: LparKind::Management,
            memory: 4_096,
            auto_start: true,
            vios: Some(Vec::new()),
            running_on: Some(server.clone()),
            ..Self::new(name, [server])
        }
    }
}

fn yes() -> bool {
    true
}
