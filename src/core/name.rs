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
    /// Name of a physical server in the cluster file.
    ServerName
);
name!(
    /// Name of a node: a management LPAR that runs `tenured`, or an arbiter.
    NodeName
);
name!(
    /// Name of a service group.
    GroupName
);
name!(
    /// Name of a resource in the cluster file: a managed LPAR, or something inside a node.
    ResourceName
);
name!(
    /// Name of a service.
    ServiceName
);
name!(
    /// Name of a placement rule.
    RuleName
);
name!(
    /// Name of a hardware management console.
    HmcName
);
name!(
    /// Name of a user.
    UserName
);

/// Separates the name of a parallel group, or of a resource of one, from the server of an instance. No declared name
/// contains it.
pub const AT: char = '@';

/// An instance of a parallel group, or of a resource of one: `net@p1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance<'a> {
    /// The declared name.
    pub of: &'a str,
    /// The server that it belongs to, and never leaves.
    pub server: &'a str,
}

macro_rules! instances {
    ($($type:ident),+) => {$(
        impl $type {
            /// Name of its instance on a server.
            pub fn on(&self, server: &ServerName) -> $type {
                format!("{self}{AT}{server}").into()
            }

            /// Its parts, if this is the name of an instance.
            pub fn instance(&self) -> Option<Instance<'_>> {
                self.as_str().split_once(AT).map(|(of, server)| Instance { of, server })
            }

            /// The declared name: for an instance, that of the parallel group or its resource.
            pub fn declared(&self) -> &str {
                self.instance().map_or(self.as_str(), |instance| instance.of)
            }
        }
    )+};
}
instances!(GroupName, ResourceName);

/// A reference by name to anything that has one, with its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each holds its name
pub enum Thing<'a> {
    Group(&'a GroupName),
    Resource(&'a ResourceName),
    Service(&'a ServiceName),
    Server(&'a ServerName),
    Node(&'a NodeName),
    Hmc(&'a HmcName),
    User(&'a UserName),
}

impl<'a> Thing<'a> {
    /// Its kind, as the API calls it.
    pub fn kind(self) -> &'static str {
        match self {
            Thing::Group(_) => "group",
            Thing::Resource(_) => "resource",
            Thing::Service(_) => "service",
            Thing::Server(_) => "server",
            Thing::Node(_) => "node",
            Thing::Hmc(_) => "hmc",
            Thing::User(_) => "user",
        }
    }

    /// Its name.
    pub fn name(self) -> &'a str {
        match self {
            Thing::Group(name) => name.as_str(),
            Thing::Resource(name) => name.as_str(),
            Thing::Service(name) => name.as_str(),
            Thing::Server(name) => name.as_str(),
            Thing::Node(name) => name.as_str(),
            Thing::Hmc(name) => name.as_str(),
            Thing::User(name) => name.as_str(),
        }
    }
}
