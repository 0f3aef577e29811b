//! Each planted bug is found by its scenario, in which two nodes then run the same resource, or might. Without the bug the same
//! scenario passes (`tests/scenarios.rs`).
//!
//! `BUG=FenceNotReadBack cargo test -p tenure-model --test planted -- --nocapture` shows how one is found.

use std::{fs, path::Path};
use tenure_model::sim::{Bug, Options, Script, Sim, Site};

/// Runs a scenario; returns the faults found, and the log.
fn run(file: &str, bug: Option<Bug>) -> (Vec<String>, Vec<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios").join(file);
    let text = fs::read_to_string(&path).expect("a scenario");
    let script = Script::parse(&text).expect("a scenario");
    let mut site = Site::default();
    script.site.iter().for_each(|line| assert!(site.declare(line).expect("a declaration")));
    let mut sim = Sim::new(&site, Options { bug, ..Options::default() }).expect("a site");
    let mut wrong = Vec::new();
    let mut log = Vec::new();
    for operation in script.operations {
        sim.act(&operation).expect("an operation");
        log.push(operation);
        log.extend(sim.take_lines().into_iter().map(|line| format!("  {} {}", line.at.0, line.text)));
        wrong.extend(sim.take_wrong());
    }
    (wrong, log)
}

#[test]
fn each_planted_bug_is_found_by_its_scenario() {
    let only = std::env::var("BUG").unwrap_or_default();
    for (bug, file) in Bug::ALL.into_iter().filter(|(bug, _)| format!("{bug:?}").contains(&only)) {
        let (wrong, log) = run(file, Some(bug));
        let broken = ["runs inside", "is active on", "has a lease that has ended"];
        let found = wrong.iter().find(|what| broken.iter().any(|of| what.contains(of)));
        assert!(found.is_some(), "{bug:?} is not found by {file}: {wrong:?}\n{}", log.join("\n"));
        println!("{bug:?}: {file}: {}", found.cloned().unwrap_or_default());
        if !only.is_empty() {
            println!("{}", log.join("\n"));
        }
        assert_eq!(run(file, None).0, Vec::<String>::new(), "{file} without a bug");
    }
}
