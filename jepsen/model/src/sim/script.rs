//! Scripts: a site and operations, in the syntax of scenario files, without expected results.
//!
//! A script that is printed, parsed and run again leads to the same result; operations that could not be done are not part
//! of it. Whether the result is right is not judged here, but in the simulation.

use super::mend::Mend;
use super::sim::{Line, Options, Sim};
use super::site::{Site, SiteError};
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A site and its operations.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Script {
    /// The lines that declare the site.
    pub site: Vec<String>,
    /// The operations, each with the piece of a cluster file that belongs to it.
    pub operations: Vec<String>,
}

impl Script {
    /// Parses a scenario file, skipping comments and logs.
    ///
    /// # Errors
    /// When a declaration is malformed.
    pub fn parse(text: &str) -> Result<Script, SiteError> {
        let (mut script, mut site) = (Script::default(), Site::default());
        for line in text.lines().filter(|line| !line.starts_with("  ") && !line.starts_with('#')) {
            match script.operations.last_mut() {
                _ if line.trim().is_empty() => {}
                Some(operation) if line.starts_with('|') => {
                    let _ = write!(operation, "\n{line}");
                }
                _ if site.declare(line)? => script.site.push(line.to_owned()),
                _ => script.operations.push(line.to_owned()),
            }
        }
        Ok(script)
    }

    /// Runs all operations, up to the first fault.
    ///
    /// # Errors
    /// When the site contradicts itself.
    pub fn run(&self, options: Options) -> Result<Play, SiteError> {
        let mut play = Play::begin(&self.site, options)?;
        for operation in &self.operations {
            if !play.wrong.is_empty() {
                break;
            }
            play.act(operation);
        }
        Ok(play)
    }
}

/// The text of a scenario file, without its initial comment.
impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.site.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        writeln!(f)?;
        self.operations.iter().try_for_each(|operation| writeln!(f, "{operation}"))
    }
}

/// A running simulation that records its script.
#[derive(Debug)]
pub struct Play {
    site: Vec<String>,
    sim: Sim,
    done: Vec<(String, Vec<Line>)>,
    wrong: Vec<String>,
}

impl Play {
    /// A fresh site.
    ///
    /// # Errors
    /// When it contradicts itself.
    pub fn begin(lines: &[String], options: Options) -> Result<Play, SiteError> {
        let mut site = Site::default();
        for line in lines {
            if !site.declare(line)? {
                return Err(SiteError(format!("{line:?} declares nothing")));
            }
        }
        let mut sim = Sim::new(&site, options)?;
        let wrong = sim.take_wrong();
        Ok(Play { site: lines.to_vec(), sim, done: Vec::new(), wrong })
    }

    /// Does an operation. `false` if it cannot be done in the current state, or would be a lie (`honest`): then it was not
    /// done. A panic is a fault.
    pub fn act(&mut self, operation: &str) -> bool {
        if self.sim.is_lie(operation) {
            return false;
        }
        match catch_unwind(AssertUnwindSafe(|| self.sim.act(operation))) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return false,
            Err(panic) => {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("something");
                self.wrong.push(format!("it panics: {said}"));
            }
        }
        self.done.push((operation.to_owned(), self.sim.take_lines()));
        self.wrong.extend(self.sim.take_wrong());
        true
    }

    /// The operations done, each with its log. A fault was found after the last operation.
    pub fn done(&self) -> &[(String, Vec<Line>)] {
        &self.done
    }

    /// The faults found.
    pub fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// The lines that declare the site.
    pub fn site(&self) -> &[String] {
        &self.site
    }

    /// The simulation.
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// The operations done. If a fault appeared during a repair, the repair is spelled out operation by operation.
    ///
    /// # Errors
    /// When the site contradicts itself.
    pub fn script(&self, options: Options) -> Result<Script, SiteError> {
        let mut operations: Vec<String> = self.done.iter().map(|(operation, _)| operation.clone()).collect();
        let last = operations.last().cloned().unwrap_or_default();
        if let Some(what) = Mend::of(&last).filter(|_| !self.wrong.is_empty()) {
            operations.pop();
            let before = Script { site: self.site.clone(), operations };
            let mut play = before.run(options)?;
            let mended = catch_unwind(AssertUnwindSafe(|| play.sim.mend(what)));
            return Ok(Script { operations: [before.operations, mended.unwrap_or(vec![last])].concat(), ..before });
        }
        Ok(Script { site: self.site.clone(), operations })
    }

    /// The operations and their log, as in a scenario file.
    pub fn log(&self) -> String {
        let mut text = String::new();
        for (operation, lines) in &self.done {
            let _ = writeln!(text, "{operation}");
            for line in lines {
                let _ = writeln!(text, "  {line}");
            }
        }
        text
    }
}

/// The format of scenario files.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.at.0;
        let (minutes, seconds, rest) = (ms / 60_000, ms / 1000 % 60, ms % 1000);
        write!(f, "{minutes:02}:{seconds:02}.{rest:03} {}", self.text)
    }
}
