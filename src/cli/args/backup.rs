//! Arguments of `tenure backup`.

use super::Sure;
use clap::Subcommand;
use std::path::PathBuf;

/// `tenure backup`.
#[derive(Debug, Subcommand)]
pub enum Backup {
    /// Write an image of the cluster's state to a file, for its owner alone
    #[command(after_help = "Example: tenure backup save /root/site.backup
It needs an administrator of the whole cluster. The keys of the authorities are in it, each sealed for a node.")]
    Save {
        /// The file
        file: PathBuf,
    },
    /// Check a backup, and show what is in it; no cluster is asked
    #[command(after_help = "Example: tenure backup show /root/site.backup")]
    Show {
        /// The file
        file: PathBuf,
    },
    /// Take up a backup in a cluster that was just founded: what is declared, the users, and what operators said
    #[command(after_help = "Example: tenure backup restore /root/site.backup
Nothing that was true of a moment comes back: what runs is found by reading it. The cluster is disarmed afterwards, until each
declared node has joined or is proven off. Users need tokens for new certificates: `tenure user token NAME`.")]
    Restore {
        /// The file
        file: PathBuf,
        /// Whether it is meant
        #[command(flatten)]
        sure: Sure,
    },
}
