//! Pieces of a cluster file in scenarios: overlaid on the declared cluster, and parsed as in the product.

use std::collections::BTreeMap;
use tenure_config::{cluster, export};
use tenure_core::{NodeName, config::Cluster};
use toml::{Table, Value};

/// Prefix of a line of a cluster file.
pub(super) const MARK: &str = "|";

/// A line of a cluster file without its mark.
pub(super) fn unmarked(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(MARK)?;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

/// Overlays a piece of a cluster file on a cluster, table by table. It names nodes by their parts.
///
/// # Errors
/// The errors of the piece, as the product reports them.
pub(super) fn patched(cluster: &Cluster, piece: &str, parts: &BTreeMap<String, NodeName>) -> Result<Cluster, String> {
    let mut over: Table = piece.parse().map_err(|why: toml::de::Error| why.to_string())?;
    if let Some(Value::Table(nodes)) = over.get_mut("nodes") {
        let called = |name: String| parts.get(&name).map_or_else(|| name.clone(), ToString::to_string);
        *nodes = std::mem::take(nodes).into_iter().map(|(name, node)| (called(name), node)).collect();
    }
    let mut file: Table = export(cluster).parse().map_err(|why: toml::de::Error| why.to_string())?;
    lay_over(&mut file, over);
    cluster::parse("cluster", &file.to_string()).map_err(|problems| format!("\n{}", problems.fancy(false)))
}

fn lay_over(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => lay_over(under, over),
            (_, value) => drop(under.insert(key, value)),
        }
    }
}
