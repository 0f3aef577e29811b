//! Formats lines of the timeline for people. Pure.

use super::timeline::{Event, Line};
use crate::world::{Cause, Change, LparState, MoveStep, SystemState, Time};
use anstyle::{AnsiColor, Style};
use std::time::Duration;
use tenure::api::wire::{Level, RecordView};

/// Columns before the text: time, source.
const INDENT: usize = 20;
/// Maximum width of headings.
const WIDTH: usize = 110;
/// Minimum width for wrapping.
const NARROWEST: usize = 40;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const PLAIN: Style = Style::new();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default();
const WORLD: Style = AnsiColor::Magenta.on_default();
const CLUSTER: Style = AnsiColor::Cyan.on_default();

/// The text for lines that arrived together, wrapped to a width if there is one.
pub fn lines(lines: &[Line], width: Option<usize>) -> Vec<String> {
    let mut shown = Vec::new();
    let mut rest = lines.iter().peekable();
    while let Some(line) = rest.next() {
        match &line.event {
            Event::Step { title, expected } => shown.extend(heading(line.step, title, expected, width)),
            Event::Did(text) => shown.push(row(line.at, BOLD, "lab", BOLD, text, width)),
            Event::World { vios: true, .. } => {}
            Event::World { entry, .. } if is_beginning(&entry.change) => {}
            Event::World { entry, text, .. } => {
                let mut text = text.clone();
                // All changes caused by one server are one line.
                while let Some(next) = rest.next_if(|next| goes_with(line, next)) {
                    text = join(&text, next);
                }
                shown.push(row(line.at, WORLD, "WORLD", world_style(&entry.change), &text, width));
            }
            Event::Note(record) if is_chatter(record) => {}
            Event::Note(record) => {
                let mut names = Vec::new();
                // Groups that wait for the same reason are one line.
                while let Some(name) = rest.peek().and_then(|next| waits_too(record, next)) {
                    names.push(name);
                    rest.next();
                }
                let text = together(&record.text, &names);
                shown.push(row(line.at, CLUSTER, "cluster", note_style(record), &text, width));
            }
            Event::Met { text, after } => {
                let after = after.map(|after| format!("+{}", took(after))).unwrap_or_default();
                shown.push(mark(GOOD, "✓", text, &after, width));
            }
            Event::Missed { text, why } => shown.push(mark(BAD, "✗", text, why, width)),
        }
    }
    shown
}

/// A duration for people.
pub fn took(time: Duration) -> String {
    match time.as_millis() {
        ms @ 0..1000 => format!("{ms} ms"),
        ms => format!("{}.{:02} s", ms / 1000, ms % 1000 / 10),
    }
}

/// A text in a style, for a terminal.
pub fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

fn heading(step: usize, title: &str, expected: &str, width: Option<usize>) -> Vec<String> {
    let width = width.unwrap_or(WIDTH).min(WIDTH);
    let rule = "─".repeat(width.max(NARROWEST).saturating_sub(title.chars().count() + 7));
    let expected = wrap(expected, Some(width), 4).join("\n    ");
    vec![
        String::new(),
        format!("{} {} {}", styled(CLUSTER.bold(), &format!("━━ {step}")), styled(BOLD, title), styled(DIM, &rule)),
        format!("    {}", styled(DIM, &expected)),
    ]
}

fn row(at: Time, source_style: Style, source: &str, style: Style, text: &str, width: Option<usize>) -> String {
    let ms = at.millis();
    let time = styled(DIM, &format!("{:>5}.{:03}", ms / 1000, ms % 1000));
    let source = styled(source_style, &format!("{source:<7}"));
    let body: Vec<String> = wrap(text, width, INDENT).iter().map(|part| styled(style, part)).collect();
    format!("{time}  {source}  {}", body.join(&format!("\n{}", " ".repeat(INDENT))))
}

fn mark(style: Style, sign: &str, text: &str, remark: &str, width: Option<usize>) -> String {
    let remark = if remark.is_empty() { String::new() } else { format!("  {}", styled(DIM, remark)) };
    let body = wrap(text, width, INDENT).join(&format!("\n{}", " ".repeat(INDENT)));
    format!("{}{}  {}{remark}", " ".repeat(INDENT - 3), styled(style.bold(), sign), styled(style, &body))
}

fn is_beginning(change: &Change) -> bool {
    matches!(
        change,
        Change::Power { cause: Cause::Initial, .. }
            | Change::Lpar { cause: Cause::Initial, .. }
            | Change::Definition { cause: Cause::Initial, .. }
    )
}

fn goes_with(first: &Line, next: &Line) -> bool {
    let (Event::World { entry: one, .. }, Event::World { entry: other, .. }) = (&first.event, &next.event) else {
        return false;
    };
    match (one.change, other.change) {
        (
            Change::Lpar { server: a, state: b, cause: c @ (Cause::ServerDown | Cause::Autostart), .. },
            Change::Lpar { server: x, state: y, cause: z, .. },
        ) => (a, b, c) == (x, y, z),
        _ => false,
    }
}

/// `db on p1 Off` and `web on p1 Off` are `db, web on p1 Off`.
fn join(text: &str, next: &Line) -> String {
    let Event::World { text: other, vios: false, .. } = &next.event else { return text.to_owned() };
    match (text.split_once(" on "), other.split_once(" on ")) {
        (Some((names, rest)), Some((name, _))) => format!("{names}, {name} on {rest}"),
        _ => text.to_owned(),
    }
}

/// The group in the next line, if it waits for the same reason.
fn waits_too(record: &RecordView, next: &Line) -> Option<String> {
    let other = next.note().filter(|other| other.kind == "waiting" && record.kind == "waiting")?;
    let why = |record: &RecordView| record.text.split_once(" waits: ").map(|(_, why)| why.to_owned());
    other.group.clone().filter(|_| why(record) == why(other))
}

/// `group a waits: x` with b is `groups a, b wait: x`.
fn together(text: &str, others: &[String]) -> String {
    match text.strip_prefix("group ").and_then(|text| text.split_once(" waits: ")) {
        Some((first, why)) if !others.is_empty() => format!("groups {first}, {} wait: {why}", others.join(", ")),
        _ => text.to_owned(),
    }
}

fn world_style(change: &Change) -> Style {
    match change {
        Change::Power { state: SystemState::Operating, .. }
        | Change::Lpar { state: LparState::Running, .. }
        | Change::Connection { connected: true, .. }
        | Change::Hmc { up: true, .. } => GOOD,
        Change::Power { cause: Cause::Fault, .. }
        | Change::Lpar { cause: Cause::Fault | Cause::ServerDown, .. }
        | Change::Connection { connected: false, .. }
        | Change::Hmc { up: false, .. }
        | Change::Hang { hung: true, .. } => BAD,
        Change::Lpar { state: LparState::Starting, .. } => PLAIN,
        Change::Move { step: MoveStep::Ends | MoveStep::Recovers, .. } => GOOD,
        Change::Move { step: MoveStep::Fails | MoveStep::Sticks, .. } => BAD,
        Change::Move { step: MoveStep::Begins | MoveStep::Stops, .. } | Change::Definition { .. } => PLAIN,
        Change::Power { .. } | Change::Lpar { .. } | Change::Hang { .. } => PLAIN,
    }
}

/// Records that only repeat a change of the world.
fn is_chatter(record: &RecordView) -> bool {
    matches!(record.kind.as_str(), "copy_changed" | "ended") && record.level == Level::Info
}

fn note_style(record: &RecordView) -> Style {
    match (record.level, record.kind.as_str()) {
        (Level::Alarm, _) => BAD,
        (Level::Warning, _) => WARNING,
        (Level::Info, "online_now" | "cleaned" | "node_returned" | "adopted") => GOOD,
        (Level::Info, "vacated" | "granted") => BOLD,
        (Level::Info, "ordered" | "waiting") => DIM,
        (Level::Info, _) => PLAIN,
    }
}

/// Wraps a text to lines that fit beside an indent. Words are not broken.
fn wrap(text: &str, width: Option<usize>, indent: usize) -> Vec<String> {
    let Some(room) = width.map(|width| width.saturating_sub(indent + 1).max(NARROWEST)) else {
        return vec![text.to_owned()];
    };
    let mut parts: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match parts.last_mut() {
            Some(part) if part.chars().count() + 1 + word.chars().count() <= room => {
                part.push(' ');
                part.push_str(word);
            }
            _ => parts.push(word.to_owned()),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(took(Duration::from_millis(7)), "7 ms");
        assert_eq!(took(Duration::from_millis(2_345)), "2.34 s");
    }

    #[test]
    fn groups_that_wait_for_the_same_are_one_line() {
        let others = ["b".to_owned(), "c".to_owned()];
        assert_eq!(together("group a waits: x: y", &others), "groups a, b, c wait: x: y");
        assert_eq!(together("group a waits: x", &[]), "group a waits: x");
        assert_eq!(together("something else", &others), "something else");
    }

    #[test]
    fn text_is_wrapped_between_words() {
        let text = "one two three four five six seven eight nine ten";
        let parts = wrap(text, Some(45), 4);
        assert_eq!(parts.join(" "), text);
        assert!(parts.iter().all(|part| part.chars().count() <= 40), "{parts:?}");
        assert_eq!(wrap(text, None, 4), [text]);
    }
}
