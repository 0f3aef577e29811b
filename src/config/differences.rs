//! What differs between two configurations, as their files say it.

use crate::export;
use tenure_core::config::Cluster;
use toml::{Table, Value};

/// The longest line, in characters.
const WIDEST: usize = 300;

/// What differs between two configurations, a field a line, and at most so many.
pub fn differences(before: &Cluster, after: &Cluster, most: usize) -> Vec<String> {
    let text = |cluster: &Cluster| export(cluster).parse::<Table>().unwrap_or_default();
    let mut lines = Vec::new();
    walk("", &text(before), &text(after), &mut lines);
    if lines.len() > most {
        let more = lines.len() - most;
        lines.truncate(most);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn walk(path: &str, before: &Table, after: &Table, lines: &mut Vec<String>) {
    let empty = Table::new();
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let (old, new) = (before.get(name), after.get(name));
        let table = |value: Option<&Value>| value.is_none_or(Value::is_table);
        if table(old) && table(new) {
            let (old, new) = (old.and_then(|old| old.as_table()), new.and_then(|new| new.as_table()));
            if old.is_none() || new.is_none() {
                lines.push(format!("{path}: {}", if new.is_some() { "added" } else { "removed" }));
            }
            walk(&path, old.unwrap_or(&empty), new.unwrap_or(&empty), lines);
        } else if old != new {
            let say = |value: Option<&Value>| value.map_or("nothing".to_owned(), ToString::to_string);
            let line = format!("{path}: {} -> {}", say(old), say(new));
            lines.push(line.chars().take(WIDEST).collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_told_by_what_differs() {
        let mut before = Cluster { name: "site".to_owned(), ..Cluster::default() };
        before.groups.insert("web".into(), tenure_core::config::Group::new(vec!["p1".into()]));
        let mut after = before.clone();
        after.groups.get_mut("web").expect("declared").priority = 7;
        after.groups.insert("db".into(), tenure_core::config::Group::new(vec!["p1".into()]));
        let lines = differences(&before, &after, 200);
        assert!(lines.contains(&"groups.db: added".to_owned()), "{lines:?}");
        assert!(
            lines.iter().any(|line| line.starts_with("groups.web.priority: ") && line.ends_with("-> 7")),
            "{lines:?}"
        );
        assert!(!lines.iter().any(|line| line.contains("web.servers")), "{lines:?}");
    }
}
