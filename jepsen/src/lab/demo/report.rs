//! The end of a demonstration: measurements, starts of each LPAR, and the verdict of the checkers.

use super::{
    figures::{MEMORY_TARGET, Spread},
    paint::{styled, took},
    story::Story,
    timeline::{Event, Line},
};
use crate::world::{LparKind, StartCounts, World};
use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use std::time::Duration;
use tenure::api::wire::RecordView;

const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default();

/// The results of a demonstration.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Version of this format.
    version: u32,
    /// Whether every step succeeded and nothing was violated.
    pub ok: bool,
    /// Total duration.
    took_ms: u64,
    /// Number of successful steps, and of all steps.
    steps: (usize, usize),
    /// The measurements.
    durations: Vec<Spread>,
    /// Resident memory of the largest idle node, in bytes.
    memory: Option<u64>,
    /// Its target.
    memory_target: u64,
    /// Number of starts of each LPAR.
    starts: Vec<Starts>,
    /// The checkers' verdict on the world's history.
    verdict: VerdictView,
    /// All events, in order.
    timeline: Vec<LineView>,
}

#[derive(Debug, Serialize)]
struct Starts {
    lpar: String,
    by_command: u32,
    by_server: u32,
    active_on: Vec<String>,
}

#[derive(Debug, Serialize)]
struct VerdictView {
    clean: bool,
    changes_judged: usize,
    active_on_two_servers: Vec<String>,
    active_without_power: usize,
    more_than_fits: usize,
}

#[derive(Debug, Serialize)]
struct LineView {
    at_ms: u64,
    step: usize,
    source: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<RecordView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
}

impl Report {
    /// Summarizes a story.
    pub fn new(story: &Story, good: usize, steps: usize) -> Self {
        let (starts, verdict) = story.world(|world| (starts(world), verdict(world)));
        let figures = story.figures();
        Report {
            version: 1,
            ok: good == steps && verdict.clean,
            took_ms: story.now().millis(),
            steps: (good, steps),
            durations: figures.spreads(),
            memory: figures.memory,
            memory_target: MEMORY_TARGET,
            starts,
            verdict,
            timeline: story.timeline.since(0).iter().map(LineView::new).collect(),
        }
    }

    /// The report as text.
    pub fn text(&self) -> String {
        let mut text = format!("\n{}\n", styled(BOLD, "What was measured"));
        text.push_str(&self.durations_table());
        text.push_str(&format!("\n\n{}\n", styled(BOLD, "Starts of each LPAR, as the world counted them")));
        text.push_str(&self.starts_table());
        text.push_str(&format!("\n\n{}\n", styled(BOLD, "Verdict of the checkers on the world's history")));
        text.push_str(&self.verdict_text());
        text.push('\n');
        text.push_str(&self.conclusion());
        text
    }

    fn durations_table(&self) -> String {
        let mut rows: Vec<Vec<String>> = Vec::new();
        for spread in &self.durations {
            let ms = |ms: u128| took(Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX)));
            let alone = spread.samples_ms.len() == 1;
            let end = |value: u128| if alone { String::new() } else { ms(value) };
            let sign = match spread.target_ms {
                Some(target) if spread.max_ms <= target => styled(GOOD, "✓"),
                Some(_) => styled(WARNING, "over"),
                None => String::new(),
            };
            rows.push(vec![
                spread.words.to_owned(),
                ms(spread.median_ms),
                end(spread.min_ms),
                end(spread.max_ms),
                spread.samples_ms.len().to_string(),
                spread.target_ms.map(|target| format!("≤ {}", ms(target))).unwrap_or_default(),
                sign,
            ]);
        }
        if let Some(memory) = self.memory {
            let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
            let sign = if memory <= self.memory_target { styled(GOOD, "✓") } else { styled(WARNING, "over") };
            let (none, target) = (String::new(), format!("≤ {}", mib(self.memory_target)));
            let words = "memory of an idle node (the largest)".to_owned();
            rows.push(vec![words, mib(memory), none.clone(), none, "1".to_owned(), target, sign]);
        }
        table(&["", "median>", "min>", "max>", "n>", "target>", ""], rows)
    }

    fn starts_table(&self) -> String {
        let row = |starts: &Starts| {
            let by_itself = if starts.by_server == 0 { String::new() } else { starts.by_server.to_string() };
            vec![starts.lpar.clone(), starts.by_command.to_string(), by_itself, starts.active_on.join(", ")]
        };
        table(&["LPAR", "through the HMC>", "by a server itself>", "now on"], self.starts.iter().map(row).collect())
    }

    fn verdict_text(&self) -> String {
        let verdict = &self.verdict;
        let line = |good: bool, what: String| {
            let (style, sign) = if good { (GOOD, "✓") } else { (BAD, "✗") };
            format!("  {}  {}\n", styled(style, sign), styled(style, &what))
        };
        let mut text = if verdict.active_on_two_servers.is_empty() {
            let what =
                format!("no LPAR was active on two servers at any instant ({} changes judged)", verdict.changes_judged);
            line(true, what)
        } else {
            verdict.active_on_two_servers.iter().map(|overlap| line(false, overlap.clone())).collect()
        };
        let model = verdict.active_without_power + verdict.more_than_fits;
        text.push_str(&line(model == 0, "the world kept its own laws: power, capacity".to_owned()));
        text
    }

    fn conclusion(&self) -> String {
        let (good, steps) = self.steps;
        let time = took(Duration::from_millis(self.took_ms));
        if self.ok {
            styled(GOOD.bold(), &format!("All {steps} steps happened as expected and nothing was violated, in {time}."))
        } else if good == steps {
            styled(BAD, "Every step happened, and an invariant was VIOLATED.")
        } else {
            styled(BAD, &format!("Only {good} of {steps} steps happened as expected; look for ✗ above."))
        }
    }
}

fn starts(world: &World) -> Vec<Starts> {
    let work = world.lpars().filter(|&lpar| world.lpar_spec(lpar).kind == LparKind::Client);
    work.map(|lpar| {
        let StartCounts { command, autostart, restart, foreign, .. } = world.history().starts(lpar);
        Starts {
            lpar: world.lpar_name(lpar).to_owned(),
            by_command: command + restart + foreign,
            by_server: autostart,
            active_on: world.active_on(lpar).into_iter().map(|server| world.server_name(server).to_owned()).collect(),
        }
    })
    .collect()
}

fn verdict(world: &World) -> VerdictView {
    let verdict = world.verdict();
    VerdictView {
        clean: verdict.is_clean(),
        changes_judged: world.history().len(),
        active_on_two_servers: verdict.overlaps.iter().map(|overlap| world.describe_overlap(overlap)).collect(),
        active_without_power: verdict.unpowered.len(),
        more_than_fits: verdict.overloads.len(),
    }
}

/// A table without borders. Columns whose heading ends in `>` are right-aligned.
pub fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(head.iter().map(|title| title.trim_end_matches('>')));
    table.add_rows(rows);
    for (column, title) in table.column_iter_mut().zip(head) {
        column.set_padding((0, 2));
        if title.ends_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| format!("  {}", line.trim_end())).collect();
    lines.join("\n")
}

impl LineView {
    fn new(line: &Line) -> Self {
        let (source, text, note, met, remark) = match &line.event {
            Event::Step { title, expected } => ("step", (*title).to_owned(), None, None, Some((*expected).to_owned())),
            Event::Did(text) => ("lab", text.clone(), None, None, None),
            Event::World { text, .. } => ("world", text.clone(), None, None, None),
            Event::Note(record) => ("cluster", record.text.clone(), Some(record.clone()), None, None),
            Event::Met { text, after } => ("expected", text.clone(), None, Some(true), after.map(took)),
            Event::Missed { text, why } => ("expected", text.clone(), None, Some(false), Some(why.clone())),
        };
        LineView { at_ms: line.at.millis(), step: line.step, source, text, note, met, remark }
    }
}
