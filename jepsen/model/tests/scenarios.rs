//! Scenarios: the operator's view. Each file under `tests/scenarios` is a comment that says what it shows and why, a
//! site, and commands, each followed by its log.
//!
//! After every command all invariants are checked. Hidden re-runs must end in the same state: nodes with other names,
//! a new leader before every command, plans that take time, and every report delivered twice (which must not even change
//! the log).
//!
//! The syntax of a file is described in `tests/scenarios/README.md`.
//!
//! `UPDATE_SCENARIOS=1 cargo test --test scenarios` updates the logs; read them before committing. `SCENARIO=name`
//! runs only the files whose path contains it. `SCENARIO_FIRST=1` ends at the first failure, and omits the re-runs.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};
use tenure_model::sim::{Line, Options, Sim, Site};

/// A part of a scenario file.
enum Part {
    /// A comment, an empty line or a declaration: kept unchanged.
    Text(String),
    /// A command, and its expected log; none if it was never run.
    Operation { line: String, expected: Vec<String> },
}

struct Scenario {
    site: Site,
    parts: Vec<Part>,
}

/// Milliseconds that a slow plan takes: more than a commit, and not so many that another group is placed first.
const SLOW: u64 = 5;

/// A variation in which a scenario is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Twist {
    Plain,
    OtherNames,
    NewLeaders,
    SlowPlans,
    Twice,
}

/// Result of a run.
struct Run {
    /// The log of each command, in order.
    logs: Vec<Vec<Line>>,
    placement: Vec<String>,
}

#[test]
fn every_scenario_reads_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let update = std::env::var_os("UPDATE_SCENARIOS").is_some();
    let first = std::env::var_os("SCENARIO_FIRST").is_some();
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    files.retain(|file| file.to_string_lossy().contains(&only));
    assert!(!files.is_empty(), "no scenario under {} is called like {only:?}", root.display());
    let mut failures = Vec::new();
    for file in &files {
        let name = file.strip_prefix(&root).unwrap_or(file).display().to_string();
        if let Err(why) = check(file, update, !first) {
            failures.push(format!("── {name}\n{why}"));
        }
        if first && !failures.is_empty() {
            break;
        }
    }
    assert!(failures.is_empty(), "{} of {} scenarios failed\n{}", failures.len(), files.len(), failures.join("\n"));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("read {}: {why}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry of a readable folder").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
}

fn check(file: &Path, update: bool, twisted: bool) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|why| why.to_string())?;
    let scenario = parse(&text)?;
    let plain = run(&scenario, Twist::Plain)?;
    let actual = render(&scenario, &plain);
    if actual != text {
        if !update {
            return Err(difference(&text, &actual));
        }
        fs::write(file, &actual).map_err(|why| why.to_string())?;
    }
    if !twisted {
        return Ok(());
    }
    for (twist, name) in [
        (Twist::OtherNames, "with other names of nodes"),
        (Twist::NewLeaders, "with a new leader before every command"),
        (Twist::SlowPlans, "with plans that take time"),
        (Twist::Twice, "with every report delivered twice"),
    ] {
        let twisted = run(&scenario, twist).map_err(|why| format!("{name}: {why}"))?;
        let (expected, found) = (plain.placement.join("\n"), twisted.placement.join("\n"));
        if expected != found {
            let story: Vec<String> =
                twisted.logs.iter().flatten().map(|line| format!("{} {}", line.at.0, line.text)).collect();
            let (parts, story) = (difference(&expected, &found), story.join("\n"));
            return Err(format!("{name}, it ends elsewhere:\n{parts}\n{story}"));
        }
        if twist == Twist::Twice {
            let (expected, found) = (without_numbers(&plain), without_numbers(&twisted));
            if expected != found {
                return Err(format!("{name}, it reads otherwise:\n{}", difference(&expected, &found)));
            }
        }
    }
    Ok(())
}

fn parse(text: &str) -> Result<Scenario, String> {
    let mut scenario = Scenario { site: Site::default(), parts: Vec::new() };
    if !text.starts_with('#') {
        return Err("it begins with no comment that says what it shows, and why".to_owned());
    }
    for (number, line) in (1..).zip(text.lines()) {
        let part = if line.trim().is_empty() || line.starts_with('#') {
            Part::Text(line.to_owned())
        } else if let Some(log) = line.strip_prefix("  ") {
            match scenario.parts.last_mut() {
                Some(Part::Operation { expected, .. }) => expected.push(log.to_owned()),
                _ => return Err(format!("line {number}: a log line without a command")),
            }
            continue;
        } else if line.starts_with('|')
            && let Some(Part::Operation { line: operation, .. }) = scenario.parts.last_mut()
        {
            // The piece of a cluster file that a command applies.
            operation.push_str(&format!("\n{line}"));
            continue;
        } else if scenario.site.declare(line).map_err(|why| format!("line {number}: {why}"))? {
            Part::Text(line.to_owned())
        } else {
            Part::Operation { line: line.to_owned(), expected: Vec::new() }
        };
        scenario.parts.push(part);
    }
    Ok(scenario)
}

fn run(scenario: &Scenario, twist: Twist) -> Result<Run, String> {
    let mut site = scenario.site.clone();
    if twist == Twist::OtherNames {
        site.permute();
    }
    let planning = if twist == Twist::SlowPlans { SLOW } else { 0 };
    let options = Options { twice: twist == Twist::Twice, planning, ..Options::default() };
    let mut sim = Sim::new(&site, options).map_err(|why| why.to_string())?;
    let mut logs = Vec::new();
    for part in &scenario.parts {
        let Part::Operation { line, .. } = part else { continue };
        if twist == Twist::NewLeaders {
            sim.act("leader changes").map_err(|why| why.to_string())?;
        }
        sim.act(line).map_err(|why| why.to_string())?;
        logs.push(sim.take_lines());
        right(&mut sim, line)?;
    }
    // All runs get the time to reach their final state.
    sim.act("run 5m").map_err(|why| why.to_string())?;
    right(&mut sim, "the end")?;
    Ok(Run { logs, placement: sim.placement() })
}

fn right(sim: &mut Sim, after: &str) -> Result<(), String> {
    let wrong = sim.take_wrong();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("after `{after}`, an invariant is broken:\n{}", wrong.join("\n")))
    }
}

fn render(scenario: &Scenario, run: &Run) -> String {
    let mut text = String::new();
    let mut logs = run.logs.iter();
    for part in &scenario.parts {
        match part {
            Part::Text(line) => text.push_str(&format!("{line}\n")),
            Part::Operation { line, .. } => {
                let _ = writeln!(text, "{line}");
                for line in logs.next().into_iter().flatten() {
                    let _ = writeln!(text, "  {line}");
                }
            }
        }
    }
    text
}

/// The whole log without times and entry numbers, which a repeated report shifts.
fn without_numbers(run: &Run) -> String {
    let lines = run.logs.iter().flatten().map(|line| {
        let text: String = line.text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        text.replace("00", "0").replace("00", "0")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The lines that differ, with the last common lines before them.
fn difference(expected: &str, actual: &str) -> String {
    let (expected, actual): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let same = expected.iter().zip(&actual).take_while(|(a, b)| a == b).count();
    let tail = expected.iter().rev().zip(actual.iter().rev()).take_while(|(a, b)| a == b).count();
    let tail = tail.min(expected.len() - same).min(actual.len() - same);
    let mut text = String::new();
    for line in &expected[same.saturating_sub(3)..same] {
        let _ = writeln!(text, "   {line}");
    }
    for line in expected[same..expected.len() - tail].iter().take(40) {
        let _ = writeln!(text, " - {line}");
    }
    for line in actual[same..actual.len() - tail].iter().take(60) {
        let _ = writeln!(text, " + {line}");
    }
    text
}
