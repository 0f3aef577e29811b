//! Maintenance in notes: what bounds and policies hold back, and in which words.

use super::{
    Asked, LeaveReason, NotHere,
    render::{join, whys},
};
use crate::{HmcName, ServerName};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{Display, Formatter, Result},
};

/// A bound on what is under way at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
#[rustfmt::skip]
pub enum Brake {
    Starts { server: ServerName, limit: u32 },
    Stops { server: ServerName, limit: u32 },
    Migrations { server: ServerName, limit: u32 },
    Hmc { hmc: HmcName, limit: u32 },
    /// Groups that leave a server, or are on their way to those that could take this one.
    Moves { server: ServerName },
}

/// What is not done while the cluster is disarmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Deed {
    Place,
    Start,
    Stop,
    Leave,
    Fence,
}

/// Why a group stays on a server that is being drained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Stay {
    /// Its declaration says that a drain leaves it alone.
    Declared,
    /// It is the instance of a parallel group on that very server.
    Instance,
    Frozen,
    /// It was to be moved while it runs, and that failed.
    NotMoved,
    Nowhere(BTreeMap<ServerName, NotHere>),
}

/// Why the whole cluster holds back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ClusterWait {
    /// An operator disarmed it.
    Disarmed,
    /// Too many servers were lost at once.
    Storm { servers: BTreeSet<ServerName> },
}

impl LeaveReason {
    /// The server that the group is sent to, if it is sent to one.
    pub fn destination(&self) -> Option<&ServerName> {
        match self {
            LeaveReason::Drain(to) | LeaveReason::Return(to) | LeaveReason::Failback(to) | LeaveReason::Switch(to) => {
                Some(to)
            }
            LeaveReason::Fault | LeaveReason::Offline | LeaveReason::OnPurpose | LeaveReason::Park => None,
        }
    }
}

impl Asked {
    /// The server that was asked for, if it was about a server.
    pub fn server(&self) -> Option<&ServerName> {
        if let Asked::Drain { server, .. }
        | Asked::Shutdown { server }
        | Asked::Undrain { server, .. }
        | Asked::FreezeServer { server }
        | Asked::UnfreezeServer { server }
        | Asked::ReleaseServer { server } = self
        {
            Some(server)
        } else {
            None
        }
    }
}

impl Display for Brake {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Brake::Starts { server, limit } => write!(f, "its turn to start on {server} ({limit} at once)"),
            Brake::Stops { server, limit } => write!(f, "its turn to stop on {server} ({limit} at once)"),
            Brake::Migrations { server, limit } => write!(f, "its turn to be moved at {server} ({limit} at once)"),
            Brake::Hmc { hmc, limit } => write!(f, "its turn at {hmc} ({limit} orders at once)"),
            Brake::Moves { server } => write!(f, "its turn to leave {server}"),
        }
    }
}

impl Display for Deed {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Deed::Place | Deed::Start => "started",
            Deed::Stop => "stopped",
            Deed::Leave => "moved",
            Deed::Fence => "moved once its server is powered off for certain",
        })
    }
}

impl Display for Stay {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Stay::Declared => f.write_str("evacuate = false"),
            Stay::Instance => f.write_str("it is the one that belongs there"),
            Stay::NotMoved => f.write_str("its move failed; move or switch it by hand"),
            Stay::Frozen => f.write_str("it is frozen"),
            Stay::Nowhere(why) => write!(f, "no server can take it: {}", whys(why)),
        }
    }
}

impl Display for ClusterWait {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            ClusterWait::Disarmed => {
                f.write_str("DISARMED: nothing is started, stopped, moved or fenced; `tenure cluster arm`")
            }
            ClusterWait::Storm { servers } => write!(
                f,
                "STORM: {} lost at about the same time; nothing is started elsewhere; `tenure cluster resume`",
                join(servers)
            ),
        }
    }
}
