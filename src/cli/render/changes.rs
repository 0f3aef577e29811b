//! The differences of a new cluster file, as `+`, `-` and `~`.

use super::{Style, Tone};
use crate::cli::diff::{Change, ChangeKind, FieldChange};

/// One paragraph per section, one line per object and per field.
pub fn changes(changes: &[Change], style: Style) -> String {
    let mut out = String::new();
    for (i, change) in changes.iter().enumerate() {
        let name = match change.section.as_str() {
            "" => change.name.clone(),
            section => format!("{} {}", section.trim_end_matches('s'), change.name),
        };
        if i > 0 && changes[i - 1].section != change.section {
            out.push('\n');
        }
        let (mark, tone) = match change.kind {
            ChangeKind::Added => ('+', Tone::Good),
            ChangeKind::Removed => ('-', Tone::Bad),
            ChangeKind::Changed => ('~', Tone::Busy),
        };
        out.push_str(&style.paint(tone, &format!("{mark} {name}")));
        out.push('\n');
        let wide = change.fields.iter().map(|field| field.field.len()).max().unwrap_or(0);
        for field in &change.fields {
            out.push_str(&field_line(field, change.kind, wide, style));
        }
    }
    out
}

fn field_line(change: &FieldChange, kind: ChangeKind, wide: usize, style: Style) -> String {
    let name = format!("{:wide$}", change.field);
    let default = || style.paint(Tone::Dim, "(default)");
    let from = change.from.as_ref().map_or_else(default, |from| style.paint(Tone::Bad, from));
    let to = change.to.as_ref().map_or_else(default, |to| style.paint(Tone::Good, to));
    match kind {
        ChangeKind::Added | ChangeKind::Removed => format!("    {name}  {to}\n"),
        ChangeKind::Changed => format!("    {name}  {from} -> {to}\n"),
    }
}
