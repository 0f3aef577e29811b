//! Every short history of a tiny world: none of the core's breaks a promise, and each planted bug is found.
//!
//! `EXPLORE=late,power` narrows the scopes, `MUTANT=lease-ignored` the planted bugs.

use tenure_jepsen::explore::{Mutant, explore, scopes};

fn wanted(variable: &str, name: &str) -> bool {
    std::env::var(variable).map_or(true, |names| names.split(',').any(|wanted| wanted == name))
}

#[test]
fn no_short_history_breaks_a_promise() {
    for scope in scopes().iter().filter(|scope| wanted("EXPLORE", scope.name)) {
        let explored = explore(scope, None);
        println!("{explored}");
        if let Some(found) = explored.found {
            panic!("scope {}:\n{}", scope.name, found.text);
        }
    }
}

#[test]
fn each_planted_bug_is_found() {
    let mut missed = Vec::new();
    for mutant in Mutant::ALL.into_iter().filter(|mutant| wanted("MUTANT", mutant.name())) {
        let mut best: Option<(String, usize)> = None;
        for scope in scopes().iter().filter(|scope| wanted("EXPLORE", scope.name)) {
            let explored = explore(scope, Some(mutant));
            println!("{explored}");
            if let Some(found) = explored.found {
                println!("{}", found.text);
                best = Some((found.wrong.join("; "), found.actions.len()));
                break;
            }
        }
        if best.is_none() {
            missed.push(mutant.name());
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}
