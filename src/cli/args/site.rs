//! `tenure resource`, `service`, `server`, `cluster`.

use super::{Filter, Said, Sure, Wait};
use clap::Subcommand;
use std::path::PathBuf;
use tenure_core::{HmcName, ResourceName, ServerName, ServiceName};

/// `tenure resource`.
#[derive(Debug, Subcommand)]
pub enum Resource {
    /// List the resources
    #[command(after_help = "Example: tenure resource list
         tenure resource list --on p1 --problems")]
    List(Filter),
    /// Everything about one resource
    #[command(after_help = "Example: tenure resource show web1")]
    Show {
        /// The resource
        resource: ResourceName,
    },
    /// Bring one resource of a group online
    #[command(after_help = "Example: tenure resource online ip1")]
    Online {
        /// The resource
        resource: ResourceName,
        /// Whether to wait
        #[command(flatten)]
        wait: Wait,
    },
    /// Take one resource of a group offline, and keep it so
    #[command(after_help = "Example: tenure resource offline ip1 --propagate")]
    Offline {
        /// The resource
        resource: ResourceName,
        /// With everything that requires it
        #[arg(long)]
        propagate: bool,
        /// Whether to wait
        #[command(flatten)]
        wait: Wait,
    },
    /// What its agent tells people of a resource
    #[command(after_help = "Example: tenure resource info ip1
         tenure resource info ip1 --on p2")]
    Info {
        /// The resource
        resource: ResourceName,
        /// On this server; where its group is, if absent
        #[arg(long, value_name = "SERVER")]
        on: Option<String>,
    },
    /// Have its agent do something else to a resource
    #[command(after_help = "Example: tenure resource action printer1 flush
         tenure resource action db1 snapshot nightly --on p2
What there is, and what it is told, is the agent's: see `tenure agent show AGENT`.
If no answer comes, it may have been done: it is not tried again by itself.")]
    Action {
        /// The resource
        resource: ResourceName,
        /// What is to be done
        token: String,
        /// What that is told
        #[arg(value_name = "ARG")]
        arguments: Vec<String>,
        /// On this server; where its group is, if absent
        #[arg(long, value_name = "SERVER")]
        on: Option<String>,
    },
    /// Stop a resource and start it again in place
    #[command(after_help = "Example: tenure resource restart web1")]
    Restart {
        /// The resource
        resource: ResourceName,
    },
}

/// `tenure agent`.
#[derive(Debug, Subcommand)]
pub enum Agent {
    /// List the agents that a node has
    #[command(after_help = "Example: tenure agent list
         tenure agent list --at p2
Units of systemd are not listed; any can be named: systemd:nginx.service.")]
    List {
        /// This node's; those of the node that answers, if absent
        #[arg(long, value_name = "NODE")]
        at: Option<String>,
    },
    /// What an agent can be told, and how long it may take
    #[command(after_help = "Example: tenure agent show ocf:heartbeat:IPaddr2")]
    Show {
        /// The agent, as in the type of a resource
        agent: String,
        /// This node's; that of the node that answers, if absent
        #[arg(long, value_name = "NODE")]
        at: Option<String>,
    },
}

/// `tenure service`.
#[derive(Debug, Subcommand)]
pub enum Service {
    /// List the services
    #[command(after_help = "Example: tenure service list")]
    List,
    /// The tiers of a service
    #[command(after_help = "Example: tenure service show shop")]
    Show {
        /// The service
        service: ServiceName,
    },
    /// Start a service, tier by tier
    #[command(after_help = "Example: tenure service online shop --wait")]
    Online {
        /// The service
        service: ServiceName,
        /// Whether to wait
        #[command(flatten)]
        wait: Wait,
    },
    /// Stop a service, the last tier first
    #[command(after_help = "Example: tenure service offline shop")]
    Offline {
        /// The service
        service: ServiceName,
        /// Whether to wait
        #[command(flatten)]
        wait: Wait,
    },
}

/// `tenure server`.
#[derive(Debug, Subcommand)]
pub enum Server {
    /// List the servers, and what is kept back on them
    #[command(after_help = "Example: tenure server list
         tenure server list --problems")]
    List(Filter),
    /// Everything about one server
    #[command(after_help = "Example: tenure server show p1")]
    Show {
        /// The server
        server: ServerName,
    },
    /// Empty a server and keep it empty
    #[command(after_help = "Example: tenure server drain p1 --wait=30m
         tenure server drain p1 --reason 'new DIMM' --until 4h")]
    Drain {
        /// The server
        server: ServerName,
        /// Why, and until when
        #[command(flatten)]
        said: Said,
        /// Whether to wait
        #[command(flatten)]
        wait: Wait,
    },
    /// Let a drained server take work again
    #[command(after_help = "Example: tenure server undrain p1 --bring-back")]
    Undrain {
        /// The server
        server: ServerName,
        /// And bring back what the drain took away
        #[arg(long)]
        bring_back: bool,
    },
    /// Give a server no new work; what runs there stays
    #[command(after_help = "Example: tenure server freeze p1
         tenure server freeze p1 --reason 'flaky adapter' --until 2026-12-01T06:00Z")]
    Freeze {
        /// The server
        server: ServerName,
        /// Why, and until when
        #[command(flatten)]
        said: Said,
    },
    /// Give it work again
    #[command(after_help = "Example: tenure server unfreeze p1")]
    Unfreeze {
        /// The server
        server: ServerName,
    },
    /// Empty a server by each group's shutdown policy, so that it may be powered off
    #[command(after_help = "Example: tenure server shutdown p1
Groups that cannot move are stopped, and start again when the server is back and undrained.")]
    Shutdown {
        /// The server
        server: ServerName,
        /// Why, and until when
        #[command(flatten)]
        said: Said,
        /// Whether it is meant
        #[command(flatten)]
        sure: Sure,
        /// Whether to wait
        #[command(flatten)]
        wait: Wait,
    },
    /// End the quarantine of a server that came back too often
    #[command(after_help = "Example: tenure server release p1")]
    Release {
        /// The server
        server: ServerName,
    },
    /// An order in which all servers can be drained one after the other, or why there is none
    #[command(after_help = "Example: tenure server rolling
Exits with 5 if there is no such order.")]
    Rolling,
}

/// `tenure hmc`.
#[derive(Debug, Subcommand)]
pub enum Hmc {
    /// List the HMCs: whether they answer, whom, and how fast
    #[command(after_help = "Example: tenure hmc list")]
    List,
    /// Everything about one HMC, and what each node last heard of it
    #[command(after_help = "Example: tenure hmc show hmc1")]
    Show {
        /// The HMC
        hmc: HmcName,
    },
    /// Have every node that uses an HMC ask it something now
    #[command(after_help = "Example: tenure hmc check hmc1
No node logs in that must not. Exits with 6 if one gets no answer.")]
    Check {
        /// The HMC
        hmc: HmcName,
    },
    /// Log in again now to an HMC that refused it
    #[command(after_help = "Example: tenure hmc retry hmc1
One node tries, once. If it is let in, all nodes log in again; `tenure status` says so.")]
    Retry {
        /// The HMC
        hmc: HmcName,
    },
}

/// `tenure cluster`.
#[derive(Debug, Subcommand)]
pub enum Cluster {
    /// Found a cluster on this machine: authority, first node, administrator
    #[command(after_help = "Example: tenure cluster init --name site --config /etc/tenure/tenured.toml")]
    Init(Init),
    /// The order in which nodes get another version, and the last step: to use what is new in it
    #[command(after_help = "Example: tenure cluster upgrade --plan
         tenure cluster upgrade --raise
Without options it shows the plan. Exits with 1 if no node can be stopped now.")]
    Upgrade(Upgrade),
    /// Start, stop, move, fence and grant nothing in the whole cluster
    #[command(after_help = "Example: tenure cluster disarm
         tenure cluster disarm --reason 'network work' --until 30m
Nothing is failed over while the cluster is disarmed.")]
    Disarm {
        /// Why, and until when
        #[command(flatten)]
        said: Said,
        /// Whether it is meant
        #[command(flatten)]
        sure: Sure,
    },
    /// Act again
    #[command(after_help = "Example: tenure cluster arm")]
    Arm,
    /// Fail over again after a storm, in which many servers were lost at once
    #[command(after_help = "Example: tenure cluster resume")]
    Resume {
        /// Whether it is meant
        #[command(flatten)]
        sure: Sure,
    },
}

/// `tenure cluster upgrade`.
#[derive(Debug, clap::Args)]
pub struct Upgrade {
    /// Show the order, and what lives inside each node
    #[arg(long, conflicts_with = "raise")]
    pub plan: bool,
    /// Use what is new, once every node runs the new version: there is no way back to an older one
    #[arg(long)]
    pub raise: bool,
    /// Do not ask
    #[arg(long, requires = "raise")]
    pub yes: bool,
}

/// `tenure cluster init`.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// Name of the cluster
    #[arg(long)]
    pub name: String,
    /// The first node's tenured.toml, which names the node and its data directory
    #[arg(long, value_name = "FILE", default_value = "/etc/tenure/tenured.toml")]
    pub config: PathBuf,
}
