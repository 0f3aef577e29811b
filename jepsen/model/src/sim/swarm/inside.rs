//! Long histories of resources inside nodes: with and without watchdogs, beside LPARs, and in instances of a parallel
//! group.

use super::{Dice, Kind, kept, swarm};
use crate::sim::Sim;
use crate::world::{Guest, Power};
use tenure_core::Time;

const SITE: [&str; 15] = [
    "site servers=3 hmcs=2",
    "group web on p1,p2,p3 apps=ip,httpd priority=1",
    "group mix on p2,p1 lpars=mix1 apps=probe priority=2",
    "group solo on p3,p2 apps=job priority=3",
    "group net on p1,p2,p3 apps=nic",
    "| [groups.net]",
    "| kind = \"parallel\"",
    "| [resources.httpd]",
    "| requires = [\"ip\"]",
    "| stop_timeout = \"5s\"",
    "| [resources.ip]",
    "| stop_timeout = \"5s\"",
    "| [resources.probe]",
    "| requires = [\"mix1\"]",
    "| stop_timeout = \"10s\"",
];
/// No watchdogs; one on every node and only one HMC, so that they are needed; one on a single node.
const WATCHDOGS: [&[&str]; 3] = [
    &[],
    &[
        "site hmcs=1",
        "| [resources.job]",
        "| stop_timeout = \"15s\"",
        "| [nodes.n1]",
        "| server = \"p1\"",
        "| lpar = \"node-p1\"",
        "| watchdog = \"30s\"",
        "| [nodes.n2]",
        "| server = \"p2\"",
        "| lpar = \"node-p2\"",
        "| watchdog = \"40s\"",
        "| [nodes.n3]",
        "| server = \"p3\"",
        "| lpar = \"node-p3\"",
        "| watchdog = \"60s\"",
    ],
    &[
        "| [resources.job]",
        "| stop_timeout = \"15s\"",
        "| [nodes.n3]",
        "| server = \"p3\"",
        "| lpar = \"node-p3\"",
        "| watchdog = \"30s\"",
    ],
];
const SERVERS: [&str; 3] = ["p1", "p2", "p3"];
const APPS: [&str; 4] = ["ip", "httpd", "probe", "job"];

pub(super) const INSIDE: Kind = Kind {
    test: "any_long_history_inside_nodes_is_safe_and_ends_well",
    site: &SITE,
    variants: &WATCHDOGS,
    operation,
    mend: "mend hands",
};

/// State of the LPAR of the node on a server.
fn guest(sim: &Sim, server: &str) -> Option<Guest> {
    let lpar = sim.world().lpar(&format!("node-{server}"))?;
    Some(sim.world().guest(sim.world().server(server)?, lpar))
}

pub(super) fn operation(dice: &mut Dice, sim: &Sim) -> String {
    let server = dice.pick(&SERVERS);
    let node = dice.pick(&["n1", "n2", "n3"]);
    let group = dice.pick(&["web", "mix", "solo", "net"]);
    let app = dice.pick(&APPS);
    let hmc = dice.pick(&["hmc1", "hmc2"]);
    // A single HMC is down for most of the history, or nobody would wait for a watchdog.
    if sim.ledger().config.managers.len() == 1 && sim.now() > Time(30_000) && dice.roll(6) == 0 {
        return if dice.roll(3) == 0 { "hmc hmc1 down".to_owned() } else { format!("stick {app}") };
    }
    match dice.roll(40) {
        0 | 1 => format!("crash {app}"),
        2 => "crash mix1".to_owned(),
        3 => format!("crash nic@{server} on {server}"),
        4 => format!("{} {app}", dice.pick(&["hang", "wake", "wake"])),
        5 => format!("{} {app} on {server}", dice.pick(&["stick", "stick", "unstick"])),
        6 => format!("{} {app} on {server}", dice.pick(&["spoil", "deaf"])),
        7 => format!("{} {app} on {server}", dice.pick(&["handstart", "handstop", "handstop"])),
        8..=10 => format!("crash node-{server} on {server}"),
        11..=14 => format!("handstart node-{server} on {server}"),
        15..=18 => format!("{} {node}", dice.pick(&["kill", "start", "start"])),
        19 | 20 => format!("{} {node}", dice.pick(&["pause", "resume", "resume"])),
        21 | 22 => format!("cut {node}"),
        23 | 24 => "heal".to_owned(),
        25 => format!("power {server} {}", dice.pick(&["trip", "cut", "off"])),
        26 => format!("power {server} {}", dice.pick(&["restore", "on"])),
        27 => format!("hmc {hmc} {}", dice.pick(&["down", "up", "slow 8s", "slow 0s"])),
        28 => format!("hmc {hmc} loses {} 1", dice.pick(&["answers", "commands"])),
        29 => format!("line {hmc} {server} {}", dice.pick(&["cut", "mend"])),
        30 => format!("{} {node}", dice.pick(&["blind", "unblind"])),
        31 => "leader changes".to_owned(),
        32 => format!("op group {} {group}", dice.pick(&["online", "offline", "freeze", "unfreeze", "clear"])),
        33 => format!("op group switch {group} --to {server}"),
        // Earlier statements of a node about its watchdog become void.
        35 => format!("op configure toml\n| [nodes.{node}]\n| watchdog = \"{}\"", dice.pick(&["45s", "2m"])),
        36 => format!("op group online {group}"),
        37 => format!("stick {app}"),
        38 => format!("hmc {hmc} down"),
        // The operator's statement is true, or is not made.
        34 if guest(sim, server) == Some(Guest::Off) => format!("op fence confirm-node n{}", &server[1..]),
        _ => match sim.world().server(server).map(|id| sim.world().power(id)) {
            Some(Power::Dead | Power::Off) => format!("op fence confirm {server}"),
            _ => format!("op resource restart {app}"),
        },
    }
}

#[test]
fn any_long_history_inside_nodes_is_safe_and_ends_well() {
    swarm(&INSIDE, "1-70");
}

/// Causes: a server was powered off after its return; a start that ended with its node counted as the resource's
/// failure.
#[test]
fn histories_inside_nodes_that_were_stuck_end_well() {
    kept(&INSIDE, &[4902]);
}
