//! Checks resources of the built-in agents: their attributes.

use super::{
    super::builtin::{Builtin, split},
    Finding, Item,
};

pub(super) fn check(item: &Item, agent: Builtin) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in item.spec.attributes.keys().filter(|name| !agent.attributes().contains(&name.as_str())) {
        findings.push(item.unknown(name, agent.attributes().iter().copied()));
    }
    for name in agent.required().iter().filter(|name| item.spec.attribute(name).is_none()) {
        let what = format!("{} needs the attribute {name}", agent.name());
        findings.push(item.error(Some(name), what, format!("say its {name}")));
    }
    if agent == Builtin::Application {
        let watched = ["MonitorProgram", "PidFiles", "MonitorProcesses"];
        if watched.iter().all(|name| item.spec.attribute(name).is_none()) {
            let what = "nothing says whether it runs".to_owned();
            findings.push(item.error(None, what, format!("give it one of {}", watched.join(", "))));
        }
    }
    for name in ["StartProgram", "StopProgram", "CleanProgram", "MonitorProgram", "Arguments"] {
        let line = item.spec.attribute(name).filter(|_| agent.attributes().contains(&name));
        if let Some(Err(why)) = line.map(split) {
            findings.push(item.error(Some(name), why, "no shell reads it: quotes only keep words together"));
        }
    }
    findings
}
