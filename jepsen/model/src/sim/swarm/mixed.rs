//! Long histories of everything at once: groups of several LPARs, some of them mobile, resources inside nodes beside
//! them, links, services, rules, hooks, watchdogs, two HMCs, an arbiter; faults of all of these, interventions by
//! hand, changes of the file, maintenance and operators.
//!
//! The possible operations are a table, so that coverage can be checked: over the fixed seeds each operation of the table must
//! have been done, and each of the [effects](EFFECTS) must have occurred.

use super::{Dice, Kind, run, seeds};
use crate::sim::{Play, Sim};
use std::collections::BTreeMap;

const SITE: [&str; 24] = [
    "site servers=4 arbiters=1 hmcs=2",
    "group db on p1,p2,p3 lpars=db1,db2 priority=1",
    "group web on p2,p3,p1 lpars=web1 apps=httpd priority=2",
    "group mob on p1,p2,p3,p4 lpars=mob1 priority=3",
    "group vip on p3,p4,p1 apps=fs,ip priority=4",
    "group job on p4,p2 lpars=job1",
    "group net on p1,p2,p3,p4 apps=nic",
    "lpar db1 memory=8192",
    "lpar db2 memory=8192",
    "lpar web1 memory=8192 start_timeout=60s",
    "lpar mob1 memory=8192 mobile=yes migrate_timeout=60s",
    "lpar job1 memory=8192 stop_timeout=20s",
    "| [groups.net]",
    "| kind = \"parallel\"",
    "| [groups.vip.hooks]",
    "| preonline = { program = \"/opt/may-start\", timeout = \"10s\" }",
    "| [resources.httpd]",
    "| requires = [\"web1\"]",
    "| stop_timeout = \"10s\"",
    "| [resources.ip]",
    "| requires = [\"fs\"]",
    "| stop_timeout = \"5s\"",
    "| [resources.fs]",
    "| stop_timeout = \"5s\"",
];
/// Links between the groups, and other features of a site, one variant for each seed.
const TIES: [&[&str]; 4] = [
    &[
        "server p1 memory=16384",
        "server p2 memory=16384",
        "brakes flaps=2 quarantine=60s",
        "| [groups.web]",
        "| requires = [{ group = \"db\", online = \"global\", rigidity = \"firm\" }]",
        "| [groups.job]",
        "| requires = [{ group = \"web\", offline = \"local\" }]",
        "| [rules.spread]",
        "| apart = [\"db\", \"mob\"]",
        "| strict = true",
    ],
    &[
        "| [groups.web]",
        "| requires = [{ group = \"db\", online = \"local\" }]",
        "| [groups.vip]",
        "| requires = [{ group = \"web\", online = \"global\" }]",
        "| [services.shop]",
        "| tiers = [{ groups = [\"db\"] }, { groups = [\"web\"], link = \"firm\" }]",
        "| [rules.licensed]",
        "| groups = [\"vip\"]",
        "| not_on = [\"p4\"]",
        "| strict = true",
        "| [nodes.n3]",
        "| server = \"p3\"",
        "| lpar = \"node-p3\"",
        "| watchdog = \"30s\"",
    ],
    &[
        "| [groups.vip]",
        "| requires = [{ group = \"mob\", online = \"remote\" }]",
        "| [rules.near]",
        "| together = [\"web\", \"db\"]",
        "| [nodes.n1]",
        "| server = \"p1\"",
        "| lpar = \"node-p1\"",
        "| watchdog = \"60s\"",
        "| [nodes.n3]",
        "| server = \"p3\"",
        "| lpar = \"node-p3\"",
        "| watchdog = \"40s\"",
        "| [nodes.n4]",
        "| server = \"p4\"",
        "| lpar = \"node-p4\"",
        "| watchdog = \"60s\"",
    ],
    &[
        "brakes storm=2 storm_window=60s",
        "| [groups.web]",
        "| requires = [{ group = \"db\", online = \"local\", rigidity = \"hard\" }]",
        "| [services.shop]",
        "| tiers = [{ groups = [\"db\"] }, { groups = [\"web\"], link = \"restart\" }]",
        "| [groups.mob]",
        "| failback = \"at once\"",
        "| [rules.liked]",
        "| groups = [\"mob\"]",
        "| on = [\"p2\", \"p4\"]",
    ],
];

pub(super) const MIXED: Kind = Kind {
    test: "any_long_history_of_everything_is_safe_and_ends_well",
    site: &SITE,
    variants: &TIES,
    operation,
    mend: "mend all",
};

const NAMES: [(&str, &[&str]); 6] = [
    ("server", &["p1", "p2", "p3", "p4"]),
    ("node", &["n1", "n2", "n3", "n4", "n5"]),
    ("hmc", &["hmc1", "hmc2"]),
    ("lpar", &["db1", "db2", "web1", "mob1", "job1"]),
    ("app", &["httpd", "fs", "ip"]),
    ("group", &["db", "web", "mob", "vip", "job", "net"]),
];

/// Weight and text of each operation: `{server}` stands for one of the servers, `[a|b]` for one of these.
const ACTIONS: [(usize, &str); 71] = [
    // LPARs.
    (8, "crash {lpar}"),
    (3, "[hang|shutdown|wake] {lpar}"),
    (1, "hang {lpar}; run [150ms|2s|20s]; wake {lpar}"),
    (5, "move mob1 [fails|sticks|sticks|slow 30s]"),
    (2, "handstart {lpar} on {server}"),
    (5, "listed {lpar} [hidden|renamed|shown|shown] on {server}"),
    // Inside nodes.
    (4, "crash {app}"),
    (1, "crash nic@{server} on {server}"),
    (3, "[hang|wake] {app}"),
    (3, "[stick|unstick|spoil|deaf] {app} on {server}"),
    (4, "[handstart|handstop] {app} on {server}"),
    (4, "hook /opt/may-start [fails|hangs|works|works]"),
    // Servers.
    (4, "power {server} [trip|cut|checkstop|fail]"),
    (1, "power {server} cut; run [2s|20s]; power {server} restore"),
    (3, "power p1 trip; power p3 [trip|cut]"),
    (9, "power {server} [restore|restore|on|off|on|on]"),
    (1, "sp {server} [lose|restore]"),
    (2, "vmi {server} [lose|restore]"),
    (2, "list {server} [empty|truth]"),
    (1, "show {server} Recovery; list {server} off"),
    (1, "show {server} truth"),
    (2, "vios {server} {server}-vios1 [down|up]"),
    (2, "vios {server} {server}-vios1 down; run 6s; vios {server} {server}-vios1 up"),
    // HMCs.
    (2, "hmc {hmc} [down|up|up]"),
    (2, "hmc {hmc} down; run [2s|20s]; hmc {hmc} up"),
    (2, "hmc hmc1 down; hmc hmc2 down"),
    (3, "hmc {hmc} [slow 8s|slow 0s|stale 8s|stale 0s]"),
    (2, "hmc {hmc} loses [answers|commands] 1"),
    (2, "line {hmc} {server} [cut|mend]"),
    // Nodes.
    (3, "crash node-{server} on {server}"),
    (7, "handstart node-{server} on {server}"),
    (10, "[kill|start|start|start] {node}"),
    (6, "[pause|resume|resume] {node}"),
    (2, "[blind|unblind] {node}"),
    (2, "cut {node}"),
    (1, "cut {node},n5"),
    (6, "heal"),
    (3, "leader changes"),
    (4, "kill {node}; run [1ms|150ms|600ms|2s]; start {node}"),
    (2, "clock {node} ahead [120m|0s]; kill {node}; run 600ms; start {node}"),
    (2, "kill {node}; disk {node} lose"),
    (3, "disk {node} join"),
    (1, "kill {node}; disk {node} lose; run 6s; disk {node} join; start {node}"),
    (2, "kill {node}; disk {node} old [1|5|40]; start {node}"),
    // Operators.
    (4, "op group [online|offline|online] {group}"),
    (2, "op group [online|offline] {group} --propagate"),
    (4, "op group [freeze|freeze|unfreeze|clear] {group}"),
    (3, "op group switch {group} --to {server}"),
    (5, "op group migrate mob --to {server}"),
    (1, "op group abort mob"),
    (3, "op group [flush|enable|clear-admin-wait] {group}"),
    (1, "op resource restart {lpar}"),
    (3, "op resource [restart|online|offline] {app}"),
    (3, "op service [online|offline|online] shop"),
    (4, "op server [drain|undrain|undrain|freeze|unfreeze|release] {server}"),
    (1, "op server [shutdown|undrain] {server}"),
    (1, "op server undrain {server} --bring-back"),
    (2, "op cluster [disarm|arm|arm|resume]"),
    (5, "op fence confirm {server}"),
    (2, "op fence confirm-node {node}"),
    // The cluster file.
    (2, "op configure toml\n| [lpars.{lpar}]\n| enabled = [false|true]"),
    (1, "op configure toml\n| [resources.{app}]\n| enabled = [false|true]"),
    (2, "op configure toml\n| [groups.{group}]\n| managed = [false|true]"),
    (2, "op configure toml\n| [timings]\n| lease = \"[2s|3s|8s]\""),
    (2, "op configure toml\n| [timings]\n| settle = \"[8s|30s|60s]\""),
    (1, "op configure toml\n| [nodes.{node}]\n| watchdog = \"[45s|2m]\""),
    (3, "op configure drop [group {group}|lpar {lpar}|lpar {app}|node {node}]"),
    (3, "op configure drop [group {group}|lpar {lpar}|lpar {app}|node {node}] --strand"),
    (1, "op configure partition {lpar} {lpar}-other"),
    (1, "op configure replace {node} other-{node} other-{node}"),
    (6, "op configure whole"),
];

fn operation(dice: &mut Dice, _: &Sim) -> String {
    let mut at = dice.roll(ACTIONS.iter().map(|(often, _)| often).sum());
    let (_, template) =
        ACTIONS.iter().find(|(often, _)| at.checked_sub(*often).map(|left| at = left).is_none()).expect("an operation");
    let mut operation = (*template).to_owned();
    while let Some((head, choices, tail)) = choice(&operation) {
        operation = format!("{head}{}{tail}", dice.pick(&choices));
    }
    for (what, names) in NAMES {
        if operation.contains(&format!("{{{what}}}")) {
            operation = operation.replace(&format!("{{{what}}}"), dice.pick(names));
        }
    }
    operation
}

/// The first choice in an operation, with the text before and after it.
fn choice(operation: &str) -> Option<(&str, Vec<&str>, &str)> {
    operation.match_indices('[').find_map(|(open, _)| {
        let (inside, tail) = operation[open + 1..].split_once(']')?;
        inside.contains('|').then(|| (&operation[..open], inside.split('|').collect(), tail))
    })
}

/// All operations, with every choice.
fn everything() -> Vec<String> {
    let mut open: Vec<String> = ACTIONS.iter().map(|(_, operation)| (*operation).to_owned()).collect();
    let mut all = Vec::new();
    while let Some(operation) = open.pop() {
        match choice(&operation) {
            Some((head, choices, tail)) => open.extend(choices.iter().map(|choice| format!("{head}{choice}{tail}"))),
            None => all.extend(operation.split("; ").map(nameless)),
        }
    }
    all
}

/// An operation with its names replaced by their kinds.
fn nameless(operation: &str) -> String {
    let mut text = String::new();
    for part in operation.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let name = part.trim_end_matches(|c: char| !c.is_alphanumeric());
        match NAMES.iter().find(|(_, names)| names.contains(&name)) {
            Some((what, _)) => text.push_str(&format!("{{{what}}}{}", &part[name.len()..])),
            None => text.push_str(part),
        }
    }
    text
}

/// Effects that must occur: words of the log.
const EFFECTS: [&str; 38] = [
    "restart 1 of 2 in place",
    "faulted on",
    "is cleaned and started again",
    "adopted on",
    "HELD",
    "silent, its lease has ended",
    "heard again",
    "as surrogate",
    "no leader",
    "is proven off: powered off and read back",
    "is proven off: its LPAR cut off and read back",
    "is proven off: its LPAR read Off",
    "its watchdog resets it",
    "asserted by operator",
    "proof: every resource read Off",
    "dirty until what runs there was checked",
    "is clean and takes work again",
    "has migrated from",
    "not migrated to",
    "outcome unknown",
    "not done",
    "may still take effect",
    "can take effect any more",
    "did not agree",
    "on which it depends, is not online",
    "rule ",
    "MiB free",
    "is to be offline",
    "it is drained",
    "it is frozen",
    "the cluster is disarmed",
    "it goes back to",
    "quarantine",
    "STORM",
    "no manager answers",
    "reads No Connection",
    "not listed any more",
    "would strand",
];

/// Number of occurrences of each operation and effect.
#[derive(Default)]
struct Coverage(BTreeMap<String, usize>);

impl Coverage {
    /// All counts zero.
    fn new() -> Coverage {
        let operations = everything().into_iter().filter(|operation| !operation.starts_with("run "));
        Coverage(operations.chain(EFFECTS.map(|effect| format!("… {effect}"))).map(|what| (what, 0)).collect())
    }

    fn take(&mut self, play: &Play) {
        for (operation, lines) in play.done() {
            self.0.entry(nameless(operation)).and_modify(|count| *count += 1);
            for effect in EFFECTS {
                let times = lines.iter().filter(|line| line.text.contains(effect)).count();
                self.0.entry(format!("… {effect}")).and_modify(|count| *count += times);
            }
        }
    }
}

#[test]
fn any_long_history_of_everything_is_safe_and_ends_well() {
    let mut seen = Coverage::new();
    run(&MIXED, seeds("1-60"), |play| seen.take(play)).unwrap_or_else(|why| panic!("{why}"));
    seen.0.iter().for_each(|(what, count)| println!("{count:6} {}", what.replace('\n', " ")));
    if std::env::var_os("SWARM_SEEDS").is_none() {
        let never: Vec<&String> = seen.0.iter().filter(|(_, count)| **count == 0).map(|(what, _)| what).collect();
        assert!(never.is_empty(), "over all of these seeds, these never happened: {never:#?}");
    }
}
