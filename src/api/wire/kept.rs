//! What operators have said, and what they are yet to look at.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was said with a freeze, a drain or a disarm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptView {
    /// Who asked for it.
    pub by: String,
    /// The reason, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its beginning, RFC 3339 in UTC.
    pub since: String,
    /// Its end, if it ends by itself, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The times at which something of a group was active on several servers at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlapsView {
    /// The one that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<OverlapView>,
    /// Number of those that are over and not acknowledged.
    pub count: u32,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<OverlapView>,
    /// The one that lasted longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest: Option<OverlapView>,
    /// The last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<OverlapView>,
}

/// One time at which something was active on several servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlapView {
    /// When it was found, RFC 3339 in UTC.
    pub at: String,
    /// Milliseconds from then until no more than one was read active; until now, if it goes on.
    pub lasted_ms: u64,
    /// Whether all were active at the same time for certain. Otherwise one may have gone between two readings.
    pub certain: bool,
    /// The resources that were active, by server.
    pub copies: BTreeMap<String, Vec<String>>,
}
