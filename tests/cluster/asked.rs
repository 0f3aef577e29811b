//! Looks at a state that cannot be known are bounded in rate: a resource whose agent has no answer, next to fifteen
//! healthy ones, causes no endless looks at them nor endless commands to the HMC.

use super::restart::{options, settled};
use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant},
};
use tenure_jepsen::lab::Site;

/// Number of healthy resources.
const WELL: usize = 15;
/// Time for which looks are counted.
const COUNTED: Duration = Duration::from_secs(10);
/// Limit of looks in that time: two per second while the question is new. Without a bound there were eighty to two
/// hundred and twenty.
const HANDFUL: usize = 20;
/// Limit of commands to the HMC in that time: a reading takes two, and each of two servers is read twice in a second.
/// Without a bound there were twenty readings in a second.
const COMMANDS: u64 = 80;

/// Writes two types of script agents that log every look: one that is always well, one that never knows.
fn write_agents(agents: &Path) {
    for (kind, code) in [("Calm", 110), ("Moody", 99)] {
        let folder = agents.join(kind);
        fs::create_dir_all(&folder).expect("a directory");
        let monitor = format!("echo >> '{}'\nexit {code}", agents.join(format!("{kind}.looks")).display());
        for (name, text) in [("online", "exit 0"), ("offline", "exit 0"), ("monitor", &monitor)] {
            fs::write(folder.join(name), format!("#!/bin/sh\n{text}\n")).expect("a file");
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).expect("its mode");
        }
    }
}

fn looks(agents: &Path, kind: &str) -> usize {
    fs::read_to_string(agents.join(format!("{kind}.looks"))).unwrap_or_default().lines().count()
}

fn resource(group: &str, kind: &str) -> String {
    format!(
        "\n[groups.{group}]\nservers = [\"p1\"]\n\n[resources.{group}-thing]\ngroup = \"{group}\"\ntype = \"script:{kind}\"\n"
    )
}

/// Counts looks at the healthy resources, looks at the other one, and commands to the HMC.
async fn count(site: &Site, agents: &Path) -> (usize, usize, u64) {
    let now = || (looks(agents, "Calm"), looks(agents, "Moody"), site.asked());
    let (began, before) = (Instant::now(), now());
    site.until("time passes", COUNTED * 2, async || began.elapsed() >= COUNTED).await.expect("it passes");
    let after = now();
    (after.0 - before.0, after.1 - before.1, after.2 - before.2)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_known_is_not_asked_for_over_and_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let agents = directory.path().join("agents");
    write_agents(&agents);
    let options = options(directory.path(), 2, env!("CARGO_BIN_EXE_tenured").into());
    let mut site = Site::prepare(options).await.expect("a site");
    for name in site.names() {
        let config = directory.path().join(format!("{name}.toml"));
        let mut config = fs::OpenOptions::new().append(true).open(config).expect("a file");
        // The last table of the file is `[agents]`.
        writeln!(config, "scripts = \"{}\"", agents.display()).expect("written");
    }
    site.form(&mut |_| {}).await.expect("a cluster");
    for number in 1..=WELL {
        site.cluster_file += &resource(&format!("calm{number}"), "Calm");
    }
    site.declare().await.expect("declared");
    settled(&site, "everything is online").await;
    let at_rest = count(&site, &agents).await;
    println!("in {COUNTED:?} at rest: {at_rest:?} looks at what is well, at what is not, and commands at the HMC");
    assert!(at_rest.0 >= WELL, "what is well is looked at");

    site.cluster_file += &resource("mood", "Moody");
    site.declare().await.expect("declared");
    site.until("it is looked at", COUNTED, async || looks(&agents, "Moody") > 0).await.expect("looked at");
    let (well, ill, asked) = count(&site, &agents).await;
    println!("in {COUNTED:?} beside one that nobody knows: {:?}", (well, ill, asked));
    assert!(ill >= 1, "it is still looked at");
    assert!(ill <= HANDFUL, "{ill} looks at it");
    assert!(well <= HANDFUL * WELL, "{well} looks at the {WELL} that are well");
    assert!(asked <= COMMANDS, "the HMC was asked {asked} times, and {} times at rest", at_rest.2);
    site.stop().await;
}
