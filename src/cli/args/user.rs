//! `tenure user`.

use clap::{Subcommand, ValueEnum};
use std::path::PathBuf;
use tenure_core::trust;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Sees everything
    Reader,
    /// Starts, stops, moves, freezes and clears as well
    Operator,
    /// Changes the configuration as well; for the whole cluster, also members and users
    Administrator,
}

impl From<Role> for trust::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Reader => trust::Role::Reader,
            Role::Operator => trust::Role::Operator,
            Role::Administrator => trust::Role::Administrator,
        }
    }
}

/// The rights of a user.
#[derive(Debug, clap::Args)]
pub struct Rights {
    /// The role
    #[arg(long, value_enum)]
    pub role: Role,
    /// Only in these groups; seeing is not limited
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub groups: Vec<String>,
    /// They may choose the programs that nodes run: agents and what these are told, hooks, actions
    #[arg(long)]
    pub programs: bool,
}

/// `tenure user`.
#[derive(Debug, Subcommand)]
pub enum User {
    /// List the users
    #[command(after_help = "Example: tenure user list")]
    List,
    /// One user
    #[command(after_help = "Example: tenure user show bob")]
    Show {
        /// The user
        name: String,
    },
    /// Let a user in, and make a token with which they have their own key certified
    #[command(after_help = "Example: tenure user add bob --role operator --groups web,db
On their machine: tenure user enrol --token-file FILE --identity DIR")]
    Add {
        /// The user
        name: String,
        /// What they may do
        #[command(flatten)]
        rights: Rights,
    },
    /// Give a user other rights
    #[command(after_help = "Example: tenure user set bob --role reader")]
    Set {
        /// The user
        name: String,
        /// What they may do
        #[command(flatten)]
        rights: Rights,
    },
    /// Let a user in no more: at once, with every certificate and session
    #[command(after_help = "Example: tenure user remove bob")]
    Remove {
        /// The user
        name: String,
    },
    /// Your own new key and certificate; with a name, void that user's certificates and make a token for new ones
    #[command(after_help = "Example: tenure user renew
         tenure user renew bob    (bob has lost a key)")]
    Renew {
        /// The user; you, if absent
        name: Option<String>,
    },
    /// Make a token with which a user has a key certified, once
    #[command(after_help = "Example: tenure user token bob")]
    Token {
        /// The user
        name: String,
    },
    /// Make a token for a browser, that speaks for you for some hours
    #[command(after_help = "Example: tenure user session")]
    Session,
    /// On a node, as root: get a user in who cannot get in any more, such as the last administrator after a year abroad
    #[command(after_help = "Example: tenure user recover admin --identity /root/tenure-admin
It signs with the node's own copy of the authority's key. Once the cluster answers it is written into the audit.")]
    Recover {
        /// The user
        name: String,
        /// The node's tenured.toml
        #[arg(long, value_name = "FILE", default_value = "/etc/tenure/tenured.toml")]
        config: PathBuf,
    },
    /// Have a key of this machine certified with a token; the key stays here
    #[command(after_help = "Example: tenure user enrol --token-file bob.token --identity ~/.config/tenure")]
    Enrol {
        /// The file with the token; `-` reads standard input
        #[arg(long, value_name = "FILE", default_value = "-")]
        token_file: PathBuf,
    },
}

/// `tenure authority`.
#[derive(Debug, Subcommand)]
pub enum Authority {
    /// The authorities that are trusted, and when certificates end
    #[command(after_help = "Example: tenure authority show")]
    Show,
    /// Have another authority sign: when a node that held the key is in other hands, or the present one ends
    #[command(after_help = "Example: tenure authority rotate
Nothing stops for it. Every node trusts both, then the new one signs, then nodes renew their certificates, and users' clients at
their next use. The old one is trusted until nothing that it has signed is in use; `tenure authority retire` is faster.")]
    Rotate,
    /// Have an authority trusted no more: certificates that it has signed are void
    #[command(after_help = "Example: tenure authority retire 3f9c22
         tenure authority retire 3f9c22 --force    (users with older certificates are shut out)")]
    Retire {
        /// The first digits of its fingerprint
        authority: String,
        /// Even if users have certificates of it: they need a token then
        #[arg(long)]
        force: bool,
    },
}
