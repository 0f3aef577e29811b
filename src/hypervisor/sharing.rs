//! What a manager says of all its systems, as one node tells it to another that asks the same manager.
//!
//! Promises: what is shared is exactly what the manager said. A word that could not be shown as it is, or that is longer
//! than any that is known, is not shared at all; then each node asks by itself.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tenure_core::{ForeignText, HmcName, config::Hmc};

/// Most systems that are shared: more than any manager has.
pub const SYSTEMS: usize = 1_000;
/// Most links to systems: each has up to two service processors.
pub const LINKS: usize = 2 * SYSTEMS;

/// A manager, as the node that asks knows it. One that has changed is another manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Which {
    /// Its name.
    pub hmc: HmcName,
    /// Its declaration.
    pub declared: Hmc,
}

/// Words of a manager about a system, in the order of their columns; `None` for one that it did not say.
pub type Row = [Option<ForeignText>; 4];

/// What a manager said of all its systems: asked for after the node was asked for it, the states before the links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Milliseconds since the states were asked for.
    pub age: u64,
    /// The systems.
    pub systems: Vec<Row>,
    /// The links to them.
    pub links: Vec<Row>,
}

/// The other nodes that ask the same managers.
#[async_trait]
pub trait Neighbours: Send + Sync {
    /// Has the node whose part that is ask a manager for all its systems, after this call. `None` if it is this node's
    /// part, or if that node does not tell it soon: then this node asks by itself.
    async fn ask(&self, which: &Which) -> Option<Told>;

    /// The shortest time between two questions for all systems of a manager, at rest.
    fn gap(&self, hmc: &HmcName) -> Duration;
}

/// A driver whose managers are asked by one node for others.
#[async_trait]
pub trait Sharing: Send + Sync {
    /// Has it ask its neighbours first, from now on.
    fn share_with(&self, neighbours: Arc<dyn Neighbours>);

    /// Asks a manager for all its systems, on behalf of another node: after this call, and never that other's neighbours.
    /// The error is the reason why there is no answer.
    async fn tell(&self, which: &Which) -> Result<Told, ForeignText>;
}
