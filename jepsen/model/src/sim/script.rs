//! Scripts: a site and the deeds that are done to it, in the words of scenario files, without what is expected of them.
//!
//! What it promises: a script that is printed, read again and run leads to the same; what could not be done is no part of it.
//! What it refuses to know: what is wrong with what it led to. That is judged where everything is.

use super::mend::Mend;
use super::sim::{Line, Options, Sim};
use super::site::{Site, SiteError};
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A site and deeds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Script {
    /// The lines that declare the site.
    pub site: Vec<String>,
    /// The deeds, each with the piece of a cluster file that belongs to it.
    pub deeds: Vec<String>,
}

impl Script {
    /// Reads a scenario file, past comments and logs.
    ///
    /// # Errors
    /// When a declaration is none.
    pub fn parse(text: &str) -> Result<Script, SiteError> {
        let (mut script, mut site) = (Script::default(), Site::default());
        for line in text.lines().filter(|line| !line.starts_with("  ") && !line.starts_with('#')) {
            match script.deeds.last_mut() {
                _ if line.trim().is_empty() => {}
                Some(deed) if line.starts_with('|') => {
                    let _ = write!(deed, "\n{line}");
                }
                _ if site.declare(line)? => script.site.push(line.to_owned()),
                _ => script.deeds.push(line.to_owned()),
            }
        }
        Ok(script)
    }

    /// Does everything, to the end or until something is wrong.
    ///
    /// # Errors
    /// When the site contradicts itself.
    pub fn run(&self, options: Options) -> Result<Play, SiteError> {
        let mut play = Play::begin(&self.site, options)?;
        for deed in &self.deeds {
            if !play.wrong.is_empty() {
                break;
            }
            play.act(deed);
        }
        Ok(play)
    }
}

/// As a scenario file, without the comment that it begins with.
impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.site.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        writeln!(f)?;
        self.deeds.iter().try_for_each(|deed| writeln!(f, "{deed}"))
    }
}

/// A script that comes into being while it is done.
#[derive(Debug)]
pub struct Play {
    site: Vec<String>,
    sim: Sim,
    done: Vec<(String, Vec<Line>)>,
    wrong: Vec<String>,
}

impl Play {
    /// A site to which nothing was done.
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

    /// Does one thing. `false` if nothing is in a state in which it could be done, or it would be a lie (`honest`): then
    /// it was not. A panic is a finding.
    pub fn act(&mut self, deed: &str) -> bool {
        if self.sim.is_lie(deed) {
            return false;
        }
        match catch_unwind(AssertUnwindSafe(|| self.sim.act(deed))) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return false,
            Err(panic) => {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("something");
                self.wrong.push(format!("it panics: {said}"));
            }
        }
        self.done.push((deed.to_owned(), self.sim.take_lines()));
        self.wrong.extend(self.sim.take_wrong());
        true
    }

    /// What was done, and the log that each deed led to. Where something is wrong, it was found after the last.
    pub fn done(&self) -> &[(String, Vec<Line>)] {
        &self.done
    }

    /// What was found wrong.
    pub fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// The lines that declare the site.
    pub fn site(&self) -> &[String] {
        &self.site
    }

    /// What it is all done to.
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// What was done. Where something went wrong while things were mended, it is said how, deed by deed.
    ///
    /// # Errors
    /// When the site contradicts itself.
    pub fn script(&self, options: Options) -> Result<Script, SiteError> {
        let mut deeds: Vec<String> = self.done.iter().map(|(deed, _)| deed.clone()).collect();
        let last = deeds.last().cloned().unwrap_or_default();
        if let Some(what) = Mend::of(&last).filter(|_| !self.wrong.is_empty()) {
            deeds.pop();
            let before = Script { site: self.site.clone(), deeds };
            let mut play = before.run(options)?;
            let mended = catch_unwind(AssertUnwindSafe(|| play.sim.mend(what)));
            return Ok(Script { deeds: [before.deeds, mended.unwrap_or(vec![last])].concat(), ..before });
        }
        Ok(Script { site: self.site.clone(), deeds })
    }

    /// The deeds and what came of them, as a scenario file has it.
    pub fn log(&self) -> String {
        let mut text = String::new();
        for (deed, lines) in &self.done {
            let _ = writeln!(text, "{deed}");
            for line in lines {
                let _ = writeln!(text, "  {line}");
            }
        }
        text
    }
}

/// As it stands in a scenario file.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.at.0;
        let (minutes, seconds, rest) = (ms / 60_000, ms / 1000 % 60, ms % 1000);
        write!(f, "{minutes:02}:{seconds:02}.{rest:03} {}", self.text)
    }
}
