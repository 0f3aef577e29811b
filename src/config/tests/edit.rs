//! Small edits of the sample, as text, so that mistakes have places as in a handwritten file.

use crate::reference::SAMPLE;

/// The sample with an edit: lines `key = value` below a heading replace that key or add it, `-key` removes it,
/// `-[heading]` removes a table, and new tables are added at the end. `⟨3 a#⟩` stands for `a0a1a2`.
pub(super) fn edited(edit: &str) -> String {
    let edit = expanded(edit);
    let mut lines: Vec<String> = SAMPLE.lines().map(str::to_owned).collect();
    let mut heading = String::new();
    for line in edit.lines().filter(|line| !line.is_empty()) {
        if let Some(gone) = line.strip_prefix("-[") {
            let (start, end) = section(&lines, &format!("[{gone}")).unwrap_or_else(|| panic!("{line}: no such table"));
            lines.drain(start..end);
        } else if line.starts_with('[') {
            heading = line.to_owned();
            if section(&lines, &heading).is_none() {
                lines.extend([String::new(), heading.clone()]);
            }
        } else {
            edit_line(&mut lines, &heading, line);
        }
    }
    lines.join("\n") + "\n"
}

/// Writes out what is repeated, the innermost first.
fn expanded(edit: &str) -> String {
    let mut text = edit.to_owned();
    while let Some((before, rest)) = text.rsplit_once('⟨') {
        let (repeated, after) = rest.split_once('⟩').unwrap_or_else(|| panic!("{rest}: no end"));
        let (times, of) = repeated.split_once(' ').unwrap_or_else(|| panic!("{repeated}: no number"));
        let times: usize = times.parse().unwrap_or_else(|_| panic!("{times}: no number"));
        let all: String = (0..times).map(|n| of.replace('#', &n.to_string())).collect();
        text = format!("{before}{all}{after}");
    }
    text
}

fn edit_line(lines: &mut Vec<String>, heading: &str, line: &str) {
    let (start, end) = section(lines, heading).unwrap_or_else(|| panic!("{heading}: no such table"));
    let key = line.trim_start_matches('-').split([' ', '=']).next().unwrap_or_default();
    let old = (start..end).find(|n| lines[*n].split(' ').next() == Some(key));
    match (old, line.starts_with('-')) {
        (Some(n), true) => drop(lines.remove(n)),
        (None, true) => panic!("{line}: {heading} has no such key"),
        (Some(n), false) => line.clone_into(&mut lines[n]),
        (None, false) => {
            let last = (start..end).rev().find(|n| !lines[*n].is_empty()).map_or(start, |n| n + 1);
            lines.insert(last, line.to_owned());
        }
    }
}

/// The lines of a table with its heading; those before the first heading if there is none.
fn section(lines: &[String], heading: &str) -> Option<(usize, usize)> {
    let start = if heading.is_empty() { 0 } else { lines.iter().position(|line| line == heading)? };
    let from = start + usize::from(!heading.is_empty());
    let end = lines[from..].iter().position(|line| line.starts_with('[')).map_or(lines.len(), |n| from + n);
    Some((start, end))
}
