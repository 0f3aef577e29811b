//! The command line.

mod backup;
mod group;
mod log;
mod said;
mod site;
mod user;

pub use backup::Backup;
pub use group::Group;
pub use log::{Debug, Log};
pub use said::Said;
pub use site::{Agent, Cluster, Hmc, Init, Resource, Server, Service, Upgrade};
pub use user::{Authority, Rights, Role, User};

use crate::local::nodes::is_address;
use clap::{Parser, Subcommand, ValueEnum};
use std::{path::PathBuf, time::Duration};
use tenure_core::{GroupName, NodeName, ServerName};

/// Keeps logical partitions running: the admin client.
#[derive(Debug, Parser)]
#[command(
    name = "tenure",
    version = crate::VERSION,
    after_help = "Example: tenure --node p1:7101 status
Exit codes, of every command:
  0  done, or it is so already
  1  refused, with a reason; there is nothing of that name; declined
  2  the command line, the identity or a file is not valid
  3  no node answers, or none leads; nothing happened
  4  it may have happened, or its goal was not reached in time
  5  something would not run (`tenure plan`, `tenure server rolling`)
  6  something is wrong (`tenure status --check`), or the audit is not whole"
)]
pub struct Args {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Global {
    /// A node's admin API; any one will do; of several, the next is asked when one is slow [default: those in the file
    /// `nodes` of --identity, which is kept up to date] [env: TENURE_NODES]
    #[arg(long, global = true, value_name = "HOST:PORT", value_delimiter = ',', value_parser = address)]
    pub node: Vec<String>,
    /// Directory of user.pem, user.key, ca.pem and nodes [default: ~/.config/tenure if you have enrolled there, or else
    /// /etc/tenure/admin] [env: TENURE_IDENTITY]
    #[arg(long, global = true, value_name = "DIR")]
    pub identity: Option<PathBuf>,
    /// How to answer
    #[arg(long, global = true, value_enum, default_value = "table")]
    pub output: Output,
    /// Read what the asked node knows, even if it is behind
    #[arg(long, global = true)]
    pub stale: bool,
    /// How long to wait for a node's answer
    #[arg(long, global = true, value_name = "TIME", default_value = "20s", value_parser = time)]
    pub timeout: Duration,
    /// Identity of the request, to repeat one whose outcome is unknown
    #[arg(long, global = true, value_name = "ID", value_parser = request_id)]
    pub request_id: Option<u128>,
    /// What the nodes say meanwhile.
    #[arg(skip)]
    pub signing: crate::api::Signing,
    /// The members that they name.
    #[arg(skip)]
    pub members: crate::api::Named,
}

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a cluster file without a cluster, or also against the agents on the nodes
    #[command(after_help = "Example: tenure validate site.toml
         tenure validate --agents site.toml
With --agents, every node of the cluster is asked what its agents make of the resources that may live inside it.
Nothing is applied. Exits with 1 if something cannot be kept.")]
    Validate(Validate),
    /// Show what a cluster file changes, ask, and commit it
    #[command(after_help = "Example: tenure apply site.toml")]
    Apply(Apply),
    /// Print the declared cluster as a cluster file
    #[command(after_help = "Example: tenure export > site.toml")]
    Export,
    /// What is not as it should be, and the next command; who leads
    #[command(after_help = "Example: tenure status
         tenure status --all
         tenure status --on p1 --state starting
Without a leader, every known node is asked what it knows, and the exit code is 3. With --check it is 6 if something is wrong.")]
    Status(Status),
    /// Why a group is where it is: decisions and refusals, newest first
    #[command(after_help = "Example: tenure why web")]
    Why {
        /// The group
        group: String,
        /// How many records to show
        #[arg(long, default_value_t = 30)]
        limit: usize,
    },
    /// Why a group does not run on a server: every reason
    #[command(after_help = "Example: tenure why-not web --on p3")]
    WhyNot {
        /// The group
        group: String,
        /// The server
        #[arg(long = "on", value_name = "SERVER")]
        server: String,
    },
    /// What would happen, decided by the real planner and done to nothing
    #[command(after_help = "Example: tenure plan --lose p2
         tenure plan --lose-each
         tenure plan --apply site.toml --lose p1,p2
Several happen one after the other, in the order of this list, each after the cluster has come to rest.
Exits with 5 if something would not run.")]
    Plan(Plan),
    /// What each server has room for, and which losses would be survived
    #[command(after_help = "Example: tenure capacity")]
    Capacity,
    /// What was decided when, from the data directory of a stopped node or a copy of it
    #[command(after_help = "Example: tenure replay /var/lib/tenure --group web
         tenure replay /var/lib/tenure --at 4711")]
    Replay(Replay),
    /// What happened, and what happens
    #[command(after_help = "Example: tenure events --follow")]
    Events {
        /// Stay and print new ones
        #[arg(long, short)]
        follow: bool,
        /// Only after this log index
        #[arg(long, value_name = "INDEX")]
        since: Option<u64>,
        /// Only what is about this group
        #[arg(long, value_name = "GROUP")]
        group: Option<String>,
        /// Only what is about this server
        #[arg(long, value_name = "SERVER")]
        on: Option<String>,
    },
    /// Service groups
    #[command(subcommand)]
    Group(Group),
    /// Resources of groups: LPARs, and what lives inside nodes
    #[command(subcommand, visible_alias = "lpar")]
    Resource(Resource),
    /// Agents: which ones a node has, and what one can be told
    #[command(subcommand)]
    Agent(Agent),
    /// HMCs: whether they answer, and log in again to one that refused it
    #[command(subcommand)]
    Hmc(Hmc),
    /// Services: groups in tiers, started and stopped as one
    #[command(subcommand)]
    Service(Service),
    /// Physical servers, and their maintenance
    #[command(subcommand)]
    Server(Server),
    /// Proof that a server is off
    #[command(subcommand)]
    Fence(Fence),
    /// Who leads
    #[command(subcommand)]
    Leader(Leader),
    /// Nodes of the consensus group
    #[command(subcommand)]
    Node(Node),
    /// People and programs that use the cluster, and what they may do
    #[command(subcommand)]
    User(User),
    /// Who did what, and what was refused; checks that no record is missing or changed
    #[command(after_help = "Example: tenure audit --since 24h
         tenure audit --output json > audit.jsonl")]
    Audit {
        /// Only records of this last time, or after this number
        #[arg(long, value_name = "TIME|NUMBER", value_parser = super::audit::since)]
        since: Option<super::audit::Since>,
    },
    /// Logs of nodes: how much they tell
    #[command(subcommand)]
    Log(Log),
    /// Help for those who are to find out what happened
    #[command(subcommand)]
    Debug(Debug),
    /// The certificate authority of the cluster, and when certificates end
    #[command(subcommand)]
    Authority(Authority),
    /// Images of the cluster's state in files
    #[command(subcommand)]
    Backup(Backup),
    /// Who you are to the cluster, and what you may do
    #[command(after_help = "Example: tenure whoami")]
    Whoami,
    /// The cluster itself
    #[command(subcommand)]
    Cluster(Cluster),
    /// Print what a shell needs to complete the commands of `tenure`
    #[command(after_help = "Example: tenure completions bash > /usr/share/bash-completion/completions/tenure
The packages install those of bash, zsh and fish.")]
    Completions {
        /// The shell
        shell: super::generated::Shell,
    },
    /// Write the manual pages of `tenure` and `tenured` into a directory
    #[command(hide = true, after_help = "Example: tenure manual target/package/man")]
    Manual {
        /// The directory
        directory: PathBuf,
    },
}

/// `tenure status`.
#[derive(Debug, clap::Args)]
pub struct Status {
    /// Everything, also what is as it should be
    #[arg(long)]
    pub all: bool,
    /// For monitoring: only the verdict; exits with 6 if something is wrong
    #[arg(long, conflicts_with_all = ["all", "watch"])]
    pub check: bool,
    /// Look again every two seconds, until interrupted
    #[arg(long, short)]
    pub watch: bool,
    /// Which part of it
    #[command(flatten)]
    pub filter: Filter,
}

/// A part of what there is.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Filter {
    /// Only what is on this server
    #[arg(long, value_name = "SERVER")]
    pub on: Option<String>,
    /// Only what is in this state: online, pending, ready, Running, silent, ...
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// Only this group, and what belongs to it
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Only what is not as it should be
    #[arg(long)]
    pub problems: bool,
}

impl Filter {
    /// Whether it leaves anything out.
    pub fn is_set(&self) -> bool {
        self.on.is_some() || self.state.is_some() || self.group.is_some() || self.problems
    }
}

/// `tenure plan`.
#[derive(Debug, clap::Args)]
pub struct Plan {
    /// What might happen
    #[command(flatten)]
    pub what: WhatIfs,
}

/// What might happen.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub struct WhatIfs {
    /// A cluster file is applied
    #[arg(long, value_name = "FILE")]
    pub apply: Option<PathBuf>,
    /// A group is brought online
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub online: Vec<GroupName>,
    /// A group is taken offline
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub offline: Vec<GroupName>,
    /// A group is stopped and started on another server
    #[arg(long, value_name = "GROUP:SERVER", value_delimiter = ',', value_parser = pair)]
    pub switch: Vec<(GroupName, ServerName)>,
    /// A group is moved to another server while it runs
    #[arg(long, value_name = "GROUP:SERVER", value_delimiter = ',', value_parser = pair)]
    pub migrate: Vec<(GroupName, ServerName)>,
    /// A server is drained
    #[arg(long, value_name = "SERVER", value_delimiter = ',')]
    pub drain: Vec<ServerName>,
    /// Servers lose power, all at once
    #[arg(long, value_name = "SERVER", value_delimiter = ',')]
    pub lose: Vec<String>,
    /// Each server loses power, one by one and by itself: a table of all
    #[arg(long, conflicts_with_all = ["apply", "online", "offline", "switch", "migrate", "drain", "lose"])]
    pub lose_each: bool,
}

/// `tenure replay`.
#[derive(Debug, clap::Args)]
pub struct Replay {
    /// The data directory of a stopped node, or a copy of it
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// Everything about the entry at this log index
    #[arg(long, value_name = "INDEX", conflicts_with_all = ["from", "to", "group"])]
    pub at: Option<u64>,
    /// List from this log index on
    #[arg(long, value_name = "INDEX")]
    pub from: Option<u64>,
    /// List up to this log index
    #[arg(long, value_name = "INDEX")]
    pub to: Option<u64>,
    /// Only what concerns this group
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
}

/// `tenure validate`.
#[derive(Debug, clap::Args)]
pub struct Validate {
    /// The cluster file
    pub file: PathBuf,
    /// Ask the nodes of the cluster what their agents make of it, too
    #[arg(long)]
    pub agents: bool,
    /// Have a node of the cluster log in to the HMCs, once
    #[arg(long)]
    pub managers: bool,
}

/// `tenure apply`.
#[derive(Debug, clap::Args)]
pub struct Apply {
    /// The cluster file
    pub file: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Apply it even if running things are stranded
    #[arg(long)]
    pub strand: bool,
    /// Do not have a node log in to HMCs that are new or declared otherwise
    #[arg(long)]
    pub no_check: bool,
}

/// Waiting for what was asked.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Wait {
    /// Wait until it is so
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "10m",
          value_parser = time)]
    pub wait: Option<Duration>,
}

/// A dangerous command, and that somebody meant it.
#[derive(Clone, Debug, clap::Args)]
pub struct Sure {
    /// For scripts: the name once more, instead of being asked
    #[arg(long, value_name = "NAME")]
    pub yes_i_checked: Option<String>,
}

/// `tenure fence`.
#[derive(Debug, Subcommand)]
pub enum Fence {
    /// Assert that a server is off, after you have seen it
    #[command(after_help = "Example: tenure fence confirm p3
What runs on a server that is asserted off is started elsewhere. If the server runs after all, disks are written twice.")]
    Confirm {
        /// The server
        server: ServerName,
        /// Whether it is meant
        #[command(flatten)]
        sure: Sure,
    },
    /// Assert that the LPAR of a node is off, after you have seen it
    #[command(after_help = "Example: tenure fence confirm-node n3
What lives inside a node that is asserted off is started elsewhere. If the node runs after all, it runs twice, and file systems
are written twice. Managed LPARs of its server are left alone.")]
    ConfirmNode {
        /// The node
        #[arg(value_name = "NODE")]
        name: NodeName,
        /// Whether it is meant
        #[command(flatten)]
        sure: Sure,
    },
}

/// `tenure leader`.
#[derive(Debug, Subcommand)]
pub enum Leader {
    /// Who leads
    #[command(after_help = "Example: tenure leader show")]
    Show,
    /// Let another node lead
    #[command(after_help = "Example: tenure leader transfer p2")]
    Transfer {
        /// The node; any other voter if absent
        #[arg(value_name = "NODE")]
        to: Option<String>,
    },
}

/// `tenure node`.
#[derive(Debug, Subcommand)]
pub enum Node {
    /// List the members
    #[command(after_help = "Example: tenure node list")]
    List,
    /// Add a node as a learner
    #[command(after_help = "Example: tenure node add p4 --address p4.site:7100")]
    Add {
        /// The node
        name: String,
        /// Where the other nodes reach it
        #[arg(long, value_name = "HOST:PORT", value_parser = address)]
        address: String,
    },
    /// Remove a node
    #[command(after_help = "Example: tenure node remove p4
Says how many nodes may fail afterwards, and asks. Without a terminal it needs --yes.")]
    Remove {
        /// The node
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Let a learner vote, once it has caught up
    #[command(after_help = "Example: tenure node promote p4
The leader gives votes by itself, to as many nodes as should vote; this one may be one more.")]
    Promote {
        /// The node
        name: String,
    },
    /// Stop a node for a while; what lives inside it stays up, and is left alone until the node is back
    #[command(after_help = "Example: tenure node stop p2 --for upgrade
Groups that would be cut off while it is silent are frozen until it is back. It hands the leadership over first.
It does not start again by itself: `systemctl start tenured` there.")]
    Stop {
        /// The node
        name: String,
        /// What for
        #[arg(long = "for", value_enum, value_name = "WHAT")]
        purpose: StopPurpose,
    },
    /// Make a token with which a new node joins
    #[command(after_help = "Example: tenure node token p4")]
    Token {
        /// The node
        name: String,
    },
}

/// What a node is stopped for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StopPurpose {
    /// It gets another version of the program.
    Upgrade,
}

/// What was probably meant by a command line that is not understood.
pub fn tip(line: impl Iterator<Item = String>) -> Option<String> {
    let words: Vec<String> = line.collect();
    let value = words.iter().zip(words.iter().skip(1)).find(|(option, _)| *option == "--wait").map(|(_, value)| value);
    let value = value.filter(|value| time(value).is_ok())?;
    Some(format!("write --wait={value}"))
}

fn time(text: &str) -> Result<Duration, String> {
    let span = tenure_config::span(text).ok_or("write a time such as 500ms, 30s, 5m")?;
    if span.0 == 0 { Err("the time is zero".to_owned()) } else { Ok(Duration::from_millis(span.0)) }
}

fn address(text: &str) -> Result<String, String> {
    if is_address(text) { Ok(text.to_owned()) } else { Err("write HOST:PORT".to_owned()) }
}

fn pair(text: &str) -> Result<(GroupName, ServerName), String> {
    let pair = text.split_once(':').filter(|(group, server)| !group.is_empty() && !server.is_empty());
    pair.map(|(group, server)| (group.into(), server.into())).ok_or_else(|| "write GROUP:SERVER".to_owned())
}

fn request_id(text: &str) -> Result<u128, String> {
    let id = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32);
    id.ok_or_else(|| "write the 32 hexadecimal digits that the first attempt named".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn a_time_to_wait_is_written_with_its_option() {
        let tip = |line: &str| tip(line.split(' ').map(str::to_owned));
        assert_eq!(tip("tenure group online web --wait 5m").as_deref(), Some("write --wait=5m"));
        assert_eq!(tip("tenure group online --wait web"), None);
        assert_eq!(tip("tenure group online web --wiat"), None);
    }

    #[test]
    fn an_address_has_a_port() {
        for wrong in ["127.0.0.1", "p1:", ":7101", "p1:x", "p1:0", "nonsense"] {
            assert_eq!(address(wrong), Err("write HOST:PORT".to_owned()), "{wrong}");
        }
        for right in ["p1:7101", "10.0.0.1:7101", "[::1]:7101"] {
            assert_eq!(address(right).as_deref(), Ok(right));
        }
    }

    #[test]
    fn arguments_are_consistent_and_no_command_shadows_a_global_one() {
        let mut command = Args::command();
        command.clone().debug_assert();
        command.build();
        let globals: Vec<String> = command.get_arguments().map(|arg| arg.get_id().to_string()).collect();
        let mut open: Vec<&clap::Command> = command.get_subcommands().collect();
        while let Some(command) = open.pop() {
            open.extend(command.get_subcommands());
            let own = command.get_arguments().filter(|arg| !arg.is_global_set());
            for arg in own.filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
                assert!(!globals.contains(&arg.get_id().to_string()), "{}: {}", command.get_name(), arg.get_id());
            }
        }
    }
}
