//! Tables without borders: aligned columns, cells coloured by state.

use super::{Style, Tone};
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};

/// One cell.
pub(super) struct Field(String, Tone);

pub(super) fn plain(text: impl ToString) -> Field {
    Field(text.to_string(), Tone::Plain)
}

pub(super) fn toned(text: impl ToString, tone: Tone) -> Field {
    Field(text.to_string(), tone)
}

/// Text, or a dash.
pub(super) fn maybe(text: Option<&String>) -> Field {
    text.map_or(Field("-".to_owned(), Tone::Dim), plain)
}

/// Names joined by commas, or a dash.
pub(super) fn names(all: &[String]) -> Field {
    let text = (!all.is_empty()).then(|| all.join(", "));
    maybe(text.as_ref())
}

/// A table with a heading line. Columns whose heading ends in `>` are aligned to the right. Wide cells are wrapped to fit.
pub(super) fn table(head: &[&str], rows: Vec<Vec<Field>>, style: Style) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(style.width).unwrap_or(u16::MAX));
    if style.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(head.iter().map(|title| {
        let cell = Cell::new(title.trim_end_matches('>'));
        if style.colour { cell.add_attribute(Attribute::Bold) } else { cell }
    }));
    for row in rows {
        table.add_row(row.into_iter().map(|Field(text, tone)| cell(&text, tone, style)));
    }
    for (column, title) in table.column_iter_mut().zip(head) {
        column.set_padding((0, 2));
        if title.ends_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

fn cell(text: &str, tone: Tone, style: Style) -> Cell {
    let cell = Cell::new(text);
    if !style.colour {
        return cell;
    }
    match tone {
        Tone::Plain => cell,
        Tone::Good => cell.fg(Color::Green),
        Tone::Busy => cell.fg(Color::Yellow),
        Tone::Bad => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Tone::Dim => cell.add_attribute(Attribute::Dim),
        Tone::Head => cell.add_attribute(Attribute::Bold),
    }
}
