//! The view: what the leader knows and need not replicate.

use crate::{Inside, NodeName, Reading, ServerName, Span};
use std::collections::BTreeMap;

/// What the leader knows of a node from its own monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// Whether this leader has heard the node at all. A new leader gives the benefit of the doubt to nodes that it has not
    /// heard, and takes none of them for back.
    pub heard: bool,
    /// How long the node has not been heard.
    pub silence: Span,
    /// Whether every lease that any leader may have granted to the node has certainly ended.
    pub lease_over: bool,
    /// Whether some HMC answers the node, by its [`Reach`](crate::reach::Reach).
    pub reaches_manager: bool,
}

/// What the leader knows and need not replicate. An empty view is a leader that has heard nothing yet.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Nodes that were heard, or missed.
    pub nodes: BTreeMap<NodeName, NodeView>,
    /// The newest reading of each server by its watcher. What came with a report is in the ledger, which knows the order.
    pub readings: BTreeMap<ServerName, Reading>,
    /// What each node said last of what lives inside it.
    pub inside: BTreeMap<NodeName, Inside>,
}
