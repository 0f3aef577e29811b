//! What operators ask. New fields are left out where they say nothing, so that an older node understands what it can do.

use serde::{Deserialize, Serialize};

/// Something that an operator asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// Bring a group online.
    Online {
        /// The group.
        group: String,
        /// Where, if not where policy says.
        server: Option<String>,
        /// With the groups that it depends on.
        #[serde(default, skip_serializing_if = "is_false")]
        propagate: bool,
    },
    /// Stop a group and keep it stopped.
    Offline {
        /// The group.
        group: String,
        /// With the groups that depend on it, those first.
        #[serde(default, skip_serializing_if = "is_false")]
        propagate: bool,
    },
    /// Stop a group and start it elsewhere.
    Switch {
        /// The group.
        group: String,
        /// Where to.
        server: String,
    },
    /// Move a group to another server while it runs.
    Migrate {
        /// The group.
        group: String,
        /// Where to.
        server: String,
    },
    /// Empty a server and keep it empty.
    Drain {
        /// The server.
        server: String,
    },
    /// Do nothing to a group.
    Freeze {
        /// The group.
        group: String,
    },
    /// Act again.
    Unfreeze {
        /// The group.
        group: String,
    },
    /// Forget faults.
    Clear {
        /// The group.
        group: String,
        /// On this server only.
        server: Option<String>,
    },
    /// Stop a resource and start it again in place.
    Restart {
        /// The resource; any, though it is called so.
        lpar: String,
    },
    /// Assert that a server is off.
    ConfirmOff {
        /// The server.
        server: String,
    },
    /// Assert that the LPAR of a node is off.
    ConfirmNodeOff {
        /// The node.
        node: String,
    },
    /// Give up the migration of a group.
    Abort {
        /// The group.
        group: String,
    },
    /// Order nothing more for a group until the next request.
    Flush {
        /// The group.
        group: String,
    },
    /// Let a group start again whose server was proven off and whose policy is to wait.
    Enable {
        /// The group.
        group: String,
    },
    /// An administrator has looked at the resources of a group that wait for that.
    ClearAdminWait {
        /// The group.
        group: String,
        /// They count as failed; otherwise they are looked at again.
        #[serde(default, skip_serializing_if = "is_false")]
        fault: bool,
    },
    /// Bring one resource of a group online.
    ResourceOnline {
        /// The resource.
        resource: String,
    },
    /// Take one resource of a group offline, and keep it so.
    ResourceOffline {
        /// The resource.
        resource: String,
        /// With everything that requires it.
        #[serde(default, skip_serializing_if = "is_false")]
        propagate: bool,
    },
    /// Start a service, tier by tier.
    ServiceOnline {
        /// The service.
        service: String,
    },
    /// Stop a service, the last tier first.
    ServiceOffline {
        /// The service.
        service: String,
    },
    /// Let a drained server take work again.
    Undrain {
        /// The server.
        server: String,
        /// And bring back what the drain took away.
        #[serde(default, skip_serializing_if = "is_false")]
        bring_back: bool,
    },
    /// Empty a server by each group's `shutdown` policy, so that it may be powered off.
    Shutdown {
        /// The server.
        server: String,
    },
    /// Give a server no new work; what runs there stays.
    FreezeServer {
        /// The server.
        server: String,
    },
    /// Give it work again.
    UnfreezeServer {
        /// The server.
        server: String,
    },
    /// End the quarantine of a server.
    ReleaseServer {
        /// The server.
        server: String,
    },
    /// Fail over again after a storm.
    Resume,
    /// Start, stop, move, fence and grant nothing in the whole cluster.
    Disarm,
    /// Act again.
    Arm,
    /// Try again now whether an HMC that refuses logins lets a node in.
    RetryHmc {
        /// The HMC.
        hmc: String,
    },
    /// Replace the declared cluster.
    Configure {
        /// The text of a cluster file.
        text: String,
        /// Even if running things are stranded.
        strand: bool,
        /// Refuse if the present cluster was not declared at this index.
        expect: Option<u64>,
    },
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's own
fn is_false(flag: &bool) -> bool {
    !*flag
}
