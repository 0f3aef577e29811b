//! Names as types, so that a server can never be passed where a node is meant.

use serde::{Deserialize, Serialize};
use std::{borrow::Borrow, fmt, sync::Arc};

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
        impl From<String> for $type {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A physical server, as the cluster file calls it.
    ServerName
);
name!(
    /// A management LPAR that runs `tenured`, or an arbiter.
    NodeName
);
name!(
    /// A service group.
    GroupName
);
name!(
    /// A resource of a group, as the cluster file calls it: a managed LPAR, or something inside a node.
    ResourceName
);
name!(
    /// A named service of groups in tiers.
    ServiceName
);
name!(
    /// A placement rule.
    RuleName
);
name!(
    /// A hardware management console.
    HmcName
);
