//! Shrinking: reduces the steps of a nemesis to a few that lead to the same fault.
//!
//! Steps are left out, in large pieces first, until none can go or the time is up. Each step is drawn by its own
//! number, so the remaining steps do not change. After each omission the rest is run again from the beginning.

use crate::{
    nemesis::Steps,
    run::{Options, Report, run},
};
use std::{
    collections::BTreeSet,
    fmt,
    time::{Duration, Instant},
};

/// A run with fewer steps.
#[derive(Debug)]
pub struct Shrunk {
    /// The options that repeat it.
    pub options: Options,
    /// Its result.
    pub report: Report,
    /// Number of steps before.
    pub before: usize,
    /// Number of runs made.
    pub runs: usize,
    /// Whether everything was tried before the time was up.
    pub finished: bool,
}

/// The text of a fault, without numbers and words that contain one.
fn kind(what: &str) -> String {
    let words = what.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '@');
    words.filter(|word| !word.contains(|c: char| c.is_ascii_digit())).collect::<Vec<_>>().join(" ")
}

/// Leaves out steps of a failed run, for at most this time.
pub fn shrink(options: &Options, report: Report, most: Duration) -> Shrunk {
    let until = Instant::now() + most;
    let kinds: Vec<String> = report.wrong.first().map(|what| kind(what)).into_iter().collect();
    let before = report.steps.len();
    let mut best = (options.clone(), report);
    let (mut runs, mut piece) = (0, before.max(1));
    let mut finished = false;
    while !finished && Instant::now() < until {
        let steps: Vec<u64> = best.1.steps.iter().map(|step| step.number).collect();
        let mut at = 0;
        let mut smaller = false;
        while at < steps.len() && Instant::now() < until {
            let kept: BTreeSet<u64> = best.1.steps.iter().map(|step| step.number).collect();
            let out = &steps[at..steps.len().min(at + piece)];
            at += piece;
            let fewer: BTreeSet<u64> = kept.iter().copied().filter(|step| !out.contains(step)).collect();
            if fewer.len() == kept.len() {
                continue;
            }
            let tried = Options { steps: Steps::Only(fewer), ..options.clone() };
            let report = run(&tried);
            runs += 1;
            if report.wrong.iter().any(|what| kinds.contains(&kind(what))) {
                best = (tried, report);
                smaller = true;
            }
        }
        finished = piece == 1 && !smaller && at >= steps.len();
        piece = if smaller && piece == 1 { 1 } else { piece.div_ceil(2) };
    }
    Shrunk { options: best.0, report: best.1, before, runs, finished }
}

impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = &self.report.steps;
        let all = if self.finished { "" } else { ", and not everything was tried" };
        writeln!(f, "shrunk from {} steps to {} by {} runs{all}:", self.before, steps.len(), self.runs)?;
        for step in steps {
            writeln!(f, "{:>6} {}", step.number, step.what.as_deref().unwrap_or("nothing to be told"))?;
        }
        self.report.wrong.iter().try_for_each(|what| writeln!(f, "  {what}"))?;
        write!(f, "again: {}", Again(&self.options))
    }
}

/// The command that repeats a run.
pub struct Again<'a>(pub &'a Options);

impl fmt::Display for Again<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { seed, steps, plant, .. } = self.0;
        if let Some(plant) = plant {
            write!(f, "WHOLE_PLANT={plant:?} ")?;
        }
        if let Steps::Only(these) = steps {
            let these: Vec<String> = these.iter().map(u64::to_string).collect();
            write!(f, "WHOLE_STEPS={} ", these.join(","))?;
        }
        write!(f, "WHOLE_SHOW=1 just whole {seed}-{seed}")
    }
}
