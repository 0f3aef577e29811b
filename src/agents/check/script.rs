//! Checks resources of script agents: that the entry points exist and can be run, and that attributes and arglist
//! agree.

use super::{
    super::{machine::Machine, script::Script},
    Finding, Item, meant, names_in,
};
use std::{os::unix::fs::PermissionsExt as _, path::Path};
use tenure_core::config::Operations;

/// Entry points that a type may have; those that it must have depend on the operations of the resource.
const OPTIONAL: [&str; 6] = ["clean", "action", "info", "open", "close", "attr_changed"];

pub(super) async fn check(machine: &Machine, item: &Item, agent: &Script) -> Vec<Finding> {
    let folder = match agent.folder(&machine.settings.scripts) {
        Ok(folder) => folder,
        Err(why) => {
            let mut known = Vec::new();
            for place in &machine.settings.scripts {
                known.extend(names_in(place).await);
            }
            let help = meant(&agent.kind, known.iter().map(String::as_str), "put a directory of this name there");
            return vec![item.error(None, why, help)];
        }
    };
    let mut findings = Vec::new();
    let needed: &[&str] = match item.spec.operations {
        Operations::OnOff => &["monitor", "online", "offline"],
        Operations::OnOnly => &["monitor", "online"],
        Operations::None => &["monitor"],
    };
    for entry in needed {
        match is_program(&folder.join(entry)).await {
            Some(true) => {}
            Some(false) => findings.push(no_program(item, &folder, entry)),
            None => {
                let what = format!("the type {} has no {entry}", agent.kind);
                findings.push(item.error(None, what, format!("write {}", folder.join(entry).display())));
            }
        }
    }
    for entry in OPTIONAL {
        if is_program(&folder.join(entry)).await == Some(false) {
            findings.push(no_program(item, &folder, entry));
        }
    }
    match Script::arglist(&folder) {
        Err(why) => findings.push(item.error(None, why, "one name of an attribute on each line")),
        Ok(list) => {
            for (name, _) in list.names.iter().filter(|(name, _)| !item.spec.attributes.contains_key(name)) {
                let what =
                    format!("{name} is in the arglist of {} and not given: its scripts get it empty", agent.kind);
                findings.push(item.warning(Some(name), what, "give it a value, if the scripts need one"));
            }
            let known = |name: &&String| !list.names.iter().any(|(known, _)| known == *name);
            for name in item.spec.attributes.keys().filter(known) {
                let what = format!("{name} is not in the arglist of {}: its scripts do not get it", agent.kind);
                let names = list.names.iter().map(|(known, _)| known.as_str());
                findings.push(item.warning(Some(name), what, meant(name, names, "put it into the file arglist")));
            }
        }
    }
    findings
}

fn no_program(item: &Item, folder: &Path, entry: &str) -> Finding {
    let path = folder.join(entry);
    item.error(None, format!("{} cannot be run", path.display()), format!("chmod 755 {}", path.display()))
}

/// Whether a file can be run; `None` if it does not exist.
async fn is_program(path: &Path) -> Option<bool> {
    let file = tokio::fs::metadata(path).await.ok()?;
    Some(file.is_file() && file.permissions().mode() & 0o111 != 0)
}
