//! `tenure group`.

use super::{Filter, Said, Wait};
use clap::Subcommand;
use tenure_core::{GroupName, ServerName};

/// `tenure group`.
#[derive(Debug, Subcommand)]
pub enum Group {
    /// List the groups
    #[command(after_help = "Example: tenure group list
         tenure group list --on p1 --problems")]
    List(Filter),
    /// Bring a group online
    #[command(after_help = "Example: tenure group online web --wait=5m")]
    Online {
        /// The group
        group: GroupName,
        /// The server, if not where policy says
        #[arg(long = "on", value_name = "SERVER")]
        server: Option<ServerName>,
        /// With the groups that it depends on
        #[arg(long)]
        propagate: bool,
        /// Whether to wait
        #[command(flatten)]
        wait: Wait,
    },
    /// Stop a group and keep it stopped
    #[command(after_help = "Example: tenure group offline web --wait")]
    Offline {
        /// The group
        group: GroupName,
        /// With the groups that depend on it, those first
        #[arg(long)]
        propagate: bool,
        /// Whether to wait
        #[command(flatten)]
        wait: Wait,
    },
    /// Stop a group and start it on another server
    #[command(after_help = "Example: tenure group switch web --to p2 --wait")]
    Switch {
        /// The group
        group: GroupName,
        /// The server
        #[arg(long = "to", value_name = "SERVER")]
        server: ServerName,
        /// Whether to wait
        #[command(flatten)]
        wait: Wait,
    },
    /// Move a group to another server while it runs
    #[command(after_help = "Example: tenure group migrate web --to p2 --wait")]
    Migrate {
        /// The group
        group: GroupName,
        /// The server
        #[arg(long = "to", value_name = "SERVER")]
        server: ServerName,
        /// Whether to wait
        #[command(flatten)]
        wait: Wait,
    },
    /// Give up the migration of a group: what is on its way is stopped, what has moved is moved back
    #[command(after_help = "Example: tenure group abort web")]
    Abort {
        /// The group
        group: GroupName,
    },
    /// Order nothing more for a group until the next request; what is under way goes on
    #[command(after_help = "Example: tenure group flush web")]
    Flush {
        /// The group
        group: GroupName,
    },
    /// Let a group start again whose server went down and whose policy is to wait
    #[command(after_help = "Example: tenure group enable web")]
    Enable {
        /// The group
        group: GroupName,
    },
    /// Say that you have looked at the resources of a group that wait for that
    #[command(after_help = "Example: tenure group clear-admin-wait web --fault")]
    ClearAdminWait {
        /// The group
        group: GroupName,
        /// They count as failed; otherwise they are looked at again
        #[arg(long)]
        fault: bool,
    },
    /// Do nothing to a group, whatever happens
    #[command(after_help = "Example: tenure group freeze web
         tenure group freeze web --reason 'kernel patch, CHG1234' --until 18:00
To a group that is frozen, another reason or end is said in the same way.")]
    Freeze {
        /// The group
        group: GroupName,
        /// Why, and until when
        #[command(flatten)]
        said: Said,
    },
    /// Act on a group again
    #[command(after_help = "Example: tenure group unfreeze web")]
    Unfreeze {
        /// The group
        group: GroupName,
    },
    /// Say that you have checked what two copies of it have done that were active at the same time
    #[command(after_help = "Example: tenure group acknowledge web
What was written twice is for you to find: check its file systems and data bases first. Until then `tenure status` shows it.")]
    Acknowledge {
        /// The group
        group: GroupName,
    },
    /// Forget the faults of a group
    #[command(after_help = "Example: tenure group clear web --on p1")]
    Clear {
        /// The group
        group: GroupName,
        /// Only on this server
        #[arg(long = "on", value_name = "SERVER")]
        server: Option<ServerName>,
    },
}
