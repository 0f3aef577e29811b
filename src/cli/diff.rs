//! The differences between two cluster files: per object, per field. Works on the text of both, so that it needs no
//! knowledge of the meaning of fields.

use serde::Serialize;
use std::collections::BTreeSet;
use tenure_config::cluster::{NAMED, SINGLE};
use toml::{Table, Value};

/// An object that is added, removed or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Change {
    /// `groups`, `lpars`, …; empty for the file itself.
    pub section: String,
    pub name: String,
    /// Whether it is added, removed or changed.
    pub kind: ChangeKind,
    /// Its fields that differ; all of them for a new object.
    pub fields: Vec<FieldChange>,
}

/// The kind of change of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is only in the new file.
    Added,
    /// It is only in the present configuration.
    Removed,
    /// It is in both, and differs.
    Changed,
}

/// A field that differs. An absent value is the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Its name.
    pub field: String,
    /// Its old value.
    pub from: Option<String>,
    /// Its new value.
    pub to: Option<String>,
}

/// The differences between two cluster files, both as `export` writes them.
pub fn diff(from: &Table, to: &Table) -> Vec<Change> {
    let mut changes = Vec::new();
    let scalars = |table: &Table| -> Table {
        table.iter().filter(|(_, value)| !value.is_table()).map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    changes.extend(compare("", "cluster", Some(&scalars(from)), Some(&scalars(to))));
    let empty = Table::new();
    let section = |table: &'_ Table, name: &str| table.get(name).and_then(Value::as_table).unwrap_or(&empty).clone();
    for name in NAMED {
        let (old, new) = (section(from, name), section(to, name));
        for key in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            let object = |table: &Table| table.get(key).and_then(Value::as_table).cloned();
            changes.extend(compare(name, key, object(&old).as_ref(), object(&new).as_ref()));
        }
    }
    for name in SINGLE {
        changes.extend(compare("", name, Some(&section(from, name)), Some(&section(to, name))));
    }
    changes
}

fn compare(section: &str, name: &str, old: Option<&Table>, new: Option<&Table>) -> Option<Change> {
    let kind = match (old, new) {
        (None, _) => ChangeKind::Added,
        (Some(_), None) => ChangeKind::Removed,
        (Some(_), Some(_)) => ChangeKind::Changed,
    };
    let empty = Table::new();
    let (old, new) = (old.unwrap_or(&empty), new.unwrap_or(&empty));
    let mut fields = Vec::new();
    for field in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let (from, to) = (old.get(field).map(Value::to_string), new.get(field).map(Value::to_string));
        if from != to && kind != ChangeKind::Removed {
            fields.push(FieldChange { field: field.clone(), from, to });
        }
    }
    let same = kind == ChangeKind::Changed && fields.is_empty();
    (!same).then(|| Change { section: section.to_owned(), name: name.to_owned(), kind, fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(from: &str, to: &str) -> Vec<String> {
        let changes = diff(&from.parse().unwrap(), &to.parse().unwrap());
        let field = |one: &FieldChange| format!("{} {:?} {:?}", one.field, one.from.as_deref(), one.to.as_deref());
        let fields = |one: &Change| one.fields.iter().map(field).collect::<Vec<_>>().join(", ");
        changes.iter().map(|one| format!("{:?} {} {}: {}", one.kind, one.section, one.name, fields(one))).collect()
    }

    #[test]
    fn objects_and_fields() {
        let old = "name = \"s\"\n[groups.a]\nx = 1\n[groups.b]\ny = [1]\nz = 2\n[lpars.c]\n";
        assert_eq!(said(old, old), Vec::<String>::new());
        let new = "name = \"t\"\n[groups.b]\ny = [2]\n[groups.d]\nw = true\n[lpars.c]\n[rules.r]\napart = [\"b\", \"d\"]\n\
                   [brakes]\nstarts = 2\n[timings]\nlease = \"3s\"\n";
        assert_eq!(
            said(old, new),
            [
                "Changed  cluster: name Some(\"\\\"s\\\"\") Some(\"\\\"t\\\"\")",
                "Removed groups a: ",
                "Changed groups b: y Some(\"[1]\") Some(\"[2]\"), z Some(\"2\") None",
                "Added groups d: w None Some(\"true\")",
                "Added rules r: apart None Some(\"[\\\"b\\\", \\\"d\\\"]\")",
                "Changed  brakes: starts None Some(\"2\")",
                "Changed  timings: lease None Some(\"\\\"3s\\\"\")",
            ]
        );
    }
}
