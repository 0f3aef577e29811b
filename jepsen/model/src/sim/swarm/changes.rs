//! Long histories in which the cluster file changes while groups run: resources are disabled, dropped, changed and
//! declared again, nodes are replaced, times become shorter; processes are killed and return within a moment; and
//! operators do maintenance. These are kinds of their own, so that the histories of the others stay unchanged.

use super::{Dice, INSIDE, Kind, LPARS, inside, operation as lpars_deed, swarm};
use crate::sim::Sim;

/// Restarts, maintenance and changes of the file, mixed with the operations on LPARs.
pub(super) const CHANGED: Kind =
    Kind { test: "any_long_history_of_changes_is_safe_and_ends_well", operation: of_lpars, mend: "mend all", ..LPARS };

/// The same for resources inside nodes.
pub(super) const CHANGED_INSIDE: Kind = Kind {
    test: "any_long_history_of_changes_inside_nodes_is_safe_and_ends_well",
    operation: of_apps,
    mend: "mend all",
    ..INSIDE
};

fn of_lpars(dice: &mut Dice, sim: &Sim) -> String {
    if dice.roll(3) > 0 {
        return lpars_deed(dice, sim);
    }
    let group = dice.pick(&["db", "web", "app", "mob"]);
    let lpar = dice.pick(&["db1", "web1", "web2", "app1", "mob1"]);
    let server = dice.pick(&["p1", "p2", "p3"]);
    match dice.roll(8) {
        0 => format!("op configure toml\n| [lpars.{lpar}]\n| enabled = {}", dice.pick(&["false", "true"])),
        // There is no LPAR of that name.
        1 => format!("op configure partition {lpar} {lpar}-other{}", strand(dice)),
        2 => format!("op configure drop lpar {lpar}{}", strand(dice)),
        // A state in which an HMC knows nothing of its LPARs, and a false listing. `list off` alone would be a lie.
        3 => format!("show {server} Recovery; list {server} {}", dice.pick(&["empty", "off"])),
        4 => format!("list {server} truth; show {server} truth"),
        5 => format!("{} {server} {}", dice.pick(&["list", "vmi"]), dice.pick(&["empty", "lose", "restore"])),
        6 => format!("listed {lpar} {} on {server}", dice.pick(&["hidden", "renamed", "shown", "shown"])),
        _ => change(dice, group),
    }
}

fn of_apps(dice: &mut Dice, sim: &Sim) -> String {
    if dice.roll(3) > 0 {
        return inside::operation(dice, sim);
    }
    let group = dice.pick(&["web", "mix", "solo", "net"]);
    let app = dice.pick(&["ip", "httpd", "probe", "job"]);
    match dice.roll(6) {
        0 => format!("op configure toml\n| [resources.{app}]\n| enabled = {}", dice.pick(&["false", "true"])),
        1 => format!("op configure toml\n| [resources.{app}]\n| stop_timeout = \"{}\"", dice.pick(&["4s", "9s"])),
        2 => format!("op configure drop lpar {app}{}", strand(dice)),
        // A different resource under the same name.
        3 => format!(
            "op configure toml{}\n| [resources.{app}.attributes]\n| StartProgram = \"/opt/{}\"",
            strand(dice),
            dice.pick(&["a", "b"])
        ),
        _ => change(dice, group),
    }
}

fn strand(dice: &mut Dice) -> &'static str {
    dice.pick(&["", "", " --strand"])
}

fn change(dice: &mut Dice, group: &str) -> String {
    let server = dice.pick(&["p1", "p2", "p3"]);
    let node = dice.pick(&["n1", "n2", "n3"]);
    match dice.roll(20) {
        // A process that returns before it is missed.
        0..=3 => format!("kill {node}; run {}; start {node}", dice.pick(&["1ms", "30ms", "150ms", "600ms", "2s"])),
        4 => format!("op configure drop group {group}{}", strand(dice)),
        5 | 6 => "op configure whole".to_owned(),
        7 => format!("op configure toml\n| [timings]\n| lease = \"{}\"", dice.pick(&["2s", "3s", "8s"])),
        8 => format!("op configure toml\n| [timings]\n| settle = \"{}\"", dice.pick(&["8s", "30s", "60s"])),
        9 => format!("op configure mtms {server} 9009-42A*765432{}{}", &server[1..], strand(dice)),
        10 => format!("op configure drop node {node}{}", strand(dice)),
        11 => format!("op configure replace {node} other-{node} other-{node}{}", strand(dice)),
        12 => format!("op server {} {server}", dice.pick(&["drain", "undrain", "freeze", "unfreeze", "release"])),
        13 => format!("op cluster {}", dice.pick(&["disarm", "arm", "arm", "resume"])),
        14 => format!("op group {} {group}", dice.pick(&["flush", "enable", "clear-admin-wait"])),
        // A process reads its wall clock when it starts.
        15 => format!("clock {node} ahead {}; kill {node}; run 600ms; start {node}", dice.pick(&["120m", "0s"])),
        16 => format!("kill {node}; disk {node} lose"),
        17 => format!("disk {node} join"),
        18 => format!("kill {node}; disk {node} old {}; start {node}", dice.pick(&["1", "5", "40"])),
        _ => format!("op configure toml\n| [groups.{group}]\n| managed = {}", dice.pick(&["false", "true"])),
    }
}

#[test]
fn any_long_history_of_changes_is_safe_and_ends_well() {
    swarm(&CHANGED, "1-25");
}

#[test]
fn any_long_history_of_changes_inside_nodes_is_safe_and_ends_well() {
    swarm(&CHANGED_INSIDE, "1-25");
}
