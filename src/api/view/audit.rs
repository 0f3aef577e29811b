//! Records of the audit, to and from what is shown of them.

use super::time;
use crate::api::wire::AuditView;
use tenure_core::{
    Time,
    audit::{AuditRecord, Who},
    trust::{Hash, Origin},
};

impl AuditView {
    /// A record, with what differs in the configuration.
    pub fn of(record: &AuditRecord, changed: Vec<String>) -> Self {
        let (user, id, node) = match &record.who {
            Who::User(name, id) => (Some(name.clone()), Some(*id), None),
            Who::Node(node) => (None, None, Some(node.to_string())),
        };
        AuditView {
            number: record.number,
            index: record.index,
            at: time(record.at),
            user,
            id,
            node,
            address: record.from.address,
            at_node: record.from.node.as_ref().map(ToString::to_string),
            what: record.what.clone(),
            refused: record.refused.clone(),
            changed,
            hash: record.hash.to_string(),
        }
    }

    /// The hash that it must have after another one, in hexadecimal digits; `None` if it is no record at all.
    pub fn expected(&self, before: Option<&str>) -> Option<String> {
        let at: jiff::Timestamp = self.at.parse().ok()?;
        let who = match (&self.user, self.id, &self.node) {
            (Some(user), Some(id), None) => Who::User(user.clone(), id),
            (None, None, Some(node)) => Who::Node(node.as_str().into()),
            _ => return None,
        };
        let before = match before {
            Some(text) => Some(hash(text)?),
            None => None,
        };
        let record = AuditRecord {
            number: self.number,
            index: self.index,
            at: Time(u64::try_from(at.as_millisecond()).ok()?),
            who,
            from: Origin { address: self.address, node: self.at_node.as_deref().map(Into::into) },
            what: self.what.clone(),
            refused: self.refused.clone(),
            hash: Hash([0; 32]),
        };
        Some(record.expected(before).to_string())
    }
}

fn hash(text: &str) -> Option<Hash> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(Hash(bytes))
}
