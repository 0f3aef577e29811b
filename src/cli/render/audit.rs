//! The audit.

use super::{Style, Tone, moment};
use crate::api::wire::AuditView;

/// A record, with what differs in the configuration below it.
pub fn audit(record: &AuditView, style: Style) -> String {
    let who = match (&record.user, &record.node) {
        (Some(user), _) => user.clone(),
        (None, Some(node)) => format!("node {node}"),
        (None, None) => "-".to_owned(),
    };
    let from = match (&record.address, &record.at_node) {
        (Some(address), Some(node)) => format!(" from {address} at {node}"),
        (Some(address), None) => format!(" from {address}"),
        (None, Some(node)) => format!(" at {node}"),
        (None, None) => String::new(),
    };
    let refused = record.refused.as_ref().map(|code| style.paint(Tone::Bad, &format!("  refused: {code}")));
    let mut out = format!(
        "{:>6}  {}  {who}{from}: {}{}\n",
        record.number,
        moment(&record.at),
        record.what,
        refused.unwrap_or_default()
    );
    for line in &record.changed {
        out.push_str(&format!("          {line}\n"));
    }
    out
}
