//! The view: the leader's knowledge that is not replicated.

use crate::{Inside, NodeName, Reading, ServerName, Span};
use std::{collections::BTreeMap, sync::Arc};

/// The leader's knowledge of a node, by its own monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// Whether this leader has heard the node at all. A new leader gives the benefit of the doubt to nodes that it
    /// has not heard, and takes none of them back.
    pub heard: bool,
    /// Time since the node was last heard.
    pub silence: Span,
    /// Whether every lease that any leader may have granted to the node has certainly ended.
    pub lease_over: bool,
    /// Whether some HMC answers the node, by its [`Reach`](crate::reach::Reach).
    pub reaches_manager: bool,
}

/// The leader's knowledge that is not replicated. An empty view is that of a leader that has heard nothing yet.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Nodes that were heard, or missed.
    pub nodes: BTreeMap<NodeName, NodeView>,
    /// The newest reading of each server by its watcher. Those of reports are in the ledger, which knows their order.
    pub readings: BTreeMap<ServerName, Arc<Reading>>,
    /// The last look of each node at the resources inside it.
    pub inside: BTreeMap<NodeName, Arc<Inside>>,
}
