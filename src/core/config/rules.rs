//! Rules between groups: where they may stand to each other, and what they are together.

use crate::{GroupName, ServerName, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A placement rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementRule {
    /// What it asks.
    pub asks: Asks,
    /// The groups that it is about.
    pub groups: BTreeSet<GroupName>,
    /// Never broken by a move of ours; otherwise kept where that leaves nothing stopped.
    pub strict: bool,
}

/// What a placement rule asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asks {
    /// All on one server.
    Together,
    /// Each on a server of its own.
    Apart,
    /// On one of these servers.
    On(BTreeSet<ServerName>),
    /// On none of these servers.
    NotOn(BTreeSet<ServerName>),
}

/// A named service: groups in tiers, started and stopped as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The tiers, the one that starts first (the data base, say) first.
    pub tiers: Vec<Tier>,
}

/// One tier of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Tier {
    pub groups: Vec<GroupName>,
    /// What a fault of the tier below does to this one. Of no meaning for the first.
    pub link: TierLink,
}

/// What a fault of the tier below does to a tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TierLink {
    /// Nothing.
    #[default]
    Soft,
    /// It is stopped, and started when the tier below is online again.
    Firm,
    /// It runs on, and is restarted when the tier below is online again.
    Restart,
}

/// How many failures must be survived.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Any so many servers may be lost, and all that is online still fits.
    pub servers: u32,
    /// All those within one zone.
    pub within_zone: bool,
    /// Only warn when the proof fails, instead of refusing.
    pub warn: bool,
}

/// What keeps the cluster from doing too much at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brakes {
    /// Starts under way on one server; of this and the next three, zero is no bound.
    pub starts: u32,
    /// Stops under way on one server.
    pub stops: u32,
    /// Moves of running LPARs under way from or to one server.
    pub migrations: u32,
    /// Orders of all kinds under way through one HMC.
    pub per_manager: u32,
    /// So many servers proven off within `storm_window` stop all failover until an administrator says go on; zero: never.
    pub storm: u32,
    /// The time in which they are counted.
    pub storm_window: Span,
    /// So many returns of one server within `flap_window` keep it in quarantine; zero: never.
    pub flaps: u32,
    /// The time in which returns are counted.
    pub flap_window: Span,
    /// How long a server stays in quarantine.
    pub quarantine: Span,
    /// Whether more important groups may push less important ones off a server.
    pub preempt: bool,
}

impl Default for Brakes {
    fn default() -> Self {
        Brakes {
            starts: 4,
            stops: 8,
            migrations: 2,
            per_manager: 16,
            storm: 0,
            storm_window: Span::seconds(300),
            flaps: 3,
            flap_window: Span::seconds(3600),
            quarantine: Span::seconds(1800),
            preempt: false,
        }
    }
}
