//! Shrinking: a long script that leads to a fault becomes a short one that leads to the same fault.
//!
//! Actions are left out, in large pieces first; then waits become shorter, then the site smaller, repeatedly until
//! nothing more can go or the limit of runs is reached. After each omission the rest is run again from the beginning.
//! The same script shrinks to the same bytes.

use super::act::ANSWER;
use super::mend::Mend;
use super::script::{Play, Script};
use super::sim::Options;
use super::site::{Site, span};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use tenure_core::Span;

/// Durations tried for a wait, in milliseconds.
const WAITS: [u64; 11] = [1, 10, 100, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 300_000];

/// A shrunk script.
#[derive(Debug)]
pub struct Shrunk {
    /// The shortest script found.
    pub script: Script,
    /// The options with which it leads to the fault.
    pub options: Options,
    /// The faults that it leads to.
    pub wrong: Vec<String>,
    /// The sizes before and after.
    pub sizes: [Size; 2],
    /// Number of runs made.
    pub runs: usize,
    /// Whether everything was tried within the limit of runs.
    pub finished: bool,
}

/// Length of a script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// Lines that declare the site.
    pub site: usize,
    /// Actions.
    pub operations: usize,
    /// Simulated duration.
    pub takes: Span,
}

/// Shrinks a script that leads to a fault, with at most `most` runs. `None` if it leads to no fault.
pub fn shrink(script: &Script, options: Options, most: usize) -> Option<Shrunk> {
    let play = script.run(options).ok()?;
    let kind = kind(play.wrong().first()?);
    let before = Size::of(&play);
    let sites = BTreeMap::from([(script.site.clone(), true)]);
    let mut hunt = Hunt { kind, options, most, runs: 1, tried: BTreeSet::new(), sites };
    let whole = play.script(options).ok()?;
    // Most faults do not need duplicates.
    let plain = Hunt { options: Options { twice: false, ..options }, ..hunt.clone() }.same(&whole);
    hunt.options.twice &= plain.is_none();
    let mut best = plain.or_else(|| hunt.same(&whole))?;
    loop {
        let smaller = hunt.smaller(best.clone());
        if smaller == best {
            break;
        }
        best = smaller;
    }
    let last = best.run(hunt.options).ok()?;
    let finished = hunt.runs < hunt.most;
    let sizes = [before, Size::of(&last)];
    Some(Shrunk { script: best, options: hunt.options, wrong: last.wrong().to_vec(), sizes, runs: hunt.runs, finished })
}

impl Size {
    fn of(play: &Play) -> Size {
        Size { site: play.site().len(), operations: play.done().len(), takes: Span(play.sim().now().0) }
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} lines of site and {} operations in {}", self.site, self.operations, self.takes)
    }
}

impl Shrunk {
    /// A scenario file, with the log of a plain run.
    pub fn scenario(&self, about: &str) -> String {
        let mut text = format!("# {about}\n");
        let [before, after] = self.sizes;
        let _ = writeln!(text, "# Shrunk from {before} to {after}.");
        if !self.finished {
            let _ = writeln!(text, "# After {} runs no more was tried: it may become shorter still.", self.runs);
        }
        if self.options.twice {
            let _ = writeln!(text, "# It needs every report to be delivered twice.");
        }
        if let Some(bug) = self.options.bug {
            let _ = writeln!(text, "# It needs a bug: {bug:?}.");
        }
        for line in &self.script.site {
            let _ = writeln!(text, "{line}");
        }
        let plain = self.script.run(Options { twice: false, ..self.options });
        text.push('\n');
        text.push_str(&plain.map(|play| play.log()).unwrap_or_default());
        text
    }
}

/// A search for a shorter script.
#[derive(Clone)]
struct Hunt {
    /// The kind of fault that must appear.
    kind: String,
    options: Options,
    most: usize,
    runs: usize,
    tried: BTreeSet<Script>,
    sites: BTreeMap<Vec<String>, bool>,
}

impl Hunt {
    /// The part of a script that leads to the same kind of fault.
    fn same(&mut self, script: &Script) -> Option<Script> {
        if self.runs >= self.most || !self.is_valid(&script.site) || !self.tried.insert(script.clone()) {
            return None;
        }
        let play = script.run(self.options).ok()?;
        self.runs += 1;
        let is = play.wrong().iter().any(|what| kind(what) == self.kind);
        is.then(|| play.script(self.options).ok()).flatten()
    }

    /// Whether the product would accept the site.
    fn is_valid(&mut self, lines: &[String]) -> bool {
        let mut site = Site::default();
        let mut valid = || lines.iter().all(|line| site.declare(line).is_ok()) && site.check().is_ok();
        *self.sites.entry(lines.to_vec()).or_insert_with(&mut valid)
    }

    /// Tries everything once.
    fn smaller(&mut self, mut best: Script) -> Script {
        best = self.leave_out(best, can_go, |script, range| drop(script.operations.drain(range)));
        best = self.shorten_waits(best);
        best = self.trade_for_waits(best);
        for group in groups(&best) {
            best = self.same(&without_group(&best, &group)).unwrap_or(best);
        }
        best = self.leave_out(best, |script| script.site.len(), |script, range| drop(script.site.drain(range)));
        self.shorten_site(best)
    }

    /// Leaves out pieces, from the end and in halves first.
    fn leave_out(
        &mut self,
        mut best: Script,
        count: fn(&Script) -> usize,
        cut: fn(&mut Script, Range<usize>),
    ) -> Script {
        let mut size = (count(&best) / 2).max(1);
        loop {
            let mut end = count(&best);
            while end > 0 {
                let start = end.saturating_sub(size);
                let mut shorter = best.clone();
                cut(&mut shorter, start..end);
                best = self.same(&shorter).unwrap_or(best);
                end = start.min(count(&best));
            }
            if size == 1 {
                return best;
            }
            size /= 2;
        }
    }

    fn shorten_waits(&mut self, mut best: Script) -> Script {
        let mut n = 0;
        while n < can_go(&best) {
            let Some(wait) = wait(&best.operations[n]) else {
                // For a useless request, the time that it takes may be enough.
                if best.operations[n].starts_with("op ") {
                    best = self.instead(&best, n, run(ANSWER.0)).unwrap_or(best);
                }
                n += 1;
                continue;
            };
            if let Some(next) = best.operations[..can_go(&best)].get(n + 1).and_then(|next| self::wait(next)) {
                let mut joined = best.clone();
                joined.operations.splice(n..n + 2, [run(wait + next)]);
                if let Some(found) = self.same(&joined) {
                    best = found;
                    continue;
                }
            }
            for shorter in WAITS.into_iter().filter(|shorter| *shorter < wait) {
                if let Some(found) = self.instead(&best, n, run(shorter)) {
                    best = found;
                    break;
                }
            }
            n += 1;
        }
        best
    }

    /// Replaces operations that served only as waits by waits of another length.
    fn trade_for_waits(&mut self, mut best: Script) -> Script {
        let mut n = 0;
        while n < can_go(&best) {
            let mut traded = None;
            if wait(&best.operations[n]).is_none() {
                let mut script = best.clone();
                script.operations.remove(n);
                let beside = [n, n.saturating_sub(1)].into_iter();
                let waits =
                    beside.filter(|at| script.operations.get(*at).is_some_and(|operation| wait(operation).is_some()));
                let waits: Vec<(usize, u64)> = waits.flat_map(|at| WAITS.map(|long| (at, long))).collect();
                traded = waits.into_iter().find_map(|(at, long)| self.instead(&script, at, run(long)));
            }
            n += usize::from(traded.is_none());
            best = traded.unwrap_or(best);
        }
        best
    }

    /// Tries a script with one operation replaced.
    fn instead(&mut self, script: &Script, n: usize, operation: String) -> Option<Script> {
        let mut script = script.clone();
        script.operations[n] = operation;
        self.same(&script)
    }

    fn shorten_site(&mut self, mut best: Script) -> Script {
        let mut n = 0;
        while n < best.site.len() {
            let candidates = shorter_lines(&best.site[n]).into_iter().find_map(|line| {
                let mut script = best.clone();
                script.site[n] = line;
                self.same(&script)
            });
            match candidates {
                Some(found) => best = found,
                None => n += 1,
            }
        }
        best
    }
}

/// The part of a fault's text that does not depend on the way to it: its words, without numbers, without names that
/// contain a number, and without detailed reasons.
fn kind(what: &str) -> String {
    let (head, wait) = what.split_once("waits: ").unwrap_or((what, ""));
    let wait = wait.split([':', ',', '(']).next().unwrap_or_default();
    let text = format!("{head}{wait}");
    let words = text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '-' && c != '@');
    words.map(|word| if word.contains(|c: char| c.is_ascii_digit()) { "_ " } else { word }).collect()
}

/// Number of operations that can go. If a history does not come to rest, its repair must stay, or the fault says nothing.
fn can_go(script: &Script) -> usize {
    let rests = script.operations.last().is_some_and(|operation| operation == "expect rest");
    let mend = script.operations.iter().rposition(|operation| Mend::of(operation).is_some());
    mend.filter(|_| rests).unwrap_or(script.operations.len())
}

fn wait(operation: &str) -> Option<u64> {
    span(operation.strip_prefix("run ")?).ok().map(|span| span.0)
}

fn run(ms: u64) -> String {
    if ms.is_multiple_of(1000) { format!("run {}", Span(ms)) } else { format!("run {ms}ms") }
}

fn groups(script: &Script) -> Vec<String> {
    let names = script.site.iter().filter_map(|line| line.strip_prefix("group ")?.split(' ').next());
    names.map(str::to_owned).collect()
}

/// A script without a group, its resources, and all that a cluster file says about them.
fn without_group(script: &Script, group: &str) -> Script {
    let own = |line: &&String| line.strip_prefix("group ").is_some_and(|rest| rest.starts_with(&format!("{group} ")));
    let words = script.site.iter().filter(own).flat_map(|line| line.split(' '));
    let lists = words.filter_map(|word| word.strip_prefix("lpars=").or(word.strip_prefix("apps=")));
    let resources: Vec<&str> =
        lists.flat_map(|list| list.split(',')).map(|name| name.split(':').next().unwrap_or(name)).collect();
    let mut within = false;
    let kept = script.site.iter().filter(|line| {
        let Some(piece) = line.strip_prefix('|') else {
            let its = line.strip_prefix("lpar ").and_then(|rest| rest.split(' ').next());
            return !own(line) && its.is_none_or(|name| !resources.contains(&name));
        };
        if let Some(table) = piece.trim().strip_prefix('[') {
            let mut path = table.trim_end_matches(']').split('.');
            within = match (path.next(), path.next()) {
                (Some("groups"), Some(name)) => name == group,
                (Some("resources"), Some(name)) => resources.contains(&name),
                _ => false,
            };
        }
        !within
    });
    Script { site: kept.cloned().collect(), operations: script.operations.clone() }
}

/// Shorter versions of a line of a site: with a word less, an element of a list less, or a server or console less.
fn shorter_lines(line: &str) -> Vec<String> {
    let mut shorter = Vec::new();
    if let Some((head, list)) = line.split_once('[').filter(|_| line.starts_with('|') && line.contains('=')) {
        let (list, tail) = list.rsplit_once(']').unwrap_or((list, ""));
        let things: Vec<&str> = list.split(", ").collect();
        let lists = less_one(&things).into_iter().map(|things| format!("{head}[{}]{tail}", things.join(", ")));
        return lists.collect();
    }
    let words: Vec<&str> = line.split(' ').filter(|_| !line.starts_with('|')).collect();
    for (n, word) in words.iter().enumerate() {
        let mut others: Vec<String> = words.iter().map(ToString::to_string).collect();
        let (key, list) = word.split_once('=').map_or(("", *word), |(key, value)| (&word[..=key.len()], value));
        let number = list.parse::<usize>().ok().filter(|_| words[0] == "site");
        let lists = less_one(&list.split(',').collect::<Vec<_>>()).into_iter().map(|list| list.join(","));
        for value in lists.chain(number.and_then(|number| number.checked_sub(1)).map(|number| number.to_string())) {
            others[n] = format!("{key}{value}");
            shorter.push(others.join(" "));
        }
        if !key.is_empty() {
            others.remove(n);
            shorter.push(others.join(" "));
        }
    }
    shorter
}

/// All lists with one element less that are not empty.
fn less_one<'a>(list: &[&'a str]) -> Vec<Vec<&'a str>> {
    let one_less = |n| list.iter().enumerate().filter(|(at, _)| *at != n).map(|(_, thing)| *thing).collect();
    (0..list.len()).rev().filter(|_| list.len() > 1).map(one_less).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STUCK: &str = "
site servers=3 hmcs=2
group db on p1,p2,p3 lpars=db1 priority=1
group web on p2,p3 lpars=web1,web2
group net on p1,p2 apps=ip
| [groups.web]
| requires = [{ group = \"db\", online = \"global\" }]
| [resources.ip]
| stop_timeout = \"5s\"
run 5s
crash web2
run 45s
hmc hmc1 slow 8s
run 20s
op cluster disarm
run 6s
leader changes
crash db1
run 1300ms
cut n3
run 40ms
kill n2
run 20s
mend
expect rest
";

    /// The cluster is disarmed, which only an operator can undo, and one LPAR crashed.
    #[test]
    fn what_does_not_come_to_rest_is_mended_before_it_is_said_so() {
        let script = Script::parse(STUCK).expect("a script");
        let shrunk = shrink(&script, Options::default(), 1000).expect("it does not come to rest");
        let operations = ["run 2s", "op cluster disarm", "crash db1", "mend", "expect rest"];
        assert_eq!(shrunk.script.site, ["group db on p1 lpars=db1"]);
        assert_eq!(shrunk.script.operations, operations);
        println!("{}{:?}", shrunk.scenario("x"), shrunk.wrong);
    }

    #[test]
    fn the_bound_is_kept_and_told() {
        let script = Script::parse(STUCK).expect("a script");
        let shrunk = shrink(&script, Options::default(), 12).expect("it does not come to rest");
        assert!(shrunk.runs <= 12 && !shrunk.finished, "{} runs", shrunk.runs);
        assert!(shrunk.scenario("x").contains("# After 12 runs no more was tried"));
        assert!(!shrunk.wrong.is_empty());
        let again = shrink(&script, Options::default(), 12).expect("it does not come to rest");
        assert_eq!(shrunk.scenario("x"), again.scenario("x"));
    }

    #[test]
    fn what_is_right_is_not_shrunk() {
        let right = Script::parse("group db on p1 lpars=db1\nrun 5s\nmend\nexpect rest").expect("a script");
        assert!(shrink(&right, Options::default(), 100).is_none());
    }

    #[test]
    fn findings_are_of_the_same_kind_whatever_their_numbers() {
        assert_eq!(
            kind("at 17344 group mix: probe runs inside p1 and p2"),
            kind("at 1 group mix: probe runs inside p3 and p1")
        );
        assert_ne!(kind("entry 3: a"), kind("entry 3: b"));
        let waits = |why| kind(&format!("group db does not come to rest online: it is offline; it waits: {why}"));
        assert_eq!(
            waits("no server can take it: p1 (faulted)"),
            waits("no server can take it: p2 (frozen), p3 (frozen)")
        );
        assert_ne!(waits("no server can take it: p1 (faulted)"), waits("the cluster is disarmed"));
    }
}
