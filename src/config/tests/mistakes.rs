//! All mistakes that can be made in a cluster file, and their messages. The cases are in `mistakes.txt`: a title, an
//! edit of the sample (see `edit.rs`), and the messages with their places and the text that they point at.
//!
//! `UPDATE_MISTAKES=1` writes the messages; read them before committing.

use super::edit::edited;
use crate::{
    cluster::{parse, read},
    fields::Log,
};
use std::{collections::BTreeSet, fs, path::Path};
use tenure_core::config::Rule;
use toml::de::DeTable;

struct Case {
    title: String,
    edit: String,
    said: String,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for part in text.split("== ").skip(1) {
        let (title, rest) = part.split_once('\n').expect("a title ends with its line");
        let is_said = |line: &&str| line.starts_with("> ");
        let lines = |said: bool| rest.lines().filter(move |line| is_said(line) == said).map(|line| format!("{line}\n"));
        cases.push(Case { title: title.to_owned(), edit: lines(false).collect(), said: lines(true).collect() });
    }
    cases
}

/// The messages about a text.
fn said(text: &str) -> String {
    let Err(problems) = parse("site.toml", text) else { return String::new() };
    let line = |problem: &crate::Problem| {
        let at = text.get(problem.span.clone()).unwrap_or_default().lines().next().unwrap_or_default();
        format!("> {}:{} {at:.60} — {}\n", problem.line, problem.column, problem.words())
    };
    problems.list().iter().map(line).collect()
}

/// The kinds of rules that a text breaks.
fn broken(text: &str) -> Vec<&'static str> {
    let Ok(table) = DeTable::parse(text) else { return Vec::new() };
    let mut log = Log::default();
    let (cluster, _) = read(&mut log, table.get_ref());
    if log.found.is_empty() {
        cluster.mistakes().iter().map(|mistake| mistake.rule.kind()).collect()
    } else {
        Vec::new()
    }
}

#[test]
fn every_mistake_is_said_well() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes.txt");
    let written = fs::read_to_string(&file).unwrap();
    let (mut rules, mut others, mut wrong) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let opening = written.split("== ").next().unwrap_or_default().to_owned();
    let mut found = opening;
    for case in cases(&written) {
        let text = edited(&case.edit);
        let said = said(&text);
        let kinds = broken(&text);
        if said.is_empty() {
            wrong.push(format!("{}: nothing is said", case.title));
        } else if said != case.said {
            wrong.push(format!("{}\n  expected\n{}  found\n{said}", case.title, case.said));
        }
        if kinds.is_empty() {
            others.insert(case.title.clone());
        }
        rules.extend(kinds);
        found.push_str(&format!("== {}\n{}\n{said}\n", case.title, case.edit.trim()));
    }
    if std::env::var_os("UPDATE_MISTAKES").is_some() {
        fs::write(&file, format!("{}\n", found.trim_end())).unwrap();
    }
    let missing: Vec<&&str> = Rule::KINDS.iter().filter(|kind| !rules.contains(*kind)).collect();
    assert!(missing.is_empty(), "no case breaks these rules: {missing:?}");
    assert!(rules.len() >= 60 && others.len() >= 20, "{} rules, {} others", rules.len(), others.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
