//! Placement rules, services, tolerance and brakes.

use crate::{GroupName, ServerName, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A placement rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementRule {
    /// The constraint.
    pub asks: Asks,
    /// The constrained groups.
    pub groups: BTreeSet<GroupName>,
    /// Whether no placement of ours ever breaks it; otherwise it is kept only where that leaves nothing stopped.
    pub strict: bool,
}

/// Constraint of a placement rule.
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
    /// The tiers in their start order, the lowest one (the data base, say) first.
    pub tiers: Vec<Tier>,
}

/// One tier of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Tier {
    pub groups: Vec<GroupName>,
    /// Effect of a fault of the tier below. Ignored for the first tier.
    pub link: TierLink,
}

/// Effect of a fault of the tier below on a tier.
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

/// Server losses to be tolerated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Number of servers: whichever are lost, all that is online still fits. Zero asks for nothing.
    pub servers: u32,
    /// Whether only losses within a single zone count.
    pub within_zone: bool,
    /// Whether a failed proof is only warned of, and not refused.
    pub warn: bool,
}

/// Limits on concurrent work, and the rules for storms, flapping servers and preemption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brakes {
    /// Starts under way on one server, each until it is carried out. Zero, here and for stops, migrations and managers, is a
    /// mistake ([`super::Rule::ZeroBrake`]).
    pub starts: u32,
    /// LPARs that are being started, or boot, on one server; zero: any number.
    pub boots: u32,
    /// Stops under way on one server.
    pub stops: u32,
    /// Moves of running LPARs under way from or to one server.
    pub migrations: u32,
    /// Orders of all kinds under way through one HMC.
    pub per_manager: u32,
    /// Number of servers proven off within `storm_window` that stops all failover until `cluster resume`; zero:
    /// never.
    pub storm: u32,
    /// Time within which lost servers are counted.
    pub storm_window: Span,
    /// Number of returns of one server within `flap_window` that puts it into quarantine; zero: never.
    pub flaps: u32,
    /// Time within which returns are counted.
    pub flap_window: Span,
    /// Time that a server stays in quarantine.
    pub quarantine: Span,
    /// Whether more important groups may preempt less important ones.
    pub preempt: bool,
}

impl Default for Brakes {
    fn default() -> Self {
        Brakes {
            starts: 4,
            boots: 0,
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
