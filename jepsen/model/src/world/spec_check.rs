//! Checks that a specification describes a possible world. A world is built only from a checked specification.

use super::spec::{LparKind, WorldSpec};
use std::collections::BTreeSet;

/// Maximum number of servers, of HMCs, and of LPARs including VIO servers.
pub const WORLD_LIMIT: usize = 16_384;

/// Reason why a specification is rejected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum SpecError {
    /// A world needs a server.
    #[error("build world: it has no {0}")]
    Empty(&'static str),
    /// Too large.
    #[error("build world: more than {WORLD_LIMIT} {0}")]
    TooMany(&'static str),
    /// A name that is empty or used twice.
    #[error("build world: {kind} {name:?} is named twice, or not at all")]
    Name {
        /// Kind of the named object.
        kind: &'static str,
        name: String,
    },
    /// An LPAR on a server that does not exist.
    #[error("build world: LPAR {lpar:?} names server {server:?}, which does not exist or has no definition of it")]
    NoServer { lpar: String, server: String },
    /// An LPAR without any definition.
    #[error("build world: LPAR {0:?} is defined on no server, or twice on one")]
    Copies(String),
    /// An LPAR served by a VIO server that its server does not have.
    #[error("build world: LPAR {lpar:?} wants VIO server {vios} of {server:?}, which has {have}")]
    NoVios {
        lpar: String,
        /// The requested position.
        vios: u8,
        server: String,
        /// Number of VIO servers it has.
        have: u8,
    },
    /// A management LPAR as mobile, or an LPAR with only one server.
    #[error("build world: LPAR {0:?} cannot be mobile: it is no client, or has one server")]
    Immobile(String),
    /// A listed VIO server: these come with their server.
    #[error("build world: {0:?} is listed as a VIO server; write `vios = N` at its server")]
    ListedVios(String),
}

/// Checks names, references and sizes.
pub(super) fn check(spec: &WorldSpec) -> Result<(), SpecError> {
    sizes(spec)?;
    unique("HMC", spec.hmcs.iter().map(|h| h.name.clone()))?;
    unique("server", spec.servers.iter().map(|s| s.name.clone()))?;
    unique("server", spec.servers.iter().map(|s| s.mtms()))?;
    let vios = spec.servers.iter().flat_map(|s| (1..=s.vios).map(move |n| format!("{}-vios{n}", s.name)));
    unique("LPAR", spec.lpars.iter().map(|l| l.name.clone()).chain(vios))?;
    lpars(spec)
}

fn sizes(spec: &WorldSpec) -> Result<(), SpecError> {
    let partitions = spec.lpars.len() + spec.servers.iter().map(|s| usize::from(s.vios)).sum::<usize>();
    if spec.servers.is_empty() {
        return Err(SpecError::Empty("server"));
    }
    for (what, count) in [("HMCs", spec.hmcs.len()), ("servers", spec.servers.len()), ("LPARs", partitions)] {
        if count > WORLD_LIMIT {
            return Err(SpecError::TooMany(what));
        }
    }
    Ok(())
}

fn unique(kind: &'static str, names: impl Iterator<Item = String>) -> Result<(), SpecError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() || seen.contains(&name) {
            return Err(SpecError::Name { kind, name });
        }
        seen.insert(name);
    }
    Ok(())
}

fn lpars(spec: &WorldSpec) -> Result<(), SpecError> {
    for lpar in &spec.lpars {
        if lpar.kind == LparKind::Vios {
            return Err(SpecError::ListedVios(lpar.name.clone()));
        }
        if lpar.mobile && (lpar.kind != LparKind::Client || lpar.servers.len() < 2) {
            return Err(SpecError::Immobile(lpar.name.clone()));
        }
        let distinct: BTreeSet<_> = lpar.servers.iter().collect();
        if distinct.is_empty() || distinct.len() != lpar.servers.len() {
            return Err(SpecError::Copies(lpar.name.clone()));
        }
        if let Some(server) = lpar.running_on.as_ref().filter(|s| !lpar.servers.contains(s)) {
            return Err(SpecError::NoServer { lpar: lpar.name.clone(), server: server.clone() });
        }
        for name in &lpar.servers {
            let server = spec.servers.iter().find(|s| s.name == *name);
            let server = server.ok_or_else(|| SpecError::NoServer { lpar: lpar.name.clone(), server: name.clone() })?;
            if let Some(&vios) = lpar.vios.iter().flatten().find(|&&v| v >= server.vios) {
                return Err(SpecError::NoVios {
                    lpar: lpar.name.clone(),
                    vios,
                    server: name.clone(),
                    have: server.vios,
                });
            }
        }
    }
    Ok(())
}
