//! Every short history of a tiny world: no history of the core breaks a promise, and each planted bug is found.
//!
//! `EXPLORE=late,power` restricts the scopes, `MUTANT=lease-ignored` the planted bugs, `DEEPER=1` makes histories
//! longer. The output is the content of `jepsen/model/mutants.md`.

use std::sync::Mutex;
use tenure_model::explore::{Explored, Mutant, Scope, explore, scopes, unsafe_scopes};

fn wanted(variable: &str, name: &str) -> bool {
    std::env::var(variable).map_or(true, |names| names.split(',').any(|wanted| wanted == name))
}

fn scope(name: &str) -> Scope {
    let Some(scope) = scopes().into_iter().find(|scope| scope.name == name) else { panic!("there is no scope {name}") };
    scope
}

/// Runs searches in parallel, one per processor, and returns their results in order.
fn search(jobs: Vec<(Scope, Option<Mutant>)>) -> Vec<Explored> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len().max(1));
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let results = Mutex::new(Vec::new());
    std::thread::scope(|threads_of| {
        for _ in 0..threads {
            threads_of.spawn(|| {
                loop {
                    let Some((place, (scope, mutant))) = queue.lock().unwrap().next() else { return };
                    let explored = explore(&scope, mutant);
                    println!("{explored}");
                    results.lock().unwrap().push((place, explored));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, explored)| explored).collect()
}

/// Whether the row of this bug in the list has its scope, its check, and its number of steps.
fn is_listed(mutant: Mutant, steps: usize) -> bool {
    let list = include_str!("../mutants.md");
    let row = list.lines().find(|line| line.starts_with(&format!("| `{mutant}` |")));
    row.is_some_and(|row| row.ends_with(&format!("| {} | {} | {steps} |", mutant.scope(), mutant.caught_by())))
}

#[test]
fn no_short_history_breaks_a_promise() {
    let deeper: usize = std::env::var("DEEPER").map_or(0, |steps| steps.parse().unwrap());
    let scopes = scopes().into_iter().filter(|scope| wanted("EXPLORE", scope.name));
    let jobs = scopes.map(|scope| (Scope { depth: scope.depth + deeper, ..scope }, None)).collect();
    let found = search(jobs).into_iter().filter_map(|explored| Some((explored.scope.name, explored.found?)));
    let found: Vec<String> = found.map(|(scope, found)| format!("scope {scope}:\n{}", found.text)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn each_planted_bug_is_found() {
    let mutants = Mutant::ALL.into_iter().filter(|mutant| wanted("MUTANT", mutant.name()));
    let jobs = mutants.map(|mutant| (scope(mutant.scope()), Some(mutant))).collect();
    let mut missed = Vec::new();
    for explored in search(jobs) {
        let Some(mutant) = explored.mutant else { continue };
        match explored.found {
            Some(found) if found.wrong.iter().any(|what| what.starts_with(mutant.caught_by())) => {
                let steps = found.actions.len();
                println!("{mutant}: {steps} steps\n{}", found.text);
                if !is_listed(mutant, steps) {
                    missed.push(format!("mutants.md does not say: {mutant}, {}, {steps}", mutant.caught_by()));
                }
            }
            Some(found) => missed.push(format!("{mutant} is caught by another check:\n{}", found.text)),
            None => missed.push(format!("{mutant} is not found")),
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn each_assumption_is_needed() {
    let (names, jobs): (Vec<_>, Vec<_>) =
        unsafe_scopes().into_iter().map(|(name, scope)| (name, (scope, None))).unzip();
    for (name, explored) in names.into_iter().zip(search(jobs)) {
        let Some(found) = explored.found else { panic!("without {name} every promise is kept") };
        println!("without {name}: {} steps\n{}", found.actions.len(), found.text);
        let caught = |what: &String| ["S2", "S3", "bar"].iter().any(|check| what.starts_with(check));
        assert!(found.wrong.iter().any(caught), "without {name}: {:?}", found.wrong);
    }
}
